package workflows_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// newScaled is a rehearsal of a load of a minute and an autoscaler, which is
// sampled as told.
func newScaled(t *testing.T, sample func(context.Context, activities.SampleScalingInput) (activities.SampleScalingOutput, error)) *practice {
	var a *activities.Activities
	p := newPractice(t)
	p.m.Drills = nil
	p.m.Scaling = &scaling.Expect{Replicas: scaling.Range{Min: 1, Max: 6}, UpWithin: rollout.Duration(10 * time.Second), DownWithin: rollout.Duration(30 * time.Second)}
	p.env.OnActivity(a.SampleScaling, mock.Anything, mock.Anything).Return(sample)
	return p
}

// some is what was sampled before it ended.
func some() activities.SampleScalingOutput {
	ready := 2.0
	return activities.SampleScalingOutput{Samples: []scaling.Sample{{Ready: &ready}}, Unread: map[string]string{"queue": "no series is selected"}}
}

func TestScalingIsSampledUntilTheWayDownIsOver(t *testing.T) {
	var in activities.SampleScalingInput
	p := newScaled(t, func(_ context.Context, asked activities.SampleScalingInput) (activities.SampleScalingOutput, error) {
		in = asked
		return some(), nil
	})
	p.run()
	require.Equal(t, 95*time.Second, in.Until.Sub(p.facts.Zero), "the load, the way down, and a moment")
	require.Equal(t, []string{"http://127.0.0.1:1"}, in.Expect.Endpoints, "where the load goes")
	require.Equal(t, some(), p.facts.Scaling)
	require.Empty(t, p.facts.ScalingError)
}

// TestScalingIsStopped: what was sampled before a stop is kept. The environment
// would end what is cancelled by itself, so here the act says that it was.
func TestScalingIsStopped(t *testing.T) {
	p := newScaled(t, func(context.Context, activities.SampleScalingInput) (activities.SampleScalingOutput, error) {
		return activities.SampleScalingOutput{}, temporal.NewCanceledError(some())
	})
	p.run()
	require.Equal(t, some(), p.facts.Scaling)
	require.Equal(t, "the rehearsal was stopped", p.facts.ScalingError)
}

func TestScalingThatCannotBeSampled(t *testing.T) {
	p := newScaled(t, func(context.Context, activities.SampleScalingInput) (activities.SampleScalingOutput, error) {
		return activities.SampleScalingOutput{}, temporal.NewNonRetryableApplicationError("unknown metrics driver \"scrape\": final", "Final", nil)
	})
	p.run()
	require.Empty(t, p.facts.Scaling.Samples)
	require.Equal(t, "unknown metrics driver \"scrape\"", p.facts.ScalingError)
}

// Signals of the service are read beside everything else, and what becomes of one that
// cannot be is known. That they are read until the end is for a real server to show.
func TestSignalsOfTheServiceAreRead(t *testing.T) {
	var a *activities.Activities
	p := newPractice(t)
	p.m.Signals = []rehearsal.Signal{{Name: "used", Signal: scaling.Signal{Gauge: "used"}}, {Name: "no", Signal: scaling.Signal{Query: "no"}}}
	var read []activities.SampleSignalInput
	p.env.OnActivity(a.SampleSignal, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.SampleSignalInput) (activities.SampleSignalOutput, error) {
		p.note(func() { read = append(read, in) })
		out := activities.SampleSignalOutput{Signal: in.Signal.Name}
		if in.Signal.Name == "no" {
			return out, temporal.NewNonRetryableApplicationError("scrape cannot evaluate queries", "Final", nil)
		}
		return out, nil
	})
	p.run()
	require.Len(t, p.orders, 2, "both drills were made")
	require.Len(t, read, 2)
	require.Equal(t, rollout.Duration(time.Second), read[0].Signal.Poll, "every default is written out")
	require.Equal(t, 2*time.Hour, read[0].Until.Sub(p.facts.Zero), "at the latest")
	require.ElementsMatch(t, []activities.SampleSignalOutput{{Signal: "used"}, {Signal: "no", Error: "scrape cannot evaluate queries"}}, p.facts.Signals)
}

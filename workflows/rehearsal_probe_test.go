package workflows_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// guarded is a practice with a fault of the middle of its load, and a probe whose
// answers are played.
func guarded(t *testing.T, probe rehearsal.Probe, answer func(context.Context, activities.ProbeInput) (activities.ProbeOutput, error)) *practice {
	p := newPractice(t)
	p.m.Faults = []fault.Fault{{Name: "slow", At: rollout.Duration(10 * time.Second), For: rollout.Duration(30 * time.Second), Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: 1e6}}}
	probe.Name, probe.URL = "alive", "http://127.0.0.1:1/"
	p.m.Probes = []rehearsal.Probe{probe}
	var a *activities.Activities
	p.env.OnActivity(a.Probe, mock.Anything, mock.Anything).Return(func(ctx context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		p.note(func() { p.ended = append(p.ended, "probe "+in.When) })
		return answer(ctx, in)
	}).Maybe()
	return p
}

// unwell are so many bad answers one after another, from a moment on.
func unwell(in activities.ProbeInput) activities.ProbeOutput {
	a := rehearsal.Answers{Probe: evidence.Probe{Name: in.Probe.Name, When: in.When}}
	for i := range in.Probe.Failures {
		at := in.During[0].From.Add(time.Duration(i) * time.Second)
		a.Take(in.During[0].From, at, at, "status 503")
	}
	return activities.ProbeOutput{Answers: a, Unhealthy: in.UntilBad}
}

// well is one good answer.
func well(in activities.ProbeInput) activities.ProbeOutput {
	a := rehearsal.Answers{Probe: evidence.Probe{Name: in.Probe.Name, When: in.When}}
	a.Take(in.During[0].From, in.During[0].From, in.During[0].From, "")
	return activities.ProbeOutput{Answers: a}
}

// The service is not well any more: load and faults end at once, the rollout goes
// back, and nobody is said to have stopped it.
func TestRehearsalIsHalted(t *testing.T) {
	began := make(chan struct{})
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeContinuous}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		<-began
		return unwell(in), nil
	})
	aborted := false
	p.play = func(ctx workflow.Context, _ rollout.Order) (rollout.Status, error) {
		close(began)
		if workflow.Sleep(ctx, time.Hour) != nil {
			p.note(func() { aborted = true })
		}
		return rollout.Status{Outcome: rollout.Aborted}, nil
	}
	p.run()
	require.True(t, aborted, "the rollout is told to go back")
	require.Len(t, p.orders, 1)
	require.NotNil(t, p.facts.Halted)
	require.Equal(t, "alive", p.facts.Halted.Probe)
	require.Equal(t, 3, p.facts.Halted.Answers)
	require.False(t, p.facts.Halted.Before)
	require.Equal(t, p.facts.Zero.Add(10*time.Second).UTC(), p.facts.Halted.FailedAt.UTC())
	require.Empty(t, p.facts.Aborted, "nobody stopped it")
	require.Empty(t, p.facts.Broken, "and it could go on")
	require.Equal(t, 2, p.sweeps, "faults are removed at once, and looked for in the end")
	require.Equal(t, "while faults are in force", p.facts.Probes[0].When)
	require.Equal(t, "halted by alive: status 503", p.facts.Drills[0].Repeats[0].Reason)
}

// A service that is not well before is left alone.
func TestRehearsalOfWhoIsNotWell(t *testing.T) {
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeEdge}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		return unwell(in), nil
	})
	p.run()
	require.Empty(t, p.orders)
	require.Equal(t, []string{"probe before"}, p.ended, "nothing was sent, no fault was made")
	require.True(t, p.facts.Halted.Before)
	require.True(t, p.facts.Zero.IsZero())
}

// A probe that records has no say.
func TestProbeThatRecords(t *testing.T) {
	for _, mode := range []string{rehearsal.ProbeBefore, rehearsal.ProbeEdge, rehearsal.ProbeContinuous} {
		t.Run(mode, func(t *testing.T) {
			p := guarded(t, rehearsal.Probe{Mode: mode, OnFailure: rehearsal.OnFailureRecord}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
				return unwell(in), nil
			})
			p.run()
			require.Len(t, p.orders, 2, "every drill is made")
			require.Nil(t, p.facts.Halted)
			require.Empty(t, p.facts.Aborted+p.facts.Broken)
			require.NotEmpty(t, p.facts.Probes)
		})
	}
}

// After a fault it is asked once more, until there is a good answer.
func TestProbeAfterAFault(t *testing.T) {
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeEdge}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		if in.When == rehearsal.WhenAfter("slow") {
			require.False(t, in.UntilBad)
			return unwell(in), nil
		}
		return well(in), nil
	})
	p.run()
	require.Nil(t, p.facts.Halted, "there is nothing to halt any more")
	require.Equal(t, "probe before", p.ended[0])
	require.Contains(t, p.ended, "probe after slow")
	require.Len(t, p.facts.Probes, 2)
	require.Equal(t, 3, p.facts.Probes[1].Failed)
}

// Where nobody can ask, nobody knows whether the service is well: it does not begin,
// or does not go on.
func TestProbeThatCannotBeAsked(t *testing.T) {
	for mode, when := range map[string]string{rehearsal.ProbeBefore: "before", rehearsal.ProbeContinuous: "while faults are in force"} {
		t.Run(mode, func(t *testing.T) {
			p := guarded(t, rehearsal.Probe{Mode: mode}, func(context.Context, activities.ProbeInput) (activities.ProbeOutput, error) {
				return activities.ProbeOutput{}, temporal.NewNonRetryableApplicationError("not here", "Final", errors.New("no"))
			})
			p.run()
			require.Contains(t, p.facts.Broken, "alive could not be asked "+when+": not here")
			require.Nil(t, p.facts.Halted)
			require.Contains(t, p.facts.Probes[0].Error, "not here")
			require.Zero(t, p.facts.Probes[0].Asked)
		})
	}
}

// One that is asked all along does not keep the practice from its end.
func TestProbeThatIsAlwaysAsked(t *testing.T) {
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeContinuous, Always: true}, func(ctx context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		<-ctx.Done()
		return well(in), nil
	})
	s := p.run()
	require.Equal(t, evidence.Passed, s.Outcome)
	require.Equal(t, 2, s.Drills)
	require.Len(t, p.facts.Probes, 1)
	require.Empty(t, p.facts.Aborted+p.facts.Broken)
}

// Metrics that say nothing before do not say that the service is well.
func TestProbeThatNobodyAnswers(t *testing.T) {
	p := guarded(t, rehearsal.Probe{Mode: rehearsal.ProbeBefore}, func(_ context.Context, in activities.ProbeInput) (activities.ProbeOutput, error) {
		return activities.ProbeOutput{Answers: rehearsal.Answers{Probe: evidence.Probe{Name: "alive", When: in.When, Unread: "no such series"}}}, nil
	})
	p.run()
	require.Equal(t, "alive did not say whether the service is well: no such series", p.facts.Broken)
	require.Empty(t, p.orders)
	require.Equal(t, []string{"probe before"}, p.ended)
}

package workflows_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// drop takes an order out of the queue after some time, and keeps its answer under
// its id.
func (s *above) drop(after time.Duration, id, order string) {
	s.env.RegisterDelayedCallback(func() {
		s.env.UpdateWorkflow(rollout.CommandDrop, fmt.Sprintf("drop/%s/%s", id, after), &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { require.NoError(s.t, err) },
			OnComplete: func(result any, err error) {
				require.NoError(s.t, err)
				s.said[id] = result.(rollout.Answer)
			},
		}, rollout.Command{ID: id, Actor: "cy", Reason: "needs 2.5.0 first", Order: order})
	}, after)
}

// submitAs gives an order with an id of its own.
func (s *above) submitAs(after time.Duration, id, version string) {
	one := orderOf(version, rollout.OnNewQueue)
	one.Order.ID = id
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, one) }, after)
}

// One order of a queue is dropped, whichever way it is named; what runs goes on, and
// so does the rest of the queue. What does not wait is not touched.
func TestOneOrderIsDropped(t *testing.T) {
	const minute = time.Minute
	for name, tt := range map[string]struct {
		story  func(*above)
		answer string
		why    string
		begun  []string
	}{
		"by its id": {func(s *above) { s.drop(2*minute, "d", "b") },
			rollout.Accepted, "2.6.0, order b, is out of the queue: 1 left", []string{"2.5.0", "2.7.0"}},
		"by its version": {func(s *above) { s.drop(2*minute, "d", "2.7.0") },
			rollout.Accepted, "2.7.0, order c, is out of the queue: 1 left", []string{"2.5.0", "2.6.0"}},
		"the same command again": {func(s *above) { s.drop(2*minute, "d", "2.7.0"); s.drop(2*minute+time.Second, "d", "2.7.0") },
			rollout.Noop, "this command was obeyed already", []string{"2.5.0", "2.6.0"}},
		"another command again": {func(s *above) { s.drop(2*minute, "d0", "c"); s.drop(2*minute+time.Second, "d", "c") },
			rollout.Noop, "2.7.0 waits no more: aborted, taken out of the queue by cy: needs 2.5.0 first", []string{"2.5.0", "2.6.0"}},
		"one of several of its version": {func(s *above) { s.submitAs(minute, "c2", "2.7.0"); s.drop(2*minute, "d", "2.7.0") },
			rollout.Denied, "2 orders of 2.7.0 wait: name one by its id: c (2.7.0, by ana), c2 (2.7.0, by ana)", []string{"2.5.0", "2.6.0", "2.7.0", "2.7.0"}},
		"what runs": {func(s *above) { s.drop(2*minute, "d", "2.5.0") },
			rollout.Denied, "2.5.0 waits no more: its rollout has begun; to stop that: bakeoff abort staging/checkout", []string{"2.5.0", "2.6.0", "2.7.0"}},
		"what is over": {func(s *above) { s.drop(5*minute, "d", "a") },
			rollout.Denied, "2.5.0 waits no more: its rollout was run ", []string{"2.5.0", "2.6.0", "2.7.0"}},
		"what nobody knows": {func(s *above) { s.drop(2*minute, "d", "2.8.0") },
			rollout.Denied, "no order 2.8.0 is known: b (2.6.0, by ana), c (2.7.0, by ana)", []string{"2.5.0", "2.6.0", "2.7.0"}},
		"nothing": {func(s *above) { s.drop(2*minute, "d", "") },
			rollout.Denied, "say which order: its id, or its version", []string{"2.5.0", "2.6.0", "2.7.0"}},
		"while it is looked at": {func(s *above) {
			s.env.OnActivity("FleetHolds", mock.Anything, mock.Anything).After(30*time.Second).Return(activities.FleetHoldsOutput{}, nil)
			late := orderOf("2.8.0", rollout.OnNewQueue)
			late.AskFleet = true
			s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, late) }, minute)
			s.drop(minute+10*time.Second, "d", "2.8.0")
		}, rollout.Accepted, "2.8.0, order 2.8.0, is out of the queue: 2 left", []string{"2.5.0", "2.6.0", "2.7.0"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.submitAs(0, "a", "2.5.0")
			s.submitAs(time.Second, "b", "2.6.0")
			s.submitAs(2*time.Second, "c", "2.7.0")
			tt.story(s)
			known := s.anHour()
			require.Equal(t, tt.answer, s.said["d"].Answer)
			require.Contains(t, s.said["d"].Why, tt.why)
			require.Equal(t, tt.begun, s.begun)
			require.Empty(t, known.Queue)
			require.Empty(t, known.Stands)
		})
	}
}

// A dropped order says who dropped it, and a queue that stands goes on standing until
// the last that waited is dropped.
func TestAQueueThatStandsIsEmptied(t *testing.T) {
	s := newAbove(t)
	s.ends["2.5.0"] = rollout.Status{Outcome: rollout.Aborted, Reason: "aborted by cy"}
	for i, version := range []string{"2.5.0", "2.6.0", "2.7.0"} {
		s.submitAs(time.Duration(i)*time.Second, version, version)
	}
	s.drop(10*time.Minute, "d1", "2.6.0")
	s.know(11*time.Minute, func(k rollout.TargetStatus) {
		require.Len(t, k.Queue, 1)
		require.Equal(t, "aborted by cy", k.Stands)
		require.Equal(t, rollout.FateAborted, k.Fates[1].Fate)
		require.Equal(t, "taken out of the queue by cy: needs 2.5.0 first", k.Fates[1].Why)
	})
	s.drop(12*time.Minute, "d2", "2.7.0")
	known := s.anHour()
	require.Empty(t, known.Queue)
	require.Empty(t, known.Stands)
	require.Equal(t, []string{"2.5.0"}, s.begun)
	require.Empty(t, known.Quarantine[1:], "of what was never tried nothing is known")
}

// Who may abort may take an order out of the queue, and nobody else.
func TestDropsAreAuthorizedAsAborts(t *testing.T) {
	s := newAbove(t)
	s.denied = map[string]string{rollout.CommandAbort: "cy may not abort in staging: that is for on-call"}
	s.submitAs(0, "a", "2.5.0")
	s.submitAs(time.Second, "b", "2.6.0")
	s.drop(2*time.Minute, "d", "b")
	s.anHour()
	require.Equal(t, rollout.Denied, s.said["d"].Answer)
	require.Equal(t, "cy may not abort in staging: that is for on-call", s.said["d"].Why)
	require.Equal(t, []string{"2.5.0", "2.6.0"}, s.begun)
}

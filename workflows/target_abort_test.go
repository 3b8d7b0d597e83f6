package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// signalled is command by a signal, which nobody answers.
func (s *above) signalled(after time.Duration, name, id string) {
	s.env.RegisterDelayedCallback(func() {
		s.env.SignalWorkflow(name, rollout.Command{ID: id, Actor: "cy", Reason: "INC-12"})
	}, after)
}

// looks has it take a while to look at an order.
func (s *above) looks() {
	s.env.OnActivity("FleetHolds", mock.Anything, mock.Anything).After(5*time.Second).Return(activities.FleetHoldsOutput{}, nil)
}

// An abort that comes while a rollout is being started, which nobody can reach yet, is
// kept until there is one to tell. It is told once, and the queue stands.
func TestAbortWhileARolloutIsBeingStarted(t *testing.T) {
	const abort = rollout.CommandAbort
	for name, tt := range map[string]struct {
		story    func(*above)
		answered []string // by update: ids
	}{
		"by update": {func(s *above) { s.command(10*time.Second, abort, "a") }, []string{"a"}},
		"by signal": {func(s *above) { s.signalled(10*time.Second, abort, "a") }, nil},
		"by both, as one": {func(s *above) {
			s.signalled(10*time.Second, abort, "a")
			s.command(11*time.Second, abort, "a")
		}, nil},
		"twice": {func(s *above) {
			s.command(10*time.Second, abort, "a")
			s.command(11*time.Second, abort, "b")
		}, []string{"a", "b"}},
		"while its order is looked at, by update": {func(s *above) { s.looks(); s.command(time.Second, abort, "a") }, []string{"a"}},
		"while its order is looked at, by signal": {func(s *above) { s.looks(); s.signalled(time.Second, abort, "a") }, nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.slow = time.Minute
			first := orderOf("2.5.0", rollout.OnNewQueue)
			first.AskFleet = true
			s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, first) }, 0)
			s.submit(12*time.Second, "2.6.0", "")
			tt.story(s)
			s.env.OnActivity("FleetHolds", mock.Anything, mock.Anything).Return(activities.FleetHoldsOutput{}, nil).Maybe()
			s.know(30*time.Second, func(known rollout.TargetStatus) {
				require.Empty(t, known.Running.RunID)
				require.Empty(t, s.told, "nobody can be told yet")
			})
			known := s.anHour()
			run := known.Fates[0].RunID
			require.NotEmpty(t, run)
			require.Equal(t, []string{run + ": abort, INC-12"}, s.told)
			require.Equal(t, []string{"2.5.0"}, s.begun)
			require.Equal(t, "aborted by cy: INC-12", known.Stands)
			for _, id := range tt.answered {
				said := s.said[abort+"/"+id]
				require.Equal(t, rollout.Accepted, said.Answer, said.Why)
				require.Equal(t, run, said.Status.RunID)
			}
		})
	}
}

// Whatever is being started when an abort comes and then does not begin, because
// another rollout holds the target, leaves nothing to tell: that one has the order from
// whoever gave it. What comes next is not aborted for it.
func TestAbortOfWhatIsNotBegun(t *testing.T) {
	s := newAbove(t)
	s.slow = time.Minute
	s.held = func(o rollout.Order) bool { return o.ID == "2.5.0" && len(s.begun) == 0 }
	s.watched("", 5*time.Minute, activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Aborted}})
	s.submit(0, "2.5.0", rollout.OnNewReject)
	s.command(10*time.Second, rollout.CommandAbort, "a")
	s.submit(10*time.Minute, "2.6.0", rollout.OnNewReject)
	known := s.anHour()
	require.Equal(t, rollout.Accepted, s.said["abort/a"].Answer)
	require.Equal(t, []rollout.Fate{rollout.FateRefused, rollout.FateStarted}, []rollout.Fate{known.Fates[0].Fate, known.Fates[1].Fate})
	require.Equal(t, []string{"2.6.0"}, s.begun)
	require.Empty(t, s.told)
}

// An abort that waited for an order which is then refused finds that nothing runs.
func TestAbortWhileAnOrderIsRefused(t *testing.T) {
	s := newAbove(t)
	s.env.OnActivity("FleetHolds", mock.Anything, mock.Anything).After(5*time.Second).Return(activities.FleetHoldsOutput{Why: "a fleet holds it"}, nil)
	order := orderOf("2.5.0", "")
	order.AskFleet = true
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, order) }, 0)
	s.command(time.Second, rollout.CommandAbort, "a")
	s.anHour()
	require.Equal(t, rollout.Answer{Answer: rollout.Noop, Why: "nothing runs"}, s.said["abort/a"])
	require.Empty(t, s.begun)
	require.Empty(t, s.told)
}

package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Somebody else holds the target when what was cut off is to be put back: it is put
// back after that, unless the holder has seen a state of its own.
func TestRecoveryWaitsForTheHolder(t *testing.T) {
	for name, tt := range map[string]struct {
		holder activities.WatchRolloutOutput
		want   []string // runs that are recovered
	}{
		"that is refused":          {activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Refused, Cause: rollout.CauseDirty, Baseline: "2.4.1"}}, []string{"lost"}},
		"that is aborted at once":  {activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Aborted}}, []string{"lost"}},
		"that is promoted":         {activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Promoted, Candidate: "2.6.0"}}, nil},
		"that found a clean state": {activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Aborted, Baseline: "2.4.1"}}, nil},
		"that is cut off, too":     {activities.WatchRolloutOutput{Lost: "it was terminated"}, []string{"somebody's", "lost"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.known.Running = &rollout.Course{Submit: orderOf("2.5.0", ""), RunID: "lost"}
			s.watched("lost", time.Minute, activities.WatchRolloutOutput{Lost: "it was terminated"})
			s.watched("", 3*time.Minute, tt.holder)
			s.held = func(rollout.Order) bool { return true }
			s.know(2*time.Minute, func(known rollout.TargetStatus) {
				require.True(t, known.Running.Holder)
				require.Len(t, known.Owed, 1)
				s.held = nil
			})
			s.ends[""] = rollout.Status{Outcome: rollout.RolledBack} // the recovery of what had changed nothing
			s.ends["2.5.0"] = rollout.Status{Outcome: rollout.RolledBack, Baseline: "2.4.1"}
			known := s.anHour()
			var recovered []string
			for _, o := range s.orders {
				recovered = append(recovered, o.Recover)
			}
			require.Equal(t, tt.want, recovered)
			require.Empty(t, known.Owed)
			require.Nil(t, known.Running)
		})
	}
}

// However a rollout is cut off, what it had changed is put back, and how it ended is
// said. One that a person acknowledged came to its own end.
func TestRecoveryOfWhatWasCutOff(t *testing.T) {
	acknowledged := rollout.Status{Outcome: rollout.Failed, Candidate: "2.5.0", Reason: "acknowledged by bo"}
	for name, tt := range map[string]struct {
		end  error
		want string // why there is a recovery; "": there is none
	}{
		"timed out":    {temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_START_TO_CLOSE, nil), "it was cut off from outside"},
		"cancelled":    {temporal.NewCanceledError(), "it was cut off from outside"},
		"failed":       {temporal.NewApplicationError("the result is too large", "Limit"), "the result is too large"},
		"acknowledged": {temporal.NewNonRetryableApplicationError("acknowledged by bo", "Failed", nil, acknowledged), ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := newAbove(t)
			s.cut = map[string]error{"2.5.0": tt.end}
			s.ends["2.5.0"] = rollout.Status{Outcome: rollout.RolledBack, Cause: rollout.CauseLost, Baseline: "2.4.1"} // of the recovery
			s.submit(0, "2.5.0", rollout.OnNewQueue)
			s.submit(30*time.Second, "2.6.0", rollout.OnNewQueue)
			known := s.anHour()
			if tt.want == "" {
				require.Equal(t, []string{"2.5.0"}, s.begun)
				require.Equal(t, "acknowledged by bo", known.Stands)
				return
			}
			require.Equal(t, []string{"2.5.0", "2.5.0", "2.6.0"}, s.begun, "the queue goes on after it")
			require.Equal(t, known.Fates[0].RunID, s.orders[1].Recover)
			require.Equal(t, tt.want, s.orders[1].Reason)
		})
	}
}

// What began beside a Target that did not know yet that its rollout was over is
// looked after as any other: what it promotes is known, and it is put back when it
// is cut off.
func TestRolloutsThatBeganBesideAreFollowed(t *testing.T) {
	promoted := func(version string) activities.WatchRolloutOutput {
		return activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Promoted, Candidate: version, Baseline: "2.4.1"}}
	}
	beside := func(s *above, after time.Duration, version string) {
		s.env.RegisterDelayedCallback(func() {
			s.env.SignalWorkflow(rollout.CommandAdopt, rollout.Course{Submit: orderOf(version, ""), RunID: "run of " + version})
		}, after)
	}
	story := func(t *testing.T, first activities.WatchRolloutOutput) *above {
		s := newAbove(t)
		s.known.Running = &rollout.Course{Submit: orderOf("2.5.0", ""), RunID: "first"}
		s.watched("first", 5*time.Minute, first)
		beside(s, time.Minute, "2.6.0")
		return s
	}
	t.Run("one after the other", func(t *testing.T) {
		s := story(t, promoted("2.5.0"))
		beside(s, 2*time.Minute, "2.7.0")
		s.watched("run of 2.6.0", time.Minute, promoted("2.6.0"))
		s.watched("run of 2.7.0", time.Minute, promoted("2.7.0"))
		s.know(4*time.Minute, func(known rollout.TargetStatus) { require.Len(t, known.Beside, 2) })
		known := s.anHour()
		var good []string
		for _, k := range known.Good {
			good = append(good, k.Release.Version)
		}
		require.Equal(t, []string{"2.7.0", "2.6.0", "2.5.0", "2.4.1"}, good)
		require.Empty(t, known.Beside)
		require.Nil(t, known.Running)
	})
	t.Run("cut off", func(t *testing.T) {
		s := story(t, promoted("2.5.0"))
		s.watched("run of 2.6.0", time.Minute, activities.WatchRolloutOutput{Lost: "it was terminated"})
		s.anHour()
		require.Len(t, s.orders, 1)
		require.Equal(t, "run of 2.6.0", s.orders[0].Recover)
	})
	t.Run("before what was cut off is put back", func(t *testing.T) {
		s := story(t, activities.WatchRolloutOutput{Lost: "it was terminated"})
		s.watched("run of 2.6.0", time.Minute, activities.WatchRolloutOutput{Status: rollout.Status{Outcome: rollout.Refused, Cause: rollout.CauseDirty}})
		s.know(5*time.Minute+30*time.Second, func(known rollout.TargetStatus) {
			require.Equal(t, "run of 2.6.0", known.Running.RunID)
			require.Empty(t, s.orders)
		})
		s.anHour()
		require.Len(t, s.orders, 1)
		require.Equal(t, "first", s.orders[0].Recover)
	})
}

// Package conform is the suite that every driver passes, and the simulated
// world too: what a driver must do when calls are repeated, answers are lost,
// others write, servers throttle, refuse, break or hang. A driver's test calls
// [Deployer], [Traffic], [Cohorts], [Flags] or [Metrics] with a fixture.
package conform

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

// Faults makes a fixture's server misbehave. A hook that is nil skips its
// tests for a server that is not ours, see Server.ThirdParty, and fails them
// for one that is.
type Faults struct {
	// Throttle lets every call be turned away, with the wish to wait for after,
	// a whole number of seconds.
	Throttle func(t *testing.T, after time.Duration)
	// Refuse lets every call be refused for good, for a reason to be shown.
	Refuse func(t *testing.T, why string)
	// Conflict lets every write be refused because of another's.
	Conflict func(t *testing.T)
	// Break lets every call fail for a reason that may pass, such as a 500.
	Break func(t *testing.T)
	// LoseAnswer lets the next write be done and its answer be lost.
	LoseAnswer func(t *testing.T)
	// Hang lets every call be taken and never answered.
	Hang func(t *testing.T)
	// Heal ends all of these. It may be nil when the others are.
	Heal func(t *testing.T)
}

// Server is what every fixture says of the server behind its driver.
type Server struct {
	Faults     Faults
	ThirdParty string        // the server's name when it is not ours, and so cannot be made to do all of Faults; "" when it is ours
	Deadline   time.Duration // the driver's hard deadline of one call; default 5 s, 500 ms make a quick test
	Settle     time.Duration // how long a write may take to be seen; default 10 s
	// Effects returns a line for each write that changed something, oldest
	// first, so that repeated writes can be seen to change nothing. Optional.
	Effects func(t *testing.T) []string
}

// need skips or fails a test whose hook is missing.
func (s Server) need(t *testing.T, has bool, hook string) {
	t.Helper()
	if has {
		return
	}
	if s.ThirdParty == "" {
		t.Fatalf("the fixture lacks %s, which only a third party's server may", hook)
	}
	t.Skipf("%s offers no way to %s", s.ThirdParty, hook)
}

// tick is how often a system is asked whether a write is seen.
const tick = 10 * time.Millisecond

func (s Server) settle() time.Duration {
	if s.Settle == 0 {
		return 10 * time.Second
	}
	return s.Settle
}

func (s Server) deadline() time.Duration {
	if s.Deadline == 0 {
		return 5 * time.Second
	}
	return s.Deadline
}

// await waits until the condition holds.
func (s Server) await(t *testing.T, what string, holds func() bool) {
	t.Helper()
	if holds() { // at once, where the system is quick
		return
	}
	require.Eventually(t, holds, s.settle(), tick, what)
}

// unchanged runs what must change nothing and compares Effects around it.
func (s Server) unchanged(t *testing.T, do func()) {
	t.Helper()
	if s.Effects == nil {
		do()
		return
	}
	before := s.Effects(t)
	do()
	require.Equal(t, before, s.Effects(t), "a repeated write changed something")
}

// write returns the n-th write of a rollout.
func write(intent string, n int) activities.Write {
	return activities.Write{Intent: intent, Fence: activities.Fence{Epoch: 1700000000000, Generation: n}}
}

// call is one call of a driver, by name.
type call struct {
	name   string
	writes bool
	do     func(ctx context.Context) error
}

// failures are the tests of how a driver's calls fail, the same for every
// driver: make returns a fresh server and its calls.
func failures(t *testing.T, make func(t *testing.T) (Server, []call)) {
	t.Run("throttled", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Throttle != nil, "Throttle")
		s.Faults.Throttle(t, 7*time.Second)
		each(t, calls, func(t *testing.T, err error) {
			var later *activities.RetryAfterError
			require.ErrorAs(t, err, &later)
			require.InDelta(t, 7, later.After.Seconds(), 1.01)
			isPassing(t, err)
		})
	})
	t.Run("refused", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Refuse != nil, "Refuse")
		s.Faults.Refuse(t, "quota of checkout is used up")
		each(t, calls, func(t *testing.T, err error) {
			require.ErrorIs(t, err, activities.ErrFinal)
			require.ErrorContains(t, err, "quota of checkout is used up")
		})
	})
	t.Run("broken, then well", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Break != nil, "Break")
		s.Faults.Break(t)
		each(t, calls, isPassing)
		s.Faults.Heal(t)
		for _, c := range calls {
			require.NoError(t, c.do(t.Context()), c.name)
		}
	})
	conflicts(t, make)
	hangs(t, make)
}

func conflicts(t *testing.T, make func(t *testing.T) (Server, []call)) {
	_, calls := make(t)
	writes := false
	for _, c := range calls {
		writes = writes || c.writes
	}
	if !writes {
		return
	}
	t.Run("conflict", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Conflict != nil, "Conflict")
		s.Faults.Conflict(t)
		for _, c := range calls {
			if c.writes {
				err := c.do(t.Context())
				require.ErrorIs(t, err, activities.ErrConflict, c.name)
				require.NotErrorIs(t, err, activities.ErrFinal, c.name)
			}
		}
	})
}

func hangs(t *testing.T, make func(t *testing.T) (Server, []call)) {
	t.Run("hanging server, hard deadline", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Hang != nil, "Hang")
		s.Faults.Hang(t)
		each(t, calls, func(t *testing.T, err error) { isPassing(t, err) }, s.deadline()+2*time.Second)
	})
	t.Run("hanging server, context ends", func(t *testing.T) {
		s, calls := make(t)
		s.need(t, s.Faults.Hang != nil, "Hang")
		s.Faults.Hang(t)
		for _, c := range calls {
			ctx, cancel := context.WithCancel(t.Context())
			time.AfterFunc(s.deadline()/10, cancel)
			started := time.Now()
			require.Error(t, c.do(ctx), c.name)
			require.Error(t, ctx.Err(), "%s failed before its context ended", c.name)
			require.Less(t, time.Since(started), s.deadline(), "%s waited for its deadline", c.name)
		}
	})
}

// each runs every call, each within a time, and hands its error over.
func each(t *testing.T, calls []call, check func(t *testing.T, err error), within ...time.Duration) {
	t.Helper()
	for _, c := range calls {
		t.Run(c.name, func(t *testing.T) {
			started := time.Now()
			err := c.do(t.Context())
			require.Error(t, err)
			check(t, err)
			for _, w := range within {
				require.Less(t, time.Since(started), w)
			}
		})
	}
}

// isPassing holds that an error says nothing but: try again. One that is taken
// for absence or for a refusal lets a rollout draw wrong conclusions.
func isPassing(t *testing.T, err error) {
	t.Helper()
	require.Error(t, err)
	for _, wrong := range []error{activities.ErrFinal, activities.ErrConflict, activities.ErrNotFound} {
		require.False(t, errors.Is(err, wrong), "%v must not be %q", err, wrong)
	}
}

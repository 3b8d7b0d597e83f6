package workflows_test

import (
	"context"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// windows is every window that was opened, in order. Those for which lose has an
// error are lost; the others are watched.
type windows struct {
	sync.Mutex
	opened []activities.ObserveInput
	lose   func(number int, in activities.ObserveInput) error
}

func (w *windows) plot(s *teller) {
	real := &activities.Activities{Drivers: s.world.Registry(), Vault: s.world}
	s.env.OnActivity("Observe", mock.Anything, mock.Anything).Return(
		func(ctx context.Context, in activities.ObserveInput) (activities.ObserveOutput, error) {
			w.Lock()
			w.opened = append(w.opened, in)
			number := len(w.opened)
			w.Unlock()
			if err := w.lose(number, in); err != nil {
				return activities.ObserveOutput{}, err
			}
			return real.Observe(ctx, in)
		})
}

func (w *windows) held() (number int) {
	w.Lock()
	defer w.Unlock()
	for _, in := range w.opened {
		if in.Held {
			number++
		}
	}
	return number
}

func (w *windows) number() int {
	w.Lock()
	defer w.Unlock()
	return len(w.opened)
}

// nobodyCame is how the server says that no worker took a window in time, with its
// last heartbeat where there was one.
func nobodyCame(beat ...any) error {
	return temporal.NewTimeoutError(enumspb.TIMEOUT_TYPE_SCHEDULE_TO_START, nil, beat...)
}

// strict goes back as soon as trouble has lasted for grace.
func strict(grace time.Duration) func(*rollout.Spec) {
	return func(s *rollout.Spec) { s.Policy.Error, s.Policy.Grace = rollout.RuleRollback, rollout.Duration(grace) }
}

// A window whose worker is away goes on where its last heartbeat was: what was
// watched is not watched again.
func TestLostWindowGoesOn(t *testing.T) {
	t.Parallel()
	var beat struct {
		Progress struct {
			At    time.Time `json:"at"`
			Polls int       `json:"polls"`
		} `json:"progress"`
		State []byte `json:"state"`
	}
	w := &windows{lose: func(number int, in activities.ObserveInput) error {
		if number != 2 {
			return nil
		}
		beat.Progress.At, beat.Progress.Polls, beat.State = in.Start.Add(1500*time.Millisecond), 7, in.State
		return nobodyCame(beat)
	}}
	story{spec: func(s *rollout.Spec) {
		strict(time.Second)(s)
		s.Strategy.Canary = []rollout.Step{{Weight: 1000, Bake: rollout.Duration(4 * time.Second)}}
		s.Strategy.Window.First = rollout.Duration(2 * time.Second)
	}, plot: w.plot, want: rollout.Promoted}.holds(t)
	lost, next := w.opened[1], w.opened[2]
	require.True(t, next.Start.Equal(lost.Start.Add(1500*time.Millisecond)), "%s after %s", next.Start, lost.Start)
	require.WithinDuration(t, lost.End, next.End, 10*time.Millisecond, "the bake is as long as it was")
	require.Less(t, next.Trouble.Std(), 100*time.Millisecond)
}

// Windows that are lost one after another are trouble from the first one's
// beginning, counted once; and the step still counts its evidence anew.
func TestLostWindowsAreCountedOnce(t *testing.T) {
	t.Parallel()
	w := &windows{lose: func(number int, _ activities.ObserveInput) error {
		if number <= 4 {
			return nobodyCame()
		}
		return nil
	}}
	story{spec: func(s *rollout.Spec) {
		strict(50 * time.Second)(s) // the pauses after three of them last 45s
		s.Strategy.Canary[0].Bake = rollout.Duration(10 * time.Minute)
	},
		plot: func(s *teller) {
			w.plot(s)
			s.once(func() bool { return w.number() == 5 }, func() {
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "seen enough"})
			})
		}, want: rollout.Aborted, wantLog: undone}.holds(t)
	for _, in := range w.opened[:5] {
		require.True(t, in.Start.Equal(w.opened[0].Start))
		require.True(t, in.NewStep)
		require.Less(t, in.Trouble.Std(), 100*time.Millisecond)
	}
}

// A window of a hold that is lost ends no hold: nobody saw that its reason is gone.
func TestLostWindowStaysHeld(t *testing.T) {
	t.Parallel()
	w := &windows{}
	w.lose = func(_ int, in activities.ObserveInput) error {
		if in.Held && w.held() == 1 {
			return nobodyCame()
		}
		return nil
	}
	story{spec: func(s *rollout.Spec) {
		s.Policy.Drift, s.Policy.Grace, s.Policy.HoldFor = rollout.RuleHold, rollout.Duration(time.Minute), rollout.Duration(time.Hour)
	}, plot: func(s *teller) {
		w.plot(s)
		s.at(1200*time.Millisecond, func() { s.world.SetWeights(rollout.Split{"2.4.1": 4000, "2.5.0": 6000}) })
		s.once(func() bool { return w.held() == 2 }, func() {
			s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "seen enough"})
		})
	}, want: rollout.Aborted}.holds(t)
	first := slices.IndexFunc(w.opened, func(in activities.ObserveInput) bool { return in.Held })
	require.True(t, w.opened[first+1].Held)
}

// Where nothing can be watched while the rollout waits for people, it tries less
// and less often: a day of that is no day's worth of history.
func TestWindowsThatCannotBeWatchedAreFew(t *testing.T) {
	t.Parallel()
	w := unwatchable(true)
	story{spec: approvalBefore(1, 24*time.Hour), plot: w.plot, want: rollout.RolledBack, wantCause: rollout.CauseApproval}.holds(t)
	require.Less(t, len(w.opened), 80)
	require.Equal(t, 15*time.Second, w.opened[3].Start.Sub(w.opened[2].Start).Round(time.Second), "the first pause is short")
}

// What ends the wait ends the pause before the next window, too.
func TestApprovalEndsPauseOfWatching(t *testing.T) {
	t.Parallel()
	w := unwatchable(false)
	var approved time.Time
	story{spec: func(s *rollout.Spec) {
		strict(time.Second)(s)
		approvalBefore(1, 24*time.Hour)(s)
	}, plot: func(s *teller) {
		w.plot(s)
		s.at(20*time.Hour, func() {
			approved = s.env.Now()
			s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
		})
	}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict}.holds(t)
	step := slices.IndexFunc(w.opened, func(in activities.ObserveInput) bool { return in.Step == 2 && !in.Waiting })
	require.WithinDuration(t, approved, w.opened[step].Start, 10*time.Second)
}

// unwatchable loses every window of a wait, and those of the second step unless it
// may be watched.
func unwatchable(second bool) *windows {
	return &windows{lose: func(_ int, in activities.ObserveInput) error {
		if in.Waiting || in.Step == 2 && !second {
			return temporal.NewNonRetryableApplicationError("no such driver", "Final", nil)
		}
		return nil
	}}
}

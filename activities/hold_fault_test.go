package activities_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// written is a machine that has written down how faults were, whoever held them.
type written struct {
	activities.Faults
	ended   map[string]evidence.Fault // by id
	active  []activities.ActiveFault
	began   int
	removed []string // ids, and the names that were given with them
	stays   string   // why nothing that is active can be removed
}

func (w *written) Inject(context.Context, activities.FaultOrder) error {
	w.began++
	return nil
}

func (w *written) Remove(_ context.Context, o activities.FaultOrder) error {
	w.removed = append(w.removed, o.ID+" "+o.Fault.Name)
	if w.stays != "" {
		return errors.New(w.stays)
	}
	return nil
}

func (w *written) Active(context.Context) ([]activities.ActiveFault, error) { return w.active, nil }

func (w *written) Ended(_ context.Context, id string) (evidence.Fault, error) {
	f, known := w.ended[id]
	if !known {
		return f, activities.ErrNotFound
	}
	return f, nil
}

// brief is a line that tells nobody who does not wait for it.
type brief struct{}

func (brief) Stopped(ctx context.Context, _ string, _ time.Time) ([]rollout.Closure, error) {
	return nil, ctx.Err()
}

// stoppedAtOnce holds a fault whose rehearsal is stopped before the line is asked.
func stoppedAtOnce(t *testing.T, w *written) evidence.Fault {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	a := &activities.Activities{Faults: w, Gates: activities.Gates{Lines: brief{}}}
	hold := func(ctx context.Context, in activities.HoldFaultInput) (activities.HoldFaultOutput, error) {
		ctx, cancel := context.WithCancel(ctx)
		cancel()
		return a.HoldFault(ctx, in)
	}
	env.RegisterActivity(hold)
	value, err := env.ExecuteActivity(hold, activities.HoldFaultInput{Run: "staging/shop/1", Fault: fault.Fault{Name: "slow"}, Environment: "staging", Until: time.Now().Add(time.Minute)})
	require.NoError(t, err)
	var out activities.HoldFaultOutput
	require.NoError(t, value.Get(&out))
	return out.Fault
}

// A fault that was in force until its worker died is told, though its rehearsal was
// stopped before the next worker had it; one that never was, was not.
func TestFaultOfADeadWorkerThatIsStopped(t *testing.T) {
	began := time.Now().Add(-time.Minute).UTC().Round(time.Millisecond)
	was := evidence.Fault{Name: "slow", What: "x", StartedAt: began, EndedAt: began.Add(9 * time.Second), RemovedBy: "worker", Verified: true}
	w := &written{ended: map[string]evidence.Fault{"staging/shop/1/slow": was}}
	require.Equal(t, was, stoppedAtOnce(t, w))
	require.Zero(t, w.began, "it is not begun again")
	require.Equal(t, []string{"staging/shop/1/slow slow"}, w.removed)

	w.ended["staging/shop/1/slow"] = evidence.Fault{Name: "slow", EndedAt: began, RemovedBy: "rehearsal", Verified: true}
	require.Equal(t, "the practice ended before it began", stoppedAtOnce(t, w).Error)
}

// A sweep tells how those faults were of which nobody has told it.
func TestSweepTellsOfFaults(t *testing.T) {
	began := time.Now().Add(-time.Minute).UTC().Round(time.Millisecond)
	was := evidence.Fault{Name: "slow", StartedAt: began, EndedAt: began.Add(time.Second), RemovedBy: "worker", Verified: true}
	w := &written{ended: map[string]evidence.Fault{"staging/shop/1/slow": was, "staging/shop/1/never": {Name: "never", EndedAt: began}, "staging/shop/2/other": was},
		active: []activities.ActiveFault{{ID: "staging/shop/1/drift", Name: "drift", What: "drift x", StartedAt: &began}}, stays: "remove fault drift: not permitted"}
	a := &activities.Activities{Faults: w}
	out, err := did(t, a.SweepFaults, activities.SweepFaultsInput{Run: "staging/shop/1", Faults: []string{"slow", "never", "other", "drift"}})
	require.NoError(t, err)
	require.Equal(t, []string{"staging/shop/1/drift drift"}, w.removed, "by its name")
	require.Equal(t, []string{"fault drift (drift x): remove fault drift: not permitted"}, out.Left)
	require.Len(t, out.Faults, 2)
	require.Equal(t, was, out.Faults[0])
	drift := out.Faults[1]
	require.True(t, drift.Unverified())
	require.Equal(t, began, drift.StartedAt)
	require.Equal(t, "remove fault drift: not permitted", drift.Error)

	w.stays = ""
	out, err = did(t, a.SweepFaults, activities.SweepFaultsInput{Run: "staging/shop/1"})
	require.NoError(t, err)
	require.Empty(t, out.Faults, "nobody asks")
}

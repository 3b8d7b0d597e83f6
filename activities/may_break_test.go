package activities_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// stopLine is a line that somebody may stop.
type stopLine struct {
	mu      sync.Mutex
	stopped bool
	err     error
	asked   []string
}

func (l *stopLine) set(stopped bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.stopped = stopped
}

func (l *stopLine) Stopped(_ context.Context, environment string, _ time.Time) ([]rollout.Closure, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.asked = append(l.asked, environment)
	if !l.stopped {
		return nil, l.err
	}
	return []rollout.Closure{{Gate: rollout.GateStop, Reason: "the line of staging is stopped by bo: INC-12", Keys: []string{"k"}}}, l.err
}

// breakable is a machine whose faults begin at once, and go at once.
type breakable struct {
	activities.Faults
	mu       sync.Mutex
	injected func()
	began    time.Time
	held     string
	full     string // why it does not begin
}

func (b *breakable) HeldBack() (string, error) { return b.held, nil }

func (b *breakable) Inject(context.Context, activities.FaultOrder) error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.full != "" {
		return errors.New(b.full)
	}
	b.began = time.Now()
	if b.injected != nil {
		b.injected()
	}
	return nil
}
func (*breakable) Remove(context.Context, activities.FaultOrder) error { return nil }
func (b *breakable) Ended(context.Context, string) (evidence.Fault, error) {
	if b.full != "" {
		return evidence.Fault{}, activities.ErrNotFound
	}
	return evidence.Fault{Name: "slow", StartedAt: b.began, EndedAt: time.Now(), Verified: true, RemovedBy: "rehearsal"}, nil
}

// A fault that could not begin at once says why it was shorter than planned.
func TestFaultThatBeginsLate(t *testing.T) {
	const full = "the worker allows 1 faults at once"
	b := &breakable{full: full}
	a := &activities.Activities{Faults: b}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.HoldFault)
	var told string
	env.SetOnActivityHeartbeatListener(func(_ *activity.Info, details converter.EncodedValues) { require.NoError(t, details.Get(&told)) })
	in := activities.HoldFaultInput{Run: "staging/shop/1", Fault: fault.Fault{Name: "slow"}, Until: time.Now().Add(time.Minute)}
	_, err := env.ExecuteActivity(a.HoldFault, in)
	require.ErrorContains(t, err, full)
	require.Equal(t, full, told)

	b.full, in.Until = "", time.Now().Add(100*time.Millisecond)
	env = new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.HoldFault)
	env.SetHeartbeatDetails(told)
	value, err := env.ExecuteActivity(a.HoldFault, in)
	require.NoError(t, err)
	var out activities.HoldFaultOutput
	require.NoError(t, value.Get(&out))
	require.Equal(t, "it began late: "+full, out.Fault.Error)
}

// A stopped line keeps faults from beginning, and ends those that are in force.
func TestFaultsOfAStoppedLine(t *testing.T) {
	in := activities.HoldFaultInput{Run: "staging/shop/1", Fault: fault.Fault{Name: "slow"}, Environment: "staging"}
	hold := func(l *stopLine, b *breakable, in activities.HoldFaultInput) (activities.HoldFaultOutput, error) {
		return did(t, (&activities.Activities{Faults: b, Gates: activities.Gates{Lines: l}}).HoldFault, in)
	}
	t.Run("it does not begin", func(t *testing.T) {
		in.Until = time.Now().Add(time.Minute)
		b := &breakable{}
		out, err := hold(&stopLine{stopped: true}, b, in)
		require.NoError(t, err)
		require.True(t, b.began.IsZero())
		require.Equal(t, "not begun: the line of staging is stopped by bo: INC-12", out.Fault.Error)
	})
	t.Run("it ends", func(t *testing.T) {
		in.Until = time.Now().Add(time.Minute)
		l := &stopLine{}
		out, err := hold(l, &breakable{injected: func() { l.set(true) }}, in)
		require.NoError(t, err)
		require.Equal(t, "ended before its time: the line of staging is stopped by bo: INC-12", out.Fault.Error)
		require.Less(t, out.Fault.EndedAt.Sub(out.Fault.StartedAt), 10*time.Second)
	})
	t.Run("nobody knows", func(t *testing.T) {
		in.Until = time.Now().Add(time.Minute)
		b := &breakable{}
		_, err := hold(&stopLine{err: errors.New("away")}, b, in)
		require.ErrorContains(t, err, "ask whether fault slow may begin: ask whether the line is stopped: away")
		require.True(t, b.began.IsZero())
	})
	t.Run("held back on the machine", func(t *testing.T) {
		in.Until = time.Now().Add(time.Minute)
		b := &breakable{held: "all faults were removed"}
		out, err := hold(&stopLine{}, b, in)
		require.NoError(t, err)
		require.True(t, b.began.IsZero())
		require.Equal(t, "not begun: all faults were removed", out.Fault.Error)
	})
	t.Run("of a workflow of before", func(t *testing.T) {
		in := in
		in.Environment, in.Until = "", time.Now().Add(100*time.Millisecond)
		l := &stopLine{stopped: true}
		out, err := hold(l, &breakable{}, in)
		require.NoError(t, err)
		require.Empty(t, out.Fault.Error)
		require.Empty(t, l.asked)
	})
	t.Run("of somebody else", func(t *testing.T) {
		out, err := (&activities.Activities{Gates: activities.Gates{Lines: &stopLine{stopped: true}}}).MayBreak(t.Context(), activities.MayBreakInput{Environment: "staging"})
		require.NoError(t, err)
		require.Equal(t, "the line of staging is stopped by bo: INC-12", out.Why)
	})
}

// Nothing is begun in an environment whose line is stopped, and no fault on a
// machine that holds them back.
func TestPracticeOfAStoppedLine(t *testing.T) {
	out := admitsTo(t, drilled(), &activities.Activities{Gates: activities.Gates{Lines: &stopLine{stopped: true}}})
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Equal(t, "the line of staging is stopped by bo: INC-12", out.Problems[0].String())

	held := &breakable{held: "all faults were removed"}
	require.Empty(t, admitsTo(t, drilled(), &activities.Activities{Gates: activities.Gates{Lines: &stopLine{}}, Faults: held}).Problems, "it makes none")
	m := drilled()
	m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
	limits := activities.Practice{Faults: fault.Limits{Kinds: []string{"task"}, TaskQueues: []string{"*"}}}
	out = admitsTo(t, m, &activities.Activities{Gates: activities.Gates{Lines: &stopLine{}}, Faults: held, Practice: limits})
	require.Equal(t, rollout.CausePolicy, out.Cause, out.Problems)
	require.Equal(t, "all faults were removed", out.Problems[0].String())
}

package activities

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/rollout"
)

// staleLine is a line that was stopped a moment ago: whoever takes an older
// reading for true does not know it yet.
type staleLine struct{ stopped time.Time }

func (l staleLine) Stopped(_ context.Context, _ string, since time.Time) ([]rollout.Closure, error) {
	if since.Before(l.stopped) {
		return nil, nil
	}
	return []rollout.Closure{{Gate: rollout.GateStop, Name: "staging", Reason: "stopped", Exposure: rollout.ExposureHold, Keys: []string{"stop"}}}, nil
}

// TestGateReadsAgain holds that a start which waited for a freeze follows no old
// reading of the line: as Gate says that nothing closes the target, it begins.
func TestGateReadsAgain(t *testing.T) {
	now := time.Unix(100, 0)
	a := &Activities{Now: func() time.Time { return now }, Gates: Gates{Lines: staleLine{now.Add(-time.Millisecond)}}}
	j, ask := Job{Target: "staging/checkout"}, Ask{Action: rollout.ActionStart}
	polled, err := a.closedLately(t.Context(), j, &ask)
	require.NoError(t, err)
	require.Nil(t, polled, "whoever polls shares what others have read")
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.Gate)
	freeze := &rollout.Closure{Gate: rollout.GateFreeze, Name: "party", Keys: []string{"party"}}
	got, err := env.ExecuteActivity(a.Gate, GateInput{Job: j, Ask: ask, Closed: freeze, Until: now.Add(time.Minute)})
	require.NoError(t, err)
	var out GateOutput
	require.NoError(t, got.Get(&out))
	require.Equal(t, rollout.GateStop, out.Closed.Gate)
}

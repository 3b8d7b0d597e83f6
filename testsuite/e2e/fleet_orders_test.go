package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
)

// Orders for a unit of a running fleet are refused without a rollout, however many
// come: none holds the unit's id when its turn comes, or hides what the fleet did.
// Only one that nobody took in for too long, on a busy machine, begins beside it.
func TestFleetMeetsOrders(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	ofUnit, ofService := f.units["b"].file("service: "+f.name, "unit: b", oneLong), f.file("service: "+f.name, oneLong)
	f.begins("waves: [[a], [b]]")
	until(t, "the first wave", func() bool { return f.units["a"].weight() > 0 })
	began := 0
	for given := 0; f.units["b"].weight() == 0; given++ {
		e := f.result("start", ofUnit, "--reason", "a test")
		require.Equal(t, 15, e.code, e.Reason)
		require.Equal(t, rollout.CauseRunning, e.Cause)
		if e.RunID != "" && strings.Contains(e.Reason, "held by the fleet") {
			began++
		}
		if given == 0 {
			require.Contains(t, e.Reason, "is held by the fleet fleet/"+f.target())
			e = f.result("start", ofService, "--reason", "a test")
			require.Equal(t, 15, e.code, e.Reason)
		}
	}
	f.ends(0, rollout.Promoted, "")
	require.LessOrEqual(t, len(f.told(rollout.EventGateWaiting)), began)
	for _, u := range f.units {
		u.replacedBaseline()
	}
}

// An order that was started beside its Target holds a unit's id until it is
// refused: the unit waits for that.
func TestFleetWaitsForAnId(t *testing.T) {
	c := open(t)
	for name, after := range map[string]struct {
		order string
		code  int
		want  rollout.Outcome
	}{
		"that becomes free":     {code: 0, want: rollout.Promoted},
		"and goes back instead": {order: "abort", code: 11, want: rollout.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f, server := c.convoy(t, "a", "b"), c.client(t)
			f.begins("waves: [[a], [b]]")
			until(t, "the first wave", func() bool { return f.units["a"].weight() > 0 })
			held, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{
				ID: rollout.WorkflowIDOf(f.units["b"].target()), TaskQueue: "nobody's"}, rollout.WorkflowType, rollout.Order{})
			require.NoError(t, err)
			until(t, "the unit waits", func() bool { return len(f.told(rollout.EventGateWaiting)) > 0 })
			if after.order != "" {
				f.order(0, after.order)
			}
			require.NoError(t, server.TerminateWorkflow(t.Context(), held.GetID(), held.GetRunID(), "it is refused"))
			e := f.ends(after.code, after.want, "")
			if after.order == "" {
				f.units["b"].replacedBaseline()
				require.Len(t, f.told(rollout.EventUnitStarted), 2)
				return
			}
			require.Equal(t, rollout.Refused, e.outcomes()["b"])
			f.allAsBefore()
			require.Empty(t, f.units["b"].http.Requests())
		})
	}
}

// A fleet whose units all wait for people says so, and CI can tell; one that
// somebody rejects goes back for that.
func TestFleetWaitsForApproval(t *testing.T) {
	f := open(t).convoy(t, "a", "b")
	f.strategy = "  strategy: {warmUp: 0s, keepBaseline: 0s, canary: [{weight: 10%, bake: 1s, approve: {quorum: 1}}]}"
	f.begins()
	until(t, "both wait", func() bool { return f.status().WaitingFor == rollout.WaitingForApproval })
	e := f.result("wait", f.target(), "--timeout", "2s")
	require.Equal(t, 21, e.code, e.Reason)
	require.Equal(t, rollout.PhaseWaiting, e.Phase)
	require.Equal(t, rollout.WaitingForApproval, e.WaitingFor)
	f.order(0, "pause")
	require.Equal(t, rollout.WaitingForPause, f.status().WaitingFor)
	require.Equal(t, rollout.Accepted, f.order(0, "resume").Answer)
	f.units["a"].order(0, "approve")
	until(t, "one goes on", func() bool { return f.status().WaitingFor == "" || f.units["a"].weight() > 0 })
	f.units["b"].order(0, "reject")
	e = f.ends(10, rollout.RolledBack, rollout.CauseApproval)
	require.Contains(t, e.Reason, "b: Rejected")
	f.allAsBefore()
}

// The order of the fleet is said once, wherever it is told.
func TestFleetAbortIsSaidOnce(t *testing.T) {
	f := open(t).convoy(t, "a")
	f.begins()
	until(t, "under way", func() bool { return f.units["a"].weight() > 0 })
	f.order(0, "abort")
	e := f.ends(11, rollout.Aborted, "")
	for _, reason := range []string{e.Reason, e.Units[0].Reason, f.units["a"].status().Reason} {
		require.Equal(t, 1, strings.Count(reason, "aborted by"), reason)
	}
}

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// theFleet is the run of a fleet that was cut off.
var theFleet = run{"fleet/production/checkout", "f-1"}

// cutOffFleet is a fake whose fleet of a, b and c was terminated after a and b had
// begun. Only a is in its history as begun. A worker would tell that both go on.
func cutOffFleet(t *testing.T) *fake {
	p := &tape{t: t}
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: rollout.FleetType}, Input: p.payloads(rollout.FleetOrder{Actor: "ana",
				Spec: rollout.FleetSpec{Service: "checkout", Environment: "production"}})}}
	var plan rollout.FleetPlan
	for _, unit := range []string{"a", "b", "c"} {
		plan.Units = append(plan.Units, rollout.PlannedUnit{Unit: unit, Target: "production/checkout/" + unit, Wave: 1})
	}
	p.act("admit", "AdmitFleet", nil, fleetAdmission{Plan: plan})
	p.add(enumspb.EVENT_TYPE_CHILD_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_ChildWorkflowExecutionStartedEventAttributes{
		ChildWorkflowExecutionStartedEventAttributes: &historypb.ChildWorkflowExecutionStartedEventAttributes{
			WorkflowExecution: &commonpb.WorkflowExecution{WorkflowId: "rollout/production/checkout/a", RunId: "r-a"}}}
	p.terminated("eve", "oops")
	fleet := execution{run: theFleet, Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, Started: noon, Outcome: rollout.Failed}
	f := &fake{tape: p, ended: make(chan struct{}), describeErr: errNotFound, tapes: map[string]*tape{theFleet.RunID: p},
		others: map[string]execution{theFleet.WorkflowID: fleet},
		status: &rollout.Status{Target: "production/checkout", Phase: rollout.PhaseRunning, Reason: "what the workflow said last"}}
	f.unit("a", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, rollout.PhaseRollingBack)
	f.unit("b", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, rollout.PhaseRollingBack)
	return f
}

// unit says where a unit's rollout stands.
func (f *fake) unit(name string, status enumspb.WorkflowExecutionStatus, phase rollout.Phase) {
	r := run{"rollout/production/checkout/" + name, "r-" + name}
	f.others[r.WorkflowID] = execution{run: r, Status: status, Phase: phase, Weight: 500, Parent: theFleet, NeedsHuman: phase == rollout.PhaseNeedsHuman}
}

// unitEnds ends a unit's rollout, an hour after everything began.
func (f *fake) unitEnds(t *testing.T, name string, outcome rollout.Outcome) {
	f.unit(name, enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, rollout.PhaseCompleted)
	ended, p := noon.Add(time.Hour), &tape{t: t}
	p.completed(rollout.Status{Target: "production/checkout/" + name, Phase: rollout.PhaseCompleted, Outcome: outcome, Reason: "aborted by temporal:cancel", EndedAt: &ended})
	f.tapes["r-"+name] = p
}

// unitIsLost terminates a unit's rollout.
func (f *fake) unitIsLost(t *testing.T, name string) {
	f.unit(name, enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, rollout.PhaseCompleted)
	p := &tape{t: t}
	p.started(anOrder())
	p.terminated("eve", "again")
	f.tapes["r-"+name] = p
}

// What is said of a fleet that was cut off is what became of its units.
func TestAFleetThatWasCutOff(t *testing.T) {
	aborted := func(t *testing.T, f *fake) { f.unitEnds(t, "a", rollout.Aborted); f.unitEnds(t, "b", rollout.Aborted) }
	for name, c := range map[string]struct {
		units          func(*testing.T, *fake)
		outcome        rollout.Outcome
		wait           int
		abort          int
		restore        int
		says, restores string
	}{
		"all are back": {aborted, rollout.Aborted, 11, 0, 0,
			"terminated from outside by eve (oops); every unit that had begun is back", "restore: noop"},
		"it timed out": {func(t *testing.T, f *fake) {
			aborted(t, f)
			last := f.tape.last()
			last.EventType, last.Attributes = enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TIMED_OUT, &historypb.HistoryEvent_WorkflowExecutionTimedOutEventAttributes{}
		}, rollout.RolledBack, 10, 0, 0, "timed out from outside; every unit that had begun is back", "restore: noop"},
		"one was terminated, too": {func(t *testing.T, f *fake) { f.unitEnds(t, "a", rollout.Aborted); f.unitIsLost(t, "b") }, rollout.Failed, 14, 14, 15,
			"not back: production/checkout/b: bakeoff restore production/checkout/b --reason …", "restore its units, such as production/checkout/UNIT"},
		"one needs a human": {func(t *testing.T, f *fake) {
			f.unitEnds(t, "a", rollout.Aborted)
			f.unit("b", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, rollout.PhaseNeedsHuman)
		}, "", 14, 14, 15, "something could not be put back: bakeoff status production/checkout/b", "bakeoff restore production/checkout/b"},
		"one was promoted for good": {func(t *testing.T, f *fake) { f.unitEnds(t, "a", rollout.Promoted); f.unitEnds(t, "b", rollout.Aborted) }, rollout.Failed, 14, 14, 15,
			"promoted for good by then: production/checkout/a: bakeoff rollback production/checkout/a", "restore denied"},
		"all were promoted": {func(t *testing.T, f *fake) {
			for _, unit := range []string{"a", "b", "c"} {
				f.unitEnds(t, unit, rollout.Promoted)
			}
		}, rollout.Promoted, 0, 0, 0, "all units were promoted by then", "restore: noop"},
		"one is not kept any more": {func(t *testing.T, f *fake) { aborted(t, f); delete(f.others, "rollout/production/checkout/a") }, rollout.Failed, 14, 14, 15,
			"what became of its rollout is not kept any more", "not back: production/checkout/a"},
		"none had begun": {func(_ *testing.T, f *fake) {
			f.others = map[string]execution{theFleet.WorkflowID: f.others[theFleet.WorkflowID]}
			f.tape.events = append(f.tape.events[:3:3], f.tape.last())
		}, rollout.Aborted, 11, 0, 0, "no unit had begun", "restore: noop"},
	} {
		t.Run(name, func(t *testing.T) {
			f := cutOffFleet(t)
			c.units(t, f)
			got := bakeoff(t.Context(), f, "status", "production/checkout")
			require.Zero(t, got.code, got.err)
			require.Contains(t, got.out, c.says)
			require.NotContains(t, got.out, "Running")
			got = bakeoff(t.Context(), f, "wait", "production/checkout", "-o", "json")
			require.Equal(t, c.wait, got.code, got.err)
			require.Contains(t, got.out, `"outcome":"`+string(c.outcome)+`"`)
			require.NotContains(t, got.err, "Running", "what the workflow said last is not where its units are")
			got = bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "x")
			require.Equal(t, c.abort, got.code, got.err)
			require.Contains(t, got.out, "abort: noop, it was cut off: ")
			require.Empty(t, f.signals, "nobody hears it")
			got = bakeoff(t.Context(), f, "restore", "production/checkout", "--reason", "x")
			require.Equal(t, c.restore, got.code, got.err)
			require.Contains(t, got.out+got.err, c.restores)
			got = bakeoff(t.Context(), f, "pause", "production/checkout", "--reason", "x")
			require.Zero(t, got.code, got.err)
		})
	}
}

// Whoever waits for a fleet that was cut off, or aborts it, waits for its units.
func TestAFleetThatWasCutOffIsOverWithItsUnits(t *testing.T) {
	for name, args := range map[string][]string{
		"wait":  {"wait", "production/checkout"},
		"abort": {"abort", "production/checkout", "--reason", "x"},
	} {
		t.Run(name, func(t *testing.T) {
			f := cutOffFleet(t)
			got := bakeoff(t.Context(), f, append(args, "--timeout", "100ms")...)
			require.Contains(t, got.out+got.err, "RollingBack")
			require.Equal(t, map[string]int{"wait": 20, "abort": 1}[name], got.code, got.err)
			f = cutOffFleet(t) // another one: what gave up may still be reading the first
			f.unitEnds(t, "a", rollout.Aborted)
			f.unitEnds(t, "b", rollout.Aborted)
			f.unit("b", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, rollout.PhaseRollingBack)
			f.onQuery = func(int, *fake) { // it is over while somebody looks
				f.unit("b", enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, rollout.PhaseCompleted)
			}
			got = bakeoff(t.Context(), f, args...)
			require.Equal(t, map[string]int{"wait": 11, "abort": 0}[name], got.code, got.err)
		})
	}
	got := bakeoff(t.Context(), cutOffFleet(t), "abort", "production/checkout", "--reason", "x", "--no-wait")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "its units go back by themselves, still on their way: production/checkout/a, production/checkout/b")
}

// A fleet that is terminated while its abort waits is asked no more: its units are.
func TestAnAbortOfAFleetThatIsCutOffMeanwhile(t *testing.T) {
	f := cutOffFleet(t)
	f.unitEnds(t, "a", rollout.Aborted)
	f.unitEnds(t, "b", rollout.Aborted)
	lost := f.others[theFleet.WorkflowID]
	open := lost
	open.Status, open.Outcome = enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, ""
	f.others[theFleet.WorkflowID] = open
	f.answer = func(rollout.Command) (rollout.Answer, error) {
		f.others[theFleet.WorkflowID] = lost
		return rollout.Answer{}, errOver
	}
	got := bakeoff(t.Context(), f, "abort", "production/checkout", "--reason", "x")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, "every unit that had begun is back")
}

// A list says of a fleet that was cut off what status says, as long as there are few of
// them; of the others it does not say that they failed.
func TestListOfFleetsThatWereCutOff(t *testing.T) {
	f := cutOffFleet(t)
	fleet := f.others[theFleet.WorkflowID]
	fleet.Phase = rollout.PhaseCompleted
	f.listed = []execution{fleet}
	got := bakeoff(t.Context(), f, "list")
	require.Regexp(t, `production/checkout \(fleet\) .*RollingBack`, got.out)
	f.unitEnds(t, "a", rollout.Aborted)
	f.unitEnds(t, "b", rollout.Aborted)
	for range lostFleetsListed {
		f.listed = append(f.listed, fleet)
	}
	got = bakeoff(t.Context(), f, "list", "-o", "json")
	require.Zero(t, got.code, got.err)
	require.Equal(t, lostFleetsListed, strings.Count(got.out, `"outcome":"Aborted"`))
	require.Equal(t, 1, strings.Count(got.out, `"phase":"Completed","outcome":"",`))
	require.NotContains(t, got.out, "Failed")
}

// A unit that was cut off with its fleet and was restored since is back, for its fleet and
// for who waits for the unit; both say that its candidate is still there.
func TestALostUnitThatWasRestored(t *testing.T) {
	f := cutOffFleet(t)
	f.unitEnds(t, "a", rollout.Aborted)
	f.unitIsLost(t, "b")
	above := aboveTape(t, "")
	above.signalled(rollout.SignalRestored, rollout.Restored{RunID: "r-b", Baseline: "2.4.1", Command: rollout.Command{Name: commandRestore, Actor: "cy", Reason: "slow"}})
	f.others["target/production/checkout/b"] = execution{run: run{"target/production/checkout/b", "t-b"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}
	f.tapes["t-b"] = above
	got := bakeoff(t.Context(), f, "wait", "production/checkout")
	require.Equal(t, 11, got.code, got.err)
	require.Contains(t, got.out, "every unit that had begun is back; put back by bakeoff restore, which removed nothing: production/checkout/b")
	got = bakeoff(t.Context(), f, "wait", "production/checkout/b", "-o", "json")
	require.Equal(t, 14, got.code, got.err)
	require.Contains(t, got.out, "since then traffic is back on 2.4.1, put there without the workflow by cy: slow; nothing was removed: 2.5.0 may still be deployed")
	require.Contains(t, got.out, `"weight":"0%"`)
}

// A unit that another rollout came after needs nobody any more.
func TestALostUnitThatAnotherRolloutCameAfter(t *testing.T) {
	f := cutOffFleet(t)
	f.unitIsLost(t, "b")
	lost := f.others["rollout/production/checkout/b"]
	newer := lost
	newer.RunID, newer.Status = "newer", enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING
	u := lostUnit{UnitStatus: rollout.UnitStatus{Target: "production/checkout/b", Outcome: rollout.Failed}}
	require.NoError(t, u.putBack(t.Context(), f, lost))
	require.True(t, u.needsPerson())
	f.others["rollout/production/checkout/b"] = newer
	require.NoError(t, u.putBack(t.Context(), f, lost))
	require.False(t, u.needsPerson())
}

// The doctor looks at the units, and not at the fleet.
func TestDoctorOfAFleetThatWasCutOff(t *testing.T) {
	f := cutOffFleet(t)
	f.unitEnds(t, "a", rollout.Aborted)
	f.unitIsLost(t, "b")
	f.byType = map[string][]execution{rollout.WorkflowType: {f.others[theFleet.WorkflowID]}}
	got := bakeoff(t.Context(), f, "doctor")
	require.NotContains(t, got.out, "cutOff: production/checkout:")
	require.NotContains(t, got.out, "bakeoff restore production/checkout --reason")
	f.byType[rollout.WorkflowType] = append(f.byType[rollout.WorkflowType], f.others["rollout/production/checkout/b"])
	got = bakeoff(t.Context(), f, "doctor")
	require.Equal(t, 14, got.code, got.err)
	require.Contains(t, got.out, "put users back: bakeoff restore production/checkout/b --reason")
}

// History goes on with how the units ended.
func TestHistoryOfAFleetThatWasCutOff(t *testing.T) {
	f := cutOffFleet(t)
	f.unitEnds(t, "b", rollout.Aborted)
	got := bakeoff(t.Context(), f, "history", "production/checkout")
	require.Zero(t, got.code, got.err)
	require.Regexp(t, `terminated from outside by eve \(oops\): its units are cancelled, and go back by themselves\n +\d+  2026-11-21T13:00:00Z  UnitEnded +step 1: production/checkout/b Aborted: aborted by temporal:cancel\n$`, got.out)
}

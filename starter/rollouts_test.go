package main

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

func TestOutcomesAreExitCodes(t *testing.T) {
	tests := []struct {
		outcome rollout.Outcome
		cause   rollout.Cause
		want    int
	}{
		{rollout.Promoted, "", 0},
		{rollout.RolledBack, rollout.CauseVerdict, 10},
		{rollout.Aborted, "", 11},
		{rollout.Rejected, "", 11},
		{rollout.Superseded, "", 12},
		{rollout.PlatformRolledBack, "", 13},
		{rollout.Failed, "", 14},
		{rollout.Refused, rollout.CauseSpec, 3},
		{rollout.Refused, rollout.CauseDirty, 15},
		{rollout.Refused, rollout.CausePolicy, 15},
		{rollout.Refused, rollout.CauseServing, 15},
	}
	for _, tt := range tests {
		t.Run(string(tt.outcome)+" "+string(tt.cause), func(t *testing.T) {
			got := bakeoff(t.Context(), over(t, result(tt.outcome, tt.cause)), "wait", "production/checkout", "-o", "json")
			require.Equal(t, tt.want, got.code)
			var s rollout.Status
			require.NoError(t, json.Unmarshal([]byte(got.out), &s), "stdout has the result only")
			require.Equal(t, tt.outcome, s.Outcome)
			require.Equal(t, "http://ui/namespaces/default/workflows/rollout%2Fproduction%2Fcheckout/run-1/history", s.UIURL)
		})
	}
}

func TestARunningRolloutHasTimeoutCodes(t *testing.T) {
	tests := map[string]struct {
		change func(*rollout.Status)
		want   int
	}{
		"running":     {func(*rollout.Status) {}, 20},
		"approval":    {func(s *rollout.Status) { s.Phase, s.WaitingFor = rollout.PhaseWaiting, "approval" }, 21},
		"paused":      {func(s *rollout.Status) { s.Paused = true }, 21},
		"needs human": {func(s *rollout.Status) { s.Phase = rollout.PhaseNeedsHuman }, 14},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			tt.change(f.status)
			got := bakeoff(t.Context(), f, "wait", "production/checkout", "--timeout", "50ms")
			require.Equal(t, tt.want, got.code, got.err)
			require.Contains(t, got.out, "production/checkout: ")
		})
	}
}

func TestRunWaitsForTheEnd(t *testing.T) {
	f := running(t)
	f.onQuery = func(n int, f *fake) {
		if n == 5 {
			f.end(result(rollout.Promoted, ""))
		}
	}
	got := bakeoff(t.Context(), f, "run", file(t, smallest), "--reason", "faster checkout", "--actor", "bo")
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, "bo", f.started[0].Actor)
	require.Equal(t, "faster checkout", f.started[0].Reason)
	require.Equal(t, rollout.Weight(500), f.started[0].Spec.Strategy.Canary[0].Weight)
	require.Contains(t, got.out, "production/checkout: Promoted\n")
	progress := strings.Split(strings.TrimSpace(got.err), "\n")
	require.Equal(t, []string{
		"2026-11-21T12:05:00Z watching rollout/production/checkout: http://ui/namespaces/default/workflows/rollout%2Fproduction%2Fcheckout/run-1/history",
		"2026-11-21T12:05:00Z Running, step 1/2 at 5%, errors Continue",
		"2026-11-21T12:05:00Z Promoted, step 1/2 at 5%, errors Continue",
	}, progress)
}

func TestWaitOutlivesWorkersAndServer(t *testing.T) {
	f := running(t)
	status := *f.status
	f.onQuery = func(n int, f *fake) {
		switch n {
		case 2: // no worker
			f.status = nil
			f.execution.Phase, f.execution.Weight, f.execution.Step = rollout.PhaseRunning, 5000, 2
		case 4: // no server
			f.describeErr = errors.New("connection refused")
		case 7:
			f.describeErr = nil
			f.status = &status
		case 9:
			f.end(result(rollout.RolledBack, rollout.CauseVerdict))
		}
	}
	got := bakeoff(t.Context(), f, "wait", "production/checkout")
	require.Equal(t, 10, got.code)
	require.Contains(t, got.err, "Running, step 2/2 at 50%")
	require.Equal(t, 1, strings.Count(got.err, "Temporal does not answer (connection refused); waiting on"))
	require.Equal(t, 1, strings.Count(got.err, "Temporal answers again"))
}

func TestWaitSeesWithoutAWorkerThatAPersonIsNeeded(t *testing.T) {
	f := running(t)
	f.status, f.execution.NeedsHuman = nil, true
	got := bakeoff(t.Context(), f, "wait", "production/checkout")
	require.Equal(t, 14, got.code)
}

func TestWaitForATerminatedRunNeedsAHuman(t *testing.T) {
	f := running(t)
	f.tape.terminated("eve", "oops")
	f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	close(f.ended)
	got := bakeoff(t.Context(), f, "wait", "production/checkout", "-o", "json")
	require.Equal(t, 14, got.code, got.err)
	require.Contains(t, got.out, "terminated from outside by eve (oops): nothing was put back")
}

func TestInterruptingDetaches(t *testing.T) {
	ctx, interrupt := context.WithCancel(t.Context())
	f := running(t)
	f.onQuery = func(n int, _ *fake) {
		if n == 3 {
			interrupt()
		}
	}
	got := bakeoff(ctx, f, "run", file(t, smallest))
	require.Equal(t, 130, got.code)
	require.Contains(t, got.err, "detached: the rollout goes on\n  back to it: bakeoff wait production/checkout\n")
	require.Empty(t, got.out)
	require.Empty(t, f.signals)
}

func TestABusyTargetIsNamed(t *testing.T) {
	for _, command := range []string{"run", "start"} {
		f := running(t)
		f.startErr = errBusy
		got := bakeoff(t.Context(), f, command, file(t, smallest), "-o", "json")
		require.Equal(t, 15, got.code)
		want := "production/checkout is held by the rollout of 2.5.0, started by ana 5m ago (since 2026-11-21T12:00:00Z, run run-1, Running)"
		require.Contains(t, got.err, want)
		var s rollout.Status
		require.NoError(t, json.Unmarshal([]byte(got.out), &s))
		require.Equal(t, rollout.Refused, s.Outcome)
		require.Equal(t, want, s.Reason)
	}
}

func TestStart(t *testing.T) {
	got := bakeoff(t.Context(), running(t), "start", file(t, smallest))
	require.Equal(t, 0, got.code, got.err)
	require.Equal(t, "production/checkout\nhttp://ui/namespaces/default/workflows/rollout%2Fproduction%2Fcheckout/run-1/history\n", got.out)

	got = bakeoff(t.Context(), running(t), "start", file(t, smallest), "-o", "json")
	require.JSONEq(t, `{"target":"production/checkout","workflowId":"rollout/production/checkout","runId":"run-1",
		"uiUrl":"http://ui/namespaces/default/workflows/rollout%2Fproduction%2Fcheckout/run-1/history","id":"id-1","fate":"started"}`, got.out)
}

func TestASpecWithProblemsStartsNothing(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	broken := strings.Replace(smallest, "weight: 25%", "weight: 2%", 1)
	for _, command := range []string{"run", "start"} {
		name := file(t, broken)
		got := bakeoff(t.Context(), f, command, name, "-o", "json")
		require.Equal(t, 3, got.code, got.err)
		require.Contains(t, got.err, name+":9:")
		var out rollout.Status
		require.NoError(t, json.Unmarshal([]byte(got.out), &out))
		require.Equal(t, rollout.Refused, out.Outcome)
		require.Equal(t, rollout.CauseSpec, out.Cause)
		require.Equal(t, "production/checkout", out.Target)
		require.Contains(t, out.Problems[0], name+":9:")
	}
	for _, command := range []string{"plan", "lint"} {
		name := file(t, broken)
		got := bakeoff(t.Context(), f, command, name, "-o", "json")
		require.Equal(t, 3, got.code, got.err)
		require.Contains(t, got.err, name+":9:")
		var out struct {
			Problems []rollout.Problem `json:"problems"`
		}
		require.NoError(t, json.Unmarshal([]byte(got.out), &out))
		require.Equal(t, 9, out.Problems[0].Line)
		require.Equal(t, "strategy.canary[1].weight", out.Problems[0].Path)
	}
	require.Empty(t, f.started)
}

func TestStatus(t *testing.T) {
	f := running(t)
	got := bakeoff(t.Context(), f, "status", "production/checkout", "-o", "json")
	require.Equal(t, 0, got.code)
	var s map[string]any
	require.NoError(t, json.Unmarshal([]byte(got.out), &s))
	require.Equal(t, "Running", s["phase"])
	require.Equal(t, "", s["outcome"])
	require.NotContains(t, s, "stale")

	f.status = nil
	got = bakeoff(t.Context(), f, "status", "production/checkout", "-o", "json")
	require.Equal(t, 0, got.code)
	require.NoError(t, json.Unmarshal([]byte(got.out), &s))
	require.Equal(t, true, s["stale"])
	require.Equal(t, "5%", s["weight"])
	require.Equal(t, []any{}, s["checks"])
	require.Equal(t, "2.4.1", s["baseline"])
}

func TestStatusAndWaitOfAnUnknownTarget(t *testing.T) {
	for _, command := range []string{"status", "wait", "history"} {
		got := bakeoff(t.Context(), &fake{}, command, "production/nothing")
		require.Equal(t, 1, got.code)
		require.Equal(t, "bakeoff: find a rollout of production/nothing: not found: none has run that Temporal still remembers\n", got.err)
	}
}

func TestStatusOfARolloutThatIsOver(t *testing.T) {
	got := bakeoff(t.Context(), over(t, result(rollout.RolledBack, rollout.CauseVerdict)), "status", "production/checkout")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.out, "production/checkout: RolledBack (verdict)\n")
}

func TestList(t *testing.T) {
	closed := noon.Add(time.Hour)
	f := &fake{listed: []execution{
		{run: checkout, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Target: "production/checkout", Candidate: "2.5.0", Phase: rollout.PhaseWaiting, WaitingFor: "approval", Step: 1, Weight: 500, Started: noon},
		{run: run{"rollout/staging/search", "run-2"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Candidate: "7", Phase: rollout.PhaseCompleted, Outcome: rollout.Promoted, Step: 3, Weight: rollout.All, Started: noon, Closed: &closed},
		{run: run{"rollout/staging/cart", "run-3"}, Parent: run{"rehearsal/staging/weekly", "run-4"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, Candidate: "7", Phase: rollout.PhaseCompleted, Outcome: rollout.RolledBack, Step: 1, Started: noon, Closed: &closed},
	}}
	got := bakeoff(t.Context(), f, "list", "--env", "production", "--phase", "Waiting")
	require.Equal(t, 0, got.code)
	require.Equal(t, "WorkflowType IN ('Rollout', 'Fleet') AND RolloutEnvironment = 'production' AND RolloutPhase = 'Waiting' AND ExecutionStatus = 'Running'", f.query)
	require.Equal(t, ""+
		"TARGET                    CANDIDATE  PHASE               STEP  WEIGHT  STARTED               TOOK\n"+
		"production/checkout       2.5.0      Waiting (approval)  1     5%      2026-11-21 12:00:00Z  5m\n"+
		"staging/search            7          Promoted            3     100%    2026-11-21 12:00:00Z  1h\n"+
		"staging/cart (rehearsal)  7          RolledBack          1     0%      2026-11-21 12:00:00Z  1h\n", got.out)

	got = bakeoff(t.Context(), f, "list", "--limit", "-1")
	require.Equal(t, 2, got.code)
	require.Contains(t, got.err, "--limit -1: write how many at most")
	got = bakeoff(t.Context(), f, "list", "-o", "json", "--limit", "1")
	var line listed
	require.NoError(t, json.Unmarshal([]byte(got.out), &line))
	require.Equal(t, "production/checkout", line.Target)
	require.NotContains(t, got.out, "rehearsal", "a rollout that is none of a rehearsal's is listed as ever")

	for _, bad := range [][]string{{"--phase", "Sleeping"}, {"--env", "a'b"}, {"--env", "a/b"}} {
		got := bakeoff(t.Context(), f, append([]string{"list"}, bad...)...)
		require.Equal(t, 2, got.code, bad)
	}
}

// A rollout that is promoted, and still tidies up or fails to, has no outcome yet.
func TestListTellsNoOutcomeBeforeTheEnd(t *testing.T) {
	promoted := execution{run: checkout, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Target: "production/checkout", Candidate: "2.5.0",
		Phase: rollout.PhaseRunning, Outcome: rollout.Promoted, Step: 3, Weight: rollout.All, Started: noon}
	stuck := promoted
	stuck.NeedsHuman = true
	for phase, e := range map[string]execution{"Running": promoted, "NeedsHuman": stuck} {
		f := &fake{listed: []execution{e}}
		got := bakeoff(t.Context(), f, "list")
		require.Regexp(t, `production/checkout +2\.5\.0 +`+phase+` +3 +100%`, got.out)
		got = bakeoff(t.Context(), f, "list", "-o", "json")
		require.Contains(t, got.out, `"phase":"`+phase+`","outcome":"",`)
	}
}

func TestExecutionOf(t *testing.T) {
	closed := execution{Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED, Phase: rollout.PhaseRunning}
	require.True(t, closed.cutOff())
	require.False(t, closed.open())

	failed := &workflowpb.WorkflowExecutionInfo{Status: enumspb.WORKFLOW_EXECUTION_STATUS_FAILED}
	require.True(t, executionOf(failed).cutOff(), "nobody acknowledged anything")
	require.Equal(t, rollout.Failed, executionOf(failed).Outcome)
	outcome, err := converter.GetDefaultDataConverter().ToPayload(string(rollout.Failed))
	require.NoError(t, err)
	failed.SearchAttributes = &commonpb.SearchAttributes{IndexedFields: map[string]*commonpb.Payload{rollout.AttributeOutcome: outcome}}
	require.False(t, executionOf(failed).cutOff(), "a person acknowledged what could not be put back")
}

func TestStartOptionsMakeTheTargetALock(t *testing.T) {
	owned := anOrder()
	owned.Spec.Owner, owned.Spec.Strategy.Canary[1].Owner = "shop", "web"
	o := startOptions(rollout.Submit{Order: anOrder(), Summary: summaryOf(anOrder()), Details: detailsOf(owned)})
	require.Equal(t, "rollout/production/checkout", o.ID)
	require.Equal(t, rollout.QueueControl, o.TaskQueue)
	require.True(t, o.WorkflowExecutionErrorWhenAlreadyStarted)
	require.Equal(t, enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL, o.WorkflowIDConflictPolicy)
	require.Equal(t, enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE, o.WorkflowIDReusePolicy)
	require.Equal(t, 2*time.Second, o.WorkflowTaskTimeout)
	require.Zero(t, o.WorkflowExecutionTimeout+o.WorkflowRunTimeout)
	require.Equal(t, "checkout 2.5.0 to production, by ana: faster checkout", o.StaticSummary)
	require.Contains(t, o.StaticDetails, "| 2 | 50% | 1h | 2 of release-managers within 1d, otherwise rollback | web |\n| promote | 100% | baseline kept 10m |  | shop |")
	phase, ok := o.TypedSearchAttributes.GetKeyword(temporal.NewSearchAttributeKeyKeyword(rollout.AttributePhase))
	require.True(t, ok)
	require.Equal(t, "Pending", phase)
	require.IsType(t, client.StartWorkflowOptions{}, o)
}

func TestSummariesStayShort(t *testing.T) {
	o := anOrder()
	o.Reason, o.Spec.Owner = strings.Repeat("größer\n", 100), strings.Repeat("ö", 1000)
	o.Spec.Strategy = rollout.Strategy{Linear: &rollout.Linear{Step: 100, Bake: rollout.Duration(time.Minute)}}
	require.LessOrEqual(t, len(summaryOf(o)), 200)
	require.NotContains(t, summaryOf(o), "\n")
	require.LessOrEqual(t, len(detailsOf(o)), 20000)
}

// What a window has seen so far is shown before it ends.
func TestStatusShowsTheOpenWindow(t *testing.T) {
	t.Parallel()
	e := execution{
		Retrying: []rollout.Retrying{{Act: "restore.traffic", Attempt: 3, Failure: "500"}},
		Checks: []rollout.CheckResult{{Name: "errors", Verdict: rollout.Continue, ToFail: 0.5}, {Name: "traffic", Verdict: rollout.Error},
			{Name: "fresh", Verdict: rollout.NoData}},
	}
	before := rollout.Status{Checks: []rollout.CheckResult{{Name: "errors", Verdict: rollout.Continue}, {Name: "latency", Verdict: rollout.Pass}}}
	now := e.upToDate(before)
	require.Equal(t, []rollout.CheckResult{e.Checks[0], before.Checks[1], e.Checks[1]}, now.Checks)
	require.Equal(t, e.Retrying, now.Retrying)
	require.Zero(t, before.Checks[0].ToFail, "the argument is left as it was")
}

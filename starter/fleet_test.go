package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

const threeUnits = `kind: Fleet
service: checkout
environment: production
units: {a: {}, b: {}, c: {}}
waves: [[a], [b, c]]
wait: 10m
rollout:
  release: {version: 2.5.0}
  target: {deploy: {driver: http, with: {url: http://deployer:8080}}, traffic: {driver: http}, metrics: {driver: prometheus}}
  strategy: {canary: [{weight: 5%, bake: 10m}]}
  checks: [{name: errors, failures: f, requests: r}]
`

// fleetPlan is what a worker makes of a file.
func fleetPlan(t *testing.T, text string) rollout.FleetPlan {
	t.Helper()
	s, problems := parseFleet(source{"f", []byte(text)})
	require.Empty(t, problems)
	units := map[string]rollout.Plan{}
	for unit := range s.Units {
		units[unit] = rollout.NewPlan(s.Unit(unit))
	}
	return rollout.NewFleetPlan(s, units)
}

func TestFleetsAreChecked(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	require.Equal(t, ran{code: 0, out: "1 spec, nothing wrong\n"}, bakeoff(t.Context(), f, "lint", file(t, threeUnits)))
	got := bakeoff(t.Context(), f, "lint", file(t, threeUnits+"after: {a: [b]}\n"))
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, "after: waves and after both give an order")
	got = bakeoff(t.Context(), f, "lint", file(t, threeUnits+"    - {name: more, query: q, judge: {threshold: {success: 'result ??'}}}\n"))
	require.Equal(t, 3, got.code)
}

func TestFleetsArePlanned(t *testing.T) {
	f := &fake{fleetAdmission: fleetAdmission{Plan: fleetPlan(t, threeUnits)}}
	got := bakeoff(t.Context(), f, "plan", file(t, threeUnits))
	require.Zero(t, got.code, got.err)
	for _, want := range []string{
		"production/checkout: 2.5.0 to 3 units in 2 waves\n", "wave 2, at most 3 at once\n  begins 10m after the one before\n",
		"  b                2.5.0, 1 step, at most", "when more than 0 units fail, all units go back\n",
	} {
		require.Contains(t, got.out, want)
	}
	inOrder := strings.Replace(threeUnits, "waves: [[a], [b, c]]", "after: {c: [a, b]}", 1)
	f = &fake{fleetAdmission: fleetAdmission{Plan: fleetPlan(t, inOrder)}}
	got = bakeoff(t.Context(), f, "plan", file(t, inOrder))
	require.Contains(t, got.out, "production/checkout: 2.5.0 to 3 units, each as soon as those before it are promoted, at most 3 at once\n")
	require.Regexp(t, `  c  .*\n +10m after a, b\n`, got.out)
	f = &fake{fleetAdmission: fleetAdmission{Plan: fleetPlan(t, threeUnits)}}
	got = bakeoff(t.Context(), f, "plan", file(t, threeUnits), "-o", "json")
	var p rollout.FleetPlan
	require.NoError(t, json.Unmarshal([]byte(got.out), &p))
	require.Equal(t, f.fleetAdmission.Plan, p)

	f.fleetAdmission = fleetAdmission{Cause: rollout.CauseRunning, Problems: []rollout.Problem{{Message: "production/checkout/a has a running rollout"}}}
	got = bakeoff(t.Context(), f, "plan", file(t, threeUnits))
	require.Equal(t, 15, got.code)
	require.Contains(t, got.err, "production/checkout/a has a running rollout")
}

func TestFleetsAreStarted(t *testing.T) {
	f := &fake{}
	got := bakeoff(t.Context(), f, "start", file(t, threeUnits), "--reason", "why not", "-o", "json")
	require.Zero(t, got.code, got.err)
	require.Contains(t, got.out, `"target":"production/checkout","workflowId":"fleet/production/checkout"`)
	require.Equal(t, "why not", f.fleets[1].Reason)
	require.Len(t, f.fleets[1].Spec.Units, 3)

	f = &fake{fleetAdmission: fleetAdmission{Cause: rollout.CauseSpec, Problems: []rollout.Problem{{Path: "units.b", Message: "no"}}}}
	got = bakeoff(t.Context(), f, "start", file(t, threeUnits), "-o", "json")
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, ":4:16: units.b: no")
	require.Contains(t, got.out, `"workflowId":"fleet/production/checkout"`)
}

// A fleet that a worker refuses was not started, whatever keeps it from it.
func TestFleetsThatAreRefusedForNow(t *testing.T) {
	f := &fake{fleetAdmission: fleetAdmission{Cause: rollout.CauseFreeze},
		status: &rollout.Status{Outcome: rollout.Refused, Cause: rollout.CauseFreeze, Phase: rollout.PhaseCompleted, Reason: "freeze weekends"}}
	got := bakeoff(t.Context(), f, "start", file(t, threeUnits), "-o", "json")
	require.Equal(t, 15, got.code)
	require.Contains(t, got.err, "freeze weekends")
}

// A target without a unit is the fleet where that runs, or ran last.
func TestATargetMayBeAFleet(t *testing.T) {
	closed := noon.Add(time.Hour)
	at := func(id string, open bool, started time.Time) execution {
		e := execution{run: run{id, "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Started: started}
		if !open {
			e.Status, e.Closed = enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED, &closed
		}
		return e
	}
	one, many := "rollout/production/checkout", "fleet/production/checkout"
	refused := func(started time.Time) execution {
		e := at(one, false, started)
		e.Outcome = rollout.Refused
		return e
	}
	for name, c := range map[string]struct {
		one, many execution
		want      string
	}{
		"the one that is open":        {at(one, true, noon), at(many, false, noon.Add(time.Minute)), one},
		"the fleet that is open":      {at(one, false, noon.Add(time.Minute)), at(many, true, noon), many},
		"the last one":                {at(one, false, noon.Add(time.Minute)), at(many, false, noon), one},
		"the fleet that was the last": {at(one, false, noon), at(many, false, noon.Add(time.Minute)), many},
		"not what the fleet refused":  {refused(noon.Add(time.Minute)), at(many, false, noon), many},
		"what was refused after it":   {refused(closed.Add(time.Minute)), at(many, false, noon), one},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{others: map[string]execution{one: c.one, many: c.many}}
			e, err := latest(t.Context(), f, rollout.Target{Environment: "production", Service: "checkout"})
			require.NoError(t, err)
			require.Equal(t, c.want, e.WorkflowID)
		})
	}
	f := &fake{others: map[string]execution{many: at(many, true, noon)}}
	_, err := latest(t.Context(), f, rollout.Target{Environment: "production", Service: "checkout", Unit: "a"})
	require.ErrorIs(t, err, errNotFound, "a unit is no fleet")

	got := bakeoff(context.Background(), f, "restore", "production/checkout", "--reason", "x")
	require.Equal(t, 15, got.code)
	require.Contains(t, got.err, "restore its units")
}

func TestFleetsAreShown(t *testing.T) {
	s := rollout.Status{Target: "production/checkout", Phase: rollout.PhaseRollingBack, Candidate: "2.5.0", Wave: 2, Waves: 2, Reason: "b: RolledBack: errors",
		Units: []rollout.UnitStatus{
			{Unit: "a", Target: "production/checkout/a", Wave: 1, Phase: rollout.PhaseWaiting, Kept: true, Weight: rollout.All, Reason: "promoted"},
			{Unit: "b", Target: "production/checkout/b", Wave: 2, Phase: rollout.PhaseCompleted, Outcome: rollout.RolledBack, Reason: "errors"},
			{Unit: "c", Target: "production/checkout/c", Wave: 2, Phase: rollout.PhaseRunning, RunID: "r-c"},
		}}
	f := &fake{others: map[string]execution{"rollout/production/checkout/c": {run: run{"rollout/production/checkout/c", "r-c"},
		Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, Phase: rollout.PhaseRunning, Weight: 500}}}
	now := withUnits(t.Context(), f, s)
	require.Equal(t, rollout.Weight(500), now.Units[2].Weight, "the unit's own run knows better")
	require.Zero(t, s.Units[2].Weight, "nothing is changed")
	text := resultText(now, style{})
	for _, want := range []string{"wave 2/2", "a  wave 1  Kept          100%  promoted", "b  wave 2  RolledBack      0%  errors", "c  wave 2  Running         5%"} {
		require.Contains(t, text, want)
	}
	require.Contains(t, plainLine(now), "wave 2/2, a Kept, b RolledBack, c Running")
}

// A fleet waits for what all of its units wait for that are under way.
func TestAFleetWaitsAsItsUnitsDo(t *testing.T) {
	units := []rollout.UnitStatus{
		{Unit: "a", Target: "production/checkout/a", Kept: true, RunID: "r"},
		{Unit: "b", Target: "production/checkout/b", Phase: rollout.PhaseRunning, RunID: "r"},
		{Unit: "c", Target: "production/checkout/c", Phase: rollout.PhaseRunning, RunID: "r"},
		{Unit: "d", Target: "production/checkout/d", Phase: rollout.PhasePending},
	}
	for name, c := range map[string]struct {
		phase rollout.Phase
		b, c  string // what they wait for
		want  string
		code  int
	}{
		"for an approval":       {rollout.PhaseRunning, "approval", "approval", "approval", 21},
		"one of them goes on":   {rollout.PhaseRunning, "approval", "", "", 20},
		"one was just promoted": {rollout.PhaseRunning, "approval", "fleet", "", 20},
		"for the next wave":     {rollout.PhaseWaiting, "approval", "approval", "wave", 21},
		"it goes back":          {rollout.PhaseRollingBack, "approval", "approval", "", 20},
	} {
		t.Run(name, func(t *testing.T) {
			f := &fake{others: map[string]execution{}}
			for unit, what := range map[string]string{"b": c.b, "c": c.c} {
				id := "rollout/production/checkout/" + unit
				f.others[id] = execution{run: run{id, "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, WaitingFor: what}
			}
			s := rollout.Status{Phase: c.phase, Units: units}
			if c.phase == rollout.PhaseWaiting {
				s.WaitingFor = rollout.WaitingForWave
			}
			s = withUnits(t.Context(), f, s)
			require.Equal(t, c.want, s.WaitingFor)
			require.Equal(t, c.code, outcomeCode(s))
		})
	}
}

// A fleet of any size waits as its units do: many are looked up in one list.
func TestALargeFleetWaitsAsItsUnitsDo(t *testing.T) {
	for name, c := range map[string]struct {
		goesOn string // the unit that waits for nothing
		unseen int    // of the last units, which the list does not have
		want   string
	}{
		"all of them":              {want: "approval"},
		"one goes on":              {goesOn: "u499"},
		"one is not in the list":   {unseen: 1},
		"a first one is no answer": {goesOn: "u000"},
	} {
		t.Run(name, func(t *testing.T) {
			f, s := &fake{describeErr: errors.New("must not be asked")}, rollout.Status{Phase: rollout.PhaseRunning}
			for i := range 500 {
				unit := fmt.Sprintf("u%03d", i)
				u := rollout.UnitStatus{Unit: unit, Target: "production/checkout/" + unit, Phase: rollout.PhaseRunning, RunID: "r"}
				e := execution{run: run{"rollout/" + u.Target, "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING, WaitingFor: "approval", Weight: 500}
				if unit == c.goesOn {
					e.WaitingFor = ""
				}
				s.Units = append(s.Units, u)
				if i < 500-c.unseen {
					f.listed = append(f.listed, e)
				}
			}
			f.listed = append(f.listed, execution{run: run{"rollout/production/other", "r"}, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING})
			now := withUnits(t.Context(), f, s)
			require.Equal(t, c.want, now.WaitingFor)
			require.Equal(t, rollout.Weight(500), now.Units[400].Weight)
			require.Equal(t, "WorkflowType = 'Rollout' AND ExecutionStatus = 'Running' AND RolloutEnvironment = 'production'", f.query)
		})
	}
}

// A unit that found its id held waits, and has failed only where a rollout that has
// begun held it.
func TestStoryOfAUnitThatWaitsForItsID(t *testing.T) {
	for name, c := range map[string]struct {
		patient bool
		heldBy  string
		want    []rollout.EventKind
	}{
		"it is free again":      {true, "", []rollout.EventKind{rollout.EventGateWaiting}},
		"a rollout has it":      {true, "r-9", []rollout.EventKind{rollout.EventGateWaiting, rollout.EventUnitEnded}},
		"a fleet of older days": {false, "", []rollout.EventKind{rollout.EventUnitEnded}},
	} {
		t.Run(name, func(t *testing.T) {
			p := &tape{t: t}
			p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
				WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
					WorkflowType: &commonpb.WorkflowType{Name: rollout.FleetType}, Input: p.payloads(rollout.FleetOrder{Actor: "ana"})}}
			plan := rollout.FleetPlan{Patient: c.patient, Units: []rollout.PlannedUnit{{Unit: "a", Target: "production/checkout/a", Wave: 1}}}
			p.act("admit", "AdmitFleet", nil, fleetAdmission{Plan: plan})
			p.add(enumspb.EVENT_TYPE_START_CHILD_WORKFLOW_EXECUTION_FAILED).Attributes = &historypb.HistoryEvent_StartChildWorkflowExecutionFailedEventAttributes{
				StartChildWorkflowExecutionFailedEventAttributes: &historypb.StartChildWorkflowExecutionFailedEventAttributes{WorkflowId: "rollout/production/checkout/a"}}
			if c.patient {
				p.act("turn.a", "AwaitTurn", map[string]string{"workflowId": "rollout/production/checkout/a"}, map[string]string{"heldBy": c.heldBy})
			}
			var kinds []rollout.EventKind
			for _, line := range told(t, p).lines[2:] {
				kinds = append(kinds, line.Kind)
			}
			require.Equal(t, c.want, kinds)
		})
	}
}

// Who asked for a fleet, with whose signature, and past which rules.
func TestStoryOfASignedFleet(t *testing.T) {
	order := rollout.FleetOrder{Actor: "ana", Override: true, Statement: "said", Signature: "signed",
		Spec: rollout.FleetSpec{Service: "checkout", Environment: "production", Rollout: rollout.Spec{Release: rollout.Release{Version: "2.5.0"}}}}
	p := &tape{t: t}
	p.add(enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_STARTED).Attributes = &historypb.HistoryEvent_WorkflowExecutionStartedEventAttributes{
		WorkflowExecutionStartedEventAttributes: &historypb.WorkflowExecutionStartedEventAttributes{
			WorkflowType: &commonpb.WorkflowType{Name: rollout.FleetType}, Input: p.payloads(order)}}
	asked := told(t, p).lines[0]
	require.Equal(t, "ana asked for 2.5.0 in 0 units of production/checkout (break-glass override)", asked.Text)
	require.Equal(t, true, asked.Data["override"])
	require.Equal(t, "said", asked.Data["statement"])
	require.Equal(t, false, asked.Data["verified"], "nobody has looked yet")

	p.act("admit", "AdmitFleet", nil, fleetAdmission{Signer: &rollout.Signer{Name: "ana@example.com", Key: "SHA256:k"}})
	asked = told(t, p).lines[0]
	require.Equal(t, true, asked.Data["verified"])
	require.Equal(t, "ana@example.com", asked.Data["signer"])
}

package rollout

import (
	"fmt"
	"strings"
)

// WorkflowType and FleetType are the registered names of the workflows.
const (
	WorkflowType = "Rollout"
	FleetType    = "Fleet"
)

// The signals between a fleet and the rollouts of its units: a Word to a unit, a
// UnitReport to the fleet.
const (
	SignalFleet = "fleet"
	SignalUnit  = "unit"
)

// The queries. The first returns a Status, the second the Plan, the third what
// another run needs to put everything back. LeaveQuery is asked of a fleet, with
// the target of a unit: why that unit is not to raise its candidate, or "".
const (
	StatusQuery  = "status"
	PlanQuery    = "plan"
	WayBackQuery = "wayBack"
	LeaveQuery   = "leave"
)

// The task queues. One worker binary serves any subset of them.
const (
	QueueControl   = "control"   // workflows and short acts
	QueueAnalysis  = "analysis"  // Observe and the verifications
	QueueInfra     = "infra"     // what holds deploy credentials
	QueueRehearsal = "rehearsal" // load, faults, drills
)

// Queues lists every task queue.
func Queues() []string { return []string{QueueControl, QueueAnalysis, QueueInfra, QueueRehearsal} }

// What the ids of workflows begin with; the target follows.
const (
	rolloutPrefix = "rollout/"
	targetPrefix  = "target/"
	fleetPrefix   = "fleet/"
)

// WorkflowID is the id of a target's rollout. It is the lock: one runs at a time.
func WorkflowID(t Target) string { return WorkflowIDOf(t.String()) }

// WorkflowIDOf is the same for a target that is written as text.
func WorkflowIDOf(target string) string { return rolloutPrefix + target }

// TargetOf reads the target from the id of a rollout, a fleet or a Target, as
// text. Another id is returned as it is.
func TargetOf(workflowID string) string {
	for _, prefix := range []string{rolloutPrefix, targetPrefix, fleetPrefix} {
		if target, is := strings.CutPrefix(workflowID, prefix); is {
			return target
		}
	}
	return workflowID
}

// IsFleetID reports whether a workflow's id is that of a fleet.
func IsFleetID(workflowID string) bool { return strings.HasPrefix(workflowID, fleetPrefix) }

// FleetID is the id of a service's fleet; the unit of the target is left out.
func FleetID(t Target) string {
	t.Unit = ""
	return fleetPrefix + t.String()
}

// rehearsalPrefix is what ids of rehearsals begin with.
const rehearsalPrefix = "rehearsal/"

// RehearsalID is the id of a rehearsal. It is the lock: one runs at a time.
func RehearsalID(environment, name string) string { return rehearsalPrefix + environment + "/" + name }

// IsRehearsalID reports whether a workflow's id is that of a rehearsal.
func IsRehearsalID(workflowID string) bool { return strings.HasPrefix(workflowID, rehearsalPrefix) }

// SuiteID is the id of a suite of rehearsals.
func SuiteID(name string) string { return "suite/" + name }

// NoticeID is the id of the notice of a run's nth occasion, and of the workflow
// that tells people of it.
func NoticeID(workflowID, runID string, n int, o Occasion) string {
	return fmt.Sprintf("notify/%s/%s/%d-%s", workflowID, runID, n, o)
}

// Search attributes, set by the workflow only.
const (
	AttributeTarget      = "RolloutTarget"
	AttributeService     = "RolloutService"
	AttributeEnvironment = "RolloutEnvironment"
	AttributePhase       = "RolloutPhase"
	AttributeOutcome     = "RolloutOutcome"
	AttributeCandidate   = "RolloutCandidate"
	AttributeWaitingFor  = "RolloutWaitingFor"
	AttributeStep        = "RolloutStep"
	AttributeWeight      = "RolloutWeight" // basis points
	AttributeNeedsHuman  = "RolloutNeedsHuman"
)

// KeywordAttributes lists the search attributes that hold words. A namespace
// needs these, IntAttributes and BoolAttributes before a worker may start.
func KeywordAttributes() []string {
	return []string{AttributeTarget, AttributeService, AttributeEnvironment, AttributePhase,
		AttributeOutcome, AttributeCandidate, AttributeWaitingFor}
}

// IntAttributes lists the search attributes that hold whole numbers.
func IntAttributes() []string { return []string{AttributeStep, AttributeWeight} }

// BoolAttributes lists the search attributes that hold true or false.
func BoolAttributes() []string { return []string{AttributeNeedsHuman} }

package rollout

import "time"

// Event is one line of the audit story: what `bakeoff history` prints. Each is
// derived from one event of the Temporal history.
type Event struct {
	Seq   int            `json:"seq"`  // from 1, oldest first
	Time  time.Time      `json:"time"` // of the Temporal event
	Kind  EventKind      `json:"kind"`
	Step  int            `json:"step,omitempty"`
	Text  string         `json:"text"` // one sentence
	Actor string         `json:"actor"`
	Data  map[string]any `json:"data"`
}

// EventKind names a kind of event in the audit story. docs/history.md says
// which Temporal event each is derived from.
type EventKind string

// The kinds of events.
const (
	EventSubmitted       EventKind = "Submitted"
	EventAdmitted        EventKind = "Admitted"
	EventRefused         EventKind = "Refused"
	EventSnapshot        EventKind = "Snapshot"
	EventPreflight       EventKind = "Preflight"
	EventDeployed        EventKind = "Deployed"
	EventGateWaiting     EventKind = "GateWaiting"
	EventGatePassed      EventKind = "GatePassed"
	EventGateRefused     EventKind = "GateRefused"
	EventWeightSet       EventKind = "WeightSet"
	EventWeightObserved  EventKind = "WeightObserved"
	EventCohortSet       EventKind = "CohortSet"
	EventWindow          EventKind = "Window"
	EventStepPassed      EventKind = "StepPassed"
	EventHeld            EventKind = "Held"
	EventPaused          EventKind = "Paused"
	EventResumed         EventKind = "Resumed"
	EventCommand         EventKind = "Command"
	EventDrift           EventKind = "Drift"
	EventBreach          EventKind = "Breach"
	EventRestoring       EventKind = "Restoring"
	EventTrafficRestored EventKind = "TrafficRestored"
	EventHealthRestored  EventKind = "HealthRestored"
	EventCompared        EventKind = "Compared"
	EventPromoted        EventKind = "Promoted"
	EventCleanedUp       EventKind = "CleanedUp"
	EventNotified        EventKind = "Notified"
	EventNeedsHuman      EventKind = "NeedsHuman"
	EventSealed          EventKind = "Sealed"
	EventUnitStarted     EventKind = "UnitStarted"
	EventUnitKept        EventKind = "UnitKept"
	EventUnitEnded       EventKind = "UnitEnded"
	EventEnded           EventKind = "Ended"
)

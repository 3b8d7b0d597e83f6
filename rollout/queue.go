package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// TargetType is the registered name of the workflow that stands above the
// rollouts of one target: it accepts releases, keeps the queue, remembers what
// was good, and looks after the rollout that runs.
const TargetType = "Target"

// CommandSubmit asks a Target for a rollout. It is a Signal and an Update; both take
// a Submit, and the Update answers with a Submission. Besides it, a Target takes the
// commands abort, resume, rollback and drop.
const CommandSubmit = "submit"

// CommandAdopt is the Signal that tells a Target of a rollout that it did not start
// itself: one that was started while no worker answered, or a fleet's unit that is
// about to end. It takes a Course.
const CommandAdopt = "adopt"

// CommandWithdraw is the Signal that takes an order back: no worker accepted it in
// time, and its giver was told so, so it must not be carried out when it is delivered
// late. It takes a Withdrawal. An order whose rollout has begun stays.
const CommandWithdraw = "withdraw"

// RecoveryID is the id of the order that puts back what a run had changed that was cut off.
func RecoveryID(runID string) string { return "recover/" + runID }

// Withdrawal names the order that is taken back.
type Withdrawal struct {
	ID      string `json:"id"` // of the order
	Version string `json:"version"`
	Actor   string `json:"actor"`

	SpecDigest string `json:"specDigest,omitempty"` // of the order
}

// Order is as much of the order as is known.
func (w Withdrawal) Order() Order {
	return Order{ID: w.ID, Actor: w.Actor, SpecDigest: w.SpecDigest, Spec: Spec{Release: Release{Version: w.Version}}}
}

// SignalRestored tells a Target what became of a break-glass restore, which runs
// without any workflow. It takes a Restored. The Target only records it.
const SignalRestored = "restored"

// Restored is a break-glass restore that came to its end.
type Restored struct {
	Command  Command `json:"command"`
	RunID    string  `json:"runId"` // of the rollout whose changes were put back
	Baseline string  `json:"baseline"`
	Problem  string  `json:"problem,omitempty"` // what was not put back; "": traffic was seen back on the baseline
}

// ErrorRenewing is the type of the error with which a Target refuses an Update
// while it continues as a new run. The same Update succeeds a moment later.
const ErrorRenewing = "Renewing"

// CommandSupersede is the Signal by which a Target sends a rollout back because
// a newer release waits. Operators do not give it.
const CommandSupersede = "supersede"

// TargetID is the id of a target's own workflow.
func TargetID(t Target) string { return targetPrefix + t.String() }

// What a spec may say about a release that arrives while its rollout runs.
const (
	OnNewReject     = "reject"
	OnNewQueue      = "queue"
	OnNewKeepNewest = "keepNewest"
	OnNewSupersede  = "supersede"
)

// Submit asks a Target for a rollout. Summary and Details are what the Temporal
// UI shows of it.
type Submit struct {
	Order   Order  `json:"order"`
	Summary string `json:"summary,omitempty"`
	Details string `json:"details,omitempty"`

	// AskFleet: the Target first looks for a fleet of the service, so that nothing
	// is started under the id of one of its units. Otherwise the rollout looks.
	AskFleet bool `json:"askFleet,omitempty"`
}

// Fate says what became of an order.
type Fate string

// The fates of an order. All but the first two are final.
const (
	FateQueued     Fate = "queued"     // it waits for the rollout before it
	FateStarting   Fate = "starting"   // its rollout is being started
	FateStarted    Fate = "started"    // Submission.RunID names its rollout
	FateSuperseded Fate = "superseded" // a newer release took its place in the queue
	FateRefused    Fate = "refused"    // for now: Cause and Why say why
	FateAborted    Fate = "aborted"    // a person took it out of the queue
)

// IsFinal reports whether the order's fate will not change any more.
func (f Fate) IsFinal() bool { return f != FateQueued && f != FateStarting }

// Submission is an order and what became of it.
type Submission struct {
	ID      string    `json:"id"` // of the order
	Version string    `json:"version"`
	Actor   string    `json:"actor,omitempty"`
	At      time.Time `json:"at"`
	Fate    Fate      `json:"fate"`
	Cause   Cause     `json:"cause,omitempty"`
	Why     string    `json:"why,omitempty"`
	RunID   string    `json:"runId,omitempty"`

	SpecDigest string `json:"specDigest,omitempty"` // of the order; "" of one that an older program gave or took in
}

// IsOf reports whether an order that has the id of this one is that order, given
// again: by the same actor, of the same spec. What else it says does not count, nor
// when it was given, nor where: the default actor is user@host, and a pipeline that
// tries again may do so on another machine.
func (s Submission) IsOf(o Order) bool { return s.IsOfGiver(o) && !s.isOtherSpec(o) }

// IsOfGiver reports the same, whatever the order's spec says beyond the version.
func (s Submission) IsOfGiver(o Order) bool {
	return s.Version == o.Spec.Release.Version && localPart(s.Actor) == localPart(o.Actor)
}

// isOtherSpec reports whether the order has another spec. Where one of them comes from
// an older program, that is not known, and the version has to do.
func (s Submission) isOtherSpec(o Order) bool {
	return s.SpecDigest != "" && o.SpecDigest != "" && s.SpecDigest != o.SpecDigest
}

// localPart is what stands before the @.
func localPart(actor string) string {
	name, _, _ := strings.Cut(strings.TrimSpace(actor), "@")
	return name
}

// Foreign is why an order is refused that comes with the id of this one, and is another.
func (s Submission) Foreign(o Order) string {
	if s.IsOfGiver(o) {
		return fmt.Sprintf("the id %s was that of an order of %s with another spec, by %s: give this one an id of its own, with --id", s.ID, s.Version, NameOf(s.Actor))
	}
	return fmt.Sprintf("the id %s was that of the order of %s, by %s: give each order its own", s.ID, s.Version, NameOf(s.Actor))
}

// Known is a release that was promoted: something to go back to.
type Known struct {
	Release Release   `json:"release"`
	RunID   string    `json:"runId,omitempty"` // of the rollout that promoted it; "": it served before the first
	By      string    `json:"by,omitempty"`
	At      time.Time `json:"at"`
}

// Quarantined is a release that must not be tried again by accident, because its
// rollout was rolled back by a verdict, aborted or rejected, or could not keep it
// running. It is rolled out again only with a reason.
type Quarantined struct {
	Version  string    `json:"version"`
	Artifact string    `json:"artifact,omitempty"`
	Reason   string    `json:"reason"`
	RunID    string    `json:"runId"`
	At       time.Time `json:"at"`
}

// Course is a rollout that a Target looks after.
type Course struct {
	Submit Submit `json:"submit"`
	RunID  string `json:"runId,omitempty"`  // "" while it is being started
	Lost   string `json:"lost,omitempty"`   // the run that was cut off, if this rollout is its recovery
	Holder bool   `json:"holder,omitempty"` // it was not started here
}

// TargetStatus is what a Target knows: the answer to its status query, and what
// it hands on to its next run.
type TargetStatus struct {
	Target      Target        `json:"target"`
	Running     *Course       `json:"running,omitempty"`
	Beside      []Course      `json:"beside,omitempty"`      // begun beside this workflow before the end of Running was known here, oldest first
	Owed        []Submit      `json:"owed,omitempty"`        // recoveries that wait until the target is free, oldest first
	Queue       []Submit      `json:"queue,omitempty"`       // oldest first
	Stands      string        `json:"stands,omitempty"`      // why the queue waits for a resume; "": it does not wait
	StandsSince *time.Time    `json:"standsSince,omitempty"` // when it began to stand; nil if nobody is told of that
	StandsTold  int           `json:"standsTold,omitempty"`  // how often people were told of it: once at first, and once for each rung
	Drift       string        `json:"drift,omitempty"`       // what somebody changed while nothing ran
	Good        []Known       `json:"good,omitempty"`        // newest first: the first serves, unless somebody changed it from outside
	Last        *Spec         `json:"last,omitempty"`        // of the release that was promoted last: how to reach the target
	Quarantine  []Quarantined `json:"quarantine,omitempty"`  // newest last
	Fates       []Submission  `json:"fates,omitempty"`       // of the last orders, newest last
	Commands    []string      `json:"commands,omitempty"`    // the last ones, newest last: "name id", of older workers the id alone
}

// What a Target remembers at most.
const (
	MostFates       = 200
	MostGood        = 20
	MostQuarantined = 50
	MostQueued      = 100
)

// Is reports whether a quarantine is about a release: the same version, and the
// same artifact if both name one.
func (q Quarantined) Is(r Release) bool {
	return q.Version == r.Version && (q.Artifact == "" || r.Artifact == "" || q.Artifact == r.Artifact)
}

// String is why the release is not tried again, for people.
func (q Quarantined) String() string {
	return fmt.Sprintf("%s is in quarantine since %s: %s", q.Version, q.At.UTC().Format("2006-01-02 15:04:05Z"), q.Reason)
}

// TryAgain is what to do about a quarantine.
const TryAgain = "to try it again, say why with --reason"

// Holds returns the quarantine that a release is in at a target, if it is in one.
func (s TargetStatus) Holds(r Release) (Quarantined, bool) {
	i := slices.IndexFunc(s.Quarantine, func(q Quarantined) bool { return q.Is(r) })
	if i < 0 {
		return Quarantined{}, false
	}
	return s.Quarantine[i], true
}

// BackTo is the spec by which a target goes back to a release that was good: all
// of the traffic at once, as soon as it is ready. The release is known to be good, so
// what the checks say of it is recorded but decides nothing, and no hook is asked.
func (s Spec) BackTo(release Release) Spec {
	bake := Duration(time.Minute)
	for _, step := range s.Strategy.steps() {
		bake = min(bake, step.Bake)
	}
	s.Release, s.Baseline, s.Purpose, s.Schedule = release, nil, "", nil
	s.Strategy = Strategy{Window: s.Strategy.Window, KeepBaseline: s.Strategy.KeepBaseline, AllAtOnce: &AllAtOnce{Bake: bake}}
	s.Hooks = slices.DeleteFunc(slices.Clone(s.Hooks), Hook.Asks)
	s.Checks = slices.Clone(s.Checks)
	for i := range s.Checks {
		advisory := false
		s.Checks[i].Gates = &advisory
	}
	s.Policy.Absolute, s.Policy.Foresight, s.Policy.Require = "", "", ""
	s.Policy.EndEarly, s.Policy.Otherwise, s.Policy.HoldFor = false, RulePromote, bake
	return s
}

// Serving is the release that was promoted last, if any.
func (s TargetStatus) Serving() (Known, bool) {
	if len(s.Good) == 0 {
		return Known{}, false
	}
	return s.Good[0], true
}

// GoodBefore finds what to go back to: the version asked for, or for "" the one
// that was good before the one that serves.
func (s TargetStatus) GoodBefore(version string) (Known, bool) {
	for i, known := range s.Good {
		if known.Release.Version == version || version == "" && i > 0 && known.Release.Version != s.Good[0].Release.Version {
			return known, true
		}
	}
	return Known{}, false
}

package rollout

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"slices"
)

// Plan is a rollout worked out in full: what will be done, in which order, how
// each act is undone, and how long everything may take. It is data: a worker
// makes it in Admit, the workflow follows it, auditors read it.
type Plan struct {
	Spec         Spec              `json:"spec"` // with every default filled in
	Target       string            `json:"target"`
	Candidate    string            `json:"candidate"`
	Copy         string            `json:"copy,omitempty"`  // version of the same-age copy of the baseline; "": none
	Rungs        int               `json:"rungs,omitempty"` // of an adaptive strategy: how many weights it may take
	Steps        []PlannedStep     `json:"steps"`
	Promote      *Approval         `json:"promote,omitempty"`
	PromoteOwner string            `json:"promoteOwner,omitempty"` // who answers for the promotion
	KeepBaseline Duration          `json:"keepBaseline"`
	Acts         []Act             `json:"acts"`
	Events       int               `json:"events"`  // bound on the history's length, see EventBound
	Actions      int               `json:"actions"` // bound on billable actions, heartbeats not counted
	Warnings     []string          `json:"warnings,omitempty"`
	Drivers      map[string]string `json:"drivers,omitempty"` // what each driver says of itself, by role
	Drill        *Drill            `json:"drill,omitempty"`   // rehearsals only

	// GoesBack: this is a drill, and goes no further than its step, whatever its
	// checks, the policy and people say.
	GoesBack bool `json:"goesBack,omitempty"`

	Authorized bool     `json:"authorized,omitempty"` // commands are authorized by the rules that the worker has when they are given
	Abort      []string `json:"abort,omitempty"`      // who may abort; empty: anyone
	Gated      bool     `json:"gated,omitempty"`      // every raise first asks whether the target is closed
	Passed     []string `json:"passed,omitempty"`     // keys of the closures that the order overrode

	// VerifiesAborts: the signature of an abort is verified beside the way back. Only
	// where the worker has keys to verify it with.
	VerifiesAborts bool `json:"verifiesAborts,omitempty"`

	Enters bool `json:"enters,omitempty"` // a fleet's unit reports its end to its Target, which then knows what was good

	Notifies   bool   `json:"notifies,omitempty"`   // somebody may want to know: notices are sent
	Escalation []Rung `json:"escalation,omitempty"` // who is told when something waits for long; only where notices are sent

	// StepEscalation is Escalation by the owner of a step, or of the promotion, if that
	// owner is told instead of who answers for the rollout.
	StepEscalation map[string][]Rung `json:"stepEscalation,omitempty"`

	// Quiet: a rehearsal began the rollout, and sends notices of its own. Of the
	// rollout, people are told only what needs one of them, and of commands that were
	// denied or that overrode policy.
	Quiet bool `json:"quiet,omitempty"`

	Behaviour

	Digest string `json:"digest"` // sha256 of the plan without this field
}

// Behaviour says in which way the workflow follows the plan. It is what changed since
// the first rollouts: new ones have all of it, and one that an older worker admitted
// lacks the later parts and goes on as it began, so that its history keeps replaying.
type Behaviour struct {
	// Revision counts changes of the way in which a plan is followed. 1: refused
	// writes are watched. 2: after a promotion a person is asked for where users cannot
	// be sent to the candidate again, and who takes over then tells of no way back.
	Revision int `json:"revision,omitempty"`

	// AbortFirst: when an abort and the answer of an act arrive together, the abort
	// is obeyed first, so that the answer begins nothing new.
	AbortFirst bool `json:"abortFirst,omitempty"`

	// UsersFirst: going back does not wait for the answer to a promotion, and
	// reports users as back without waiting for flags and the primary version.
	UsersFirst bool `json:"usersFirst,omitempty"`

	// ProvesBack: users are not said to be back on a split that may be the one from
	// before a raise that was never seen in force.
	ProvesBack bool `json:"provesBack,omitempty"`

	// ReadyFirst: right before the candidate is sent more traffic, it is asked
	// whether it has its replicas.
	ReadyFirst bool `json:"readyFirst,omitempty"`

	// BindsVotes: a vote counts only if it says for which run, step and plan it is.
	BindsVotes bool `json:"bindsVotes,omitempty"`

	// GatesApart: if the environment and the spec both ask for an approval before a
	// step, a vote for one never counts for the other.
	GatesApart bool `json:"gatesApart,omitempty"`

	// TellsGates: people are told "frozen" whatever closes the target, not only of
	// freezes.
	TellsGates bool `json:"tellsGates,omitempty"`

	// TellsMisdirected: people are also told of denied commands that were meant for
	// another run.
	TellsMisdirected bool `json:"tellsMisdirected,omitempty"`

	// EscalatesWaits: a pause escalates, too, like everything that waits for people;
	// a wait for the fleet alone does not.
	EscalatesWaits bool `json:"escalatesWaits,omitempty"`

	// PauseStands: while a rollout is paused that is what it shows and why, also when
	// a raise from before comes into force. People are told of the pause once.
	PauseStands bool `json:"pauseStands,omitempty"`

	// HeedsDrift: a hold for somebody else's weights that is ended by `promote` has
	// them written over even where no raise follows, and while they are in force they
	// are what is shown.
	HeedsDrift bool `json:"heedsDrift,omitempty"`
}

// PlannedStep is one rung of the plan.
type PlannedStep struct {
	Number   int        `json:"number"` // from 1
	Weight   Weight     `json:"weight"`
	Bake     Duration   `json:"bake"`
	WarmUp   Duration   `json:"warmUp"`
	Poll     Duration   `json:"poll"`
	Grace    Duration   `json:"grace"`
	Windows  []Duration `json:"windows"`
	Absolute bool       `json:"absolute"` // only absolute checks decide: too little traffic on the baseline, or no fair share of it on the candidate
	Approve  *Approval  `json:"approve,omitempty"`
	Cohort   string     `json:"cohort,omitempty"` // gets the candidate from this step on
	Apart    bool       `json:"apart,omitempty"`  // no share of the users meets the candidate: only test traffic, or cohorts
	Owner    string     `json:"owner,omitempty"`  // who answers for it

	PolicyApprove *Approval `json:"policyApprove,omitempty"` // asked before Approve: what the environment asks, where Approve is less strict
}

// NewPlan makes the plan of a valid spec. It fills in defaults and seals the plan
// with its digest. Admit then adds what drivers and policy say, and seals it again.
func NewPlan(s Spec) Plan {
	s = s.WithDefaults()
	p := Plan{
		Spec: s, Target: s.Key().String(), Candidate: s.Release.Version,
		KeepBaseline: *s.Strategy.KeepBaseline, PromoteOwner: s.Owner,
		Behaviour: Behaviour{Revision: 2, AbortFirst: true, UsersFirst: true, ProvesBack: true, ReadyFirst: true, BindsVotes: true, PauseStands: true, HeedsDrift: true},
	}
	if s.Strategy.Baseline == BaselineSameAge && s.Baseline != nil {
		p.Copy = copyOf(s.Baseline.Version)
	}
	if s.Strategy.Adaptive != nil {
		p.Rungs = mostRungs
	}
	if s.Strategy.Promote != nil {
		p.Promote, p.PromoteOwner = s.Strategy.Promote.Approve.withDefaults(), orElse(s.Strategy.Promote.Owner, s.Owner)
	}
	for i, step := range s.Strategy.steps() {
		p.Steps = append(p.Steps, p.step(i+1, step))
	}
	p.Acts = acts(p)
	p.Events, p.Actions = p.EventBound(), p.ActionBound()
	p.Warnings = warnings(p)
	return p.Seal()
}

// copyOf is the version under which a copy of a baseline is deployed.
func copyOf(baseline string) string { return baseline + "-sameage" }

func (p Plan) step(number int, step Step) PlannedStep {
	s := p.Spec
	return PlannedStep{
		Number: number, Weight: step.Weight, Bake: step.Bake,
		WarmUp:  s.Strategy.WarmUpFor(step.Bake),
		Poll:    s.Strategy.Window.PollFor(step.Bake),
		Grace:   s.Policy.GraceFor(step.Bake),
		Windows: s.Strategy.Window.Windows(step.Bake),
		Approve: step.Approve.withDefaults(),
		Cohort:  step.Cohort, Apart: step.Weight == 0, Owner: orElse(step.Owner, s.Owner),

		Absolute: step.Weight == 0 || All-step.Weight < minBaseline,
	}
}

// FirstRelease returns the plan for a service that nothing serves yet. There
// is no baseline to share traffic with, so the candidate takes all of it in
// one step, as long as the longest bake, on absolute checks alone. The first
// approval that the plan asks for is asked before it: that of a step, or else
// that of promotion, because there is no later way to 100 %. The digest stays
// that of the plan that was admitted.
func (p Plan) FirstRelease() Plan {
	longest, policy := p.Steps[0], p.Steps[0].PolicyApprove
	var approve *Approval
	for _, step := range p.Steps {
		approve = orElse(approve, step.Approve)
		if step.Bake > longest.Bake {
			longest = step
		}
	}
	longest.Number, longest.Weight, longest.Absolute = 1, All, true
	longest.Cohort, longest.Apart = "", false
	if approve == nil {
		approve, p.Promote = p.Promote, nil
	}
	longest.Approve, longest.PolicyApprove = approve, policy
	p.Steps, p.Spec.Strategy.Adaptive, p.Copy = []PlannedStep{longest}, nil, ""
	return p
}

// Split is who gets what when the candidate has w and the baseline the rest;
// a copy of the baseline gets as much as the candidate, until it has all.
func (p Plan) Split(baseline string, w Weight) Split {
	switch {
	case baseline == "":
		return Split{p.Candidate: All}
	case p.Copy == "":
		return Split{baseline: All - w, p.Candidate: w}
	case 2*w > All:
		return Split{baseline: All - w, p.Copy: 0, p.Candidate: w}
	default:
		return Split{baseline: All - 2*w, p.Copy: w, p.Candidate: w}
	}
}

// Seal returns the plan with its digest.
func (p Plan) Seal() Plan {
	p.Digest = ""
	body, err := json.Marshal(p)
	if err != nil { // a plan is plain data; specs came from JSON
		body = fmt.Appendf(nil, "%+v", p)
	}
	sum := sha256.Sum256(body)
	p.Digest = "sha256:" + hex.EncodeToString(sum[:])
	return p
}

// Ask returns the plan with an approval before its first raise. One that the spec
// asks serves as well, if it is as strict, at whatever step the spec finds right;
// else both are asked. A deadline that nobody gave is as much later.
func (p Plan) Ask(q Approval) Plan {
	for _, own := range p.Approvals() {
		if own.IsAsStrictAs(q.WithDefaults()) {
			return p
		}
	}
	if p.Spec.Deadline == defaultDeadline(p.Spec.Strategy) {
		p.Spec.Deadline = min(p.Spec.Deadline+min(q.WithDefaults().Within, Duration(longest)), Duration(longest))
	}
	p.Steps = slices.Clone(p.Steps)
	if p.Steps[0].Approve == nil {
		p.Steps[0].Approve = q.withDefaults()
	} else {
		p.Steps[0].PolicyApprove, p.GatesApart = q.withDefaults(), true
	}
	p.Events, p.Actions = p.EventBound(), p.ActionBound()
	return p.Seal()
}

// Approvals are those that the plan asks for.
func (p Plan) Approvals() []*Approval {
	var asked []*Approval
	for _, step := range p.Steps {
		asked = append(asked, step.PolicyApprove, step.Approve)
	}
	return slices.DeleteFunc(append(asked, p.Promote), func(q *Approval) bool { return q == nil })
}

func warnings(p Plan) []string {
	var out []string
	absolute, gating := false, 0
	for _, c := range p.Spec.Checks {
		if c.IsGating() {
			gating++
			absolute = absolute || c.IsAbsolute()
		}
	}
	if gating == 0 {
		out = append(out, "no check decides: every bake ends as NoData, and policy.noData decides")
	} else if !absolute {
		out = append(out, "no absolute check (sloRate, threshold, burnRate): nothing judges the candidate "+p.unjudged())
	}
	for _, c := range p.Spec.Checks {
		if p.Copy != "" && c.By != nil && c.By.Baseline != "" {
			out = append(out, fmt.Sprintf("%s: `by` must match %s, and no other version, as the baseline", c.Name, p.Copy))
		}
	}
	return out
}

// unjudged is where only absolute checks could decide.
func (p Plan) unjudged() string {
	if p.Steps[0].Apart {
		return "before a share of the users has it, at 100%, after promotion, or in a first release"
	}
	return "at 100%, after promotion, or in a first release"
}

// StepID is how activities and history name a step: "s02".
func StepID(number int) string { return fmt.Sprintf("s%02d", number) }

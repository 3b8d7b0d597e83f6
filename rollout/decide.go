package rollout

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Values of Policy.Require.
const (
	RequireNoHarm      = "noHarm"
	RequireNonInferior = "nonInferior"
)

// Rules of a Policy: what to do without a clear answer.
const (
	RuleHold     = "hold"
	RuleRollback = "rollback"
	RulePromote  = "promote"
	RulePutBack  = "putBack"

	RuleWarn     = "warn"
	RuleRequired = "required"
)

// Values of Strategy.Baseline.
const (
	BaselineServing = "serving"
	BaselineSameAge = "sameAge"
)

// Action is what a rollout does next.
type Action string

// The actions that verdicts lead to.
const (
	Watch    Action = "Watch"    // go on watching: nothing is decided yet
	GoOn     Action = "GoOn"     // the step is passed
	Hold     Action = "Hold"     // stay, because the answer is unclear
	PutBack  Action = "PutBack"  // write the weights again that somebody changed
	RollBack Action = "RollBack" // put the baseline back
)

// Moment is everything that a decision may rest on.
type Moment struct {
	Checks   []CheckResult // at the end of a bake the final verdicts, before it those so far
	Absolute bool          // only absolute checks decide, and there may be none
	AtEnd    bool          // the bake's time is up
	Trouble  Duration      // how long the worst verdict has been NoData or Error
	Grace    Duration      // how long that may last
	HeldFor  Duration      // since the step's first hold; 0: never held
	Drifted  string        // the split that somebody else wrote; "": none
	Primary  string        // the primary version, where it is not the candidate any more; "": it is, or nobody asks
	Concerns []Concern     // of people, that stand
	PutBacks int           // how often what is lost was put back in this rollout
}

// Decision is an action with what it rests on.
type Decision struct {
	Action  Action  `json:"action"`
	Verdict Verdict `json:"verdict"` // the worst of the gating checks
	Cause   Cause   `json:"cause,omitempty"`
	Reason  string  `json:"reason,omitempty"`
}

// Decide turns verdicts into an action ("From verdicts to actions" in
// docs/concepts.md). Fail restores at once, also while paused or held. Drift comes
// next. Error and NoData follow their rule once they have lasted longer than grace;
// at the end of a bake, at once. A hold that has lasted holdFor ends as `otherwise`
// says. Advisory checks never decide. People's concerns hold what would go on,
// and keep nothing from going back.
func (p Policy) Decide(m Moment) Decision {
	d := p.onVerdicts(m)
	if d.Action != GoOn || !p.Concerns.HoldsBack(m.Concerns) {
		return d
	}
	d.Reason = ConcernsText(m.Concerns)
	if d = p.apply(RuleHold, m, d); d.Action == RollBack {
		d.Cause = CauseConcern
	}
	return d
}

// onVerdicts is what verdicts and drift lead to.
func (p Policy) onVerdicts(m Moment) Decision {
	verdict, reason := Worst(m.Checks)
	proved := verdict == Pass
	if verdict == "" {
		verdict, reason = NoData, "no check decides"
		if m.Absolute {
			verdict, reason = Pass, "no absolute check judges this stretch"
		}
	}
	d := Decision{Verdict: verdict, Reason: reason}
	switch {
	case verdict == Fail:
		d.Action, d.Cause = RollBack, CauseVerdict
	case m.Drifted != "" || m.Primary != "":
		d = p.onDrift(m, d)
	case verdict == Error || verdict == NoData:
		if m.Trouble > m.Grace {
			d.Reason = fmt.Sprintf("%s for longer than %s: %s", verdict, m.Grace, d.Reason)
		} else if m.AtEnd {
			d.Reason = fmt.Sprintf("%s at the end of the bake: %s", verdict, d.Reason)
		}
		if m.AtEnd || m.Trouble > m.Grace {
			return p.apply(map[Verdict]string{Error: p.Error, NoData: p.NoData}[verdict], m, d)
		}
		d.Action = Watch
	case !m.AtEnd && !(p.EndEarly && proved):
		d.Action = Watch
	case verdict == Pass:
		d.Action = GoOn
	default: // Inconclusive, or still Continue when the time is up
		d.Reason = fmt.Sprintf("%s at the end of the bake: %s", verdict, d.Reason)
		return p.apply(p.Inconclusive, m, d)
	}
	return d
}

func (p Policy) onDrift(m Moment, d Decision) Decision {
	d.Reason = driftText(m)
	rule := p.Drift
	if rule == RulePutBack && m.PutBacks > 0 {
		rule = RuleHold
	}
	if rule == RulePutBack {
		d.Action = PutBack
		return d
	}
	d = p.apply(rule, m, d)
	if d.Action == RollBack {
		d.Cause = CauseTraffic
	}
	return d
}

// driftText says what is not as this rollout wrote it.
func driftText(m Moment) string {
	var texts []string
	if m.Drifted != "" {
		texts = append(texts, "somebody else changed the weights to "+m.Drifted)
	}
	if m.Primary != "" {
		texts = append(texts, "the platform, or somebody else, made "+m.Primary+" the primary version")
	}
	return strings.Join(texts, "; ")
}

// apply follows a rule, and `otherwise` when a hold has lasted long enough.
func (p Policy) apply(rule string, m Moment, d Decision) Decision {
	if rule == RuleHold && m.HeldFor >= p.HoldFor {
		d.Reason = fmt.Sprintf("held for %s: %s", p.HoldFor, d.Reason)
		rule = p.Otherwise
	}
	switch rule {
	case RuleRollback:
		d.Action, d.Cause = RollBack, CauseVerdict
	case RulePromote:
		d.Action = GoOn
	default:
		d.Action = Hold
	}
	return d
}

// severity orders verdicts from the worst to the best.
var severity = []Verdict{Fail, Error, NoData, Inconclusive, Continue, Pass}

// Worst returns the worst verdict of the gating checks with the reasons that
// lead to it; "" where no check decides. A verdict that is none of the six is
// an Error: what is missing is never Pass.
func Worst(checks []CheckResult) (Verdict, string) {
	for _, v := range severity {
		var reasons []string
		for _, c := range checks {
			known := slices.Contains(severity, c.Verdict)
			if !c.Advisory && (c.Verdict == v || !known && v == Error) {
				reasons = append(reasons, orElse(c.Reason, c.Name+": "+string(v)))
			}
		}
		if len(reasons) > 0 {
			return v, strings.Join(reasons, "; ")
		}
	}
	return "", ""
}

// LongestHold is how much longer a hold may last before `otherwise`.
func (p Policy) LongestHold(heldFor time.Duration) time.Duration {
	return max(p.HoldFor.Std()-heldFor, 0)
}

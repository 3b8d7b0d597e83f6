package activities

import (
	"time"

	"bakeoff/rollout"
)

// decide works out what the polls so far lead to.
func (o *observer) decide() {
	final := o.in.AtEnd || o.in.Final && !o.At.Before(o.in.End)
	o.checks = o.results(final)
	if o.in.Policy.EndEarly && !final && !o.in.Waiting {
		if proved := o.results(true); allPass(proved) {
			o.checks = proved
		}
	}
	o.markTrouble()
	moment := rollout.Moment{
		Checks: o.checks, Absolute: o.in.Absolute, AtEnd: final,
		Trouble: o.trouble(), Grace: o.in.Grace, HeldFor: o.heldFor(), PutBacks: o.in.PutBacks,
		Concerns: o.in.Concerns,
	}
	if o.Drift != nil {
		moment.Drifted = o.Drift.String()
	}
	o.decision = o.in.Policy.Decide(moment)
}

// results is where every check stands, with what else speaks against going on.
func (o *observer) results(final bool) []rollout.CheckResult {
	out := o.panel.results(final, o.in.Absolute, o.in.Policy.Require, o.troubles)
	for _, name := range []string{trafficCheck, cohortsCheck, o.in.Candidate, o.in.Copy} {
		if t, found := o.troubles[name]; found {
			out = append(out, rollout.CheckResult{Name: name, Verdict: t.verdict, Reason: t.reason})
		}
	}
	if t, found := o.overBudget(); found {
		out = append(out, rollout.CheckResult{Name: budgetCheck, Verdict: t.verdict, Reason: t.reason})
	}
	if o.in.Verdict != "" && !o.At.Before(o.in.Inject) {
		out = append(out, rollout.CheckResult{Name: "drill", Verdict: o.in.Verdict, Reason: "drill: injected " + string(o.in.Verdict)})
	}
	return out
}

func allPass(checks []rollout.CheckResult) bool {
	verdict, _ := rollout.Worst(checks)
	return verdict == rollout.Pass
}

// markTrouble remembers since when deciding data has been missing or in error.
// An error lasts while the poll does that met with it.
func (o *observer) markTrouble() {
	verdict, _ := rollout.Worst(o.checks)
	if verdict != rollout.Error {
		o.answered = o.took
	}
	if verdict != rollout.NoData && verdict != rollout.Error {
		o.Since = time.Time{}
		return
	}
	if o.Since.IsZero() {
		o.Since = o.At
	}
	if verdict == rollout.Error && o.took > o.in.Poll.Std() {
		o.At = o.At.Add(o.took.Truncate(time.Millisecond) + time.Millisecond)
	}
}

func (o *observer) trouble() rollout.Duration {
	if o.Since.IsZero() {
		return 0
	}
	return rollout.Duration(o.At.Sub(o.Since))
}

// heldFor is how long the step has been held, if it is.
func (o *observer) heldFor() rollout.Duration {
	if !o.in.Held {
		return o.in.HeldFor
	}
	return o.in.HeldFor + rollout.Duration(max(o.At.Sub(o.in.Start), 0))
}

// isDone reports whether the window is over. A window in a hold ends when the
// hold does, any other when something must be done before its end.
func (o *observer) isDone() bool {
	if o.Platform != "" || !o.At.Before(o.in.End) || !o.Closed.Same(o.in.Closed) {
		return true
	}
	switch o.decision.Action {
	case rollout.RollBack, rollout.PutBack:
		return true
	case rollout.Hold:
		return !o.in.Held && !o.in.Waiting || o.isNews()
	case rollout.GoOn:
		return !o.in.Waiting
	case rollout.Watch:
		return o.in.Held && !o.in.Waiting || o.isTooMuch()
	}
	return false
}

// isNews reports whether a window in a hold has seen another split of somebody else's
// than is known. Who changes it all the time is told less and less often.
func (o *observer) isNews() bool {
	if !o.in.Held || !o.in.TellsDrift || o.At.Sub(o.in.Start) < max(2*o.in.Poll.Std(), o.in.HeldFor.Std()/8) {
		return false
	}
	now := o.in.ForeignIn(o.Split, o.Drift, o.in.Known)
	return (now == nil) != (o.in.Known == nil) || !now.Equal(o.in.Known)
}

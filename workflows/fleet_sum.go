package workflows

import (
	"fmt"
	"strings"

	"bakeoff/rollout"
)

// tally is the units of a fleet by what became of them, for people.
type tally struct {
	promoted, served      int
	failed, skipped, lost []string
	cause                 rollout.Cause // of the first that failed
}

func (f *fleet) tally() (t tally) {
	for _, u := range f.units {
		switch s := f.at(u); {
		case u.lost:
			t.lost = append(t.lost, u.Target)
		case u.failed:
			t.failed = append(t.failed, fmt.Sprintf("%s (%s)", u.Unit, s.Outcome))
			t.cause = orElse(t.cause, s.Cause)
		case u.child == nil:
			t.skipped = append(t.skipped, u.Unit)
		case u.served:
			t.served++
		case s.Outcome == rollout.Promoted:
			t.promoted++
		}
	}
	return t
}

// sum says what the fleet came to. Units that failed without stopping it are
// named.
func (f *fleet) sum() {
	t := f.tally()
	switch {
	case f.back != nil:
		f.status.Reason = f.back.reason
	case len(f.units) > 0:
		f.sumForward(t)
	}
	if len(t.failed) > 0 && f.back == nil {
		f.status.Warnings = append(f.status.Warnings, "failed, within the budget of "+fmt.Sprint(f.plan.Budget)+": "+strings.Join(t.failed, ", "))
	}
	if len(t.skipped) > 0 {
		f.status.Warnings = append(f.status.Warnings, "not begun: "+strings.Join(t.skipped, ", "))
	}
	if len(t.lost) > 0 {
		f.status.Outcome = rollout.Failed
		f.status.Reason += "; a person must look at " + strings.Join(t.lost, ", ") + ": bakeoff restore " + t.lost[0]
	}
}

// toServe is what the units are to serve, in words.
func (f *fleet) toServe() string { return orElse(f.status.Candidate, "their own releases") }

// sumForward says what a fleet that came to its end came to: nothing, where no unit
// serves the candidate in the end, or where all of them did before.
func (f *fleet) sumForward(t tally) {
	f.status.Outcome = rollout.Promoted
	f.status.Reason = fmt.Sprintf("%d of %d units serve %s", t.promoted+t.served, len(f.units), f.toServe())
	switch {
	case t.served == len(f.units):
		f.status.Outcome, f.status.Cause = rollout.Refused, rollout.CauseServing
		f.status.Reason = fmt.Sprintf("all %d units serve %s already", len(f.units), f.toServe())
	case f.plan.Exact && t.promoted+t.served == 0:
		f.status.Outcome, f.status.Cause = rollout.RolledBack, t.cause
	case t.served > 0:
		f.status.Reason += fmt.Sprintf(", %d of them already", t.served)
	}
}

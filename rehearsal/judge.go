package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
)

// Judge says what every criterion of the manifest came to, in its order. What
// could not be measured is Unmeasured, and never Passed.
func (m Manifest) Judge(f Facts) []evidence.Criterion {
	var out []evidence.Criterion
	for _, e := range m.Expect {
		out = append(out, f.expected(e))
	}
	for _, p := range m.PlannedProbes(m.Longest()) {
		out = append(out, f.probed(p)...)
	}
	for i, d := range m.Drills {
		out = append(out, f.drilled(d.withDefaults(m.Rollout.Spec), i)...)
	}
	if m.Outcome != "" {
		out = append(out, f.ended(m.Outcome))
	}
	if m.Scaling != nil {
		out = append(out, scaling.Criteria(*m.Scaling, f.Sampled)...)
	}
	for _, l := range m.Load {
		out = append(out, f.sent(l.Name, m.due(l)))
	}
	for i := range m.Faults {
		out = append(out, f.faulted(m.Faults[i]))
	}
	if writes := slices.ContainsFunc(m.Load, load.Load.HasLedger); writes || len(m.Unchanged()) > 0 || f.Ledger != nil {
		out = append(out, f.kept(writes))
	}
	return append(out, f.putBack())
}

// Verdict is the outcome of a whole run, in one sentence.
func (m Manifest) Verdict(criteria []evidence.Criterion, f Facts) (evidence.Outcome, string) {
	if f.Halted != nil {
		return evidence.Halted, halted(*f.Halted)
	}
	if f.Aborted != "" {
		return evidence.Aborted, f.Aborted
	}
	if f.Broken != "" {
		return evidence.Failed, f.Broken
	}
	worst := evidence.Passed
	var against []string
	for _, c := range criteria {
		if c.Outcome == evidence.Passed {
			continue
		}
		if worst != evidence.Failed {
			worst = c.Outcome
		}
		against = append(against, c.Name+": "+c.Reason)
	}
	reason := fmt.Sprintf("all %d criteria hold", len(criteria))
	if len(criteria) == 1 {
		reason = criteria[0].Name + ": " + criteria[0].Reason
	}
	if len(against) > 0 {
		reason = strings.Join(against, "; ")
	}
	switch left := m.left(f); {
	case !m.Negative:
		return worst, reason
	case left != "":
		return evidence.Failed, "a negative control has to fail by what it practises, and not by what it leaves: " + left
	case f.unread():
		return evidence.Unmeasured, "a negative control has to put back what it changes, and whether it did is not known: " + f.putBack().Reason
	case !m.practised(f):
		return evidence.Unmeasured, "a negative control has to fail by what it practises, and nothing was practised: " + reason
	case worst == evidence.Failed:
		return evidence.Passed, "negative control, and it is red: " + reason
	}
	return evidence.Failed, "a negative control has to fail, and this one did not: " + reason
}

// practised reports whether anything took place by which a control may be red: a drill
// that was injected or did not come back, a rollout that took a step, an autoscaler that
// was watched. A load, or a fault, alone is what it is practised under.
func (m Manifest) practised(f Facts) bool {
	for _, d := range f.Drills {
		if slices.ContainsFunc(d.Repeats, func(r evidence.Repeat) bool { return r.BreachAt != nil || r.Outcome == evidence.Failed }) {
			return true
		}
	}
	return f.Rollout != nil && f.Rollout.Step > 0 || m.Scaling != nil && len(f.Sampled.Samples) > 0
}

// left says what a run has certainly not put back; "" where there is nothing.
func (m Manifest) left(f Facts) string {
	last := f.putBack()
	for i := range m.Faults {
		if c := f.faulted(m.Faults[i]); c.Outcome == evidence.Failed {
			last = c
		}
	}
	if last.Outcome != evidence.Failed {
		return ""
	}
	return last.Name + ": " + last.Reason
}

// judged gives a criterion its outcome.
func judged(c evidence.Criterion, holds bool) evidence.Criterion {
	c.Outcome = evidence.Failed
	if holds {
		c.Outcome = evidence.Passed
	}
	return c
}

func passed(name, reason string) evidence.Criterion {
	return evidence.Criterion{Name: name, Outcome: evidence.Passed, Reason: reason}
}

func failed(name, reason string) evidence.Criterion {
	return evidence.Criterion{Name: name, Outcome: evidence.Failed, Reason: reason}
}

func unmeasured(name, reason string) evidence.Criterion {
	return evidence.Criterion{Name: name, Outcome: evidence.Unmeasured, Reason: reason}
}

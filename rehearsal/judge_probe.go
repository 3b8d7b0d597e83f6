package rehearsal

import (
	"cmp"
	"fmt"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// probed judges every probe: before, while faults were there, and after each.
func (f Facts) probed(p PlannedProbe) []evidence.Criterion {
	var out []evidence.Criterion
	if p.Before {
		out = append(out, f.wasWell(p.Probe, WhenBefore))
	}
	if len(p.During) > 0 {
		out = append(out, f.stayedWell(p))
	}
	for _, name := range p.After {
		out = append(out, f.wasWell(p.Probe, WhenAfter(name)))
	}
	return out
}

// asked is what a probe was answered at a time; nil where it was not asked.
func (f Facts) asked(name, when string) *evidence.Probe {
	i := slices.IndexFunc(f.Probes, func(p evidence.Probe) bool { return p.Name == name && p.When == when })
	if i < 0 {
		return nil
	}
	return &f.Probes[i]
}

// wellTitle is what the criterion of a probe is called.
func wellTitle(name, when string) string { return name + ": healthy " + when }

// unasked says why nothing is known of a probe; "" where something is.
func unasked(p *evidence.Probe) string {
	switch {
	case p == nil:
		return "it was not asked"
	case p.Asked > 0:
		return ""
	}
	return "it had no answer: " + cmp.Or(p.Error, p.Unread, "it was not asked")
}

// wasWell says whether there was a good answer. Bad ones are against it where it was
// asked for as long, or as often, as it has.
func (f Facts) wasWell(p Probe, when string) evidence.Criterion {
	title, seen := wellTitle(p.Name, when), f.asked(p.Name, when)
	if why := unasked(seen); why != "" {
		return unmeasured(title, why)
	}
	took := seen.To.Sub(seen.From)
	if seen.Failed < seen.Asked {
		return passed(title, fmt.Sprintf("a good answer, %s after it was asked first", shortened(took)))
	}
	all, had := took+(p.Every+p.Timeout).Std() >= p.Within.Std(), "within "+p.Within.String()
	if when == WhenBefore {
		all, had = seen.InRow >= p.Failures, fmt.Sprintf("in %s", counted(p.Failures, "try", "tries"))
	}
	reason := fmt.Sprintf("%s, none of them good, the last: %s", counted(seen.Asked, "answer", "answers"), seen.Said)
	if !all {
		return unmeasured(title, fmt.Sprintf("%s; it was not asked to the end: %s", reason, cmp.Or(seen.Error, seen.Unread, "the rehearsal ended")))
	}
	c := failed(title, reason+"; one was to be "+had)
	c.From = seen.Since
	return c
}

// stayedWell says whether there were never too many bad answers one after another.
func (f Facts) stayedWell(p PlannedProbe) evidence.Criterion {
	title, seen := wellTitle(p.Probe.Name, p.When), f.asked(p.Probe.Name, p.When)
	if why := unasked(seen); why != "" {
		return unmeasured(title, why)
	}
	value, limit := float64(seen.InRow), float64(p.Probe.Failures)
	c := evidence.Criterion{Name: title, Value: &value, Limit: &limit, Unit: "answers"}
	c.Reason = fmt.Sprintf("%d of %s bad, at most %d one after another, to be below %d", seen.Failed, counted(seen.Asked, "answer", "answers"), seen.InRow, p.Probe.Failures)
	if seen.Said != "" {
		c.Reason += "; the last bad one: " + seen.Said
	}
	blind := seen.Blind > max(rollout.Duration(leastBlind), 3*p.Probe.Every)
	switch c = judged(c, seen.InRow < p.Probe.Failures); {
	case c.Outcome == evidence.Failed:
		c.From = seen.Since
	case seen.Error != "":
		c.Outcome = evidence.Unmeasured
		c.Reason += "; but it could not be asked to the end: " + seen.Error
	case blind:
		c.Outcome = evidence.Unmeasured
		c.Reason += fmt.Sprintf("; but for %s it had no answer", rollout.Duration(shortened(seen.Blind.Std())))
		if seen.Unread != "" {
			c.Reason += ": " + seen.Unread
		}
	}
	return c
}

// Halt works out how a rehearsal was halted: every fault is gone when the last of
// those is that were in force at the first bad answer, or later.
func (f Facts) Halt() *evidence.Halt {
	if f.Halted == nil {
		return nil
	}
	h := *f.Halted
	for _, x := range f.Faults {
		switch last := x.EndedAt; {
		case x.Unverified():
			h.GoneAt, h.Took = nil, nil
			return &h
		case len(x.InForce()) > 0 && last.After(h.FailedAt) && (h.GoneAt == nil || last.After(*h.GoneAt)):
			took := rollout.Duration(last.Sub(h.FailedAt))
			h.GoneAt, h.Took = &last, &took
		}
	}
	return &h
}

// halted is a halt in one sentence.
func halted(h evidence.Halt) string {
	said := fmt.Sprintf("%s: %s one after another, the last: %s", h.Probe, counted(h.Answers, "bad answer", "bad answers"), h.Said)
	switch {
	case h.Before:
		return "the service was not healthy before anything was done to it: " + said
	case h.Took != nil:
		return fmt.Sprintf("%s; every fault was gone %s after the first of them", said, rollout.Duration(shortened(h.Took.Std())))
	}
	return said
}

package scaling

import (
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// criteria holds the figures against what was expected.
func (f *figures) criteria() []evidence.Criterion {
	all := []evidence.Criterion{f.up(), f.many(), f.turns(), f.lowest(), f.highest()}
	if f.e.DownWithin > 0 {
		all = append(all, f.down())
	}
	if f.e.Policy.cools() {
		all = append(all, f.cooldown())
	}
	if w := f.e.Waiting; w != nil && w.Queue > 0 {
		all = append(all, f.waiting(signal{Queue, f.queue}, w.Queue, "requests"))
	}
	if w := f.e.Waiting; w != nil && w.Latency > 0 {
		all = append(all, f.waiting(signal{Latency, f.latency}, w.Latency.Std().Seconds(), "s"))
	}
	return all
}

func (f *figures) up() evidence.Criterion {
	c := evidence.Criterion{Name: "scaling up", Unit: "s", Limit: pointer(f.e.UpWithin.Std().Seconds())}
	missing := f.missing("ready", f.ready)
	took, waited := f.enough.Sub(f.crossed), f.waited().Sub(f.crossed)
	switch {
	case f.unknown != "":
		return unmeasured(c, "what the load needs is not known: %s", f.unknown)
	case f.needed <= f.e.Replicas.Min:
		return unmeasured(c, "the load was %.4g/s at most, which needs %s, no more than replicas.min: raise the load", f.peak, replicas(f.needed))
	case f.crossed.IsZero():
		return f.uncrossed(c)
	case f.enough.IsZero() && missing != "":
		return unmeasured(c, "%s %s not seen to be ready, but %s", replicas(f.needed), were(f.needed), missing)
	case f.enough.IsZero() && waited < f.e.UpWithin.Std():
		return unmeasured(c, "load and samples went on for %s after the trigger, too short to see %s: let them last longer", round(waited), f.e.UpWithin)
	case f.enough.IsZero():
		most := int(f.ready.between(f.crossed, f.until()).most())
		return failed(c, f.crossed, "only %d of the %s needed were ready after %s, and %s were allowed", most, replicas(f.needed), round(waited), f.e.UpWithin)
	}
	c.Reason = fmt.Sprintf("%s %s ready %s after the trigger", replicas(f.needed), were(f.needed), round(took))
	c = f.within(c, f.crossed, f.enough, f.e.UpWithin)
	from, unseen := f.blind()
	switch missing := f.guessed(); {
	case c.Outcome != evidence.Passed:
	case unseen != "" && f.enough.Sub(from) > f.e.UpWithin.Std():
		return unmeasured(c, "%s; but %s", c.Reason, unseen)
	case missing != "":
		return unmeasured(c, "%s; but the load may need more: %s", c.Reason, missing)
	}
	return c
}

// blind is the first moment since when the trigger may have been crossed unseen,
// and why; "" where it was read until it was crossed.
func (f *figures) blind() (from time.Time, why string) {
	from = f.first
	for _, p := range f.trigger {
		if gap := p.at.Sub(from); gap > f.allowedGap() && !p.at.After(f.crossed) {
			return from, fmt.Sprintf("%s was not read for %s before the trigger was seen to be crossed, and %s is the most%s",
				f.triggerName(), round(gap), round(f.allowedGap()), f.why(f.triggerName()))
		}
		from = p.at
	}
	return from, ""
}

// guessed says why what is needed may be more, where it follows from the rate; ""
// where it is certain.
func (f *figures) guessed() string {
	if f.e.Needed > 0 {
		return ""
	}
	return f.missing(Rate, f.rate)
}

func (f *figures) triggerName() string {
	if f.e.Trigger != nil {
		return f.e.Trigger.Signal
	}
	return Rate
}

// uncrossed says why nothing began.
func (f *figures) uncrossed(c evidence.Criterion) evidence.Criterion {
	name := f.triggerName()
	if missing := f.missing(name, f.trigger); missing != "" {
		return unmeasured(c, "the trigger was not seen to be crossed, but %s", missing)
	}
	if f.e.Trigger == nil {
		return unmeasured(c, "the load never needed more than replicas.min: raise it")
	}
	return unmeasured(c, "the trigger was never crossed: %s was %.4g at most, and has to be above %.4g: raise the load or lower the trigger",
		name, f.trigger.most(), f.e.Trigger.Above)
}

func (f *figures) down() evidence.Criterion {
	c := evidence.Criterion{Name: "scaling down", Unit: "s", Limit: pointer(f.e.DownWithin.Std().Seconds())}
	waited := f.last.Sub(f.ended)
	switch {
	case f.missing("rate", f.rate) != "":
		return unmeasured(c, "the end of the need is not known: %s", f.missing("rate", f.rate))
	case f.unknown != "":
		return unmeasured(c, "the end of the need is not known: %s", f.unknown)
	case f.ended.IsZero():
		return unmeasured(c, "the load was not seen to come and to end: sample until after its end")
	case f.floor.IsZero() && f.missing("ready", f.ready) != "":
		return unmeasured(c, "%s %s not seen again, but %s", replicas(f.e.Replicas.Min), were(f.e.Replicas.Min), f.missing("ready", f.ready))
	case f.floor.IsZero() && waited < f.e.DownWithin.Std():
		return unmeasured(c, "samples ended %s after the need did, too early to see %s: sample for longer", round(waited), f.e.DownWithin)
	case f.floor.IsZero():
		return failed(c, f.ended, "more than %s %s still ready %s after the need ended, and %s were allowed",
			replicas(f.e.Replicas.Min), were(f.e.Replicas.Min), round(waited), f.e.DownWithin)
	}
	c.Reason = fmt.Sprintf("no more than %s %s ready %s after the need ended", replicas(f.e.Replicas.Min), were(f.e.Replicas.Min), round(f.floor.Sub(f.ended)))
	return f.within(c, f.ended, f.floor, f.e.DownWithin)
}

// within holds a duration, which the reason tells, against its limit. After a
// gap, what was seen may have been so for long: such a duration is only too long
// when its beginning is.
func (f *figures) within(c evidence.Criterion, from, to time.Time, limit rollout.Duration) evidence.Criterion {
	c.Value = pointer(to.Sub(from).Seconds())
	before := f.ready.latest(to)
	switch {
	case to.Sub(from) <= limit.Std():
		return passed(c, "%s, and %s were allowed", c.Reason, limit)
	case to.Sub(before) > f.allowedGap() && before.Sub(from) <= limit.Std():
		return unmeasured(c, "%s, but nothing was read for %s before that", c.Reason, round(to.Sub(before)))
	}
	return failed(c, from.Add(limit.Std()), "%s, and %s were allowed", c.Reason, limit)
}

func (f *figures) many() evidence.Criterion {
	limit, value := float64(f.e.Overshoot), f.overshoot()
	c := evidence.Criterion{Name: "scaling overshoot", Unit: "replicas", Limit: &limit}
	if f.unknown != "" {
		return unmeasured(c, "what is too much is not known: %s", f.unknown)
	}
	if f.crossed.IsZero() || f.needed == 0 {
		return unmeasured(c, "overshoot is not known: the trigger was never crossed")
	}
	c.Value = pointer(float64(value))
	c.Reason = fmt.Sprintf("%s too many %s ready (%d needed), and %s allowed", replicas(value), were(value), f.needed, are(f.e.Overshoot))
	broken := value > f.e.Overshoot
	if missing := f.guessed(); broken && missing != "" {
		return unmeasured(c, "%s; but the load may need more: %s", c.Reason, missing)
	}
	if _, unseen := f.blind(); !broken && unseen != "" {
		return unmeasured(c, "%s; but %s", c.Reason, unseen)
	}
	return f.told(c, broken, f.crossed, signal{"ready", f.ready})
}

func (f *figures) turns() evidence.Criterion {
	limit, value := float64(f.e.Oscillations), len(f.oscillations)
	c := evidence.Criterion{Name: "scaling oscillations", Unit: "turns", Limit: &limit}
	if missing := f.missing("rate", f.rate); missing != "" {
		return unmeasured(c, "turns cannot be told from those of the load: %s", missing)
	}
	c.Value = pointer(float64(value))
	c.Reason = fmt.Sprintf("the replicas turned %s without a turn of the load, and %s allowed", count(value, "time", "times"), are(f.e.Oscillations))
	from := f.first
	if value > 0 {
		from = f.oscillations[0].at
	}
	of := signal{"wanted", f.wanted}
	if f.e.Signals.Wanted.IsZero() {
		of = signal{"ready", f.ready}
	}
	return f.told(c, value > f.e.Oscillations, from, of)
}

func (f *figures) lowest() evidence.Criterion {
	limit, value := float64(f.e.Replicas.Min), f.ready.least()
	c := evidence.Criterion{Name: "scaling floor", Unit: "replicas", Limit: &limit}
	if len(f.ready) == 0 {
		return unmeasured(c, "%s", f.missing("ready", f.ready))
	}
	c.Value = &value
	c.Reason = fmt.Sprintf("never fewer than %s %s ready, and at least %s asked for", replicas(int(value)), were(int(value)), are(f.e.Replicas.Min))
	return f.told(c, value < limit, f.first, signal{"ready", f.ready})
}

func (f *figures) highest() evidence.Criterion {
	limit, value := float64(f.e.Replicas.Max), max(f.ready.most(), f.wanted.most())
	c := evidence.Criterion{Name: "scaling ceiling", Unit: "replicas", Limit: &limit}
	if len(f.ready)+len(f.wanted) > 0 {
		c.Value = &value
	}
	c.Reason = fmt.Sprintf("%s at most %s ready or wanted, and %s allowed", replicas(int(value)), were(int(value)), are(f.e.Replicas.Max))
	return f.told(c, value > limit, f.first, signal{"ready", f.ready})
}

func (f *figures) cooldown() evidence.Criterion {
	c := evidence.Criterion{Name: "scaling cooldown", Unit: "s"}
	if b := f.e.Policy.broken(f.wanted.changes()); b != nil {
		c.Limit, c.Value = pointer(b.cooldown.Seconds()), pointer(b.apart.Seconds())
		return failed(c, b.later.by, "%s: from %d to %s wanted, and at most %s later from %d to %d, where %s have to pass",
			b.name, b.earlier.from, replicas(b.earlier.to), round(b.apart), b.later.from, b.later.to, b.cooldown)
	}
	if missing := f.missing("wanted", f.wanted); missing != "" {
		return unmeasured(c, "cooldowns are not known: %s", missing)
	}
	if short := f.e.Policy.tooShort(f.spacing); short != nil {
		c.Limit = pointer(short.cooldown.Seconds())
		return unmeasured(c, "%s is %s, and with samples %s apart one that is broken cannot be told from one that is kept: poll more often than every %s",
			short.name, short.cooldown, round(f.spacing), round(short.cooldown/inSight))
	}
	return passed(c, "every cooldown was kept")
}

// waiting is the worst of a signal while replicas were awaited.
func (f *figures) waiting(of signal, limit float64, unit string) evidence.Criterion {
	c := evidence.Criterion{Name: "scaling " + of.name, Unit: unit, Limit: &limit}
	if f.crossed.IsZero() {
		return unmeasured(c, "nobody waited: the trigger was never crossed")
	}
	during := of.between(f.crossed, f.waited())
	if len(during) > 0 {
		c.Value = pointer(during.most())
	}
	text := fmt.Sprintf("%s was %.4g %s at most while replicas were awaited, and %.4g are allowed", of.name, during.most(), unit, limit)
	if during.most() > limit {
		return failed(c, f.crossed, "%s", text)
	}
	if gap := of.gap(f.crossed, f.waited()); len(during) == 0 || gap > f.allowedGap() {
		return unmeasured(c, "%s was not read for %s while replicas were awaited%s", of.name, round(gap), f.why(of.name))
	}
	if _, unseen := f.blind(); unseen != "" {
		return unmeasured(c, "%s; but %s", text, unseen)
	}
	return passed(c, "%s", text)
}

// signal is one that was read, by its name.
type signal struct {
	name string
	track
}

// told is a criterion, with its reason, that is broken by what was seen, whatever
// else was not, and kept only if nothing was missed.
func (f *figures) told(c evidence.Criterion, broken bool, from time.Time, of signal) evidence.Criterion {
	if broken {
		return failed(c, from, "%s", c.Reason)
	}
	if missing := f.missing(of.name, of.track); missing != "" {
		return unmeasured(c, "%s; but %s", c.Reason, missing)
	}
	return passed(c, "%s", c.Reason)
}

// missing says what of a signal was not read; "" when enough was.
func (f *figures) missing(name string, t track) string {
	if len(t) == 0 {
		return name + " was never read" + f.why(name)
	}
	if gap := t.gap(f.first, f.last); gap > f.allowedGap() {
		return fmt.Sprintf("%s was not read for %s, and %s is the most%s", name, round(gap), round(f.allowedGap()), f.why(name))
	}
	if f.seen.Error != "" {
		return "sampling broke off: " + f.seen.Error
	}
	return ""
}

// why is the reason why a signal could not be read, as the end of a sentence; ""
// where none is known.
func (f *figures) why(name string) string {
	if reason := f.seen.Unread[name]; reason != "" {
		return " (" + reason + ")"
	}
	return ""
}

func (p Policy) cools() bool { return p.CooldownUp > 0 || p.CooldownDown > 0 || p.Stabilisation > 0 }

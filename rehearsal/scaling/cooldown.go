package scaling

import (
	"cmp"
	"time"

	"bakeoff/rollout"
)

// change is one rise or fall of what was wanted. It happened after the reading
// at After and before the one at By: a reading takes its time, and is only known
// to be over when the next one begins.
type change struct {
	after, by time.Time
	from, to  int
}

// changes leaves out one that the last reading alone shows.
func (t track) changes() []change {
	var out []change
	for i := 1; i < len(t)-1; i++ {
		if t[i].v != t[i-1].v {
			out = append(out, change{t[i-1].at, t[i+1].at, int(t[i-1].v), int(t[i].v)})
		}
	}
	return out
}

func (c change) isRise() bool { return c.to > c.from }

// tooSoon is the first pair of changes that certainly was closer together than
// a cooldown allows.
type tooSoon struct {
	name     string // of the cooldown
	earlier  change
	later    change
	apart    time.Duration // at most
	cooldown time.Duration
}

// broken returns the first cooldown that was not kept; nil when all were, as
// far as the samples can tell: two changes were at most as far apart as the
// reading before the first one and the one after that which shows the second.
func (p Policy) broken(changes []change) *tooSoon {
	var rise, fall *change
	for i := range changes {
		c := changes[i]
		var found *tooSoon
		if c.isRise() {
			found = soon("cooldownUp", rise, c, p.CooldownUp)
			rise = &changes[i]
		} else {
			found = cmp.Or(soon("cooldownDown", fall, c, p.CooldownDown), soon("stabilisation", rise, c, p.Stabilisation))
			fall = &changes[i]
		}
		if found != nil {
			return found
		}
	}
	return nil
}

// inSight is how many samples a cooldown has to be longer than: two changes are
// known to be that close together at best, the readings before and after them
// included.
const inSight = 3

// tooShort is the first cooldown that samples so far apart can never show to be
// broken; nil where they can show each.
func (p Policy) tooShort(spacing time.Duration) *tooSoon {
	for _, c := range []struct {
		name string
		is   rollout.Duration
	}{{"cooldownUp", p.CooldownUp}, {"cooldownDown", p.CooldownDown}, {"stabilisation", p.Stabilisation}} {
		if c.is > 0 && c.is.Std() <= inSight*spacing {
			return &tooSoon{name: c.name, cooldown: c.is.Std()}
		}
	}
	return nil
}

func soon(name string, earlier *change, later change, cooldown rollout.Duration) *tooSoon {
	if earlier == nil || later.by.Sub(earlier.after) >= cooldown.Std() {
		return nil
	}
	return &tooSoon{name, *earlier, later, later.by.Sub(earlier.after), cooldown.Std()}
}

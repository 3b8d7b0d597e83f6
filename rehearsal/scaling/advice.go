package scaling

import (
	"fmt"
	"math"
	"time"
)

// advice is what the figures say about capacity and about the policy, the most
// useful first. It never decides.
func (f *figures) advice() []string {
	if f.needed == 0 || f.peak == 0 {
		return nil
	}
	out := []string{fmt.Sprintf("one replica serves about %.3g/s: at the peak of %.3g/s it takes %s", f.capacity, f.peak, replicas(f.needed))}
	if f.e.Capacity == 0 && f.e.Needed == 0 {
		out[0] = fmt.Sprintf("at the peak of %.3g/s it settled at %s, %.3g/s for each: say capacity to learn whether fewer would do", f.peak, replicas(f.needed), f.capacity)
	}
	out = append(out, f.aboutCeiling()...)
	out = append(out, f.aboutSpeed()...)
	out = append(out, f.aboutTurns()...)
	return append(out, f.aboutTarget()...)
}

func (f *figures) aboutCeiling() []string {
	ready, wanted := int(f.ready.most()), int(f.wanted.most())
	switch {
	case f.needed > f.e.Replicas.Max:
		return []string{fmt.Sprintf("replicas.max %d cannot carry that: raise it to %d, or shed load", f.e.Replicas.Max, f.needed)}
	case wanted >= f.needed && ready < f.needed && f.enough.IsZero():
		return []string{fmt.Sprintf("the autoscaler asked for %d and got %d: look for a quota, a full node or replicas that do not become ready", wanted, ready)}
	case len(f.wanted) > 0 && wanted < f.needed:
		return []string{fmt.Sprintf("the autoscaler never asked for more than %d: look at its ceiling and its target", wanted)}
	}
	if spare := float64(f.needed)*f.capacity - f.peak; f.e.Capacity > 0 && f.queue.most() > 0 && spare < f.capacity/4 && f.needed < f.e.Replicas.Max {
		return []string{fmt.Sprintf("there is almost nothing to spare with %s at the peak, so a backlog stays: plan for %d", replicas(f.needed), f.needed+1)}
	}
	return nil
}

// aboutSpeed says on what the time went, where scaling up took more than half
// of what is allowed.
func (f *figures) aboutSpeed() []string {
	if starting := f.starting(); f.enough.IsZero() && starting > f.e.UpWithin.Std()/2 {
		return []string{fmt.Sprintf("a replica took %s to be ready: start replicas faster, keep more of them (replicas.min), or trigger earlier", round(starting))}
	}
	if f.crossed.IsZero() || f.asked.IsZero() || f.enough.IsZero() || f.enough.Sub(f.crossed) <= f.e.UpWithin.Std()/2 {
		return nil
	}
	asking, starting := f.asked.Sub(f.crossed), f.enough.Sub(f.asked)
	text := fmt.Sprintf("of %s to scale up, %s went by until the autoscaler asked and %s until replicas were ready: ",
		round(f.enough.Sub(f.crossed)), round(asking), round(starting))
	if starting > asking {
		return []string{text + "start replicas faster, keep more of them (replicas.min), or trigger earlier"}
	}
	return []string{text + "shorten cooldownUp and the interval of its metrics, or lower its target"}
}

// starting is the time from the first rise until what it asked for was ready; 0
// where that was not seen.
func (f *figures) starting() time.Duration {
	for _, c := range f.wanted.changes() {
		if !c.isRise() {
			continue
		}
		i := f.ready.first(c.after, func(v float64) bool { return v >= float64(c.to) })
		if i < 0 {
			return 0
		}
		return f.ready[i].at.Sub(c.after)
	}
	return 0
}

func (f *figures) aboutTurns() []string {
	var out []string
	if n := len(f.oscillations); n > f.e.Oscillations && n == 1 {
		out = append(out, "the autoscaler took one decision back, and the load had not turned: wait longer before it decides (cooldownUp, stabilisation), or let it look at a steadier signal")
	} else if n > f.e.Oscillations {
		out = append(out, fmt.Sprintf("replicas come and go every %s or so: make stabilisation or cooldownDown longer than that (now %s and %s)",
			round(period(f.oscillations)), f.e.Policy.Stabilisation, f.e.Policy.CooldownDown))
	}
	if over := f.overshoot(); over > f.e.Overshoot && !f.enough.IsZero() && !f.asked.IsZero() {
		out = append(out, fmt.Sprintf("%s too many: make cooldownUp longer than a replica takes to start (%s; now %s), or lower replicas.max",
			replicas(over), round(f.enough.Sub(f.asked)), f.e.Policy.CooldownUp))
	}
	return out
}

// period is the mean time from one of several turns to the next but one.
func period(turns []leg) time.Duration {
	last := len(turns) - 1
	return 2 * turns[last].at.Sub(turns[0].at) / time.Duration(last)
}

// aboutTarget compares the number of replicas at which the policy settles with
// the one that is needed.
func (f *figures) aboutTarget() []string {
	t := f.e.Policy.Target
	if t == nil || t.Rate == 0 {
		return nil
	}
	settles := int(math.Ceil(f.peak / (tolerance * float64(t.Rate))))
	if settles <= f.needed {
		return nil
	}
	return []string{fmt.Sprintf("with a target of %s for each, the policy settles at %s where %d would do", t.Rate, replicas(settles), f.needed)}
}

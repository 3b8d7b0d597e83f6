package analysis

import (
	"errors"
	"fmt"
	"math"
)

// BurnRate fails a candidate that spends its error budget too fast: the
// multi-window rule of the SRE Workbook (judges.md §4.5). It looks at the
// candidate only. With burn = share of failed requests/(1 − objective):
//
//	Fail: burn over `long` > factor and burn over `short` > factor
//
// for any pair of windows that holds at least MinEvents failures in its long
// one. Windows reach back in data time, across steps, over what there is: in
// the first minutes long and short see the same. It is a rule and no test:
// there is no e and no α in it, and a candidate that stays below is Pass, under
// nonInferior too. Use sloRate where chance matters.
//
// Counts are kept in buckets of a fifth of `short`, and a window's counts
// belong to the bucket in which it ends; so the windows of data should be no
// longer than that. A stretch is exact to one bucket, never too short.
type BurnRate struct {
	// Objective is the share of requests that succeed, "99.9%" or 0.999;
	// required, from 50 % to below 100 %.
	Objective Share `json:"objective"`

	// Windows are the pairs, at most 4; default 1h/5m at 14.4 and 6h/30m at 6:
	// 2 % of a 30-day budget in an hour, 5 % in six. For short bakes
	// 10m/1m and 30m/3m with the same factors.
	Windows []BurnWindows `json:"windows,omitempty"`

	// MinEvents is how many failures within `long` Fail needs; default 10,
	// 1 to 1e6.
	MinEvents float64 `json:"minEvents,omitempty"`
}

// BurnWindows is one pair of windows with its limit.
type BurnWindows struct {
	Long   Seconds `json:"long"`   // 1 s to a year
	Short  Seconds `json:"short"`  // a 24th of long, at least, to half of it; usually a 12th
	Factor float64 `json:"factor"` // 1 to 1e6
}

const (
	defaultMinEvents = 10
	bucketsPerShort  = 5
	mostBurnWindows  = 4
)

func defaultBurnWindows() []BurnWindows {
	return []BurnWindows{{Long: 3600, Short: 300, Factor: 14.4}, {Long: 6 * 3600, Short: 1800, Factor: 6}}
}

func (b BurnRate) withDefaults() BurnRate {
	b.MinEvents = or(b.MinEvents, defaultMinEvents)
	if len(b.Windows) == 0 {
		b.Windows = defaultBurnWindows()
	}
	return b
}

func (b BurnRate) check(c Config) error {
	problems := []error{
		c.within("objective", float64(b.Objective), 0.5, 1-1e-9),
		c.within("minEvents", b.MinEvents, 1, 1e6),
		c.within("number of windows", float64(len(b.Windows)), 1, mostBurnWindows),
	}
	for i, w := range b.Windows {
		at := fmt.Sprintf("windows[%d].", i)
		problems = append(problems,
			c.within(at+"long", float64(w.Long), 1, 366*24*3600),
			c.within(at+"short", float64(w.Short), float64(w.Long)/24, float64(w.Long)/2),
			c.within(at+"factor", w.Factor, 1, 1e6))
	}
	return errors.Join(problems...)
}

type burnRate struct {
	name    string
	params  BurnRate
	allowed float64 // 1 − objective
	rings   []ring  // one for each pair
}

func newBurnRate(c Config) (*burnRate, error) {
	p := c.Judge.BurnRate.withDefaults()
	if err := p.check(c); err != nil {
		return nil, err
	}
	b := &burnRate{name: c.Name, params: p, allowed: 1 - float64(p.Objective)}
	for _, w := range p.Windows {
		b.rings = append(b.rings, newRing(float64(w.Long), float64(w.Short)))
	}
	return b, nil
}

func (b *burnRate) fold(w Window) (outcome, error) {
	for i := range b.rings {
		b.rings[i].fold(w.End, w.Candidate)
	}
	for i, pair := range b.params.Windows {
		p := b.pace(i)
		if p.events >= b.params.MinEvents && min(p.long, p.short) > pair.Factor {
			return failing, nil
		}
	}
	return judged, nil
}

// pace is how fast the budget is spent, over both windows of a pair.
type pace struct{ long, short, events float64 }

func (b *burnRate) pace(pair int) pace {
	r := &b.rings[pair]
	long, short := r.sum(len(r.buckets)), r.sum(bucketsPerShort+1)
	return pace{long: b.burn(long), short: b.burn(short), events: long.failures}
}

func (b *burnRate) burn(t tally) float64 {
	if t.requests == 0 {
		return 0
	}
	return t.failures / t.requests / b.allowed
}

// weigh tells of the pair that is closest to its limit.
func (b *burnRate) weigh(e *Evidence) opinion {
	reason := b.name + ": none failed"
	for i, pair := range b.params.Windows {
		p := b.pace(i)
		share := min(p.long, p.short, p.long*p.events/b.params.MinEvents) / pair.Factor
		if e.Margin != 0 && share <= e.TowardsFail {
			continue
		}
		e.TowardsFail, e.Ratio, e.Margin = share, min(p.long, p.short), pair.Factor
		if p.events > 0 {
			reason = fmt.Sprintf("%s burns its budget ×%s over %s and ×%s over %s (limit ×%s)",
				b.name, number(p.long), pair.Long, number(p.short), pair.Short, number(pair.Factor))
		}
	}
	e.TowardsFail = min(1, e.TowardsFail)
	return opinion{now: Continue, atEnd: Pass, proved: true, reason: reason}
}

func (b *burnRate) visit(s *state) {
	for i := range b.rings {
		b.rings[i].visit(s)
	}
}

// ring holds the counts of the last `long`, in buckets of data time.
type ring struct {
	width   float64
	newest  float64 // number of the newest bucket since the epoch
	buckets []tally // that of number n at n mod their count
}

func newRing(long, short float64) ring {
	width := short / bucketsPerShort
	return ring{width: width, buckets: make([]tally, int(math.Ceil(long/width-1e-9))+1)}
}

// fold adds counts to the bucket in which their window ends, and forgets what
// has become too old by then.
func (r *ring) fold(end float64, c *Counts) {
	const most = 1 << 53 // beyond it there are no numbers in between
	now := max(-most, min(math.Ceil(end/r.width)-1, most))
	for i := range int(min(now-r.newest, float64(len(r.buckets)))) {
		*r.bucket(now - float64(i)) = tally{}
	}
	r.newest = now
	r.bucket(now).add(c)
}

func (r *ring) bucket(at float64) *tally {
	size := float64(len(r.buckets))
	return &r.buckets[int(at-size*math.Floor(at/size))]
}

// sum is what the newest n buckets hold.
func (r *ring) sum(n int) (t tally) {
	for i := range n {
		b := r.bucket(r.newest - float64(i))
		t.requests += b.requests
		t.failures += b.failures
	}
	return t
}

func (r *ring) visit(s *state) {
	s.floats(&r.newest)
	for i := range r.buckets {
		s.floats(&r.buckets[i].requests, &r.buckets[i].failures)
	}
}

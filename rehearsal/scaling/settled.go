package scaling

import (
	"fmt"
	"time"
)

// plateau is the part of the highest rate that belongs to the peak.
const plateau = 1 - loadTurn

// settled is what the autoscaler settles at under the peak, or why that is not
// known. The peak goes from the first to the last sample whose rate is at least
// three quarters of the highest. It has to last for upWithin, and in its last
// quarter what is wanted (or, if that is not read, what is ready) has to move by
// less than swing. What is wanted at its end is needed, unless
//
//   - it is no more than replicas.min: nothing was scaled, rightly or not;
//   - the queue grows, in that quarter, by more than a tenth of the peak: these
//     replicas do not serve it;
//   - it is replicas.max, and no queue was read that could tell.
func (f *figures) settled() (at int, unknown string) {
	from, to := f.peakTime()
	if lasted := to.Sub(from); lasted < f.e.UpWithin.Std() {
		return 0, fmt.Sprintf("the peak lasted %s, too short to see what the autoscaler settles at within %s: let it last longer, or say capacity", round(lasted), f.e.UpWithin)
	}
	from = to.Add(-to.Sub(from) / 4)
	t := f.decisions().between(from, to)
	if gap := t.gap(from, to); len(t) == 0 || gap > f.allowedGap() {
		return 0, fmt.Sprintf("replicas were not read for %s at the end of the peak%s", round(gap), f.why("ready"))
	}
	last := int(t[len(t)-1].v)
	if t.most()-t.least() >= float64(f.e.Swing) {
		return 0, fmt.Sprintf("the autoscaler did not settle, but moved between %g and %g replicas at the end of the peak: let it last longer, or say capacity", t.least(), t.most())
	}
	if why := f.tooFew(last, from, to); why != "" {
		return 0, fmt.Sprintf("the autoscaler settled at %s, and %s", replicas(last), why)
	}
	return last, ""
}

// tooFew says why a number of replicas may be less than the peak needs.
func (f *figures) tooFew(settled int, from, to time.Time) string {
	q := f.queue.between(from, to)
	switch {
	case settled <= f.e.Replicas.Min:
		return "replicas.min is no less: raise the load, or say capacity"
	case len(q) < 2 && settled >= f.e.Replicas.Max:
		return "whether replicas.max is enough cannot be told without the queue" + f.why(Queue) + ": say capacity"
	case len(q) < 2:
		return ""
	}
	grows := (q[len(q)-1].v - q[0].v) / to.Sub(from).Seconds()
	if grows <= (tolerance-1)*f.peak {
		return ""
	}
	return fmt.Sprintf("the queue grew by %.3g/s: they do not serve %.4g/s, and how many would is not known; say capacity", grows, f.peak)
}

// peakTime is when the peak began and ended.
func (f *figures) peakTime() (from, to time.Time) {
	for _, p := range f.rate {
		if p.v < plateau*f.peak {
			continue
		}
		if from.IsZero() {
			from = p.at
		}
		to = p.at
	}
	return from, to
}

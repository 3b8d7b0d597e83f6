package scaling

import "time"

// leg is a stretch in which a signal moved one way.
type leg struct {
	at   time.Time // when it began to move
	up   bool
	from float64 // where it began
}

// legs divides a track where it turns. A turn is a movement back by at least
// the given amount from the highest point of a rise, or the lowest of a fall;
// smaller movements belong to the leg in which they lie. The first leg begins
// with the first movement of that amount. A leg begins at the last reading at
// its extreme, or, with atMove, at the reading by which it had moved that far.
func (t track) legs(least float64, atMove bool) []leg {
	if len(t) == 0 {
		return nil
	}
	var out []leg
	low, high := t[0], t[0] // since the last turn
	for _, p := range t {
		if p.v <= low.v {
			low = p
		}
		if p.v >= high.v {
			high = p
		}
		last := len(out) - 1
		switch {
		case p.v-low.v >= least && (last < 0 || !out[last].up):
			out = append(out, leg{begin(low, p, atMove), true, low.v})
			high = p
		case high.v-p.v >= least && (last < 0 || out[last].up):
			out = append(out, leg{begin(high, p, atMove), false, high.v})
			low = p
		}
	}
	return out
}

func begin(extreme, moved point, atMove bool) time.Time {
	if atMove {
		return moved.at
	}
	return extreme.at
}

// oscillations are the legs of the replicas, after the first, for which there
// was no reason. Each leg of the load is the reason of one leg of the replicas at
// most: the first one in the same direction that begins after it, and before the
// load turns again. And a rise that had a reason is that of one fall which comes
// back from too much: what is too much, and allowed, comes and goes once.
func oscillations(replicas, load []leg, isAllowed func(tooMany float64) bool) []leg {
	var out []leg
	used, mayReturn := -1, false
	for i, r := range replicas {
		reason := -1
		for j, l := range load {
			if !l.at.After(r.at) {
				reason = j
			}
		}
		switch {
		case reason > used && load[reason].up == r.up:
			used, mayReturn = reason, r.up
		case i == 0:
			mayReturn = r.up
		case mayReturn && !r.up && isAllowed(r.from):
			mayReturn = false
		default:
			out, mayReturn = append(out, r), false
		}
	}
	return out
}

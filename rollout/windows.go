package rollout

import "time"

// Windows cuts a bake: the first window is first long, each next one twice the
// one before, none longer than the cap; a remainder shorter than first joins
// the window before it. A week is 23 windows at the defaults, so history grows
// with the logarithm of time. Their sum is the bake. However long the bake, there
// is an end to them: far beyond what Validate accepts the last takes the rest.
func (w WindowSpec) Windows(bake Duration) []Duration {
	first := w.FirstFor(bake)
	limit := max(orElse(w.Cap, Duration(12*time.Hour)), first)
	var out []Duration
	for left, length := bake, first; left > 0; length = min(2*length, limit) {
		cut := min(length, left)
		if left-cut < first || len(out) == 2*maxWindows {
			cut = left
		}
		out = append(out, cut)
		left -= cut
	}
	return out
}

// Longest is the longest bake that these windows may be of, as Validate has it.
func (w WindowSpec) Longest() Duration {
	limit := max(orElse(w.Cap, Duration(12*time.Hour)), w.First, Duration(time.Second))
	return min(limit, Duration(longest/maxWindows)) * maxWindows
}

// FirstFor is the length of the first window of a bake: a minute, or a quarter
// of a bake shorter than four minutes, at least five seconds.
func (w WindowSpec) FirstFor(bake Duration) Duration {
	if w.First > 0 {
		return min(w.First, max(bake, 1))
	}
	if bake >= Duration(4*time.Minute) {
		return Duration(time.Minute)
	}
	return max(bake/4, Duration(5*time.Second))
}

// PollFor is how often a bake is looked at: every five seconds, at least five
// times in its first window, and at most ten times a second.
func (w WindowSpec) PollFor(bake Duration) Duration {
	poll := min(orElse(w.Poll, Duration(5*time.Second)), w.FirstFor(bake)/5)
	return max(poll, Duration(100*time.Millisecond))
}

// WarmUpFor is how long relative checks are not counted after a raise.
func (s Strategy) WarmUpFor(bake Duration) Duration {
	if s.WarmUp != nil {
		return *s.WarmUp
	}
	return min(bake/10, Duration(time.Minute))
}

// GraceFor is how long NoData or Error may last inside a bake before its rule
// applies: at most half of the bake.
func (p Policy) GraceFor(bake Duration) Duration { return min(p.Grace, bake/2) }

package rehearsal

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Review holds the drills against what was measured beside them, and changes the
// outcomes of those that it contradicts. Who took longer than allowed, or left the
// target changed, has failed, and so has whose users met the candidate when it
// should have been gone; where they never met it, or far more of them than the
// router said, it is not known what there was to come back from. Which version answered is known only where answers say it.
func (m Manifest) Review(f Facts) {
	f.attribute()
	for i, d := range f.Drills {
		for k := range d.Repeats {
			r := &d.Repeats[k]
			f.meet(r, f.following(i, k), m.Rollout.Release.Version)
			took, known := restoreTime(*r)
			left := slices.Concat(r.Differences, r.Residue)
			switch limit := d.Limit.Std(); {
			case r.Outcome == evidence.Failed:
			case known && took > limit && limit > 0:
				r.Outcome = evidence.Failed
				r.Reason = fmt.Sprintf("the baseline was back after %s, %s are allowed", shortened(took), d.Limit)
			case r.Outcome == evidence.Passed && len(left) > 0:
				r.Outcome, r.Reason = evidence.Failed, "it left the target changed: "+strings.Join(left, "; ")
			}
		}
	}
}

// following is when the next thing may give the candidate traffic again.
func (f Facts) following(drill, repeat int) time.Time {
	if repeats := f.Drills[drill].Repeats; repeat+1 < len(repeats) {
		return repeats[repeat+1].StartedAt
	}
	for _, d := range f.Drills[drill+1:] {
		if len(d.Repeats) > 0 {
			return d.Repeats[0].StartedAt
		}
	}
	if f.Rollout != nil && !f.Rollout.StartedAt.IsZero() {
		return f.Rollout.StartedAt
	}
	return f.End
}

// What is taken for certain of who answered: how far clocks may be apart, and how
// seldom chance may keep a candidate from so many users, or give it so many.
const (
	clocksApart = time.Second
	byChance    = 1e-6
	inexact     = 1.2 // a router that gives the candidate so many times its share is not called a liar
)

// meet holds a drill against the versions that users met.
func (f Facts) meet(r *evidence.Repeat, until time.Time, candidate string) {
	if r.RestoredAt == nil || r.RaisedAt == nil || r.Outcome == evidence.Failed {
		return
	}
	name := load.Plain(candidate)
	late := f.answers(r.RestoredAt.Add(clocksApart), until)
	if n := late.of[name]; n > 0 {
		last := late.last[name]
		r.MetUntil, r.Outcome = &last, evidence.Failed
		r.Reason = fmt.Sprintf("users still met %s at %s: %s after the router had said that it has no traffic",
			candidate, last.UTC().Format(time.TimeOnly), counted(n, "answer", "answers"))
		return
	}
	if why := f.share(r, candidate); why != "" && r.Outcome == evidence.Passed {
		r.Outcome, r.Reason = evidence.Unmeasured, why
	}
}

// share says how users were sent otherwise than the router said, from the raise
// until the way back began; "" where that may be chance. Loads come from one
// address: where that decides who gets which version, nothing was practised either.
func (f Facts) share(r *evidence.Repeat, candidate string) string {
	end := *r.RestoredAt
	if r.DecidedAt != nil && r.DecidedAt.Before(end) {
		end = *r.DecidedAt
	}
	during, name, before := f.answers(*r.RaisedAt, end), load.Plain(candidate), load.Plain(f.Before.Version)
	met, others := during.of[name], during.of[before]
	said := rollout.Weight(math.Round(r.Weight * float64(rollout.All)))
	switch {
	case f.Before.Version == "" || r.Weight == 0:
		return ""
	case met == 0 && math.Pow(1-r.Weight, float64(others)) < byChance:
		return fmt.Sprintf("the load never met %s: %s of %s, and none of the %s that it should have had", candidate,
			counted(others, "answer", "answers"), f.Before.Version, said)
	case met > 0 && f.answers(f.Zero, f.End).of[before] > 0 && atLeast(met, met+others, inexact*r.Weight) < byChance:
		return fmt.Sprintf("the load met %s in %.0f%% of %s, and the router said %s", candidate,
			100*float64(met)/float64(met+others), counted(met+others, "answer", "answers"), said)
	}
	return ""
}

// atLeast bounds how probable it is that k or more of n have what each has with
// probability p: exp(−n KL(k/n ‖ p)) (Chernoff 1952); 1 where k/n is not above p.
func atLeast(k, n int, p float64) float64 {
	q := float64(k) / float64(n)
	if p >= 1 || q <= p {
		return 1
	}
	divergence := q * math.Log(q/p)
	if q < 1 {
		divergence += (1 - q) * math.Log((1-q)/(1-p))
	}
	return math.Exp(-float64(n) * divergence)
}

// answered is who answered requests.
type answered struct {
	of   map[string]int       // version → how many
	last map[string]time.Time // version → when the last of them was due
}

// answers counts the answers to what was due in a time, by version.
func (f Facts) answers(from, to time.Time) answered {
	out := answered{map[string]int{}, map[string]time.Time{}}
	for _, r := range f.Requests {
		due := f.Zero.Add(r.At)
		if r.Version != "" && !due.Before(from) && due.Before(to) {
			out.of[r.Version]++
			out.last[r.Version] = due
		}
	}
	return out
}

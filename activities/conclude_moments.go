package activities

import (
	"fmt"
	"slices"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
)

// story is the moments of one rollout.
type story struct {
	name    string
	moments []evidence.Moment
}

func (s *story) at(t *time.Time, kind, text string, value *float64) {
	if t != nil {
		s.moments = append(s.moments, evidence.Moment{Time: *t, Kind: kind, Name: s.name, Text: text, Value: value})
	}
}

// span is a moment that lasts, where it began and has ended.
func (s *story) span(kind, text string, from, to *time.Time) {
	if from != nil && !from.IsZero() && to != nil {
		s.moments = append(s.moments, evidence.Moment{Time: *from, Until: to, Kind: kind, Name: s.name, Text: text})
	}
}

// has tells each share that the candidate had.
func (s *story) has(shares []evidence.Share) {
	for _, x := range shares {
		text := fmt.Sprintf("the candidate has %.4g%%", x.Share*100)
		switch {
		case x.Share == 0 && len(x.Cohorts) == 0:
			text = "the candidate has nothing"
		case len(x.Cohorts) > 0:
			text += fmt.Sprintf(", and of cohorts %v", x.Cohorts)
		}
		if x.Step > 0 {
			text += fmt.Sprintf(", step %d", x.Step)
		}
		s.at(&x.At, evidence.MomentWeight, text, &x.Share)
	}
}

// momentsOf is what happened in one drill.
func momentsOf(d evidence.Drill, r evidence.Repeat) []evidence.Moment {
	s := story{name: fmt.Sprintf("%s, %d", d.Name, r.Number)}
	s.has(sharesOf(r))
	s.at(r.BreachAt, evidence.MomentBreach, "the verdict is injected", nil)
	s.at(r.DecidedAt, evidence.MomentDecision, "it is decided to go back", nil)
	s.at(r.RestoredAt, evidence.MomentRestored, "the baseline has all traffic", nil)
	s.at(r.HealthyAt, evidence.MomentHealthy, "the baseline is well", nil)
	return s.moments
}

// momentsOfRollout is what happened in the rollout itself; nothing where none was
// made.
func momentsOfRollout(r *evidence.Rollout) []evidence.Moment {
	if r == nil {
		return nil
	}
	s := story{name: "rollout"}
	s.span(evidence.MomentRollout, fmt.Sprintf("the rollout itself: %s: %s", r.Outcome, r.Reason), &r.StartedAt, r.EndedAt)
	s.has(r.Shares)
	s.at(r.BreachAt, evidence.MomentBreach, "what is bad is seen: "+r.Reason, nil)
	s.at(r.DecidedAt, evidence.MomentDecision, "it is decided to go back", nil)
	s.at(r.RestoredAt, evidence.MomentRestored, "the baseline has all traffic", nil)
	s.at(r.HealthyAt, evidence.MomentHealthy, "the baseline is well", nil)
	back := story{name: "going back"}
	back.span(evidence.MomentRollout, "what was promoted is taken back", r.BackAt, r.BackUntil)
	return append(s.moments, back.moments...)
}

// sharesOf is what the candidate of a drill had; of one that an older worker made,
// all that is known: the share of its last step.
func sharesOf(r evidence.Repeat) []evidence.Share {
	switch {
	case len(r.Shares) > 0:
		return r.Shares
	case r.RaisedAt == nil:
		return nil
	}
	out := []evidence.Share{{At: *r.RaisedAt, Share: r.Weight}}
	if r.RestoredAt != nil {
		out = append(out, evidence.Share{At: *r.RestoredAt})
	}
	return out
}

// weights is the candidate's share over time, as the router was seen to have it in
// the drills and in the rollout itself.
func weights(f rehearsal.Facts, rolled *evidence.Rollout) evidence.Series {
	var shares []evidence.Share
	for _, d := range f.Drills {
		for _, r := range d.Repeats {
			shares = append(shares, sharesOf(r)...)
		}
	}
	if rolled != nil {
		shares = append(shares, rolled.Shares...)
	}
	out := evidence.Series{Name: evidence.SeriesWeight, Unit: rehearsal.UnitRatio}
	if len(shares) == 0 {
		return out
	}
	slices.SortStableFunc(shares, func(a, b evidence.Share) int { return a.At.Compare(b.At) })
	last := 0.0
	add := func(t time.Time, v float64) {
		if second := t.Sub(f.Zero).Seconds(); len(out.Seconds) == 0 || second > out.Seconds[len(out.Seconds)-1] {
			out.Seconds, out.Values = append(out.Seconds, second), append(out.Values, v)
		}
		last = v
	}
	add(f.Zero, 0)
	for _, x := range shares {
		add(x.At.Add(-time.Millisecond), last) // a step, whoever draws it
		add(x.At, x.Share)
	}
	add(f.End, last)
	return out
}

// met is the candidate's share of the answers, each second, by those that name
// the version that gave them; empty where none does, or the two are not told apart.
func met(m rehearsal.Manifest, f rehearsal.Facts) evidence.Series {
	out := evidence.Series{Name: evidence.SeriesWeight, Of: evidence.SeriesUsers, Unit: rehearsal.UnitRatio}
	baseline, candidate := load.Plain(f.Before.Version), load.Plain(m.Rollout.Release.Version)
	if baseline == "" || baseline == candidate {
		return out
	}
	second, all, of := 0, 0, 0
	flush := func() {
		if all > 0 {
			out.Seconds, out.Values = append(out.Seconds, float64(second)), append(out.Values, float64(of)/float64(all))
		}
		all, of = 0, 0
	}
	for _, r := range f.Requests {
		if at := int(r.At / time.Second); at != second {
			flush()
			second = at
		}
		switch r.Version {
		case candidate:
			all, of = all+1, of+1
		case baseline:
			all++
		}
	}
	flush()
	return out
}

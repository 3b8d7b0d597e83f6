package rollout

import (
	"fmt"
	"time"
)

// Schedule says from when, and until when, users may get a release.
type Schedule struct {
	From time.Time `json:"from,omitzero"` // until then no flag is set, no cohort moved and no weight raised; default: at once
	To   time.Time `json:"to,omitzero"`   // then everything goes back, however far the rollout is; default: never
}

// LongestSchedule is how far ahead a schedule may lie: a rollout is open, and
// watched, until then.
const LongestSchedule = 2 * 365 * 24 * time.Hour

// Begin is from when users may meet the release; zero: at once.
func (s *Schedule) Begin() time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.From.UTC()
}

// End is when everything goes back; zero: never.
func (s *Schedule) End() time.Time {
	if s == nil {
		return time.Time{}
	}
	return s.To.UTC()
}

// Closed is what keeps users from meeting the release at a moment.
func (s *Schedule) Closed(now time.Time) []Closure {
	begin := s.Begin()
	if !now.Before(begin) {
		return nil
	}
	return []Closure{{Gate: GateSchedule, Name: Clock(begin), Until: &begin, Exposure: ExposureHold,
		Reason: "its schedule begins at " + Clock(begin), Keys: []string{"schedule/from@" + begin.Format(time.RFC3339Nano)}}}
}

// Ended is why a rollout goes back when its schedule is over.
func (s *Schedule) Ended() string { return "its schedule ended at " + Clock(s.End()) }

// String reads "from 2026-12-01 08:00 UTC until 2026-12-26 00:00 UTC".
func (s *Schedule) String() string {
	switch {
	case s.Begin().IsZero():
		return "until " + Clock(s.End())
	case s.End().IsZero():
		return "from " + Clock(s.Begin())
	}
	return "from " + Clock(s.Begin()) + " until " + Clock(s.End())
}

func (s *Schedule) validate(v *validation) {
	if s == nil {
		return
	}
	v.require(!s.From.IsZero() || !s.To.IsZero(), "schedule", "says nothing: give `from`, `to` or both, such as 2026-12-01T08:00:00Z")
	v.require(s.To.IsZero() || s.To.After(s.From), "schedule.to", "%s is not after `from` (%s)", Clock(s.To.UTC()), Clock(s.From.UTC()))
}

// impossible says what makes a schedule impossible by now.
func (s *Schedule) impossible(now time.Time) []Problem {
	var v validation
	v.require(s.End().IsZero() || now.Before(s.End()), "schedule.to", "%s is over: give a later moment, or leave it out", Clock(s.End()))
	return append(v, s.TooFar(now)...)
}

// TooFar says what is wrong with a schedule that no rollout can wait for.
func (s *Schedule) TooFar(now time.Time) []Problem {
	if s == nil {
		return nil
	}
	var v validation
	last := later(s.Begin(), s.End())
	v.require(last.Sub(now) <= LongestSchedule, "schedule", "%s is too far ahead: at most %s from now, because the rollout is open until then",
		Clock(last), Duration(LongestSchedule))
	return v
}

// Scheduled says what makes the schedule of a fleet impossible by now. Its units keep
// their baselines until it ends: what they may write by then is more than their
// plans say.
func (s FleetSpec) Scheduled(now time.Time, units map[string]Plan) []Problem {
	if s.Schedule == nil {
		return nil
	}
	v := validation(s.Schedule.impossible(now))
	kept := 6 * max(int(s.Schedule.End().Sub(now)/(12*time.Hour)), 0)
	for _, name := range sortedKeys(units) {
		v.require(units[name].Events+kept <= MaxEvents, "schedule.to", "until then %s may write %d events, more than %d: end it earlier",
			name, units[name].Events+kept, MaxEvents)
	}
	return v
}

// Scheduled is the plan as of its admission: its schedule counts in what it may
// write. What makes the schedule impossible by now is told.
func (p Plan) Scheduled(now time.Time) (Plan, []Problem) {
	s := p.Spec.Schedule
	if s == nil {
		return p, nil
	}
	if v := s.impossible(now); len(v) > 0 {
		return p, v
	}
	last := later(s.Begin(), s.End())
	bakes := Duration(0)
	for _, step := range p.Steps {
		bakes += step.Bake
	}
	if open := Duration(s.End().Sub(later(now, s.Begin())).Round(time.Second)); !s.End().IsZero() && bakes >= open {
		p.Warnings = append(p.Warnings, fmt.Sprintf("schedule: the bakes take %s, and users may have it for %s: it goes back before everybody has it", bakes, open))
	}
	// What was to be written is written again after the wait, a timer fires, each with
	// its task, and a window or a look at the gates is open for each half day.
	waits := max(int(last.Sub(now)/(12*time.Hour)), 0) + 1
	p.Events, p.Actions = p.Events+10+6*waits, p.Actions+1+2*waits
	return p, nil
}

func later(t, u time.Time) time.Time {
	if u.After(t) {
		return u
	}
	return t
}

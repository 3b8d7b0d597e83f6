package workflows_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// No user meets what is practised: a rehearsal takes no notice of schedules.
func TestPracticeHasNoSchedule(t *testing.T) {
	a := activities.Activities{Drivers: sim.New("2.4.1").Registry()}
	s := spec()
	s.Schedule = &rollout.Schedule{To: time.Now().Add(-time.Hour)}
	for practised, want := range map[bool]rollout.Cause{true: "", false: rollout.CauseSpec} {
		out, err := a.Admit(t.Context(), activities.AdmitInput{Order: rollout.Order{Spec: s, Actor: "ci"}, Rehearsal: practised})
		require.NoError(t, err)
		require.Equal(t, want, out.Cause)
		require.Nil(t, out.Plan.Spec.Schedule)
	}
}

// TestSchedule holds from when, and until when, users meet a release that has a
// schedule. Times are those since the story began.
func TestSchedule(t *testing.T) {
	t.Parallel()
	const second = time.Second
	between := func(from, to time.Duration, more ...func(*rollout.Spec)) func(*rollout.Spec) {
		return func(s *rollout.Spec) {
			now := time.Now()
			s.Schedule, s.Policy.Grace = &rollout.Schedule{}, rollout.Duration(20*time.Second) // no story is about it
			if from != 0 {
				s.Schedule.From = now.Add(from)
			}
			if to != 0 {
				s.Schedule.To = now.Add(to)
			}
			for _, also := range more {
				also(s)
			}
		}
	}
	asked := func(s *rollout.Spec) {
		s.Strategy.Canary[0].Approve = &rollout.Approval{Within: rollout.Duration(time.Hour)}
	}
	ringed := func(s *rollout.Spec) {
		s.Strategy.Canary, s.Strategy.Rings = nil, []rollout.Step{{Cohort: "internal", Bake: rollout.Duration(2 * second)}}
	}
	absolute := func(s *rollout.Spec) {
		objective := s.Checks[0]
		objective.Name, objective.Judge = "objective", &rollout.Judge{SLORate: &rollout.SLORate{Objective: "95%"}}
		s.Checks = append(s.Checks, objective)
	}
	everybody := func(s *teller) {
		status := s.standing()
		require.Equal(s.t, rollout.PhaseRunning, status.Phase)
		require.Contains(s.t, status.Reason, "everybody has 2.5.0 until ")
		require.Equal(s.t, rollout.All, status.Weight)
	}
	isBack := func(t *testing.T, w *sim.World, s rollout.Status) {
		require.Contains(t, w.Log(), "primary 2.5.0")
		now := w.State()
		require.Equal(t, rollout.All, now.Weights["2.4.1"])
		require.Equal(t, "2.4.1", now.Primary)
		require.Equal(t, []string{"2.4.1"}, now.Versions)
		require.NotNil(t, s.TimeToRestore)
	}
	const ended = "its schedule ended at "
	stories := map[string]story{
		"nobody meets it before": {spec: between(5*second, 0), plot: func(s *teller) {
			s.at(3*second, func() {
				s.waitsFor(rollout.GateSchedule, 0)
				require.NotNil(s.t, s.standing().WaitingUntil)
				require.Contains(s.t, s.standing().Reason, "its schedule begins at ")
				require.Equal(s.t, []string{"deploy 2.5.0"}, s.world.Log())
			})
		}, want: rollout.Promoted, wantLog: good, lasts: 5 * second},
		"one that has begun keeps nobody waiting": {spec: between(-time.Hour, 0), want: rollout.Promoted, wantLog: good},
		"nobody is bothered meanwhile": {spec: between(5*second, 0), notifications: activities.Notifications{Escalation: rungs, Subscriptions: []activities.Subscription{}},
			want: rollout.Promoted, wantLog: good, check: escalated(), lasts: 5 * second},
		"a freeze at the same time is what people hear of": {spec: between(8*second, 0), season: &season{freezes: []closing{{to: 3 * second, exposure: rollout.ExposureHold, actions: "step"}}},
			plot: func(s *teller) {
				s.at(2*second, func() { s.waitsFor(rollout.GateFreeze, 0) })
				s.at(7*second, func() { s.waitsFor(rollout.GateSchedule, 0) })
			}, want: rollout.Promoted, wantLog: good, lasts: 8 * second},
		"flags wait": {spec: between(4*second, 0, flagged), plot: func(s *teller) {
			s.at(2*second, func() { s.waitsFor(rollout.GateSchedule, 0); require.Empty(s.t, s.world.State().Flags) })
		}, want: rollout.Promoted, lasts: 4 * second,
			check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Contains(t, w.State().Flags, "new-cart") }},
		"cohorts wait": {spec: between(4*second, 0, ringed, absolute), world: func(w *sim.World) { w.AddCohort("internal", 500) }, plot: func(s *teller) {
			s.at(2*second, func() {
				s.waitsFor(rollout.GateSchedule, 0)
				require.Empty(s.t, s.world.State().Cohorts)
			})
		}, want: rollout.Promoted, lasts: 4 * second},
		"votes are asked for before": {spec: between(6*second, 0, asked), plot: func(s *teller) {
			s.at(2*second, func() {
				s.waitsFor(rollout.WaitingForApproval, 0)
				s.order(rollout.Command{Name: "approve"}, rollout.Accepted)
			})
			s.at(4*second, func() { s.waitsFor(rollout.GateSchedule, 0) })
		}, want: rollout.Promoted, wantLog: good, lasts: 6 * second},
		"the deadline does not run before": {spec: between(8*second, 0, func(s *rollout.Spec) { s.Deadline = rollout.Duration(7 * second) }),
			want: rollout.Promoted, wantLog: good, lasts: 8 * second},
		"who may passes it, once": {spec: between(12*second, 0), plot: func(s *teller) {
			s.at(2*second, func() { s.order(rollout.Command{Name: "promote"}, rollout.Denied) })
			s.at(2500*time.Millisecond, func() { s.order(rollout.Command{Name: "promote", Override: true}, rollout.Accepted) })
			s.at(8*second, func() { s.waitsFor(rollout.GateSchedule, 1000) })
		}, want: rollout.Promoted, wantLog: good, lasts: 12 * second},
		"a bad candidate goes back, whatever its schedule says": {spec: between(12*second, 0), plot: func(s *teller) {
			s.at(2500*time.Millisecond, func() { s.order(rollout.Command{Name: "promote", Override: true}, rollout.Accepted) })
			s.at(8*second, func() { s.waitsFor(rollout.GateSchedule, 1000); bad(s.world) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors", wantLog: undone},

		"it goes back in the midst of a bake": {spec: between(0, 4*second, func(s *rollout.Spec) { s.Strategy.Canary[0].Bake = rollout.Duration(20 * second) }), want: rollout.RolledBack,
			wantCause: rollout.CauseSchedule, wantReason: ended, wantLog: undone},
		"it goes back although it is paused": {spec: between(0, 5*second), plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended, wantLog: undone, lasts: 5 * second},
		"everybody has it until it ends": {spec: between(0, 20*second), plot: func(s *teller) {
			s.at(16*second, func() { everybody(s) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended, check: isBack, lasts: 20 * second},
		"everybody has it for longer than the deadline": {spec: between(0, 24*second, func(s *rollout.Spec) { s.Deadline = rollout.Duration(16 * second) }),
			plot: func(s *teller) { s.at(20*second, func() { everybody(s) }) },
			want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended, check: isBack, lasts: 24 * second},
		"everybody has it, and it breaks": {spec: between(0, time.Hour, absolute), plot: func(s *teller) {
			s.at(16*second, func() { everybody(s); bad(s.world) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "objective", check: isBack},
		"everybody has it, and it is aborted": {spec: between(0, time.Hour), plot: func(s *teller) {
			s.at(16*second, func() { everybody(s); s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		}, want: rollout.Aborted, check: isBack},
		"it ends before a vote": {spec: between(0, 4*second, asked, flagged), plot: func(s *teller) {
			s.at(2*second, func() {
				s.waitsFor(rollout.WaitingForApproval, 0)
				require.Contains(s.t, s.world.State().Flags, "new-cart")
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended,
			check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Empty(t, w.State().Flags) }},
		"it ends before anything was begun": {spec: between(0, 4*second), order: func(o *rollout.Order) { o.Wait = true },
			season: &season{freezes: []closing{{to: time.Hour, exposure: rollout.ExposureHold}}},
			plot:   func(s *teller) { s.at(2*second, func() { s.waitsFor("freeze", 0) }) },
			want:   rollout.RolledBack, wantCause: rollout.CauseSchedule, wantReason: ended, wantLog: []string{}},
		"it is over": {spec: between(0, -time.Minute), want: rollout.Refused, wantCause: rollout.CauseSpec,
			wantReason: " is over: give a later moment, or leave it out", wantLog: []string{}},
		"too far ahead": {spec: between(0, 3*365*24*time.Hour), want: rollout.Refused, wantCause: rollout.CauseSpec,
			wantReason: "is too far ahead: at most 730d from now", wantLog: []string{}},
		"no time for the bakes": {spec: between(0, 3*second), want: rollout.RolledBack, wantCause: rollout.CauseSchedule,
			check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Contains(t, s.Warnings, "schedule: the bakes take 4s, and users may have it for 3s: it goes back before everybody has it")
			}},
	}
	for name, s := range stories {
		if s.season == nil { // keeps the workflow's clock with that of the activities
			s.season = &season{}
		}
		stories[name] = s
	}
	tell(t, stories)
}

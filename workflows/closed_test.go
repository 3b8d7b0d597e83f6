package workflows_test

import (
	"context"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// season is what closes the target in a story: freezes, by the time since it
// began, and a line that can be stopped.
type season struct {
	freezes []closing
	begin   time.Time

	mu      sync.Mutex
	stopped bool
	broken  bool        // nobody can say whether the line is stopped
	stops   func() bool // asked whenever somebody asks; nil: it is not stopped by itself

	budget *rollout.ErrorBudget
	good   []rollout.Known // of staging/cart

	practice  time.Duration // how lately the way back has to be practised; 0: it has not
	practised time.Time     // when it was
}

// Required is how lately the way back has to be practised.
func (s *season) Required(string) time.Duration { return s.practice }

// Practised is when it was.
func (s *season) Practised(context.Context, string) (time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.broken {
		return time.Time{}, errors.New("the server is away")
	}
	return s.practised, nil
}

// practises has it practised, some time ago.
func (s *season) practises(ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.practised = time.Now().Add(-ago)
}

// Good is what served another target.
func (s *season) Good(_ context.Context, t rollout.Target) ([]rollout.Known, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if t.Service != "cart" {
		return nil, nil
	}
	return s.good, nil
}

// Quarantined: nothing is.
func (*season) Quarantined(context.Context, rollout.Target, rollout.Release) (*rollout.Quarantined, error) {
	return nil, nil
}

// serves gives staging/cart a release, some time ago.
func (s *season) serves(version string, ago time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.good = []rollout.Known{{Release: rollout.Release{Version: version}, At: time.Now().Add(-ago)}}
}

// Budget is the error budget of every target.
func (s *season) Budget(rollout.Target) *rollout.ErrorBudget { return s.budget }

// closing is one freeze.
type closing struct {
	from, to time.Duration
	exposure string
	actions  string // "": all
}

func (s *season) Frozen(q rollout.Question, now time.Time) []rollout.Closure {
	var out []rollout.Closure
	for _, f := range s.freezes {
		from, to := s.begin.Add(f.from), s.begin.Add(f.to)
		if now.Before(from) || !now.Before(to) || f.actions != "" && !strings.Contains(f.actions, q.Action) {
			continue
		}
		out = append(out, rollout.Closure{Gate: rollout.GateFreeze, Name: "party", Reason: `freeze "party"`,
			Until: &to, Exposure: f.exposure, Keys: []string{"party@" + f.from.String()}})
	}
	return out
}

func (s *season) Next(rollout.Question, time.Time) (time.Time, string, bool) {
	return time.Time{}, "", false
}

func (s *season) Stopped(context.Context, string, time.Time) ([]rollout.Closure, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	switch {
	case s.broken:
		return nil, errors.New("the server is away")
	case s.stopped, s.stops != nil && s.stops():
		return []rollout.Closure{{Gate: rollout.GateStop, Name: "staging", Reason: "the line is stopped", Exposure: rollout.ExposureHold, Keys: []string{"stop"}}}, nil
	}
	return nil, nil
}

func (s *season) set(stopped, broken bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.stopped, s.broken = stopped, broken
}

// standing is the status that a query answers.
func (s *teller) standing() rollout.Status {
	answer, err := s.env.QueryWorkflow(rollout.StatusQuery)
	require.NoError(s.t, err)
	var status rollout.Status
	require.NoError(s.t, answer.Get(&status))
	return status
}

// waitsFor requires that the rollout waits for something, at a weight.
func (s *teller) waitsFor(what string, w rollout.Weight) {
	status := s.standing()
	require.Equal(s.t, what, status.WaitingFor, status.Reason)
	require.Equal(s.t, w, status.Weight)
}

// flagged gives the release a flag.
func flagged(s *rollout.Spec) {
	s.Release.Flags = map[string]any{"new-cart": map[string]any{"enabled": true}}
	s.Target.Flags = &rollout.Driver{Driver: "sim"}
}

func bad(w *sim.World) { w.Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.3}) }

// TestClosed holds what freezes and a stopped line do to a rollout, and that
// none of it keeps it from going back.
func TestClosed(t *testing.T) {
	const second = time.Second
	hold, finish, back := rollout.ExposureHold, rollout.ExposureFinishStep, rollout.ExposureRollback
	frozen := func(from, to time.Duration, exposure string) *season {
		return &season{freezes: []closing{{from: from, to: to, exposure: exposure}}}
	}
	stops, overtakes := &season{}, &season{}
	budgeted := func() *season {
		b := rollout.ErrorBudget{Objective: "99%", Failures: "failures", Requests: "requests"}.WithDefaults()
		return &season{budget: &b}
	}
	spends := func(failures float64) func(*sim.World) {
		return func(w *sim.World) { w.SetIncrease("requests", 1000); w.SetIncrease("failures", failures) }
	}
	blind := &season{}
	ahead, behind, soaking, later := &season{}, &season{}, &season{}, &season{}
	ahead.serves("2.5.0", time.Hour)
	behind.serves("2.4.1", time.Hour)
	soaking.serves("2.5.0", time.Minute)
	later.serves("2.4.1", time.Hour)
	drilled := func(ago time.Duration) *season {
		s := &season{practice: time.Hour}
		s.practises(ago)
		return s
	}
	undrilled := &season{practice: time.Hour}
	needs := func(s *rollout.Spec) {
		s.Needs = []rollout.Need{{Target: "staging/cart", Soaked: rollout.Duration(time.Hour)}}
	}
	oneOf := func(s *rollout.Spec) {
		s.Needs = []rollout.Need{{Any: []rollout.Alternative{{Target: "staging/shop"}, {Target: "staging/cart"}}}}
	}
	enough := &season{}
	enough.serves("2.4.1", time.Hour)
	for name, s := range map[string]story{
		"a start inside is refused": {season: frozen(0, time.Hour, hold),
			want: rollout.Refused, wantCause: rollout.CauseFreeze, wantReason: `refused for now: freeze "party"`, wantLog: []string{}},
		"a start that waits begins when it is over": {season: frozen(0, 4*second, hold), order: func(o *rollout.Order) { o.Wait = true },
			plot: func(s *teller) {
				s.at(second, func() { s.waitsFor("freeze", 0); require.Empty(s.t, s.world.Log()) })
			}, want: rollout.Promoted, wantLog: good, lasts: 4 * second},
		"a start that waits can be aborted": {season: frozen(0, time.Hour, hold), order: func(o *rollout.Order) { o.Wait = true },
			plot: func(s *teller) {
				s.at(second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
			}, want: rollout.Aborted, wantLog: []string{}},
		"an order that overrides passes all the way": {season: frozen(0, time.Hour, back), order: func(o *rollout.Order) { o.Override = true },
			want: rollout.Promoted, wantLog: good, check: func(t *testing.T, _ *sim.World, s rollout.Status) {
				require.Contains(t, strings.Join(s.Warnings, ";"), `overridden by ci@example.com: freeze "party"`)
			}},
		"one that may not override is refused": {season: frozen(0, time.Hour, hold), order: func(o *rollout.Order) { o.Override = true },
			people: activities.Rules{Permissions: map[string]map[string][]string{"staging": {"start": {"anyone"}}}},
			want:   rollout.Refused, wantCause: rollout.CausePolicy, wantReason: "override"},
		"a raise waits outside": {season: &season{freezes: []closing{{from: 500 * time.Millisecond, to: 6 * second, exposure: finish}}},
			plot: func(s *teller) {
				s.at(4*second, func() { s.waitsFor("freeze", 1000); require.NotNil(s.t, s.standing().WaitingUntil) })
			}, want: rollout.Promoted, wantLog: good, lasts: 6 * second},
		"a raise that waited asks whether the candidate still has its replicas": {season: &season{freezes: []closing{{from: 500 * time.Millisecond, to: 6 * second, exposure: finish}}},
			plot: func(s *teller) {
				s.at(4*second, func() { s.waitsFor("freeze", 1000); s.world.SetReplicas("2.5.0", 1) })
				s.at(8*second, func() { s.waitsFor(rollout.WaitingForCapacity, 1000) })
				s.at(9*second, func() { s.world.SetReplicas("2.5.0", sim.DefaultReplicas) })
			}, want: rollout.Promoted, wantLog: good, lasts: 9 * second},
		"a bake stands still": {season: frozen(1500*time.Millisecond, 6*second, hold),
			plot: func(s *teller) {
				s.at(4*second, func() { s.waitsFor("freeze", 1000) })
			}, want: rollout.Promoted, wantLog: good, lasts: 6 * second},
		"neither deadline nor hold run meanwhile": {season: frozen(1500*time.Millisecond, 10*second, hold),
			spec: func(s *rollout.Spec) { s.Deadline = rollout.Duration(7 * second) },
			want: rollout.Promoted, wantLog: good, lasts: 10 * second},
		"users are taken off where the freeze says so": {season: frozen(1500*time.Millisecond, time.Hour, back),
			want: rollout.RolledBack, wantCause: rollout.CauseFreeze, wantReason: `freeze "party" at 10%`, wantLog: undone},
		"flags wait, too": {season: &season{freezes: []closing{{to: 4 * second, exposure: hold, actions: "step"}}}, spec: flagged,
			plot: func(s *teller) {
				s.at(2*second, func() { s.waitsFor("freeze", 0); require.Empty(s.t, s.world.State().Flags) })
			}, want: rollout.Promoted, lasts: 4 * second,
			check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Contains(t, w.State().Flags, "new-cart") }},
		"flags that users have met go back upon an alert": {season: &season{}, spec: func(s *rollout.Spec) {
			flagged(s)
			s.Strategy.Canary[0].Approve = &rollout.Approval{Within: rollout.Duration(time.Hour)}
		}, plot: func(s *teller) {
			s.at(2*second, func() {
				s.waitsFor(rollout.WaitingForApproval, 0)
				s.env.SignalWorkflow(rollout.SignalBreach, rollout.Breach{ID: "b", Source: "alertmanager", Reason: "cart is down"})
			})
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cart is down",
			check: func(t *testing.T, w *sim.World, _ rollout.Status) { require.Empty(t, w.State().Flags) }},
		"a breach inside goes back": {season: frozen(1200*time.Millisecond, time.Hour, hold),
			plot: func(s *teller) {
				s.at(2500*time.Millisecond, func() { s.waitsFor("freeze", 1000); bad(s.world) })
			}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "errors", wantLog: undone},
		"an abort inside goes back": {season: frozen(1200*time.Millisecond, time.Hour, hold),
			plot: func(s *teller) {
				s.at(2500*time.Millisecond, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
			}, want: rollout.Aborted, wantLog: undone},
		"an override passes one closure once": {season: &season{freezes: []closing{{from: 500 * time.Millisecond, to: 13 * second, exposure: hold}}},
			plot: func(s *teller) {
				s.at(2*second, func() { s.order(rollout.Command{Name: "promote"}, rollout.Denied) })
				s.at(2500*time.Millisecond, func() { s.order(rollout.Command{Name: "promote", Override: true}, rollout.Accepted) })
				s.at(8*second, func() { s.waitsFor("freeze", 1000) }) // the raise asks anew
			}, want: rollout.Promoted, wantLog: good, lasts: 13 * second},
		"nothing is raised before the first step": {season: &season{freezes: []closing{{from: 0, to: 5 * second, exposure: back, actions: "step"}}},
			plot: func(s *teller) {
				s.at(2*second, func() {
					s.waitsFor("freeze", 0)
					require.Equal(s.t, []string{"deploy 2.5.0"}, s.world.Log())
				})
			}, want: rollout.Promoted, wantLog: good},
		"promotion alone": {season: &season{freezes: []closing{{from: 0, to: 11 * second, exposure: finish, actions: "promote"}}},
			plot: func(s *teller) {
				s.at(7*second, func() { s.waitsFor("freeze", 5000) })
			}, want: rollout.Promoted, wantLog: good},
		"a pause that outlasts a freeze": {season: frozen(1500*time.Millisecond, 4*second, hold),
			spec: func(s *rollout.Spec) { s.Deadline = rollout.Duration(7 * second) },
			plot: func(s *teller) {
				s.at(2*second, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
				s.at(3*second, func() { s.waitsFor("pause", 1000) })
				s.at(5*second, func() { s.order(rollout.Command{Name: "resume"}, rollout.Accepted) })
			}, want: rollout.Promoted, wantLog: good, lasts: 5 * second},
		"a raise that a stop overtakes on its way to a slow router is taken back": {season: overtakes, spec: func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(time.Minute) }, plot: func(s *teller) {
			s.world.Fail(sim.OpShift, sim.Fault{Slow: 1200 * time.Millisecond, Times: 1})
			raised, back := false, false
			overtakes.stops = func() bool { // from when the router has the raise until that is gone
				weight := s.world.State().Weights["2.5.0"]
				raised = raised || weight > 0
				back = back || raised && weight == 0
				return raised && !back
			}
		}, want: rollout.Promoted, wantLog: slices.Concat(good[:2], []string{"weights 2.4.1 100%"}, good[1:])},
		"the line is stopped and starts again": {season: stops, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Weights["2.5.0"] == 1000 }, func() { stops.set(true, false) })
			s.at(3*second, func() { s.waitsFor("stop", 1000) })
			s.at(4*second, func() { stops.set(false, false) })
		}, want: rollout.Promoted, wantLog: good, lasts: 4 * second},
		"a line of which nothing is known is not raised": {season: blind, spec: func(s *rollout.Spec) { s.SettleWithin = rollout.Duration(time.Minute) }, plot: func(s *teller) {
			s.once(func() bool { return s.world.State().Weights["2.5.0"] == 1000 }, func() { blind.set(false, true) })
			s.at(4*second, func() {
				require.NotContains(s.t, s.world.Log(), "weights 2.4.1 50%, 2.5.0 50%")
				blind.set(false, false)
			})
		}, want: rollout.Promoted, wantLog: good},
		"what another target needs is there": {season: ahead, spec: needs, want: rollout.Promoted, wantLog: good},
		"another release serves there": {season: behind, spec: needs,
			want: rollout.Refused, wantCause: rollout.GatePrerequisite, wantReason: "staging/cart serves 2.4.1, not 2.5.0", wantLog: []string{}},
		"it has not served for long enough": {season: soaking, spec: needs,
			want: rollout.Refused, wantCause: rollout.GatePrerequisite, wantReason: "staging/cart is to serve 2.5.0 for 1h, until ", wantLog: []string{}},
		"nothing is known of it": {season: &season{}, spec: needs,
			want: rollout.Refused, wantCause: rollout.GatePrerequisite, wantReason: "nothing was promoted on staging/cart", wantLog: []string{}},
		"a start that waits for it": {season: later, spec: needs, order: func(o *rollout.Order) { o.Wait = true }, plot: func(s *teller) {
			s.at(second, func() { s.waitsFor(rollout.GatePrerequisite, 0); later.serves("2.5.0", time.Hour) })
		}, want: rollout.Promoted, wantLog: good},
		"one of several is there": {season: ahead, spec: oneOf, want: rollout.Promoted, wantLog: good},
		"none of several is there, and the nearest is told": {season: behind, spec: oneOf, want: rollout.Refused, wantCause: rollout.GatePrerequisite,
			wantReason: "one of staging/shop, staging/cart is needed, and none is as it must be; the nearest: staging/cart serves 2.4.1, not 2.5.0", wantLog: []string{}},
		"a start that waits for one of several": {season: enough, spec: oneOf, order: func(o *rollout.Order) { o.Wait = true }, plot: func(s *teller) {
			s.at(second, func() { s.waitsFor(rollout.GatePrerequisite, 0); enough.serves("2.5.0", time.Second) })
		}, want: rollout.Promoted, wantLog: good},
		"the way back was practised": {season: drilled(time.Minute), want: rollout.Promoted, wantLog: good},
		"it was practised too long ago": {season: drilled(2 * time.Hour),
			want: rollout.Refused, wantCause: rollout.GateRehearsal, wantReason: "and staging asks for that every 1h: rehearse it", wantLog: []string{}},
		"it was never practised": {season: &season{practice: time.Hour},
			want: rollout.Refused, wantCause: rollout.GateRehearsal, wantReason: "no drill of the way back of checkout is known to have passed", wantLog: []string{}},
		"an order that overrides needs no practice": {season: &season{practice: time.Hour}, order: func(o *rollout.Order) { o.Override = true },
			want: rollout.Promoted, wantLog: good},
		"a start that waits for a drill": {season: undrilled, order: func(o *rollout.Order) { o.Wait = true }, plot: func(s *teller) {
			s.at(second, func() { s.waitsFor(rollout.GateRehearsal, 0); undrilled.practises(time.Second) })
		}, want: rollout.Promoted, wantLog: good},
		"enough is left of the error budget": {season: budgeted(), world: spends(3), want: rollout.Promoted, wantLog: good},
		"an error budget that is spent refuses": {season: budgeted(), world: spends(20),
			want: rollout.Refused, wantCause: rollout.GateErrorBudget, wantReason: "the error budget of staging/checkout is spent: 0% of it is left for 30d", wantLog: []string{}},
		"one that burns refuses": {season: budgeted(), world: spends(150),
			want: rollout.Refused, wantCause: rollout.GateErrorBudget, wantReason: "burns ×15.0 over 1h and ×15.0 over 5m", wantLog: []string{}},
		"one that cannot be read refuses": {season: budgeted(), world: spends(-1),
			want: rollout.Refused, wantCause: rollout.GateErrorBudget, wantReason: "cannot be read", wantLog: []string{}},
		"one of which nothing is counted refuses": {season: budgeted(),
			want: rollout.Refused, wantCause: rollout.GateErrorBudget, wantReason: "no requests are counted by requests", wantLog: []string{}},
		"one that is spent before the second step": {season: budgeted(), world: spends(0), plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { spends(150)(s.world) })
			s.at(13*second, func() { s.waitsFor(rollout.GateErrorBudget, 1000); spends(0)(s.world) }) // a reading is used for 10s
			s.at(14*second, func() { s.order(rollout.Command{Name: "promote", Override: true}, rollout.Accepted) })
		}, spec: func(s *rollout.Spec) { s.Strategy.Canary[0].Bake = rollout.Duration(11 * second) },
			want: rollout.Promoted, wantLog: good},
		"one that cannot be read for a while sends nobody back": {season: func() *season {
			s := budgeted()
			s.budget.Exposure = back
			return s
		}(), world: spends(0), plot: func(s *teller) {
			s.at(1500*time.Millisecond, func() { spends(-1)(s.world) })
			s.at(13*second, func() { s.waitsFor(rollout.GateErrorBudget, 1000); spends(0)(s.world) }) // a reading is used for 10s
		}, spec: func(s *rollout.Spec) { s.Strategy.Canary[0].Bake = rollout.Duration(11 * second) },
			want: rollout.Promoted, wantLog: good},
		"one that burned and is only spent now says so": {season: budgeted(), world: spends(0), plot: func(s *teller) {
			says := func(reason string) {
				s.waitsFor(rollout.GateErrorBudget, 1000)
				require.Contains(s.t, s.standing().Reason, reason)
			}
			s.at(1500*time.Millisecond, func() { spends(150)(s.world) })
			s.at(13*second, func() { says("burns ×15.0"); spends(20)(s.world) }) // a reading is used for 10s
			s.at(25*second, func() { says("is spent: 0% of it is left"); spends(0)(s.world) })
			s.at(26*second, func() { s.order(rollout.Command{Name: "promote", Override: true}, rollout.Accepted) })
		}, spec: func(s *rollout.Spec) { s.Strategy.Canary[0].Bake = rollout.Duration(11 * second) },
			want: rollout.Promoted, wantLog: good},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.holds(t)
		})
	}
}

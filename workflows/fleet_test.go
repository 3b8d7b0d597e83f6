package workflows_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/workflows"
)

// fleetStory is one fleet over simulated worlds, one for each unit, with the
// real activities and real rollouts of the units.
type fleetStory struct {
	spec      func(*rollout.FleetSpec)
	world     func(worlds)
	plot      func(*fleetTeller)
	held      map[string]string // workflow id → the run that is open there
	automated bool              // the order gives no reason
	rules     activities.Rules
	bad       quarantine    // what the units' Targets refused
	slow      time.Duration // that a word of the fleet takes to reach a unit

	heard []rollout.Occasion        // what people are told of the fleet, in any order; nil: nobody is
	rungs map[string][]rollout.Rung // by environment: who is told when something waits

	want       rollout.Outcome
	wantCause  rollout.Cause
	wantReason string
	wantUnits  map[string]rollout.Outcome
	check      func(*testing.T, worlds, rollout.Status)
}

// worlds is the world of each unit.
type worlds map[string]*sim.World

// registry finds the world by the parameter "unit".
func (ws worlds) registry() activities.Registry {
	of := func(with activities.With) *sim.World { return ws[with["unit"].(string)] }
	return activities.Registry{
		Deploy:  map[string]func(activities.With) (activities.Deployer, error){"sim": func(w activities.With) (activities.Deployer, error) { return of(w), nil }},
		Traffic: map[string]func(activities.With) (activities.Traffic, error){"sim": func(w activities.With) (activities.Traffic, error) { return of(w), nil }},
		Metrics: map[string]func(activities.With) (activities.Metrics, error){"sim": func(w activities.With) (activities.Metrics, error) { return of(w), nil }},
	}
}

// quarantine is the version that a target holds in quarantine, by the target.
type quarantine map[string]string

func (quarantine) Good(context.Context, rollout.Target) ([]rollout.Known, error) { return nil, nil }

func (q quarantine) Quarantined(_ context.Context, t rollout.Target, r rollout.Release) (*rollout.Quarantined, error) {
	if q[t.String()] != r.Version {
		return nil, nil
	}
	return &rollout.Quarantined{Version: r.Version, Reason: "errors ×3.1", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}, nil
}

// breaks lets a unit's candidate fail so that nobody can miss it.
func (ws worlds) breaks(unit string) {
	ws[unit].Behave("2.5.0", sim.Behaviour{Rate: 400, Failures: 0.5})
}

// bakesFor makes the bake of one unit longer than that of the others.
func bakesFor(s *rollout.FleetSpec, unit string, bake time.Duration) {
	own := s.Units[unit]
	own.Strategy.Canary = []rollout.Step{{Weight: 1000, Bake: rollout.Duration(bake)}}
	s.Units[unit] = own
}

// serves lets units serve the candidate from the start.
func (ws worlds) serves(units ...string) {
	for _, unit := range units {
		ws[unit] = sim.New("2.5.0")
	}
}

// fleetTeller tells what happens in a fleet's story, and when.
type fleetTeller struct {
	teller
	worlds worlds
}

// executions are those that the story says that run, and those of its units.
type executions struct {
	held map[string]string
	slow time.Duration
	env  *testsuite.TestWorkflowEnvironment
}

func (e executions) Holder(_ context.Context, id string) (string, bool, error) {
	return e.held[id], true, nil
}

func (e executions) Tell(_ context.Context, to activities.Unit, w rollout.Word) error {
	time.Sleep(e.slow)
	_ = e.env.SignalWorkflowByID(to.WorkflowID, rollout.SignalFleet, w) // one that is over needs none
	return nil
}

func (executions) Enter(context.Context, rollout.Course) error { return nil }

// Leave asks between two tasks of the fleet, as Temporal does.
func (e executions) Leave(ctx context.Context, _ activities.Unit, target string) (why string, err error) {
	answered := make(chan error, 1)
	e.env.RegisterDelayedCallback(func() {
		answer, err := e.env.QueryWorkflow(rollout.LeaveQuery, target)
		if err == nil {
			err = answer.Get(&why)
		}
		answered <- err
	}, 0)
	select {
	case err := <-answered:
		return why, err
	case <-ctx.Done():
		return "", ctx.Err()
	}
}

func fleetSpec(units ...string) rollout.FleetSpec {
	common := spec()
	common.Kind, common.Service, common.Environment = "", "", ""
	common.Strategy.Canary = common.Strategy.Canary[:1]
	common.Policy.Grace = rollout.Duration(20 * time.Second) // no story is about it, and many units share few cores
	s := rollout.FleetSpec{Kind: "Fleet", Service: "checkout", Environment: "staging", Rollout: common, Units: map[string]rollout.Spec{}}
	for _, unit := range units {
		own := rollout.Driver{With: map[string]any{"unit": unit}}
		s.Units[unit] = rollout.Spec{Target: rollout.Drivers{Deploy: own, Traffic: own, Metrics: &own}}
	}
	return s
}

func (s fleetStory) run(t *testing.T) (worlds, rollout.Status, error) {
	fleet := fleetSpec("a", "b", "c")
	fleet.Waves = [][]string{{"a"}, {"b", "c"}}
	if s.spec != nil {
		s.spec(&fleet)
	}
	ws := worlds{}
	for unit := range fleet.Units {
		ws[unit] = sim.New("2.4.1")
		for _, v := range []string{"2.4.1", "2.5.0"} {
			ws[unit].Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
		}
	}
	if s.world != nil {
		s.world(ws)
	}
	env := new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment()
	env.SetTestTimeout(time.Minute)
	patiently(env)
	env.SetStartWorkflowOptions(client.StartWorkflowOptions{ID: "fleet/staging/checkout", TaskQueue: rollout.QueueControl})
	env.RegisterWorkflow(workflows.Notify)
	var told activities.Notifications
	if s.heard != nil {
		told.Subscriptions = []activities.Subscription{{To: "sim"}}
	}
	if s.heard != nil || s.rungs != nil {
		told.Sinks, told.Escalation = map[string]activities.Notifier{"sim": ws["a"]}, s.rungs
	}
	env.RegisterActivity(&activities.Activities{Notifications: told, Drivers: ws.registry(), Executions: executions{s.held, s.slow, env}, Look: 50 * time.Millisecond,
		Gates: activities.Gates{Targets: s.bad}, Rules: s.rules})
	env.RegisterWorkflowWithOptions(workflows.Rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
	// What units report reaches the fleet, which the environment does not do for its root.
	env.OnSignalExternalWorkflow(mock.Anything, "fleet/staging/checkout", mock.Anything, rollout.SignalUnit, mock.Anything).Return(
		func(_, _, _, name string, report any) error { env.SignalWorkflow(name, report); return nil })
	if s.plot != nil {
		s.plot(&fleetTeller{teller{t, env, nil}, ws})
	}
	reason := "a story"
	if s.automated {
		reason = ""
	}
	env.ExecuteWorkflow(workflows.Fleet, rollout.FleetOrder{Spec: fleet, Actor: "ci@example.com", Reason: reason})
	require.True(t, env.IsWorkflowCompleted())
	var status rollout.Status
	err := env.GetWorkflowError()
	if err == nil {
		require.NoError(t, env.GetWorkflowResult(&status))
	}
	return ws, status, err
}

func TestFleet(t *testing.T) {
	for name, s := range fleetStories {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s.holds(t)
		})
	}
}

func (s fleetStory) holds(t *testing.T) {
	ws, status, err := s.run(t)
	require.NoError(t, err)
	require.Equal(t, s.want, status.Outcome, "%+v", status)
	require.Equal(t, s.wantCause, status.Cause, status.Reason)
	require.Contains(t, status.Reason, s.wantReason)
	require.Equal(t, rollout.PhaseCompleted, status.Phase)
	had, serves := map[string]rollout.Outcome{}, map[string]bool{}
	for _, u := range status.Units {
		had[u.Unit] = u.Outcome
		serves[u.Unit] = u.Outcome == rollout.Promoted || u.Cause == rollout.CauseServing
	}
	if s.wantUnits != nil {
		require.Equal(t, s.wantUnits, had, "%+v", status.Units)
	}
	for unit, w := range ws {
		require.Empty(t, w.Violations(), unit)
		sole, err := w.State().Weights.Sole()
		require.NoError(t, err, unit)
		require.Equal(t, map[bool]string{true: "2.5.0", false: "2.4.1"}[serves[unit]], sole, unit)
		require.Equal(t, []string{sole}, w.State().Versions, unit)
	}
	if s.heard != nil {
		require.ElementsMatch(t, s.heard, toldOfFleet(ws["a"]), "%+v", ws["a"].Heard())
	}
	if s.check != nil {
		s.check(t, ws, status)
	}
}

// outcomes of the units a, b and c.
func outcomes(of ...rollout.Outcome) map[string]rollout.Outcome {
	out := map[string]rollout.Outcome{}
	for i, o := range of {
		out[string(rune('a'+i))] = o
	}
	return out
}

// toldOfFleet is what people were told of the fleet itself.
func toldOfFleet(w *sim.World) (events []rollout.Occasion) {
	for _, m := range w.Heard() {
		if m.WorkflowID == "fleet/staging/checkout" {
			events = append(events, m.Event)
		}
	}
	return events
}

// neverBegun requires that nothing was written in a unit's world.
func neverBegun(units ...string) func(*testing.T, worlds, rollout.Status) {
	return func(t *testing.T, ws worlds, _ rollout.Status) {
		for _, unit := range units {
			require.Empty(t, ws[unit].Log(), unit)
		}
	}
}

const promotedAll, wentBack, aborted = rollout.Promoted, rollout.RolledBack, rollout.Aborted

var fleetStories = map[string]fleetStory{
	"good units are promoted, wave after wave": {
		want: rollout.Promoted, wantReason: "3 of 3 units serve 2.5.0", wantUnits: outcomes(promotedAll, promotedAll, promotedAll),
		check: func(t *testing.T, ws worlds, s rollout.Status) {
			require.Equal(t, 2, s.Waves)
			for unit, w := range ws {
				require.Equal(t, "remove 2.4.1", w.Log()[len(w.Log())-1], unit)
			}
		},
	},
	"one bad unit takes all back, those of the first wave too": {
		world: func(ws worlds) { ws.breaks("b") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "b: RolledBack: errors", wantUnits: outcomes(aborted, wentBack, aborted),
	},
	"people are told of the fleet: that it waits, and how it ends": {
		spec:  func(s *rollout.FleetSpec) { s.Wait = rollout.Duration(time.Second) },
		want:  rollout.Promoted,
		heard: []rollout.Occasion{rollout.OnWaiting, rollout.OnPromoted},
	},
	"people are told of the fleet: that it goes back": {
		world: func(ws worlds) { ws.breaks("a") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict,
		heard: []rollout.Occasion{rollout.OnRollingBack, rollout.OnRolledBack},
	},
	"people are told of the fleet: that it was refused": {
		held: map[string]string{"rollout/staging/checkout/c": "r-1"},
		want: rollout.Refused, wantCause: rollout.CauseRunning,
		heard: []rollout.Occasion{rollout.OnRefused},
	},
	"one bad unit takes its wave back": {
		spec:  func(s *rollout.FleetSpec) { s.OnFailure = rollout.OnFailureWave },
		world: func(ws worlds) { ws.breaks("b") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(promotedAll, wentBack, aborted),
	},
	"one bad unit goes back alone, and nothing new begins": {
		spec: func(s *rollout.FleetSpec) {
			s.OnFailure, s.Waves = rollout.OnFailureUnit, [][]string{{"a", "b"}, {"c"}}
		},
		world: func(ws worlds) { ws.breaks("b") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(promotedAll, wentBack, ""),
		check: neverBegun("c"),
	},
	"one failure is within the budget": {
		spec:  func(s *rollout.FleetSpec) { s.FailureBudget = 1 },
		world: func(ws worlds) { ws.breaks("b") },
		want:  rollout.Promoted, wantReason: "2 of 3 units serve 2.5.0", wantUnits: outcomes(promotedAll, wentBack, promotedAll),
		check: func(t *testing.T, _ worlds, s rollout.Status) {
			require.Contains(t, strings.Join(s.Warnings, "\n"), "failed, within the budget of 1: b (RolledBack)")
		},
	},
	"no unit serves the release in the end": {
		spec: func(s *rollout.FleetSpec) {
			s.FailureBudget, s.Waves, s.After = 1, nil, map[string][]string{"b": {"a"}, "c": {"a"}}
		},
		world: func(ws worlds) { ws.breaks("a") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "0 of 3 units serve 2.5.0", wantUnits: outcomes(wentBack, "", ""),
		check: neverBegun("b", "c"),
	},
	"no unit serves its own release in the end": {
		spec: func(s *rollout.FleetSpec) {
			s.FailureBudget, s.Waves, s.After = 1, nil, map[string][]string{"b": {"a"}, "c": {"a"}}
			c := s.Units["c"]
			c.Release.Version = "2.5.1"
			s.Units["c"] = c
		},
		world: func(ws worlds) { ws.breaks("a") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "0 of 3 units serve their own releases", wantUnits: outcomes(wentBack, "", ""),
		check: neverBegun("b", "c"),
	},
	"a unit that serves the release already is done": {
		spec:  func(s *rollout.FleetSpec) { s.Waves, s.After = nil, map[string][]string{"b": {"a"}} },
		world: func(ws worlds) { ws.serves("a") },
		want:  rollout.Promoted, wantReason: "3 of 3 units serve 2.5.0, 1 of them already", wantUnits: outcomes(rollout.Refused, promotedAll, promotedAll),
		check: func(t *testing.T, ws worlds, s rollout.Status) {
			neverBegun("a")(t, ws, s)
			require.Equal(t, rollout.All, s.Weight)
		},
	},
	"a fleet that every unit serves already is refused": {
		world: func(ws worlds) { ws.serves("a", "b", "c") },
		want:  rollout.Refused, wantCause: rollout.CauseServing, wantReason: "all 3 units serve 2.5.0 already", check: neverBegun("a", "b", "c"),
	},
	"what comes after a failed unit does not begin": {
		spec: func(s *rollout.FleetSpec) {
			s.FailureBudget, s.Waves, s.After = 1, nil, map[string][]string{"b": {"a"}}
		},
		world: func(ws worlds) { ws.breaks("a") },
		want:  rollout.Promoted, wantReason: "1 of 3 units", wantUnits: outcomes(wentBack, "", promotedAll),
		check: neverBegun("b"),
	},
	"a unit begins as soon as what it comes after is promoted": {
		spec: func(s *rollout.FleetSpec) {
			s.Waves, s.After = nil, map[string][]string{"c": {"a"}}
			bakesFor(s, "b", 20*time.Second)
		},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["c"].State().Primary == "2.5.0" }, func() {
				require.NotEqual(s.t, "2.5.0", s.worlds["b"].State().Primary, "c waited for b, which it does not come after")
				require.Equal(s.t, "2.5.0", s.worlds["a"].State().Primary)
			})
		},
		want: rollout.Promoted, wantReason: "3 of 3 units serve 2.5.0", wantUnits: outcomes(promotedAll, promotedAll, promotedAll),
		check: func(t *testing.T, _ worlds, s rollout.Status) { require.Equal(t, 2, s.Waves) },
	},
	"what comes after takes its turn after the wait": {
		spec: func(s *rollout.FleetSpec) {
			s.Waves, s.After, s.Wait = nil, map[string][]string{"b": {"a"}, "c": {"b"}}, rollout.Duration(time.Minute)
		},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Primary == "2.5.0" }, func() {
				time.Sleep(3 * time.Second) // its baseline is kept by then
				s.at(0, func() {
					status := s.standing()
					require.Equal(s.t, rollout.WaitingForWave, status.WaitingFor)
					require.Equal(s.t, "waiting 1m before b", status.Reason)
					require.NotNil(s.t, status.WaitingUntil)
					s.order(rollout.Command{Name: "abort", Reason: "pager"}, rollout.Accepted)
				})
			})
		},
		want: rollout.Aborted, wantUnits: outcomes(aborted, "", ""), check: neverBegun("b", "c"),
	},
	"a failed wave takes along what came after it": {
		spec: func(s *rollout.FleetSpec) {
			s.Waves, s.After, s.OnFailure = nil, map[string][]string{"c": {"b"}}, rollout.OnFailureWave
			bakesFor(s, "a", 20*time.Second)
		},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["c"].State().Primary == "2.5.0" }, func() { s.worlds.breaks("a") })
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(wentBack, aborted, aborted),
	},
	"units that stay are resumed after a pause, though another goes back": {
		spec: func(s *rollout.FleetSpec) {
			s.Waves, s.OnFailure = nil, rollout.OnFailureUnit
			for unit := range s.Units {
				bakesFor(s, unit, 6*time.Second)
			}
		},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["c"].State().Weights["2.5.0"] == 1000 }, func() {
				time.Sleep(time.Second)
				s.at(0, func() { s.order(rollout.Command{Name: "pause", ID: "p"}, rollout.Accepted) })
				time.Sleep(time.Second)
				s.worlds.breaks("a")
			})
			s.once(func() bool { return s.worlds["a"].State().Weights["2.5.0"] == 0 && len(s.worlds["a"].Log()) > 3 }, func() {
				time.Sleep(time.Second)
				s.at(0, func() {
					require.True(s.t, s.standing().Paused)
					s.order(rollout.Command{Name: "resume", ID: "p"}, rollout.Denied) // that id was the pause's
					s.order(rollout.Command{Name: "resume"}, rollout.Accepted)
				})
			})
		},
		want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(wentBack, promotedAll, promotedAll),
	},
	"an abort takes promoted units back, and those that are under way": {
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["c"].State().Weights["2.5.0"] == 1000 }, func() {
				for _, w := range s.worlds {
					w.Forbid("2.5.0", "the abort")
				}
				s.order(rollout.Command{Name: "abort", Reason: "pager"}, rollout.Accepted)
			})
		},
		want: rollout.Aborted, wantReason: "aborted by ana@example.com: pager", wantUnits: outcomes(aborted, aborted, aborted),
	},
	"nothing is raised while the abort is on its way to the units": {
		slow: 4 * time.Second,
		spec: func(s *rollout.FleetSpec) {
			s.Rollout.Strategy.Canary = append(s.Rollout.Strategy.Canary, rollout.Step{Weight: 5000, Bake: s.Rollout.Strategy.Canary[0].Bake})
		},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["c"].State().Weights["2.5.0"] == 1000 }, func() {
				s.order(rollout.Command{Name: "abort", Reason: "pager"}, rollout.Accepted)
			})
			s.once(func() bool { return s.worlds["c"].State().Weights["2.5.0"] == 1000 }, func() {
				time.Sleep(500 * time.Millisecond) // the abort is in the fleet's history by now
				for _, w := range s.worlds {
					w.Forbid("2.5.0", "the abort")
				}
			})
		},
		want: rollout.Aborted, wantUnits: outcomes(aborted, aborted, aborted),
	},
	"an abort between waves begins nothing more": {
		spec: func(s *rollout.FleetSpec) { s.Wait = rollout.Duration(time.Minute) },
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Primary == "2.5.0" }, func() {
				time.Sleep(3 * time.Second)
				s.env.SignalWorkflow("abort", rollout.Command{ID: "1", Actor: "bo", Reason: "pager"})
			})
		},
		want: rollout.Aborted, wantUnits: outcomes(aborted, "", ""), check: neverBegun("b", "c"),
	},
	"whose signature an abort has is on record": {
		rules: activities.Rules{Signing: activities.Signing{Keys: ring{"bo@example.com"}}},
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Weights["2.5.0"] == 1000 }, func() {
				s.env.SignalWorkflow("abort", signedAbort("staging/checkout", "default-test-run-id"))
			})
		},
		want: rollout.Aborted, wantReason: "aborted by bo@example.com: pager", wantUnits: outcomes(aborted, "", ""),
		check: func(t *testing.T, _ worlds, s rollout.Status) {
			require.Equal(t, "verified: bo@example.com, key SHA256:bo@example.com", s.AbortSignature)
		},
	},
	"an abort is obeyed that cannot be read": {
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Weights["2.5.0"] == 1000 }, func() { s.env.SignalWorkflow("abort", "stop it") })
		},
		want: rollout.Aborted, wantReason: "aborted by somebody who gave no name: " + rollout.Unread, wantUnits: outcomes(aborted, "", ""),
	},
	"a cancel is obeyed as an abort": {
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Weights["2.5.0"] == 1000 }, s.env.CancelWorkflow)
		},
		want: rollout.Aborted, wantReason: "temporal:cancel", wantUnits: outcomes(aborted, "", ""),
	},
	"one unit at a time": {
		spec:  func(s *rollout.FleetSpec) { one := 1; s.MaxParallel, s.Waves = &one, nil },
		world: func(ws worlds) { ws.breaks("b") },
		want:  rollout.RolledBack, wantCause: rollout.CauseVerdict, wantUnits: outcomes(aborted, wentBack, ""), check: neverBegun("c"),
	},
	"a unit that is held refuses the fleet": {
		held: map[string]string{"rollout/staging/checkout/c": "r-1"},
		want: rollout.Refused, wantCause: rollout.CauseRunning, wantReason: "staging/checkout/c has a running rollout: run r-1", check: neverBegun("a", "b", "c"),
	},
	"a release that a unit refused is not tried again by automation": {
		automated: true, bad: quarantine{"staging/checkout/b": "2.5.0", "staging/checkout/c": "2.4.9"},
		want: rollout.Refused, wantCause: rollout.CauseQuarantine, check: neverBegun("a", "b", "c"),
		wantReason: "the fleet is refused: units.b: 2.5.0 is in quarantine since 2026-03-01 12:00:00Z: errors ×3.1; to try it again, say why with --reason",
	},
	"a release that a unit refused is tried again, with a reason": {
		bad: quarantine{"staging/checkout/b": "2.5.0"}, want: rollout.Promoted,
	},
	"a release that a unit refused is not tried again by whoever may not": {
		bad: quarantine{"staging/checkout/b": "2.5.0"}, rules: activities.Rules{
			Roles:       map[string][]string{"on-call": {"cy@example.com"}},
			Permissions: map[string]map[string][]string{"staging": {"start": {"anyone"}, "retryRefused": {"on-call"}}}},
		want: rollout.Refused, wantCause: rollout.CauseQuarantine, check: neverBegun("a", "b", "c"),
		wantReason: "ci@example.com may not retryRefused in staging: that is for on-call",
	},
	"many units that refused a release": {
		automated: true, bad: quarantine{"staging/checkout/u001": "2.5.0", "staging/checkout/u002": "2.5.0", "staging/checkout/u003": "2.5.0",
			"staging/checkout/u004": "2.5.0", "staging/checkout/u005": "2.5.0", "staging/checkout/u006": "2.5.0", "staging/checkout/u007": "2.5.0"},
		spec: func(s *rollout.FleetSpec) {
			*s = fleetSpec("u001", "u002", "u003", "u004", "u005", "u006", "u007", "u008")
		},
		want: rollout.Refused, wantCause: rollout.CauseQuarantine, wantReason: "errors ×3.1; and in 2 more units; to try it again, say why with --reason",
	},
	"a unit that is not admitted refuses the fleet": {
		spec: func(s *rollout.FleetSpec) {
			c := s.Units["c"]
			c.Release.Artifact = "checkout:latest"
			s.Units["c"] = c
		},
		want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "units.c.release.artifact", check: neverBegun("a", "b", "c"),
	},
	"the fleet has a deadline of its own": {
		spec: func(s *rollout.FleetSpec) {
			s.Wait, s.Deadline = rollout.Duration(time.Hour), rollout.Duration(8*time.Second)
		},
		want: rollout.RolledBack, wantCause: rollout.CauseDeadline, wantUnits: outcomes(aborted, "", ""),
	},
	"what is for one unit is denied, and says so": {
		plot: func(s *fleetTeller) {
			s.once(func() bool { return s.worlds["a"].State().Weights["2.5.0"] == 1000 }, func() {
				s.order(rollout.Command{Name: "promote"}, rollout.Denied)
				s.order(rollout.Command{Name: "concern"}, rollout.Denied)
				s.order(rollout.Command{Name: "abort"}, rollout.Accepted)
			})
		},
		want:  rollout.Aborted,
		heard: []rollout.Occasion{rollout.OnDenied, rollout.OnDenied, rollout.OnRollingBack, rollout.OnAborted},
	},
}

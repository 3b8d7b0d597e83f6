package workflows_test

import (
	"reflect"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// Rings whose cohorts a flag makes: internal users, those who opted in, and everybody.
func TestRingsByFlag(t *testing.T) {
	rings := func(s *rollout.Spec) {
		instead(func(s *rollout.Strategy) {
			s.Rings = []rollout.Step{{Cohort: "internal", Bake: twoSeconds}, {Cohort: "opt-in", Bake: twoSeconds}, {Weight: 2000, Bake: twoSeconds}}
		})(s)
		s.Target.Flags = &rollout.Driver{Driver: "sim"}
	}
	off := map[string]any{"checkout-internal": map[string]any{"version": ""}}
	both := func(w *sim.World) {
		w.ForeignFlags(off)
		w.AddFlagCohort("internal", "2.5.0", 500, activities.FlagRule{Key: "checkout-internal",
			Value: map[string]any{"version": "{{.Version}}", "rules": []any{"internal"}}, Off: off["checkout-internal"]})
		w.AddFlagCohort("opt-in", "2.5.0", 1000, activities.FlagRule{Key: "checkout-opt-in", Value: "{{.Version}}"})
	}
	says := func(flag string) func(sim.State) bool {
		return func(w sim.State) bool {
			return w.Flags[flag] != nil && !reflect.DeepEqual(w.Flags[flag], off[flag])
		}
	}
	gone := func(t *testing.T, w *sim.World, _ rollout.Status) { require.Equal(t, off, w.State().Flags) }
	on, optIn := `flags checkout-internal={"rules":["internal"],"version":"2.5.0"}`, `flags checkout-opt-in="2.5.0"`
	const offAgain, outAgain, begin = `flags checkout-internal={"version":""}`, "flags checkout-opt-in=null", `outsider: flags checkout-internal={"version":""}`
	tell(t, map[string]story{
		"promoted, and the flags say what they said": {spec: rings, world: both, want: rollout.Promoted, check: gone,
			wantLog: []string{begin, "deploy 2.5.0", on, optIn, "weights 2.4.1 80%, 2.5.0 20%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", offAgain, outAgain, "remove 2.4.1"}},
		"a breach in the first ring": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Strategy.Rings[0].Bake = rollout.Duration(20 * time.Second)
		}, world: both, plot: breaking(says("checkout-internal")), want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "at cohort internal",
			check: gone, wantLog: []string{begin, "deploy 2.5.0", on, offAgain, "remove 2.5.0"}},
		"an abort in the second": {spec: rings, world: both, plot: aborting(says("checkout-opt-in")), want: rollout.Aborted, wantReason: "pager", check: gone},
		"beside a cohort of the router": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.AddCohort("beta", 1000)
		}, order: func(o *rollout.Order) { o.Spec.Strategy.Rings[1].Cohort = "beta" }, want: rollout.Promoted,
			wantLog: []string{begin, "deploy 2.5.0", on, "cohort beta to 2.5.0", "weights 2.4.1 80%, 2.5.0 20%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0",
				offAgain, "cohort beta removed", "remove 2.4.1"}},
		"somebody changes the flag": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Strategy.Rings[0].Bake = rollout.Duration(20 * time.Second)
		}, world: both, plot: func(s *teller) {
			before(s, "Observe", func() { s.world.ForeignFlags(map[string]any{"checkout-internal": false}) })
		}, want: rollout.RolledBack, wantCause: rollout.CauseVerdict, wantReason: "cohort internal is sent to what flag checkout-internal says: false, not to 2.5.0", check: gone},
		"a flag that was left": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.ForeignFlags(map[string]any{"checkout-opt-in": "2.4.9"})
		}, want: rollout.Refused, wantCause: rollout.CauseDirty, wantReason: `a rule sends cohort opt-in to what flag checkout-opt-in says: "2.4.9"`},
		"a flag that is the release's, too": {spec: func(s *rollout.Spec) {
			rings(s)
			s.Release.Flags = map[string]any{"checkout-opt-in": true}
		}, world: both, want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "release.flags.checkout-opt-in: the flag makes cohort opt-in"},
		"a flag system that refuses": {spec: rings, world: func(w *sim.World) {
			both(w)
			w.Fail(sim.OpSetFlags, sim.Fault{Err: sim.Refused("not this one"), Times: 1})
		}, want: rollout.RolledBack, wantCause: rollout.CauseTraffic, wantReason: "not this one", check: gone},
		"an unknown cohort": {spec: rings, want: rollout.Refused, wantCause: rollout.CauseSpec, wantReason: "strategy.rings[0].cohort: cohort internal is not known", wantLog: []string{}},
	})
}

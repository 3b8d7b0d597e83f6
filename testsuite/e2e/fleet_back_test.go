package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// tidied requires that the candidate was removed from these units one after
// another.
func (f *convoy) tidied(units ...string) {
	f.t.Helper()
	for i, unit := range units {
		asked := f.units[unit].asked("DELETE /versions/" + candidate)
		require.NotEmpty(f.t, asked, unit)
		if i == 0 {
			continue
		}
		before := f.units[units[i-1]].asked("DELETE /versions/" + candidate)
		require.True(f.t, before[0].At.Before(asked[0].At), "%s is tidied up before %s", units[i-1], unit)
	}
}

// One bad unit takes back what was promoted before it, and what runs beside it;
// units are tidied up newest first.
func TestFleetGoesBack(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	f.units["b"].breaks()
	e := f.result("run", f.fleet(twoWaves), "--reason", "a test")
	require.Equal(t, 10, e.code, e.Reason)
	require.Equal(t, rollout.RolledBack, e.Outcome)
	require.Equal(t, rollout.CauseVerdict, e.Cause)
	require.Contains(t, e.Reason, "b: RolledBack")
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Aborted, "b": rollout.RolledBack, "c": rollout.Aborted}, e.outcomes())
	f.allAsBefore()
	f.tidied("c", "a")
	a := f.units["a"].stays()
	require.Less(t, a[len(a)-1].from.Sub(f.units["b"].stays()[1].from), abortWithin, "traffic goes back everywhere at once")
}

// Where a wave goes back alone, what was promoted before it stays, and no later one
// begins.
func TestFleetsWaveGoesBack(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c", "d")
	f.units["b"].breaks()
	e := f.result("run", f.fleet("waves: [[a], [b, c], [d]]", "onFailure: wave"), "--reason", "a test")
	require.Equal(t, 10, e.code, e.Reason)
	require.Equal(t, rollout.RolledBack, e.Outcome)
	require.Equal(t, rollout.CauseVerdict, e.Cause)
	require.Contains(t, e.Reason, "b: RolledBack")
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Promoted, "b": rollout.RolledBack, "c": rollout.Aborted, "d": ""}, e.outcomes())
	require.Equal(t, promotedOne, f.units["a"].world.Log(), "promoted, and never taken back")
	require.Equal(t, undone, f.units["b"].world.Log())
	f.units["c"].asBefore()
	require.NotContains(t, f.units["c"].world.Log(), "primary "+candidate)
	require.Empty(t, f.units["d"].world.Log())
}

// Where a unit goes back alone, the one beside it goes on to its end, and no other
// begins.
func TestFleetsUnitGoesBack(t *testing.T) {
	f := open(t).convoy(t, "a", "b", "c")
	f.strategy = "  strategy: {" + window + ", canary: [{weight: 10%, bake: 15s}], keepBaseline: 2s}" // b is bad long before a is good
	f.units["b"].breaks()
	e := f.result("run", f.fleet("waves: [[a, b], [c]]", "onFailure: unit"), "--reason", "a test")
	require.Equal(t, 10, e.code, e.Reason)
	require.Equal(t, rollout.RolledBack, e.Outcome)
	require.Equal(t, rollout.CauseVerdict, e.Cause)
	require.Equal(t, map[string]rollout.Outcome{"a": rollout.Promoted, "b": rollout.RolledBack, "c": ""}, e.outcomes())
	require.Equal(t, promotedOne, f.units["a"].world.Log())
	require.Equal(t, undone, f.units["b"].world.Log())
	require.Empty(t, f.units["c"].world.Log())
	a, b := f.units["a"].stays(), f.units["b"].stays()
	require.True(t, b[1].from.Before(a[1].from), "a was raised after b had gone back")
}

// Several services in the order of what they need go back together: traffic at
// once everywhere, also where the candidate was promoted; then each is tidied up
// before what it needs.
func TestFleetOfServicesGoesBack(t *testing.T) {
	f := open(t).convoy(t, "backend", "frontend", "schema")
	f.services = map[string]string{}
	for unit, s := range f.units {
		s.name = f.name + "-" + unit
		f.services[unit] = s.name
	}
	f.units["frontend"].breaks()
	e := f.result("run", f.fleet("after: {backend: [schema], frontend: [backend]}"), "--reason", "a test")
	require.Equal(t, 10, e.code, e.Reason)
	require.Equal(t, rollout.RolledBack, e.Outcome)
	require.Contains(t, e.Reason, "frontend: RolledBack")
	require.Equal(t, map[string]rollout.Outcome{"schema": rollout.Aborted, "backend": rollout.Aborted, "frontend": rollout.RolledBack}, e.outcomes())
	turned := f.units["frontend"].stays()[1].from
	for _, unit := range []string{"schema", "backend"} {
		u := f.units[unit]
		require.Contains(t, u.world.Log(), "primary "+candidate, "%s was promoted", unit)
		require.Equal(t, rollout.Aborted, u.status().Outcome, "a service has a target of its own")
		u.wroteBackWithin(abortWithin, turned)
	}
	f.tidied("frontend", "backend", "schema")
	f.allAsBefore()
}

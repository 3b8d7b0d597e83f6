package rollout

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

func fleetOf(units ...string) FleetSpec {
	s := valid()
	s.Kind, s.Service, s.Environment, s.Unit = "", "", "", ""
	f := FleetSpec{Kind: "Fleet", Service: "checkout", Environment: "production", Units: map[string]Spec{}, Rollout: s}
	for _, unit := range units {
		f.Units[unit] = Spec{}
	}
	return f
}

func TestAFleetIsValid(t *testing.T) {
	f := fleetOf("a", "b", "c")
	require.Empty(t, f.Validate())
	f.Waves = [][]string{{"a"}, {"b", "c"}}
	require.Empty(t, f.Validate())
	f.Waves, f.After = nil, map[string][]string{"c": {"a", "b"}, "b": {"a"}}
	require.Empty(t, f.Validate())
}

func TestFleetsThatAreRefused(t *testing.T) {
	none := 0
	for name, c := range map[string]struct {
		change func(*FleetSpec)
		want   string
	}{
		"kind":                    {func(f *FleetSpec) { f.Kind = "Rollout" }, `kind: "Rollout" is not served here: write kind: Fleet`},
		"no units":                {func(f *FleetSpec) { f.Units = nil }, "units: a fleet needs units: name at least one"},
		"too many units":          {func(f *FleetSpec) { f.Units = fleetOf(names(501)...).Units }, "units: 501 units are too many: at most 500"},
		"unsafe unit":             {func(f *FleetSpec) { f.Units["a/b"] = Spec{} }, `units.a/b: "a/b" needs letters, digits, '.', '_' or '-', 100 at most`},
		"nothing parallel":        {func(f *FleetSpec) { f.MaxParallel = &none }, "maxParallel: at least 1 unit must be under way at a time"},
		"negative budget":         {func(f *FleetSpec) { f.FailureBudget = -1 }, "failureBudget: -1 is negative"},
		"all may fail":            {func(f *FleetSpec) { f.FailureBudget = 2 }, "failureBudget: 2 of 2 units may fail: nothing would be left of the release; at most 1"},
		"what goes back":          {func(f *FleetSpec) { f.OnFailure = "some" }, `onFailure: "some" is not one of unit, wave, all`},
		"deadline":                {func(f *FleetSpec) { f.Deadline = 1 }, "deadline: 1ns is too short: at least 1s"},
		"waves and after":         {func(f *FleetSpec) { f.After = map[string][]string{"b": {"a"}} }, "after: waves and after both give an order: leave one of them out"},
		"listed twice":            {func(f *FleetSpec) { f.Waves[1][0] = "a" }, "waves[1][0]: a is listed twice"},
		"in no wave":              {func(f *FleetSpec) { f.Waves = f.Waves[:1] }, "waves: b is in no wave"},
		"unknown in a wave":       {func(f *FleetSpec) { f.Waves[1] = append(f.Waves[1], "z") }, "waves[1][1]: no such unit: z"},
		"empty wave":              {func(f *FleetSpec) { f.Waves = append(f.Waves, nil) }, "waves[2]: a wave without units: leave it out"},
		"cycle":                   {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"a": {"b"}, "b": {"a"}} }, "after.a: a comes after b, b comes after a: none of them could ever begin; leave one of these out"},
		"after itself":            {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"b": {"b"}} }, "after.b: b comes after b: none of them could ever begin; leave one of these out"},
		"waves and a cycle":       {func(f *FleetSpec) { f.Waves = f.Waves[:1]; f.After = map[string][]string{"a": {"a"}} }, "after: waves and after both give an order: leave one of them out"},
		"behind a cycle":          {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"a": {"b"}, "b": {"b"}} }, "after.b: b comes after b: none of them could ever begin; leave one of these out"},
		"unknown after":           {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"z": {"a"}} }, "after.z: no such unit: z"},
		"after an unknown":        {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"b": {"a", "z"}} }, "after.b[1]: no such unit: z"},
		"only an unknown":         {func(f *FleetSpec) { f.Waves, f.After = nil, map[string][]string{"a": {"zz"}} }, "after.a[0]: no such unit: zz"},
		"wrong everywhere":        {func(f *FleetSpec) { f.Rollout.Release.Version = "" }, "rollout.release.version: is missing"},
		"wrong in one unit":       {func(f *FleetSpec) { f.Units["b"] = Spec{Policy: Policy{Alpha: 2}} }, "units.b.policy.alpha: 2 is not an error rate: it must be between 0 and 0.5"},
		"a schedule of units":     {func(f *FleetSpec) { f.Rollout.Schedule = &Schedule{From: noon} }, "rollout.schedule: " + noSchedule},
		"an empty schedule":       {func(f *FleetSpec) { f.Schedule = &Schedule{} }, "schedule: says nothing: give `from`, `to` or both, such as 2026-12-01T08:00:00Z"},
		"a schedule that is none": {func(f *FleetSpec) { f.Schedule = &Schedule{From: noon, To: noon} }, "schedule.to: 2026-12-01 12:00 UTC is not after `from` (2026-12-01 12:00 UTC)"},
		"that of one unit": {func(f *FleetSpec) {
			f.Rollout.Schedule, f.Units["b"] = &Schedule{From: noon}, Spec{Schedule: &Schedule{To: noon}}
		}, "units.b.schedule.to: 2026-12-01 12:00 UTC is not after `from` (2026-12-01 12:00 UTC)"},
		"a service in common":   {func(f *FleetSpec) { f.Rollout.Service = "checkout" }, "rollout.service: is the fleet's, or a unit's: leave it out here"},
		"another environment":   {func(f *FleetSpec) { f.Units["b"] = Spec{Environment: "staging"} }, "units.b: kind and environment are the fleet's: leave them out"},
		"the same target twice": {func(f *FleetSpec) { f.Units["b"] = Spec{Unit: "a"} }, "units.b: a and b are the same target: production/checkout/a"},
	} {
		t.Run(name, func(t *testing.T) {
			f := fleetOf("a", "b")
			f.Waves = [][]string{{"a"}, {"b"}}
			c.change(&f)
			var got []string
			for _, p := range f.Validate() {
				got = append(got, p.String())
			}
			require.Contains(t, got, c.want)
			if name == "only an unknown" {
				require.Len(t, got, 1, "what the unknown unit leads to is not said, too")
			}
		})
	}
}

func names(n int) (out []string) {
	for i := range n {
		out = append(out, fmt.Sprintf("u%03d", i))
	}
	return out
}

func TestUnitsLieOverWhatTheyHaveInCommon(t *testing.T) {
	f := fleetOf("a", "b", "c")
	f.Owner = "team"
	f.Rollout.Target.Traffic = Driver{Driver: "alb", With: map[string]any{"region": "eu", "listener": map[string]any{"arn": "x", "port": 443.0}}}
	f.Rollout.Release.Config = map[string]string{"A": "1", "B": "2"}
	keep := Duration(0)
	f.Units["b"] = Spec{
		Owner:    "regional",
		Release:  Release{Config: map[string]string{"B": ""}},
		Target:   Drivers{Traffic: Driver{With: map[string]any{"listener": map[string]any{"arn": "y"}, "region": ""}}},
		Strategy: Strategy{Canary: []Step{{Weight: 100, Bake: Duration(time.Hour)}}, KeepBaseline: &keep},
	}
	f.Units["c"] = Spec{Service: "payments"}
	before := fmt.Sprintf("%+v", f)

	a, b, c := f.Unit("a"), f.Unit("b"), f.Unit("c")
	require.Equal(t, "production/checkout/a", a.Key().String())
	require.Equal(t, "Rollout", a.Kind)
	require.Equal(t, "team", a.Owner)
	require.Equal(t, f.Rollout.Target, a.Target)
	require.Equal(t, f.Rollout.Checks, b.Checks)
	require.Equal(t, "regional", b.Owner)
	require.Equal(t, map[string]string{"A": "1", "B": ""}, b.Release.Config, "mappings merge")
	require.Equal(t, Driver{Driver: "alb", With: map[string]any{"region": "", "listener": map[string]any{"arn": "y", "port": 443.0}}}, b.Target.Traffic)
	require.Equal(t, []Step{{Weight: 100, Bake: Duration(time.Hour)}}, b.Strategy.Canary, "lists replace")
	require.Equal(t, Duration(0), *b.Strategy.KeepBaseline, "a pointer says even zero")
	require.Equal(t, "production/payments", c.Key().String(), "a service of one's own")
	require.Equal(t, before, fmt.Sprintf("%+v", f), "nothing is changed")
}

func TestWavesFollowFromTheOrder(t *testing.T) {
	f := fleetOf("a", "b", "c", "d")
	require.Equal(t, [][]string{{"a", "b", "c", "d"}}, f.levels())
	f.After = map[string][]string{"a": {"b"}, "d": {"a", "c"}}
	require.Equal(t, [][]string{{"b", "c"}, {"a"}, {"d"}}, f.levels())
}

func TestUnitsThatComeAfterOneAnotherHaveTimeForAllOfThem(t *testing.T) {
	f, admitted := fleetOf("a", "b", "c", "d"), map[string]Plan{}
	f.After = map[string][]string{"b": {"a"}}
	for unit := range f.Units {
		admitted[unit] = NewPlan(f.Unit(unit))
	}
	one, unit := 1, admitted["a"].Spec.Deadline
	require.True(t, NewFleetPlan(f, admitted).Eager)
	require.Equal(t, 2*unit+Duration(time.Hour), NewFleetPlan(f, admitted).Deadline, "a and b, while the others are under way")
	f.MaxParallel = &one
	require.Equal(t, 6*unit+Duration(time.Hour), NewFleetPlan(f, admitted).Deadline, "the chain, and the work of all in one place")
	f.Wait = Duration(time.Minute)
	require.Equal(t, 5*4, NewFleetPlan(f, admitted).Events-(40+18*4+8*2), "a wait of each")
}

func TestTheLargestFleetFitsItsHistory(t *testing.T) {
	f, admitted := fleetOf(names(maxUnits)...), map[string]Plan{}
	two := 2
	f.MaxParallel, f.Wait = &two, Duration(time.Hour)
	for unit := range f.Units {
		admitted[unit] = NewPlan(f.Unit(unit))
	}
	p := NewFleetPlan(f, admitted)
	require.LessOrEqual(t, p.Events, MaxEvents)
	require.Equal(t, OnFailureAll, p.OnFailure)
	require.Equal(t, "2.5.0", p.Candidate)
	require.Equal(t, 250*admitted["u000"].Spec.Deadline+Duration(time.Hour), p.Deadline, "two at a time")
	require.Equal(t, p.Digest, p.Seal().Digest)
	require.NotEmpty(t, p.Units[0].Digest)
	f.Units["u000"] = Spec{Release: Release{Version: "3.0.0"}}
	admitted["u000"] = NewPlan(f.Unit("u000"))
	require.Empty(t, NewFleetPlan(f, admitted).Candidate, "they differ")
}

// Units begin when the schedule of their fleet does; the fleet itself ends it.
func TestScheduleOfAFleet(t *testing.T) {
	f := FleetSpec{Schedule: &Schedule{From: noon, To: noon.Add(24 * time.Hour)}}
	require.Equal(t, &Schedule{From: noon}, f.Unit("a").Schedule)
	units := map[string]Plan{"a": {Events: MaxEvents - 12}}
	require.Empty(t, f.Scheduled(noon, units))
	f.Schedule.To = noon.Add(48 * time.Hour)
	require.Equal(t, []string{"schedule.to: until then a may write 10012 events, more than 10000: end it earlier"}, Texts(f.Scheduled(noon, units)))
	require.Contains(t, Texts(f.Scheduled(noon.Add(48*time.Hour), nil))[0], "schedule.to: 2026-12-03 12:00 UTC is over")
	f.Schedule.To = noon.Add(LongestSchedule + time.Hour)
	require.Contains(t, Texts(f.Scheduled(noon, nil))[0], "is too far ahead")
	f.Schedule.From = time.Time{}
	require.Nil(t, f.Unit("a").Schedule)
	f.Schedule = nil
	require.Empty(t, f.Scheduled(noon, units))
}

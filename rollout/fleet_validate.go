package rollout

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"
)

// noSchedule: units go forward and back together, as the fleet decides.
const noSchedule = "the units of a fleet have none of their own: give it to the fleet, for all of them"

// maxUnits is how many units one fleet may have.
const maxUnits = 500

// Validate says everything that is wrong with the fleet, and with the rollout
// of every unit, and can be seen without asking any system.
func (s FleetSpec) Validate() []Problem {
	var v validation
	v.require(s.Kind == "Fleet", "kind", "%q is not served here: write kind: Fleet", s.Kind)
	v.name(s.Service, "service")
	v.name(s.Environment, "environment")
	v.require(len(s.Units) > 0, "units", "a fleet needs units: name at least one")
	v.require(len(s.Units) <= maxUnits, "units", "%d units are too many: at most %d", len(s.Units), maxUnits)
	v.require(s.MaxParallel == nil || *s.MaxParallel >= 1, "maxParallel", "at least 1 unit must be under way at a time")
	v.require(s.FailureBudget >= 0, "failureBudget", "%d is negative", s.FailureBudget)
	v.require(s.FailureBudget < max(len(s.Units), 1), "failureBudget", "%d of %d units may fail: nothing would be left of the release; at most %d",
		s.FailureBudget, len(s.Units), len(s.Units)-1)
	v.durations("wait", reflect.ValueOf(s.Wait))
	v.durations("deadline", reflect.ValueOf(s.Deadline))
	v.oneOf(s.OnFailure, "onFailure", OnFailureUnit, OnFailureWave, OnFailureAll)
	v.atLeast(s.Deadline, "deadline", time.Second)
	s.Schedule.validate(&v)
	v.require(len(s.Waves) == 0 || len(s.After) == 0, "after", "waves and after both give an order: leave one of them out")
	for _, field := range []struct{ name, value string }{{"kind", s.Rollout.Kind}, {"service", s.Rollout.Service},
		{"environment", s.Rollout.Environment}, {"unit", s.Rollout.Unit}} {
		v.require(field.value == "", "rollout."+field.name, "is the fleet's, or a unit's: leave it out here")
	}
	s.validateWaves(&v)
	s.validateAfter(&v)
	if len(s.Units) <= maxUnits {
		s.validateUnits(&v)
	}
	slices.SortStableFunc(v, func(a, b Problem) int { return strings.Compare(a.Path, b.Path) })
	return v
}

func (s FleetSpec) validateWaves(v *validation) {
	if len(s.Waves) == 0 {
		return
	}
	listed := map[string]bool{}
	for i, wave := range s.Waves {
		v.require(len(wave) > 0, fmt.Sprintf("waves[%d]", i), "a wave without units: leave it out")
		for j, unit := range wave {
			path := fmt.Sprintf("waves[%d][%d]", i, j)
			_, known := s.Units[unit]
			v.require(known, path, "no such unit: %s", unit)
			v.require(!listed[unit], path, "%s is listed twice", unit)
			listed[unit] = true
		}
	}
	for _, unit := range sortedKeys(s.Units) {
		v.require(listed[unit], "waves", "%s is in no wave", unit)
	}
}

func (s FleetSpec) validateAfter(v *validation) {
	all := true
	for _, unit := range sortedKeys(s.After) {
		_, known := s.Units[unit]
		v.require(known, "after."+unit, "no such unit: %s", unit)
		for i, before := range s.After[unit] {
			_, known := s.Units[before]
			all = all && known
			v.require(known, fmt.Sprintf("after.%s[%d]", unit, i), "no such unit: %s", before)
		}
	}
	if !all || len(s.Waves) > 0 { // that is told: what is left of the order would say more than is wrong
		return
	}
	if ring := s.ring(); len(ring) > 0 {
		waits := make([]string, len(ring))
		for i, unit := range ring {
			waits[i] = fmt.Sprintf("%s comes after %s", unit, ring[(i+1)%len(ring)])
		}
		v.add("after."+ring[0], "%s: none of them could ever begin; leave one of these out", strings.Join(waits, ", "))
	}
}

// ring is units of which each comes after the next, and the last after the first; none
// where every unit may begin at some time. All units of after are known.
func (s FleetSpec) ring() []string {
	left := s.cyclic()
	if len(left) == 0 {
		return nil
	}
	walk := []string{left[0]}
	for {
		before := s.After[walk[len(walk)-1]]
		next := before[slices.IndexFunc(before, func(unit string) bool { return slices.Contains(left, unit) })]
		if i := slices.Index(walk, next); i >= 0 {
			return walk[i:]
		}
		walk = append(walk, next)
	}
}

// cyclic is the units that the order never lets begin.
func (s FleetSpec) cyclic() []string {
	if len(s.After) == 0 {
		return nil
	}
	left := sortedKeys(s.Units)
	for _, wave := range s.levels() {
		left = slices.DeleteFunc(left, func(unit string) bool { return slices.Contains(wave, unit) })
	}
	return left
}

// unscheduled is the fleet without a schedule: what units have then is their own.
func (s FleetSpec) unscheduled() FleetSpec {
	s.Schedule = nil
	return s
}

// validateUnits validates every unit's rollout. What is wrong with all of them
// is said once, of what they have in common.
func (s FleetSpec) validateUnits(v *validation) {
	targets, found, order := map[Target]string{}, map[Problem][]string{}, []Problem(nil)
	for _, name := range sortedKeys(s.Units) {
		v.name(name, "units."+name)
		own, unit := s.Units[name], s.unscheduled().Unit(name)
		v.require(own.Kind == "" && own.Environment == "", "units."+name, "kind and environment are the fleet's: leave them out")
		other, taken := targets[unit.Key()]
		v.require(!taken, "units."+name, "%s and %s are the same target: %s", other, name, unit.Key())
		targets[unit.Key()] = name
		problems := unit.Validate()
		if unit.Schedule != nil {
			problems = append(problems, Problem{Path: "schedule", Message: noSchedule})
		}
		for _, p := range problems {
			if slices.Contains([]string{"service", "environment", "unit"}, p.Path) {
				continue // said already
			}
			if found[p] == nil {
				order = append(order, p)
			}
			found[p] = append(found[p], name)
		}
	}
	for _, p := range order {
		if len(found[p]) == len(s.Units) {
			v.add("rollout."+p.Path, "%s", p.Message)
			continue
		}
		for _, name := range found[p] {
			v.add("units."+name+"."+p.Path, "%s", p.Message)
		}
	}
}

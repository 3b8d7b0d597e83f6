package rehearsal

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

// Drill practises the way back from one step: the rollout goes up to it, a
// verdict is injected, and the baseline is put back by the same workflow as
// always.
type Drill struct {
	From    StepName         `json:"from"`              // such as step 1
	Verdict rollout.Verdict  `json:"verdict,omitempty"` // Fail (default), NoData, Error or Inconclusive; what follows is up to the spec's policy
	After   rollout.Duration `json:"after,omitempty"`   // how long the step is watched first; default two polls, or half of the bake if that is less; together with a poll less than the bake
	Repeat  Repeats          `json:"repeat,omitempty"`  // 1 to 100; default 1

	RestoreWithin rollout.Duration  `json:"restoreWithin"`          // from the injection until the baseline is verified healthy, in each repetition
	Lost          *int              `json:"lost,omitempty"`         // requests that may fail from the injection on, in each repetition; default: not required
	Gap           *rollout.Duration `json:"gap,omitempty"`          // longest time without a good answer; default: not required
	DecideWithin  rollout.Duration  `json:"decideWithin,omitempty"` // from the injection until traffic is back; default: not required
}

// StepName is a step as people name it.
type StepName int

// UnmarshalText reads "step 2", or "2".
func (s *StepName) UnmarshalText(text []byte) error {
	number, err := strconv.Atoi(strings.TrimSpace(strings.TrimPrefix(string(text), "step")))
	if err != nil || number < 1 {
		return fmt.Errorf("%q is not a step: write step 1", text)
	}
	*s = StepName(number)
	return nil
}

// MarshalText writes "step 2".
func (s StepName) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// String is the step as people name it.
func (s StepName) String() string { return fmt.Sprintf("step %d", int(s)) }

// Repeats is how often a drill is made.
type Repeats int

const mostRepeats Repeats = 100

// UnmarshalJSON reads a number from 1 to 100: a drill that is never made is left
// out.
func (r *Repeats) UnmarshalJSON(body []byte) error {
	number, err := strconv.ParseFloat(string(body), 64)
	if n := Repeats(number); err != nil || number != float64(n) || n < 1 || n > mostRepeats {
		return fmt.Errorf("%s is not from 1 to %d", body, mostRepeats)
	}
	*r = Repeats(number)
	return nil
}

// withDefaults fills in what is left out, for a spec.
func (d Drill) withDefaults(s rollout.Spec) Drill {
	if d.Verdict == "" {
		d.Verdict = rollout.Fail
	}
	d.Repeat = max(d.Repeat, 1)
	if plan := rollout.NewPlan(s); d.After == 0 && int(d.From) >= 1 && int(d.From) <= len(plan.Steps) {
		d.After = min(2*plan.Steps[d.From-1].Poll, plan.Steps[d.From-1].Bake/2)
	}
	return d
}

// Title is what the drill and its criteria are called.
func (d Drill) Title() string {
	if d.Verdict == "" || d.Verdict == rollout.Fail {
		return "drill from " + d.From.String()
	}
	return fmt.Sprintf("drill from %s by %s", d.From, d.Verdict)
}

// PlannedDrill is a drill worked out.
type PlannedDrill struct {
	Name       string           `json:"name"`
	Step       int              `json:"step"`
	Poll       rollout.Duration `json:"poll,omitempty"`
	Limit      rollout.Duration `json:"restoreWithin"`
	Takes      rollout.Duration `json:"takes"`      // at most, until it is not waited for any more
	Injections []rollout.Drill  `json:"injections"` // one for each repeat
}

// PlannedDrills works every drill out.
func (m Manifest) PlannedDrills() []PlannedDrill {
	var out []PlannedDrill
	for _, d := range m.Drills {
		planned := PlannedDrill{Name: d.Title(), Step: int(d.From), Poll: m.poll(d), Limit: d.RestoreWithin, Takes: m.drillTakes(d)}
		for n := 1; n <= int(max(d.Repeat, 1)); n++ {
			planned.Injections = append(planned.Injections, m.Injection(d, n))
		}
		out = append(out, planned)
	}
	return out
}

// Injection is the drill that one repeat, from 1, makes of a rollout. The moment
// is drawn between After and one poll later, so that it meets the polls anywhere,
// as real breaches do.
func (m Manifest) Injection(d Drill, repeat int) rollout.Drill {
	d = d.withDefaults(m.Rollout.Spec)
	draw := seed.For(m.Seed, "drill", d.Title(), strconv.Itoa(repeat))
	late := rollout.Duration(draw.Int64N(max(int64(m.poll(d)), 1)))
	return rollout.Drill{Step: int(d.From), Verdict: d.Verdict, After: rollout.Duration((d.After + late).Std().Truncate(time.Millisecond))}
}

// poll is how often the step of a drill is looked at.
func (m Manifest) poll(d Drill) rollout.Duration {
	return rollout.NewPlan(m.Rollout.Spec).Steps[d.From-1].Poll
}

func (d Drill) problems(path string, m Manifest) []rollout.Problem {
	v := validation{path: path}
	v.require(d.Repeat >= 0 && d.Repeat <= mostRepeats, "repeat", "%d is not from 1 to %d", d.Repeat, mostRepeats)
	d = d.withDefaults(m.Rollout.Spec)
	v.require(slices.Contains(rollout.DrillVerdicts(), d.Verdict), "verdict", "%q is none of the verdicts that lead back: these %s", d.Verdict, areThere(rollout.DrillVerdicts()))
	v.require(d.RestoreWithin > 0, "restoreWithin", "is missing, or not above 0s: how long may it take until the baseline is back?")
	v.require(d.Lost == nil || *d.Lost >= 0, "lost", "is below 0")
	v.require(d.Lost == nil && d.Gap == nil || len(m.Load) > 0, "", "what users lose is measured by a load, and there is none")
	plan := rollout.NewPlan(m.Rollout.Spec)
	on := plan.Spec.Policy.WayOn(d.Verdict)
	v.require(on == "", "verdict", "%s: what %s leads to is no way back, and cannot be practised", on, d.Verdict)
	if i := int(d.From) - 1; i < 0 || i >= len(plan.Steps) {
		v.add("from", "there is no %s: the plan has %d", d.From, len(plan.Steps))
	} else {
		v.require(d.After >= 0 && d.After+plan.Steps[i].Poll < plan.Steps[i].Bake, "after",
			"%s bakes %s and is looked at every %s: nobody would see what is injected after %s", d.From, plan.Steps[i].Bake, plan.Steps[i].Poll, d.After)
	}
	return v.problems
}

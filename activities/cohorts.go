package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// SetCohortInput asks for a cohort to have the candidate.
type SetCohortInput struct {
	Job
	Step   int    `json:"step"`
	Cohort string `json:"cohort"`
	Ask    *Ask   `json:"ask,omitempty"` // what must not close the target; nil: nothing is asked
}

// SetCohortOutput says what kept the rule from being made.
type SetCohortOutput struct {
	Closed *rollout.Closure `json:"closed,omitempty"` // not made, or removed again: this closes the target
	Tried  bool             `json:"tried,omitempty"`  // with Closed: it may have been in force for a while
}

// RestoreCohortsInput asks for no rule to be left.
type RestoreCohortsInput struct {
	Job
	Cohorts []string `json:"cohorts"`
}

// RestoreCohortsOutput is empty.
type RestoreCohortsOutput struct{}

// SetCohort makes the rule that sends a cohort to the candidate, and reads
// until it is in force. A rule of somebody else's is left alone: that is a
// conflict.
func (a *Activities) SetCohort(ctx context.Context, in SetCohortInput) (SetCohortOutput, error) {
	doing := fmt.Sprintf("send cohort %s to %s", in.Cohort, in.Candidate)
	router, err := a.cohortsOf(in.Job)
	if err != nil {
		return SetCohortOutput{}, asTemporal(doing, err)
	}
	rules, err := router.Cohorts(ctx)
	if err != nil {
		return SetCohortOutput{}, asTemporal(doing+": read rules", err)
	}
	if other := rules[in.Cohort]; other != "" && other != in.Candidate {
		return SetCohortOutput{}, asTemporal(doing, fmt.Errorf("somebody else's rule sends it to %s: %w", other, ErrConflict))
	}
	asked := a.now()
	if rules[in.Cohort] == "" {
		c, err := a.closed(ctx, in.Job, in.Ask)
		if err != nil || c != nil {
			return SetCohortOutput{Closed: c, Tried: activity.GetInfo(ctx).Attempt > 1}, asTemporal(doing, err)
		}
	}
	err = router.SetCohort(ctx, CohortRule{Write: in.write(), Cohort: in.Cohort, Version: in.Candidate, Endpoints: in.Endpoints[in.Candidate]})
	if err == nil && rules[in.Cohort] == "" {
		if stop := a.overtaken(ctx, in.Job, in.Ask, asked); stop != nil && router.SetCohort(ctx, CohortRule{Write: in.undoing(), Cohort: in.Cohort}) == nil {
			return SetCohortOutput{Closed: wasTakenBack(stop, "the rule of cohort "+in.Cohort), Tried: true}, nil
		}
	}
	if err == nil {
		err = a.awaitRules(ctx, router, map[string]string{in.Cohort: in.Candidate})
	}
	return SetCohortOutput{}, asTemporal(doing, err)
}

// RestoreCohorts removes the rules of cohorts, whoever made them: before the
// rollout there were none. Where none is left nothing is written, unless the
// cohort is not configured any more.
func (a *Activities) RestoreCohorts(ctx context.Context, in RestoreCohortsInput) (RestoreCohortsOutput, error) {
	defer keepAlive(ctx)()
	doing := "remove the rules of cohorts " + strings.Join(in.Cohorts, ", ")
	router, err := a.cohortsOf(in.Job)
	if err != nil {
		return RestoreCohortsOutput{}, insistently(doing, err)
	}
	reading, cancel := context.WithTimeout(ctx, longestRead)
	rules, unread := router.Cohorts(reading)
	cancel()
	none := map[string]string{}
	for _, cohort := range in.Cohorts {
		none[cohort] = ""
		isKnown := router.Knows(cohort) == nil // else it may be there and not be read
		if unread == nil && isKnown && rules[cohort] == "" {
			continue
		}
		w := in.write()
		w.Intent += "/" + cohort
		err = errors.Join(err, router.SetCohort(ctx, CohortRule{Write: w, Cohort: cohort}))
	}
	if err == nil {
		err = a.awaitRules(ctx, router, none)
	}
	return RestoreCohortsOutput{}, insistently(doing, err)
}

// awaitRules reads until the cohorts are sent where they should be; "" is a
// cohort without a rule. Soon before the time is over it says which one is not.
func (a *Activities) awaitRules(ctx context.Context, router Cohorts, want map[string]string) error {
	var missing error
	err := a.waitFor(ctx, func() (bool, error) {
		missing = nil
		rules, err := router.Cohorts(ctx)
		if err != nil {
			return false, fmt.Errorf("read rules: %w", err)
		}
		for _, cohort := range slices.Sorted(maps.Keys(want)) {
			if rules[cohort] == want[cohort] {
				continue
			}
			missing = fmt.Errorf("the rule was accepted but is not in force: cohort %s is sent to %s", cohort, named(rules[cohort]))
			return isOver(ctx), nil
		}
		return true, nil
	})
	if err != nil {
		return err
	}
	return missing
}

// cohortsOf returns what sends a job's cohorts to a version: its router, its flag
// system, or both.
func (a *Activities) cohortsOf(j Job) (Cohorts, error) {
	c, err := a.rulesOf(j)
	if err == nil && !c.makesAny() {
		err = fmt.Errorf("the traffic driver %s cannot send cohorts to a version: %w", j.Drivers.Traffic.Driver, ErrFinal)
	}
	return c, err
}

// showRules says in words where rules send cohorts.
func showRules(rules map[string]string) string {
	var parts []string
	for _, cohort := range slices.Sorted(maps.Keys(rules)) {
		parts = append(parts, fmt.Sprintf("a rule sends cohort %s to %s", cohort, rules[cohort]))
	}
	return strings.Join(parts, ", ")
}

// preflightCohorts is what keeps a router from sending cohorts to a version.
func (a *Activities) preflightCohorts(ctx context.Context, in PreflightInput) (problems []string, err error) {
	if len(in.Cohorts) == 0 {
		return nil, nil
	}
	router, err := a.cohortsOf(in.Job)
	if err != nil {
		return nil, err
	}
	_, err = router.Cohorts(ctx)
	if errors.Is(err, ErrNotFound) || errors.Is(err, ErrFinal) {
		return []string{"the router cannot send cohorts to a version: " + err.Error()}, nil
	}
	return nil, err
}

// admitCohorts asks the router and the flag system whether they know each cohort of
// the plan.
func (a *Activities) admitCohorts(p rollout.Plan) []rollout.Problem {
	if len(p.Cohorts()) == 0 {
		return nil
	}
	rules, err := a.rulesOf(Job{Target: p.Target, Drivers: p.Spec.Target, Candidate: p.Candidate})
	if err != nil {
		return []rollout.Problem{{Path: "target", Message: said(err)}}
	}
	out := rules.taken(p)
	for _, step := range p.Steps {
		path := p.Spec.Strategy.StepPath(step.Number) + ".cohort"
		switch {
		case step.Cohort == "":
		case !rules.makesAny():
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(
				"the traffic driver %s cannot send cohorts to a version", p.Spec.Target.Traffic.Driver)})
		default:
			if err := rules.Knows(step.Cohort); err != nil {
				out = append(out, rollout.Problem{Path: path, Message: said(err)})
			}
		}
	}
	return out
}

package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"strings"

	"bakeoff/rollout"
)

// FlagRule says by which value of a flag users of a cohort get the candidate. The
// key and all texts of the values may hold {{.Service}}, {{.Environment}},
// {{.Unit}} and {{.Version}}, the candidate's.
type FlagRule struct {
	Key   string `json:"key"`
	Value any    `json:"value"`         // while the cohort has the candidate
	Off   any    `json:"off,omitempty"` // while it has not; default: the flag is not there
}

// FlagCohorts is what a flags driver offers where cohorts are made by flags.
type FlagCohorts interface {
	// CohortFlags returns the rules by cohort.
	CohortFlags() map[string]FlagRule
}

// cohortRules are the rules of a router and of a flag system as one. It implements
// Cohorts.
type cohortRules struct {
	router  Cohorts // nil: the router sends no cohorts
	driver  string  // of the router
	flags   Flags   // nil: no cohort is made by a flag
	byFlag  map[string]FlagRule
	version string // the candidate's
}

var _ Cohorts = cohortRules{}

// rulesOf returns the rules that a job's router and flag system can make. None of
// them is no error.
func (a *Activities) rulesOf(j Job) (cohortRules, error) {
	c := cohortRules{driver: j.Drivers.Traffic.Driver, version: j.Candidate}
	traffic, err := a.Drivers.traffic(j.Drivers.Traffic)
	if err != nil {
		return c, err
	}
	c.router, _ = traffic.(Cohorts)
	if j.Drivers.Flags == nil {
		return c, nil
	}
	flags, err := a.Drivers.flags(j.Drivers.Flags)
	if err != nil {
		return c, err
	}
	maker, makes := flags.(FlagCohorts)
	if !makes || len(maker.CohortFlags()) == 0 {
		return c, nil
	}
	target, err := rollout.ParseTarget(j.Target)
	if err != nil {
		return c, err
	}
	c.flags, c.byFlag = flags, map[string]FlagRule{}
	for cohort, rule := range maker.CohortFlags() {
		if c.byFlag[cohort], err = rule.fill(target, j.Candidate); err != nil {
			return c, fmt.Errorf("cohorts.%s.flag: %w", cohort, err)
		}
	}
	return c, nil
}

// fill is the rule for one target and candidate, whose names need no quoting in JSON.
func (f FlagRule) fill(t rollout.Target, version string) (out FlagRule, err error) {
	text, err := json.Marshal(f)
	if err != nil {
		return out, err
	}
	filled := strings.NewReplacer("{{.Service}}", t.Service, "{{.Environment}}", t.Environment, "{{.Unit}}", t.Unit, "{{.Version}}", version).Replace(string(text))
	return out, json.Unmarshal([]byte(filled), &out)
}

// makesAny reports whether any cohort can be sent anywhere.
func (c cohortRules) makesAny() bool { return c.router != nil || c.flags != nil }

// Knows implements [Cohorts].
func (c cohortRules) Knows(cohort string) error {
	if _, is := c.byFlag[cohort]; is {
		return nil
	}
	if c.router == nil {
		return fmt.Errorf("the traffic driver %s cannot send cohorts to a version, and no flag makes cohort %s: %w", c.driver, cohort, ErrFinal)
	}
	return c.router.Knows(cohort)
}

// Cohorts implements [Cohorts]. A flag that says something else than either of its
// rule's values is somebody else's.
func (c cohortRules) Cohorts(ctx context.Context) (map[string]string, error) {
	rules := map[string]string{}
	if c.router != nil {
		found, err := c.router.Cohorts(ctx)
		if err != nil {
			return nil, err
		}
		maps.Copy(rules, found)
	}
	if c.flags == nil {
		return rules, nil
	}
	flags, err := c.flags.Flags(ctx)
	if err != nil {
		return nil, fmt.Errorf("read flags: %w", err)
	}
	for cohort, rule := range c.byFlag {
		switch now := flags[rule.Key]; {
		case reflect.DeepEqual(now, rule.Value):
			rules[cohort] = c.version
		case now != nil && !reflect.DeepEqual(now, rule.Off):
			text, _ := json.Marshal(now) // it came as JSON
			rules[cohort] = fmt.Sprintf("what flag %s says: %s", rule.Key, text)
		}
	}
	return rules, nil
}

// SetCohort implements [Cohorts].
func (c cohortRules) SetCohort(ctx context.Context, r CohortRule) error {
	rule, is := c.byFlag[r.Cohort]
	switch {
	case is && r.Version == "":
		return c.flags.SetFlags(ctx, r.Write, map[string]any{rule.Key: rule.Off})
	case is:
		return c.flags.SetFlags(ctx, r.Write, map[string]any{rule.Key: rule.Value})
	case c.router == nil:
		return c.Knows(r.Cohort)
	}
	return c.router.SetCohort(ctx, r)
}

// readCohorts reads the rules in force. Where no cohorts are known there are none.
func (a *Activities) readCohorts(ctx context.Context, j Job) (map[string]string, error) {
	c, err := a.rulesOf(j)
	if err != nil || !c.makesAny() {
		return nil, err
	}
	rules, err := c.Cohorts(ctx)
	if errors.Is(err, ErrNotFound) {
		return nil, nil
	}
	return rules, err
}

// taken says which flags of a release are a cohort's: both would be written.
func (c cohortRules) taken(p rollout.Plan) []rollout.Problem {
	var out []rollout.Problem
	for _, cohort := range p.Cohorts() {
		rule, is := c.byFlag[cohort]
		if _, both := p.Spec.Release.Flags[rule.Key]; is && both {
			out = append(out, rollout.Problem{Path: "release.flags." + rule.Key,
				Message: fmt.Sprintf("the flag makes cohort %s: the release cannot set it, too", cohort)})
		}
	}
	return out
}

package sim

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// DefaultCohort is the share of all requests that a cohort sends which nobody
// has said more of.
const DefaultCohort = rollout.Weight(500)

// AddCohort makes a cohort known to the router: users who send that share of
// all requests.
func (w *World) AddCohort(name string, share rollout.Weight) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.shares[name] = share
}

// flagCohort is users whom a flag sends to a version while it says so.
type flagCohort struct {
	rule    activities.FlagRule
	version string
	share   rollout.Weight // of all requests
}

// AddFlagCohort makes a cohort known that a flag makes: while the flag has the rule's
// value, filled in, its users get the version.
func (w *World) AddFlagCohort(name, version string, share rollout.Weight, rule activities.FlagRule) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.byFlag[name] = flagCohort{rule, version, share}
}

// CohortFlags implements [activities.FlagCohorts].
func (w *World) CohortFlags() map[string]activities.FlagRule {
	w.mu.Lock()
	defer w.mu.Unlock()
	rules := map[string]activities.FlagRule{}
	for cohort, f := range w.byFlag {
		rules[cohort] = f.rule
	}
	return rules
}

// saysSo reports whether the flag has its value, whatever version stands in it.
func (f flagCohort) saysSo(flags map[string]any) bool {
	now, _ := json.Marshal(flags[f.rule.Key]) // both are plain data
	value, _ := json.Marshal(f.rule.Value)
	return string(now) == strings.ReplaceAll(string(value), "{{.Version}}", f.version)
}

// TestTraffic sends requests to a version past the router, so many a second.
func (w *World) TestTraffic(version string, rate float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.tests[version] = rate
	w.mark(w.passed)
}

// IgnoreCohorts makes the router accept rules of cohorts and do nothing.
func (w *World) IgnoreCohorts(ignore bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.ignoresCohorts = ignore
}

// ForeignCohort changes a rule as an outsider does; version "" removes it.
func (w *World) ForeignCohort(cohort, version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	if w.rule(cohort, version) {
		w.log = append(w.log, "outsider: "+showRule(cohort, version))
	}
}

// Knows implements [activities.Cohorts].
func (w *World) Knows(cohort string) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if _, known := w.shares[cohort]; !known {
		return fmt.Errorf("cohort %s is not known: %w", cohort, activities.ErrFinal)
	}
	return nil
}

// Cohorts implements [activities.Cohorts].
func (w *World) Cohorts(ctx context.Context) (map[string]string, error) {
	var rules map[string]string
	err := w.call(ctx, OpCohorts, func() error {
		rules = maps.Clone(w.rules)
		return nil
	})
	return rules, err
}

// SetCohort implements [activities.Cohorts].
func (w *World) SetCohort(ctx context.Context, r activities.CohortRule) error {
	return w.call(ctx, OpSetCohort, func() error {
		return w.perform(act{op: OpSetCohort, on: "cohort " + r.Cohort, write: r.Write, text: showRule(r.Cohort, r.Version), do: func(int) (bool, error) {
			if v := w.versions[r.Version]; r.Version != "" && (v == nil || v.isGone() || v.stateAt(w.passed) != activities.StateReady) {
				w.violate("cohort %s sent to %s while it was not ready", r.Cohort, r.Version)
			}
			return !w.ignoresCohorts && w.rule(r.Cohort, r.Version), nil
		}})
	})
}

// rule reports whether it changed anything.
func (w *World) rule(cohort, version string) bool {
	if w.rules[cohort] == version {
		return false
	}
	w.rules[cohort] = version
	if version == "" {
		delete(w.rules, cohort)
	}
	w.mark(w.passed)
	return true
}

// rateOf is how many requests a second a version gets: its share of those
// whom no rule sends elsewhere, all of its cohorts, and tests.
func (w *World) rateOf(version string, b Behaviour) float64 {
	rest, own := rollout.All, rollout.Weight(0)
	for cohort, to := range w.rules {
		share, said := w.shares[cohort]
		if !said {
			share = DefaultCohort
		}
		rest -= share
		if to == version {
			own += share
		}
	}
	for _, f := range w.byFlag {
		if !f.saysSo(w.flags) {
			continue
		}
		rest -= f.share
		if f.version == version {
			own += f.share
		}
	}
	share := float64(own)/float64(rollout.All) + float64(rest)/float64(rollout.All)*float64(w.weights[version])/float64(rollout.All)
	return b.Rate*share + w.tests[version]
}

func showRule(cohort, version string) string {
	if version == "" {
		return "cohort " + cohort + " removed"
	}
	return "cohort " + cohort + " to " + version
}

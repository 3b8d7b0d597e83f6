package e2e_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

const adaptive = "strategy: {" + window + ", adaptive: {from: 5%, to: 50%, riskBudget: 100 failures, minBake: 5s}, keepBaseline: 2s}"

// The evidence chooses the weights, and history has the reason for each.
func TestAdaptive(t *testing.T) {
	s := open(t).scene(t)
	s.world.Behave(baseline, sim.Behaviour{Rate: 400, Failures: 0.01})
	s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.011})
	s.run(adaptive).requires(s, 0, rollout.Promoted, "")
	set := s.told(rollout.EventWeightSet)
	require.Equal(t, "5%", set[0].Data["weight"])
	require.Greater(t, len(set), 3, "%v", set)
	for _, e := range set[1 : len(set)-1] {
		require.Contains(t, e.Text, "to "+e.Data["weight"].(string)+": errors may fail ", e.Text)
	}
	require.Equal(t, "50%", set[len(set)-2].Data["weight"])
	s.replacedBaseline()
	status := s.status()
	require.Equal(t, status.Steps, status.Step)
}

// What costs more than the budget goes down, and back.
func TestAdaptiveKeepsItsBudget(t *testing.T) {
	s := open(t).scene(t)
	s.world.Behave(baseline, sim.Behaviour{Rate: 400, Failures: 0.01})
	s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.09})
	// A margin this wide leaves the decision to the budget.
	e := s.run(strings.Replace(adaptive, "100 failures", "20", 1), `checks: [{name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {rateRatio: {harmMargin: 9}}}]`)
	e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
	require.Contains(t, e.Reason, "riskBudget: at least")
	require.Contains(t, e.Reason, "20 are allowed")
	s.asBefore()
}

// A candidate is compared with a copy of the baseline of its own age, and
// nothing is left of the copy.
func TestSameAge(t *testing.T) {
	s := open(t).scene(t)
	const fresh = baseline + "-sameage"
	for version, failures := range map[string]float64{baseline: 0.001, fresh: 0.1, candidate: 0.105} {
		s.world.Behave(version, sim.Behaviour{Rate: 400, Failures: failures})
	}
	s.run(`baseline: {version: `+baseline+`, artifact: "registry.example/checkout@sha256:1c5f86d081884c7d659a2feaa0c55ad0"}`,
		strings.Replace(twoSteps, "canary", "baseline: sameAge, canary", 1)).requires(s, 0, rollout.Promoted, "")
	log := s.world.Log()
	require.ElementsMatch(t, []string{"deploy " + candidate, "deploy " + fresh}, log[:2], "both at once")
	require.Equal(t, []string{"weights 2.4.1 80%, 2.4.1-sameage 10%, 2.5.0 10%",
		"weights 2.4.1 0%, 2.4.1-sameage 50%, 2.5.0 50%", "weights 2.4.1 0%, 2.4.1-sameage 0%, 2.5.0 100%",
		"primary " + candidate, "remove " + baseline, "remove " + fresh}, log[2:])
	var deployed []any
	for _, e := range s.told(rollout.EventDeployed) {
		deployed = append(deployed, e.Data["version"])
	}
	require.ElementsMatch(t, []any{candidate, fresh}, deployed)
}

// A step ends as soon as it is proved, be it in its last window; the baseline is
// kept for as long as was asked for all the same.
func TestEndEarly(t *testing.T) {
	s := open(t).scene(t)
	for _, version := range []string{baseline, candidate} {
		s.world.Behave(version, sim.Behaviour{Rate: 4000, Failures: 0.1})
	}
	s.world.Behave(candidate, sim.Behaviour{Rate: 4000, Failures: 0.101})
	s.run("strategy: {window: {first: 1m, poll: 400ms}, canary: [{weight: 50%, bake: 1m}], keepBaseline: 5s, warmUp: 0s}",
		"policy: {require: nonInferior, endEarly: true}",
		`checks: [{name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version},
  {name: objective, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {sloRate: {objective: 50%}}}]`,
	).requires(s, 0, rollout.Promoted, "")
	stays := s.stays()
	require.Len(t, stays, 2, "%v", stays)
	require.Less(t, stays[0].length(), 30*time.Second, "of a bake of a minute")
	removed := s.asked("DELETE /versions/" + baseline)
	require.GreaterOrEqual(t, removed[0].At.Sub(stays[1].from), 5*time.Second, "kept for 5s")
	require.Len(t, s.told(rollout.EventStepPassed), 1)
}

package e2e_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// absolute judges the candidate alone.
const absolute = `checks:
  - {name: objective, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {sloRate: {objective: 95%}}}`

// cohorts is the scene's target with two cohorts, known by a header.
func (s *scene) cohorts() string {
	return strings.Replace(`target: {deploy: {driver: http, with: {url: "URL"}}, metrics: {driver: scrape},
  traffic: {driver: http, with: {url: "URL", cohorts: {internal: {header: X-Cohort, value: internal}, beta: {header: X-Cohort, value: beta}}}}}`, "URL", s.url, 2)
}

const ringed = "strategy: {" + window + ", rings: [{cohort: internal, bake: 5s, owner: platform}, {cohort: beta, bake: 5s}, {weight: 20%, bake: 5s}], keepBaseline: 2s}"

// All at once is one raise, judged by absolute checks alone.
func TestAllAtOnce(t *testing.T) {
	c := open(t)
	strategy := "strategy: {" + window + ", allAtOnce: {bake: 5s}, keepBaseline: 2s}"
	t.Run("promoted", func(t *testing.T) {
		s := c.scene(t)
		s.run(strategy, absolute).requires(s, 0, rollout.Promoted, "")
		s.stayed(bake, rollout.All)
		s.replacedBaseline()
	})
	t.Run("back", func(t *testing.T) {
		s := c.scene(t)
		s.start(strings.Replace(strategy, "5s", "1m", 1), absolute)
		s.bakes(rollout.All)
		s.breaks()
		s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
		s.asBefore()
	})
	t.Run("required", func(t *testing.T) {
		s := c.scene(t)
		e := s.run(strategy, "policy: {absolute: required}")
		e.requires(s, 3, rollout.Refused, rollout.CauseSpec)
		require.Contains(t, e.Reason, "no gating check is absolute")
		require.Empty(t, s.asked("PUT"))
	})
}

// Blue-green judges on test traffic: users meet nothing or all of it.
func TestBlueGreen(t *testing.T) {
	c := open(t)
	strategy := "strategy: {" + window + ", blueGreen: {preview: 5s}, keepBaseline: 2s}"
	t.Run("switched", func(t *testing.T) {
		s := c.scene(t)
		s.world.TestTraffic(candidate, 50)
		s.start(strings.Replace(strategy, "keep", "promote: {approve: {within: 1h}}, keep", 1), absolute)
		s.waitsFor(rollout.WaitingForApproval)
		require.Empty(t, s.asked("PUT /weights"), "users meet nothing before the switch")
		s.watched(2)
		s.order(0, "approve", "--step", "2")
		s.ends(0, rollout.Promoted, "")
		s.stayed(0, rollout.All)
		s.replacedBaseline()
	})
	t.Run("found", func(t *testing.T) {
		s := c.scene(t)
		s.world.TestTraffic(candidate, 50)
		s.breaks()
		e := s.run(strategy, absolute)
		e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
		require.Contains(t, e.Reason, "at test traffic")
		for _, one := range s.stays() {
			require.Zero(t, one.weight, "no user ever met it")
		}
		s.asBefore()
	})
}

// Cohorts come before weights, and nothing is left of their rules, however it
// ends: the router's own log says so.
func TestRings(t *testing.T) {
	c := open(t)
	t.Run("promoted", func(t *testing.T) {
		s := c.scene(t)
		s.run(s.cohorts(), ringed, absolute).requires(s, 0, rollout.Promoted, "")
		s.stayed(bake, 2000, rollout.All)
		s.noRules("internal", "beta")
		s.replacedBaseline()
		made := s.asked("PUT /cohorts/internal 200")
		require.Len(t, made, 1)
		require.JSONEq(t, `{"version":"2.5.0","header":{"X-Cohort":"internal"}}`, made[0].Body)
		require.NotEmpty(t, made[0].Header.Get("Bakeoff-Fence"))
		require.GreaterOrEqual(t, s.asked("PUT /cohorts/beta 200")[0].At.Sub(made[0].At), bake, "the first ring has its bake")
		var said []string
		for _, e := range s.story() {
			said = append(said, e.Text)
		}
		all := strings.Join(said, "\n")
		for _, want := range []string{"answered for by platform", "cohort internal sent to 2.5.0", "passed at cohort internal, beta", "no rule of these cohorts is left: internal, beta"} {
			require.Contains(t, all, want)
		}
	})
	t.Run("aborted", func(t *testing.T) {
		s := c.scene(t)
		s.start(s.cohorts(), strings.Replace(ringed, "5s", "1m", 1), absolute)
		s.awaits("PUT /cohorts/internal 200", 1)
		s.watched(2)
		e := s.order(0, "abort")
		require.Equal(t, rollout.Accepted, e.Answer)
		s.noRules("internal")
		s.ends(11, rollout.Aborted, "")
		s.asBefore()
	})
	t.Run("broken", func(t *testing.T) {
		s := c.scene(t)
		s.start(s.cohorts(), strings.Replace(ringed, "5s", "1m", 1), absolute)
		s.awaits("PUT /cohorts/internal 200", 1)
		s.breaks()
		s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
		s.noRules("internal")
		s.asBefore()
	})
	t.Run("stuck", func(t *testing.T) {
		s := c.scene(t)
		s.start(s.cohorts(), strings.Replace(ringed, "5s", "1m", 1), absolute, "needsHumanAfter: 1s")
		s.awaits("PUT /cohorts/internal 200", 1)
		s.world.Fail(sim.OpSetCohort, sim.Fault{})
		s.order(0, "abort", "--no-wait")
		until(t, "a human is needed", func() bool { return s.status().Phase == rollout.PhaseNeedsHuman })
		s.world.Heal()
		until(t, "the rule is gone", func() bool { return s.status().Phase == rollout.PhaseCompleted })
		s.ends(11, rollout.Aborted, "")
		s.noRules("internal")
		s.asBefore()
	})
	t.Run("unknown", func(t *testing.T) {
		s := c.scene(t)
		e := s.run(ringed, absolute)
		e.requires(s, 3, rollout.Refused, rollout.CauseSpec)
		require.Contains(t, e.Reason, "strategy.rings[0].cohort: cohort internal is not known: the traffic driver has no cohorts configured")
		require.Empty(t, s.asked("PUT"))
	})
	t.Run("ignored", func(t *testing.T) {
		s := c.scene(t)
		s.world.IgnoreCohorts(true)
		e := s.run(s.cohorts(), ringed, absolute, "settleWithin: 6s")
		e.requires(s, 10, rollout.RolledBack, rollout.CauseTraffic)
		require.Contains(t, e.Reason, "the rule was accepted but is not in force: cohort internal is sent to no version")
		s.asBefore()
	})
	t.Run("leftover", func(t *testing.T) {
		s := c.scene(t)
		s.world.ForeignCohort("beta", baseline)
		e := s.run(s.cohorts(), twoSteps)
		e.requires(s, 15, rollout.Refused, rollout.CauseDirty)
		require.Contains(t, e.Reason, "a rule sends cohort beta to 2.4.1")
		require.Empty(t, s.asked("PUT"))
	})
}

// Rings whose cohorts a flag makes, against the http driver: the flag is set when the
// ring begins, read back, and says in the end what it said before.
func TestRingsByFlag(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, `drivers:
  http:
    cohorts:
      internal: {flag: {key: "{{.Service}}-candidate", value: {enabled: true, variant: "{{.Version}}", rules: [{segment: internal}]}, off: {enabled: false}}}
      opt-in:   {flag: {key: "{{.Service}}-opt-in", value: "{{.Version}}"}}
`)
	const rings = "strategy: {" + window + ", rings: [{cohort: internal, bake: 5s}, {cohort: opt-in, bake: 5s}, {weight: 20%, bake: 5s}], keepBaseline: 2s}"
	flagged := func(s *scene) string {
		off := map[string]any{"enabled": false}
		s.world.ForeignFlags(map[string]any{s.name + "-candidate": off, "others": true})
		s.world.AddFlagCohort("internal", candidate, 500, activities.FlagRule{Key: s.name + "-candidate", Off: off,
			Value: map[string]any{"enabled": true, "variant": candidate, "rules": []any{map[string]any{"segment": "internal"}}}})
		s.world.AddFlagCohort("opt-in", candidate, 500, activities.FlagRule{Key: s.name + "-opt-in", Value: candidate})
		return strings.ReplaceAll(`target: {deploy: {driver: http, with: {url: "URL"}}, metrics: {driver: scrape}, traffic: {driver: http, with: {url: "URL"}}, flags: {driver: http, with: {url: "URL"}}}`, "URL", s.url)
	}
	asBefore := func(s *scene) {
		require.Equal(s.t, map[string]any{s.name + "-candidate": map[string]any{"enabled": false}, "others": true}, s.world.State().Flags)
	}
	t.Run("promoted", func(t *testing.T) {
		s := c.scene(t)
		s.run(flagged(s), rings, absolute).requires(s, 0, rollout.Promoted, "")
		asBefore(s)
		s.replacedBaseline()
		set := s.asked("PATCH /flags 200")
		require.JSONEq(t, fmt.Sprintf(`{"flags":{"%s-candidate":{"enabled":true,"variant":"2.5.0","rules":[{"segment":"internal"}]}}}`, s.name), set[0].Body)
		require.JSONEq(t, fmt.Sprintf(`{"flags":{"%s-opt-in":"2.5.0"}}`, s.name), set[1].Body)
		require.GreaterOrEqual(t, set[1].At.Sub(set[0].At), bake, "the first ring has its bake")
		require.NotEmpty(t, set[0].Header.Get("Bakeoff-Fence"))
	})
	t.Run("aborted", func(t *testing.T) {
		s := c.scene(t)
		s.start(flagged(s), strings.Replace(rings, "5s", "1m", 1), absolute)
		s.awaits("PATCH /flags 200", 1)
		s.watched(2)
		require.Equal(t, rollout.Accepted, s.order(0, "abort").Answer)
		asBefore(s)
		s.ends(11, rollout.Aborted, "")
		require.Equal(t, []string{baseline}, s.world.State().Versions)
	})
}

// noRules requires that each cohort's rule was removed, and before anything
// was removed that it led to.
func (s *scene) noRules(cohorts ...string) {
	s.t.Helper()
	require.Empty(s.t, s.world.State().Cohorts)
	for _, cohort := range cohorts {
		removed := s.asked("DELETE /cohorts/" + cohort + " 200")
		require.NotEmpty(s.t, removed, "the rule of %s", cohort)
		for _, gone := range s.asked("DELETE /versions") {
			require.True(s.t, gone.At.After(removed[0].At), "the rule goes before the version")
		}
	}
}

package e2e_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/workflow/v1"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// promoting is at 100 % while the platform does not make the candidate primary.
func (c *town) promoting(t *testing.T, fault sim.Fault) *scene {
	t.Helper()
	s := c.scene(t)
	s.world.Fail(sim.OpSetPrimary, fault)
	s.start("strategy: {"+window+", canary: [{weight: 10%, bake: 4s}], keepBaseline: 2s}", "needsHumanAfter: 1m")
	temporal := c.client(t)
	until(t, "the promotion is asked for", func() bool {
		d, err := temporal.DescribeWorkflowExecution(t.Context(), "rollout/"+s.target(), "")
		return err == nil && slices.ContainsFunc(d.GetPendingActivities(), func(p *workflow.PendingActivityInfo) bool {
			return p.GetActivityType().GetName() == "Promote" && p.GetLastStartedTime() != nil
		})
	})
	return s
}

// An abort waits for no answer to the promotion: users go back at once, whether
// the platform refuses or is silent.
func TestAbortOverHangingPromotion(t *testing.T) {
	c := open(t)
	for name, fault := range map[string]sim.Fault{"refuses": {}, "hangs": {Hang: true}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.promoting(t, fault)
			ordered := time.Now()
			s.order(0, "abort", "--no-wait")
			until(t, "users are back", func() bool { return s.weight() == 0 })
			s.wroteBackWithin(abortWithin, ordered)
			s.world.Heal()
			s.ends(11, rollout.Aborted, "")
			s.asBefore()
		})
	}
}

// failures.md 9. The whole promotion was ordered, and waits for a candidate that never
// has its replicas: an abort wins over it, and nothing is raised any more, even when
// the candidate gets well while it goes back.
func TestAbortOverPendingPromotion(t *testing.T) {
	c := open(t)
	for name, ails := range map[string]func(*sim.World){
		"OfReplicas": func(w *sim.World) { w.SetReplicas(candidate, 1) },
		"OfHealth":   func(w *sim.World) { w.SetState(candidate, activities.StatePending, "starting anew") },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			s.start("strategy: {"+window+", canary: [{weight: 10%, bake: 10m}, {weight: 50%, bake: 10m}], keepBaseline: 2s}", "readyWithin: 1h", "drain: 5s")
			s.bakes(1000)
			ails(s.world)
			require.Equal(t, rollout.Accepted, s.order(0, "promote", "--full").Answer)
			s.waitsFor(rollout.WaitingForCapacity)
			s.awaits("GET /versions/"+candidate+" 200", len(s.asked("GET /versions/"+candidate+" 200"))+3)
			require.Equal(t, rollout.Weight(1000), s.weight())

			s.world.Forbid(candidate, "the abort")
			ordered := time.Now()
			s.order(0, "abort", "--no-wait")
			until(t, "users are back", func() bool { return s.weight() == 0 })
			s.wroteBackWithin(abortWithin, ordered)
			s.world.SetReplicas(candidate, sim.DefaultReplicas)
			s.world.SetState(candidate, activities.StateReady, "")
			s.ends(11, rollout.Aborted, "")
			s.asBefore()
			require.Equal(t, undone, s.world.Log())
		})
	}
}

// Users are seen to be back, and it is said, while the platform does not make the
// baseline primary again.
func TestUsersComeBeforeThePrimary(t *testing.T) {
	s := open(t).promoting(t, sim.Fault{})
	ordered := time.Now()
	s.order(0, "abort", "--no-wait")
	until(t, "traffic is told to be back", func() bool { return len(s.told(rollout.EventTrafficRestored)) > 0 })
	said := time.Since(ordered)
	now := s.status()
	require.Equal(t, rollout.PhaseRollingBack, now.Phase)
	require.Zero(t, now.Weight)
	require.Empty(t, s.told(rollout.EventHealthRestored))
	s.world.Heal()
	e := s.ends(11, rollout.Aborted, "")
	require.Less(t, e.TimeToRestore.Traffic.Std(), said)
	s.asBefore()
}

// A server with one fence for everything refuses nothing of a rollout: what goes
// back goes back at the same time.
func TestOneFenceForEverything(t *testing.T) {
	s := open(t).scene(t)
	s.world.RefuseStale(true)
	s.world.ShareFence()
	target := strings.Replace(s.cohorts(), "deploy:", `flags: {driver: http, with: {url: "`+s.url+`"}}, deploy:`, 1)
	s.start(target, absolute, "release: {version: 2.5.0, flags: {new-cart: {enabled: true}}}",
		"strategy: {"+window+", canary: [{weight: 10%, bake: 5s, cohort: internal}], keepBaseline: 1m}")
	s.awaits("PUT /primary 200", 1)
	s.watched(2)
	ordered := time.Now()
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	s.wroteBackWithin(abortWithin, ordered)
	s.asBefore()
	for _, r := range s.http.Requests() {
		require.NotContains(t, r.String(), " 409")
	}
}

package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// outage is how long there is no worker: longer than all bakes of any rollout
// here together.
const outage = 2*bake + time.Second

// crash is one rollout that stands in a certain stage when its worker dies.
type crash struct {
	stage string
	spec  []string
	world func(*sim.World)
	reach func(*scene) // returns when the stage is reached
	after func(*scene) // once there is a worker again

	code    int
	outcome rollout.Outcome
	log     []string
	check   func(*scene)
}

// crashes are ordered by how long it takes to get there.
var crashes = []crash{
	{
		stage: "Promote", spec: []string{oneStep},
		world: func(w *sim.World) { w.Fail(sim.OpSetPrimary, sim.Fault{}) },
		reach: func(s *scene) { s.awaits("PUT /primary 500", 2) },
		after: func(s *scene) { s.world.Heal(sim.OpSetPrimary) },
		log:   promotedOne,
	},
	{
		stage: "KeepBaseline", spec: []string{"strategy: {" + window + ", canary: [{weight: 10%, bake: 5s}], keepBaseline: 15s}"},
		reach: func(s *scene) { s.awaits("PUT /primary 200", 1); s.watched(3) },
		log:   promotedOne,
		check: func(s *scene) {
			stays := s.stays()
			removed := s.asked("DELETE /versions/" + baseline)[0]
			require.GreaterOrEqual(s.t, removed.At.Sub(stays[1].from), 15*time.Second+outage)
		},
	},
	{
		stage: "Approval", spec: []string{asks("within: 1h")},
		reach: func(s *scene) { s.waitsFor(rollout.WaitingForApproval); s.watched(2) },
		after: func(s *scene) { s.order(0, "approve") },
		log:   promotedTwo,
		check: func(s *scene) { s.evidenceOfEveryStep(2) },
	},
	{
		stage: "Rollback", spec: []string{oneLong},
		reach: func(s *scene) {
			s.bakes(1000)
			s.world.Fail(sim.OpShift, sim.Fault{})
			s.breaks()
			s.awaits("PUT /weights 500", 2)
		},
		after: func(s *scene) { s.world.Heal(sim.OpShift) },
		code:  10, outcome: rollout.RolledBack, log: undone,
	},
	{
		stage: "Deploy", spec: []string{oneStep},
		world: func(w *sim.World) { w.OnDeploy(candidate, pending) },
		reach: func(s *scene) { s.awaits("GET /versions/"+candidate+" 200", 3) },
		after: func(s *scene) { s.world.SetState(candidate, "ready", "") },
		log:   promotedOne,
	},
	{
		stage: "Verify", spec: []string{oneStep},
		world: func(w *sim.World) { w.LagWeights(time.Hour) },
		reach: func(s *scene) {
			s.awaits("PUT /weights 200", 1)
			s.awaits("GET /weights 200", len(s.asked("GET /weights 200"))+2)
		},
		after: func(s *scene) { s.world.LagWeights(0); s.world.Settle() },
		log:   promotedOne,
	},
	{
		stage: "Bake",
		reach: func(s *scene) { s.bakes(1000); s.watched(3) },
		log:   promotedTwo,
		check: func(s *scene) {
			require.GreaterOrEqual(s.t, s.stays()[0].length(), bake+outage, "nobody watched during the outage")
			s.evidenceOfEveryStep(2)
		},
	},
}

// A worker dies while rollouts stand in every stage, for longer than all of
// their bakes. Each goes on where it stood: nothing is skipped, done twice or
// cut short.
func TestWorkerCrash(t *testing.T) {
	license(t)
	t.Parallel()
	c := &town{server: procs.StartServer(t)}
	c.worker = procs.StartWorker(t, c.server, "")
	var scenes []*scene
	for _, row := range crashes {
		s := c.scene(t)
		s.name = "crash-" + row.stage
		if row.world != nil {
			row.world(s.world)
		}
		scenes = append(scenes, s)
		if row.stage != "Bake" {
			s.start(row.spec...)
		}
	}
	for i, row := range crashes {
		if row.stage == "Bake" {
			scenes[i].start(row.spec...)
		}
		row.reach(scenes[i])
	}
	c.worker.Kill()
	time.Sleep(outage)
	c.worker = procs.StartWorker(t, c.server, "")
	for i, row := range crashes {
		t.Run(row.stage, func(t *testing.T) {
			t.Parallel()
			scenes[i].t = t
			row.goesOn(scenes[i])
		})
	}
}

// A worker dies and is replaced at once while rollouts wait for an approval.
// The candidate is watched again soon, and an approval soon leads on, as in the
// middle of a bake.
func TestWorkerCrashWhileWaiting(t *testing.T) {
	const soon = 30 * time.Second
	c := open(t)
	bad, good := c.scene(t), c.scene(t)
	bad.name, good.name = "bad", "good"
	for _, s := range []*scene{bad, good} {
		s.start(asks("within: 1h"))
	}
	for _, s := range []*scene{bad, good} {
		s.waitsFor(rollout.WaitingForApproval)
		s.watched(2)
	}
	c.worker.Kill()
	c.worker = procs.StartWorker(t, c.server, "")
	bad.breaks()
	came := time.Now()
	good.order(0, "approve")
	good.ends(0, rollout.Promoted, "")
	bad.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	bad.wroteBackWithin(soon, came)
	require.Less(t, good.stays()[1].from.Sub(came), soon, "the raise to 50%")
}

// A worker dies and is replaced at once while candidates are deployed that have
// less time to be ready than it takes to notice that. The next worker goes on: what
// is ready by then is rolled out, and what is not goes back for that reason.
func TestWorkerCrashWhileDeploying(t *testing.T) {
	c := open(t)
	ready, never := c.scene(t), c.scene(t)
	ready.name, never.name = "ready", "never"
	for _, s := range []*scene{ready, never} {
		s.world.OnDeploy(candidate, pending)
		s.start(oneStep, "readyWithin: 10s")
	}
	for _, s := range []*scene{ready, never} {
		s.awaits("GET /versions/"+candidate+" 200", 2)
	}
	c.worker.Kill()
	ready.world.SetState(candidate, "ready", "")
	c.worker = procs.StartWorker(t, c.server, "")
	ready.ends(0, rollout.Promoted, "")
	ready.deployedOnce()
	never.ends(10, rollout.RolledBack, rollout.CauseDeploy)
	require.Contains(t, never.status().Reason, "could not deploy 2.5.0: deploy 2.5.0: it is still pending")
}

func (c crash) goesOn(s *scene) {
	if c.after != nil {
		c.after(s)
	}
	outcome, cause := rollout.Promoted, rollout.Cause("")
	if c.outcome != "" {
		outcome, cause = c.outcome, rollout.CauseVerdict
	}
	s.ends(c.code, outcome, cause)
	require.Equal(s.t, c.log, s.world.Log())
	s.deployedOnce()
	if outcome == rollout.Promoted {
		for _, stay := range s.stays()[:len(c.log)-4] {
			require.GreaterOrEqual(s.t, stay.length(), bake, "the time at %s", stay.weight)
		}
		require.Len(s.t, s.told(rollout.EventPromoted), 1)
	}
	if c.check != nil {
		c.check(s)
	}
}

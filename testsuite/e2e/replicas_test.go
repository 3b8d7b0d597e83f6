package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Replicas are asked for once, with the deployment. From then on they may be an
// autoscaler's: whatever it makes of them, and whenever a worker dies, nobody
// writes them again, forward or on the way back.
func TestReplicasAreAnAutoscalers(t *testing.T) {
	c := open(t)
	good, bad := c.scene(t), c.scene(t)
	good.name, bad.name = "good", "bad"
	scales := func(version string, n int) {
		good.world.SetReplicas(version, n)
		bad.world.SetReplicas(version, n)
	}
	for _, s := range []*scene{good, bad} {
		s.world.OnDeploy(candidate, pending)
		s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 15s}, {weight: 50%, bake: 5s}], keepBaseline: 2s}")
	}
	reads := "GET /versions/" + candidate + " 200"
	for _, s := range []*scene{good, bad} {
		s.awaits(reads, 2)
	}
	c.worker.Kill() // while it waits for what it has asked for
	scales(candidate, 5)
	c.worker = procs.StartWorker(t, c.server, "")
	for _, s := range []*scene{good, bad} {
		s.awaits(reads, len(s.asked(reads))+2)
		s.world.SetState(candidate, "ready", "")
	}
	for _, s := range []*scene{good, bad} {
		s.bakes(1000)
	}
	scales(candidate, 7)
	scales(baseline, 6)
	c.worker.Kill()
	bad.breaks()
	c.worker = procs.StartWorker(t, c.server, "")
	bad.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	good.bakes(5000)
	scales(candidate, 4)
	good.ends(0, rollout.Promoted, "")

	require.Equal(t, promotedTwo, good.world.Log(), "no replicas among the writes")
	require.Equal(t, undone, bad.world.Log(), "no replicas among the writes")
	for _, s := range []*scene{good, bad} {
		require.Len(t, s.asked("PUT /versions/"), 1, "asked for once")
	}
}

package e2e_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// frozen is the configuration of a worker in which staging is frozen.
func frozen(from, to time.Time, exposure string) string {
	return fmt.Sprintf("freeze: [{name: party, environments: [staging], from: %q, to: %q, exposure: %s}]\n",
		from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano), exposure)
}

// reconfigurable gives the town a worker whose configuration can be changed.
func (c *town) reconfigurable(t *testing.T, text string) (reload func(text string)) {
	t.Helper()
	config := filepath.Join(t.TempDir(), "worker.yaml")
	require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
	c.worker = procs.StartWorker(t, c.server, "", "--config", config)
	return func(text string) {
		require.NoError(t, os.WriteFile(config, []byte(text), 0o600))
		c.worker.Signal(syscall.SIGHUP)
		until(t, "reloaded", func() bool { return strings.Contains(c.worker.Tail(5), "configuration reloaded") })
	}
}

// A freeze that begins during a step holds the rollout where it is, with its
// reason and end; nothing is raised inside, the clocks stand still, and the
// rollout goes on by itself when it is over.
func TestFreezeHolds(t *testing.T) {
	c := found(t)
	reload := c.reconfigurable(t, "roles: {on-call: [cy@example.com]}\n")
	s := c.scene(t)
	s.start(twoSteps, "deadline: "+(4*bake).String())
	s.bakes(5000)
	from := time.Now()
	to := from.Add(3 * bake)
	reload(frozen(from, to, "hold"))
	s.waitsFor(rollout.GateFreeze)
	status := s.status()
	require.Equal(t, rollout.PhaseWaiting, status.Phase)
	require.Contains(t, status.Reason, `freeze "party" until `)
	require.WithinDuration(t, to, *status.WaitingUntil, time.Millisecond)
	require.Contains(t, s.order(15, "promote").Why, "--override")
	s.ends(0, rollout.Promoted, "")
	for _, r := range s.asked("PUT /weights 200") {
		require.False(t, r.At.After(from.Add(time.Second)) && r.At.Before(to), "written at %s", r.At)
	}
	require.Len(t, s.told(rollout.EventGateWaiting), 1)
	require.Len(t, s.told(rollout.EventGatePassed), 1)
}

// A freeze never keeps a bad candidate's users.
func TestFreezeLetsGoBack(t *testing.T) {
	c := found(t)
	reload := c.reconfigurable(t, "roles: {on-call: [cy@example.com]}\n")
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	reload(frozen(time.Now(), time.Now().Add(time.Hour), "hold"))
	s.waitsFor(rollout.GateFreeze)
	s.breaks()
	s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	s.asBefore()
	require.Equal(t, undone, s.world.Log())
}

// A start inside of a freeze is refused, unless it waits or who may overrides.
func TestFreezeRefusesStarts(t *testing.T) {
	c := found(t)
	to := time.Now().Add(time.Hour)
	reload := c.reconfigurable(t, frozen(time.Now(), to, "hold"))
	s := c.scene(t)
	e := s.run(oneStep)
	e.requires(s, 15, rollout.Refused, rollout.CauseFreeze)
	require.Contains(t, e.Reason, `freeze "party" until `+to.UTC().Format("Mon ")+rollout.Clock(to.UTC()))
	require.Empty(t, s.world.Log())

	planned := s.cli("plan", s.file(oneStep))
	require.Zero(t, planned.Code, planned.Stderr)
	require.Contains(t, planned.Stdout, `closed now: freeze "party"`)

	waits := s.cli("start", s.file(oneStep), "--wait", "--reason", "as soon as may be")
	require.Zero(t, waits.Code, waits.Stderr)
	s.waitsFor(rollout.GateFreeze)
	require.Empty(t, s.world.Log())
	reload("{}\n") // the freeze is lifted
	s.ends(0, rollout.Promoted, "")
}

// Whoever has an excepted role starts inside of a freeze, under each of their names.
func TestFreezeExcepts(t *testing.T) {
	c := found(t)
	c.reconfigurable(t, "roles: {on-call: [cy@example.com]}\nmembers: {cy@example.com: {aliases: [cy@laptop]}}\n"+
		strings.Replace(frozen(time.Now(), time.Now().Add(time.Hour), "hold"), "exposure", "except: [on-call], exposure", 1))
	s := c.scene(t)
	s.result("run", s.file(oneStep), "--actor", "bo@example.com", "--reason", "INC-12").requires(s, 15, rollout.Refused, rollout.CauseFreeze)
	s.result("run", s.file(oneStep), "--actor", "cy@laptop", "--reason", "INC-12").requires(s, 0, rollout.Promoted, "")
}

// A release in the queue meets what closes the target when its turn comes: it is
// refused then, and the next one's turn comes; one that waits begins when it can.
func TestFreezeMeetsTheQueue(t *testing.T) {
	c := found(t)
	reload := c.reconfigurable(t, "{}\n")
	s := c.scene(t)
	for _, v := range []string{"2.6.0", "2.7.0"} {
		s.world.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
	}
	s.start(oneLong, "policy: {onNewRelease: queue}")
	s.bakes(1000)
	refused := s.inBackground("run", s.file(newer("2.6.0"), oneStep), "--reason", "a test", "-o", "json")
	until(t, "2.6.0 queued", func() bool { return len(s.above().Queue) == 1 })
	waits := s.inBackground("run", s.file(newer("2.7.0"), oneStep), "--wait", "--reason", "a test", "-o", "json")
	until(t, "2.7.0 queued", func() bool { return len(s.above().Queue) == 2 })
	reload(strings.Replace(frozen(time.Now(), time.Now().Add(time.Hour), "hold"), "exposure", "actions: [start], exposure", 1))
	s.order(0, "promote", "--full")

	s.read(<-refused).requires(s, 15, rollout.Refused, rollout.CauseFreeze)
	until(t, "2.7.0 waits", func() bool {
		now := s.status()
		return now.Candidate == "2.7.0" && now.WaitingFor == rollout.GateFreeze
	})
	require.Equal(t, oneStepLog("2.4.1", "2.5.0"), s.world.Log())
	require.Empty(t, s.above().Quarantine, "nothing is wrong with 2.6.0")
	reload("{}\n")
	s.read(<-waits).requires(s, 0, rollout.Promoted, "")
	require.NotContains(t, s.world.Log(), "deploy 2.6.0")
}

// A release that needs another target to serve it is refused before, and one that
// waits begins when it has been served there for long enough.
func TestNeeds(t *testing.T) {
	c := open(t)
	first, s := c.scene(t), c.scene(t)
	first.name, s.name = "first", "second"
	const needs = "needs: [{target: staging/first, soaked: 2s}]"
	e := s.run(oneStep, needs)
	e.requires(s, 15, rollout.Refused, rollout.Cause(rollout.GatePrerequisite))
	require.Contains(t, e.Reason, "nothing was promoted on staging/first")
	waits := s.cli("start", s.file(oneStep, needs), "--wait", "--reason", "as soon as may be")
	require.Zero(t, waits.Code, waits.Stderr)
	s.waitsFor(rollout.GatePrerequisite)
	first.run(oneStep).requires(first, 0, rollout.Promoted, "")
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedOne, s.world.Log())
	served := first.above().Good[0]
	require.Equal(t, candidate, served.Release.Version)
	require.GreaterOrEqual(t, s.asked("PUT /versions/" + candidate)[0].At.Sub(served.At), 2*time.Second, "soaked")

	third := c.scene(t)
	third.name = "third"
	e = third.run(oneStep, "needs: [{any: [{target: staging/nobody}, {target: staging/first, soaked: 1d}]}]")
	e.requires(third, 15, rollout.Refused, rollout.Cause(rollout.GatePrerequisite))
	require.Contains(t, e.Reason, "one of staging/nobody, staging/first is needed, and none is as it must be; the nearest: staging/first is to serve")
	third.run(oneStep, "needs: [{any: [{target: staging/nobody}, {target: staging/first, soaked: 2s}]}]").requires(third, 0, rollout.Promoted, "")
}

// Break-glass: an order that overrides passes, with a reason and on record.
func TestFreezeIsOverridden(t *testing.T) {
	c := found(t)
	c.reconfigurable(t, frozen(time.Now(), time.Now().Add(time.Hour), "rollback"))
	s := c.scene(t)
	require.Equal(t, 2, s.cli("run", s.file(oneStep), "--override").Code, "without a reason")
	s.result("run", s.file(oneStep), "--override", "--reason", "INC-12").requires(s, 0, rollout.Promoted, "")
	require.Contains(t, fmt.Sprint(s.told(rollout.EventAdmitted)[0].Data["warnings"]), "overridden by")
}

// A stopped line holds every rollout of its environment, and refuses starts; a
// breach goes back all the same. Who may not is denied, and everything is on
// record.
func TestStopTheLine(t *testing.T) {
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, people)
	s, bad := c.scene(t), c.scene(t)
	bad.name = "bad"
	line := func(code int, name string, args ...string) string {
		out := s.cli(append([]string{name, "--environment", "staging", "--reason", "INC-12"}, args...)...)
		require.Equal(t, code, out.Code, out.Stdout+out.Stderr)
		return out.Stdout
	}
	s.starts("ci@example.com", twoSteps)
	bad.starts("ci@example.com", oneLong)
	s.bakes(1000)
	bad.bakes(1000)
	line(2, "stop-the-line", "--all")
	require.Contains(t, line(0, "stop-the-line", "--actor", "ana@example.com"), "accepted")
	require.Contains(t, line(0, "stop-the-line", "--actor", "bo@example.com"), "noop, stopped already by ana@example.com: INC-12")
	s.waitsFor(rollout.GateStop)
	bad.waitsFor(rollout.GateStop)
	line(15, "start-the-line", "--actor", "whoever@example.com")
	require.Equal(t, "the line of staging is stopped by ana@example.com: INC-12", s.status().Reason)
	other := c.scene(t)
	other.name = "other"
	out := other.cli("run", other.file(oneStep), "--actor", "ci@example.com", "--reason", "a test", "-o", "json")
	other.read(out).requires(other, 15, rollout.Refused, rollout.Cause(rollout.GateStop))

	bad.breaks()
	bad.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, rollout.Weight(1000), s.weight())
	require.Contains(t, line(0, "start-the-line", "--actor", "ana@example.com"), "accepted")
	require.Contains(t, line(0, "start-the-line", "--actor", "ana@example.com"), "noop, it is not stopped")
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedTwo, s.world.Log())
}

// A stop that comes while no worker runs is in force before the worker that comes
// back raises anything: although approvals are stored before it, and whoever
// decides whether it may be (here: nobody) has not done so yet.
func TestStopTheLineWithoutWorker(t *testing.T) {
	c := open(t)
	var scenes []*scene
	for i := range 3 {
		s := c.scene(t)
		s.name = fmt.Sprintf("s%d", i)
		scenes = append(scenes, s)
		s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s, approve: {within: 1h}}], keepBaseline: 0s}")
	}
	shown := map[*scene]rollout.Status{}
	for _, s := range scenes {
		s.waitsFor(rollout.WaitingForApproval)
		shown[s] = s.status()
	}
	c.worker.Kill()
	temporal := c.client(t)
	answers := make(chan error, len(scenes))
	for _, s := range scenes {
		go func() { answers <- s.approves(temporal, shown[s]) }()
	}
	undecided := client.StartWorkflowOptions{ID: rollout.StopID("staging"), TaskQueue: "nobody"}
	_, err := temporal.ExecuteWorkflow(t.Context(), undecided, rollout.StopType,
		rollout.StopOrder{Environment: "staging", Command: rollout.Command{ID: "s1", Actor: "ana@example.com", Reason: "INC-12"}})
	require.NoError(t, err)
	c.worker = procs.StartWorker(t, c.server, "")
	for _, s := range scenes {
		require.NoError(t, <-answers)
		s.waitsFor(rollout.GateStop)
		require.Zero(t, s.weight())
	}
	require.Contains(t, scenes[0].status().Reason, "somebody asks to stop the line of staging")
	require.NoError(t, temporal.TerminateWorkflow(t.Context(), rollout.StopID("staging"), "", "nobody decides"))
	for _, s := range scenes {
		s.ends(0, rollout.Promoted, "")
	}
}

// Once a stop is acknowledged nothing is raised: not even where others that bake
// in the environment have just read that its line runs.
func TestStopTheLineBeforeApprovals(t *testing.T) {
	c := open(t)
	for _, name := range []string{"bakes", "bakes-too"} {
		s := c.scene(t)
		s.name = name
		s.start(oneLong)
		s.bakes(1000)
	}
	var asking []*scene
	for i := range 4 {
		s := c.scene(t)
		s.name = fmt.Sprintf("s%d", i)
		asking = append(asking, s)
		s.start("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s, approve: {within: 1h}}], keepBaseline: 0s}")
	}
	temporal := c.client(t)
	shown := map[*scene]rollout.Status{}
	for _, s := range asking {
		s.waitsFor(rollout.WaitingForApproval)
		shown[s] = s.status()
	}
	stopped := asking[0].cli("stop-the-line", "--environment", "staging", "--reason", "INC-12")
	require.Zero(t, stopped.Code, stopped.Stdout+stopped.Stderr)
	answers := make(chan error, len(asking))
	for _, s := range asking {
		go func() { answers <- s.approves(temporal, shown[s]) }()
	}
	for _, s := range asking {
		require.NoError(t, <-answers)
		s.waitsFor(rollout.GateStop)
	}
	for _, s := range asking {
		require.Empty(t, s.asked("PUT /weights"), s.name)
	}
}

// approves gives a vote at once, of what was shown before: to look again needs a
// worker.
func (s *scene) approves(temporal client.Client, shown rollout.Status) error {
	vote := rollout.Command{ID: "v1", Actor: "tester@example.com", Reason: "CHG-1", RunID: shown.RunID, Step: shown.Asked.Step, Digest: shown.PlanDigest}
	handle, err := temporal.UpdateWorkflow(s.t.Context(), client.UpdateWorkflowOptions{WorkflowID: "rollout/" + s.target(),
		UpdateName: rollout.CommandApprove, Args: []any{vote}, WaitForStage: client.WorkflowUpdateStageCompleted})
	if err != nil {
		return err
	}
	return handle.Get(s.t.Context(), nil)
}

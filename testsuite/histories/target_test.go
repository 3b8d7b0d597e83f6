package histories_test

import (
	"context"
	"slices"
	"strings"
	"syscall"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

const waits = "{weight: 10%, bake: 5s, approve: {within: 1h}}"

// targetPaths are lives of the workflow above the rollouts, where orders, rollouts
// that it did not start, and its own end come at the wrong moment.
var targetPaths = map[string]path{
	"order-dropped": {target: true, strategy: waits, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("approval")
		s.next("1.2.0")
		s.order("start", s.file("1.3.0"))
		s.order("abort", "--queued", "1.3.0")
		s.denied("abort", "--queued", candidate)
		s.order("approve", "--step", "1")
		s.approveNext()
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"abort-starting": {target: true, plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.before = s.status().RunID
		s.worker.Kill()
		s.submit("next", "1.2.0") // both are delivered at one time
		s.signal(rollout.CommandAbort, rollout.Command{ID: "abort", Actor: "ana@example.com", Reason: "the recording"})
		s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config)
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"newest-kept": {target: true, strategy: waits, policy: "onNewRelease: keepNewest", plot: func(s *scene) {
		s.until("approval")
		s.next("1.2.0")
		s.next("1.3.0")
		s.order("approve", "--step", "1")
		s.approveNext()
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"one-id-two-starts": {target: true, strategy: waits, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("approval")
		s.before = s.status().RunID
		s.world.Behave("1.2.0", sim.Behaviour{Rate: 400, Failures: 0.01})
		spec, bo := s.file("1.2.0"), "bo@example.com"
		s.order("start", spec, "--id", "CHG-1")
		s.denied("start", spec, "--id", "CHG-1", "--actor", bo)
		s.signal(rollout.CommandWithdraw, rollout.Withdrawal{ID: "CHG-1", Version: "1.2.0", Actor: bo})
		s.order("start", spec, "--id", "CHG-1")
		s.order("approve", "--step", "1")
		s.approveNext()
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"one-id-two-specs": {target: true, strategy: waits, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("approval")
		s.before = s.status().RunID
		s.world.Behave("1.2.0", sim.Behaviour{Rate: 400, Failures: 0.01})
		spec := s.file("1.2.0")
		s.order("start", spec, "--id", "CHG-1")
		s.spec += "owner: team-payments\n"
		s.denied("start", s.file("1.2.0"), "--id", "CHG-1")
		s.signal(rollout.CommandWithdraw, rollout.Withdrawal{ID: "CHG-1", Version: "1.2.0", Actor: "ana@example.com", SpecDigest: "another"})
		s.order("start", spec, "--id", "CHG-1")
		s.order("approve", "--step", "1")
		s.approveNext()
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"renewed-target": {target: true, strategy: waits, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("approval")
		s.submit("next", "1.2.0")
		s.renews()
		s.before = s.status().RunID
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		require.Eventually(s.t, func() bool { return s.status().RunID != s.before }, procs.Patience, pollEvery)
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"nameless-abort": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.signal(rollout.CommandAbort, rollout.Command{})
		s.signal(rollout.CommandAbort, rollout.Command{Actor: "ana@example.com"})
		require.NoError(s.t, s.client.SignalWorkflow(context.Background(), "rollout/"+target, "", rollout.CommandAbort, rollout.Command{}))
		s.await(rollout.Aborted)
		s.order("resume")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"unread-abort": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.signal(rollout.CommandAbort, "stop it")
		require.NoError(s.t, s.client.SignalWorkflow(context.Background(), "rollout/"+target, "", rollout.CommandAbort, "stop it"))
		s.await(rollout.Aborted)
		s.order("resume")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"newer-stays": {target: true, strategy: waits, policy: "onNewRelease: supersede", plot: func(s *scene) {
		s.until("approval")
		s.serve("control,analysis,rehearsal")
		stuck := procs.StartWorker(s.t, s.server, "", "--queues", "infra")
		stuck.Signal(syscall.SIGSTOP)
		s.submit("older", "1.2.0")
		s.asked("Admit", enumspb.PENDING_ACTIVITY_STATE_STARTED)
		stuck.Kill() // who is asked again after half a minute
		s.worker.Kill()
		s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config)
		s.next("1.3.0")
		s.fate("older", rollout.FateSuperseded)
		s.approveNext()
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"target-cancelled": {target: true, strategy: waits, policy: "onNewRelease: keepNewest", plot: func(s *scene) {
		s.until("approval")
		s.serve("control,analysis,rehearsal")
		s.ask("late", "1.2.0")
		s.asked("Admit", enumspb.PENDING_ACTIVITY_STATE_SCHEDULED)
		require.NoError(s.t, s.client.CancelWorkflow(context.Background(), "target/"+target, ""))
		require.NoError(s.t, s.client.GetWorkflow(context.Background(), "target/"+target, "").Get(context.Background(), nil))
		s.serve("control,analysis,infra,rehearsal")
		s.order("approve", "--step", "1")
	}, want: rollout.Promoted},
	"began-beside": {target: true, before: func(s *scene) { s.worker.Kill() }, plot: func(s *scene) {
		s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config)
		s.until("baking")
		s.worker.Kill()
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		s.next("1.2.0") // before the Target, which follows what began beside it, knows of the end
		s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config)
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"recovery-waits": {target: true, plot: func(s *scene) {
		s.until("baking")
		s.worker.Kill()
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		s.begin("1.2.0")
		s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config)
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
}

// submit gives the Target an order, and waits for nothing.
func (s *scene) submit(id, version string) {
	s.t.Helper()
	s.signal(rollout.CommandSubmit, rollout.Submit{Order: s.orderOf(id, version)})
}

// ask is submit by somebody who waits for the answer.
func (s *scene) ask(id, version string) {
	s.t.Helper()
	_, err := s.client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{WorkflowID: "target/" + target, UpdateID: id,
		UpdateName: rollout.CommandSubmit, Args: []any{rollout.Submit{Order: s.orderOf(id, version)}}, WaitForStage: client.WorkflowUpdateStageAccepted})
	require.NoError(s.t, err)
}

// renews fills the history of the Target until it goes on as a new run.
func (s *scene) renews() {
	s.t.Helper()
	s.old = s.ofTarget()
	for i := 0; s.ofTarget() == s.old; i++ {
		require.Less(s.t, i, 100)
		for range 100 {
			s.signal(rollout.SignalWitness, rollout.Witness{})
		}
	}
}

// ofTarget is the run of the Target.
func (s *scene) ofTarget() string {
	s.t.Helper()
	d, err := s.client.DescribeWorkflowExecution(context.Background(), "target/"+target, "")
	require.NoError(s.t, err)
	return d.GetWorkflowExecutionInfo().GetExecution().GetRunId()
}

// begin starts a rollout, and tells the Target nothing of it.
func (s *scene) begin(version string) {
	s.t.Helper()
	s.before = s.status().RunID
	_, err := s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: "rollout/" + target, TaskQueue: rollout.QueueControl},
		rollout.WorkflowType, s.orderOf("beside", version))
	require.NoError(s.t, err)
}

func (s *scene) orderOf(id, version string) rollout.Order {
	s.t.Helper()
	spec, problems := specfile.Parse("recorded", []byte(strings.Replace(s.spec, "release: {version: "+candidate, "release: {version: "+version, 1)))
	require.Empty(s.t, problems)
	return rollout.Order{ID: id, Actor: "ana@example.com", Reason: "the recording", Spec: spec}
}

// asked waits until the Target waits for the answer of an activity.
func (s *scene) asked(activity string, state enumspb.PendingActivityState) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		d, err := s.client.DescribeWorkflowExecution(context.Background(), "target/"+target, "")
		require.NoError(s.t, err)
		return slices.ContainsFunc(d.GetPendingActivities(), func(p *workflow.PendingActivityInfo) bool {
			return p.GetActivityType().GetName() == activity && p.GetState() == state
		})
	}, procs.Patience, pollEvery, activity)
}

// fate waits until something has become of an order.
func (s *scene) fate(id string, want rollout.Fate) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		answer, err := s.client.QueryWorkflow(context.Background(), "target/"+target, "", rollout.StatusQuery)
		require.NoError(s.t, err)
		var known rollout.TargetStatus
		require.NoError(s.t, answer.Get(&known))
		return slices.ContainsFunc(known.Fates, func(f rollout.Submission) bool { return f.ID == id && f.Fate == want })
	}, missed, pollEvery, want)
}

// approveNext approves the rollout that follows.
func (s *scene) approveNext() {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return s.status().RunID != s.before }, missed, pollEvery)
	s.until("approval")
	s.order("approve", "--step", "1")
}

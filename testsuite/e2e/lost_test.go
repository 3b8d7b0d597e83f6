package e2e_test

import (
	"errors"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// Whoever follows a rollout learns how it ended, also where it could put nothing back.
func TestEndsOfWhatIsFollowed(t *testing.T) {
	c := found(t)
	server := c.client(t)
	const queue = "stubs"
	w := worker.New(server, queue, worker.Options{})
	w.RegisterActivity(&activities.Activities{})
	w.RegisterWorkflowWithOptions(endsAs, workflow.RegisterOptions{Name: "Stub"})
	w.RegisterWorkflowWithOptions(follows, workflow.RegisterOptions{Name: "Follow"})
	require.NoError(t, w.Start())
	t.Cleanup(w.Stop)

	for name, tt := range map[string]struct {
		limit time.Duration // of the whole execution
		ends  func(client.WorkflowRun) error
		noRun bool // whoever follows it does not know the run
		want  rollout.Status
		lost  string
	}{
		"promotes":      {want: rollout.Status{Outcome: rollout.Promoted, Candidate: candidate}},
		"acknowledged":  {want: rollout.Status{Outcome: rollout.Failed, Reason: "acknowledged by bo"}},
		"fails":         {lost: "out of disk"},
		"fails unnamed": {noRun: true, lost: "out of disk"},
		"times out":     {limit: time.Second, lost: "timeout"},
		"is cancelled": {lost: "canceled", ends: func(r client.WorkflowRun) error {
			return server.CancelWorkflow(t.Context(), r.GetID(), r.GetRunID())
		}},
		"is terminated": {lost: activities.LostTerminated, ends: func(r client.WorkflowRun) error {
			return server.TerminateWorkflow(t.Context(), r.GetID(), r.GetRunID(), "somebody clicked")
		}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			stub, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: name, TaskQueue: queue, WorkflowExecutionTimeout: tt.limit}, "Stub", name)
			require.NoError(t, err)
			in := activities.WatchRolloutInput{WorkflowID: name, RunID: stub.GetRunID()}
			if tt.noRun {
				in.RunID = ""
			}
			watch, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: queue}, "Follow", in)
			require.NoError(t, err)
			if tt.ends != nil {
				require.NoError(t, tt.ends(stub))
			}
			var out activities.WatchRolloutOutput
			require.NoError(t, watch.Get(t.Context(), &out))
			require.Equal(t, stub.GetRunID(), out.RunID)
			require.Equal(t, tt.want, out.Status)
			require.Contains(t, out.Lost, tt.lost)
			require.Equal(t, tt.lost == "", out.Lost == "")
		})
	}
	nobody := activities.WatchRolloutInput{WorkflowID: "nobody", RunID: "0190c1a2-0000-7000-8000-000000000000"}
	watch, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{TaskQueue: queue}, "Follow", nobody)
	require.NoError(t, err)
	require.ErrorContains(t, watch.Get(t.Context(), nil), "follow run "+nobody.RunID+" of nobody", "it is not asked again for ever")
}

// endsAs is a rollout that ends as its name says.
func endsAs(ctx workflow.Context, name string) (rollout.Status, error) {
	switch name {
	case "promotes":
		return rollout.Status{Outcome: rollout.Promoted, Candidate: candidate}, nil
	case "acknowledged":
		s := rollout.Status{Outcome: rollout.Failed, Reason: "acknowledged by bo"}
		return s, temporal.NewNonRetryableApplicationError(s.Reason, "Failed", nil, s)
	case "fails", "fails unnamed":
		return rollout.Status{}, errors.New("out of disk")
	}
	return rollout.Status{}, workflow.Sleep(ctx, time.Hour)
}

// follows is what a Target does with a rollout that is no child of its own.
func follows(ctx workflow.Context, in activities.WatchRolloutInput) (out activities.WatchRolloutOutput, err error) {
	ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: patience, HeartbeatTimeout: 10 * time.Second})
	var a *activities.Activities
	return out, workflow.ExecuteActivity(ctx, a.WatchRollout, in).Get(ctx, &out)
}

// A rollout that times out, because somebody started it with a limit of Temporal's, is
// followed at once by one that puts back what it had changed.
func TestTimedOut(t *testing.T) {
	s := open(t).scene(t)
	const limit = 45 * time.Second // the bake is much longer, and begins much sooner
	text, err := os.ReadFile(s.file("strategy: {" + window + ", canary: [{weight: 10%, bake: 10m}], keepBaseline: 2s}"))
	require.NoError(t, err)
	spec, problems := specfile.Parse("spec.yaml", text)
	require.Empty(t, problems)
	order := rollout.Submit{Order: rollout.Order{ID: "limited", Actor: "tester@example.com", Reason: "a test", Spec: spec}}
	server := s.town.client(t)
	run, err := server.ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "rollout/" + s.target(), TaskQueue: rollout.QueueControl,
		WorkflowExecutionTimeout: limit}, rollout.WorkflowType, order.Order)
	require.NoError(t, err)
	_, err = server.SignalWithStartWorkflow(t.Context(), "target/"+s.target(), rollout.CommandAdopt, rollout.Course{Submit: order, RunID: run.GetRunID()},
		client.StartWorkflowOptions{TaskQueue: rollout.QueueControl}, rollout.TargetType, rollout.TargetStatus{Target: spec.Key()})
	require.NoError(t, err)
	s.bakes(1000)
	s.world.Forbid(candidate, "the end of the rollout")
	require.ErrorContains(t, run.GetWithOptions(t.Context(), nil, client.WorkflowRunGetOptions{DisableFollowingRuns: true}), "timeout")
	ended := time.Now()
	until(t, "it is taken over", func() bool { return s.status().RunID != run.GetRunID() })
	e := s.ends(10, rollout.RolledBack, rollout.CauseLost)
	require.Contains(t, e.Reason, "the rollout was cut off: ")
	require.Contains(t, e.Reason, "timeout")
	require.NotNil(t, e.TimeToRestore)
	s.wroteBackWithin(30*time.Second, ended)
	s.asBefore()
	require.Equal(t, undone, s.world.Log())
	d, err := server.DescribeWorkflowExecution(t.Context(), "rollout/"+s.target(), run.GetRunID())
	require.NoError(t, err)
	require.Equal(t, enumspb.WORKFLOW_EXECUTION_STATUS_TIMED_OUT, d.GetWorkflowExecutionInfo().GetStatus())
}

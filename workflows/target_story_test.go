package workflows_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/workflows"
)

// above is a story of a Target. Its rollouts do nothing: they take three minutes and
// are promoted, unless the story says how a release ends.
type above struct {
	t      *testing.T
	env    *testsuite.TestWorkflowEnvironment
	known  rollout.TargetStatus      // at the beginning
	ends   map[string]rollout.Status // by version
	begun  []string                  // versions, as their rollouts began
	orders []rollout.Order           // of those
	said   map[string]rollout.Answer // to commands, by name and id
	denied map[string]string         // why nobody may give a command, by its name
	told   []string                  // to runs: the signal, and its reason
	over   bool                      // what runs is over, and nobody has told the Target
	held   func(rollout.Order) bool  // another rollout holds the id when this one is to begin
	slow   time.Duration             // how long it takes to start one
	cut    map[string]error          // how the rollouts of some versions are cut off
}

func newAbove(t *testing.T) *above {
	s := &above{t: t, env: new(testsuite.WorkflowTestSuite).NewTestWorkflowEnvironment(), said: map[string]rollout.Answer{},
		known: rollout.TargetStatus{Target: spec().Key()}, ends: map[string]rollout.Status{}}
	s.env.SetWorkerOptions(worker.Options{Interceptors: []interceptor.WorkerInterceptor{&holding{above: s}}})
	s.env.RegisterWorkflow(workflows.Target)
	s.env.RegisterActivity(&activities.Activities{})
	s.env.OnActivity("Authorize", mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.AuthorizeInput) (activities.AuthorizeOutput, error) {
		why := s.denied[in.Command]
		return activities.AuthorizeOutput{Allowed: why == "", Why: why}, nil
	}).Maybe()
	s.env.OnActivity("LookRollout", mock.Anything, mock.Anything).Return(func(context.Context, activities.LookRolloutInput) (activities.LookRolloutOutput, error) {
		return activities.LookRolloutOutput{Open: !s.over}, nil
	}).Maybe()
	s.env.RegisterWorkflowWithOptions(func(ctx workflow.Context, o rollout.Order) (rollout.Status, error) {
		s.begun, s.orders = append(s.begun, o.Spec.Release.Version), append(s.orders, o)
		end := s.ends[o.Spec.Release.Version]
		end.Candidate, end.Outcome = o.Spec.Release.Version, orElse(end.Outcome, rollout.Promoted)
		return end, workflow.Sleep(ctx, 3*time.Minute)
	}, workflow.RegisterOptions{Name: rollout.WorkflowType})
	return s
}

func orElse[T ~string](s, other T) T {
	if s == "" {
		return other
	}
	return s
}

// promoted has the Target know releases that were promoted, oldest first.
func (s *above) promoted(versions ...string) {
	for _, v := range versions {
		s.known.Good = append([]rollout.Known{{Release: rollout.Release{Version: v}}}, s.known.Good...)
	}
	last := spec()
	s.known.Last = &last
}

// submit gives an order after some time; its id is its version.
func (s *above) submit(after time.Duration, version, policy string) {
	s.env.RegisterDelayedCallback(func() { s.env.SignalWorkflow(rollout.CommandSubmit, orderOf(version, policy)) }, after)
}

func orderOf(version, policy string) rollout.Submit {
	o := rollout.Order{ID: version, Actor: "ana", Spec: spec()}
	o.Spec.Release.Version, o.Spec.Policy.OnNewRelease = version, policy
	return rollout.Submit{Order: o}
}

// command gives a command after some time, and keeps its answer under its name and id.
func (s *above) command(after time.Duration, name, id string) {
	s.commandBy(after, "cy", name, id, name+"/"+id)
}

// commandBy is the same by somebody, as an update with an id of its own.
func (s *above) commandBy(after time.Duration, actor, name, id, updateID string) {
	s.env.RegisterDelayedCallback(func() {
		s.env.UpdateWorkflow(name, updateID, &testsuite.TestUpdateCallback{
			OnAccept: func() {},
			OnReject: func(err error) { require.NoError(s.t, err) },
			OnComplete: func(result any, err error) {
				require.NoError(s.t, err)
				s.said[updateID] = result.(rollout.Answer)
			},
		}, rollout.Command{ID: id, Name: name, Actor: actor, Reason: "INC-12"})
	}, after)
}

// know has a look at what the Target knows after some time.
func (s *above) know(after time.Duration, look func(rollout.TargetStatus)) {
	s.env.RegisterDelayedCallback(func() {
		var known rollout.TargetStatus
		answer, err := s.env.QueryWorkflow(rollout.StatusQuery)
		require.NoError(s.t, err)
		require.NoError(s.t, answer.Get(&known))
		look(known)
	}, after)
}

// anHour lets the story run, and returns what is known at its end.
func (s *above) anHour() (known rollout.TargetStatus) {
	s.know(time.Hour, func(k rollout.TargetStatus) {
		known = k
		s.env.CancelWorkflow()
	})
	s.env.ExecuteWorkflow(workflows.Target, s.known)
	require.NoError(s.t, s.env.GetWorkflowError())
	return known
}

// holding has the server say of some rollouts that another one holds their id.
type holding struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
	above *above
}

func (h *holding) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &holding{above: h.above}
	in.WorkflowInboundInterceptorBase.Next = next
	return in
}

func (h *holding) Init(out interceptor.WorkflowOutboundInterceptor) error {
	h.WorkflowOutboundInterceptorBase.Next = out
	return h.WorkflowInboundInterceptorBase.Init(h)
}

func (h *holding) ExecuteChildWorkflow(ctx workflow.Context, name string, args ...any) workflow.ChildWorkflowFuture {
	o, is := args[0].(rollout.Order)
	cut := h.above.cut[o.Spec.Release.Version]
	if !is || h.above.held == nil && h.above.slow == 0 && (cut == nil || o.Recover != "") {
		return h.WorkflowOutboundInterceptorBase.ExecuteChildWorkflow(ctx, name, args...)
	}
	started, tell := workflow.NewFuture(ctx)
	ended, end := workflow.NewFuture(ctx)
	workflow.Go(ctx, func(ctx workflow.Context) {
		_ = workflow.Sleep(ctx, h.above.slow)
		if h.above.held != nil && h.above.held(o) {
			tell.SetError(&temporal.ChildWorkflowExecutionAlreadyStartedError{})
			return
		}
		child := h.WorkflowOutboundInterceptorBase.ExecuteChildWorkflow(ctx, name, args...)
		tell.Chain(child.GetChildWorkflowExecution())
		if cut != nil && o.Recover == "" {
			_ = child.Get(ctx, nil)
			end.SetError(cut)
			return
		}
		end.Chain(child)
	})
	return begun{ended, started}
}

func (h *holding) SignalExternalWorkflow(ctx workflow.Context, id, run, name string, arg any) workflow.Future {
	h.above.told = append(h.above.told, fmt.Sprintf("%s: %s, %s", run, name, arg.(rollout.Command).Reason))
	return h.WorkflowOutboundInterceptorBase.SignalExternalWorkflow(ctx, id, run, name, arg)
}

// begun is a rollout that is started when started is ready.
type begun struct {
	workflow.Future
	started workflow.Future
}

func (b begun) GetChildWorkflowExecution() workflow.Future { return b.started }
func (b begun) SignalChildWorkflow(workflow.Context, string, any) workflow.Future {
	return b.Future
}

// watched says how a run ends that is followed, and when.
func (s *above) watched(run string, after time.Duration, out activities.WatchRolloutOutput) {
	out.RunID = orElse(run, "somebody's")
	s.env.OnActivity("WatchRollout", mock.Anything, mock.MatchedBy(func(in activities.WatchRolloutInput) bool { return in.RunID == run })).
		After(after).Return(out, nil).Maybe()
}

// A way back that needed a person, who mended it or not, is not followed by the next
// release unasked; a promotion is, whose tidying up had needed one.
func TestQueueStandsAfterAPersonWasNeeded(t *testing.T) {
	for outcome, begun := range map[rollout.Outcome][]string{
		rollout.RolledBack: {"2.5.0"}, rollout.Promoted: {"2.5.0", "2.6.0"},
	} {
		s := newAbove(t)
		s.ends["2.5.0"] = rollout.Status{Outcome: outcome, Cause: rollout.CauseVerdict, Reason: "errors ×3.1", NeededHuman: true}
		s.submit(0, "2.5.0", rollout.OnNewQueue)
		s.submit(time.Minute, "2.6.0", rollout.OnNewQueue)
		s.know(15*time.Minute, func(known rollout.TargetStatus) {
			require.Equal(t, begun, s.begun, outcome)
			require.Equal(t, outcome != rollout.Promoted, known.Stands == "errors ×3.1")
		})
		s.command(16*time.Minute, rollout.CommandResume, "on")
		s.anHour()
		require.Equal(t, []string{"2.5.0", "2.6.0"}, s.begun)
	}
}

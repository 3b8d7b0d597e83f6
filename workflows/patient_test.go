package workflows_test

import (
	"strings"
	"time"

	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"
)

// patiently gives an environment the time that many stories on few cores take.
// It has no deadlocks; and it calls no act lost that puts something back: the
// environment counts silence by the wall clock and over all tries of an act, and
// ends it where a server would try it again.
func patiently(env *testsuite.TestWorkflowEnvironment) {
	env.SetActivityTimeoutGracePeriod(time.Minute)
	env.SetWorkerOptions(worker.Options{DeadlockDetectionTimeout: time.Minute, Interceptors: []interceptor.WorkerInterceptor{&patient{}}})
}

type patient struct {
	interceptor.WorkerInterceptorBase
	interceptor.WorkflowInboundInterceptorBase
	interceptor.WorkflowOutboundInterceptorBase
}

func (p *patient) InterceptWorkflow(_ workflow.Context, next interceptor.WorkflowInboundInterceptor) interceptor.WorkflowInboundInterceptor {
	in := &patient{}
	in.WorkflowInboundInterceptorBase.Next = next
	return in
}

func (p *patient) Init(out interceptor.WorkflowOutboundInterceptor) error {
	p.WorkflowOutboundInterceptorBase.Next = out
	return p.WorkflowInboundInterceptorBase.Init(p)
}

func (p *patient) ExecuteActivity(ctx workflow.Context, name string, args ...any) workflow.Future {
	if strings.HasPrefix(name, "Restore") {
		ctx = workflow.WithHeartbeatTimeout(ctx, time.Hour)
	}
	return p.WorkflowOutboundInterceptorBase.ExecuteActivity(ctx, name, args...)
}

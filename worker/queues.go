package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
	"bakeoff/workflows"
)

const (
	// stickyTimeout bounds how long a workflow waits for a control worker that
	// died, and so how late an abort may be. Where it is shorter, a busy worker
	// loses tasks that it would have come to, and each costs a replay: with 400 ms
	// the slowest of 50 aborts at once on two cores came after 1.9 s, with this
	// after 0.9 s.
	stickyTimeout = 700 * time.Millisecond
	// workflowPollers is how many tasks of workflows a control worker can be handed at
	// once. With 5 of them the tasks of 50 aborts at once waited for longer than
	// stickyTimeout, and each that did cost a replay: the slowest came after 2.4 s,
	// with 20 after 1.2 s.
	workflowPollers = 20
	// openWindows is how many windows one analysis worker can watch at once.
	openWindows = 2000
	// heartbeatAtMost bounds how late a watching activity learns that it was
	// cancelled; a heartbeat brings the answer.
	heartbeatAtMost = 2 * time.Second
	// controlStop and otherStop bound a graceful stop. A control worker stops
	// in two halves, workflows and activities, each within the bound.
	controlStop = 4 * time.Second
	otherStop   = 8 * time.Second
)

// queue is one task queue and how it is served.
type queue struct {
	name    string
	options worker.Options
	// handOver is how long activities may go on after the stop began before
	// their context is cancelled, so that another worker goes on with them. It
	// leaves time to send the last heartbeat.
	handOver time.Duration
}

// queueFor returns the settings of a queue (design.md, "Processes and queues").
// The name must be one of rollout.Queues.
func queueFor(name string) queue {
	o := worker.Options{MaxConcurrentActivityTaskPollers: 5, DisableWorkflowWorker: true, WorkerStopTimeout: otherStop}
	q := queue{name: name, options: o, handOver: 2 * time.Second}
	switch name {
	case rollout.QueueControl: // eager on and no queue rate limit are the SDK's defaults
		q.options.DisableWorkflowWorker = false
		q.options.MaxConcurrentWorkflowTaskPollers = workflowPollers
		q.options.StickyScheduleToStartTimeout = stickyTimeout
		q.options.WorkerStopTimeout = controlStop
		q.handOver = controlStop - time.Second
	case rollout.QueueAnalysis:
		q.options.MaxConcurrentActivityExecutionSize = openWindows
		q.options.MaxHeartbeatThrottleInterval = heartbeatAtMost
		q.handOver = 500 * time.Millisecond
	}
	return q
}

// taskTypes lists what the queue polls for.
func (q queue) taskTypes() []enumspb.TaskQueueType {
	types := []enumspb.TaskQueueType{enumspb.TASK_QUEUE_TYPE_ACTIVITY}
	if !q.options.DisableWorkflowWorker {
		types = append(types, enumspb.TASK_QUEUE_TYPE_WORKFLOW)
	}
	return types
}

// parseQueues reads a list such as "control,analysis". Empty means all.
func parseQueues(list string) ([]queue, error) {
	var out []queue
	var names []string
	for name := range strings.SplitSeq(list, ",") {
		if name = strings.TrimSpace(name); name != "" {
			names = append(names, name)
		}
	}
	if len(names) == 0 {
		names = rollout.Queues()
	}
	for _, name := range names {
		if !slices.Contains(rollout.Queues(), name) {
			return nil, fmt.Errorf("%q is not a queue: there are %s", name, strings.Join(rollout.Queues(), ", "))
		}
		if !slices.ContainsFunc(out, func(q queue) bool { return q.name == name }) {
			out = append(out, queueFor(name))
		}
	}
	return out, nil
}

// poller is one running worker, as far as crew needs it.
type poller interface {
	Start() error
	Stop()
}

// crew is the workers of all served queues. They start and stop together.
type crew struct {
	members []member
	fatal   chan error
}

type member struct {
	poller
	queue    queue
	handOver context.CancelCauseFunc
}

// newCrew makes one worker for each queue. All of them know every activity:
// what runs on a queue is decided by the workflow, which names the queue. Only
// control knows workflows.
func newCrew(c client.Client, queues []queue, a *acts, between []interceptor.WorkerInterceptor) *crew {
	out := &crew{fatal: make(chan error, len(queues))}
	for _, q := range queues {
		ctx, cancel := context.WithCancelCause(context.Background())
		options := q.options
		options.BackgroundActivityContext, options.Interceptors = ctx, between
		options.OnFatalError = func(err error) { out.fatal <- fmt.Errorf("queue %s: %w", q.name, err) }
		w := worker.New(c, q.name, options)
		w.RegisterActivity(a)
		if !options.DisableWorkflowWorker {
			registerWorkflows(w)
		}
		out.members = append(out.members, member{poller: w, queue: q, handOver: cancel})
	}
	return out
}

// start starts every worker; when one cannot, those before it are stopped.
func (c *crew) start() error {
	for i, m := range c.members {
		if err := m.Start(); err != nil {
			stopAll(c.members[:i])
			return fmt.Errorf("start polling queue %s: %w", m.queue.name, err)
		}
	}
	return nil
}

// stop stops polling, lets short acts end and hands long ones over: their
// heartbeats are kept and another worker goes on with them. It returns when
// all have stopped, at the latest after twice controlStop or otherStop.
func (c *crew) stop() { stopAll(c.members) }

func stopAll(members []member) {
	var all sync.WaitGroup
	for _, m := range members {
		timer := time.AfterFunc(m.queue.handOver, func() { m.handOver(worker.ErrWorkerShutdown) })
		all.Go(func() {
			m.Stop()
			timer.Stop()
			m.handOver(worker.ErrWorkerShutdown)
		})
	}
	all.Wait()
}

// registerWorkflows makes the workflows known under their stored names.
func registerWorkflows(r worker.WorkflowRegistry) {
	r.RegisterWorkflowWithOptions(workflows.Rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
	r.RegisterWorkflowWithOptions(workflows.Fleet, workflow.RegisterOptions{Name: rollout.FleetType})
	r.RegisterWorkflowWithOptions(workflows.Target, workflow.RegisterOptions{Name: rollout.TargetType})
	r.RegisterWorkflowWithOptions(workflows.Rehearsal, workflow.RegisterOptions{Name: rehearsal.WorkflowType})
	r.RegisterWorkflowWithOptions(workflows.RehearsalSuite, workflow.RegisterOptions{Name: rehearsal.SuiteType})
	r.RegisterWorkflowWithOptions(workflows.RehearsalWatch, workflow.RegisterOptions{Name: rehearsal.WatchType})
	r.RegisterWorkflowWithOptions(workflows.RehearsalRollout, workflow.RegisterOptions{Name: rehearsal.RolloutType})
	r.RegisterWorkflowWithOptions(workflows.Stop, workflow.RegisterOptions{Name: rollout.StopType})
	r.RegisterWorkflowWithOptions(workflows.Notify, workflow.RegisterOptions{Name: rollout.NotifyWorkflowType})
}

package main

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/worker"

	"bakeoff/rollout"
)

const (
	waitFor = 5 * time.Second
	tick    = 5 * time.Millisecond
)

func TestParseQueues(t *testing.T) {
	tests := []struct {
		list string
		want string
	}{
		{"", "control,analysis,infra,rehearsal"},
		{" , ", "control,analysis,infra,rehearsal"},
		{"control", "control"},
		{"infra, control,infra", "infra,control"},
	}
	for _, tt := range tests {
		queues, err := parseQueues(tt.list)
		require.NoError(t, err)
		require.Equal(t, tt.want, queueNames(queues))
	}
	_, err := parseQueues("control,everything")
	require.EqualError(t, err, `"everything" is not a queue: there are control, analysis, infra, rehearsal`)
}

// TestQueueSettings holds what design.md says of each queue.
func TestQueueSettings(t *testing.T) {
	control := queueFor(rollout.QueueControl).options
	require.False(t, control.DisableWorkflowWorker)
	require.Equal(t, 700*time.Millisecond, control.StickyScheduleToStartTimeout)
	require.GreaterOrEqual(t, control.MaxConcurrentWorkflowTaskPollers, 5)
	require.GreaterOrEqual(t, control.MaxConcurrentActivityTaskPollers, 5)
	require.False(t, control.DisableEagerActivities)

	analysis := queueFor(rollout.QueueAnalysis)
	require.Equal(t, 2000, analysis.options.MaxConcurrentActivityExecutionSize)
	require.Equal(t, 2*time.Second, analysis.options.MaxHeartbeatThrottleInterval)
	require.Less(t, analysis.handOver, time.Second)

	for _, name := range rollout.Queues() {
		q := queueFor(name)
		require.Zero(t, q.options.TaskQueueActivitiesPerSecond, "a rate limit would switch eager activities off")
		require.Equal(t, name != rollout.QueueControl, q.options.DisableWorkflowWorker, name)
		require.Contains(t, q.taskTypes(), enumspb.TASK_QUEUE_TYPE_ACTIVITY)
		require.Equal(t, name == rollout.QueueControl, len(q.taskTypes()) == 2, name)
		stopWithin := q.options.WorkerStopTimeout * time.Duration(len(q.taskTypes()))
		require.LessOrEqual(t, stopWithin, 9*time.Second, "SIGTERM ends within about ten seconds")
		require.Less(t, q.handOver, q.options.WorkerStopTimeout, "handed over activities have time to answer")
	}
}

// fake is a worker whose only activity runs until its context ends.
type fake struct {
	ctx      context.Context
	startErr error
	stopped  atomic.Bool
}

func (f *fake) Start() error { return f.startErr }
func (f *fake) Stop() {
	<-f.ctx.Done()
	f.stopped.Store(true)
}

func fakeMember(handOver time.Duration, startErr error) (member, *fake) {
	ctx, cancel := context.WithCancelCause(context.Background())
	f := &fake{ctx: ctx, startErr: startErr}
	return member{poller: f, queue: queue{name: "q", handOver: handOver}, handOver: cancel}, f
}

func TestStopHandsLongActivitiesOver(t *testing.T) {
	slow, f := fakeMember(50*time.Millisecond, nil)
	quick, g := fakeMember(0, nil)
	c := &crew{members: []member{slow, quick}}
	require.NoError(t, c.start())
	began := time.Now()
	c.stop()
	require.GreaterOrEqual(t, time.Since(began), 50*time.Millisecond, "short acts are left to end")
	require.True(t, f.stopped.Load() && g.stopped.Load())
	require.ErrorIs(t, context.Cause(f.ctx), worker.ErrWorkerShutdown, "not taken for a cancel by the workflow")
}

func TestStartStopsWhatItStarted(t *testing.T) {
	good, f := fakeMember(0, nil)
	bad, _ := fakeMember(0, errors.New("no such namespace"))
	c := &crew{members: []member{good, bad}}
	require.EqualError(t, c.start(), "start polling queue q: no such namespace")
	require.True(t, f.stopped.Load())
}

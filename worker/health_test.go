package main

import (
	"context"
	"encoding/json"
	"errors"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	taskqueuepb "go.temporal.io/api/taskqueue/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
)

// matching is a server that has seen some polls.
type matching struct {
	mu   sync.Mutex
	seen map[string][]string // queue/type → identities

	elsewhere []string // seen on other partitions
	down      bool
}

func (m *matching) DescribeTaskQueue(_ context.Context, queue string, of enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.down {
		return nil, errors.New("unavailable")
	}
	out := &workflowservice.DescribeTaskQueueResponse{}
	for _, identity := range m.seen[queue+"/"+of.String()] {
		out.Pollers = append(out.Pollers, &taskqueuepb.PollerInfo{Identity: identity})
	}
	return out, nil
}

func (m *matching) DescribeTaskQueueEnhanced(context.Context, client.DescribeTaskQueueEnhancedOptions) (client.TaskQueueDescription, error) {
	m.mu.Lock()
	defer m.mu.Unlock()
	info := client.TaskQueueTypeInfo{}
	for _, identity := range m.elsewhere {
		info.Pollers = append(info.Pollers, client.TaskQueuePollerInfo{Identity: identity})
	}
	return client.TaskQueueDescription{VersionsInfo: map[string]client.TaskQueueVersionInfo{"": {
		TypesInfo: map[client.TaskQueueType]client.TaskQueueTypeInfo{client.TaskQueueTypeActivity: info}}}}, nil
}

func (m *matching) poll(key, identity string) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.seen[key] = append(m.seen[key], identity)
}

func ask(t *testing.T, h *health) (int, healthReport) {
	t.Helper()
	rec := httptest.NewRecorder()
	h.ServeHTTP(rec, httptest.NewRequest("GET", "/healthz", nil))
	var r healthReport
	require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &r))
	require.Equal(t, "application/json", rec.Header().Get("Content-Type"))
	return rec.Code, r
}

func TestHealth(t *testing.T) {
	queues, err := parseQueues("control,analysis")
	require.NoError(t, err)
	h := newHealth(queues)
	code, r := ask(t, h)
	require.Equal(t, 503, code)
	require.Equal(t, healthReport{Status: "starting", Queues: map[string]string{"control": "not polled yet", "analysis": "not polled yet"}}, r)

	m := &matching{seen: map[string][]string{}, down: true}
	done := make(chan bool)
	go func() { done <- h.watch(t.Context(), m, "me") }()
	m.mu.Lock()
	m.down = false
	m.mu.Unlock()
	m.poll("analysis/Activity", "somebody else")
	m.poll("analysis/Activity", "me")
	m.poll("control/Activity", "me")
	require.Eventually(t, func() bool { _, r := ask(t, h); return r.Queues["analysis"] == "polled" }, waitFor, tick)
	code, r = ask(t, h)
	require.Equal(t, 503, code)
	require.Equal(t, "not polled yet", r.Queues["control"], "workflows are not polled yet")
	m.poll("control/Workflow", "me")
	require.True(t, <-done)
	code, r = ask(t, h)
	require.Equal(t, 200, code)
	require.Equal(t, healthReport{Status: "ready", Queues: map[string]string{"control": "polled", "analysis": "polled"}}, r)

	h.stop()
	code, r = ask(t, h)
	require.Equal(t, 503, code)
	require.Equal(t, "stopping", r.Status)
}

func TestHealthIsNotFooledByOtherWorkers(t *testing.T) {
	h := newHealth([]queue{queueFor(rollout.QueueInfra)})
	m := &matching{seen: map[string][]string{"infra/Activity": {"another"}}}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.False(t, h.watch(ctx, m, "me"))
	code, _ := ask(t, h)
	require.Equal(t, 503, code)
}

// A poller that the server knows on another partition polls, too.
func TestHealthSeesAllPartitions(t *testing.T) {
	t.Parallel()
	h := newHealth([]queue{queueFor(rollout.QueueInfra)})
	require.True(t, h.watch(t.Context(), &matching{elsewhere: []string{"me"}}, "me"))
}

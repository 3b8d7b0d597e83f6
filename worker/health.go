package main

import (
	"context"
	"encoding/json"
	"net/http"
	"slices"
	"sync"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
)

// pollsSeenEvery is how often the server is asked whether it sees our polls.
const pollsSeenEvery = 250 * time.Millisecond

// What /healthz says.
const (
	statusStarting = "starting"
	statusReady    = "ready"
	statusStopping = "stopping"
)

// healthReport is the body of /healthz.
type healthReport struct {
	Status string            `json:"status"` // starting | ready | stopping
	Queues map[string]string `json:"queues"` // queue → "polled" | "not polled yet"
}

// health knows which queues are polled. It is ready once all of them are and
// until the stop begins; it does not go back when Temporal is away for a
// while, because a restart of the worker would not bring Temporal back.
type health struct {
	mu       sync.Mutex
	waiting  map[string][]enumspb.TaskQueueType // queue → not seen polled yet
	stopping bool
}

func newHealth(queues []queue) *health {
	h := &health{waiting: map[string][]enumspb.TaskQueueType{}}
	for _, q := range queues {
		h.waiting[q.name] = q.taskTypes()
	}
	return h
}

// stop says from now on that the worker is going away.
func (h *health) stop() {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.stopping = true
}

// report says how things stand.
func (h *health) report() healthReport {
	h.mu.Lock()
	defer h.mu.Unlock()
	r := healthReport{Status: statusReady, Queues: map[string]string{}}
	for name, types := range h.waiting {
		r.Queues[name] = "polled"
		if len(types) > 0 {
			r.Queues[name], r.Status = "not polled yet", statusStarting
		}
	}
	if h.stopping {
		r.Status = statusStopping
	}
	return r
}

// ServeHTTP answers 200 when ready, else 503, with a healthReport.
func (h *health) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	r := h.report()
	w.Header().Set("Content-Type", "application/json")
	if r.Status != statusReady {
		w.WriteHeader(http.StatusServiceUnavailable)
	}
	_ = json.NewEncoder(w).Encode(r) // the client is gone when this fails
}

// pollWitness is the server, which sees who polls.
type pollWitness interface {
	DescribeTaskQueue(ctx context.Context, queue string, of enumspb.TaskQueueType) (*workflowservice.DescribeTaskQueueResponse, error)
	DescribeTaskQueueEnhanced(ctx context.Context, o client.DescribeTaskQueueEnhancedOptions) (client.TaskQueueDescription, error)
}

// watch asks the server until it has seen the identity poll every queue, or
// until ctx ends. It reports whether all are polled.
func (h *health) watch(ctx context.Context, server pollWitness, identity string) bool {
	for {
		for name, types := range h.unseen() {
			for _, of := range types {
				if polls(ctx, server, name, of, identity) {
					h.seen(name, of)
				}
			}
		}
		if len(h.unseen()) == 0 {
			return true
		}
		select {
		case <-ctx.Done():
			return false
		case <-time.After(pollsSeenEvery):
		}
	}
}

// polls asks twice: the root partition first, which every server can tell
// about, then all of them. A queue with many pollers and few tasks may leave a
// poller on another partition for a minute.
func polls(ctx context.Context, server pollWitness, name string, of enumspb.TaskQueueType, identity string) bool {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	described, err := server.DescribeTaskQueue(ctx, name, of)
	if err != nil {
		return false // asked again
	}
	for _, p := range described.GetPollers() {
		if p.GetIdentity() == identity {
			return true
		}
	}
	all, err := server.DescribeTaskQueueEnhanced(ctx, client.DescribeTaskQueueEnhancedOptions{
		TaskQueue: name, TaskQueueTypes: []client.TaskQueueType{client.TaskQueueType(of)}, ReportPollers: true})
	if err != nil {
		return false // a server that cannot tell; asked again
	}
	for _, version := range all.VersionsInfo {
		for _, info := range version.TypesInfo {
			if slices.ContainsFunc(info.Pollers, func(p client.TaskQueuePollerInfo) bool { return p.Identity == identity }) {
				return true
			}
		}
	}
	return false
}

func (h *health) unseen() map[string][]enumspb.TaskQueueType {
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string][]enumspb.TaskQueueType{}
	for name, types := range h.waiting {
		if len(types) > 0 {
			out[name] = slices.Clone(types)
		}
	}
	return out
}

func (h *health) seen(name string, of enumspb.TaskQueueType) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.waiting[name] = slices.DeleteFunc(h.waiting[name], func(t enumspb.TaskQueueType) bool { return t == of })
}

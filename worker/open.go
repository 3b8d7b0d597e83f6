package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rollout"
)

const (
	// openFor is how long an answer about open rollouts is used again.
	openFor = 5 * time.Second
	// openWithin bounds one question, below the usual scrape timeout.
	openWithin = 4 * time.Second
	// openQuery finds the rollouts that run.
	openQuery = "WorkflowType = '" + rollout.WorkflowType + "' AND ExecutionStatus = 'Running'"
)

// lister finds workflows.
type lister interface {
	ListWorkflow(context.Context, *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error)
}

// openRollouts reports the rollouts that run now. It asks Temporal when it is
// scraped, so that its gauges are right after any restart; every control
// worker reports the same. Units share their service's series: phases are
// counted, the weight is the highest of them. When Temporal does not answer
// the gauges are absent, and bakeoff_visibility_up is 0.
type openRollouts struct {
	server lister
	log    *slog.Logger
	now    func() time.Time

	mu    sync.Mutex
	asked time.Time
	cache openCounts
	err   error
}

type openCounts struct {
	byPhase map[[3]string]int     // environment, service, phase
	weight  map[[2]string]float64 // environment, service
}

var _ prometheus.Collector = (*openRollouts)(nil)

var (
	openDesc = prometheus.NewDesc("bakeoff_rollouts_open", "Rollouts that run now, by phase.",
		[]string{"environment", "service", "phase"}, nil)
	weightDesc = prometheus.NewDesc("bakeoff_candidate_weight_ratio", "Share of traffic that the candidate of a running rollout has, 0 to 1.",
		[]string{"environment", "service"}, nil)
	visibilityDesc = prometheus.NewDesc("bakeoff_visibility_up", "1 when Temporal could be asked for open rollouts, else 0.", nil, nil)
)

// Describe names the gauges.
func (o *openRollouts) Describe(out chan<- *prometheus.Desc) {
	out <- openDesc
	out <- weightDesc
	out <- visibilityDesc
}

// Collect sends the gauges as of at most openFor ago.
func (o *openRollouts) Collect(out chan<- prometheus.Metric) {
	counts, err := o.counts()
	up := 1.0
	if err != nil {
		up = 0
	}
	send(out, visibilityDesc, up)
	for k, n := range counts.byPhase {
		send(out, openDesc, float64(n), k[:]...)
	}
	for k, w := range counts.weight {
		send(out, weightDesc, w, k[:]...)
	}
}

func send(out chan<- prometheus.Metric, d *prometheus.Desc, v float64, labels ...string) {
	if m, err := prometheus.NewConstMetric(d, prometheus.GaugeValue, v, labels...); err == nil {
		out <- m
	}
}

func (o *openRollouts) counts() (openCounts, error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if now := o.now(); o.asked.IsZero() || now.Sub(o.asked) >= openFor {
		o.asked = now
		o.cache, o.err = o.ask()
		if o.err != nil {
			o.log.Warn("open rollouts cannot be counted", "error", o.err)
		}
	}
	return o.cache, o.err
}

func (o *openRollouts) ask() (openCounts, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	counts := openCounts{map[[3]string]int{}, map[[2]string]float64{}}
	var page []byte
	for {
		answer, err := o.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: openQuery, PageSize: 1000, NextPageToken: page})
		if err != nil {
			return openCounts{}, fmt.Errorf("list running rollouts: %w", err)
		}
		for _, w := range answer.GetExecutions() {
			counts.add(w)
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return counts, nil
		}
	}
}

// add counts one rollout. One that has not said yet where it stands is Pending
// and known by its id alone. Those of rehearsals are practice, and count where they
// need a person.
func (c openCounts) add(w *workflowpb.WorkflowExecutionInfo) {
	id, attributes := w.GetExecution().GetWorkflowId(), w.GetSearchAttributes().GetIndexedFields()
	needsHuman := attribute[string](attributes, rollout.AttributePhase) == string(rollout.PhaseNeedsHuman)
	if rollout.IsRehearsalID(w.GetParentExecution().GetWorkflowId()) && !needsHuman {
		return
	}
	environment, service := attribute[string](attributes, rollout.AttributeEnvironment), attribute[string](attributes, rollout.AttributeService)
	if environment == "" || service == "" {
		if t, err := rollout.ParseTarget(rollout.TargetOf(id)); err == nil {
			environment, service = t.Environment, t.Service
		}
	}
	phase := attribute[string](attributes, rollout.AttributePhase)
	if phase == "" {
		phase = string(rollout.PhasePending)
	}
	c.byPhase[[3]string{environment, service, phase}]++
	weight := float64(attribute[int64](attributes, rollout.AttributeWeight)) / float64(rollout.All)
	key := [2]string{environment, service}
	c.weight[key] = max(c.weight[key], weight)
}

// attribute reads one search attribute, the zero value where it is not set.
func attribute[T any](attributes map[string]*commonpb.Payload, name string) T {
	var value, none T
	if p := attributes[name]; p != nil {
		if err := converter.GetDefaultDataConverter().FromPayload(p, &value); err != nil {
			return none
		}
	}
	return value
}

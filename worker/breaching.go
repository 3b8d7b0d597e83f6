package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"

	"bakeoff/rollout"
)

// heardAlert is what became of one alert.
type heardAlert struct {
	Name string   `json:"name"`
	ID   string   `json:"id"`
	Told []string `json:"told"`          // targets whose running rollouts were told
	Why  string   `json:"why,omitempty"` // nobody was
}

// mostAlerts is how many alerts of one request a target's rollouts are told of: the
// first one that counts sends them back, and a storm must not fill their histories.
const mostAlerts = 10

// breaching passes the alerts of one request on under one configuration.
type breaching struct {
	config alertsConfig
	server breacher
	passed map[rollout.Target]int // alerts about each
}

// take passes one alert on to every rollout that it is about.
func (b breaching) take(ctx context.Context, f firedAlert) (heardAlert, error) {
	heard := heardAlert{Name: f.Labels["alertname"], ID: f.id(), Told: []string{}}
	about, why := b.about(f)
	if heard.Why = why; why != "" {
		return heard, nil
	}
	if b.passed[about] == mostAlerts {
		heard.Why = fmt.Sprintf("%d other alerts of this request about %s were passed on", mostAlerts, about)
		return heard, nil
	}
	b.passed[about]++
	ids, err := b.running(ctx, about)
	if err != nil {
		return heard, err
	}
	for _, id := range ids {
		err := b.server.SignalWorkflow(ctx, id, "", rollout.SignalBreach, f.breach())
		var notFound *serviceerror.NotFound
		switch {
		case err == nil:
			heard.Told = append(heard.Told, rollout.TargetOf(id))
		case !errors.As(err, &notFound):
			return heard, fmt.Errorf("tell %s: %w", id, err)
		}
	}
	if len(heard.Told) == 0 {
		heard.Why = "no rollout of " + about.String() + " is running"
	}
	return heard, nil
}

// about is the target that an alert names, or why it is none of ours.
func (b breaching) about(f firedAlert) (rollout.Target, string) {
	if f.Status != "firing" {
		return rollout.Target{}, "it does not fire"
	}
	for label, values := range b.config.Match {
		if !slices.Contains(values, f.Labels[label]) {
			return rollout.Target{}, fmt.Sprintf("its label %s is %q, which alerts.match does not name", label, f.Labels[label])
		}
	}
	l := b.config.Labels
	t := rollout.Target{Environment: f.Labels[cmp.Or(l.Environment, "environment")], Service: f.Labels[cmp.Or(l.Service, "service")],
		Unit: f.Labels[cmp.Or(l.Unit, "unit")]}
	if _, err := rollout.ParseTarget(t.String()); err != nil {
		return t, "its labels name no target: " + err.Error()
	}
	return t, ""
}

// running are the workflows that may be about the target: its own, and where it
// names no unit those of all units.
func (b breaching) running(ctx context.Context, t rollout.Target) ([]string, error) {
	ids := []string{rollout.WorkflowID(t)} // visibility may not know it yet
	if t.Unit != "" {
		return ids, nil
	}
	query := fmt.Sprintf("%s AND %s = '%s' AND %s = '%s'", openQuery,
		rollout.AttributeEnvironment, t.Environment, rollout.AttributeService, t.Service)
	for page := []byte(nil); ; {
		answer, err := b.server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: query, NextPageToken: page})
		if err != nil {
			return nil, fmt.Errorf("find the rollouts of %s: %w", t, err)
		}
		for _, w := range answer.GetExecutions() {
			if id := w.GetExecution().GetWorkflowId(); !slices.Contains(ids, id) {
				ids = append(ids, id)
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return ids, nil
		}
	}
}

// id is the same for every message about one firing of an alert.
func (f firedAlert) id() string {
	fingerprint := f.Fingerprint
	if fingerprint == "" { // of a sender that is not Alertmanager itself
		fingerprint = fmt.Sprint(f.Labels)
	}
	return fingerprint + "@" + f.StartsAt.UTC().Format(time.RFC3339Nano)
}

func (f firedAlert) breach() rollout.Breach {
	reason := f.Annotations["summary"]
	if reason == "" {
		reason = f.Annotations["description"]
	}
	source := "alertmanager"
	if f.source != "" {
		source += " " + f.source
	}
	return rollout.Breach{ID: f.id(), Name: f.Labels["alertname"], Reason: reason, Source: source, At: f.StartsAt}
}

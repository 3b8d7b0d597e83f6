package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
)

// admittedRehearsal is what AdmitRehearsal returns, as far as it is needed.
type admittedRehearsal struct {
	Plan struct {
		Tool string `json:"tool"`
	} `json:"plan"`
}

// tools looks for services whose last rehearsal was made by another version of
// Bakeoff than the worker's now: what went back then was put back by other code. One
// that was refused, or is not prepared yet, was made by none.
func (t *tooling) tools(ctx context.Context, now string) error {
	newest := map[string]practised{}
	for _, p := range t.last {
		if before, known := newest[p.Service]; !known || p.Started.After(before.Started) {
			newest[p.Service] = p
		}
	}
	for _, service := range slices.Sorted(maps.Keys(newest)) {
		then, err := t.toolOf(ctx, newest[service].execution)
		if err != nil {
			return err
		}
		if now != "" && then != "" && then != now {
			t.found("olderTool", newest[service].execution, "rehearse it once more, with drills: bakeoff rehearse FILE",
				"%s was practised last by Bakeoff %s, and the worker is %s", service, then, now)
		}
	}
	return nil
}

// toolOf is the version of Bakeoff that made a rehearsal, as its plan has it; "" where
// it has none.
func (t *tooling) toolOf(ctx context.Context, e execution) (string, error) {
	admission := int64(-1)
	for event, err := range t.svc.Events(ctx, e.run) {
		if err != nil {
			return "", fmt.Errorf("read the plan of %s: %w", e.WorkflowID, err)
		}
		if act := event.GetActivityTaskScheduledEventAttributes(); act.GetActivityType().GetName() == "AdmitRehearsal" {
			admission = event.GetEventId()
		}
		if done := event.GetActivityTaskCompletedEventAttributes(); done != nil && done.GetScheduledEventId() == admission {
			var out admittedRehearsal
			if err := decode(t.svc.Converter(), done.GetResult(), &out); err != nil {
				return "", fmt.Errorf("read the plan of %s: %w", e.WorkflowID, err)
			}
			return out.Plan.Tool, nil
		}
	}
	return "", nil
}

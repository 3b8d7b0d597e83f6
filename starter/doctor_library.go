package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"

	"bakeoff/rollout"
)

// templates looks for files of the library that no rehearsal of late names.
func (t *tooling) templates(ctx context.Context) error {
	asking, cancel := context.WithTimeout(ctx, asksWithin)
	defer cancel()
	pollers, err := t.svc.Pollers(asking, rollout.QueueRehearsal)
	if err != nil {
		return fmt.Errorf("look at queue %s: %w", rollout.QueueRehearsal, err)
	}
	const unserved, advice = "unserved", "start a worker that serves it: bakeoff-worker --queues " + rollout.QueueRehearsal
	if pollers == 0 {
		t.found(unserved, execution{}, advice, "nobody polls queue %s: no rehearsal begins, and its library is not looked at", rollout.QueueRehearsal)
		return nil
	}
	var library struct {
		Files []string `json:"files"`
		Tool  string   `json:"tool"`
	}
	act := solo{"tooling/" + t.newID(), rollout.QueueRehearsal, "ListLibrary", "list what rehearsals may start from"}
	err = t.svc.Act(asking, act, map[string]any{}, &library)
	switch {
	case err != nil && asking.Err() != nil && ctx.Err() == nil:
		t.found(unserved, execution{}, advice, "no worker of queue %s answers: its library is not looked at", rollout.QueueRehearsal)
		return nil
	case err != nil:
		return fmt.Errorf("list the library of rehearsals: %w", err)
	}
	t.unnamed(library.Files)
	return t.tools(ctx, library.Tool)
}

// unnamed looks for files that no rehearsal of late names.
func (t *tooling) unnamed(library []string) {
	var named []string
	for _, p := range t.last {
		if !t.isOld(p.Started) {
			named = append(named, p.manifest.Files()...)
		}
	}
	for _, file := range library {
		if !slices.Contains(named, path.Clean(file)) {
			t.found("unusedTemplate", execution{}, "remove it, or rehearse what it is for", "no rehearsal of the last %s names %s of the library", rollout.Duration(t.older), file)
		}
	}
}

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

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// scheduleRehearsal has it repeated.
func (c *cli) scheduleRehearsal(ctx context.Context, svc service, b beginning, by rehearsing) error {
	when := by.when
	when.reason = by.reason
	if err := svc.Schedule(ctx, b, when); err != nil {
		if errors.Is(err, errTimetable) {
			return fail(exitUsage, "schedule %s: %w", b.id, err)
		}
		return fmt.Errorf("schedule %s: %w", b.id, err)
	}
	said := fmt.Sprintf("%s %s, overlap %s", when.cron, orElse(when.zone, "UTC"), when.overlap)
	return c.note(rehearsalNote{WorkflowID: b.id, Schedule: scheduleOf(b.id), Note: said}, scheduleOf(b.id)+": "+said)
}

// unscheduleRehearsal has it repeated no longer. Where it was never repeated, who has
// its file is told so; a mere name may be mistyped.
func (c *cli) unscheduleRehearsal(ctx context.Context, svc service, b beginning) error {
	said := "removed"
	switch err := svc.Unschedule(ctx, b.id); {
	case errors.Is(err, errNotFound) && b.input == nil:
		return fmt.Errorf("%s has no schedule: bakeoff list --rehearsals", nameOf(b.id))
	case errors.Is(err, errNotFound):
		said = "there is none"
	case err != nil:
		return fmt.Errorf("remove %s: %w", scheduleOf(b.id), err)
	}
	return c.note(rehearsalNote{WorkflowID: b.id, Schedule: scheduleOf(b.id), Note: said}, scheduleOf(b.id)+": "+said)
}

// foreseeRehearsal has a worker look at what is to be repeated, so that nothing is
// scheduled that could never begin. Where none answers soon, that is said, and so is
// what keeps it from beginning until somebody opens that again.
func (c *cli) foreseeRehearsal(ctx context.Context, svc service, b beginning, from source) error {
	var orders []rehearsal.Order
	switch in := b.input.(type) {
	case rehearsal.Order:
		orders = append(orders, in)
	case rehearsal.SuiteOrder:
		for _, m := range in.Suite.Rehearsals {
			orders = append(orders, rehearsal.Order{Actor: in.Actor, Reason: in.Reason, Manifest: m.Manifest, Suite: in.Suite.Name})
		}
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	warned := map[string]bool{}
	for i, o := range orders {
		var answer struct {
			Cause    rollout.Cause     `json:"cause"`
			Problems []rollout.Problem `json:"problems"`
			Closed   string            `json:"closed"`
		}
		act := solo{c.planID(b.id), rollout.QueueRehearsal, "AdmitRehearsal", "look whether " + o.Manifest.Name + " may be repeated"}
		err := svc.Act(asking, act, map[string]any{"order": o, "preview": true}, &answer)
		switch {
		case err != nil && ctx.Err() != nil:
			return ctx.Err()
		case err != nil:
			fmt.Fprintf(c.err, "no worker looked at it: what the policy says is told when it begins (%v)\n", err)
			return nil
		case answer.Cause != "":
			for k := range answer.Problems {
				if p := &answer.Problems[k]; o.Suite != "" {
					p.Path = strings.TrimSuffix(fmt.Sprintf("rehearsals[%d].%s", i, p.Path), ".")
				}
			}
			return c.unforeseen(answer.Cause, answer.Problems, from)
		case answer.Closed != "" && !warned[answer.Closed]:
			fmt.Fprintf(c.err, "as long as this lasts, its runs are refused: %s\n", answer.Closed)
			warned[answer.Closed] = true
		}
	}
	return nil
}

// unforeseen tells why a rehearsal may not begin.
func (c *cli) unforeseen(cause rollout.Cause, problems []rollout.Problem, from source) error {
	into := any(new(rehearsal.Manifest))
	if specfile.Kind(from.text) == rehearsal.SuiteKind {
		into = new(rehearsal.Suite)
	}
	problems = specfile.LocateIn(from.name, from.text, into, problems)
	c.explain(problems, from)
	if c.json() {
		if err := c.print(map[string]any{"cause": cause, "problems": problems}); err != nil {
			return err
		}
	}
	if cause == rollout.CauseSpec {
		return exit(exitSpec)
	}
	return fail(exitRefused, "refused (%s)", cause)
}

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"golang.org/x/sync/errgroup"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// doctor looks at everything that is open, and at what was cut off last.
type doctor struct {
	svc         service
	environment string // "" for all
	unserved    bool   // nobody polls the queue of workflows: none of them answers
	findings    []finding
}

func (d *doctor) found(kind string, e execution, advice, format string, args ...any) {
	target := targetOf(e.run)
	if e.WorkflowID == "" {
		target = ""
	}
	d.findings = append(d.findings, finding{Kind: kind, Target: target, WorkflowID: e.WorkflowID, RunID: e.RunID,
		Text: fmt.Sprintf(format, args...), Advice: strings.ReplaceAll(advice, "TARGET", target)})
}

func (d *doctor) examine(ctx context.Context, query string) error {
	if err := d.queues(ctx); err != nil {
		return err
	}
	if err := d.each(ctx, query+" AND ExecutionStatus = 'Running'", (*doctor).rollout); err != nil {
		return err
	}
	if err := d.each(ctx, query+" AND ExecutionStatus IN ('Terminated', 'TimedOut', 'Canceled', 'Failed')", (*doctor).cutOff); err != nil {
		return err
	}
	if err := d.each(ctx, cutOffPractice(d.environment), (*doctor).practice); err != nil {
		return err
	}
	return d.targets(ctx)
}

// each looks at all that match a visibility query, several at once, and keeps what
// was found in their order.
func (d *doctor) each(ctx context.Context, query string, look func(*doctor, context.Context, execution) error) error {
	var parts []*doctor
	var group errgroup.Group
	group.SetLimit(asksAtOnce)
	for e, err := range d.svc.List(ctx, query) {
		if err != nil {
			return errors.Join(fmt.Errorf("list rollouts: %w", err), group.Wait())
		}
		one := &doctor{svc: d.svc}
		parts = append(parts, one)
		group.Go(func() error {
			asking, cancel := context.WithTimeout(ctx, asksWithin)
			defer cancel()
			return look(one, asking, e)
		})
	}
	err := group.Wait()
	for _, one := range parts {
		d.findings = append(d.findings, one.findings...)
	}
	return err
}

// queues looks for task queues that nobody polls. Temporal knows it without asking
// a worker.
func (d *doctor) queues(ctx context.Context) error {
	for _, queue := range []string{rollout.QueueControl, rollout.QueueAnalysis, rollout.QueueInfra} {
		asking, cancel := context.WithTimeout(ctx, answerWithin)
		pollers, err := d.svc.Pollers(asking, queue)
		cancel()
		if err != nil {
			return fmt.Errorf("look at queue %s: %w", queue, err)
		}
		if pollers == 0 {
			d.found("unserved", execution{}, "start a worker that serves it: bakeoff-worker --queues "+queue, "nobody polls queue %s", queue)
			d.unserved = d.unserved || queue == rollout.QueueControl
		}
	}
	return nil
}

// wedgedAfter is how often a workflow task may fail before somebody is told.
const wedgedAfter = 3

func (d *doctor) rollout(ctx context.Context, listed execution) error {
	e, err := d.svc.Describe(ctx, listed.run)
	if err != nil {
		return fmt.Errorf("look at %s: %w", listed.WorkflowID, err)
	}
	if !e.open() { // it ended since it was listed
		return nil
	}
	target, err := rollout.ParseTarget(targetOf(e.run))
	if err != nil {
		return fmt.Errorf("look at %s: %w", e.WorkflowID, err)
	}
	if e.TaskAttempts >= wedgedAfter {
		d.found("wedged", e, "roll the workers back, or put users back meanwhile: bakeoff restore TARGET --reason …",
			"workers cannot go on with the rollout of %s: its workflow task has failed %d times in a row", e.Candidate, e.TaskAttempts)
	}
	if e.NeedsHuman {
		d.found("needsHuman", e, "mend what it says and retry, or acknowledge: bakeoff status TARGET", "the rollout of %s needs a human", e.Candidate)
	}
	if rollout.IsFleetID(e.WorkflowID) { // it looks after its units, and nothing has to look after it
		return nil
	}
	guardian := above(target)
	if rollout.IsFleetID(e.Parent.WorkflowID) || rollout.IsRehearsalID(e.Parent.WorkflowID) {
		guardian = e.Parent
	}
	if above, err := d.svc.Describe(ctx, guardian); err == nil && above.open() {
		return nil
	}
	d.found("unsupervised", e, "it goes on by itself; should it be terminated, put users back: bakeoff restore TARGET --reason …",
		"no Target looks after the rollout of %s", e.Candidate)
	return nil
}

// cutOff tells of a run that was ended from outside, unless another came after it:
// one that was refused has put nothing back. One that failed because a person
// acknowledged it came to its own end. A fleet has nothing to put back: its units go
// back by themselves, and one that does not is found like any rollout.
func (d *doctor) cutOff(ctx context.Context, e execution) error {
	if !e.cutOff() || rollout.IsFleetID(e.WorkflowID) {
		return nil
	}
	last, err := lastBegun(ctx, d.svc, e.run)
	if err != nil {
		return err
	}
	if last.RunID != e.RunID {
		return nil
	}
	if _, restored := restoreOf(ctx, d.svc, e.run); !restored {
		d.found("cutOff", e, "put users back: bakeoff restore TARGET --reason …",
			"the rollout of %s was ended from outside, and nothing was put back", e.Candidate)
	}
	return nil
}

// cutOffPractice is the visibility query for rehearsals that were ended from outside.
func cutOffPractice(environment string) string {
	query := fmt.Sprintf("WorkflowType = '%s' AND ExecutionStatus IN ('Terminated', 'TimedOut')", rehearsal.WorkflowType)
	if environment != "" {
		query += fmt.Sprintf(" AND %s = '%s'", rollout.AttributeEnvironment, environment)
	}
	return query
}

// practice tells of a rehearsal that was ended from outside, unless it began again
// since, or says that it had nothing to take back: it had not begun to practise, or
// had come to its verdict. Its rollout goes back by itself, or is found with the
// others.
func (d *doctor) practice(ctx context.Context, e execution) error {
	last, err := d.svc.Latest(ctx, rehearsalOf(e.WorkflowID))
	if errors.Is(err, errNotFound) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("look at %s: %w", e.WorkflowID, err)
	}
	if last.RunID != e.RunID {
		return nil
	}
	var known rehearsal.Status
	if d.svc.Standing(ctx, e.run, &known) != nil {
		known = rehearsal.Status{}
	}
	unseen := unseenOf(known)
	if known.Phase == rehearsal.Preparing || known.Phase == rehearsal.Judging || len(unseen) == 0 {
		return nil
	}
	d.findings = append(d.findings, finding{Kind: "cutOff", Target: e.Target, WorkflowID: e.WorkflowID, RunID: e.RunID,
		Text:   fmt.Sprintf("the rehearsal %s was ended from outside: %s", nameOf(e.WorkflowID), strings.Join(unseen, ", and ")),
		Advice: "see that all is as it was before, then practise again: bakeoff rehearse FILE"})
	return nil
}

// targets looks for queues that stand, and for Targets that wait for a rollout
// that is over. A worker that was killed is known to poll for a while: then it is
// their silence that tells.
func (d *doctor) targets(ctx context.Context) error {
	if d.unserved {
		return nil
	}
	wanted := func(t rollout.Target) bool { return d.environment == "" || t.Environment == d.environment }
	all, err := askTargets(ctx, d.svc, "ExecutionStatus = 'Running'", wanted)
	if err != nil {
		return err
	}
	var silent []string
	last := map[rollout.Target]time.Time{} // when an order came last
	for _, one := range all {
		switch {
		case errors.Is(one.err, errNotFound): // it ended since it was listed
		case one.err != nil:
			silent = append(silent, one.target.String())
		default:
			d.target(ctx, one)
			for _, f := range one.known.Fates {
				last[one.target] = f.At
			}
		}
	}
	if len(silent) > 0 {
		d.found("unserved", execution{}, "see that workers run, and what they log: bakeoff-worker --queues "+rollout.QueueControl,
			"no worker answers for %s", shown(silent))
		return nil
	}
	ended, err := askTargets(ctx, d.svc, "ExecutionStatus IN ('Terminated', 'TimedOut', 'Failed', 'Completed')", wanted)
	for _, one := range ended {
		d.lost(one, last[one.target])
	}
	return err
}

// lost tells of orders that waited in the queue of a Target that was ended, unless
// others came since.
func (d *doctor) lost(t *askedTarget, last time.Time) {
	if t.err != nil || len(t.known.Queue) == 0 || t.Closed == nil || last.After(*t.Closed) {
		return
	}
	var orders []string
	for _, s := range t.known.Queue {
		orders = append(orders, s.Order.Spec.Release.Version+" by "+s.Order.Actor)
	}
	d.found("lost", t.execution, "give them again: bakeoff run FILE", "the Target was ended from outside, and its queue with it: %s", shown(orders))
}

// shown is a list of which only the beginning is told.
func shown(names []string) string {
	const most = 3
	if len(names) <= most {
		return strings.Join(names, ", ")
	}
	return fmt.Sprintf("%s and %d more", strings.Join(names[:most], ", "), len(names)-most)
}

func (d *doctor) target(ctx context.Context, t *askedTarget) {
	known, e := t.known, t.execution
	if known.Drift != "" && known.Running == nil {
		d.found("drifted", e, "put it back by hand, or roll out what is to serve", "%s", known.Drift)
	}
	if known.Stands != "" && len(known.Queue) > 0 {
		d.found("stands", e, "let it go on: bakeoff resume TARGET --reason …", "the queue of %d stands: %s", len(known.Queue), known.Stands)
	}
	r := known.Running
	if r == nil || r.RunID == "" {
		return
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if held, err := d.svc.Describe(asking, run{rollout.WorkflowID(t.target), r.RunID}); err == nil && !held.open() && held.Closed != nil {
		d.found("orphaned", e, "if this stays so, cancel the workflow "+e.WorkflowID+": the next start begins a new one", "it waits for run %s, which is over", r.RunID)
	}
}

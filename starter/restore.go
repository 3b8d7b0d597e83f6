package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"
	"golang.org/x/sync/errgroup"

	"bakeoff/rollout"
)

// wayBack is what a rollout's history says of the way back: enough to go it
// without the workflow.
type wayBack struct {
	job      map[string]any // of its last write, as activities take it
	snapshot struct {
		Baseline string         `json:"baseline"`
		Split    rollout.Split  `json:"split"`
		Primary  string         `json:"primary"`
		Flags    map[string]any `json:"flags"`
	}
	copy    string   // of the baseline, that had traffic too
	cohorts []string // that may have the candidate by a rule
	touched bool     // traffic, flags or pointers may have been changed
	gone    bool     // the removal of the baseline has begun
	lost    string   // the run whose changes this one only puts back
}

// jobFields are what activities need to know of a rollout; the intent and the
// fence are of each act.
var jobFields = []string{"target", "drivers", "baseline", "candidate", "endpoints"}

// readWayBack reads a run's history. One that only puts back what a run before
// it had changed has that one's way back.
func readWayBack(ctx context.Context, svc service, r run) (wayBack, error) {
	back, err := readRun(ctx, svc, r)
	if err == nil && back.lost != "" {
		return readRun(ctx, svc, run{r.WorkflowID, back.lost})
	}
	return back, err
}

// readStanding reads the way back of the run whose changes stand: of the given one
// or, where that has changed nothing, of the one before, if that was cut off. Who
// comes to a target that was left in between is refused, and puts nothing back.
func readStanding(ctx context.Context, svc service, e execution) (execution, wayBack, error) {
	back, err := readWayBack(ctx, svc, e.run)
	for last := e; err == nil && !back.touched && (last.open() || last.cutOff() || last.Outcome == rollout.Refused); {
		var found bool
		if last, found, err = runBeforeIt(ctx, svc, last); err != nil || !found {
			break
		}
		if !last.cutOff() {
			continue
		}
		before, err := readWayBack(ctx, svc, last.run)
		if err != nil || before.touched {
			return last, before, err
		}
	}
	return e, back, err
}

// behindRefused is the last run that was not refused, up to the given one.
func behindRefused(ctx context.Context, svc service, e execution) (execution, error) {
	for e.Outcome == rollout.Refused {
		before, found, err := runBeforeIt(ctx, svc, e)
		if err != nil || !found {
			return e, err
		}
		e = before
	}
	return e, nil
}

// lastBegun is the last run of the same workflow that was not refused.
func lastBegun(ctx context.Context, svc service, r run) (execution, error) {
	last, err := svc.Describe(ctx, run{WorkflowID: r.WorkflowID})
	if err == nil {
		last, err = behindRefused(ctx, svc, last)
	}
	if err != nil {
		return last, fmt.Errorf("look at %s: %w", r.WorkflowID, err)
	}
	return last, nil
}

// runBeforeIt finds the run of the same workflow that came before another one, if
// that is kept.
func runBeforeIt(ctx context.Context, svc service, e execution) (before execution, found bool, err error) {
	id, err := runEndedBefore(ctx, svc, e.run, e.Started)
	if err != nil || id == "" {
		return before, false, err
	}
	before, err = svc.Describe(ctx, run{e.WorkflowID, id})
	if errors.Is(err, errNotFound) {
		return before, false, nil
	}
	return before, err == nil, err
}

func readRun(ctx context.Context, svc service, r run) (wayBack, error) {
	var back wayBack
	types := map[int64]string{}
	for e, err := range svc.Events(ctx, r) {
		if err != nil {
			return back, fmt.Errorf("read the history of %s: %w", r.WorkflowID, err)
		}
		if err := back.read(svc, types, e); err != nil {
			return back, fmt.Errorf("read event %d of %s: %w", e.GetEventId(), r.WorkflowID, err)
		}
	}
	return back, nil
}

func (b *wayBack) read(svc service, types map[int64]string, e *historypb.HistoryEvent) error {
	if a := e.GetWorkflowExecutionStartedEventAttributes(); a != nil {
		var o rollout.Order
		err := decode(svc.Converter(), a.GetInput(), &o)
		b.lost = o.Recover
		return err
	}
	if a := e.GetActivityTaskScheduledEventAttributes(); a != nil {
		types[e.GetEventId()] = a.GetActivityType().GetName()
		switch types[e.GetEventId()] {
		case "SetTraffic", "SetFlags", "SetCohort", "Promote":
			b.touched = true
			return b.readJob(svc, a.GetInput())
		case "Remove":
			var in removeInput
			err := decode(svc.Converter(), a.GetInput(), &in)
			b.gone = b.gone || in.Version == b.snapshot.Baseline
			return err
		}
		return nil
	}
	done := e.GetActivityTaskCompletedEventAttributes()
	if done == nil || types[done.GetScheduledEventId()] != "Snapshot" {
		return nil
	}
	out := struct {
		Snapshot any `json:"snapshot"`
	}{&b.snapshot}
	return decode(svc.Converter(), done.GetResult(), &out)
}

func (b *wayBack) readJob(svc service, input *commonpb.Payloads) error {
	var in map[string]any
	if err := decode(svc.Converter(), input, &in); err != nil {
		return err
	}
	b.job = map[string]any{}
	for _, field := range jobFields {
		if value, found := in[field]; found {
			b.job[field] = value
		}
	}
	if cohort, _ := in["cohort"].(string); cohort != "" {
		b.cohorts = append(b.cohorts, cohort)
	}
	split, _ := in["split"].(map[string]any)
	for version := range split {
		if version != b.snapshot.Baseline && version != in["candidate"] {
			b.copy = version
		}
	}
	return nil
}

// commandRestore is what policy and history call a restore: it reaches no
// workflow, so it is no command of one.
const commandRestore = "restore"

// askWithin is how long workers may take to say who may restore: an abort waits for
// no more, and is stored where nobody says anything.
const askWithin = 10 * time.Second

// mayRestore asks the policy in force why somebody may not put the baseline back; ""
// when they may. The workers that answer are those that would do it.
func mayRestore(ctx context.Context, svc service, t rollout.Target, o order) (why string, err error) {
	asking, cancel := context.WithTimeout(ctx, askWithin)
	defer cancel()
	var out authorizeOutput
	ask := solo{id: fmt.Sprintf("restore/%s/%s/Authorize", t, o.ID), queue: rollout.QueueControl, activity: "Authorize",
		summary: fmt.Sprintf("ask whether %s may restore: %s", o.Actor, oneLine(o.Reason))}
	if err := svc.Act(asking, ask, map[string]any{"id": o.ID, "environment": t.Environment,
		"target": t.String(), "command": commandRestore, "actor": o.Actor}, &out); err != nil {
		return "", fmt.Errorf("ask whether %s may restore: %w", o.Actor, err)
	}
	if !out.Allowed {
		return orElse(out.Why, "the policy says no"), nil
	}
	return "", nil
}

// walk puts traffic, flags and pointers back at once, and then reads until users
// are back. The epoch is higher than that of any rollout: routers that fence
// refuse what the stuck one may still write.
func (b wayBack) walk(ctx context.Context, svc service, o order) error {
	acts := []restoringAct{{"RestoreTraffic", rollout.QueueControl, map[string]any{"split": b.snapshot.Split, "copy": b.copy}},
		{"RestorePointers", rollout.QueueInfra, map[string]any{"primary": b.snapshot.Primary}}}
	if len(b.snapshot.Flags) > 0 {
		acts = append(acts, restoringAct{"RestoreFlags", rollout.QueueControl, map[string]any{"flags": b.snapshot.Flags}})
	}
	if len(b.cohorts) > 0 {
		acts = append(acts, restoringAct{"RestoreCohorts", rollout.QueueControl, map[string]any{"cohorts": b.cohorts}})
	}
	var group errgroup.Group
	for _, act := range acts {
		group.Go(func() error { return svc.Act(ctx, b.solo(o, act), b.input(o, act), nil) })
	}
	acted := group.Wait()
	var seen verifyTrafficOutput
	look := restoringAct{"VerifyTraffic", rollout.QueueAnalysis, map[string]any{
		"split": b.snapshot.Split, "within": rollout.Duration(verifyRestored), "restoring": true}}
	if err := svc.Act(ctx, b.solo(o, look), b.input(o, look), &seen); err != nil {
		return errors.Join(acted, err)
	}
	if !seen.Verified {
		acted = errors.Join(acted, fmt.Errorf("traffic is not back: %s", seen.Reason))
	}
	return acted
}

// verifyRestored is how long the router is read for the baseline's traffic.
const verifyRestored = 30 * time.Second

type restoringAct struct {
	name, queue string
	in          map[string]any
}

func (b wayBack) solo(o order, act restoringAct) solo {
	return solo{id: fmt.Sprintf("restore/%s/%s/%s", b.job["target"], o.ID, act.name), queue: act.queue, activity: act.name,
		summary: fmt.Sprintf("%s: %s, by %s", act.name, oneLine(o.Reason), o.Actor)}
}

// input is what an act is told: the rollout's job with an intent of its own, and
// the same fence as all that this restore writes, at once.
func (b wayBack) input(o order, act restoringAct) map[string]any {
	in := map[string]any{"intent": "restore/" + o.ID + "/" + act.name,
		"fence": map[string]any{"epoch": o.At.UnixMilli(), "generation": 1}}
	maps.Copy(in, b.job)
	maps.Copy(in, act.in)
	return in
}

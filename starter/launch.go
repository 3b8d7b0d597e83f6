package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// launchFleet starts the fleet of a file. The caller closes the service.
func (c *cli) launchFleet(ctx context.Context, from source, by intent) (service, submitted, error) {
	spec, problems := parseFleet(from)
	subject := fleetSubject(spec)
	if by.order.Supersede {
		return nil, submitted{}, fail(exitUsage, "--supersede does not work for fleets: abort the running fleet first")
	}
	if err := c.refuseOrder(subject, problems, from); err != nil {
		return nil, submitted{}, err
	}
	svc, left, err := c.reach(ctx, by.within)
	if err != nil {
		return nil, submitted{}, err
	}
	connecting := by.within - left
	by.within = left
	order := rollout.FleetOrder{ID: orElse(by.order.ID, c.newID()), Actor: c.actor(by.who), Reason: by.reason, At: c.now().UTC(), Spec: spec,
		Wait: by.order.Wait, Override: by.order.Override, SpecDigest: rollout.Shortened(spec.Digest())}
	out := submitted{run: run{WorkflowID: subject.WorkflowID}, Submission: rollout.Submission{ID: order.ID, Version: subject.Candidate, Fate: rollout.FateStarted}}
	if order, err = c.signedFleet(order, by.who); err != nil {
		svc.Close()
		return nil, submitted{}, fmt.Errorf("nothing was started: %w", err)
	}
	if out.served, err = c.previewFleet(ctx, svc, order, from); err == nil {
		out, err = c.startFleet(ctx, svc, order, out, by.patience)
		out.spent += connecting
	} else if ctx.Err() != nil {
		err = fail(exitInterrupted, "interrupted: nothing was started")
	}
	if err != nil {
		svc.Close()
		return nil, submitted{}, err
	}
	return svc, out, nil
}

// startFleet starts a fleet, unless it was started by the same order before.
func (c *cli) startFleet(ctx context.Context, svc service, o rollout.FleetOrder, out submitted, p patience) (submitted, error) {
	subject, given := fleetSubject(o.Spec), rollout.Order{Actor: o.Actor, Spec: rollout.Spec{Release: o.Spec.Rollout.Release}, SpecDigest: o.SpecDigest}
	begun := time.Now()
	trying, cancel := bounded(ctx, p.within)
	defer cancel()
	known, _, err := c.startOnce(trying, svc, subject.WorkflowID, o.ID, func(ctx context.Context) (run, error) { return svc.StartFleet(ctx, o) })
	out.spent = time.Since(begun)
	u := (*unknown)(nil)
	switch {
	case errors.As(err, &u):
		return out, c.mayBegin(ctx, out, o.ID, u, p.code)
	case errors.Is(err, errBusy):
		return out, c.busy(ctx, svc, c.refusal(subject, rollout.CauseRunning, ""))
	case err != nil && ctx.Err() != nil:
		return out, fail(exitInterrupted, "interrupted: nothing was started")
	case err != nil:
		return out, fmt.Errorf("start the fleet of %s: %w", subject.Target, err)
	case known.Version != "" && !known.IsOf(given):
		return out, c.foreignID(subject, known, given)
	}
	known.Version = subject.Candidate
	out.Submission, out.run.RunID = known, known.RunID
	return out, nil
}

// previewFleet is preview for a fleet.
func (c *cli) previewFleet(ctx context.Context, svc service, o rollout.FleetOrder, from source) (served bool, err error) {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	subject := fleetSubject(o.Spec)
	admitted, err := svc.PlanFleet(asking, c.planID(subject.Target), o)
	if err != nil || admitted.Cause != rollout.CauseSpec {
		return err == nil || c.isPolled(ctx, svc, rollout.QueueControl), ctx.Err()
	}
	return true, c.refuseOrder(subject, specfile.Locate(from.name, from.text, admitted.Problems), from)
}

// planFleet has a fleet planned and prints what came of it.
func (c *cli) planFleet(ctx context.Context, svc service, by who, from source) error {
	spec, _ := parseFleet(from)
	order := rollout.FleetOrder{Actor: c.actor(by), Reason: by.reason, Spec: spec}
	admitted, err := svc.PlanFleet(ctx, c.planID(spec.Key().String()), order)
	if err != nil {
		return fmt.Errorf("plan the fleet of %s: %w", spec.Key(), err)
	}
	return c.plannedFleet(admitted, from)
}

// subjectOf and fleetSubject are what is known of an order before it is started.
func subjectOf(s rollout.Spec) rollout.Status {
	return rollout.Status{Target: s.Key().String(), WorkflowID: rollout.WorkflowID(s.Key()), Candidate: s.Release.Version}
}

func fleetSubject(s rollout.FleetSpec) rollout.Status {
	return rollout.Status{Target: s.Key().String(), WorkflowID: rollout.FleetID(s.Key()), Candidate: s.Rollout.Release.Version}
}

// noun is what runs under a workflow's id.
func noun(workflowID string) string {
	if rollout.IsFleetID(workflowID) {
		return "fleet"
	}
	return "rollout"
}

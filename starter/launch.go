package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// launchable is an order that can be started: a rollout's or a fleet's.
type launchable interface {
	subject() rollout.Status // target, workflow id and candidate
	start(ctx context.Context, svc service) (run, error)
	admit(ctx context.Context, svc service, id string) (rollout.Cause, []rollout.Problem, error)
}

type (
	rolloutOrder rollout.Order
	fleetOrder   rollout.FleetOrder
)

func (o rolloutOrder) subject() rollout.Status {
	key := o.Spec.Key()
	return rollout.Status{Target: key.String(), WorkflowID: rollout.WorkflowID(key), Candidate: o.Spec.Release.Version}
}

func (o rolloutOrder) start(ctx context.Context, svc service) (run, error) {
	return svc.Start(ctx, rollout.Order(o))
}

func (o rolloutOrder) admit(ctx context.Context, svc service, id string) (rollout.Cause, []rollout.Problem, error) {
	admitted, err := svc.Plan(ctx, id, rollout.Order(o), false)
	return admitted.Cause, admitted.Problems, err
}

func (o fleetOrder) subject() rollout.Status {
	key := o.Spec.Key()
	return rollout.Status{Target: key.String(), WorkflowID: rollout.FleetID(key), Candidate: o.Spec.Rollout.Release.Version}
}

func (o fleetOrder) start(ctx context.Context, svc service) (run, error) {
	return svc.StartFleet(ctx, rollout.FleetOrder(o))
}

func (o fleetOrder) admit(ctx context.Context, svc service, id string) (rollout.Cause, []rollout.Problem, error) {
	admitted, err := svc.PlanFleet(ctx, id, rollout.FleetOrder(o))
	return admitted.Cause, admitted.Problems, err
}

// ordered makes the order that a file describes, and says what is wrong with it.
func (c *cli) ordered(from source, by who) (launchable, []rollout.Problem) {
	if specfile.IsFleet(from.text) {
		spec, problems := parseFleet(from)
		return fleetOrder{Spec: spec, Actor: c.actor(by), Reason: by.reason}, problems
	}
	spec, problems := parse(from)
	return rolloutOrder{Spec: spec, Actor: c.actor(by), Reason: by.reason}, problems
}

// launch starts the rollout or the fleet of a file. The caller closes the service.
func (c *cli) launch(ctx context.Context, file string, by who) (service, run, error) {
	from, err := c.read(file)
	if err != nil {
		return nil, run{}, err
	}
	order, problems := c.ordered(from, by)
	if err := c.refuseOrder(order.subject(), problems, from); err != nil {
		return nil, run{}, err
	}
	svc, err := c.connect(ctx)
	if err != nil {
		return nil, run{}, err
	}
	var started run
	if err = c.preview(ctx, svc, order, from); err == nil {
		started, err = order.start(ctx, svc)
		if errors.Is(err, errBusy) {
			err = c.busy(ctx, svc, order.subject())
		} else if err != nil {
			err = fmt.Errorf("start the rollout of %s: %w", order.subject().Target, err)
		}
	}
	if err != nil {
		svc.Close()
		return nil, run{}, err
	}
	return svc, started, nil
}

// preview has a worker look at an order before anything is started, because a
// spec that cannot be is to leave no trace but its reasons. Where no worker
// answers soon it is started all the same: it will be looked at then.
func (c *cli) preview(ctx context.Context, svc service, o launchable, from source) error {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	cause, problems, err := o.admit(asking, svc, c.planID(o.subject().Target))
	if err != nil || cause != rollout.CauseSpec {
		return ctx.Err()
	}
	return c.refuseOrder(o.subject(), specfile.Locate(from.name, from.text, problems), from)
}

func (c *cli) planID(target string) string { return fmt.Sprintf("plan/%s/%s", target, c.newID()) }

// busy tells who holds the target and ends with 15.
func (c *cli) busy(ctx context.Context, svc service, refusal rollout.Status) error {
	now := c.now().UTC()
	refusal.StartedAt, refusal.EndedAt = now, &now
	refusal.Phase, refusal.Outcome, refusal.Cause = rollout.PhaseCompleted, rollout.Refused, rollout.CauseRunning
	refusal.Reason = refusal.Target + " has a running rollout"
	if holder, err := svc.Describe(ctx, run{WorkflowID: refusal.WorkflowID}); err == nil {
		refusal.RunID = holder.RunID
		by := "somebody"
		if s, err := standing(ctx, svc, holder); err == nil {
			by = orElse(s.StartedBy, by)
		}
		refusal.Reason = fmt.Sprintf("%s is held by the %s of %s, started by %s %s ago (since %s, run %s, %s)",
			refusal.Target, noun(refusal.WorkflowID), holder.Candidate, by, brief(c.now().Sub(holder.Started)),
			holder.Started.UTC().Format(time.RFC3339), holder.RunID, holder.Phase)
	}
	if err := c.result(refusal); err != nil {
		return err
	}
	return fail(exitRefused, "refused: %s", refusal.Reason)
}

// noun is what runs under a workflow's id.
func noun(workflowID string) string {
	if isFleet(workflowID) {
		return "fleet"
	}
	return "rollout"
}

package activities

import (
	"context"
	"fmt"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// Gates is what may close a target for a while. They are asked live, at every
// start, raise and poll: what they say is recorded, never what they are. The zero
// value closes nothing.
type Gates struct {
	Calendar Calendar // nil: no freezes
	Lines    Lines    // nil: nobody can stop a line
	Budgets  Budgets  // nil: no error budgets
	Ledger   *Ledger  // of the budgets; needed with them
	Targets  Targets  // nil: no target can be waited for
	Drills   Drills   // nil: nobody has to practise
}

// Calendar knows the freezes.
type Calendar interface {
	// Frozen lists the freezes that close a target at a moment.
	Frozen(q rollout.Question, now time.Time) []rollout.Closure
	// Next is the freeze that comes soonest after a moment.
	Next(q rollout.Question, now time.Time) (begin time.Time, name string, found bool)
}

// Lines knows which environments were stopped.
type Lines interface {
	// Stopped lists the stops that are in force for an environment, as they were
	// read after since. An error means that it is not known, which is never taken
	// for a line that runs.
	Stopped(ctx context.Context, environment string, since time.Time) ([]rollout.Closure, error)
}

// Ask is the question whether anything closes the target of a Job.
type Ask struct {
	Action string   `json:"action"`           // start | step | promote | bake
	Actor  string   `json:"actor,omitempty"`  // who started the rollout
	Passed []string `json:"passed,omitempty"` // keys of the closures that were overridden

	Fleet     *Unit          `json:"fleet,omitempty"`     // of a raise of a unit: the fleet's own run
	Needs     []rollout.Need `json:"needs,omitempty"`     // start: what must be so elsewhere
	Rehearsal bool           `json:"rehearsal,omitempty"` // a rehearsal started it: that one is the practice

	Schedule *rollout.Schedule `json:"schedule,omitempty"` // step, promote: when users may meet the release
}

// lineFresh is how old a reading of the line may be that others have begun, for
// who only tells what closes the target.
const lineFresh = time.Second

// closed is what closes the target now; nil when nothing does, or nothing is
// asked. It is for who is about to act: a stop of the line that was stored before
// the call counts.
func (a *Activities) closed(ctx context.Context, j Job, ask *Ask) (*rollout.Closure, error) {
	return a.closedSince(ctx, j, ask, a.now())
}

// closedLately is closed for who polls, and does nothing upon the answer before it
// is asked again: the line may have been stopped up to lineFresh ago.
func (a *Activities) closedLately(ctx context.Context, j Job, ask *Ask) (*rollout.Closure, error) {
	return a.closedSince(ctx, j, ask, a.now().Add(-lineFresh))
}

func (a *Activities) closedSince(ctx context.Context, j Job, ask *Ask, since time.Time) (*rollout.Closure, error) {
	if ask == nil {
		return nil, nil
	}
	target, err := rollout.ParseTarget(j.Target)
	if err != nil {
		return nil, fmt.Errorf("ask the gates: %w: %w", err, ErrFinal)
	}
	var all []rollout.Closure
	if a.Gates.Calendar != nil {
		all = append(all, a.Gates.Calendar.Frozen(rollout.Question{Target: target, Action: ask.Action, Actor: ask.Actor}, a.now())...)
	}
	all = append(all, a.spends(ctx, j, target, ask.Action)...)
	missing, err := a.missing(ctx, ask.Needs)
	if err != nil {
		return nil, err
	}
	all = append(all, missing...)
	if ask.Action == rollout.ActionStart && !ask.Rehearsal {
		all = append(all, a.unpractised(ctx, target)...)
	}
	left, err := a.left(ctx, j, ask.Fleet)
	if err != nil {
		return nil, err
	}
	stops, err := a.stopped(ctx, target.Environment, since) // last: nothing slow may come between it and a write
	if err != nil {
		return nil, err
	}
	return rollout.Merge(slices.Concat(stops, all, left, ask.Schedule.Closed(a.now())), ask.Passed), nil
}

func (a *Activities) stopped(ctx context.Context, environment string, since time.Time) ([]rollout.Closure, error) {
	if a.Gates.Lines == nil {
		return nil, nil
	}
	stops, err := a.Gates.Lines.Stopped(ctx, environment, since)
	if err != nil {
		return nil, fmt.Errorf("ask whether the line is stopped: %w", err)
	}
	return stops, nil
}

// left is what closes a unit whose fleet goes back without its having heard of
// it. Nobody's override passes that.
func (a *Activities) left(ctx context.Context, j Job, fleet *Unit) ([]rollout.Closure, error) {
	if fleet == nil || a.Executions == nil {
		return nil, nil
	}
	why, err := a.Executions.Leave(ctx, *fleet, j.Target)
	if err != nil {
		return nil, fmt.Errorf("ask %s whether it still goes forward: %w", fleet.WorkflowID, err)
	}
	if why == "" {
		return nil, nil
	}
	return []rollout.Closure{{Gate: rollout.GateFleet, Name: fleet.WorkflowID, Reason: why, Exposure: rollout.ExposureHold}}, nil
}

// admitNow is the answer to an order whose plan is in order: what closes the
// target refuses it for now, unless it waits, or passes because it overrides, as who may override it has been asked already.
func (a *Activities) admitNow(ctx context.Context, in AdmitInput, plan rollout.Plan) (AdmitOutput, error) {
	if in.Order.Back { // nothing keeps anybody from going back
		plan.Warnings = nil // of checks, which decide nothing
		return AdmitOutput{Plan: plan.Seal()}, nil
	}
	plan.Gated, plan.TellsGates = true, true
	order, j := in.Order, Job{Target: plan.Target, Drivers: plan.Spec.Target}
	c, err := a.closed(ctx, j, &Ask{Action: rollout.ActionStart, Actor: order.Actor, Needs: plan.Spec.Needs, Rehearsal: in.Rehearsal})
	if err != nil {
		return AdmitOutput{}, asTemporal("admit", err)
	}
	if order.Override && c != nil {
		plan.Passed = c.Keys
		plan.Warnings = append(plan.Warnings, fmt.Sprintf("overridden by %s: %s", order.Actor, c.Reason))
		c = nil
	}
	if c != nil && !order.Wait && !in.Foresee {
		return AdmitOutput{Cause: rollout.Cause(c.Gate), Problems: []rollout.Problem{{Message: c.Reason}}}, nil
	}
	return AdmitOutput{Plan: plan.Seal(), Closed: c, Ahead: a.ahead(in)}, nil
}

// ahead says what will close the target next, to who only looks.
func (a *Activities) ahead(in AdmitInput) string {
	if a.Gates.Calendar == nil || !in.Foresee {
		return ""
	}
	q := rollout.Question{Target: in.Order.Spec.Key(), Action: rollout.ActionStep, Actor: in.Order.Actor}
	begin, name, found := a.Gates.Calendar.Next(q, a.now())
	if !found {
		return ""
	}
	return fmt.Sprintf("freeze %q begins %s", name, begin.UTC().Format(time.RFC3339))
}

// GateInput asks to wait while a target is closed.
type GateInput struct {
	Job
	Ask    Ask              `json:"ask"`
	Closed *rollout.Closure `json:"closed,omitempty"` // what closes it as far as is known
	Until  time.Time        `json:"until"`            // return then in any case
}

// GateOutput says what closes the target now; nil: nothing does any more.
type GateOutput struct {
	Closed *rollout.Closure `json:"closed,omitempty"`
}

// gateEvery is how often a gate is looked at by those who wait for it.
const gateEvery = 2 * time.Second

// Gate waits until what closes the target is not what it was. It is for a rollout
// whose candidate has no traffic: any other keeps an Observe open, which asks.
func (a *Activities) Gate(ctx context.Context, in GateInput) (GateOutput, error) {
	for {
		c, err := a.closedLately(ctx, in.Job, &in.Ask)
		if err == nil && !c.Same(in.Closed) { // a start follows where it is open
			c, err = a.closed(ctx, in.Job, &in.Ask)
		}
		if err != nil {
			return GateOutput{}, asTemporal("wait for the gates", err)
		}
		now := a.now()
		if !c.Same(in.Closed) || !now.Before(in.Until) {
			return GateOutput{Closed: c}, nil
		}
		wait := gateEvery
		if c.Until != nil && c.Until.After(now) {
			wait = min(wait, c.Until.Sub(now))
		}
		activity.RecordHeartbeat(ctx)
		if err := sleep(ctx, wait); err != nil {
			return GateOutput{}, err
		}
	}
}

package main

import (
	"context"
	"fmt"

	"golang.org/x/sync/errgroup"

	"bakeoff/rollout"
)

// Questions to workers are asked several at once, and all of them end: without a
// worker each would wait for one.
const (
	asksAtOnce = 32
	asksWithin = 2 * answerWithin
)

// askedTarget is the workflow of a target, and what it says.
type askedTarget struct {
	execution
	target rollout.Target
	known  rollout.TargetStatus
	err    error // it did not answer
}

// askTargets asks the Targets that match a visibility query where they stand, each
// for answerWithin and all for asksWithin. It fails when they cannot be listed, or
// nobody waits for the answers any more.
func askTargets(ctx context.Context, svc service, query string, wanted func(rollout.Target) bool) ([]*askedTarget, error) {
	var asked []*askedTarget
	for e, err := range svc.List(ctx, "WorkflowType = '"+rollout.TargetType+"' AND "+query) {
		if err != nil {
			return nil, fmt.Errorf("list targets: %w", err)
		}
		if target, err := rollout.ParseTarget(targetOf(e.run)); err == nil && wanted(target) {
			asked = append(asked, &askedTarget{execution: e, target: target})
		}
	}
	asking, cancel := context.WithTimeout(ctx, asksWithin)
	defer cancel()
	var group errgroup.Group
	group.SetLimit(asksAtOnce)
	for _, one := range asked {
		group.Go(func() error {
			one.ask(asking, svc)
			return nil
		})
	}
	_ = group.Wait() // each has its own error
	return asked, ctx.Err()
}

func (a *askedTarget) ask(ctx context.Context, svc service) {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if a.open() {
		a.known, a.err = svc.Target(asking, a.target)
		return
	}
	a.err = svc.Standing(asking, a.run, &a.known)
}

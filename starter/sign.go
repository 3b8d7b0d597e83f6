package main

import (
	"context"
	"errors"
	"fmt"

	"bakeoff/rollout"
	"bakeoff/rollout/signature"
)

// signed is a command with the actor's signature, where one was asked for. It is
// bound to its run, so that it serves no other.
func (c *cli) signed(t rollout.Target, r run, o order) (rollout.Command, error) {
	return c.signedFor(addressee{t.String(), r.RunID}, o.Command, o.by)
}

// signedLine is an order to a line, signed in the same way. The one that lets it
// run again is bound to the stop that it ends.
func (c *cli) signedLine(ctx context.Context, svc service, o rollout.StopOrder, by who) (rollout.Command, error) {
	to := addressee{name: rollout.StopID(o.Environment)}
	if c.key(by) != "" && o.Command.Name == rollout.CommandStartTheLine {
		e, err := svc.Describe(ctx, run{WorkflowID: to.name})
		if err != nil && !errors.Is(err, errNotFound) {
			return o.Command, err
		}
		to.runID = e.RunID
	}
	return c.signedFor(to, o.Command, by)
}

// addressee is whom a signature is for: a target, or a line by its id, and the
// run, if it is for one.
type addressee struct{ name, runID string }

// key is what signs; "": nothing is signed.
func (c *cli) key(by who) string { return orElse(by.sign, c.getenv("BAKEOFF_SIGN")) }

func (c *cli) signedFor(to addressee, command rollout.Command, by who) (rollout.Command, error) {
	key := c.key(by)
	if key == "" {
		return command, nil
	}
	command.At = c.now().UTC() // somebody may have looked for long before
	command.RunID = orElse(command.RunID, to.runID)
	command.Statement = rollout.CommandStatement(to.name, command)
	var err error
	command.Signature, err = signature.Sign(command.Statement, key, c.getenv("SSH_AUTH_SOCK"))
	return command, err
}

// abortOf is the abort of an order. It is signed where the flag asks for it, and
// goes without where that fails: nothing may keep an abort waiting.
func (c *cli) abortOf(t rollout.Target, r run, o order) rollout.Command {
	o.Name = rollout.CommandAbort
	if o.by.sign == "" {
		return o.Command
	}
	command, err := c.signed(t, r, o)
	if err != nil {
		fmt.Fprintf(c.err, "the abort goes unsigned: %v\n", err)
		return o.Command
	}
	return command
}

// signedOrder is the same of an order to start.
func (c *cli) signedOrder(o rollout.Order, by who) (rollout.Order, error) {
	key := c.key(by)
	if key == "" {
		return o, nil
	}
	o.Statement = rollout.OrderStatement(o)
	var err error
	o.Signature, err = signature.Sign(o.Statement, key, c.getenv("SSH_AUTH_SOCK"))
	return o, err
}

// signedFleet is the same of an order to start a fleet.
func (c *cli) signedFleet(o rollout.FleetOrder, by who) (rollout.FleetOrder, error) {
	key := orElse(by.sign, c.getenv("BAKEOFF_SIGN"))
	if key == "" {
		return o, nil
	}
	o.Statement = rollout.FleetStatement(o)
	var err error
	o.Signature, err = signature.Sign(o.Statement, key, c.getenv("SSH_AUTH_SOCK"))
	return o, err
}

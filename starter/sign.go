package main

import (
	"fmt"

	"bakeoff/rollout"
	"bakeoff/rollout/signature"
)

// signed is a command with the actor's signature, where one was asked for. It is
// bound to its run, so that it serves no other.
func (c *cli) signed(t rollout.Target, r run, o order) (rollout.Command, error) {
	command := o.Command
	key := orElse(o.by.sign, c.getenv("BAKEOFF_SIGN"))
	if key == "" {
		return command, nil
	}
	command.At = c.now().UTC() // somebody may have looked for long before
	command.RunID = orElse(command.RunID, r.RunID)
	command.Statement = rollout.CommandStatement(t.String(), command)
	var err error
	command.Signature, err = c.sign(command.Statement, key)
	return command, err
}

// signedOrder is the same of an order to start.
func (c *cli) signedOrder(o rollout.Order, by who) (rollout.Order, error) {
	key := orElse(by.sign, c.getenv("BAKEOFF_SIGN"))
	if key == "" {
		return o, nil
	}
	o.Statement = rollout.OrderStatement(o)
	var err error
	o.Signature, err = c.sign(o.Statement, key)
	return o, err
}

func (c *cli) sign(statement, key string) (string, error) {
	armor, err := signature.Sign(statement, key, c.getenv("SSH_AUTH_SOCK"))
	if err != nil {
		return "", fmt.Errorf("nothing was sent: %w", err)
	}
	return armor, nil
}

package main

import (
	"context"
	"fmt"
	"io"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

// begun is what start prints.
type begun struct {
	Target     string `json:"target"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	UIURL      string `json:"uiUrl"`

	ID   string       `json:"id"`   // of the order, for wait --id
	Fate rollout.Fate `json:"fate"` // started | queued
	Why  string       `json:"why,omitempty"`
}

func (c *cli) startCommand() *cobra.Command {
	var by intent
	cmd := &cobra.Command{
		Use: "start FILE", Short: "Start a rollout or a fleet, without waiting for its end", Args: cobra.ExactArgs(1),
		Long: `Start the rollout or the fleet that FILE describes ("-" is standard input), print its
target and its page in the Temporal UI, and return once a worker has admitted it. If
no worker answers, it is started all the same; "bakeoff wait" tells what became of it.

An order that is given again, with its --id, is not started again. If it is over by
then, its result is printed, and the exit code is that of "bakeoff wait --id".

Exit codes: 0 started, or waiting in the queue, 1 the command itself failed, 2 usage,
3 spec refused, 15 refused for now, by policy or because the target is held. Of an
order that was given before, also: 0 promoted, 10 rolled back, 11 aborted, rejected
or taken out of the queue, 12 superseded by a newer release, 13 the platform rolled
back by itself, 14 needs a human.`,
		Example: "  bakeoff start checkout.yaml --reason \"faster checkout\"",
		RunE: runs(func(ctx context.Context, args []string) error {
			by.patience = patience{startWithin, exitFailed}
			svc, s, err := c.launch(ctx, args[0], by)
			if err != nil {
				return err
			}
			defer svc.Close()
			if err := c.unlessNotAdmitted(ctx, svc, s); err != nil {
				return err
			}
			if over, err := c.overSince(ctx, svc, s); over || err != nil {
				return err
			}
			return c.begun(s)
		}),
	}
	by.flags(cmd)
	return cmd
}

// overSince prints the result of an order that was given before, if its rollout or its
// fleet has ended since, and ends with the code of that. Where Temporal does not answer,
// it was started: that is known.
func (c *cli) overSince(ctx context.Context, svc service, s submitted) (over bool, err error) {
	if s.Fate != rollout.FateStarted {
		return false, nil
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	e, err := svc.Describe(asking, s.run)
	for err == nil && e.cutOff() && !rollout.IsFleetID(e.WorkflowID) { // what was cut off is put back by another run
		next, none := startedFor(asking, svc, s.spec.Key(), rollout.RecoveryID(e.RunID))
		if none != nil || next.RunID == "" {
			break
		}
		e = next
	}
	if err != nil || e.open() {
		return false, nil
	}
	end, err := ending(asking, svc, e)
	if err != nil || end.Phase != rollout.PhaseCompleted && end.Phase != rollout.PhaseNeedsHuman {
		return false, nil
	}
	if err := c.result(end); err != nil {
		return true, err
	}
	return true, exit(outcomeCode(end))
}

// begun prints what became of an order.
func (c *cli) begun(s submitted) error {
	page := s.run
	if s.Fate == rollout.FateQueued {
		page = above(s.spec.Key())
	}
	c.traced.result(rollout.Status{Target: targetOf(s.run), WorkflowID: s.WorkflowID, RunID: s.run.RunID})
	out := begun{targetOf(s.run), s.WorkflowID, s.run.RunID, c.link(page), s.ID, s.Fate, s.Why}
	if c.json() {
		return c.print(out)
	}
	text := fmt.Sprintf("%s\n%s\n", out.Target, out.UIURL)
	if s.Fate == rollout.FateQueued {
		text += fmt.Sprintf("in the queue: %s\nwait for it: bakeoff wait %s --id %s\n", s.Why, out.Target, s.ID)
	}
	_, err := io.WriteString(c.out, text)
	return err
}

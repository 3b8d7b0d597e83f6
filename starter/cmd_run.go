package main

import (
	"context"
	"errors"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

// who is the actor and the reason that come with every start and order.
type who struct{ actor, reason string }

// flags adds --actor and --reason.
func (w *who) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.actor, "actor", "", "who claims to speak (default BAKEOFF_ACTOR, else user@host)")
	cmd.Flags().StringVar(&w.reason, "reason", "", "why, for the audit trail")
}

// name is the actor, whatever it was set by.
func (c *cli) actor(w who) string {
	if name := orElse(w.actor, c.getenv("BAKEOFF_ACTOR")); name != "" {
		return name
	}
	return c.whoami()
}

func (c *cli) runCommand() *cobra.Command {
	var by who
	var timeout durationFlag
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Start a rollout or a fleet and wait for its end", Args: cobra.ExactArgs(1),
		Long: `Start the rollout or the fleet that FILE describes ("-" is standard input) and wait for its
end, with live progress on a terminal and one line per change elsewhere. The
result goes to standard output, everything else to standard error.

Interrupting detaches: the rollout goes on, and "bakeoff wait" returns to it.
` + outcomeCodes,
		Example: `  bakeoff run checkout.yaml --reason "faster checkout"
  bakeoff run checkout.yaml -o json --timeout 2h > result.json`,
		RunE: runs(func(ctx context.Context, args []string) error {
			svc, started, err := c.launch(ctx, args[0], by)
			if err != nil {
				return err
			}
			defer svc.Close()
			return c.await(ctx, svc, started, timeout.Std())
		}),
	}
	by.flags(cmd)
	cmd.Flags().Var(&timeout, "timeout", "wait no longer than this; the rollout goes on (exit 20 or 21)")
	return cmd
}

const outcomeCodes = `
Exit codes: 0 promoted, 1 the command itself failed, 2 usage, 3 spec refused,
10 rolled back, 11 aborted or rejected, 12 superseded by a newer release,
13 the platform rolled back by itself, 14 needs a human, 15 refused for now,
20 still running when --timeout ended, 21 the same while waiting for an
approval, held or paused, 130 interrupted.`

// await waits for a run and ends with the code of its outcome.
func (c *cli) await(ctx context.Context, svc service, r run, timeout time.Duration) error {
	if timeout > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	w := watch{svc: svc, run: r, poll: c.poll, view: c.newView()}
	if link := c.link(r); link != "" {
		w.view.note("watching " + r.WorkflowID + ": " + link)
	}
	s, err := w.wait(ctx)
	switch {
	case errors.Is(err, errInterrupted):
		return c.detached(r)
	case err != nil && !errors.Is(err, errTimeout):
		return err
	}
	if s.WorkflowID == "" { // nothing was seen before the timeout
		s.WorkflowID, s.RunID, s.Phase = r.WorkflowID, r.RunID, rollout.PhasePending
		s.Target, s.Stale = targetOf(r), true
	}
	if err := c.result(s); err != nil {
		return err
	}
	return exit(outcomeCode(s))
}

// detached says that the rollout goes on without its spectator.
func (c *cli) detached(r run) error {
	target := targetOf(r)
	return fail(exitInterrupted, "detached: the rollout goes on\n  back to it: bakeoff wait %s\n  stop it:    bakeoff abort %s --reason …", target, target)
}

// targetOf reads the target from a workflow's id.
func targetOf(r run) string {
	_, target, found := strings.Cut(r.WorkflowID, "/")
	if !found {
		return r.WorkflowID
	}
	return target
}

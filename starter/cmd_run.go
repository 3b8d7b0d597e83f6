package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
	"bakeoff/rollout/tracing"
)

// who is the actor and the reason that come with every start and order, and
// what the actor signs them with.
type who struct{ actor, reason, sign string }

// flags adds --actor, --reason and --sign.
func (w *who) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&w.actor, "actor", "", "who you are (default BAKEOFF_ACTOR, else user@host)")
	cmd.Flags().StringVar(&w.reason, "reason", "", "why, for the audit trail")
	cmd.Flags().StringVar(&w.sign, "sign", "", "private SSH key `file` to sign with, agent, or agent:COMMENT (default BAKEOFF_SIGN, else unsigned)")
}

// intent is what was typed of an order that starts something.
type intent struct {
	who
	order rollout.Order
	patience
}

// flags adds those of who, and what else an order may say.
func (i *intent) flags(cmd *cobra.Command) {
	i.who.flags(cmd)
	cmd.Flags().StringVar(&i.order.ID, "id", "", "id of the order: given again with the same id and spec by the same actor, it is the same order (default a new id)")
	cmd.Flags().BoolVar(&i.order.Wait, "wait", false, "if the target is closed, by a freeze or anything else, wait until it opens instead of being refused")
	cmd.Flags().BoolVar(&i.order.Override, "override", false, "break-glass: start even though the target is closed; needs --reason and the permission override")
	cmd.Flags().BoolVar(&i.order.Supersede, "supersede", false, "send a running rollout back first, whatever its policy says, and then start this one; needs the permission abort, too")
}

// actor is who gives an order, whatever it was set by. Blanks name nobody.
func (c *cli) actor(w who) string {
	for _, name := range []string{w.actor, c.getenv("BAKEOFF_ACTOR")} {
		if name := strings.TrimSpace(name); name != "" {
			return name
		}
	}
	return c.whoami()
}

func (c *cli) runCommand() *cobra.Command {
	var by intent
	var timeout durationFlag
	cmd := &cobra.Command{
		Use: "run FILE", Short: "Start a rollout or a fleet and wait for its end", Args: cobra.ExactArgs(1),
		Long: `Start the rollout or the fleet that FILE describes ("-" is standard input) and wait
for its end, with live progress on a terminal and one line per change elsewhere. The
result goes to standard output, everything else to standard error.

Ctrl-C detaches: the rollout goes on, and "bakeoff wait" returns to it.
` + outcomeCodes,
		Example: `  bakeoff run checkout.yaml --reason "faster checkout"
  bakeoff run checkout.yaml -o json --timeout 2h > result.json`,
		RunE: runs(func(ctx context.Context, args []string) error {
			by.patience = patience{timeout.Std(), exitTimeout}
			svc, order, err := c.launch(ctx, args[0], by)
			if err != nil {
				return err
			}
			defer svc.Close()
			return c.seeThrough(ctx, svc, order, timeout.Std())
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
20 still running when --timeout was over, 21 the same, but held, paused or waiting
for something, 130 interrupted.`

// launch submits the rollout of a spec file. The caller closes the service.
func (c *cli) launch(ctx context.Context, file string, by intent) (service, submitted, error) {
	if by.order.Override && strings.TrimSpace(by.reason) == "" {
		return nil, submitted{}, fail(exitUsage, "--override needs --reason: it goes into the audit trail")
	}
	from, err := c.read(file)
	if err != nil {
		return nil, submitted{}, err
	}
	if specfile.IsFleet(from.text) {
		return c.launchFleet(ctx, from, by)
	}
	spec, problems := parse(from)
	if err := c.refuseOrder(subjectOf(spec), problems, from); err != nil {
		return nil, submitted{}, err
	}
	svc, left, err := c.reach(ctx, by.within)
	if err != nil {
		return nil, submitted{}, err
	}
	connecting := by.within - left
	by.within = left
	order := by.order
	order.Spec, order.Actor, order.Reason, order.At = spec, c.actor(by.who), by.reason, c.now().UTC()
	order.ID, order.Trace = orElse(order.ID, c.newID()), tracing.Parent(c.connection.span)
	order.SpecDigest = rollout.Shortened(spec.Digest())
	if order, err = c.signedOrder(order, by.who); err != nil {
		svc.Close()
		return nil, submitted{}, fmt.Errorf("nothing was started: %w", err)
	}
	var out submitted
	served, err := c.preview(ctx, svc, order, from)
	if err == nil {
		out, err = c.submit(ctx, svc, order, served, by.patience)
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

// busy tells who holds the target and ends with 15. The reason of the refusal is what
// is known of that without looking; it is all there is to say of a rollout that has not
// begun.
func (c *cli) busy(ctx context.Context, svc service, refusal rollout.Status) error {
	refusal.Reason = orElse(refusal.Reason, refusal.Target+" has a running "+noun(refusal.WorkflowID))
	if holder, err := svc.Describe(ctx, run{WorkflowID: refusal.WorkflowID}); err == nil && holder.open() {
		refusal.RunID = holder.RunID
		by := rollout.Unnamed
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

// refusal is the result of an order that is refused now, and kept nowhere.
func (c *cli) refusal(subject rollout.Status, cause rollout.Cause, reason string) rollout.Status {
	now := c.now().UTC()
	subject.Phase, subject.Outcome, subject.Cause, subject.Reason = rollout.PhaseCompleted, rollout.Refused, cause, reason
	subject.StartedAt, subject.EndedAt = now, &now
	return subject
}

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
func targetOf(r run) string { return rollout.TargetOf(r.WorkflowID) }

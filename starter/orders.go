package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// order is a command on its way: what was typed, and how long to wait for the
// answer.
type order struct {
	rollout.Command
	by      who
	noWait  bool         // abort only
	timeout durationFlag // 0: as long as it takes for abort, else answerTimeout
}

// answerTimeout is how long Temporal may be away before a command is given, and how
// long a worker has then to take up one that is not stored until it does.
const answerTimeout = 30 * time.Second

// orderHelp is what differs between the help texts of the commands.
type orderHelp struct{ name, short, long, example string }

const orderCodes = `

If nothing runs, or what runs is already as ordered, the order is a no-op.

Exit codes: 0 obeyed or no-op, 1 the command itself failed, 2 usage, 14 needs a
human, 15 denied, with the reason.`

// orderCommand makes the command that gives an order; more adds its own flags,
// give does it.
func (c *cli) orderCommand(h orderHelp, more func(*cobra.Command, *order), give func(context.Context, service, rollout.Target, order) error) *cobra.Command {
	o := order{Command: rollout.Command{Name: h.name}}
	cmd := &cobra.Command{
		Use: h.name + " TARGET", Short: h.short, Long: h.long + orderCodes, Example: "  " + h.example,
		Args: cobra.ExactArgs(1), ValidArgsFunction: c.completeTargets,
		PreRunE: func(*cobra.Command, []string) error {
			if strings.TrimSpace(o.by.reason) == "" {
				return errors.New("--reason must say why: it goes into the audit trail")
			}
			return nil
		},
		RunE: c.onTarget(func(ctx context.Context) (service, error) {
			svc, _, err := c.reach(ctx, orElse(o.timeout.Std(), answerTimeout))
			return svc, err
		}, func(ctx context.Context, svc service, t rollout.Target) error {
			o.Actor, o.Reason, o.At = c.actor(o.by), o.by.reason, c.now().UTC()
			o.ID, o.Trace = orElse(o.ID, c.newID()), tracing.Parent(c.connection.span)
			return give(ctx, svc, t, o)
		}),
	}
	o.by.flags(cmd)
	cmd.Flags().StringVar(&o.ID, "id", "", "id of the command: given again with the same id, it is the same command (default a new id)")
	cmd.Flags().Var(&o.timeout, "timeout", "how long to wait for the answer")
	if more != nil {
		more(cmd, &o)
	}
	return cmd
}

// give sends a command to the running rollout of a target and prints what
// became of it.
func (c *cli) give(ctx context.Context, svc service, t rollout.Target, o order) error {
	e, found, err := c.running(ctx, svc, t, o)
	if err != nil || !found {
		return err
	}
	if o.Command, err = c.signed(t, e.run, o); err != nil {
		return fmt.Errorf("%s %s: nothing was sent: %w", o.Name, t, err)
	}
	asking, cancel := context.WithTimeout(ctx, orElse(o.timeout.Std(), answerTimeout))
	defer cancel()
	answer, err := svc.Update(asking, e.run, o.Command)
	switch {
	case errors.Is(err, errOver):
		return c.over(ctx, svc, e, o, false)
	case err != nil && ctx.Err() != nil:
		return fail(exitInterrupted, "interrupted: it is not known whether %s reached the rollout; look at bakeoff status", o.Name)
	case err != nil && (errors.Is(err, errNoWorker) || asking.Err() != nil):
		return fmt.Errorf("%s %s: no worker answered in time: the order is not on record, and may still be obeyed if one comes soon; look at the status before you repeat it, with --id %s to give it once", o.Name, t, o.ID)
	case err != nil:
		return fmt.Errorf("%s %s: %w", o.Name, t, err)
	}
	return c.answered(o, answer)
}

// running finds the run that an order is for. Where nothing runs the order is
// a no-op: that is printed, and found is false.
func (c *cli) running(ctx context.Context, svc service, t rollout.Target, o order) (e execution, found bool, err error) {
	e, err = latest(ctx, svc, t)
	switch {
	case errors.Is(err, errNotFound):
		return e, false, c.answered(o, unheardOf(t))
	case err != nil:
		return e, false, err
	case !e.open():
		return e, false, c.over(ctx, svc, e, o, false)
	}
	return e, true, nil
}

// unheardOf is the answer to an order for a target that never had a rollout, such as
// one that is misspelt.
func unheardOf(t rollout.Target) rollout.Answer {
	return rollout.Answer{Answer: rollout.Noop, Why: "no rollout of " + t.String() + " is known, now or before: is the name right? bakeoff list shows what there is",
		Status: rollout.Status{Target: t.String(), WorkflowID: rollout.WorkflowID(t)}}
}

// over prints the result of a run that ended before it could answer. An abort
// that was stored in time and led to that end was obeyed.
func (c *cli) over(ctx context.Context, svc service, e execution, o order, stored bool) error {
	if o.Name == rollout.CommandAbort && rollout.IsFleetID(e.WorkflowID) {
		if now, err := svc.Describe(ctx, e.run); err == nil && now.cutOff() {
			return c.abortLostFleet(ctx, svc, now, o)
		}
	}
	last, err := ending(ctx, svc, e)
	if err != nil {
		return err
	}
	answer := rollout.Answer{Answer: rollout.Noop, Why: "already over: " + orElse(string(last.Outcome), "it was cut off"), Status: last}
	if stored && (last.Outcome == rollout.Aborted || last.Outcome == rollout.Failed) {
		answer.Answer, answer.Why = rollout.Accepted, ""
	}
	if e.cutOff() && o.Name == rollout.CommandAbort {
		answer.Why = "it was cut off, and nothing was put back"
		if err := c.answered(o, answer); err != nil {
			return err
		}
		return fail(exitNeedsHuman, "%s was ended from outside, and nobody took over: put the baseline back with bakeoff restore %[1]s --reason …", targetOf(e.run))
	}
	return c.answered(o, answer)
}

// answer is the result JSON of a command: that of the rollout, and what became
// of the order.
type answer struct {
	rollout.Status
	Answer    string `json:"answer"` // accepted | denied | noop | stored
	Why       string `json:"why,omitempty"`
	CommandID string `json:"commandId"`
}

// unheard is an answer without the phase and the time of a rollout that never was.
type unheard struct {
	answer
	Phase     rollout.Phase `json:"phase,omitempty"`
	StartedAt time.Time     `json:"startedAt,omitzero"`
}

// answered prints the answer and ends with its exit code.
func (c *cli) answered(o order, a rollout.Answer) error {
	a.Status = c.present(unfinished(a.Status))
	c.traced.result(a.Status)
	if c.json() {
		printed := answer{a.Status, a.Answer, a.Why, o.ID}
		if err := c.print(unheard{printed, a.Status.Phase, a.Status.StartedAt}); err != nil {
			return err
		}
	} else if _, err := io.WriteString(c.out, answerText(o, a, c.style(c.outIsTerminal))); err != nil {
		return err
	}
	if a.Answer == rollout.Denied {
		return fail(exitRefused, "%s denied: %s", o.Name, a.Why)
	}
	return exit(answerCode(o.Command, a))
}

func answerText(o order, a rollout.Answer, st style) string {
	text := o.Name + ": " + a.Answer
	if a.Why != "" {
		text += ", " + unsteered(a.Why)
	}
	text += "\n"
	if a.Status.Phase != "" {
		text += resultText(a.Status, st)
	}
	return text
}

// answerCode is the exit code of a command that was not denied. 14 says that
// the baseline is not back; who comes to repair that knows it already, and to whom
// an order in the queue matters it says nothing.
func answerCode(c rollout.Command, a rollout.Answer) int {
	repair := c.Name == rollout.CommandRetry || c.Name == rollout.CommandAcknowledge || c.Name == commandRestore
	broken := a.Status.Phase == rollout.PhaseNeedsHuman
	switch {
	case repair || c.Order != "":
		return exitOK
	case a.Answer == rollout.Accepted && (broken || a.Status.Outcome == rollout.Failed):
		return exitNeedsHuman
	case c.Name == rollout.CommandAbort && broken:
		return exitNeedsHuman
	}
	return exitOK
}

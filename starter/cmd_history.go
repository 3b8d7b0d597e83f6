package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) historyCommand() *cobra.Command {
	runID, orders := "", false
	cmd := &cobra.Command{
		Use: "history TARGET", Short: "Show what happened and who decided, line by line", Args: cobra.ExactArgs(1),
		Long: `Tell the story of the running or last rollout of TARGET from its Temporal history,
oldest first: who asked for it, what was changed, what was seen, who decided, and
when the baseline was back. With -o json, one object on each line. No worker is
needed. docs/history.md says which event each line comes from.

With --orders, tell which orders and commands the Target itself received. That
includes releases that were refused before a rollout began, and commands that were
given while nothing ran.

Exit codes: 0 told, 1 the command itself failed or nothing is known of TARGET,
2 usage.`,
		Example:           "  bakeoff history production/checkout\n  bakeoff history production/checkout --run 0198f1c2-… -o json | jq 'select(.kind == \"Command\")'\n  bakeoff history production/checkout --orders",
		ValidArgsFunction: c.completeTargets,
		RunE: c.onTarget(c.connect, func(ctx context.Context, svc service, t rollout.Target) error {
			if orders {
				return c.tellOrders(ctx, svc, t, runID)
			}
			r, err := toldOf(ctx, svc, t, runID)
			if err != nil {
				return err
			}
			told, err := readStory(svc.Converter(), r, svc.Events(ctx, r))
			if err != nil {
				return err
			}
			told.asked(ctx, svc)
			if err := told.tellLostUnits(ctx, svc); err != nil {
				fmt.Fprintf(c.err, "how units ended after their fleet was cut off is not told here: %v\n", err)
			}
			if back, found := restoreOf(ctx, svc, r); found {
				told.lines = append(told.lines, back)
				told.inOrder()
			}
			return c.tell(told.lines)
		}),
	}
	cmd.Flags().StringVar(&runID, "run", "", "the run to tell of (default the running or last one); with --orders, a run of the Target")
	cmd.Flags().BoolVar(&orders, "orders", false, "tell what the Target was asked for and commanded, refusals included")
	return cmd
}

// toldOf is the run to tell of: the running or last one, or one by its id, which
// may be that of a fleet.
func toldOf(ctx context.Context, svc service, t rollout.Target, runID string) (run, error) {
	if runID == "" {
		e, err := latest(ctx, svc, t)
		return e.run, err
	}
	r := run{rollout.WorkflowID(t), runID}
	if _, err := svc.Describe(ctx, r); errors.Is(err, errNotFound) && t.Unit == "" {
		r.WorkflowID = rollout.FleetID(t)
	}
	return r, nil
}

// tellOrders tells the story of the workflow that stands above the rollouts of a
// target, up to one of its runs; "" is the running or last one.
func (c *cli) tellOrders(ctx context.Context, svc service, t rollout.Target, runID string) error {
	r := above(t)
	if r.RunID = runID; runID == "" {
		e, err := svc.Describe(ctx, r)
		if err != nil {
			return fmt.Errorf("look for the orders of %s: %w", t, err)
		}
		r.RunID = e.RunID
	}
	told, err := readOrders(ctx, svc, svc.Converter(), r)
	if err != nil {
		return err
	}
	if told.cut {
		fmt.Fprintln(c.err, "earlier history of the Target is not kept any more: of its orders you see what it remembers, of its commands nothing")
	}
	return c.tell(told.lines)
}

func (c *cli) tell(lines []rollout.Event) error {
	for _, line := range lines {
		if c.json() {
			if err := c.print(line); err != nil {
				return err
			}
			continue
		}
		if _, err := fmt.Fprintln(c.out, eventText(line, c.style(c.outIsTerminal))); err != nil {
			return err
		}
	}
	return nil
}

// eventText is one line of the story as a sentence, with its number and time.
func eventText(e rollout.Event, st style) string {
	text := fmt.Sprintf("%3d  %s  %s", e.Seq, st.paint(faint, e.Time.UTC().Format(time.RFC3339)), st.paint(eventMood(e.Kind), fmt.Sprintf("%-15s", e.Kind)))
	if e.Step > 0 {
		text += fmt.Sprintf(" step %d:", e.Step)
	}
	text += " " + oneLine(e.Text)
	if e.Kind == rollout.EventCommand && e.Data["answer"] != nil {
		text += fmt.Sprintf(" (%v", e.Data["answer"])
		if why, ok := e.Data["why"].(string); ok {
			text += ", " + oneLine(why)
		}
		text += ")"
	}
	return text
}

func eventMood(k rollout.EventKind) string {
	switch k {
	case rollout.EventBreach, rollout.EventRestoring, rollout.EventNeedsHuman, rollout.EventGateRefused:
		return red
	case rollout.EventStepPassed, rollout.EventPromoted, rollout.EventHealthRestored, rollout.EventGatePassed:
		return green
	case rollout.EventHeld, rollout.EventDrift, rollout.EventRefused, rollout.EventGateWaiting:
		return yellow
	}
	return ""
}

package main

import (
	"context"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) statusCommand() *cobra.Command {
	return &cobra.Command{
		Use: "status TARGET", Short: "Show where the running or last rollout stands", Args: cobra.ExactArgs(1),
		Long: `Show where the running rollout of TARGET stands, or how the last one ended. If no
worker answers within 3s, the status is read from history and marked as stale.

Exit codes: 0 told, whatever it is, 1 the command itself failed or nothing is
known of TARGET, 2 usage.`,
		Example:           "  bakeoff status production/checkout\n  bakeoff status production/checkout -o json | jq .phase",
		ValidArgsFunction: c.completeTargets,
		RunE: c.onTarget(c.connect, func(ctx context.Context, svc service, t rollout.Target) error {
			e, err := latest(ctx, svc, t)
			if err != nil {
				return err
			}
			s, err := standing(ctx, svc, e)
			if err != nil {
				return err
			}
			return c.standingOf(ctx, svc, t, s)
		}),
	}
}

// known is what a target's own workflow adds to where its rollout stands.
type known struct {
	rollout.Status
	Queue       []queued              `json:"queue,omitempty"`
	QueueStands string                `json:"queueStands,omitempty"` // why it waits for a resume
	Good        []string              `json:"good,omitempty"`        // versions that were promoted, newest first
	Quarantine  []rollout.Quarantined `json:"quarantine,omitempty"`
	Drift       string                `json:"drift,omitempty"` // what somebody changed while nothing ran
}

// queued is an order whose turn has not come.
type queued struct {
	ID      string    `json:"id,omitempty"` // of the order
	Version string    `json:"version"`
	Actor   string    `json:"actor,omitempty"`
	Reason  string    `json:"reason,omitempty"`
	Since   time.Time `json:"since,omitzero"`
}

// standingOf prints where a rollout stands, and what waits behind it.
func (c *cli) standingOf(ctx context.Context, svc service, t rollout.Target, s rollout.Status) error {
	out := known{Status: c.present(s)}
	if !s.Stale { // else no worker answers
		asking, cancel := context.WithTimeout(ctx, answerWithin)
		defer cancel()
		if above, err := svc.Target(asking, t); err == nil {
			out.add(above)
		}
	}
	if c.json() {
		return c.print(out)
	}
	_, err := io.WriteString(c.out, resultText(out.Status, c.style(c.outIsTerminal))+out.text())
	return err
}

func (k *known) add(t rollout.TargetStatus) {
	for _, q := range t.Queue {
		k.Queue = append(k.Queue, queued{q.Order.ID, q.Order.Spec.Release.Version, q.Order.Actor, q.Order.Reason, fateOf(t, q.Order.ID).At})
	}
	for _, g := range t.Good {
		k.Good = append(k.Good, g.Release.Version)
	}
	k.QueueStands, k.Quarantine, k.Drift = t.Stands, t.Quarantine, t.Drift
}

// text tells people what the result does not.
func (k known) text() string {
	var b strings.Builder
	for _, q := range k.Queue {
		fmt.Fprintf(&b, "in the queue: %s, by %s since %s, order %s\n", q.Version, rollout.NameOf(q.Actor), q.Since.UTC().Format(time.RFC3339), q.ID)
	}
	if k.QueueStands != "" {
		fmt.Fprintf(&b, "the queue stands until it is resumed: %s\n", k.QueueStands)
	}
	for _, q := range k.Quarantine {
		fmt.Fprintf(&b, "in quarantine: %s (%s)\n", q.Version, q.Reason)
	}
	if k.Drift != "" {
		fmt.Fprintf(&b, "changed from outside: %s\n", k.Drift)
	}
	return b.String()
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) approveCommand() *cobra.Command {
	yes := false
	return c.orderCommand(orderHelp{rollout.CommandApprove, "Approve the step that a rollout waits for",
		`Show the step that the rollout of TARGET waits for, and approve it. The vote
holds only for the run, the step and the plan that are shown: if any of them
has changed by then, it is denied. On a terminal the command asks first, unless
--yes is given. Scripts that showed a person something elsewhere name it with
--step and --digest, and with --asked-by where both the environment and the spec
ask for an approval before that step. --override passes the approval with this
one vote, for those who have that permission.`,
		`bakeoff approve production/checkout --reason "looks good, CHG-1234"`},
		func(cmd *cobra.Command, o *order) {
			cmd.Flags().IntVar(&o.Step, "step", 0, "the step that was shown (default the one that waits)")
			cmd.Flags().StringVar(&o.AskedBy, "asked-by", "", "environment or spec: whose approval was shown, where both ask for one before the step (default, without --step, the open one)")
			cmd.Flags().StringVar(&o.Digest, "digest", "", "the digest of the plan that was shown (default the current plan's)")
			cmd.Flags().StringVar(&o.RunID, "run", "", "the run that was shown (default the current one)")
			cmd.Flags().BoolVar(&o.Override, "override", false, "break-glass: pass the approval with this one vote, whatever its quorum; people are told, and it is on record")
			cmd.Flags().BoolVarP(&yes, "yes", "y", false, "do not ask for confirmation")
		},
		func(ctx context.Context, svc service, t rollout.Target, o order) error {
			return c.approve(ctx, svc, t, o, yes)
		})
}

// approve binds the vote to what it shows.
func (c *cli) approve(ctx context.Context, svc service, t rollout.Target, o order, yes bool) error {
	if known := []string{rollout.AskedByEnvironment, rollout.AskedBySpec}; o.AskedBy != "" && !slices.Contains(known, o.AskedBy) {
		return fail(exitUsage, "--asked-by %s: write %s", o.AskedBy, strings.Join(known, " or "))
	}
	e, found, err := c.running(ctx, svc, t, o)
	if err != nil || !found {
		return err
	}
	s, err := standing(ctx, svc, e)
	if err != nil {
		return err
	}
	o.RunID = orElse(o.RunID, e.RunID)
	if s.Asked != nil && o.Step == 0 {
		o.Step, o.AskedBy = s.Asked.Step, orElse(o.AskedBy, s.Asked.By)
	}
	if s.WaitingFor == rollout.WaitingForApproval || s.Stale {
		o.Step = orElse(o.Step, s.Step+1) // as history tells: the gate is before the step; after the last one comes promotion
	}
	o.Digest = orElse(o.Digest, s.PlanDigest)
	told, err := readStory(svc.Converter(), e.run, svc.Events(ctx, e.run))
	if err != nil {
		return err
	}
	fmt.Fprint(c.err, gateText(s, told.plan, o))
	if c.inIsTerminal && !yes && !c.confirm("approve this?") {
		return errors.New("not approved: nothing was sent")
	}
	return c.give(ctx, svc, t, o)
}

// gateText shows what a vote is about.
func gateText(s rollout.Status, p rollout.Plan, o order) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s, run %s\n  %s, %s\n", s.Target, orElse(s.RunID, o.RunID), releases(s), where(s))
	if text := waiting(s, o.At); text != "" {
		fmt.Fprintf(&b, "  waiting for %s\n", text)
	}
	switch {
	case s.WaitingFor != rollout.WaitingForApproval && s.WaitingUntil == nil:
		b.WriteString("  nothing waits for an approval at present\n")
	case o.Step > len(p.Steps) && len(p.Steps) > 0:
		fmt.Fprintf(&b, "  approve: promotion: 100%% to %s%s\n", s.Candidate, ownedBy(p.PromoteOwner))
		gateAsked(&b, p.Promote)
	case o.Step > 0 && len(p.Steps) > 0:
		step := p.Steps[o.Step-1]
		fmt.Fprintf(&b, "  approve: step %d of %d: %s to %s, bake %s%s\n", o.Step, len(p.Steps), step.Audience(), s.Candidate, step.Bake, ownedBy(step.Owner))
		gatesAsked(&b, step)
	}
	if s.Asked != nil && s.Asked.Step == o.Step {
		fmt.Fprintf(&b, "  votes: %s\n", votes(*s.Asked))
	}
	for _, c := range s.Concerns {
		fmt.Fprintf(&b, "  concern of %s\n", oneLine(concern(c)))
	}
	fmt.Fprintf(&b, "  plan %s\n", orElse(s.PlanDigest, o.Digest))
	fmt.Fprint(&b, bindsAnother(s, o))
	b.WriteString(checkTable(s.Checks, style{}))
	return b.String()
}

// votes says how the votes stand, and for which approval where two are asked.
func votes(a rollout.Asked) string {
	if a.By == "" {
		return a.Tally
	}
	return fmt.Sprintf("%s, for what the %s asks", a.Tally, a.By)
}

// bindsAnother says what the vote is bound to and the rollout has not: it will be
// denied.
func bindsAnother(s rollout.Status, o order) string {
	text := ""
	if s.RunID != "" && o.RunID != s.RunID {
		text += fmt.Sprintf("  your vote is for run %s: another one\n", o.RunID)
	}
	if s.PlanDigest != "" && o.Digest != s.PlanDigest {
		text += fmt.Sprintf("  your vote is for plan %s: another one\n", o.Digest)
	}
	return text
}

// gatesAsked says who is asked before a step: what the environment asks comes
// first where the step has its own.
func gatesAsked(b *strings.Builder, s rollout.PlannedStep) {
	if s.PolicyApprove != nil {
		fmt.Fprintf(b, "  asked first, as the environment wants: %s\n", asked(s.PolicyApprove))
	}
	gateAsked(b, s.Approve)
}

func gateAsked(b *strings.Builder, a *rollout.Approval) {
	if text := asked(a); text != "" {
		fmt.Fprintf(b, "  asked: %s\n", text)
	}
}

// confirm asks a person; anything but yes is no.
func (c *cli) confirm(question string) bool {
	fmt.Fprint(c.err, question+" [y/N] ")
	line, _ := bufio.NewReader(c.in).ReadString('\n') // the end of input is no
	word := strings.ToLower(strings.TrimSpace(line))
	return word == "y" || word == "yes"
}

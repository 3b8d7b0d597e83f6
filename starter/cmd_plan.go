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
	"bakeoff/rollout/specfile"
)

func (c *cli) planCommand() *cobra.Command {
	var by who
	timeout := durationFlag{rollout.Duration(30 * time.Second)}
	cmd := &cobra.Command{
		Use: "plan FILE", Short: "Show what a rollout would do, step by step, without doing it", Args: cobra.ExactArgs(1),
		Long: `Have a worker work out the rollout that FILE describes ("-" is standard input), and
show it: every step with its windows, every act and how it would be undone, what
would be refused, and how much the checks will see at the present traffic. Nothing
is changed anywhere.

Exit codes: 0 planned, 1 the command itself failed or no worker answers, 2 usage,
3 spec refused, 15 refused for now by policy.`,
		Example: "  bakeoff plan checkout.yaml\n  bakeoff plan checkout.yaml -o json | jq '.steps[].weight'",
		RunE: runs(func(ctx context.Context, args []string) error {
			from, err := c.read(args[0])
			if err != nil {
				return err
			}
			if err := c.refuse(wrong(from), from); err != nil {
				return err
			}
			svc, err := c.connect(ctx)
			if err != nil {
				return err
			}
			defer svc.Close()
			planning, cancel := context.WithTimeout(ctx, timeout.Std())
			defer cancel()
			err = c.plan(planning, svc, by, from)
			if errors.Is(err, errNoWorker) {
				return fmt.Errorf("%w: none answered within %s; does bakeoff-worker serve the queue %s?", err, timeout.Duration, rollout.QueueInfra)
			}
			return err
		}),
	}
	by.flags(cmd)
	cmd.Flags().Var(&timeout, "timeout", "wait no longer than this for a worker")
	return cmd
}

// plan has a file planned and prints what came of it.
func (c *cli) plan(ctx context.Context, svc service, by who, from source) error {
	if specfile.IsFleet(from.text) {
		return c.planFleet(ctx, svc, by, from)
	}
	spec, _ := parse(from)
	admitted, err := svc.Plan(ctx, c.planID(spec.Key().String()), rollout.Order{Spec: spec, Actor: c.actor(by), Reason: by.reason}, true)
	if err != nil {
		return fmt.Errorf("plan %s: %w", spec.Key(), err)
	}
	return c.planned(admitted, from)
}

// unplanned tells why there is no plan.
func (c *cli) unplanned(cause rollout.Cause, problems []rollout.Problem, from source) error {
	problems = specfile.Locate(from.name, from.text, problems)
	c.explain(problems, from)
	if c.json() {
		if err := c.print(map[string]any{"cause": cause, "problems": problems}); err != nil {
			return err
		}
	}
	if cause == rollout.CauseSpec {
		return exit(exitSpec)
	}
	return fail(exitRefused, "refused (%s)", cause)
}

func (c *cli) planned(a admission, from source) error {
	if a.Cause != "" {
		return c.unplanned(a.Cause, a.Problems, from)
	}
	if c.json() {
		return c.print(struct {
			rollout.Plan
			Foresight []rollout.Foresight `json:"foresight"`
			Unseen    string              `json:"unseen,omitempty"`
			Closed    *rollout.Closure    `json:"closed,omitempty"`
			Ahead     string              `json:"ahead,omitempty"`
		}{a.Plan, append([]rollout.Foresight{}, a.Foresight...), a.Unseen, a.Closed, a.Ahead})
	}
	_, err := io.WriteString(c.out, planText(a.Plan)+foresightText(a)+closedText(a))
	return err
}

// closedText says what closes the target, now or next.
func closedText(a admission) string {
	text := ""
	if a.Closed != nil {
		text = fmt.Sprintf("\nclosed now: %s; a start is refused unless --wait\n", a.Closed.Reason)
	}
	if a.Ahead != "" {
		text += fmt.Sprintf("\nahead: %s\n", a.Ahead)
	}
	return text
}

// foresightText says what the checks will see.
func foresightText(a admission) string {
	var b strings.Builder
	b.WriteString("\nwhat the checks will see, at the traffic of the baseline now\n")
	step := 0
	for _, f := range a.Foresight {
		name := ""
		if f.Step != step {
			name = fmt.Sprintf("step %d", f.Step)
		}
		step = f.Step
		fmt.Fprintf(&b, "  %-8s %s\n", name, f)
	}
	if len(a.Foresight) == 0 {
		fmt.Fprintf(&b, "  not known: %s\n", orElse(a.Unseen, "no check compares counted requests that could be read"))
	}
	return b.String()
}

// planText is the plan for people.
func planText(p rollout.Plan) string {
	var b strings.Builder
	fmt.Fprintf(&b, "%s: %s in %s\n", p.Target, p.Candidate, count(len(p.Steps), "step"))
	if a := p.Spec.Strategy.Adaptive; a != nil {
		fmt.Fprintf(&b, "\nadaptive: the evidence chooses the weights from %s to %s, so that it costs at most %s\n"+
			"beyond the baseline's; each is baked for %s at least. The fastest way:\n", a.From, a.To, a.RiskBudget, a.MinBake)
	}
	for _, s := range p.Steps {
		stepText(&b, s)
	}
	kept := p.KeepBaseline.String()
	if s := p.Spec.Schedule; s != nil {
		fmt.Fprintf(&b, "\nschedule: users may have %s %s\n", p.Candidate, s)
		if end := s.End(); !end.IsZero() {
			kept = "until " + rollout.Clock(end) + ", when everything goes back"
		}
	}
	fmt.Fprintf(&b, "\npromotion: 100%%, baseline kept %s%s\n", kept, ownedBy(p.PromoteOwner))
	gateAsked(&b, p.Promote)
	b.WriteString("\nacts, each with how it is undone\n")
	for _, a := range p.Acts {
		fmt.Fprintf(&b, "  %-16s %s\n", a.ID, a.Text)
		if a.Compensation != nil {
			fmt.Fprintf(&b, "  %-16s   undone by: %s\n", "", a.Compensation.Text)
		}
	}
	b.WriteString("\nchecks\n")
	for _, check := range p.Spec.Checks {
		fmt.Fprintf(&b, "  %-16s %s%s\n", check.Name, judgeOf(check), advisory(!check.IsGating()))
	}
	b.WriteString(concernsText(p.Spec.Policy.Concerns))
	fmt.Fprintf(&b, "\nat most %d events of history and %d actions; deadline %s\n", p.Events, p.Actions, p.Spec.Deadline)
	for _, w := range p.Warnings {
		fmt.Fprintf(&b, "warning: %s\n", w)
	}
	fmt.Fprintf(&b, "digest %s\n", p.Digest)
	return b.String()
}

// concernsText says what people's concerns lead to; "" nothing.
func concernsText(c rollout.Concerns) string {
	text := ""
	if c.Hold > 0 {
		text += fmt.Sprintf("  %-16s hold the end of a bake\n", fmt.Sprintf("from %d on", c.Hold))
	}
	if c.Rollback > 0 {
		text += fmt.Sprintf("  %-16s put the baseline back\n", fmt.Sprintf("from %d on", c.Rollback))
	}
	if text != "" {
		text = "\npeople who are concerned\n" + text
	}
	return text
}

func stepText(b *strings.Builder, s rollout.PlannedStep) {
	fmt.Fprintf(b, "\nstep %d: %s, bake %s%s\n", s.Number, s.Audience(), s.Bake, ownedBy(s.Owner))
	gatesAsked(b, s)
	fmt.Fprintf(b, "  windows: %s; warm-up %s, polled every %s, trouble counts after %s\n", windows(s.Windows), s.WarmUp, s.Poll, s.Grace)
	switch {
	case s.Apart:
		b.WriteString("  only absolute checks decide: those who meet the candidate are no fair share of the users\n")
	case s.Absolute:
		b.WriteString("  only absolute checks decide\n")
	}
}

// ownedBy says who answers for a step, if that is said.
func ownedBy(owner string) string {
	if owner == "" {
		return ""
	}
	return ", answered for by " + owner
}

// windows lists lengths, the long tail of equal ones counted.
func windows(lengths []rollout.Duration) string {
	var parts []string
	for i := 0; i < len(lengths); {
		n := 1
		for i+n < len(lengths) && lengths[i+n] == lengths[i] {
			n++
		}
		if n > 2 {
			parts = append(parts, fmt.Sprintf("%d × %s", n, lengths[i]))
			i += n
			continue
		}
		parts = append(parts, lengths[i].String())
		i++
	}
	return strings.Join(parts, ", ")
}

func judgeOf(c rollout.Check) string {
	switch j := c.Judge; {
	case j == nil:
		return ""
	case j.RateRatio != nil:
		return "rateRatio"
	case j.TailLadder != nil:
		return "tailLadder"
	case j.SLORate != nil:
		return "sloRate " + j.SLORate.Objective
	case j.Threshold != nil:
		return strings.TrimSpace("threshold " + j.Threshold.Success)
	case j.Points != nil:
		return fmt.Sprintf("points, %s is harm, one each %s", orElse(j.Points.Direction, "increase"), j.Points.Step)
	case j.BurnRate != nil:
		return "burnRate " + j.BurnRate.Objective + burnWindows(j.BurnRate.Windows)
	case j.MeanCS != nil:
		return fmt.Sprintf("meanCs, one value each %s", j.MeanCS.Step)
	}
	return ""
}

func burnWindows(pairs []rollout.BurnWindows) string {
	text := ""
	for _, w := range pairs {
		text += fmt.Sprintf(", %s/%s ×%v", w.Long, w.Short, w.Factor)
	}
	return text
}

package main

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"os"

	"github.com/spf13/cobra"

	"bakeoff/analysis"
)

// judgeFlags are the flags of judge.
type judgeFlags struct {
	require      string
	all, skipBad bool
	kayenta      string // a canary config instead of CHECKS
	baseline     string // windows of another run that take the baseline's place
}

const judgeHelp = `Judge recorded windows without any server: to tune checks, to review an incident, or
to prove a recorded decision. CHECKS is a whole spec, or a list "checks:" as in a
spec, with "policy:", "bounds:", "placebo:" or "arms:" beside it if needed. Windows
are JSON lines, from a file or standard input:

  {"series":"a","check":"errors","start":0,"end":10,
   "baseline":{"requests":900,"failures":9},"candidate":{"requests":100,"failures":2}}

If several candidates are tried at once, each line names its candidate ("arm"),
CHECKS names them all (arms: [b, c]), and they share α.

The output is JSON lines, one for each series, arm and check: a Fail as soon as it is
reached, every other verdict at the end of input. With several checks there is one
more line, "check":"*", for all of them together. Its score says how many points of
100 have passed, by weight and by group; it never decides. A check without any window
is NoData.

With --baseline, the candidate's numbers from another run take the place of the
baseline, the n-th window beside the n-th: those of the release before, from its own
rollout, or of a frozen baseline.

The windows that a worker keeps of a rollout, judged with the rollout's spec, give
the same verdicts as the rollout's history.

With --kayenta, CHECKS is a canary config of Kayenta, and each line of the input holds
all values of one metric; null and "NaN" are missing values:

  {"metric":"errors","experiment":[0.4,0.5,null],"control":[0.4,0.3,0.6]}

The output is then one line for each metric, one for each group and a "summary": what
Kayenta's judge would say, including its known faults, with warnings that name them.

Exit codes: 0 judged, whatever the verdict, 1 the command itself failed, 2 usage,
3 CHECKS or the canary config is refused, or a line is not a window.`

func (c *cli) judgeCommand() *cobra.Command {
	var f judgeFlags
	cmd := &cobra.Command{
		Use: "judge CHECKS [WINDOWS.jsonl]", Short: "Judge recorded windows offline",
		Args: func(cmd *cobra.Command, args []string) error {
			if f.kayenta != "" {
				return cobra.MaximumNArgs(1)(cmd, args)
			}
			return cobra.RangeArgs(1, 2)(cmd, args)
		},
		Long:    judgeHelp,
		Example: "  bakeoff judge checks.yaml < windows.jsonl\n  bakeoff judge checkout.yaml windows.jsonl --require nonInferior --all\n  bakeoff judge checkout.yaml windows.jsonl --baseline before.jsonl\n  bakeoff judge --kayenta canary.json < points.jsonl",
		RunE: runs(func(ctx context.Context, args []string) error {
			if f.kayenta != "" {
				return c.kayenta(ctx, f.kayenta, args)
			}
			return c.judge(ctx, args, f)
		}),
	}
	cmd.Flags().StringVar(&f.require, "require", "", "noHarm or nonInferior (default policy.require, else noHarm)")
	cmd.Flags().BoolVar(&f.all, "all", false, "a line for every folded window, too")
	cmd.Flags().StringVar(&f.kayenta, "kayenta", "", "canary config of Kayenta to judge by, as Kayenta would")
	cmd.Flags().StringVar(&f.baseline, "baseline", "", "windows of another run, of the release before or a frozen baseline, to compare with")
	cmd.Flags().BoolVar(&f.skipBad, "skip-bad", false, "count lines that are not windows, and go on")
	return cmd
}

func (c *cli) judge(ctx context.Context, args []string, f judgeFlags) error {
	switch f.require {
	case "", analysis.RequireNoHarm, analysis.RequireNonInferior:
	default:
		return fail(exitUsage, "--require %q is neither noHarm nor nonInferior", f.require)
	}
	from, err := c.read(args[0])
	if err != nil {
		return err
	}
	rules, err := c.rules(from)
	if err != nil {
		return err
	}
	rules.require = orElse(f.require, rules.require)
	windows := c.in
	if len(args) == 2 {
		opened, err := os.Open(args[1])
		if err != nil {
			return fmt.Errorf("read windows: %w", err)
		}
		defer opened.Close()
		windows = opened
	}
	out := bufio.NewWriterSize(c.out, 1<<16)
	court := newCourt(rules, out, f.all)
	if court.against, err = readAgainst(f.baseline); err != nil {
		return err
	}
	err = c.fold(ctx, court, windows, f.skipBad)
	if err == nil {
		err = court.close()
	}
	if court.refused > 0 {
		fmt.Fprintf(c.err, "the judge refused %s; the first: %v\n", count(court.refused, "window"), court.why)
	}
	return errors.Join(err, out.Flush())
}

// longestLine bounds one window as it was recorded.
const longestLine = 1 << 20

// fold hands every window of the input to the court.
func (c *cli) fold(ctx context.Context, court *court, windows io.Reader, skipBad bool) error {
	lines := bufio.NewScanner(windows)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	number, bad := 0, 0
	for lines.Scan() {
		number++
		if number%4096 == 0 && ctx.Err() != nil {
			return fail(exitInterrupted, "interrupted at line %d", number)
		}
		if len(lines.Bytes()) == 0 {
			continue
		}
		w, err := analysis.DecodeWindow(lines.Bytes())
		if err != nil && skipBad {
			bad++
			continue
		}
		if err != nil {
			return fail(exitSpec, "line %d: %w", number, err)
		}
		if err := court.hear(w); err != nil {
			return fmt.Errorf("line %d: %w", number, err)
		}
	}
	if bad > 0 {
		fmt.Fprintf(c.err, "skipped %s\n", count(bad, "line"))
	}
	if court.unknown > 0 {
		fmt.Fprintf(c.err, "left out %s of checks that CHECKS does not name\n", count(court.unknown, "window"))
	}
	if errors.Is(lines.Err(), bufio.ErrTooLong) {
		return fail(exitSpec, "line %d: longer than %d bytes: not a window", number+1, longestLine)
	}
	if err := lines.Err(); err != nil {
		return fmt.Errorf("read windows after line %d: %w", number, err)
	}
	return nil
}

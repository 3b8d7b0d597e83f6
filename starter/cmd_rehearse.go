package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// rehearsing is what was typed of a rehearsal.
type rehearsing struct {
	who
	detach, stop bool
	unschedule   bool
	wait         bool
	timeout      durationFlag
	when         timetable
}

func (c *cli) rehearseCommand() *cobra.Command {
	var by rehearsing
	cmd := &cobra.Command{
		Use: "rehearse FILE|NAME", Short: "Practise a release and its rollback, and measure how that went", Args: cobra.ExactArgs(1),
		Long: `Run the rehearsal (kind: Rehearsal) or the suite of rehearsals (kind: RehearsalSuite)
that FILE describes, and wait for its end. A rehearsal makes load and faults, and
drills the rollback; each drill is a rollout like any other. Everything it changes is
put back. What was measured is kept as evidence, with a report: see "bakeoff report".

With --schedule it is repeated instead, by a Temporal Schedule; the same command again
changes the schedule, and --unschedule removes it. What is refused for now is not
scheduled, except while the line is stopped or faults are blocked: then it is, with a
warning. --stop stops the running one: load and faults end at once, and its rollouts
put their baseline back.

--stop, --wait and --unschedule also take a NAME, as shown by "bakeoff list
--rehearsals": environment/name, or suite/name.

Exit codes: 0 passed, 1 the command itself failed, 2 usage, 3 the manifest is
refused, 10 it did not pass, 11 stopped, 14 something could not be put back,
15 refused for now, 20 still running when --timeout ended, 130 interrupted.`,
		Example: `  bakeoff rehearse checkout-rehearsal.yaml --reason "before the sale"
  bakeoff rehearse weekly.yaml --schedule "0 6 * * MON" --zone Europe/Berlin
  bakeoff rehearse weekly.yaml --unschedule
  bakeoff rehearse checkout-rehearsal.yaml --stop --reason "staging is needed"
  bakeoff rehearse staging/checkout-2.5.0 --stop --reason "staging is needed"`,
		PreRunE: func(*cobra.Command, []string) error { return by.check() },
		RunE:    runs(func(ctx context.Context, args []string) error { return c.rehearse(ctx, args[0], by) }),
	}
	by.flags(cmd)
	cmd.Flags().BoolVar(&by.detach, "detach", false, "return once it is started")
	cmd.Flags().BoolVar(&by.wait, "wait", false, "if it runs already, wait for its end; with a NAME, wait for the running or last one")
	cmd.Flags().BoolVar(&by.stop, "stop", false, "stop the running one; needs --reason")
	cmd.Flags().Var(&by.timeout, "timeout", "wait no longer than this; the rehearsal goes on (exit 20)")
	cmd.Flags().StringVar(&by.when.cron, "schedule", "", "repeat it by this `cron` expression, such as \"0 6 * * MON\"")
	cmd.Flags().BoolVar(&by.unschedule, "unschedule", false, "remove its schedule")
	cmd.Flags().StringVar(&by.when.zone, "zone", "", "time zone of --schedule (default UTC)")
	cmd.Flags().StringVar(&by.when.overlap, "overlap", "skip", "what to do if one still runs when the next is due: skip, buffer, cancel or allow")
	return cmd
}

func (r rehearsing) check() error {
	switch _, known := overlaps[r.when.overlap]; {
	case !known:
		return fmt.Errorf("--overlap: %q is not one of skip, buffer, cancel, allow", r.when.overlap)
	case r.when.zone != "" && r.when.cron == "":
		return errors.New("--zone needs --schedule")
	case r.stop && strings.TrimSpace(r.reason) == "":
		return errors.New("--stop needs --reason: it goes into the audit trail")
	case r.stop && (r.detach || r.when.cron != "" || r.unschedule):
		return errors.New("--stop cannot go with --detach, --schedule or --unschedule")
	case r.unschedule && (r.detach || r.when.cron != ""):
		return errors.New("--unschedule cannot go with --detach or --schedule")
	case r.wait && (r.detach || r.stop || r.unschedule || r.when.cron != ""):
		return errors.New("--wait cannot go with --detach, --stop, --schedule or --unschedule")
	case r.sign != "":
		return errors.New("--sign: rehearsals cannot be signed; where the policy wants a signed start, they are refused")
	}
	return nil
}

// rehearse reads the file and does what was asked.
func (c *cli) rehearse(ctx context.Context, file string, by rehearsing) error {
	if id := by.named(file); id != "" {
		return c.rehearsalNamed(ctx, id, by)
	}
	from, err := c.read(file)
	if err != nil {
		return err
	}
	b, suite, problems := c.beginning(from, by)
	if err := c.refuse(problems, from); err != nil {
		return err
	}
	svc, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer svc.Close()
	switch {
	case by.stop:
		return c.haltRehearsal(ctx, svc, b, by, suite)
	case by.unschedule:
		return c.unscheduleRehearsal(ctx, svc, b)
	case by.when.cron != "":
		if err := c.foreseeRehearsal(ctx, svc, b, from); err != nil {
			return err
		}
		return c.scheduleRehearsal(ctx, svc, b, by)
	}
	begun, err := svc.Begin(ctx, b)
	switch {
	case errors.Is(err, errBusy) && by.wait:
		return c.seeRehearsal(ctx, svc, run{WorkflowID: orElse(begun.WorkflowID, b.id), RunID: begun.RunID}, by.timeout.Std(), suite)
	case errors.Is(err, errBusy):
		return c.unseen(rehearsalNote{WorkflowID: b.id, Note: "runs already"}, fail(exitRefused, "%s runs already: wait for its end, or stop it with --stop", b.id))
	case err != nil:
		return fmt.Errorf("start %s: %w", b.id, err)
	}
	if by.detach {
		link := c.link(begun)
		return c.note(rehearsalNote{WorkflowID: begun.WorkflowID, RunID: begun.RunID, UIURL: link}, begun.WorkflowID+"\n"+link)
	}
	return c.seeRehearsal(ctx, svc, begun, by.timeout.Std(), suite)
}

// beginning is what starts a file's rehearsal or suite, and what is wrong with it.
func (c *cli) beginning(from source, by rehearsing) (b beginning, suite bool, problems []rollout.Problem) {
	if specfile.Kind(from.text) == rehearsal.SuiteKind {
		s, problems := c.parseSuite(from)
		return beginning{rollout.SuiteID(s.Name), rehearsal.SuiteType, fmt.Sprintf("suite %s: %d rehearsals", s.Name, len(s.Rehearsals)),
			rehearsal.SuiteOrder{Actor: c.actor(by.who), Reason: by.reason, Suite: s}}, true, problems
	}
	m, problems := c.parseManifest(from)
	return beginning{rollout.RehearsalID(m.Environment, m.Name), rehearsal.WorkflowType, fmt.Sprintf("rehearse %s in %s", m.Name, m.Environment),
		rehearsal.Order{Actor: c.actor(by.who), Reason: by.reason, Manifest: m}}, false, problems
}

// rehearsalNote is the answer where no end is waited for.
type rehearsalNote struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId,omitempty"`
	UIURL      string `json:"uiUrl,omitempty"`
	Schedule   string `json:"schedule,omitempty"` // its id
	Note       string `json:"note,omitempty"`
}

// note prints such an answer, or the text that says the same.
func (c *cli) note(n rehearsalNote, text string) error {
	if c.json() {
		return c.print(n)
	}
	_, err := fmt.Fprintln(c.out, text)
	return err
}

// unseen tells programs why no end was seen, and returns the error.
func (c *cli) unseen(n rehearsalNote, err error) error {
	if !c.json() {
		return err
	}
	if failed := c.print(n); failed != nil {
		return failed
	}
	return err
}

// haltRehearsal stops the one that runs, and waits until everything is back.
func (c *cli) haltRehearsal(ctx context.Context, svc service, b beginning, by rehearsing, suite bool) error {
	r, err := svc.Halt(ctx, b.id, rehearsal.Stop{ID: c.newID(), Actor: c.actor(by.who), Reason: by.reason})
	switch {
	case errors.Is(err, errNotFound), errors.Is(err, errOver):
		return c.note(rehearsalNote{WorkflowID: b.id, Note: "nothing runs"}, b.id+": nothing runs")
	case err != nil:
		return fmt.Errorf("stop %s: %w", b.id, err)
	}
	err = c.seeRehearsal(ctx, svc, r, by.timeout.Std(), suite)
	var coded *exitError
	if errors.As(err, &coded) && coded.Code == exitAborted { // as ordered
		return nil
	}
	return err
}

// seeRehearsal waits for the end, with a line for each change, and prints the
// result.
func (c *cli) seeRehearsal(ctx context.Context, svc service, r run, timeout time.Duration, suite bool) error {
	waiting := ctx
	if timeout > 0 {
		var cancel context.CancelFunc
		waiting, cancel = context.WithTimeoutCause(ctx, timeout, errTimeout)
		defer cancel()
	}
	w := rehearsalWatch{cli: c, svc: svc, run: r, suite: suite}
	s, err := w.wait(waiting)
	goesOn := rehearsalNote{WorkflowID: r.WorkflowID, RunID: r.RunID, UIURL: c.link(r), Note: "goes on"}
	switch {
	case errors.Is(err, errTimeout):
		return c.unseen(goesOn, fail(exitTimeout, "%s goes on: --timeout is over", r.WorkflowID))
	case errors.Is(err, errInterrupted):
		return c.unseen(goesOn, fail(exitInterrupted, "detached: the rehearsal goes on\n  look at it again: bakeoff rehearse %[1]s --wait\n  stop it: bakeoff rehearse %[1]s --stop --reason …", nameOf(r.WorkflowID)))
	case isCutOff(err) && suite:
		return fail(exitNeedsHuman, "%s was ended from outside: those of its rehearsals that ran are stopped, and take back what they did: bakeoff list --rehearsals", r.WorkflowID)
	case isCutOff(err):
		var known rehearsal.Status
		if svc.Standing(ctx, r, &known) != nil {
			known = rehearsal.Status{}
		}
		return fail(exitNeedsHuman, "%s was ended from outside: %s", r.WorkflowID, afterCut(known))
	case err != nil:
		return fmt.Errorf("wait for %s: %w", r.WorkflowID, err)
	}
	s.UIURL = c.link(run{s.WorkflowID, s.RunID})
	if err := c.rehearsed(s, suite); err != nil {
		return err
	}
	return exit(rehearsalCode(s))
}

// rehearsalCode is the exit code of a suite, or of a rehearsal, which is a suite
// of one.
func rehearsalCode(s rehearsal.SuiteStatus) int {
	code := exitOK
	if s.Outcome == evidence.Aborted {
		code = exitAborted
	}
	for _, r := range s.Rehearsals {
		switch {
		case len(r.Left) > 0:
			return exitNeedsHuman
		case code == exitAborted:
			continue
		case r.Outcome == evidence.Refused && r.Cause == rollout.CauseSpec:
			code = exitSpec
		case r.Outcome == evidence.Refused && code == exitOK:
			code = exitRefused
		}
	}
	if code != exitOK || s.Outcome == evidence.Passed {
		return code
	}
	return exitRolledBack
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"text/tabwriter"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
)

// rehearsalWatch waits for a rehearsal or a suite. One rehearsal is shown as a
// suite of one.
type rehearsalWatch struct {
	cli   *cli
	svc   service
	run   run
	suite bool
	said  map[string]string // rehearsal, or a trouble of it → the line that was said last
}

// wait returns the result when it is there.
func (w *rehearsalWatch) wait(ctx context.Context) (rehearsal.SuiteStatus, error) {
	type result struct {
		status rehearsal.SuiteStatus
		err    error
	}
	w.said = map[string]string{}
	ended := make(chan result, 1)
	go func() {
		s, err := w.fetch(ctx, w.svc.Outcome)
		for ctx.Err() == nil && retryable(err) { // the server was away
			pause(ctx, w.cli.poll)
			s, err = w.fetch(ctx, w.svc.Outcome)
		}
		ended <- result{s, err}
	}()
	if link := w.cli.link(w.run); link != "" {
		w.say("watching %s: %s", w.run.WorkflowID, link)
	}
	for {
		asking, cancel := context.WithTimeout(ctx, answerWithin)
		if s, err := w.fetch(asking, w.svc.Standing); err == nil {
			w.look(asking, s)
			w.show(s)
			w.trouble(asking, s)
		}
		cancel()
		select {
		case r := <-ended:
			if ctx.Err() != nil {
				return r.status, reason(ctx)
			}
			w.show(r.status)
			return r.status, r.err
		case <-ctx.Done():
			return rehearsal.SuiteStatus{}, reason(ctx)
		case <-time.After(w.cli.poll):
		}
	}
}

// fetch asks for a status.
func (w *rehearsalWatch) fetch(ctx context.Context, ask func(context.Context, run, any) error) (rehearsal.SuiteStatus, error) {
	var s rehearsal.SuiteStatus
	if w.suite {
		return s, ask(ctx, w.run, &s)
	}
	var one rehearsal.Status
	err := ask(ctx, w.run, &one)
	return suiteOf(one), err
}

// look has the running members of a suite say themselves what they do. Where one
// does not answer, or has just ended, the suite's word stands.
func (w *rehearsalWatch) look(ctx context.Context, s rehearsal.SuiteStatus) {
	for i := range s.Rehearsals {
		r := &s.Rehearsals[i]
		if !w.suite || r.Phase != rehearsal.Practising {
			continue
		}
		var now rehearsal.Status
		if err := w.svc.Standing(ctx, run{WorkflowID: r.WorkflowID}, &now); err == nil && now.Phase != rehearsal.Completed {
			r.Phase, r.Doing = now.Phase, now.Doing
		}
	}
}

// suiteOf is one rehearsal as a suite.
func suiteOf(one rehearsal.Status) rehearsal.SuiteStatus {
	return rehearsal.SuiteStatus{Name: one.Name, Outcome: one.Outcome, Reason: one.Reason, Rehearsals: []rehearsal.Status{one},
		StartedBy: one.StartedBy, StartedAt: one.StartedAt, EndedAt: one.EndedAt, WorkflowID: one.WorkflowID, RunID: one.RunID}
}

// show says what has changed, in one line for each rehearsal.
func (w *rehearsalWatch) show(s rehearsal.SuiteStatus) {
	for _, r := range s.Rehearsals {
		line := strings.TrimSpace(fmt.Sprintf("%s: %s, %s", r.Name, r.Phase, r.Doing))
		switch r.Phase {
		case "":
			continue
		case rehearsal.Completed:
			line = fmt.Sprintf("%s: %s: %s", r.Name, r.Outcome, oneLine(r.Reason))
		}
		w.once(r.Name, strings.TrimSuffix(line, ","))
	}
}

func (w *rehearsalWatch) say(format string, args ...any) {
	fmt.Fprintf(w.cli.err, "%s %s\n", w.cli.now().UTC().Format(time.RFC3339), fmt.Sprintf(format, args...))
}

// rehearsed prints the result: of a rehearsal its status, of a suite that of all.
func (c *cli) rehearsed(s rehearsal.SuiteStatus, suite bool) error {
	if c.json() {
		if suite {
			return c.print(s)
		}
		s.Rehearsals[0].UIURL = s.UIURL
		return c.print(s.Rehearsals[0])
	}
	st := c.style(c.outIsTerminal)
	if suite {
		fmt.Fprintf(c.out, "suite %s: %s\n  %s\n\n", s.Name, st.paint(mood(string(s.Outcome)), string(s.Outcome)), s.Reason)
	}
	var failed error
	for _, r := range s.Rehearsals {
		failed = errors.Join(failed, writeRehearsal(c.out, r, st))
	}
	if s.UIURL != "" {
		fmt.Fprintf(c.out, "history  %s\n", s.UIURL)
	}
	return failed
}

// writeRehearsal writes the result of one rehearsal for people.
func writeRehearsal(out io.Writer, r rehearsal.Status, st style) error {
	what := st.paint(mood(string(r.Outcome)), string(r.Outcome))
	if r.Negative {
		what += " (negative control)"
	}
	if r.Phase == "" {
		what = "not begun"
	}
	fmt.Fprintf(out, "%s in %s: %s\n", r.Name, r.Environment, what)
	told := slices.ContainsFunc(r.Criteria, func(c evidence.Criterion) bool { return strings.HasPrefix(r.Reason, c.Name+": ") })
	if r.Reason != "" && !told && (len(r.Criteria) == 0 || r.Outcome != evidence.Passed) {
		fmt.Fprintf(out, "  %s\n", oneLine(r.Reason))
	}
	for _, p := range r.Problems {
		fmt.Fprintf(out, "  problem  %s\n", p)
	}
	w := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, criterion := range r.Criteria {
		fmt.Fprintf(w, "  %s\t%s\t%s\n", criterion.Outcome, criterion.Name, oneLine(criterion.Reason))
	}
	if err := w.Flush(); err != nil {
		return err
	}
	if r.Restore != nil {
		fmt.Fprintf(out, "  time to restore  %s\n", report.Bound(*r.Restore))
	}
	for _, left := range r.Left {
		fmt.Fprintf(out, "  left behind  %s\n", left)
	}
	if r.Place != "" {
		fmt.Fprintf(out, "  report   bakeoff report %s\n", r.Place)
	}
	return nil
}

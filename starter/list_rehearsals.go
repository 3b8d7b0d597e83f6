package main

import (
	"context"
	"fmt"
	"strings"
	"text/tabwriter"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// The kinds of what list tells of practice.
const (
	kindRehearsal = "rehearsal"
	kindSuite     = "suite"
	kindSchedule  = "schedule"
)

// practiceLine is one rehearsal, or suite, as list tells it.
type practiceLine struct {
	Kind       string           `json:"kind"` // rehearsal | suite
	Name       string           `json:"name"` // as rehearse --stop takes it
	Target     string           `json:"target,omitempty"`
	WorkflowID string           `json:"workflowId"`
	RunID      string           `json:"runId"`
	Phase      rehearsal.Phase  `json:"phase"` // Practising or Completed of a suite, and where no worker answers
	Doing      string           `json:"doing,omitempty"`
	Outcome    evidence.Outcome `json:"outcome"` // "" while it runs; Control: a negative control's
	Reason     string           `json:"reason,omitempty"`
	Drills     int              `json:"drills,omitempty"`
	Planned    int              `json:"planned,omitempty"` // drills; while it runs
	StartedAt  time.Time        `json:"startedAt"`
	EndedAt    *time.Time       `json:"endedAt,omitempty"`
	UIURL      string           `json:"uiUrl,omitempty"`
}

// repeated is one schedule as list tells it.
type repeated struct {
	Kind     string     `json:"kind"` // schedule
	Name     string     `json:"name"` // of what it repeats
	Schedule string     `json:"schedule"`
	Next     *time.Time `json:"next,omitempty"`
	Paused   bool       `json:"paused"`
	Note     string     `json:"note,omitempty"`
}

// listPractice lists rehearsals and suites, running ones first, and schedules. A
// suite has no environment of its own: it is listed with every one.
func (c *cli) listPractice(ctx context.Context, svc service, environment string, limit int) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	if !c.json() {
		fmt.Fprintln(table, "NAME\tPHASE\tDRILLS\tSTARTED\tTOOK")
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	n := 0
	for e, err := range svc.List(ctx, practiceTypes) {
		if err != nil {
			return fmt.Errorf("list rehearsals: %w", err)
		}
		p := c.practised(ctx, asking, svc, e)
		if environment != "" && p.Kind == kindRehearsal && !strings.HasPrefix(p.Name, environment+"/") {
			continue
		}
		if n++; limit > 0 && n > limit {
			break
		}
		if !c.json() {
			fmt.Fprintln(table, c.practiceRow(p))
		} else if err := c.print(p); err != nil {
			return err
		}
	}
	if err := table.Flush(); err != nil {
		return err
	}
	return c.listSchedules(ctx, svc, environment)
}

// practised asks the worker of one that runs where it stands, as long as asking
// goes on, and what a suite came to, of which visibility knows nothing.
func (c *cli) practised(ctx, asking context.Context, svc service, e execution) practiceLine {
	p := practiceLine{Kind: kindRehearsal, Name: nameOf(e.WorkflowID), Target: e.Target, WorkflowID: e.WorkflowID, RunID: e.RunID,
		Phase: rehearsal.Practising, Drills: e.Step, StartedAt: e.Started, EndedAt: e.Closed, UIURL: c.link(e.run)}
	isSuite := strings.HasPrefix(e.WorkflowID, suitePrefix)
	if isSuite {
		p.Kind, p.Name = kindSuite, rehearsalOf(e.WorkflowID)
	}
	if !e.open() {
		p.Phase, p.Outcome = rehearsal.Completed, evidence.Outcome(e.Outcome)
	}
	var one rehearsal.Status
	var all rehearsal.SuiteStatus
	switch {
	case e.cutOff():
		p.Reason = "it was ended from outside"
	case isSuite && !e.open() && svc.Outcome(ctx, e.run, &all) == nil:
		p.Outcome, p.Reason = all.Outcome, all.Reason
	case !isSuite && e.open() && svc.Standing(asking, e.run, &one) == nil:
		p.Phase, p.Doing, p.Drills, p.Planned = one.Phase, one.Doing, one.Drills, one.Planned
	}
	return p
}

func (c *cli) practiceRow(p practiceLine) string {
	until, state, drills := c.now(), orElse(string(p.Outcome), string(p.Phase)), ""
	if p.EndedAt != nil {
		until = *p.EndedAt
	}
	if p.Doing != "" {
		state += ", " + oneLine(p.Doing)
	}
	if p.Planned > 0 {
		drills = fmt.Sprintf("%d of %d", p.Drills, p.Planned)
	} else if p.Kind == kindRehearsal {
		drills = fmt.Sprint(p.Drills)
	}
	return strings.Join([]string{p.Name, state, drills, p.StartedAt.UTC().Format("2006-01-02 15:04:05Z"), brief(until.Sub(p.StartedAt))}, "\t")
}

func (c *cli) listSchedules(ctx context.Context, svc service, environment string) error {
	table := tabwriter.NewWriter(c.out, 0, 0, 2, ' ', 0)
	isFirst := true
	for s, err := range svc.Schedules(ctx) {
		if err != nil {
			return fmt.Errorf("list schedules: %w", err)
		}
		r := repeated{Kind: kindSchedule, Name: nameOf(strings.TrimPrefix(s.id, schedulePrefix)), Schedule: s.id, Paused: s.paused, Note: s.note}
		if environment != "" && !strings.HasPrefix(r.Name, environment+"/") && !strings.HasPrefix(r.Name, suitePrefix) {
			continue
		}
		next := "never"
		if !s.next.IsZero() {
			r.Next, next = &s.next, s.next.UTC().Format("2006-01-02 15:04:05Z")
		}
		if s.paused {
			r.Next, next = nil, strings.TrimSuffix("paused: "+oneLine(s.note), ": ")
		}
		if c.json() {
			if err := c.print(r); err != nil {
				return err
			}
			continue
		}
		if isFirst {
			fmt.Fprintln(table, "\nSCHEDULE\tNEXT")
			isFirst = false
		}
		fmt.Fprintf(table, "%s\t%s\n", r.Name, next)
	}
	return table.Flush()
}

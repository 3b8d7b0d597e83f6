package main

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"regexp"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// rehearsals starts rehearsals and suites, and looks after them.
type rehearsals interface {
	// Latest finds the run of an id that goes on, or else the one that ended last,
	// whoever started it: a person, a suite or a schedule; errNotFound if Temporal
	// remembers none.
	Latest(ctx context.Context, id string) (execution, error)
	// Begin starts one; errBusy if one with that id runs.
	Begin(ctx context.Context, b beginning) (run, error)
	// Standing decodes where a run stands into the status that is pointed to.
	Standing(ctx context.Context, r run, status any) error
	// Outcome waits for the end, and decodes the result as Standing does.
	Outcome(ctx context.Context, r run, status any) error
	// Halt stops the one that goes on; errOver if none does, errNotFound if Temporal
	// remembers none.
	Halt(ctx context.Context, id string, s rehearsal.Stop) (run, error)
}

// schedules repeats rehearsals.
type schedules interface {
	// Schedule makes or changes a schedule; errTimetable if its times are wrong, or
	// never come.
	Schedule(ctx context.Context, b beginning, when timetable) error
	// Unschedule removes a schedule; errNotFound if there is none.
	Unschedule(ctx context.Context, id string) error
	// Schedules yields the schedules that this command made.
	Schedules(ctx context.Context) iter.Seq2[schedule, error]
}

// schedule is a schedule as Temporal lists it.
type schedule struct {
	id, note string
	paused   bool
	next     time.Time // zero: never, or nobody knows
}

// errTimetable is a timetable by which nothing would ever begin.
var errTimetable = errors.New("no such times")

// schedulePrefix is what the ids of schedules begin with; the id of what they
// start follows.
const schedulePrefix = "schedule/"

// beginning is a rehearsal, or a suite, to be started.
type beginning struct {
	id, workflow, summary string
	input                 any
}

// timetable says when a rehearsal is repeated.
type timetable struct {
	cron, zone string
	overlap    string // skip (default), buffer, cancel or allow
	reason     string
}

func (b beginning) options() client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID: b.id, TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second, StaticSummary: b.summary,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowExecutionErrorWhenAlreadyStarted: true,
	}
}

func (s *server) Begin(ctx context.Context, b beginning) (run, error) {
	if scheduled, err := s.scheduled(ctx, b.id); err != nil || scheduled.WorkflowID != "" {
		return scheduled, errors.Join(err, errBusy)
	}
	begun, err := s.client.ExecuteWorkflow(ctx, b.options(), b.workflow, b.input)
	if err != nil {
		return run{}, classify(err)
	}
	return run{begun.GetID(), begun.GetRunID()}, nil
}

func (s *server) Standing(ctx context.Context, r run, status any) error {
	value, err := s.client.QueryWorkflow(ctx, r.WorkflowID, r.RunID, rehearsal.StatusQuery)
	if err != nil {
		return classify(err)
	}
	return value.Get(status)
}

func (s *server) Outcome(ctx context.Context, r run, status any) error {
	return classify(s.client.GetWorkflow(ctx, r.WorkflowID, r.RunID).Get(ctx, status))
}

func (s *server) Halt(ctx context.Context, id string, stop rehearsal.Stop) (run, error) {
	e, err := s.Latest(ctx, id)
	if err != nil {
		return e.run, err
	}
	if !e.open() {
		return e.run, errOver
	}
	return e.run, classify(s.client.SignalWorkflow(ctx, e.WorkflowID, e.RunID, rehearsal.SignalStop, stop))
}

// Latest asks visibility last, which is behind: for what ended, and for what a
// schedule has begun that is not there any more.
func (s *server) Latest(ctx context.Context, id string) (execution, error) {
	scheduled, err := s.scheduled(ctx, id)
	if err != nil {
		return execution{}, err
	}
	known, err := s.Describe(ctx, run{orElse(scheduled.WorkflowID, id), scheduled.RunID})
	if err == nil && known.open() {
		return known, nil
	}
	if err != nil && !errors.Is(err, errNotFound) {
		return known, err
	}
	for e, failed := range s.List(ctx, fmt.Sprintf("%s AND WorkflowId STARTS_WITH '%s'", practiceTypes, id)) {
		if failed != nil {
			return execution{}, fmt.Errorf("look for runs of %s: %w", id, failed)
		}
		if rehearsalOf(e.WorkflowID) == id {
			return e, nil
		}
	}
	return known, err
}

// isCutOff reports whether a workflow was ended from outside.
func isCutOff(err error) bool {
	var terminated *temporal.TerminatedError
	var late *temporal.TimeoutError
	return errors.As(err, &terminated) || errors.As(err, &late)
}

// scheduledAt is how the ids end of what a schedule has started.
var scheduledAt = regexp.MustCompile(`-\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$`)

// rehearsalOf is the id of a rehearsal, whoever started it.
func rehearsalOf(workflowID string) string { return scheduledAt.ReplaceAllString(workflowID, "") }

// scheduled is the run that the schedule of an id has started, and that goes on;
// the zero value where there is none. Temporal gives such runs an id of their own,
// which ends in their time.
func (s *server) scheduled(ctx context.Context, id string) (run, error) {
	d, err := s.client.ScheduleClient().GetHandle(ctx, scheduleOf(id)).Describe(ctx)
	switch err = classify(err); {
	case errors.Is(err, errNotFound):
		return run{}, nil
	case err != nil:
		return run{}, fmt.Errorf("look at %s: %w", scheduleOf(id), err)
	}
	for _, w := range d.Info.RunningWorkflows {
		return run{w.WorkflowID, w.FirstExecutionRunID}, nil
	}
	return run{}, nil
}

// scheduleOf is the id of the schedule of a rehearsal, or a suite.
func scheduleOf(id string) string { return schedulePrefix + id }

// overlaps are what may happen when one still runs as the next is due.
var overlaps = map[string]enumspb.ScheduleOverlapPolicy{
	"skip": enumspb.SCHEDULE_OVERLAP_POLICY_SKIP, "buffer": enumspb.SCHEDULE_OVERLAP_POLICY_BUFFER_ONE,
	"cancel": enumspb.SCHEDULE_OVERLAP_POLICY_CANCEL_OTHER, "allow": enumspb.SCHEDULE_OVERLAP_POLICY_ALLOW_ALL,
}

// Schedule creates the schedule of a rehearsal, or changes the one that is there.
// A run that cannot complete pauses it.
func (s *server) Schedule(ctx context.Context, b beginning, when timetable) error {
	o := client.ScheduleOptions{
		ID: scheduleOf(b.id), Spec: client.ScheduleSpec{CronExpressions: []string{when.cron}, TimeZoneName: when.zone},
		Action:  &client.ScheduleWorkflowAction{ID: b.id, Workflow: b.workflow, Args: []any{b.input}, TaskQueue: rollout.QueueControl, WorkflowTaskTimeout: 2 * time.Second},
		Overlap: overlaps[when.overlap], PauseOnFailure: true, CatchupWindow: 10 * time.Minute, Note: when.reason,
	}
	handle, err := s.client.ScheduleClient().Create(ctx, o)
	undo := func() error { return handle.Delete(ctx) }
	if errors.Is(err, temporal.ErrScheduleAlreadyRunning) {
		handle = s.client.ScheduleClient().GetHandle(ctx, o.ID)
		undo, err = change(ctx, handle, o)
	}
	var invalid *serviceerror.InvalidArgument
	switch {
	case errors.As(err, &invalid):
		return fmt.Errorf("%w: %s", errTimetable, invalid.Error())
	case err != nil:
		return classify(err)
	}
	d, err := handle.Describe(ctx)
	if err != nil {
		return fmt.Errorf("look at schedule %s: %w", o.ID, classify(err))
	}
	if len(d.Info.NextActionTimes) == 0 {
		return errors.Join(fmt.Errorf("%w: %q never comes", errTimetable, when.cron), undo())
	}
	return nil
}

// change makes another schedule of one, and returns what makes that undone.
func change(ctx context.Context, handle client.ScheduleHandle, o client.ScheduleOptions) (undo func() error, err error) {
	var before client.Schedule
	err = handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(in client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
		before = in.Description.Schedule
		next := before
		next.Spec, next.Action = &o.Spec, o.Action
		next.Policy = &client.SchedulePolicies{Overlap: o.Overlap, CatchupWindow: o.CatchupWindow, PauseOnFailure: true}
		return &client.ScheduleUpdate{Schedule: &next}, nil
	}})
	return func() error {
		return handle.Update(ctx, client.ScheduleUpdateOptions{DoUpdate: func(client.ScheduleUpdateInput) (*client.ScheduleUpdate, error) {
			return &client.ScheduleUpdate{Schedule: &before}, nil
		}})
	}, err
}

func (s *server) Unschedule(ctx context.Context, id string) error {
	return classify(s.client.ScheduleClient().GetHandle(ctx, scheduleOf(id)).Delete(ctx))
}

func (s *server) Schedules(ctx context.Context) iter.Seq2[schedule, error] {
	return func(yield func(schedule, error) bool) {
		all, err := s.client.ScheduleClient().List(ctx, client.ScheduleListOptions{})
		for err == nil && all.HasNext() {
			var e *client.ScheduleListEntry
			if e, err = all.Next(); err == nil && strings.HasPrefix(e.ID, schedulePrefix) && !yield(scheduleFrom(e), nil) {
				return
			}
		}
		if err != nil {
			yield(schedule{}, classify(err))
		}
	}
}

func scheduleFrom(e *client.ScheduleListEntry) schedule {
	s := schedule{id: e.ID, note: e.Note, paused: e.Paused}
	if len(e.NextActionTimes) > 0 {
		s.next = e.NextActionTimes[0]
	}
	return s
}

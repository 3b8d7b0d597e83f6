package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// answerWithin is how long a worker has to answer a query before the rollout
// is looked at without it.
const answerWithin = 3 * time.Second

// latest finds the running or last run of a target: of its rollout or, where
// that runs or is the newer one, of its service's fleet.
func latest(ctx context.Context, svc service, t rollout.Target) (execution, error) {
	e, err := svc.Describe(ctx, runOf(t))
	if t.Unit == "" && (err == nil || errors.Is(err, errNotFound)) {
		if f, none := svc.Describe(ctx, run{WorkflowID: rollout.FleetID(t)}); none == nil && (err != nil || f.isNewer(e) || e.isRefusedDuring(f)) {
			e, err = f, nil
		}
	}
	switch {
	case errors.Is(err, errNotFound):
		return e, fmt.Errorf("find a rollout of %s: %w: none has run that Temporal still remembers", t, err)
	case err != nil:
		return e, fmt.Errorf("look for a rollout of %s: %w", t, err)
	}
	e.Target = orElse(e.Target, t.String())
	return e, nil
}

// standing says where a run stands: from its result once it is over, else from
// its worker, else, marked as stale, from its history.
func standing(ctx context.Context, svc service, e execution) (rollout.Status, error) {
	if !e.open() {
		return ending(ctx, svc, e)
	}
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	s, err := svc.Query(asking, e.run)
	if err == nil {
		return withUnits(asking, svc, e.upToDate(unfinished(s))), nil
	}
	if ctx.Err() != nil {
		return s, ctx.Err()
	}
	told, err := readStory(svc.Converter(), e.run, svc.Events(ctx, e.run))
	if err != nil {
		return s, err
	}
	return e.upToDate(told.status), nil
}

// upToDate adds what a worker does not say of a run: what is being tried again,
// and where the checks stand within the window that is open.
func (e execution) upToDate(s rollout.Status) rollout.Status {
	s.Retrying = e.Retrying
	s.Checks = slices.Clone(s.Checks)
	for _, c := range e.Checks {
		if c.Verdict == rollout.NoData && c.Windows == 0 {
			continue // it has only begun, or warms up: whether data are missing is said at its end
		}
		i := slices.IndexFunc(s.Checks, func(known rollout.CheckResult) bool { return known.Name == c.Name })
		if i < 0 {
			s.Checks = append(s.Checks, c)
			continue
		}
		s.Checks[i] = c
	}
	return s
}

// ending reads the result of a run that is over. What a run that was cut off
// does not say is read from its history, and of a fleet from its units: they may still
// be on their way back.
func ending(ctx context.Context, svc service, e execution) (rollout.Status, error) {
	last, err := svc.End(ctx, e.run)
	if err != nil {
		return rollout.Status{}, fmt.Errorf("read the result of %s: %w", e.WorkflowID, err)
	}
	s, _, err := resultOf(svc.Converter(), last)
	if err != nil {
		return s, err
	}
	if s.Target == "" {
		told, err := readStory(svc.Converter(), e.run, svc.Events(ctx, e.run))
		if err != nil {
			return s, err
		}
		if rollout.IsFleetID(e.WorkflowID) {
			told.status.Reason = strings.TrimSuffix(s.Reason, nothingPutBack)
			return lostFleet(ctx, svc, told.status, last.GetEventType() == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_TERMINATED)
		}
		if back, found := restoreOf(ctx, svc, e.run); found && s.Outcome == rollout.Failed {
			told.status.Weight, told.status.Reason = 0, told.status.Reason+sinceRestored(back, told.status.Candidate)
		}
		return told.status, nil
	}
	return retimed(ctx, svc, e.run, complete(s, e.status())), nil
}

// unfinished leaves out an outcome that is decided but not reached: until a
// rollout is completed it may still fail to tidy up.
func unfinished(s rollout.Status) rollout.Status {
	if s.Phase != rollout.PhaseCompleted {
		s.Outcome = ""
	}
	return s
}

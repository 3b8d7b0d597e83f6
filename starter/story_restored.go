package main

import (
	"context"
	"fmt"
	"slices"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// restoredBy tells of a break-glass restore, and what it came to.
func (s *orderStory) restoredBy(e *historypb.HistoryEvent, a *historypb.WorkflowExecutionSignaledEventAttributes) error {
	var r rollout.Restored
	if err := s.decode(a.GetInput(), &r); err != nil {
		return err
	}
	s.command(e, r.Command, senderOf(e, a))
	line := &s.lines[len(s.lines)-1]
	line.Data["runId"] = r.RunID
	if r.Problem != "" {
		line.Text, line.Data["problem"] = line.Text+"; not all was put back: "+r.Problem, r.Problem
		return nil
	}
	s.answer(len(s.lines)-1, rollout.Answer{Answer: rollout.Accepted, Why: "traffic is back on " + r.Baseline})
	back := *line
	back.Kind = rollout.EventTrafficRestored
	back.Text = fmt.Sprintf("traffic is back on %s, put there without the workflow by %s: %s", r.Baseline, rollout.NameOf(r.Command.Actor), r.Command.Reason)
	s.back[r.RunID] = back
	return nil
}

// inOrder puts the lines in the order of their times: what came without the workflow has
// its place between what the workflow did.
func (s *story) inOrder() {
	slices.SortStableFunc(s.lines, func(a, b rollout.Event) int { return a.Time.Compare(b.Time) })
	for i := range s.lines {
		s.lines[i].Seq = i + 1
	}
}

// sinceRestored is what a restore adds to how a rollout was cut off. It moves users, and
// removes nothing.
func sinceRestored(back rollout.Event, candidate string) string {
	return fmt.Sprintf("; since then %s; nothing was removed: %s may still be deployed", back.Text, orElse(candidate, "the candidate"))
}

// restoreOf finds the restore that put back what a run had changed, as the Target
// has it on record. Where that cannot be read, none is known.
func restoreOf(ctx context.Context, svc service, r run) (rollout.Event, bool) {
	t, err := rollout.ParseTarget(targetOf(r))
	if err != nil {
		return rollout.Event{}, false
	}
	e, err := svc.Describe(ctx, above(t))
	if err != nil {
		return rollout.Event{}, false
	}
	told, err := readOrders(ctx, svc, svc.Converter(), e.run)
	if err != nil {
		return rollout.Event{}, false
	}
	back, found := told.back[r.RunID]
	return back, found
}

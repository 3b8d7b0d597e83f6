package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"bakeoff/rollout"
)

// terminateActor is who ends what is terminated.
const terminateActor = "temporal:terminate"

// lostUnit is where a unit of a fleet that was cut off stands, as its own rollout
// tells it.
type lostUnit struct {
	rollout.UnitStatus
	ended time.Time // when its rollout did; zero: it is open, or never began
	back  bool      // it Failed, and what it had changed was put back since, or replaced

	restored bool // by a break-glass restore, which removes nothing
}

// needsPerson reports whether a unit does not come back by itself.
func (u lostUnit) needsPerson() bool {
	return u.Phase == rollout.PhaseNeedsHuman || u.Outcome == rollout.Failed && !u.back
}

// lostUnits asks the units' own rollouts where they stand. The fleet cannot know it:
// Temporal cancels them when it is cut off.
func lostUnits(ctx context.Context, svc service, fleet run, known []rollout.UnitStatus) ([]lostUnit, error) {
	units := make([]lostUnit, len(known))
	var group errgroup.Group
	group.SetLimit(asksAtOnce)
	for i, u := range known {
		group.Go(func() (err error) {
			units[i], err = lostUnitOf(ctx, svc, fleet, u)
			return err
		})
	}
	return units, group.Wait()
}

func lostUnitOf(ctx context.Context, svc service, fleet run, known rollout.UnitStatus) (lostUnit, error) {
	u := lostUnit{UnitStatus: known}
	e, err := unitRun(ctx, svc, fleet, known)
	if errors.Is(err, errNotFound) {
		if u.RunID != "" && u.Outcome == "" {
			u.Phase, u.Outcome, u.Kept, u.Reason = rollout.PhaseCompleted, rollout.Failed, false, "what became of its rollout is not kept any more: look at the router"
		}
		return u, nil
	}
	if err != nil {
		return u, fmt.Errorf("look at %s: %w", known.Target, err)
	}
	u.RunID, u.Weight = e.RunID, e.Weight
	if e.open() {
		u.Phase, u.Outcome, u.Reason = e.status().Phase, "", "cancelled with its fleet"
		if u.Phase == rollout.PhaseNeedsHuman {
			u.Reason = "something could not be put back: bakeoff status " + u.Target
		}
		return u, nil
	}
	last, err := svc.End(ctx, e.run)
	if err != nil {
		return u, fmt.Errorf("read the result of %s: %w", u.Target, err)
	}
	s, _, err := resultOf(svc.Converter(), last)
	if err != nil {
		return u, fmt.Errorf("%s: %w", u.Target, err)
	}
	u.Phase, u.Outcome, u.Cause, u.Reason, u.Kept = rollout.PhaseCompleted, s.Outcome, s.Cause, s.Reason, false
	if s.EndedAt != nil {
		u.ended = *s.EndedAt
	}
	switch u.Outcome {
	case rollout.Promoted:
		u.Weight = rollout.All
	case rollout.Failed:
		err = u.putBack(ctx, svc, e)
	default:
		u.Weight = s.Weight
	}
	return u, err
}

// unitRun finds the last rollout that a fleet started of a unit: also one that the
// fleet's history does not tell of, because it ends before. errNotFound: there is none.
func unitRun(ctx context.Context, svc reads, fleet run, u rollout.UnitStatus) (execution, error) {
	id := rollout.WorkflowIDOf(u.Target)
	e, err := svc.Describe(ctx, run{WorkflowID: id})
	if err != nil || e.Parent == fleet {
		return e, err
	}
	if u.RunID == "" {
		return e, errNotFound
	}
	return svc.Describe(ctx, run{id, u.RunID})
}

// putBack notes whether somebody took care of what a unit's rollout left, and else
// says what to do.
func (u *lostUnit) putBack(ctx context.Context, svc service, e execution) error {
	if back, restored := restoreOf(ctx, svc, e.run); restored {
		u.back, u.restored, u.Weight, u.Reason = true, true, 0, u.Reason+sinceRestored(back, e.Candidate)
		return nil
	}
	last, err := lastBegun(ctx, svc, e.run)
	if err != nil {
		return err
	}
	if u.back = last.RunID != e.RunID; u.back {
		u.Reason += "; another rollout came after it"
		return nil
	}
	u.Reason += "; bakeoff restore " + u.Target + " --reason …"
	return nil
}

// lostSum is what the units of a fleet that was cut off come to.
type lostSum struct {
	under, promoted, human []string // targets: on their way back, promoted for good, not back
	restored               []string // targets: put back by a break-glass restore
	served                 int      // had the release before
	begun                  bool     // one of them had
	all                    int
}

// lostFleet is where a fleet stands that was cut off: where its units do. It is not
// over while one of them is on its way. What is told of it has as its reason what ended
// it; terminated says that a person did.
func lostFleet(ctx context.Context, svc service, told rollout.Status, terminated bool) (rollout.Status, error) {
	units, err := lostUnits(ctx, svc, run{told.WorkflowID, told.RunID}, told.Units)
	if err != nil {
		return told, err
	}
	sum, weight := lostSum{all: len(units)}, rollout.Weight(0)
	told.Units = nil
	for _, u := range units {
		sum.add(u)
		told.Units = append(told.Units, u.UnitStatus)
		weight += u.Weight
		if told.EndedAt != nil && u.ended.After(*told.EndedAt) {
			told.EndedAt = &u.ended
		}
	}
	if len(units) > 0 {
		told.Weight = weight / rollout.Weight(len(units))
	}
	return sum.conclude(told, terminated), nil
}

func (s *lostSum) add(u lostUnit) {
	s.begun = s.begun || u.RunID != ""
	if u.RunID != "" && u.Outcome == "" {
		s.under = append(s.under, u.Target)
	}
	switch {
	case u.needsPerson():
		s.human = append(s.human, u.Target)
	case u.Outcome == rollout.Promoted:
		s.promoted = append(s.promoted, u.Target)
	case u.Cause == rollout.CauseServing:
		s.served++
	case u.restored:
		s.restored = append(s.restored, u.Target)
	}
}

// conclude says what that means for the fleet.
func (s lostSum) conclude(told rollout.Status, terminated bool) rollout.Status {
	how := told.Reason
	told.Phase, told.Outcome = rollout.PhaseCompleted, rollout.Failed
	switch {
	case len(s.human) > 0:
		told.Reason = how + "; not back: " + shown(s.human) + ": bakeoff restore " + s.human[0] + " --reason …"
		if len(s.under) > 0 {
			told.Phase = rollout.PhaseNeedsHuman
		}
	case len(s.under) > 0:
		told.Phase = rollout.PhaseRollingBack
		told.Reason = how + "; its units go back by themselves, still on their way: " + shown(s.under)
	case s.begun && len(s.promoted)+s.served == s.all:
		told.Outcome, told.Reason = rollout.Promoted, how+"; all units were promoted by then"
	case len(s.promoted) > 0:
		told.Reason = how + "; promoted for good by then: " + shown(s.promoted) + ": bakeoff rollback " + s.promoted[0] + " --reason …"
	default:
		told.Outcome, told.Cause = rollout.RolledBack, rollout.CauseLost
		if terminated {
			told.Outcome, told.Cause, told.Actor = rollout.Aborted, "", terminateActor
		}
		told.Reason = how + "; no unit had begun"
		if s.begun {
			told.Reason = how + "; every unit that had begun is back"
		}
	}
	if len(s.restored) > 0 {
		told.Reason += "; put back by bakeoff restore, which removed nothing: " + shown(s.restored)
	}
	if told.Phase != rollout.PhaseCompleted {
		told.Outcome, told.EndedAt = "", nil
	}
	return told
}

// abortLostFleet answers an abort of a fleet that was cut off: Temporal has cancelled its
// units, and this waits until they are back.
func (c *cli) abortLostFleet(ctx context.Context, svc service, e execution, o order) error {
	if o.noWait {
		now, err := ending(ctx, svc, e)
		if err != nil {
			return err
		}
		return c.lostFleetAnswered(o, now)
	}
	waiting, cancel := bounded(ctx, o.timeout.Std())
	defer cancel()
	w := watch{svc: svc, run: e.run, poll: c.poll, view: c.newView()}
	s, err := w.wait(waiting)
	switch {
	case errors.Is(err, errTimeout):
		return fail(exitFailed, "abort %s: its units are not all back within %s; they go on going back\n  watch them: bakeoff wait %[1]s", targetOf(e.run), o.timeout)
	case errors.Is(err, errInterrupted):
		return c.detached(e.run)
	case err != nil:
		return err
	}
	return c.lostFleetAnswered(o, s)
}

// lostFleetAnswered prints where the units of a fleet stand that was cut off. One that
// does not come back needs a human.
func (c *cli) lostFleetAnswered(o order, s rollout.Status) error {
	if err := c.answered(o, rollout.Answer{Answer: rollout.Noop, Why: "it was cut off: " + s.Reason, Status: s}); err != nil {
		return err
	}
	if s.Outcome == rollout.Failed {
		return fail(exitNeedsHuman, "%s", s.Reason)
	}
	return nil
}

// restoreFleet says which units to restore: a fleet has no traffic of its own.
func (c *cli) restoreFleet(ctx context.Context, svc service, t rollout.Target, e execution, o order) error {
	answer := rollout.Answer{Answer: rollout.Denied, Why: "a fleet has no traffic of its own: restore its units, such as " + t.String() + "/UNIT", Status: e.status()}
	if !e.cutOff() {
		return c.answered(o, answer)
	}
	s, err := ending(ctx, svc, e)
	if err != nil {
		return err
	}
	answer.Why, answer.Status = answer.Why+"; "+s.Reason, s
	if s.Outcome != "" && s.Outcome != rollout.Failed {
		answer.Answer, answer.Why = rollout.Noop, s.Reason
	}
	return c.answered(o, answer)
}

// tellLostUnits tells how units ended after their fleet was cut off, as their own
// rollouts do.
func (s *story) tellLostUnits(ctx context.Context, svc service) error {
	if !s.fleet || !s.cutOff {
		return nil
	}
	units, err := lostUnits(ctx, svc, run{s.status.WorkflowID, s.status.RunID}, s.status.Units)
	if err != nil {
		return err
	}
	slices.SortStableFunc(units, func(a, b lostUnit) int { return a.ended.Compare(b.ended) })
	for _, u := range units {
		if u.ended.Before(*s.status.EndedAt) {
			continue
		}
		line := unitEndedLine(u.UnitStatus)
		line.Seq, line.Time = len(s.lines)+1, u.ended
		s.lines = append(s.lines, line)
	}
	return nil
}

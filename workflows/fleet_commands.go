package workflows

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// listen answers queries, hears units, and obeys operators. Everything is
// registered before the first act.
func (f *fleet) listen() error {
	if err := workflow.SetQueryHandler(f.ctx, rollout.StatusQuery, func() (rollout.Status, error) { return f.status, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(f.ctx, rollout.PlanQuery, func() (rollout.FleetPlan, error) { return f.plan, nil }); err != nil {
		return err
	}
	if err := workflow.SetQueryHandler(f.ctx, rollout.LeaveQuery, f.leave); err != nil {
		return err
	}
	for _, name := range rollout.Commands() {
		handler := func(ctx workflow.Context, c rollout.Command) (rollout.Answer, error) {
			c.Name = name
			return f.answer(ctx, identified(ctx, c)), nil
		}
		if err := workflow.SetUpdateHandler(f.ctx, name, handler); err != nil {
			return err
		}
	}
	f.hearUnits()
	hearWitnesses(f.ctx)
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		signals := workflow.GetSignalChannel(ctx, rollout.CommandAbort)
		for {
			_ = workflow.Await(ctx, func() bool { return signals.Len() > 0 || f.root.Err() != nil && !f.isCancelled() })
			f.heed()
		}
	})
	return nil
}

// heed obeys the aborts that have come: before anything that came with them
// begins a unit.
func (f *fleet) heed() {
	takeAll(f.ctx, workflow.GetSignalChannel(f.ctx, rollout.CommandAbort), unreadAbort(), func(c rollout.Command) {
		c.Name = rollout.CommandAbort
		f.once(c, f.abort)
	})
	if f.root.Err() != nil {
		f.once(rollout.Command{ID: cancelActor, Name: rollout.CommandAbort, Actor: cancelActor, Reason: "the workflow was cancelled"}, f.abort)
	}
}

// isCancelled reports whether a cancel has been obeyed.
func (f *fleet) isCancelled() bool {
	_, seen := f.seen[cancelActor]
	return seen
}

// once obeys a command unless it was obeyed before: the same id is the same
// order, and never another one. Under older workers it was answered as the first.
func (f *fleet) once(c rollout.Command, obey func(rollout.Command) rollout.Answer) rollout.Answer {
	if before, known := f.seen[c.ID]; known && c.ID != "" && !before.isNew(f.ctx, c) {
		if before.command.Name != c.Name && workflow.GetVersion(f.ctx, "one-id-one-command", workflow.DefaultVersion, 1) < 1 {
			return before.answer
		}
		if why := before.denies(f.ctx, c); why != "" {
			return denied("%s", why)
		}
		return before.answer
	}
	answer := obey(c)
	f.seen[c.ID] = answered{c, answer}
	countCommand(f.ctx, c.Name, answer.Answer)
	if answer.Answer == rollout.Denied {
		f.notify(ofDenied(c, answer.Why))
	}
	return answer
}

// answer obeys and says where the fleet stands after it. An abort is answered
// when every unit has its baseline back.
func (f *fleet) answer(ctx workflow.Context, c rollout.Command) rollout.Answer {
	var answer rollout.Answer
	switch {
	case isNobodys(ctx, c):
		answer = denied(sayWhy)
	case c.RunID != "" && c.RunID != f.status.RunID:
		answer = denied("the command is for another run: %s", c.RunID)
	default:
		answer = f.once(c, f.authorized(ctx, c))
	}
	if c.Name == rollout.CommandAbort && answer.Answer != rollout.Denied {
		detached, _ := workflow.NewDisconnectedContext(ctx)
		_ = workflow.Await(detached, func() bool {
			return f.restored || f.ended || f.beyond || f.status.Phase == rollout.PhaseNeedsHuman
		})
	}
	answer.Status = f.status
	answer.Status.Units = slices.Clone(f.status.Units)
	return answer
}

// authorized is how a command is obeyed. What passes on to units is asked of
// the rules in force; an abort asks the plan, and what is for one unit is denied.
func (f *fleet) authorized(ctx workflow.Context, c rollout.Command) func(rollout.Command) rollout.Answer {
	if _, known := f.seen[c.ID]; known || c.Name == rollout.CommandAbort {
		return f.abort
	}
	obey := map[string]func(rollout.Command) rollout.Answer{rollout.CommandPause: f.onPause, rollout.CommandResume: f.onResume}[c.Name]
	if obey == nil {
		return f.onUnitsOwn
	}
	if why := f.forbids(ctx, c); why != "" {
		return func(rollout.Command) rollout.Answer { return denied("%s", why) }
	}
	return obey
}

// forbids says why a command may not be given; "" when it may.
func (f *fleet) forbids(ctx workflow.Context, c rollout.Command) string {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	in := activities.AuthorizeInput{Environment: f.order.Spec.Environment, Target: f.status.Target, StartedBy: f.status.StartedBy}
	if out := authorize(detached, f.act("authorize."+c.Name, mayAct(c)), c, in); !out.Allowed {
		return out.Why
	}
	return ""
}

func (f *fleet) abort(c rollout.Command) rollout.Answer {
	switch {
	case !mayAbort(f.plan.Abort, c.Actor):
		return denied("%s may not abort: that is for %s", rollout.NameOf(c.Actor), strings.Join(f.plan.Abort, ", "))
	case f.beyond:
		return noop("the fleet is decided already: going back is a rollout of its own")
	case f.ended:
		return noop("already over: %s", f.status.Outcome)
	case f.back != nil && f.scope == rollout.OnFailureAll:
		return noop("already going back: %s", f.back.reason)
	}
	f.turn(setback{outcome: rollout.Aborted, actor: c.Actor, command: c.ID, said: c.Reason, reason: "aborted by " + c.Said()}, rollout.OnFailureAll)
	f.prove(c)
	return accepted("")
}

func (f *fleet) onPause(c rollout.Command) rollout.Answer {
	switch {
	case !f.isGoing():
		return denied("the fleet is %s", f.status.Phase)
	case f.status.Paused:
		return noop("it is paused already")
	}
	f.status.Paused, f.pausedAt = true, workflow.Now(f.ctx)
	f.pass(rollout.SayPause, c)
	f.show(fmt.Sprintf("paused by %s: %s", c.Actor, c.Reason))
	f.escalate()
	return accepted("")
}

func (f *fleet) onResume(c rollout.Command) rollout.Answer {
	switch {
	case !f.isGoing() && !f.status.Paused: // units that do not go back may still be
		return denied("the fleet is %s", f.status.Phase)
	case !f.status.Paused:
		return noop("it is not paused")
	}
	f.paused += max(workflow.Now(f.ctx).Sub(f.pausedAt), time.Duration(0))
	f.status.Paused = false
	f.pass(rollout.SayResume, c)
	f.show(fmt.Sprintf("resumed by %s: %s", c.Actor, c.Reason))
	return accepted("")
}

// pass hands an order on to every unit that is under way, and does not go back.
func (f *fleet) pass(say string, c rollout.Command) {
	under := slices.DeleteFunc(slices.Clone(f.units), func(u *unit) bool {
		return u.child == nil || u.over || u.kept || f.back != nil && f.isBack(u)
	})
	f.tell(under, rollout.Word{Say: say, Command: c})
}

// onUnitsOwn denies what only one unit can be told, and says how to tell it: the first
// that needs a person, or else is under way.
func (f *fleet) onUnitsOwn(c rollout.Command) rollout.Answer {
	example := f.status.Target + "/UNIT"
	for _, u := range slices.Backward(f.units) {
		if u.child != nil && !u.over {
			example = u.Target
		}
	}
	for _, u := range slices.Backward(f.status.Units) {
		if u.Phase == rollout.PhaseNeedsHuman {
			example = u.Target
		}
	}
	return denied("%s is for one unit: bakeoff %s %s", c.Name, c.Name, example)
}

package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// Target stands above the rollouts of one target, from the first release on. It
// starts rollouts one at a time and keeps a queue of those that wait; it remembers
// which releases were good and which are in quarantine; and when a rollout is cut off
// from outside, it at once starts a recovery, which puts back what that had changed.
// It continues as a new run before its history gets long, and ends only when it is
// cancelled; a rollout that runs then goes on.
//
// Orders come in at target_submit.go, and begin and end in target_course.go.
func Target(ctx workflow.Context, known rollout.TargetStatus) error {
	t := newTarget(ctx, known)
	if err := t.listen(); err != nil {
		return err
	}
	t.resume()
	for ctx.Err() == nil {
		t.watchIdle()
		if err := workflow.Await(ctx, func() bool { return t.hasEnded() || t.isNext() || t.isSeen() || t.mayRenew() }); err != nil {
			break
		}
		switch {
		case t.isSeen():
			t.takeIdle()
		case t.hasEnded():
			t.takeEnd()
		case t.isNext():
			t.begin(t.shiftQueue())
		case !t.drain():
			return workflow.NewContinueAsNewError(ctx, Target, t.status)
		}
	}
	t.close()
	return workflow.Await(t.ctx, func() bool { return workflow.AllHandlersFinished(t.ctx) })
}

// close refuses the orders that had not begun when the Target was cancelled. Under
// older workers their givers waited for an answer, and the workflow's end for them.
func (t *target) close() {
	answered := t.deciding == 0 && workflow.AllHandlersFinished(t.ctx)
	if answered || workflow.GetVersion(t.ctx, "cancel-refuses-orders", workflow.DefaultVersion, 1) < 1 {
		return
	}
	t.closed, t.back = true, nil
	for _, f := range slices.Clone(t.status.Fates) {
		if f.Fate == rollout.FateStarting {
			t.unqueue(f.ID)
			t.refuse(f.ID, rollout.CauseRunning, cancelled)
		}
	}
}

// cancelled is why an order is refused that comes to a Target which nobody hears any more.
const cancelled = "the workflow that takes orders in was cancelled: give it again"

// target is one run of a Target.
type target struct {
	ctx    workflow.Context // disconnected: handlers answer after a cancel, too
	status rollout.TargetStatus

	course   workflow.Future  // of the running rollout: its end
	watched  bool             // course is a WatchRollout, not a child
	abort    *rollout.Command // came while the rollout was being started
	newer    *rollout.Command // the same, from a release that takes its place
	back     *rollout.Submit  // a way back that passes the queue, which stands
	idle     workflow.Future  // what is seen while nothing runs
	stopIdle workflow.CancelFunc
	closed   bool                       // it was cancelled: nothing begins any more
	obeyed   map[string]rollout.Command // by id, those of this run
	deciding int                        // orders and signalled aborts that are being looked at
	acts     int                        // counts activities, for their ids
	notices  int                        // counts what people are told, for their ids
	submits  workflow.ReceiveChannel
	aborts   workflow.ReceiveChannel
	adopts   workflow.ReceiveChannel

	withdraws workflow.ReceiveChannel
}

func newTarget(ctx workflow.Context, known rollout.TargetStatus) *target {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	t := &target{ctx: detached, status: known, obeyed: map[string]rollout.Command{}}
	t.submits = workflow.GetSignalChannel(t.ctx, rollout.CommandSubmit)
	t.aborts = workflow.GetSignalChannel(t.ctx, rollout.CommandAbort)
	t.adopts = workflow.GetSignalChannel(t.ctx, rollout.CommandAdopt)
	t.withdraws = workflow.GetSignalChannel(t.ctx, rollout.CommandWithdraw)
	t.describe()
	return t
}

// listen answers queries and takes orders, from the first task on.
func (t *target) listen() error {
	if err := workflow.SetQueryHandler(t.ctx, rollout.StatusQuery, func() (rollout.TargetStatus, error) { return t.status, nil }); err != nil {
		return err
	}
	later := func(rollout.Submit) error { return t.mayTake() }
	if err := workflow.SetUpdateHandlerWithOptions(t.ctx, rollout.CommandSubmit, t.onSubmit, workflow.UpdateHandlerOptions{Validator: later}); err != nil {
		return err
	}
	for _, u := range []struct {
		name string
		obey func(workflow.Context, rollout.Command) rollout.Answer
	}{
		{rollout.CommandAbort, t.onAbort},
		{rollout.CommandResume, t.onResume},
		{rollout.CommandRollback, t.onRollback},
		{rollout.CommandDrop, t.onDrop},
	} {
		handler := func(ctx workflow.Context, c rollout.Command) (rollout.Answer, error) {
			c.Name = u.name
			return t.answer(ctx, c, u.obey), nil
		}
		later := func(rollout.Command) error { return t.mayTake() }
		if err := workflow.SetUpdateHandlerWithOptions(t.ctx, u.name, handler, workflow.UpdateHandlerOptions{Validator: later}); err != nil {
			return err
		}
	}
	hearAll(t.ctx, t.submits, t.given)
	takeEvery(t.ctx, t.aborts, unreadAbort(), t.hear)
	hearAll(t.ctx, t.adopts, t.adopt)
	hearAll(t.ctx, t.withdraws, t.withdraw)
	hearWitnesses(t.ctx)
	return nil
}

// hearAll takes every signal of a channel.
func hearAll[T any](ctx workflow.Context, signals workflow.ReceiveChannel, take func(T)) {
	workflow.Go(ctx, func(ctx workflow.Context) {
		for {
			var signal T
			signals.Receive(ctx, &signal)
			take(signal)
		}
	})
}

// renewAfter is the length of history after which a Target goes on as a new
// run. Servers allow 2,000 updates in one run; one writes five events and more.
const renewAfter = 2000

// mayTake refuses commands for a moment when this run is about to end, or when its
// history is long and it could not end because somebody always waited for an answer.
// Nothing is written of it, and who asks again comes to the new run.
func (t *target) mayTake() error {
	if !t.closed && workflow.GetInfo(t.ctx).GetCurrentHistoryLength() < renewAfter+renewAfter/4 {
		return nil
	}
	return temporal.NewApplicationError("it goes on as a new run just now: ask again", rollout.ErrorRenewing)
}

// mayRenew reports whether the history is long, and nobody waits for an answer
// that a new run could not give.
func (t *target) mayRenew() bool {
	info := workflow.GetInfo(t.ctx)
	long := info.GetCurrentHistoryLength() >= renewAfter || info.GetContinueAsNewSuggested()
	return long && !t.isStarting() && t.deciding == 0 && workflow.AllHandlersFinished(t.ctx)
}

// drain takes the signals that have arrived but were not handled yet, because a new
// run would not get them. It reports whether there were any.
func (t *target) drain() bool {
	return hearOne(t.submits, t.given) || takeAll(t.ctx, t.aborts, unreadAbort(), t.hear) || hearOne(t.adopts, t.adopt) || hearOne(t.withdraws, t.withdraw)
}

func hearOne[T any](signals workflow.ReceiveChannel, take func(T)) bool {
	var signal T
	if !signals.ReceiveAsync(&signal) {
		return false
	}
	take(signal)
	return true
}

// act is a quick act of this run.
func (t *target) act(id, summary string) act {
	t.acts++
	return act{id: fmt.Sprintf("%s.%d", id, t.acts), summary: summary, queue: rollout.QueueInfra, limit: quickLimit}
}

// describe shows where the target stands at the top of the Temporal UI.
func (t *target) describe() {
	s := t.status
	text := fmt.Sprintf("**%s**", s.Target)
	if good, known := s.Serving(); known {
		text += fmt.Sprintf(": %s was promoted last, by %s", good.Release.Version, good.By)
	}
	switch r := s.Running; {
	case r == nil:
		text += "\n\nno rollout runs"
	case r.Lost != "":
		text += "\n\nputting back what a rollout that was cut off had changed"
	default:
		text += "\n\nrunning: " + orElse(r.Submit.Order.Spec.Release.Version, "a rollout that was not started here")
	}
	for _, owed := range s.Owed {
		text += fmt.Sprintf("\n\nwhat run %s had changed is put back when nobody holds the target", owed.Order.Recover)
	}
	for _, q := range s.Queue {
		text += fmt.Sprintf("\n- in the queue: %s, by %s, order %s", q.Order.Spec.Release.Version, rollout.NameOf(q.Order.Actor), q.Order.ID)
	}
	if s.Drift != "" {
		text += "\n\nchanged from outside: " + s.Drift
	}
	if s.Stands != "" {
		text += "\n\nthe queue stands until it is resumed: " + s.Stands
	}
	for _, q := range s.Quarantine {
		text += fmt.Sprintf("\n- in quarantine: %s (%s)", q.Version, q.Reason)
	}
	workflow.SetCurrentDetails(t.ctx, text)
}

func orElse[T ~string](s, other T) T {
	if s == "" {
		return other
	}
	return s
}

// isCutOff reports whether a rollout was ended from outside.
func isCutOff(err error) bool {
	return temporal.IsTerminatedError(err) || temporal.IsTimeoutError(err) || temporal.IsCanceledError(err) || temporal.IsPanicError(err)
}

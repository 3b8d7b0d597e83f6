package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// Target stands above the rollouts of one target, for as long as there is one.
// It takes releases in, one at a time; it knows what was good and what was
// refused; and a rollout that is cut off from outside is followed at once by
// one that puts back what it had changed. It goes on as a new run before its
// history gets long, and ends only when it is cancelled: what runs then runs on.
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

// close refuses what was not begun when the Target was cancelled: nobody begins it any
// more. Under older workers whoever had given it waited for an answer, and with them
// the end of the workflow.
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
	closed   bool // it was cancelled: nothing begins any more
	deciding int  // orders and signalled aborts that are being looked at
	acts     int  // counts activities, for their ids
	notices  int  // counts what people are told, for their ids
	submits  workflow.ReceiveChannel
	aborts   workflow.ReceiveChannel
	adopts   workflow.ReceiveChannel

	withdraws workflow.ReceiveChannel
}

func newTarget(ctx workflow.Context, known rollout.TargetStatus) *target {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	t := &target{ctx: detached, status: known}
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
	hearAll(t.ctx, t.aborts, t.hear)
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

// mayTake turns commands away for a moment when the history is long and there
// was always somebody who waited for an answer, or when this run is about to end.
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

// drain takes what has arrived and was not looked at yet. It reports whether
// there was anything: a new run would not get it.
func (t *target) drain() bool {
	return hearOne(t.submits, t.given) || hearOne(t.aborts, t.hear) || hearOne(t.adopts, t.adopt) || hearOne(t.withdraws, t.withdraw)
}

func hearOne[T any](signals workflow.ReceiveChannel, take func(T)) bool {
	var signal T
	if !signals.ReceiveAsync(&signal) {
		return false
	}
	take(signal)
	return true
}

// answer obeys a command once and says where the target stands.
func (t *target) answer(ctx workflow.Context, c rollout.Command, obey func(workflow.Context, rollout.Command) rollout.Answer) rollout.Answer {
	switch {
	case c.Actor == "" || c.Reason == "":
		return denied("say who gives the command, and why")
	case slices.Contains(t.status.Commands, noteOf(c)), slices.Contains(t.status.Commands, c.ID):
		return noop("this command was obeyed already")
	}
	if other := t.otherOf(c); other != "" {
		return denied("the id %s was that of %s: it cannot be %s, too", c.ID, other, c.Name)
	}
	if why := t.forbids(ctx, c); why != "" {
		return denied("%s", why)
	}
	t.note(c)
	return obey(ctx, c)
}

// noteOf is what is remembered of a command. Names have no spaces.
func noteOf(c rollout.Command) string { return c.Name + " " + c.ID }

// otherOf is the command that had the same id before; "" if there was none.
func (t *target) otherOf(c rollout.Command) string {
	for _, name := range []string{rollout.CommandAbort, rollout.CommandResume, rollout.CommandRollback} {
		if name != c.Name && slices.Contains(t.status.Commands, noteOf(rollout.Command{Name: name, ID: c.ID})) {
			return name
		}
	}
	return ""
}

// note remembers a command.
func (t *target) note(c rollout.Command) {
	t.status.Commands = append(t.status.Commands, noteOf(c))
	t.status.Commands = t.status.Commands[max(len(t.status.Commands)-rollout.MostFates, 0):]
}

// hear obeys an abort that came as a signal. Who may abort the rollout stands in
// its plan; who may not abort does not stop the queue either.
func (t *target) hear(c rollout.Command) {
	c.Name = rollout.CommandAbort
	t.passOn(c)
	t.deciding++
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		defer func() { t.deciding-- }()
		t.answer(ctx, c, t.onAbort)
	})
}

// passOn gives an abort to a rollout that is only being started: nobody else
// can reach it yet.
func (t *target) passOn(c rollout.Command) {
	if t.isStarting() && t.abort == nil {
		t.abort = &c
	}
}

// isStarting reports whether a rollout is being started.
func (t *target) isStarting() bool { return t.status.Running != nil && t.course == nil }

// onAbort stops the queue. The rollout that runs has the order from whoever gave
// it, unless it is only being started.
func (t *target) onAbort(ctx workflow.Context, c rollout.Command) rollout.Answer {
	t.passOn(c)
	_ = workflow.Await(ctx, func() bool { return t.abort == nil })
	if len(t.status.Queue) > 0 {
		t.stand(fmt.Sprintf("aborted by %s: %s", c.Actor, c.Reason))
	}
	answer := noop("nothing runs")
	if r := t.status.Running; r != nil {
		answer = accepted("")
		answer.Status = rollout.Status{Target: t.status.Target.String(), WorkflowID: rollout.WorkflowID(t.status.Target), RunID: r.RunID}
	} else if t.status.Stands != "" {
		answer = accepted(t.standing())
	}
	return answer
}

// onResume lets a queue go on that stands: also one that does from now on, because
// the rollout has just ended. Under older workers it did not look for that.
func (t *target) onResume(ctx workflow.Context, c rollout.Command) rollout.Answer {
	if t.status.Running != nil && workflow.GetVersion(t.ctx, "resume-after-end", workflow.DefaultVersion, 1) == 1 {
		t.catchUp(ctx)
	}
	if t.status.Stands == "" {
		return noop("the queue does not stand")
	}
	t.goOn()
	t.describe()
	return accepted(fmt.Sprintf("%d in the queue", len(t.status.Queue)))
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
		text += fmt.Sprintf("\n- in the queue: %s, by %s", q.Order.Spec.Release.Version, q.Order.Actor)
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

// isCutOff reports whether a rollout ended in a way that is not its own.
func isCutOff(err error) bool {
	return temporal.IsTerminatedError(err) || temporal.IsTimeoutError(err) || temporal.IsCanceledError(err) || temporal.IsPanicError(err)
}

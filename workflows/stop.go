package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Stop is the emergency stop of an environment, or of all of them. While it is open,
// nothing is started and no weight is raised there. Once it is decided that whoever
// ordered it may do so, its memo names them; if they may not, it ends at once. Else
// it ends when somebody starts the line again, or cancels the workflow.
func Stop(ctx workflow.Context, order rollout.StopOrder) (rollout.StoppedLine, error) {
	detached, _ := workflow.NewDisconnectedContext(ctx)
	info := workflow.GetInfo(ctx)
	l := &line{ctx: detached, run: info.WorkflowExecution.RunID, first: order.Command, standing: rollout.StoppedLine{
		Environment: order.Environment, By: order.Command.Actor, Reason: order.Command.Reason, At: info.WorkflowStartTime}}
	if err := l.listen(); err != nil {
		return l.standing, err
	}
	if err := l.begin(); err != nil {
		return l.standing, err
	}
	if err := workflow.Await(ctx, func() bool { return l.ended }); err != nil {
		l.end(rollout.Command{Actor: cancelActor, Reason: "the workflow was cancelled"})
	}
	if err := workflow.Await(l.ctx, func() bool { return workflow.AllHandlersFinished(l.ctx) }); err != nil {
		return l.standing, err
	}
	awaitTold(l.ctx, l.notices...)
	return l.standing, nil
}

// line is one stopped line.
type line struct {
	ctx      workflow.Context // disconnected: handlers answer after a cancel, too
	run      string           // its id
	first    rollout.Command
	standing rollout.StoppedLine
	decided  *rollout.Answer // on the first order
	ended    bool
	asked    int
	notices  []workflow.Future // ready when a workflow of their own tells people
}

// listen takes orders, from the first task on.
func (l *line) listen() error {
	for _, u := range []struct {
		name string
		obey func(workflow.Context, rollout.Command) rollout.Answer
	}{{rollout.CommandStopTheLine, l.stop}, {rollout.CommandStartTheLine, l.start}} {
		handler := func(ctx workflow.Context, c rollout.Command) (rollout.Answer, error) {
			detached, _ := workflow.NewDisconnectedContext(ctx)
			c.Name = u.name
			return l.answer(detached, c, u.obey), nil
		}
		if err := workflow.SetUpdateHandler(l.ctx, u.name, handler); err != nil {
			return err
		}
	}
	hearWitnesses(l.ctx)
	return nil
}

// begin puts the stop in force, if who ordered it may.
func (l *line) begin() error {
	l.first.Name = rollout.CommandStopTheLine
	answer := accepted("")
	var out activities.AuthorizeOutput
	if isBlank(l.ctx, l.first.Actor) || isBlank(l.ctx, l.first.Reason) {
		out.Why = sayWhy
	} else {
		out = l.authorize(l.ctx, l.first)
	}
	if out.Why != "" {
		answer = denied("%s", out.Why)
		l.standing.Denied, l.ended = out.Why, true
	} else if err := workflow.UpsertMemo(l.ctx, map[string]any{rollout.StopMemo: l.standing}); err != nil {
		return fmt.Errorf("say that the line is stopped: %w", err)
	}
	l.describe()
	switch {
	case !out.Notifies:
	case l.ended:
		l.notify(ofDenied(l.first, out.Why))
	default:
		l.notify(rollout.Notice{Event: rollout.OnFrozen, Actor: l.standing.By, Reason: l.standing.Reason, WaitingFor: rollout.GateStop,
			Text: fmt.Sprintf("the line is stopped by %s: %s", l.standing.By, l.standing.Reason)})
	}
	l.letWrite(out.UnderWay)
	l.decided = &answer
	return nil
}

// letWrite waits for raises that had asked before the stop, so that none is written
// any more after the answer. Under older workers nothing waited for them.
func (l *line) letWrite(d rollout.Duration) {
	if d > 0 { // the context is disconnected: the timer cannot fail
		_ = workflow.NewTimerWithOptions(l.ctx, d.Std(), workflow.TimerOptions{Summary: "raises that were under way are written"}).Get(l.ctx, nil)
	}
}

// answer obeys an order when the first one is decided. That one itself comes as
// an update, too, for its answer.
func (l *line) answer(ctx workflow.Context, c rollout.Command, obey func(workflow.Context, rollout.Command) rollout.Answer) rollout.Answer {
	_ = workflow.Await(ctx, func() bool { return l.decided != nil }) // the context is disconnected: it cannot fail
	if c.ID == l.first.ID && (c.ID != "" || c.Name == l.first.Name) {
		if why := (answered{command: l.first}).denies(ctx, c); why != "" {
			return denied("%s", why)
		}
		return *l.decided
	}
	if isNobodys(ctx, c) {
		return denied(sayWhy)
	}
	return obey(ctx, c)
}

func (l *line) stop(ctx workflow.Context, c rollout.Command) rollout.Answer {
	if l.ended {
		return denied("the line has just been started again: stop it anew")
	}
	if why := l.forbids(ctx, c); why != "" {
		return denied("%s", why)
	}
	return noop("stopped already by %s: %s", l.standing.By, l.standing.Reason)
}

func (l *line) start(ctx workflow.Context, c rollout.Command) rollout.Answer {
	if c.RunID != "" && c.RunID != l.run {
		return denied("the command is for another stop")
	}
	why := l.forbids(ctx, c)
	switch {
	case why != "":
		return denied("%s", why)
	case l.ended:
		return noop("it runs already")
	}
	l.end(c)
	return accepted("")
}

func (l *line) end(c rollout.Command) {
	now := workflow.Now(l.ctx)
	l.standing.EndedBy, l.standing.EndReason, l.standing.EndedAt = c.Actor, c.Reason, &now
	l.ended = true
	l.describe()
}

// describe shows where the line stands at the top of the Temporal UI.
func (l *line) describe() {
	s := l.standing
	text := fmt.Sprintf("**the line of %s is stopped** by %s: %s", s.Environment, s.By, s.Reason)
	switch {
	case s.Denied != "":
		text = fmt.Sprintf("**%s was not stopped**: %s", s.Environment, s.Denied)
	case s.EndedAt != nil:
		text = fmt.Sprintf("**the line of %s runs again**, started by %s: %s", s.Environment, s.EndedBy, s.EndReason)
	}
	workflow.SetCurrentDetails(l.ctx, text)
}

// notify begins to tell people of an occasion, and waits for nothing: whoever
// subscribes for one of the environments, whatever the service. Under older workers
// nobody was told.
func (l *line) notify(n rollout.Notice) {
	if workflow.GetVersion(l.ctx, "stop-tells", workflow.DefaultVersion, 1) != 1 {
		return
	}
	info := workflow.GetInfo(l.ctx).WorkflowExecution
	n.ID = rollout.NoticeID(info.ID, info.RunID, len(l.notices)+1, n.Event)
	n.At, n.Target, n.Environment, n.WorkflowID, n.RunID = workflow.Now(l.ctx), info.ID, l.standing.Environment, info.ID, info.RunID
	n.Text = info.ID + ": " + n.Text
	l.notices = append(l.notices, startNotify(l.ctx, n, nil))
}

// forbids says why an order may not be given; "" when it may. People are told of a
// denial where somebody may want to know.
func (l *line) forbids(ctx workflow.Context, c rollout.Command) string {
	out := l.authorize(ctx, c)
	if out.Why != "" && out.Notifies {
		l.notify(ofDenied(c, out.Why))
	}
	return out.Why
}

// authorize asks whether an order may be given; Why is "" when it may.
func (l *line) authorize(ctx workflow.Context, c rollout.Command) (out activities.AuthorizeOutput) {
	l.asked++
	act := act{id: fmt.Sprintf("authorize.%s.%d", c.Name, l.asked), summary: mayAct(c),
		queue: rollout.QueueControl, limit: authorizeWithin, priority: 1}
	environment := l.standing.Environment
	in := activities.AuthorizeInput{ID: c.ID, Environment: environment, Target: rollout.StopID(environment), Command: c.Name, Actor: c.Actor,
		Runless: c.Name == rollout.CommandStopTheLine}
	if c.ID == l.first.ID { // it may have waited for a worker
		in.Received = l.standing.At
	}
	if c.Statement != "" || c.Signature != "" {
		in.Signed = &c
	}
	if err := start(ctx, act, a.Authorize, in).Get(ctx, &out); err != nil {
		out.Why = "whether it is allowed could not be found out: " + rootCause(err)
	}
	return out
}

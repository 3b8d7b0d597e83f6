package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// forbids says why a command may not be given here; "" when it may. Who may abort
// may take an order out of the queue. People are told of a denial where somebody
// may want to know.
func (t *target) forbids(ctx workflow.Context, c rollout.Command) string {
	if c.Name == rollout.CommandDrop {
		c.Name = rollout.CommandAbort
	}
	if c.Name == rollout.CommandAbort { // its signature is kept, and never looked at
		c.Statement, c.Signature = "", ""
	}
	in := activities.AuthorizeInput{Environment: t.status.Target.Environment, Target: t.status.Target.String(), Runless: true}
	out := authorize(ctx, t.act("authorize."+c.Name, mayAct(c)), c, in)
	if out.Allowed {
		return ""
	}
	if out.Notifies {
		t.notify(ofDenied(c, out.Why))
	}
	return out.Why
}

// notify begins to tell people of an occasion, and waits for nothing. No new run
// begins before it has been taken over. Whom the call names are told besides those
// whom the last spec and the worker's configuration name.
func (t *target) notify(n rollout.Notice, to ...rollout.Notification) {
	t.notices++
	t.deciding++
	info, key := workflow.GetInfo(t.ctx), t.status.Target
	n.ID = rollout.NoticeID(info.WorkflowExecution.ID, info.OriginalRunID, t.notices, n.Event)
	n.At, n.Target, n.Environment, n.Service, n.Unit = workflow.Now(t.ctx), key.String(), key.Environment, key.Service, key.Unit
	n.WorkflowID, n.RunID, n.Text = info.WorkflowExecution.ID, info.WorkflowExecution.RunID, key.String()+": "+n.Text
	if t.status.Last != nil {
		to = append(to, t.status.Last.Notify...)
	}
	started := startNotify(t.ctx, n, to)
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		defer func() { t.deciding-- }()
		awaitTold(ctx, started)
	})
}

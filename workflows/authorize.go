package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// authorizeWithin bounds how long a command waits for the answer to whether it
// may be given.
const authorizeWithin = 10 * time.Second

// authorized asks the worker's rules before a command is obeyed, and makes their
// refusal its answer. Abort does not ask: who may abort is in the plan. A command
// that comes before there is a plan waits for it, unless the plan cannot be read:
// then the rules are asked in any case. A vote counts only for the approval whose
// roles it was checked against.
func (r *run) authorized(ctx workflow.Context, c rollout.Command, obey func(rollout.Command) rollout.Answer) func(rollout.Command) rollout.Answer {
	if _, known := r.seen[c.ID]; known || c.Name == rollout.CommandAbort {
		return obey
	}
	detached, _ := workflow.NewDisconnectedContext(ctx)
	_ = workflow.Await(detached, func() bool { return r.plan.Digest != "" || r.ended || r.back != nil || r.unread })
	if !r.plan.Authorized && !r.unread {
		return obey
	}
	asked := r.approval
	may := r.mayGive(detached, c)
	if c.Name == rollout.CommandApprove && may.Allowed {
		if r.approval != asked {
			return refusing("another approval is asked for by now: look, and vote again")
		}
		return func(c rollout.Command) rollout.Answer { return r.approve(c, may.Vote) }
	}
	if !may.Allowed {
		return refusing(may.Why)
	}
	if c.Name == rollout.CommandConcern {
		return func(c rollout.Command) rollout.Answer { return r.concern(c, may.Vote.Member) }
	}
	return obey
}

// refusing answers a command with why it may not be given.
func refusing(why string) func(rollout.Command) rollout.Answer {
	return func(rollout.Command) rollout.Answer { return denied("%s", why) }
}

// mayGive asks whether a command may be given, and if not why.
func (r *run) mayGive(ctx workflow.Context, c rollout.Command) activities.AuthorizeOutput {
	in := activities.AuthorizeInput{Environment: r.order.Spec.Environment, Target: r.status.Target, StartedBy: r.status.StartedBy}
	if r.approval != nil {
		in.From = r.approval.ask.From
	}
	return authorize(ctx, r.act("authorize."+c.Name, mayAct(c)), c, in)
}

// mayAct is the question as history has it, with what the command's giver says.
func mayAct(c rollout.Command) string {
	return strings.TrimSpace(fmt.Sprintf("may %s %s? %s", rollout.NameOf(c.Actor), c.Name, c.Reason))
}

// authorize asks the rules in force whether a command may be given. in says what
// it is for; the command itself says who gives it, and has the signature. No answer
// in time counts as no.
func authorize(ctx workflow.Context, o act, c rollout.Command, in activities.AuthorizeInput) (out activities.AuthorizeOutput) {
	o.queue, o.limit, o.within, o.priority = rollout.QueueControl, authorizeWithin/2, authorizeWithin, 1
	in.ID, in.Command, in.Actor, in.Override = c.ID, c.Name, c.Actor, c.Override
	if c.Statement != "" || c.Signature != "" {
		in.Signed = &c
	}
	if err := start(ctx, o, a.Authorize, in).Get(ctx, &out); err != nil {
		out.Why = "whether it is allowed could not be found out: " + rootCause(err)
	}
	return out
}

// mayAbort reports whether somebody may abort. A cancel of the workflow is always
// obeyed.
func mayAbort(members []string, actor string) bool {
	return actor == cancelActor || rollout.MayAbort(members, actor)
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// An abort acts at once, whatever its signature is worth. That is found out beside
// the way back, after it has begun, and goes on record; nothing of the way back
// waits for it.

// prove finds out whose signature an abort has that was obeyed, when going back has
// begun.
func (r *run) prove(c rollout.Command) {
	if !r.plan.VerifiesAborts || !isSigned(c) {
		return
	}
	in := activities.AuthorizeInput{Environment: r.order.Spec.Environment, Target: r.status.Target, ObeyedBy: r.status.RunID, Received: r.now()}
	r.proving = true
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		_ = workflow.Await(ctx, func() bool { return !r.turned.IsZero() || r.ended })
		out := whoseAbort(ctx, r.act("authorize.abort", askWhose(c)), c, in)
		r.status.AbortSignature = rollout.Proven(out.Signer, out.Why)
		if out.Why != "" {
			r.notify(ofUnproved(c, out.Why))
		}
		r.describe()
		r.proving = false
	})
}

// prove is the same of a fleet's abort. Its units have it from the fleet, without a
// signature.
func (f *fleet) prove(c rollout.Command) {
	if !f.plan.VerifiesAborts || !isSigned(c) {
		return
	}
	in := activities.AuthorizeInput{Environment: f.order.Spec.Environment, Target: f.status.Target, ObeyedBy: f.status.RunID, Received: workflow.Now(f.ctx)}
	f.proving = true
	workflow.Go(f.ctx, func(ctx workflow.Context) {
		_ = workflow.Await(ctx, func() bool { return f.sent == rollout.OnFailureAll || f.ended })
		out := whoseAbort(ctx, f.act("authorize.abort", askWhose(c)), c, in)
		f.status.AbortSignature = rollout.Proven(out.Signer, out.Why)
		if out.Why != "" {
			f.notify(ofUnproved(c, out.Why))
		}
		f.describe()
		f.proving = false
	})
}

func isSigned(c rollout.Command) bool { return c.Statement != "" || c.Signature != "" }

// askWhose is the question as history has it.
func askWhose(c rollout.Command) string {
	return fmt.Sprintf("is the signature of the abort that of %s?", rollout.NameOf(c.Actor))
}

// whoseAbort verifies the signature of an abort. It has the priority of everyday acts:
// those of the way back come first.
func whoseAbort(ctx workflow.Context, o act, c rollout.Command, in activities.AuthorizeInput) (out activities.AuthorizeOutput) {
	o.queue, o.limit, o.within = rollout.QueueControl, authorizeWithin/2, authorizeWithin
	in.ID, in.Command, in.Actor, in.Signed = c.ID, c.Name, c.Actor, &c
	if err := start(ctx, o, a.Authorize, in).Get(ctx, &out); err != nil {
		out.Why = "it could not be found out: " + rootCause(err)
	}
	return out
}

// ofUnproved is what people are told of an abort whose signature does not hold.
func ofUnproved(c rollout.Command, why string) rollout.Notice {
	return rollout.Notice{Event: rollout.OnDenied, Actor: c.Actor, Reason: why,
		Text: fmt.Sprintf("abort by %s was obeyed, and its signature is not verified: %s", rollout.NameOf(c.Actor), why)}
}

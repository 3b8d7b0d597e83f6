package workflows

import (
	"slices"
	"strings"

	"bakeoff/rollout"
)

// approval is a question that is open.
type approval struct {
	ask        rollout.Approval
	step       int
	votes      []rollout.Vote
	overridden bool
}

// isAnswered reports whether the act may be done.
func (q *approval) isAnswered() bool { return q.overridden || q.ask.IsFilled(q.votes) }

// showAsked shows how the open approval stands.
func (r *run) showAsked() {
	q := r.approval
	r.status.Asked = &rollout.Asked{Step: q.step, Votes: slices.Clone(q.votes), Tally: q.ask.Tally(q.votes)}
}

func (r *run) onApprove(c rollout.Command) rollout.Answer { return r.approve(c, rollout.Vote{}) }

// approve counts a vote. That of an older worker, or of none that has rules, says
// nothing but the actor.
func (r *run) approve(c rollout.Command, vote rollout.Vote) rollout.Answer {
	q := r.approval
	if vote.Member == "" {
		vote.Member = strings.ToLower(c.Actor)
	}
	switch {
	case q == nil:
		return denied("nothing waits for an approval")
	case c.Step != 0 && c.Step != q.step:
		return denied("step %d waits for an approval, not step %d", q.step, c.Step)
	case c.Digest != "" && c.Digest != r.plan.Digest:
		return denied("the plan is %s, not %s", r.plan.Digest, c.Digest)
	case c.Override:
		q.overridden = true
		return accepted("overridden at " + q.ask.Tally(q.votes))
	case slices.ContainsFunc(q.votes, func(v rollout.Vote) bool { return v.Member == vote.Member }):
		return noop("%s has approved already", c.Actor)
	}
	vote.Reason = c.Reason
	q.votes = append(q.votes, vote)
	r.showAsked()
	r.describe()
	return accepted(q.ask.Tally(q.votes))
}

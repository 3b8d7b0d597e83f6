package workflows

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// approval is a question that is open.
type approval struct {
	ask        rollout.Approval
	what       string // is asked for
	step       int
	by         string // whose it is, where the environment and the spec both ask before the step
	votes      []rollout.Vote
	overridden bool
}

// isAnswered reports whether the act may be done.
func (q *approval) isAnswered() bool { return q.overridden || q.ask.IsFilled(q.votes) }

// waits says what is waited for.
func (q *approval) waits() string { return "waiting for an approval of " + q.what }

// another says that a vote is not for this approval of the step, or does not say so:
// where the environment's was asked for before, it may have been meant for that.
func (q *approval) another(c rollout.Command) string {
	switch {
	case q.by == "":
		return fmt.Sprintf("step %d has one approval, not one of the environment and one of the spec: vote without --asked-by", q.step)
	case c.AskedBy == "":
		return fmt.Sprintf("step %d has two approvals, and that of the environment is answered: look at the other, and vote with --asked-by %s", q.step, q.by)
	}
	return fmt.Sprintf("what the %s asks before step %d is waited for, not what the %s asks: look, and vote again", q.by, q.step, c.AskedBy)
}

// showAsked shows how the open approval stands.
func (r *run) showAsked() {
	q := r.approval
	r.status.Asked = &rollout.Asked{Step: q.step, By: q.by, Votes: slices.Clone(q.votes), Tally: q.ask.Tally(q.votes)}
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
	case r.plan.BindsVotes && (c.RunID == "" || c.Step == 0 || c.Digest == ""):
		return denied("a vote says for which run, step and plan it is, as that of bakeoff approve does")
	case c.Step != 0 && c.Step != q.step:
		return denied("step %d waits for an approval, not step %d", q.step, c.Step)
	case c.AskedBy != q.by && (c.AskedBy != "" || q.by == rollout.AskedBySpec):
		return denied("%s", q.another(c))
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

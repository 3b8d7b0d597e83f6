package activities

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// check finds what makes the approvals of a plan impossible, whoever starts it.
func (r Rules) check(p rollout.Plan) []rollout.Problem {
	var out []rollout.Problem
	if len(r.Roles) == 0 {
		return nil
	}
	for _, at := range asks(p) {
		refuse := func(format string, args ...any) {
			out = append(out, rollout.Problem{Path: at.path, Message: "approve: " + fmt.Sprintf(format, args...)})
		}
		known := len(out)
		for _, role := range at.From {
			if _, known := r.Roles[role]; !known && role != Anyone {
				refuse("this worker knows no role %q", role)
			}
		}
		if why := r.impossible(p.Spec.Environment, *at.Approval, ""); why != "" && len(out) == known {
			refuse("%s", why)
		}
	}
	return out
}

// placed is an approval of a plan, and where in the spec it is asked for.
type placed struct {
	path string
	*rollout.Approval
}

func asks(p rollout.Plan) (all []placed) {
	for _, step := range p.Steps {
		for _, q := range []*rollout.Approval{step.PolicyApprove, step.Approve} {
			if q != nil {
				all = append(all, placed{p.Spec.Strategy.StepPath(step.Number), q})
			}
		}
	}
	if p.Promote != nil {
		all = append(all, placed{"strategy.promote", p.Promote})
	}
	return all
}

// lockedOut says why the approvals of a plan are impossible because of who starts
// it, who may not approve; "" when they are not.
func (r Rules) lockedOut(p rollout.Plan, starter string) string {
	if own, _ := r.approvals(p.Spec.Environment); own.Self || len(r.Roles) == 0 {
		return ""
	}
	for _, q := range p.Approvals() {
		if why := r.impossible(p.Spec.Environment, *q, starter); why != "" {
			return fmt.Sprintf("%s may not start this, and approve it, too: %s", starter, why)
		}
	}
	return ""
}

// Unfillable says why nobody's votes can fill what an environment asks for,
// whoever of those who may start a rollout does; "" when they can.
func (r Rules) Unfillable(environment string, a Approvals) string {
	q := a.Asks().WithDefaults()
	why := r.impossible(environment, q, "")
	if why != "" || a.Self {
		return why
	}
	acts, _ := r.acts(environment)
	for _, starter := range r.members(acts[ActStart]) {
		if why = r.impossible(environment, q, starter); why == "" {
			return ""
		}
	}
	return why
}

// impossible says why no votes of those who may approve fill an approval, which has
// its defaults, when one of them has none; "" when they can. Everybody else's are
// counted as if they were given.
func (r Rules) impossible(environment string, q rollout.Approval, without string) string {
	voters := []string{Anyone}
	if acts, limited := r.acts(environment); limited {
		voters, _ = r.named(acts, environment, rollout.CommandApprove)
	}
	asked := q.From
	if len(asked) == 0 || slices.Contains(asked, Anyone) {
		asked = voters
	}
	switch {
	case r.isOpen() || slices.Contains(asked, Anyone):
		return ""
	case len(voters) == 0:
		return fmt.Sprintf("nobody may approve in %s: permissions do not name it", environment)
	}
	var votes []rollout.Vote
	for _, member := range r.members(asked) {
		if may, _ := r.May(environment, rollout.CommandApprove, member); may && member != r.member(without) {
			votes = append(votes, r.vote(member, q.From))
		}
	}
	if q.IsFilled(votes) {
		return ""
	}
	return fmt.Sprintf("a quorum of %d is impossible: the members of %s who may approve in %s can give %s",
		q.Quorum, strings.Join(asked, ", "), environment, q.Tally(votes))
}

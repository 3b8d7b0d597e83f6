package workflows

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"bakeoff/rollout"
)

func (r *run) onConcern(c rollout.Command) rollout.Answer { return r.concern(c, "") }

// concern notes what somebody is worried about, or that they are so no more: one
// concern a person, under whatever name. What it leads to is the policy's. An older
// worker, or one that has no rules, does not say who the person is: the actor.
func (r *run) concern(c rollout.Command, member string) rollout.Answer {
	member = cmp.Or(member, strings.ToLower(c.Actor))
	has := func(one rollout.Concern) bool { return one.Member == member }
	stands := slices.ContainsFunc(r.status.Concerns, has)
	switch {
	case !r.isGoing():
		return r.deniedNow()
	case c.Withdraw && !stands:
		return noop("%s has no concern that stands", c.Actor)
	case c.Withdraw:
		r.status.Concerns = slices.DeleteFunc(slices.Clone(r.status.Concerns), has)
		r.describe()
		return accepted(r.concerned())
	case stands:
		return noop("%s is concerned already", c.Actor)
	}
	r.status.Concerns = append(slices.Clone(r.status.Concerns), rollout.Concern{Member: member, Actor: c.Actor, Reason: c.Reason, At: r.now()})
	r.describe()
	if !r.isQuiet() {
		r.notify(rollout.Notice{Event: rollout.OnConcerned, Actor: c.Actor, Reason: c.Reason,
			Text: fmt.Sprintf("%s is concerned about %s at %s: %s", c.Actor, r.status.Candidate, r.status.Weight, c.Reason)})
	}
	if r.plan.Spec.Policy.Concerns.TakesBack(r.status.Concerns) {
		r.turn(setback{outcome: rollout.RolledBack, cause: rollout.CauseConcern, reason: rollout.ConcernsText(r.status.Concerns)})
	}
	return accepted(r.concerned())
}

// concerned says what the concerns lead to at present.
func (r *run) concerned() string {
	policy, all := r.plan.Spec.Policy.Concerns, r.status.Concerns
	stand := fmt.Sprintf("%d stand", len(all))
	if len(all) == 1 {
		stand = "1 stands"
	}
	switch {
	case policy.TakesBack(all):
		return stand + ": the baseline is put back"
	case r.isHeldBack():
		return stand + ": the end of the bake is held"
	}
	return stand
}

// isHeldBack reports whether people's concerns hold the end of a bake.
func (r *run) isHeldBack() bool { return r.plan.Spec.Policy.Concerns.HoldsBack(r.status.Concerns) }

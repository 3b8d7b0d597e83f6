package activities

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// Anyone is the role that everybody has.
const Anyone = rollout.Anyone

// Acts that permissions name besides the commands: start is asked for before a
// rollout begins, override covers what no other act does.
const (
	ActStart    = "start"
	ActOverride = "override"

	ActRetryRefused = "retryRefused" // start a release again that is in quarantine, with a reason
	ActRestore      = "restore"      // put the baseline back without the workflow
	ActRehearse     = "rehearse"
)

// Rules is who may do what, as the worker's configuration says. The zero value
// lets everyone do everything.
type Rules struct {
	Roles       map[string][]string            // role → members
	Members     map[string]Member              // what else members are known by
	Permissions map[string]map[string][]string // environment → act → roles; "default" serves the others
	Approvals   map[string]Approvals           // by environment; "default" serves the others
	Signing     Signing

	membership *membership // of Roles and Members; nil: they are looked through at each question
}

// Member is one person: all of the names are that person's.
type Member struct {
	Aliases []string `json:"aliases,omitempty"`
}

// Approvals says what an environment asks of approvals.
type Approvals struct {
	From      []string         `json:"from,omitempty"`
	Quorum    int              `json:"quorum,omitempty"` // default 1
	Each      map[string]int   `json:"each,omitempty"`   // role → votes needed of it
	Within    rollout.Duration `json:"within,omitempty"` // default 24h
	Otherwise string           `json:"otherwise,omitempty"`
	Self      bool             `json:"self,omitempty"` // who started the rollout may approve it
}

// Asks is the approval that is asked for, as it is written.
func (a Approvals) Asks() rollout.Approval {
	return rollout.Approval{From: a.From, Quorum: a.Quorum, Each: a.Each, Within: a.Within, Otherwise: a.Otherwise}
}

// isOpen reports whether there are no rules at all.
func (r Rules) isOpen() bool { return len(r.Roles) == 0 && len(r.Permissions) == 0 }

// May reports whether somebody may do something in an environment, and if not
// why. An act that the environment does not name is decided as a like one, which
// likeActs knows. Who may do something in every environment may do it in each that
// is named. Abort is everybody's where it is not named. What is decided by none of
// these nobody may.
func (r Rules) May(environment, act, actor string) (may bool, why string) {
	if environment == rollout.EveryEnvironment {
		for _, each := range slices.Sorted(maps.Keys(r.Permissions)) {
			if may, why = r.May(each, act, actor); !may {
				return false, why
			}
		}
		return true, ""
	}
	acts, found := r.acts(environment)
	if !found {
		return true, ""
	}
	for _, like := range likeActs(act) {
		if roles, named := r.named(acts, environment, like); named {
			if r.Has(roles, actor) {
				return true, ""
			}
			why = fmt.Sprintf("%s may not %s in %s: that is for %s", rollout.NameOf(actor), act, environment, strings.Join(roles, ", "))
			if like == act { // what is named is not decided as anything else
				return false, why
			}
			continue
		}
		if like == rollout.CommandAbort {
			return true, ""
		}
	}
	if why == "" {
		why = fmt.Sprintf("nobody may %s in %s: permissions do not name it", act, environment)
	}
	return false, why
}

// named are the roles that permissions give an act in an environment. The roles
// that the environment itself asks for approvals may approve there.
func (r Rules) named(acts map[string][]string, environment, act string) (roles []string, named bool) {
	roles, named = acts[act]
	if own, asks := r.approvals(environment); asks && act == rollout.CommandApprove {
		asked := slices.Concat(own.From, slices.Sorted(maps.Keys(own.Each)))
		return slices.Concat(roles, slices.DeleteFunc(asked, func(role string) bool { return slices.Contains(roles, role) })), named || len(asked) > 0
	}
	return roles, named
}

// acts are the permissions of an environment; found is false where everyone may
// do everything.
func (r Rules) acts(environment string) (acts map[string][]string, found bool) {
	if acts, found = r.Permissions[environment]; !found {
		acts, found = r.Permissions["default"]
	}
	return acts, found
}

// likeActs are the entries of permissions that allow an act.
func likeActs(act string) []string {
	switch act {
	case rollout.CommandReject:
		return []string{act, rollout.CommandApprove, rollout.CommandAbort}
	case rollout.CommandRollback, ActRestore:
		return []string{act, rollout.CommandAbort}
	case rollout.CommandExtend:
		return []string{act, rollout.CommandPromote}
	case ActRehearse:
		return []string{act, ActStart}
	case rollout.CommandStopTheLine, rollout.CommandConcern:
		return []string{act, rollout.CommandPause}
	case rollout.CommandStartTheLine:
		return []string{act, rollout.CommandResume}
	case rollout.CommandRetry, rollout.CommandAcknowledge, ActRetryRefused: // every pipeline gives a reason: that makes it no person
		return []string{act, ActOverride}
	default:
		return []string{act}
	}
}

// approvals are what the environment asks for; found is false where it says
// nothing.
func (r Rules) approvals(environment string) (a Approvals, found bool) {
	if a, found = r.Approvals[environment]; !found {
		a, found = r.Approvals["default"]
	}
	return a, found
}

// mayApprove reports whether somebody's vote counts, and if not why: they have a
// role that the approval asks for, where it asks for any, and may approve in the
// environment. An approval that a spec asks for gives nobody that permission. Nobody
// approves what they started, unless the environment says so, or nothing is asked
// of anybody but by specs.
func (r Rules) mayApprove(in AuthorizeInput) (may bool, why string) {
	switch {
	case !r.ownCounts(in.Environment) && r.member(in.Actor) == r.member(in.StartedBy):
		return false, in.Actor + " started this rollout, and may not approve it"
	case len(in.From) > 0 && !r.isOpen() && !r.Has(in.From, in.Actor):
		return false, fmt.Sprintf("%s has none of the roles that are asked: %s", rollout.NameOf(in.Actor), strings.Join(in.From, ", "))
	}
	return r.May(in.Environment, in.Command, in.Actor)
}

// ownCounts reports whether who started a rollout may approve it.
func (r Rules) ownCounts(environment string) bool {
	own, asks := r.approvals(environment)
	return own.Self || !asks && r.isOpen()
}

// nameless says that a start must say whose it is, because they may not approve it;
// "" when it does, or when that does not matter.
func (r Rules) nameless(p rollout.Plan, starter string) string {
	if strings.TrimSpace(starter) != "" || len(p.Approvals()) == 0 || r.ownCounts(p.Spec.Environment) {
		return ""
	}
	return fmt.Sprintf("say who starts this: it asks for approval, which in %s may not be the starter's own", p.Spec.Environment)
}

// asked is the plan with the approval that the environment asks for before the
// first raise, where the spec asks for none that is as strict.
func (r Rules) asked(p rollout.Plan) rollout.Plan {
	own, found := r.approvals(p.Spec.Environment)
	if !found {
		return p
	}
	return p.Ask(own.Asks())
}

package activities

import (
	"context"
	"slices"
	"time"

	"bakeoff/rollout"
)

// raiseWithin is how long it is from when a raise has read that the line runs until
// the router has it. A stop is acknowledged so much later: it is in force before.
const raiseWithin = time.Second

// AuthorizeInput asks whether somebody may give a command.
type AuthorizeInput struct {
	ID          string           `json:"id,omitempty"` // the command's
	Environment string           `json:"environment"`
	Target      string           `json:"target,omitempty"`
	Command     string           `json:"command"`
	Actor       string           `json:"actor"`
	StartedBy   string           `json:"startedBy,omitempty"`
	From        []string         `json:"from,omitempty"` // of an approval: the roles that are asked
	Override    bool             `json:"override,omitempty"`
	Signed      *rollout.Command `json:"signed,omitempty"`   // all of the command, where it has a signature
	Runless     bool             `json:"runless,omitempty"`  // it is for the target, whatever runs
	Received    time.Time        `json:"received,omitzero"`  // when it reached Temporal; left out: just now
	ObeyedBy    string           `json:"obeyedBy,omitempty"` // of an abort: the run that has obeyed it. Only its signature is looked at
}

// AuthorizeOutput says whether, and why not.
type AuthorizeOutput struct {
	Allowed bool            `json:"allowed"`
	Why     string          `json:"why,omitempty"`
	Signer  *rollout.Signer `json:"signer,omitempty"` // where the signature is right
	Vote    rollout.Vote    `json:"vote,omitzero"`    // of an approval: as whom, and for which of the roles; of a concern: whose it is

	Policy   string           `json:"policy,omitempty"`   // digest of the rules that decided
	Notifies bool             `json:"notifies,omitempty"` // of a denial, or of a stop of the line: somebody may want to know
	UnderWay rollout.Duration `json:"underWay,omitempty"` // of a stop of the line: how long the write may take of a raise that had read that it runs
}

// Authorize decides by the rules in force now, and verifies the signature of a
// command that has one. It asks no outside system. An abort that was obeyed is allowed
// whatever its signature is worth: Why says only that.
func (a *Activities) Authorize(_ context.Context, in AuthorizeInput) (AuthorizeOutput, error) {
	if in.ObeyedBy != "" {
		signer, why := a.Rules.proven(in, in.Received)
		return AuthorizeOutput{Allowed: true, Signer: signer, Why: why}, nil
	}
	out := AuthorizeOutput{Policy: a.Policy}
	if out.Why = a.Rules.mayGive(in); out.Why == "" {
		received := in.Received
		if received.IsZero() {
			received = a.now()
		}
		out.Signer, out.Why = a.Rules.proven(in, received)
	}
	out.Allowed = out.Why == ""
	out.Notifies = (!out.Allowed || in.Command == rollout.CommandStopTheLine) && a.Notifications.mayTell(rollout.Spec{})
	if out.Allowed && in.Command == rollout.CommandApprove {
		out.Vote = a.Rules.vote(in.Actor, in.From)
	}
	if out.Allowed && in.Command == rollout.CommandConcern {
		out.Vote.Member = a.Rules.member(in.Actor)
	}
	if out.Allowed && in.Command == rollout.CommandStopTheLine {
		out.UnderWay = rollout.Duration(raiseWithin)
	}
	return out, nil
}

// mayGive says why somebody may not give a command; "" when they may. An override
// is for those who may override, and for nobody else.
func (r Rules) mayGive(in AuthorizeInput) (why string) {
	switch {
	case in.Override:
		_, why = r.May(in.Environment, ActOverride, in.Actor)
	case in.Command == rollout.CommandApprove:
		_, why = r.mayApprove(in)
	default:
		_, why = r.May(in.Environment, in.Command, in.Actor)
	}
	return why
}

// vote is that of a member, for those of the asked roles that the member has.
// Where there are no roles everyone has all of them.
func (r Rules) vote(actor string, asked []string) rollout.Vote {
	v := rollout.Vote{Member: r.member(actor), Roles: asked}
	if !r.isOpen() {
		v.Roles = slices.DeleteFunc(slices.Clone(asked), func(role string) bool { return !r.Has([]string{role}, actor) })
	}
	return v
}

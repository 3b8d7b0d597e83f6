package activities

import (
	"fmt"
	"slices"
	"time"

	"bakeoff/rollout"
)

// maxSkew is how far the time of a signed command may be from the worker's. An older
// one might have been held back, to be used later.
const maxSkew = 5 * time.Minute

// Verifier checks signatures.
type Verifier interface {
	// Verify returns who signed the statement. The key must be allowed, at now, for
	// one of the names. The error says, for people, what is wrong with the signature.
	Verify(statement, signature string, names []string, now time.Time) (rollout.Signer, error)
}

// Signing says which acts need a signature, and how signatures are checked.
type Signing struct {
	Require map[string][]string // environment → acts; "default" serves the others
	Keys    Verifier            // nil: signatures are stored but not checked
}

// requires reports whether an act needs a signature in an environment; what is
// done in every environment needs it where one of them asks for it.
func (s Signing) requires(environment, act string) bool {
	if environment == rollout.EveryEnvironment {
		for _, acts := range s.Require {
			if slices.Contains(acts, act) {
				return true
			}
		}
		return false
	}
	acts, found := s.Require[environment]
	if !found {
		acts = s.Require["default"]
	}
	return slices.Contains(acts, act)
}

// proof is what has to be proved: that these words are the actor's.
type proof struct {
	environment, actor   string
	acts                 []string // what it does; any of them may need a signature
	wording              string   // what has to be signed
	statement, signature string   // what was
	given, received      time.Time
}

// proven verifies the signature of a command, and says why it is refused. A
// signed command names the run that it is for, and a signed vote the step and the
// plan, too: it can never serve another. One that is for the target names none.
func (r Rules) proven(in AuthorizeInput, received time.Time) (*rollout.Signer, string) {
	p := proof{environment: in.Environment, actor: in.Actor, acts: []string{in.Command}, received: received}
	if in.Override {
		p.acts = append(p.acts, ActOverride)
	}
	if c := in.Signed; c != nil {
		if in.Runless && c.RunID != "" {
			return nil, "what was signed is for a run, not for the target"
		}
		if !in.Runless && c.RunID == "" || c.Name == rollout.CommandApprove && (c.Step == 0 || c.Digest == "") {
			return nil, "a signed command names its run, and a signed vote the step and the plan, too"
		}
		if in.ObeyedBy != "" && c.RunID != in.ObeyedBy {
			return nil, "what was signed is for another run: " + c.RunID
		}
		p.wording, p.statement, p.signature, p.given = rollout.CommandStatement(in.Target, *c), c.Statement, c.Signature, c.At
	}
	return r.prove(p)
}

// provenOrder is the same of an order to start, received when it reached Temporal.
func (r Rules) provenOrder(o rollout.Order, received time.Time) (*rollout.Signer, string) {
	p := proof{
		environment: o.Spec.Environment, actor: o.Actor, acts: []string{ActStart}, wording: rollout.OrderStatement(o),
		statement: o.Statement, signature: o.Signature, given: o.At, received: received,
	}
	if o.Override {
		p.acts = append(p.acts, ActOverride)
	}
	return r.prove(p)
}

// provenFleet is the same of an order to start a fleet.
func (r Rules) provenFleet(in AdmitFleetInput) (*rollout.Signer, string) {
	o := in.Order
	p := proof{
		environment: o.Spec.Environment, actor: o.Actor, acts: []string{ActStart}, wording: rollout.FleetStatement(o),
		statement: o.Statement, signature: o.Signature, given: o.At, received: in.Received,
	}
	if o.Override {
		p.acts = append(p.acts, ActOverride)
	}
	return r.prove(p)
}

// prove finds the signer, or why the signature does not hold. One that is there
// must be right, even where none is needed.
func (r Rules) prove(p proof) (*rollout.Signer, string) {
	if p.statement == "" && p.signature == "" {
		for _, act := range p.acts {
			if r.Signing.requires(p.environment, act) {
				return nil, fmt.Sprintf("%s in %s must be signed: use --sign", act, p.environment)
			}
		}
		return nil, ""
	}
	if r.Signing.Keys == nil {
		return nil, ""
	}
	if differs := rollout.StatementDiffers(p.statement, p.wording); differs != "" {
		return nil, "what was signed is not this command: they differ in " + differs
	}
	if skew := p.received.Sub(p.given).Abs(); skew > maxSkew {
		return nil, fmt.Sprintf("signed at %s, and it is %s here: more than %s apart", p.given.UTC().Format(time.RFC3339),
			p.received.UTC().Format(time.RFC3339), rollout.Duration(maxSkew))
	}
	signer, err := r.Signing.Keys.Verify(p.statement, p.signature, r.names(p.actor), p.received)
	if err != nil {
		return nil, "the signature does not hold: " + err.Error()
	}
	return &signer, ""
}

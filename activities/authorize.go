package activities

import (
	"context"

	"bakeoff/rollout"
)

// AuthorizeInput asks whether somebody may give a command.
type AuthorizeInput struct {
	Environment string   `json:"environment"`
	Command     string   `json:"command"`
	Actor       string   `json:"actor"`
	StartedBy   string   `json:"startedBy,omitempty"`
	From        []string `json:"from,omitempty"` // of an approval: the roles that are asked
}

// AuthorizeOutput says whether, and why not.
type AuthorizeOutput struct {
	Allowed bool   `json:"allowed"`
	Why     string `json:"why,omitempty"`
}

// Authorize decides by the rules in force now. It asks no outside system.
func (a *Activities) Authorize(_ context.Context, in AuthorizeInput) (AuthorizeOutput, error) {
	may, why := a.Rules.May(in.Environment, in.Command, in.Actor)
	if in.Command == rollout.CommandApprove {
		may, why = a.Rules.mayApprove(in)
	}
	return AuthorizeOutput{Allowed: may, Why: why}, nil
}

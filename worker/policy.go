package main

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"

	"github.com/spf13/cobra"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/freeze"
)

// policy is what of the configuration decides who may do what, and when. Its digest
// stands beside each decision in history: two files that say the same have the same.
type policy struct {
	Allow        allowConfig                     `json:"allow,omitzero"`
	Limits       map[string]activities.Limits    `json:"limits,omitempty"`
	Roles        map[string][]string             `json:"roles,omitempty"`
	Members      map[string]activities.Member    `json:"members,omitempty"`
	Permissions  map[string]map[string][]string  `json:"permissions,omitempty"`
	Approvals    map[string]activities.Approvals `json:"approvals,omitempty"`
	Signing      *signingConfig                  `json:"signing,omitempty"`
	Freeze       []freeze.Window                 `json:"freeze,omitempty"`
	ErrorBudgets map[string]rollout.ErrorBudget  `json:"errorBudgets,omitempty"`
	Practice     map[string]rollout.Duration     `json:"practice,omitempty"`
}

// policyDigest names the policy of a configuration.
func (c *config) policyDigest() (string, error) {
	text, err := json.Marshal(policy{
		Allow: c.Allow, Limits: c.Limits, Roles: c.Roles, Members: c.Members, Permissions: c.Permissions, Approvals: c.Approvals,
		Signing: c.Signing, Freeze: c.Freeze, ErrorBudgets: c.ErrorBudgets, Practice: c.Rehearsals.Require,
	})
	if err != nil {
		return "", fmt.Errorf("name the policy: %w", err)
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(text)), nil
}

func checkCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "check",
		Short: "Say what is wrong with a configuration, or the digest of its policy",
		Long: `Read the configuration as a worker does, without Temporal: say what is wrong
with it, or print the digest of its policy. History has that digest beside each
admission and each command, so that the file that decided can be found.

Exit codes: 0 it is right, 1 it is wrong, 2 usage.`,
		Example: "  bakeoff-worker --config bakeoff-worker.yaml check",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := loadConfig(o.config)
			if err != nil {
				return err
			}
			fmt.Fprintf(cmd.OutOrStdout(), "policy %s\n", orNone(c.digest))
			return nil
		},
	}
}

// orNone is a digest, or the word for none.
func orNone(digest string) string {
	if digest == "" {
		return "none"
	}
	return digest
}

package main

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

const signers = "ana@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfHgcz5xDOnKGHlVJ1ppAOxPuW7AwnPdaDN/4Ka4xwK\n"

// withSigners writes a configuration, and the allowed signers beside it.
func withSigners(t *testing.T, text, signers string) string {
	t.Helper()
	path := file(t, text)
	require.NoError(t, os.WriteFile(filepath.Join(filepath.Dir(path), "allowed_signers"), []byte(signers), 0o600))
	return path
}

func TestPeople(t *testing.T) {
	c, err := loadConfig(withSigners(t, `
roles: {engineering: [ana@example.com, ana@laptop], security: [bo@example.com, ana@example.com]}
members: {ana@example.com: {aliases: [ana@laptop, "ana.r@example.com"]}}
approvals: {production: {each: {engineering: 1, security: 1}, within: 4h, self: true}}
signing: {allowedSigners: allowed_signers, require: {production: [approve, start, override], default: [promote]}}
`, signers))
	require.NoError(t, err)
	rules := c.rules()
	require.Equal(t, activities.Member{Aliases: []string{"ana@laptop", "ana.r@example.com"}}, rules.Members["ana@example.com"])
	require.Equal(t, map[string]int{"engineering": 1, "security": 1}, rules.Approvals["production"].Each)
	require.Equal(t, []string{"promote"}, rules.Signing.Require["default"])
	require.NotNil(t, rules.Signing.Keys)
	require.Nil(t, new(config).rules().Signing.Keys)
}

// Each policy that cannot be kept is refused where it stands.
func TestWrongPeople(t *testing.T) {
	const roles = "roles: {engineering: [ana@example.com], security: [ana@example.com], managers: [bo@example.com, bo@laptop, cy@example.com], ci: [bo@example.com]}\n"
	for name, tt := range map[string]struct {
		text string
		want []string
	}{
		"a quorum larger than the role": {"approvals: {production: {from: [managers], quorum: 4, self: true}}", []string{"approvals.production", "a quorum of 4 is impossible: the members of managers who may approve in production can give 3 of 4"}},
		"two names of one":              {"members: {bo@example.com: {aliases: [BO@laptop]}}\napprovals: {production: {from: [managers], quorum: 3, self: true}}", []string{"approvals.production", "can give 2 of 3"}},
		"the starter cannot vote":       {"members: {bo@example.com: {aliases: [bo@laptop]}}\npermissions: {production: {start: [ci], approve: [managers]}}\napprovals: {production: {from: [managers], quorum: 2}}", []string{"approvals.production", "can give 1 of 2"}},
		"nobody may approve":            {"permissions: {production: {start: [ci]}}\napprovals: {production: {quorum: 1}}", []string{"approvals.production", "nobody may approve in production: permissions do not name it"}},
		"two roles of one person":       {"approvals: {production: {each: {engineering: 1, security: 1}, self: true}}", []string{"approvals.production", "can give 1 of 2; still wanted: security"}},
		"an unknown role beside":        {"approvals: {production: {each: {product: 1}}}", []string{"approvals.production.each.product", "no such role"}},
		"nobody of a role":              {"approvals: {production: {each: {engineering: 0}}}", []string{"approvals.production.each.engineering", "0 votes are impossible"}},
		"no role at all":                {"approvals: {production: {each: {}}}", []string{"approvals.production.each", "nobody is asked"}},
		"each beside from":              {"approvals: {production: {each: {engineering: 1}, from: [security]}}", []string{"approvals.production.from", "cannot stand beside it"}},
		"each with another quorum":      {"approvals: {production: {each: {engineering: 1}, quorum: 2}}", []string{"approvals.production.quorum", "its sum"}},
		"one alias of two":              {"members: {bo@example.com: {aliases: [b]}, cy@example.com: {aliases: [B]}}", []string{"members.cy@example.com.aliases[0]", `"B" is a name of bo@example.com already`}},
		"an alias that is a member":     {"members: {bo@example.com: {aliases: [cy@example.com]}, cy@example.com: {}}", []string{"members.bo@example.com.aliases[0]", "is a name of cy@example.com already"}},
		"signing without a file":        {"signing: {require: {production: [approve]}}", []string{"signing.allowedSigners", "name the file"}},
		"signing by a file that is not": {"signing: {allowedSigners: none}", []string{"signing.allowedSigners", "none: no such file"}},
		"a signed retry":                {"signing: {allowedSigners: allowed_signers, require: {production: [retryRefused]}}", []string{"signing.require.production[0]", "name start instead"}},
		"a signed abort":                {"signing: {allowedSigners: allowed_signers, require: {production: [approve, abort]}}", []string{"signing.require.production[1]", "an abort is never kept waiting"}},
		"a signed unknown":              {"signing: {allowedSigners: allowed_signers, require: {production: [aprove]}}", []string{"signing.require.production[0]", "no such act"}},
		"an unknown field":              {"signing: {allowedSigners: allowed_signers, required: {}}", []string{"did you mean require"}},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := loadConfig(withSigners(t, roles+tt.text, signers))
			require.ErrorIs(t, err, errConfig)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
	_, err := loadConfig(withSigners(t, "signing: {allowedSigners: allowed_signers}", "*@example.com cert-authority "+signers[len("ana@example.com "):]))
	require.ErrorContains(t, err, "line 1: cert-authority: certificates are not served")
}

// What can be kept is taken.
func TestPossiblePeople(t *testing.T) {
	for _, text := range []string{
		"roles: {a: [x, y], ci: [c]}\npermissions: {production: {start: [ci], approve: [a]}}\napprovals: {production: {from: [a], quorum: 2}}",
		"roles: {a: [x, y, z]}\npermissions: {production: {start: [a], approve: [anyone]}}\napprovals: {production: {from: [a], quorum: 2}}",
		"roles: {a: [x, y]}\napprovals: {production: {from: [a], quorum: 2}}", // anyone may start
		"roles: {a: [x], b: [x, y]}\napprovals: {production: {each: {a: 1, b: 1}}}",
		"roles: {a: [x]}\napprovals: {production: {from: [anyone], quorum: 9}}",
	} {
		_, err := loadConfig(file(t, text))
		require.NoError(t, err, text)
	}
}

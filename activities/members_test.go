package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// teams are roles side by side; ana has two of them, and two names.
func teams() Rules {
	return Rules{
		Roles:   map[string][]string{"engineering": {"ana@laptop", "bo@example.com"}, "security": {"ana@example.com"}, "product": {"di@example.com"}},
		Members: map[string]Member{"ana@example.com": {Aliases: []string{"Ana@Laptop", "ana.r@example.com"}}},
	}
}

// A person is one, whatever the name.
func TestMembers(t *testing.T) {
	r := teams()
	for _, name := range []string{"ana@example.com", "ANA@laptop", " ana.r@example.com "} {
		require.Equal(t, "ana@example.com", r.member(name))
		require.True(t, r.Has([]string{"security"}, name))
		require.True(t, r.Has([]string{"engineering"}, name))
		require.Equal(t, rollout.Vote{Member: "ana@example.com", Roles: []string{"engineering", "security"}}, r.vote(name, []string{"engineering", "product", "security"}))
	}
	require.False(t, r.Has([]string{"security"}, "bo@example.com"))
	require.Equal(t, []string{"ana@example.com", "bo@example.com"}, r.members([]string{"engineering", "security"}))
	require.ElementsMatch(t, []string{"ANA@LAPTOP", "ana@example.com", "Ana@Laptop", "ana.r@example.com", "ana@laptop"}, r.names("ANA@LAPTOP"))
	require.Equal(t, []string{"ana@example.com", "Ana@Laptop", "ana.r@example.com", "ana@laptop"}, r.names("ana@example.com"), "each once")
	require.ElementsMatch(t, []string{"BO@example.com", "bo@example.com"}, r.names("BO@example.com"), "also as the role has it: principals are compared with their case")
	require.Subset(t, r.allNames([]string{"security"}), []string{"ana@example.com", "ana.r@example.com", "Ana@Laptop"})
}

// Nobody approves what they started, under whatever name.
func TestSelfUnderAnotherName(t *testing.T) {
	_, why := teams().mayApprove(AuthorizeInput{Environment: "production", Command: rollout.CommandApprove, Actor: "ana.r@example.com",
		StartedBy: "ana@laptop", From: []string{"security"}})
	require.Contains(t, why, "started this rollout")
}

// A release that nobody could approve is refused before it begins: for good where
// nobody could start it, for now where somebody else could.
func TestImpossibleApprovals(t *testing.T) {
	plan := func(q rollout.Approval) rollout.Plan {
		return rollout.NewPlan(rollout.Spec{Kind: "Rollout", Service: "checkout", Environment: "production", Release: rollout.Release{Version: "2.5.0"},
			Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 500, Bake: rollout.Duration(time.Minute), Approve: &q}}}})
	}
	each := func(votes map[string]int) rollout.Approval { return rollout.Approval{Each: votes} }
	for name, tt := range map[string]struct {
		ask             rollout.Approval
		starter         string
		never, notByThe string
	}{
		"all three":             {each(map[string]int{"engineering": 1, "security": 1, "product": 1}), "ci", "", ""},
		"the only of security":  {each(map[string]int{"security": 1}), "ana@laptop", "", "can give 0 of 1; still wanted: security"},
		"the only of product":   {each(map[string]int{"product": 1, "engineering": 1}), "di@example.com", "", "still wanted: product"},
		"one of two of a role":  {each(map[string]int{"engineering": 1}), "bo@example.com", "", ""},
		"two of one person":     {each(map[string]int{"security": 2}), "ci", "a quorum of 2 is impossible: the members of security who may approve in production can give 1 of 2; still wanted: security", "impossible"},
		"one person in two":     {each(map[string]int{"engineering": 2, "security": 1}), "ci", "can give 2 of 3", "impossible"},
		"unknown":               {each(map[string]int{"legal": 1}), "ci", `this worker knows no role "legal"`, "impossible"},
		"a quorum of all":       {rollout.Approval{From: []string{"engineering"}, Quorum: 2}, "ana.r@example.com", "", "can give 1 of 2"},
		"a quorum with aliases": {rollout.Approval{From: []string{"engineering", "security"}, Quorum: 3}, "ci", "can give 2 of 3", "impossible"},
		"anyone":                {rollout.Approval{From: []string{"security", Anyone}, Quorum: 9}, "ana@laptop", "", ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := teams()
			r.Permissions = map[string]map[string][]string{"production": {"start": {Anyone}, "approve": {Anyone}}}
			problems := r.check(plan(tt.ask))
			require.Equal(t, tt.never == "", len(problems) == 0, problems)
			if tt.never != "" {
				require.Contains(t, problems[0].Message, tt.never)
				require.Equal(t, "strategy.canary[0]", problems[0].Path)
			}
			why := r.lockedOut(plan(tt.ask), tt.starter)
			require.Equal(t, tt.notByThe == "", why == "", why)
			require.Contains(t, why, tt.notByThe)
			r.Approvals = map[string]Approvals{"production": {Self: true}}
			require.Empty(t, r.lockedOut(plan(tt.ask), tt.starter), "where one may approve one's own")
		})
	}
}

// Votes of those who may not approve fill nothing.
func TestImpossibleForWantOfPermission(t *testing.T) {
	r := teams()
	r.Permissions = map[string]map[string][]string{"production": {"approve": {"product"}}, "staging": {"start": {Anyone}}}
	require.Equal(t, "a quorum of 1 is impossible: the members of security who may approve in production can give 0 of 1",
		r.impossible("production", rollout.Approval{From: []string{"security"}}.WithDefaults(), ""))
	require.Contains(t, r.impossible("production", rollout.Approval{From: []string{Anyone}, Quorum: 2}.WithDefaults(), ""), "the members of product who may approve in production can give 1 of 2")
	require.Contains(t, r.impossible("production", rollout.Approval{}.WithDefaults(), "di@example.com"), "can give 0 of 1")
	require.Equal(t, "nobody may approve in staging: permissions do not name it", r.impossible("staging", rollout.Approval{}.WithDefaults(), ""))
	r.Approvals = map[string]Approvals{"production": {Each: map[string]int{"security": 1}}}
	require.Empty(t, r.impossible("production", rollout.Approval{From: []string{"security"}}.WithDefaults(), ""), "the environment itself asks them")
	require.Contains(t, r.impossible("production", rollout.Approval{From: []string{"engineering"}}.WithDefaults(), "ana@example.com"), "can give 0 of 1", "a spec's asking is no permission")
	require.Empty(t, r.impossible("elsewhere", rollout.Approval{}.WithDefaults(), ""), "no permissions: everyone may")
}

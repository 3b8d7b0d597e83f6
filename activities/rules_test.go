package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func people() Rules {
	return Rules{
		Roles: map[string][]string{"managers": {"ana@example.com", "bo@example.com"}, "on-call": {"cy@example.com"}, "ci": {"ci@example.com"}},
		Permissions: map[string]map[string][]string{
			"production": {"start": {"ci"}, "abort": {"on-call"}, "approve": {"managers"}, "promote": {"on-call"}, "pause": {Anyone}, "override": {"on-call"}},
			"default":    {"pause": {"on-call"}},
		},
	}
}

func TestMay(t *testing.T) {
	for _, tt := range []struct {
		environment, act, actor string
		may                     bool
	}{
		{"production", "start", "ci@example.com", true},
		{"production", "start", "ana@example.com", false},
		{"production", "start", " CI@Example.com ", true},
		{"production", "pause", "whoever", true},
		{"production", "concern", "whoever", true}, // as pause
		{"staging", "concern", "ana@example.com", false},
		{"production", "approve", "bo@example.com", true},
		{"production", "approve", "ci@example.com", false},
		{"production", "reject", "ana@example.com", true}, // as approve
		{"production", "reject", "cy@example.com", true},  // as abort
		{"production", "reject", "ci@example.com", false},
		{"production", "extend", "cy@example.com", true}, // as promote
		{"production", "acknowledge", "cy@example.com", true},
		{"production", "retry", "ana@example.com", false},
		{"production", "retryRefused", "ci@example.com", false}, // as override
		{"production", "retryRefused", "cy@example.com", true},
		{"staging", "retryRefused", "cy@example.com", false}, // neither is named
		{"production", "resume", "cy@example.com", false},    // named nowhere
		{"production", "abort", "ana@example.com", false},
		{"staging", "pause", "cy@example.com", true}, // by default
		{"staging", "pause", "ana@example.com", false},
		{"production", "rehearse", "ci@example.com", true}, // as start
		{"production", "rehearse", "ana@example.com", false},
		{"production", "restore", "ana@example.com", false}, // as abort
		{"production", "restore", "cy@example.com", true},
		{"staging", "restore", "whoever", true},
		{"staging", "abort", "whoever", true}, // not named: everybody's
	} {
		may, why := people().May(tt.environment, tt.act, tt.actor)
		require.Equal(t, tt.may, may, "%+v: %s", tt, why)
		require.Equal(t, may, why == "")
	}
	practice := people()
	practice.Permissions["default"]["rehearse"] = []string{"managers"}
	may, _ := practice.May("staging", "rehearse", "cy@example.com")
	require.False(t, may, "what is named is not decided as a like act")
	practice.Permissions["production"]["retryRefused"] = []string{"managers"}
	may, _ = practice.May("production", "retryRefused", "ana@example.com")
	require.True(t, may)
	may, _ = practice.May("production", "retryRefused", "cy@example.com")
	require.False(t, may, "it is for those who are named, and not for who may override")
	may, _ = Rules{}.May("production", "promote", "whoever")
	require.True(t, may, "without rules everyone may do everything")
	may, _ = Rules{}.May("production", "retryRefused", "whoever")
	require.True(t, may)
}

func TestMayApprove(t *testing.T) {
	vote := func(r Rules, actor string, from ...string) bool {
		may, why := r.mayApprove(AuthorizeInput{Environment: "production", Command: rollout.CommandApprove, Actor: actor,
			StartedBy: "ana@example.com", From: from})
		require.Equal(t, may, why == "")
		return may
	}
	require.True(t, vote(people(), "bo@example.com"))
	require.False(t, vote(people(), "ana@example.com"), "of one's own rollout")
	require.False(t, vote(people(), "cy@example.com"))
	require.False(t, vote(people(), "cy@example.com", "on-call"), "a role that is asked gives nobody the permission")
	require.True(t, vote(people(), "bo@example.com", "on-call", "managers"))
	require.False(t, vote(people(), "bo@example.com", "on-call"))
	itself := people()
	itself.Approvals = map[string]Approvals{"production": {Self: true}}
	require.True(t, vote(itself, "ana@example.com"))
	require.True(t, vote(Rules{}, "ana@example.com", "on-call"), "without rules anyone's vote counts")
	for _, environment := range []string{"production", "default"} {
		asks := Rules{Members: map[string]Member{"Ana": {Aliases: []string{"ana@example.com", "ana@laptop"}}}, Approvals: map[string]Approvals{environment: {Quorum: 1}}}
		require.False(t, vote(asks, "ana@example.com"), "the environment asks, of whom it may be")
		require.False(t, vote(asks, "ana@laptop"))
		require.True(t, vote(asks, "bo@example.com"))
		asks.Approvals[environment] = Approvals{Quorum: 1, Self: true}
		require.True(t, vote(asks, "ana@laptop"))
	}
	elsewhere := Rules{Approvals: map[string]Approvals{"staging": {Quorum: 1}}}
	require.True(t, vote(elsewhere, "ana@example.com"))
}

// Nobody can be kept from approving what they started where the start does not say
// who that is.
func TestANamelessStartThatAsksForApproval(t *testing.T) {
	asking := rollout.NewPlan(rollout.Spec{Environment: "production", Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 500, Bake: 1, Approve: &rollout.Approval{}}}}})
	const why = "say who starts this: it asks for approval, which in production may not be the starter's own"
	for name, tt := range map[string]struct {
		rules   Rules
		plan    rollout.Plan
		starter string
		want    string
	}{
		"by nobody":                            {people(), asking, "", why},
		"by a blank":                           {people(), asking, " \t", why},
		"by somebody":                          {people(), asking, "ana@example.com", ""},
		"asks nobody":                          {people(), rollout.Plan{}, "", ""},
		"without roles, where rules ask":       {Rules{Approvals: map[string]Approvals{"default": {Quorum: 1}}}, asking, "", why},
		"where one may approve one's own":      {Rules{Approvals: map[string]Approvals{"production": {Self: true}}}, asking, "", ""},
		"without rules: it is only a question": {Rules{}, asking, "", ""},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, tt.want, tt.rules.nameless(tt.plan, tt.starter)) })
	}
}

func TestRulesShapeThePlan(t *testing.T) {
	spec := rollout.Spec{Kind: "Rollout", Service: "checkout", Environment: "production", Release: rollout.Release{Version: "2.5.0"},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 500, Bake: 1}}}}
	r := people()
	r.Approvals = map[string]Approvals{"production": {From: []string{"managers"}, Quorum: 2}}
	asked := r.asked(rollout.NewPlan(spec))
	require.Equal(t, 2, asked.Steps[0].Approve.Quorum)
	require.NotEqual(t, rollout.NewPlan(spec).Digest, asked.Digest)
	require.Greater(t, asked.Events, rollout.NewPlan(spec).Events)
	require.Equal(t, rollout.NewPlan(spec).Spec.Deadline+asked.Steps[0].Approve.Within, asked.Spec.Deadline, "time to vote is not taken from the bakes")
	require.Empty(t, r.check(asked))
	spec.Deadline = rollout.Duration(time.Hour + time.Minute)
	require.Equal(t, spec.Deadline, r.asked(rollout.NewPlan(spec)).Spec.Deadline, "who gave one is obeyed")
	spec.Deadline = 0

	spec.Strategy.Promote = &rollout.Promote{Approve: &rollout.Approval{From: []string{"managers"}, Quorum: 3}}
	own := r.asked(rollout.NewPlan(spec))
	require.Nil(t, own.Steps[0].Approve, "the spec asks by itself, as strictly")
	require.Contains(t, r.check(own)[0].Message, "a quorum of 3 is impossible: the members of managers who may approve in production can give 2 of 3")
	spec.Strategy.Promote.Approve.From = []string{"nobody"}
	require.Contains(t, r.check(rollout.NewPlan(spec))[0].Message, `no role "nobody"`)

	spec.Strategy.Promote, spec.Strategy.Canary[0].Approve = nil, &rollout.Approval{From: []string{"managers"}, Quorum: 1}
	both := r.asked(rollout.NewPlan(spec))
	require.Equal(t, 2, both.Steps[0].PolicyApprove.Quorum)
	require.Equal(t, 1, both.Steps[0].Approve.Quorum)
	spec.Strategy.Canary[0].Approve.Quorum = 2
	require.Nil(t, r.asked(rollout.NewPlan(spec)).Steps[0].PolicyApprove, "it is as strict")
	require.Equal(t, rollout.NewPlan(spec).Digest, r.asked(rollout.NewPlan(spec)).Digest)
}

// Who stops a rehearsal aborts its rollout, whoever else may abort there.
func TestWhoMayAbortIsInThePlan(t *testing.T) {
	a := &Activities{Rules: Rules{Roles: map[string][]string{"people": {"ana"}}, Permissions: map[string]map[string][]string{"staging": {rollout.CommandAbort: {"people"}}}}}
	spec := rollout.Spec{Kind: "Rollout", Service: "shop", Environment: "staging", Release: rollout.Release{Version: "2"}}
	for rehearsed, want := range map[bool][]string{false: {"ana"}, true: nil} {
		plan, _ := a.planned(AdmitInput{Order: rollout.Order{Spec: spec}, Rehearsal: rehearsed})
		require.Equal(t, want, plan.Abort)
	}
}

package e2e_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Each of three departments has to say yes, signed. Who is in two of them counts for
// one; more votes of one department make up for no other.
func TestEveryDepartmentApproves(t *testing.T) {
	k := newKeys(t, "ana", "bo", "cy", "di", "ed")
	k.allow("ana@example.com ana", "bo@example.com bo", "cy@example.com cy", "di@example.com di", "ed@example.com ed")
	c := found(t)
	c.worker = procs.StartWorker(t, c.server, `
roles: {engineering: [ana@example.com, bo@example.com, ed@example.com], security: [ana@example.com], product: [cy@example.com], pipelines: [di@example.com]}
permissions:
  staging: {start: [pipelines], approve: [engineering, security, product]}
signing: {allowedSigners: `+k.file("allowed")+`, require: {staging: [approve]}}
`)
	s := c.scene(t)
	s.starts("di@example.com", asks("each: {engineering: 1, security: 1, product: 1}, within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	require.Equal(t, "0 of 3; still wanted: engineering, product, security", s.status().Asked.Tally)
	require.Contains(t, s.order(15, "approve", "--actor", "cy@example.com").Why, "approve in staging must be signed")
	require.Equal(t, "1 of 3; still wanted: product, security", s.vote(0, "ana@example.com", k.file("ana")).Why)
	require.Equal(t, "2 of 3; still wanted: product", s.vote(0, "bo@example.com", k.file("bo")).Why, "ana counts for security now")
	require.Equal(t, "2 of 3; still wanted: product", s.vote(0, "ed@example.com", k.file("ed")).Why, "engineering has said yes")
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight())
	s.vote(0, "cy@example.com", k.file("cy"))
	s.ends(0, rollout.Promoted, "")
	require.Equal(t, promotedTwo, s.world.Log())
	for _, vote := range s.told(rollout.EventCommand)[1:] {
		require.True(t, k.holds(vote), vote.Text)
	}
}

// Who may break the glass passes an approval alone, signed and loudly.
func TestOverride(t *testing.T) {
	k := newKeys(t, "ana", "cy", "di")
	k.allow("ana@example.com ana", "cy@example.com cy", "di@example.com di")
	c := found(t)
	r := newReceiver(t)
	c.tells(t, r, "  subscriptions: [{to: webhook, events: [overridden]}]\n"+k.signing())
	s := c.scene(t)
	out := s.cli("start", s.file(asks("from: [managers], quorum: 2, within: 1h")), "--actor", "di@example.com", "--reason", "a test", "--sign", k.file("di"))
	require.Zero(t, out.Code, out.Stderr)
	s.waitsFor(rollout.WaitingForApproval)
	require.Contains(t, s.vote(15, "ana@example.com", k.file("ana"), "--override").Why, "ana@example.com may not override in staging: that is for on-call")
	require.Contains(t, s.order(15, "promote", "--actor", "cy@example.com", "--override").Why, "override in staging must be signed")
	s.vote(0, "cy@example.com", k.file("cy"), "--override")
	e := s.ends(0, rollout.Promoted, "")
	require.Len(t, e.Overrides, 1)
	require.Equal(t, "approve", e.Overrides[0].Command)
	require.Equal(t, "cy@example.com", e.Overrides[0].Actor)
	told := s.told(rollout.EventCommand)[2]
	require.Equal(t, true, told.Data["override"])
	require.Contains(t, told.Text, "approve (break-glass override)")
	require.True(t, k.holds(told))
	require.Contains(t, s.told(rollout.EventGatePassed)[0].Text, "passed by override of cy@example.com")
	_, text := page(t, c.worker, "/metrics")
	require.Contains(t, text, `bakeoff_overrides_total{command="approve",environment="staging",service="testoverride"} 1`)
	r.hears(rollout.OnOverridden) // and of no try that was denied
	for _, heard := range r.got() {
		require.Equal(t, "cy@example.com", heard.Data.Actor)
		require.Equal(t, s.target()+": approve by cy@example.com passed what policy asks for: the test says so", heard.Data.Text)
	}
}

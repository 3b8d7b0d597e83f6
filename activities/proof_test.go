package activities

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// ring is a Verifier whose signatures are the names of their owners.
type ring map[string]bool

func (r ring) Verify(_, signature string, names []string, _ time.Time) (rollout.Signer, error) {
	for _, name := range names {
		if name == signature && r[name] {
			return rollout.Signer{Name: name, Key: "SHA256:" + name}, nil
		}
	}
	return rollout.Signer{}, errors.New("not that of a key that is allowed")
}

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// strict asks production to sign approvals and overrides.
func strict() Rules {
	r := people()
	r.Members = map[string]Member{"bo@example.com": {Aliases: []string{"bo@laptop"}}}
	r.Signing = Signing{Require: map[string][]string{"production": {"approve", "override", "start"}, "default": {"pause"}},
		Keys: ring{"bo@example.com": true, "bo@laptop": true, "cy@example.com": true, "ana@example.com": false}}
	return r
}

// given is a right command of bo's, signed after a change and altered after that.
func given(change, alter func(*rollout.Command)) AuthorizeInput {
	c := rollout.Command{ID: "c1", Name: rollout.CommandApprove, Actor: "bo@example.com", Reason: "ok", At: noon, RunID: "run-1", Step: 1, Digest: "d"}
	change(&c)
	c.Statement, c.Signature = rollout.CommandStatement("production/checkout", c), c.Actor
	alter(&c)
	in := AuthorizeInput{Environment: "production", Target: "production/checkout", Command: c.Name, Actor: c.Actor, Override: c.Override, From: []string{"managers"}}
	if c.Statement+c.Signature != "" {
		in.Signed = &c
	}
	return in
}

func TestSignedCommands(t *testing.T) {
	same := func(*rollout.Command) {}
	for name, tt := range map[string]struct {
		change, alter func(*rollout.Command)
		why           string // "": obeyed
	}{
		"right":              {same, same, ""},
		"by another name":    {func(c *rollout.Command) { c.Actor = "bo@laptop" }, same, ""},
		"a little late":      {func(c *rollout.Command) { c.At = noon.Add(-maxSkew) }, same, ""},
		"a little early":     {func(c *rollout.Command) { c.At = noon.Add(maxSkew) }, same, ""},
		"unsigned":           {same, func(c *rollout.Command) { c.Statement, c.Signature = "", "" }, "approve in production must be signed: use --sign"},
		"without statement":  {same, func(c *rollout.Command) { c.Statement = "" }, "they differ in its form"},
		"without signature":  {same, func(c *rollout.Command) { c.Signature = "" }, "the signature does not hold"},
		"another reason":     {same, func(c *rollout.Command) { c.Reason = "no" }, "what was signed is not this command: they differ in reason"},
		"another step":       {same, func(c *rollout.Command) { c.Step = 2 }, "they differ in step"},
		"for another run":    {same, func(c *rollout.Command) { c.RunID = "run-2" }, "they differ in runId"},
		"under another id":   {same, func(c *rollout.Command) { c.ID = "c2" }, "they differ in id"},
		"made an override":   {func(c *rollout.Command) { c.Actor = "cy@example.com" }, func(c *rollout.Command) { c.Override = true }, "they differ in override"},
		"of somebody else":   {same, func(c *rollout.Command) { c.Signature = "cy@example.com" }, "the signature does not hold: not that of a key"},
		"too old":            {func(c *rollout.Command) { c.At = noon.Add(-maxSkew - time.Second) }, same, "signed at 2026-12-01T11:54:59Z, and it is 2026-12-01T12:00:00Z here: more than 5m apart"},
		"from the future":    {func(c *rollout.Command) { c.At = noon.Add(time.Hour) }, same, "signed at 2026-12-01T13:00:00Z"},
		"for any run":        {func(c *rollout.Command) { c.RunID = "" }, same, "a signed command names its run"},
		"a vote for any":     {func(c *rollout.Command) { c.Digest = "" }, same, "a signed vote the step and the plan, too"},
		"an override":        {func(c *rollout.Command) { c.Override, c.Actor = true, "cy@example.com" }, same, ""},
		"not an overrider's": {func(c *rollout.Command) { c.Override = true }, same, "bo@example.com may not override in production"},
		"an unsigned one": {func(c *rollout.Command) { c.Override, c.Name, c.Actor = true, "promote", "cy@example.com" },
			func(c *rollout.Command) { c.Statement, c.Signature = "", "" }, "override in production must be signed"},
		"not needed, but wrong": {func(c *rollout.Command) { c.Name, c.Actor = "promote", "cy@example.com" },
			func(c *rollout.Command) { c.Full = true }, "they differ in full"},
		"not needed, and not there": {func(c *rollout.Command) { c.Name, c.Actor = "promote", "cy@example.com" },
			func(c *rollout.Command) { c.Statement, c.Signature = "", "" }, ""},
	} {
		t.Run(name, func(t *testing.T) {
			a := &Activities{Rules: strict(), Now: func() time.Time { return noon }}
			in := given(tt.change, tt.alter)
			out, err := a.Authorize(t.Context(), in)
			require.NoError(t, err)
			require.Equal(t, tt.why == "", out.Allowed, out.Why)
			require.Contains(t, out.Why, tt.why)
			require.Equal(t, out.Allowed && in.Signed != nil, out.Signer != nil)
		})
	}
}

// What is signed for a run serves no target, and the other way round.
func TestSignedForTheTarget(t *testing.T) {
	a := &Activities{Rules: strict(), Now: func() time.Time { return noon }}
	for run, want := range map[string]string{"": "", "run-1": "for a run, not for the target"} {
		in := given(func(c *rollout.Command) { c.Name, c.Actor, c.RunID = "promote", "cy@example.com", run }, func(*rollout.Command) {})
		in.Runless = true
		out, err := a.Authorize(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, want == "", out.Allowed, out.Why)
		require.Contains(t, out.Why, want)
	}
}

// An abort that was obeyed is allowed; whose it is is another question.
func TestSignedAborts(t *testing.T) {
	abort := func(c *rollout.Command) { c.Name, c.Actor = rollout.CommandAbort, "cy@example.com" }
	rules := strict()
	rules.Permissions["production"][rollout.CommandAbort] = []string{"managers"} // by now
	for name, tt := range map[string]struct {
		change func(*rollout.Command)
		run    string
		why    string
	}{
		"right":           {abort, "run-1", ""},
		"for another run": {abort, "run-2", "what was signed is for another run: run-1"},
		"for any run":     {func(c *rollout.Command) { abort(c); c.RunID = "" }, "run-1", "a signed command names its run"},
		"too old":         {func(c *rollout.Command) { abort(c); c.At = noon.Add(-time.Hour) }, "run-1", "more than 5m apart"},
	} {
		t.Run(name, func(t *testing.T) {
			in := given(tt.change, func(*rollout.Command) {})
			in.ObeyedBy, in.Received = tt.run, noon
			out, err := (&Activities{Rules: rules}).Authorize(t.Context(), in)
			require.NoError(t, err)
			require.True(t, out.Allowed)
			require.Contains(t, out.Why, tt.why)
			require.Equal(t, tt.why == "", out.Signer != nil)
		})
	}
}

// Where nothing says which keys are right, a signature is kept and not looked at.
func TestUnverifiedSignatures(t *testing.T) {
	a := &Activities{Rules: people()}
	out, err := a.Authorize(t.Context(), given(func(*rollout.Command) {}, func(c *rollout.Command) { c.Signature = "x" }))
	require.NoError(t, err)
	require.True(t, out.Allowed)
	require.Nil(t, out.Signer)
}

func TestSignedOrders(t *testing.T) {
	r := strict()
	r.Signing.Keys = ring{"ci@example.com": true}
	o := rollout.Order{ID: "o1", Actor: "ci@example.com", Reason: "faster", At: noon,
		Spec: rollout.Spec{Kind: "Rollout", Service: "checkout", Environment: "production", Release: rollout.Release{Version: "2.5.0"}}}
	o.Statement, o.Signature = rollout.OrderStatement(o), "ci@example.com"
	signer, why := r.provenOrder(o, noon)
	require.Empty(t, why)
	require.Equal(t, "SHA256:ci@example.com", signer.Key)

	tampered := o
	tampered.Spec.Release.Version = "6.6.6"
	_, why = r.provenOrder(tampered, noon)
	require.Contains(t, why, "they differ in spec, version")
	_, why = r.provenOrder(o, noon.Add(time.Hour))
	require.Contains(t, why, "more than 5m apart")
	o.Statement, o.Signature = "", ""
	_, why = r.provenOrder(o, noon)
	require.Contains(t, why, "start in production must be signed")
}

package rollout_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

var approval = rollout.Command{ID: "7f", Name: rollout.CommandApprove, Actor: "ana@example.com", Reason: "looks <good>",
	At: time.Date(2026, 12, 1, 13, 0, 0, 5000, time.FixedZone("CET", 3600)), RunID: "run-1", Step: 2, Digest: "sha256:9f"}

// What was signed once must read so for ever.
func TestCommandStatement(t *testing.T) {
	require.Equal(t, `{
 "target": "production/checkout",
 "command": "approve",
 "id": "7f",
 "actor": "ana@example.com",
 "reason": "looks <good>",
 "at": "2026-12-01T12:00:00.000005Z",
 "runId": "run-1",
 "step": 2,
 "digest": "sha256:9f"
}
`, rollout.CommandStatement("production/checkout", approval))
}

func TestOrderStatement(t *testing.T) {
	o := rollout.Order{ID: "8a", Actor: "ci@example.com", Reason: "faster", At: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC), Supersede: true,
		Spec: rollout.Spec{Service: "checkout", Environment: "production", Release: rollout.Release{Version: "2.5.0"}}}
	require.Equal(t, `{
 "target": "production/checkout",
 "command": "start",
 "id": "8a",
 "actor": "ci@example.com",
 "reason": "faster",
 "at": "2026-12-01T12:00:00Z",
 "version": "2.5.0",
 "spec": "`+o.Spec.Digest()+`",
 "supersede": true
}
`, rollout.OrderStatement(o))
}

// A statement says the same after the command went through Temporal, and no two
// commands have the same.
func TestStatementsTravel(t *testing.T) {
	text := rollout.CommandStatement("production/checkout", approval)
	for name, order := range map[string]rollout.Order{"wait": {Wait: true}, "supersede": {Supersede: true}, "back": {Back: true},
		"recover": {Recover: "run-1"}, "override": {Override: true}, "id": {ID: "8b"}, "spec, version": {Spec: rollout.Spec{Release: rollout.Release{Version: "2"}}}} {
		require.Equal(t, name, rollout.StatementDiffers(rollout.OrderStatement(rollout.Order{}), rollout.OrderStatement(order)))
	}
	var arrived rollout.Command
	body, err := json.Marshal(approval)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(body, &arrived))
	require.Equal(t, text, rollout.CommandStatement("production/checkout", arrived))

	for name, change := range map[string]func(*rollout.Command){
		"command": func(c *rollout.Command) { c.Name = rollout.CommandReject }, "id": func(c *rollout.Command) { c.ID += "0" },
		"actor": func(c *rollout.Command) { c.Actor = "bo" }, "reason": func(c *rollout.Command) { c.Reason = "" },
		"at": func(c *rollout.Command) { c.At = c.At.Add(1) }, "runId": func(c *rollout.Command) { c.RunID = "" },
		"step": func(c *rollout.Command) { c.Step++ }, "digest": func(c *rollout.Command) { c.Digest = "" },
		"by": func(c *rollout.Command) { c.By = 1 }, "full": func(c *rollout.Command) { c.Full = true },
		"override": func(c *rollout.Command) { c.Override = true }, "askedBy": func(c *rollout.Command) { c.AskedBy = rollout.AskedBySpec },
		"withdraw": func(c *rollout.Command) { c.Withdraw = true },
	} {
		other := approval
		change(&other)
		require.Equal(t, name, rollout.StatementDiffers(text, rollout.CommandStatement("production/checkout", other)))
	}
	require.Equal(t, "target", rollout.StatementDiffers(text, rollout.CommandStatement("production/cart", approval)))
	require.Empty(t, rollout.StatementDiffers(text, text))
	for _, form := range []string{text[1:], text + " ", "[]", ""} {
		require.Equal(t, "its form", rollout.StatementDiffers(form, text))
	}
	require.Contains(t, rollout.StatementDiffers("null", text), "actor, ")
	require.Contains(t, rollout.StatementDiffers(`{"actor": [], "reason": {}}`, text), "actor, ")
}

// The digest of a spec is that of what it says, whatever it went through.
func TestSpecDigestTravels(t *testing.T) {
	spec := rollout.Spec{Service: "checkout", Target: rollout.Drivers{Deploy: rollout.Driver{Driver: "http", With: map[string]any{
		"url": "http://d", "replicas": uint64(3), "much": uint64(12345678901234567890), "deep": map[string]any{"b": 1, "a": []any{true, 0.5}}}}}}
	digest := spec.Digest()
	for range 2 {
		body, err := json.Marshal(spec)
		require.NoError(t, err)
		spec = rollout.Spec{}
		require.NoError(t, json.Unmarshal(body, &spec))
		require.Equal(t, digest, spec.Digest())
	}
	spec.Service = "cart"
	require.NotEqual(t, digest, spec.Digest())
}

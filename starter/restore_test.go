package main

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func TestRestore(t *testing.T) {
	restore := []string{"restore", "production/checkout", "--reason", "stuck", "-o", "json"}
	for name, tt := range map[string]struct {
		prepare func(*fake)
		code    int
		answer  string
		says    string
		acts    int
	}{
		"puts everything back, the abort first":  {func(*fake) {}, 0, rollout.Accepted, "traffic is back on 2.4.1", 3},
		"says what could not be put back":        {func(f *fake) { f.actErr = map[string]error{"RestorePointers": errors.New("no worker")} }, 14, "", "RestorePointers: no worker", 3},
		"says when the router does not obey":     {func(f *fake) { f.verified = verifyTrafficOutput{Reason: "the router has 2.5.0 5%"} }, 14, "", "traffic is not back: the router has 2.5.0 5%", 3},
		"asks the policy":                        {func(f *fake) { f.mayNot = "eve may not restore in production: that is for on-call" }, 15, rollout.Denied, "eve may not restore", 0},
		"does nothing that it could not ask for": {func(f *fake) { f.actErr = map[string]error{"Authorize": errors.New("no worker")} }, 14, rollout.Noop, "ask whether", 0},
		"does not send users to what is gone": {func(f *fake) {
			f.tape.act("cleanup.remove", "Remove", map[string]any{"version": "2.4.1"}, map[string]any{})
		}, 15, rollout.Denied, "going back is a rollout of its own", 0},
	} {
		t.Run(name, func(t *testing.T) {
			f := running(t)
			f.verified = verifyTrafficOutput{Verified: true}
			tt.prepare(f)
			got := bakeoff(t.Context(), f, restore...)
			require.Equal(t, tt.code, got.code, got.err)
			require.Contains(t, got.out+got.err, tt.says)
			require.Len(t, f.acts, tt.acts)
			if tt.code == 14 {
				said := decodeLine(t, got.out)
				require.Equal(t, string(rollout.PhaseNeedsHuman), said["phase"])
				require.Contains(t, said["why"], tt.says)
			}
			if f.mayNot != "" {
				require.Equal(t, "denied: "+f.mayNot, f.restored[0].Problem, "the try is on record")
				require.Empty(t, f.signals, "and nothing else came of it")
				return
			}
			require.Equal(t, rollout.CommandAbort, f.signals[0].Name)
			if tt.acts > 0 {
				require.Equal(t, checkout.RunID, f.restored[0].RunID)
				require.Equal(t, "stuck", f.restored[0].Command.Reason)
				require.Equal(t, tt.code != 0, f.restored[0].Problem != "")
			}
			if tt.answer != "" {
				var a answer
				require.NoError(t, json.Unmarshal([]byte(got.out), &a))
				require.Equal(t, tt.answer, a.Answer)
			}
		})
	}
	f := running(t)
	f.verified.Verified = true
	f.tape.act("s01.again", "SetTraffic", map[string]any{"step": 1, "split": split(500), "baseline": "2.4.1"}, map[string]any{})
	require.Equal(t, 0, bakeoff(t.Context(), f, restore...).code)
	require.ElementsMatch(t, []string{"RestoreTraffic on control", "RestorePointers on infra", "VerifyTraffic on analysis"}, f.acts)
	require.Equal(t, "VerifyTraffic on analysis", f.acts[2], "after the others")

	aged := running(t)
	aged.verified.Verified = true
	aged.tape.act("s01.more", "SetTraffic", map[string]any{"step": 1, "candidate": "2.5.0", "baseline": "2.4.1",
		"split": rollout.Split{"2.4.1": 8000, "2.4.1-sameage": 1000, "2.5.0": 1000}}, map[string]any{})
	require.Equal(t, 0, bakeoff(t.Context(), aged, restore...).code)
	var copies []any
	for _, in := range aged.inputs {
		copies = append(copies, in["copy"])
	}
	require.Contains(t, copies, "2.4.1-sameage", "routers want to hear of every version that had some")

	ended := over(t, result(rollout.RolledBack, rollout.CauseVerdict))
	got := bakeoff(t.Context(), ended, restore...)
	require.Equal(t, 0, got.code, got.err)
	require.Contains(t, got.out, "already over: RolledBack")
	require.Empty(t, ended.acts, "what is there now may be newer")

	none := bakeoff(t.Context(), &fake{}, restore...)
	require.Equal(t, 0, none.code, none.err)
	require.Contains(t, none.out, "no rollout of production/checkout is known")
	require.Equal(t, 2, bakeoff(t.Context(), running(t), "restore", "production/checkout").code, "a reason is needed")
}

package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// People are told once how a rehearsal ended, and of its drills nothing; in the
// metrics it is practice.
func TestRehearsalIsTold(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	file := write(t, t.TempDir(), "secret", secret)
	config := fmt.Sprintf("notifications:\n  webhook: {url: %q, secret: {file: %q}}\n  subscriptions: [{to: webhook}]", r.URL, file)
	h := c.hall(t, config)
	status, out := h.rehearse("drills: [{from: step 1, repeat: 2, restoreWithin: 20s}]",
		"rollout: "+h.file(oneStep, `notify: [{to: webhook, events: [rollingBack, rolledBack, rehearsalPassed]}]`))
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	r.hears(rollout.OnRehearsalPassed)
	for id, e := range r.got() {
		require.Equal(t, rollout.NoticeID(status.WorkflowID, status.RunID, 1, rollout.OnRehearsalPassed), id)
		require.Equal(t, status.WorkflowID, e.Data.Rehearsal)
		require.Contains(t, e.Data.Text, "is Passed")
	}
	until(t, "the way back was shown", func() bool {
		_, text := page(t, c.worker, "/metrics")
		return strings.Contains(text, fmt.Sprintf(`bakeoff_rehearsals_completed_total{environment="staging",outcome="Passed",service=%q}`, h.name)) &&
			!strings.Contains(text, "bakeoff_rollouts_completed_total") && !strings.Contains(text, "bakeoff_time_to_restore_seconds")
	})
	listed := h.cli("list", "-o", "json")
	require.Zero(t, listed.Code, listed.Stderr)
	require.Contains(t, listed.Stdout, fmt.Sprintf(`"rehearsal":%q`, status.WorkflowID))

	suite := write(t, h.folder, "suite.yaml", "kind: RehearsalSuite", "name: weekly", "rehearsals: ["+filepath.Base(h.manifest("drills: [{from: step 1, restoreWithin: 1ms}]"))+"]")
	out = h.cli("rehearse", suite, "--reason", "a test")
	require.Equal(t, 10, out.Code, out.Stderr)
	r.hears(rollout.OnRehearsalPassed, rollout.OnRehearsalFailed, rollout.OnSuiteFailed)
}

// One that is terminated tells nothing itself: who watches it does, at once, and puts
// it beside those that failed.
func TestTerminatedRehearsalIsTold(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	file := write(t, t.TempDir(), "secret", secret)
	h := c.hall(t, fmt.Sprintf("notifications:\n  webhook: {url: %q, secret: {file: %q}}\n  subscriptions: [{to: webhook, events: [rehearsalFailed]}]", r.URL, file))
	out := h.cli("rehearse", h.manifest(h.browse("4m")), "--detach", "--reason", "a test")
	require.Zero(t, out.Code, out.Stderr)
	until(t, "the load is sent", func() bool { return h.requests.Load() > 0 })
	id := rollout.RehearsalID("staging", h.name)
	require.NoError(t, h.town.client(t).TerminateWorkflow(t.Context(), id, "", "by mistake"))
	r.hears(rollout.OnRehearsalFailed)
	for _, e := range r.got() {
		require.Equal(t, id, e.Data.Rehearsal)
		require.Contains(t, e.Data.Text, "was ended from outside, as by a terminate")
	}
	until(t, "it is counted", func() bool {
		_, text := page(t, c.worker, "/metrics")
		return strings.Contains(text, fmt.Sprintf(`bakeoff_rehearsals_completed_total{environment="staging",outcome="Failed",service=%q} 1`, h.name))
	})
}

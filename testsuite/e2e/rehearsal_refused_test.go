package e2e_test

import (
	"fmt"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/client"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// What cannot be is refused with its reason before anything starts.
func TestRehearsalsThatAreRefused(t *testing.T) {
	c := found(t)
	library := t.TempDir()
	write(t, library, "orders.csv", "id,total", "1,20")
	write(t, library, "people.csv", "id,mail", "1,ana@example.com")
	write(t, library, "broken.har", "this is no HAR")
	h := c.hall(t, "rehearsals:", fmt.Sprintf("  directory: %q", library))
	const zeros = "sha256:0000000000000000000000000000000000000000000000000000000000000000"
	const people = "sha256:e1c73d54ebcdc1b31c4189c4531f96f20ebdee22205f1dec40b09eeb22f82669"
	drill := "drills: [{from: step 1, restoreWithin: 10s}]"
	for name, c := range map[string]struct {
		lines []string
		want  string
	}{
		"another digest":        {[]string{"baseline: {data: [{name: orders, snapshot: orders.csv, digest: " + zeros + "}]}"}, "orders.csv"},
		"a missing snapshot":    {[]string{"baseline: {data: [{name: orders, snapshot: gone.csv, digest: " + zeros + "}]}"}, "gone.csv"},
		"unmasked data":         {[]string{"data: [{name: people, snapshot: people.csv, digest: " + people + "}]"}, "people"},
		"an endless fault":      {[]string{"faults: [{name: slow, toxiproxy: {proxy: db, latency: 1s}}]"}, "for"},
		"a fault nobody allows": {[]string{"faults: [{name: slow, for: 5s, toxiproxy: {proxy: db, latency: 1s}}]"}, "toxiproxy"},
		"production":            {[]string{"environment: production", "rollout: " + h.file(oneStep, "environment: production")}, "production here"},
		"too much load":         {[]string{strings.Replace(h.browse("5s"), "100/s", "5000/s", 1)}, "more than the 1000/s"},
		"load elsewhere":        {[]string{`load: [{name: browse, url: "http://192.0.2.1/", rate: 1/s, for: 5s}]`}, "rehearsals.urls"},
		"impossible scaling":    {[]string{"scaling: {replicas: {min: 6, max: 2}, upWithin: 60s}"}, "min 6 is above max 2"},
		"a broken recording":    {[]string{fmt.Sprintf("load: [{name: old, url: %q, replay: {file: broken.har, format: har}}]", h.users)}, "broken.har"},
		"too many requests":     {[]string{h.browse("5s"), "quotas: {requests: 50}"}, "quotas.requests: the loads mean to send more than 50"},
		"too long":              {[]string{h.browse("3h")}, "load[0].for"},
	} {
		t.Run(name, func(t *testing.T) {
			out := h.cli(append([]string{"rehearse", h.manifest(append([]string{drill}, c.lines...)...)}, "--reason", "a test")...)
			require.Equal(t, 3, out.Code, "%s\n%s", out.Stdout, out.Stderr)
			require.Contains(t, out.Stdout+out.Stderr, c.want)
		})
	}
	require.Zero(t, h.requests.Load(), "nothing is sent")
	require.Empty(t, h.world.Writes(), "no rollout is started")
}

// A fault that could not begin is refused before anything is sent, however late it
// was to begin, and is not scheduled.
func TestAFaultThatCouldNotBeginIsRefused(t *testing.T) {
	c := found(t)
	place := t.TempDir()
	h := c.hall(t, fmt.Sprintf("rehearsals: {faults: {directory: %q, limits: {kinds: [drift, process], files: [%q], pidFiles: [%[2]q]}}}", filepath.Join(place, "faults"), filepath.Join(place, "*")))
	for fault, why := range map[string]string{
		fmt.Sprintf("drift: {file: %q, content: x}", filepath.Join(place, "app.yaml")):  "a drift changes a file that is there: create it",
		fmt.Sprintf("process: {pidFile: %q, do: kill}", filepath.Join(place, "db.pid")): "start the process that writes it",
	} {
		file := h.manifest(h.browse("20s"), "faults: [{name: odd, at: 15s, for: 3s, "+fault+"}]")
		out := h.cli("rehearse", file, "--reason", "a test")
		require.Equal(t, 15, out.Code, "%s\n%s", out.Stdout, out.Stderr)
		require.Contains(t, out.Stdout, "fault odd could not begin: ")
		require.Contains(t, out.Stdout, why)
		out = h.cli("rehearse", file, "--schedule", "0 6 1 1 *", "--reason", "a test")
		require.Equal(t, 15, out.Code, "%s\n%s", out.Stdout, out.Stderr)
		require.Contains(t, out.Stderr, why)
	}
	require.Zero(t, h.requests.Load(), "nothing is sent")
}

// A drill that no rehearsal started is refused, whatever its order claims: who
// reaches Temporal could have any release taken back by a verdict that nobody saw.
func TestADrillOutsideOfARehearsalIsRefused(t *testing.T) {
	c := open(t)
	for name, claimed := range map[string]string{"by itself": "", "forged": rollout.RehearsalID("staging", "weekly")} {
		order := rollout.Order{Actor: "di@example.com", Reason: "a test", Rehearsal: claimed, Drill: &rollout.Drill{Step: 1, Verdict: rollout.Fail}}
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			e := s.submits(order)
			e.requires(s, 3, rollout.Refused, rollout.CauseSpec)
			require.Contains(t, e.Reason, "drill: a drill needs a rehearsal: bakeoff rehearse")
			require.Empty(t, s.world.Writes())
		})
		t.Run(name+" past its Target", func(t *testing.T) {
			t.Parallel()
			s := c.scene(t)
			order := order
			order.Spec = s.spec()
			_, err := c.client(t).ExecuteWorkflow(t.Context(), client.StartWorkflowOptions{ID: "rollout/" + s.target(), TaskQueue: rollout.QueueControl},
				rollout.WorkflowType, order)
			require.NoError(t, err)
			e := s.ends(3, rollout.Refused, rollout.CauseSpec)
			require.Contains(t, e.Reason, "drill: a drill needs a rehearsal: bakeoff rehearse")
			require.Empty(t, s.world.Writes())
		})
	}
}

// A rehearsal that is stopped ends, whatever it was doing, and leaves nothing.
func TestRehearsalIsStoppedAnywhere(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	for _, at := range []string{"PUT /versions/" + candidate, "PUT /weights", "GET /versions/" + candidate + "/metrics", "DELETE /versions/" + candidate} {
		t.Run(at, func(t *testing.T) {
			file := h.manifest(h.browse("1m"), "drills: [{from: step 1, repeat: 9, restoreWithin: 10s}]")
			before := len(h.asked(at))
			out := h.cli("rehearse", file, "--detach", "--reason", "to be stopped")
			require.Zero(t, out.Code, out.Stderr)
			busy := h.cli("rehearse", file, "--reason", "once more")
			require.Equal(t, 15, busy.Code, busy.Stderr)
			h.awaits(at, before+1)
			out = h.cli("rehearse", file, "--stop", "--reason", "the test says so")
			require.Zero(t, out.Code, "%s\n%s", out.Stdout, out.Stderr)
			require.Contains(t, out.Stdout, string(evidence.Aborted))
			require.NotContains(t, out.Stdout, "  left behind  ")
			require.NotContains(t, h.world.State().Versions, candidate)
			told := h.cli("history", h.target()).Stdout
			require.NotContains(t, told, "aborted by temporal:cancel")
			if strings.Contains(told, "Aborted: ") { // it did not go back for its drill before
				require.Regexp(t, `Command .*tester@example.com: abort: the test says so \(accepted\)`, told)
				require.Contains(t, told, "Aborted: aborted by tester@example.com: the test says so")
			}
		})
	}
}

// A run that its schedule has started is stopped by the same command, and is not
// begun once more by hand.
func TestScheduledRehearsalIsStopped(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	file := h.manifest(h.browse("1m"), "drills: [{from: step 1, restoreWithin: 10s}]")
	out := h.cli("rehearse", file, "--schedule", "0 6 1 1 *", "--reason", "yearly")
	require.Zero(t, out.Code, out.Stderr)
	id, _, _ := strings.Cut(out.Stdout, ":")
	handle := h.town.client(t).ScheduleClient().GetHandle(t.Context(), id)
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	until(t, "the schedule starts it", func() bool { return h.requests.Load() > 0 })
	out = h.cli("rehearse", file, "--reason", "by hand")
	require.Equal(t, 15, out.Code, out.Stderr)
	out = h.cli("rehearse", file, "--stop", "--reason", "the test says so")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, string(evidence.Aborted))

	// Once more, by name, and when its schedule is gone.
	seen := h.requests.Load()
	require.NoError(t, handle.Trigger(t.Context(), client.ScheduleTriggerOptions{}))
	until(t, "the schedule starts it", func() bool { return h.requests.Load() > seen })
	name := "staging/" + h.name
	out = h.cli("list", "--rehearsals", "--env", "staging")
	require.Regexp(t, "(?m)^"+name+" +Practising,", out.Stdout)
	require.Regexp(t, "(?m)^"+name+" +20[0-9-]+ 06:00:00Z$", out.Stdout)
	out = h.cli("rehearse", name, "--unschedule")
	require.Equal(t, "schedule/rehearsal/"+name+": removed\n", out.Stdout, out.Stderr)
	until(t, "visibility knows of it", func() bool { return strings.Contains(h.cli("list", "--rehearsals").Stdout, "Practising") })
	out = h.cli("rehearse", name, "--stop", "--reason", "the test says so")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, string(evidence.Aborted))
	until(t, "visibility knows of its end", func() bool { return !strings.Contains(h.cli("list", "--rehearsals").Stdout, "Practising") })
	out = h.cli("rehearse", name, "--wait")
	require.Equal(t, 11, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	out = h.cli("rehearse", name, "--stop", "--reason", "the test says so")
	require.Zero(t, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "nothing runs")
	require.Equal(t, 1, h.cli("rehearse", name+"x", "--stop", "--reason", "a slip").Code)
}

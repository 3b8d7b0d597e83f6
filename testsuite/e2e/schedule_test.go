package e2e_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// scheduled is the line of a spec.
func scheduled(from, to time.Time) string {
	return fmt.Sprintf("schedule: {from: %s, to: %s}", from.UTC().Format(time.RFC3339Nano), to.UTC().Format(time.RFC3339Nano))
}

// A flag that is for a time: users meet it from then on and not before, everybody
// has it in the end, and then it goes back as it came, by itself. It may be started
// again with other moments, but not with those.
func TestSchedule(t *testing.T) {
	s := open(t).scene(t)
	lines := []string{oneStep, "release: {version: 2.5.0, artifact: 'registry.example/checkout@sha256:9f86d081884c7d65', flags: {new-cart: {enabled: true}}}",
		"target: {deploy: {driver: http, with: {url: '" + s.url + "'}}, traffic: {driver: http, with: {url: '" + s.url + "'}}, flags: {driver: http, with: {url: '" + s.url + "'}}, metrics: {driver: scrape}}"}
	from := time.Now().Add(3 * bake)
	to := from.Add(6 * bake)
	dated := append(lines, scheduled(from, to))
	planned := s.cli("plan", s.file(dated...))
	require.Contains(t, planned.Stdout, "schedule: users may have 2.5.0 from "+rollout.Clock(from.UTC()), planned.Stderr)
	s.start(dated...)
	s.waitsFor(rollout.GateSchedule)
	require.WithinDuration(t, from, *s.status().WaitingUntil, time.Millisecond)
	require.Empty(t, s.world.State().Flags)
	until(t, "everybody has it", func() bool { return strings.Contains(s.status().Reason, "everybody has 2.5.0 until") })
	require.Contains(t, s.world.State().Flags, "new-cart")
	require.Equal(t, rollout.All, s.weight())

	e := s.ends(10, rollout.RolledBack, rollout.CauseSchedule)
	require.Equal(t, "its schedule ended at "+rollout.Clock(to.UTC()), e.Reason)
	s.asBefore()
	for _, line := range []string{"PATCH /flags", "PUT /weights 200"} {
		require.False(t, s.asked(line)[0].At.Before(from), line)
	}
	back := s.asked("PUT /weights 200")
	require.WithinDuration(t, to, back[len(back)-1].At, bake)
	require.Equal(t, rollout.GateSchedule, s.told(rollout.EventGateWaiting)[0].Data["gate"])
	require.Equal(t, rollout.GateSchedule, s.told(rollout.EventGateRefused)[0].Data["gate"])

	require.Empty(t, s.above().Quarantine, "it is none the worse for it")
	again := s.cli("run", s.file(dated...), "--reason", "again")
	require.Equal(t, 3, again.Code, again.Stdout)
	require.Contains(t, again.Stderr, "schedule.to: "+rollout.Clock(to.UTC())+" is over: give a later moment, or leave it out")
	s.run(append(lines, fmt.Sprintf("schedule: {from: %s}", from.UTC().Format(time.RFC3339)))...).requires(s, 0, rollout.Promoted, "")
}

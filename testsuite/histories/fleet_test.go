package histories_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// fleetPath is one life of a fleet of three units.
type fleetPath struct {
	order    string // in which they take their turn; "": a before b and c
	lines    string // of the spec
	worker   string // its configuration; RECEIVER is one of notices
	schedule func(now time.Time) rollout.Schedule
	bad      string // the unit whose candidate fails
	strategy string
	plot     func(s *scene, worlds map[string]*sim.World)
	want     rollout.Outcome
}

// fleetPaths are kept as two histories each: the fleet's, and as name-unit that
// of the unit a.
var fleetPaths = map[string]fleetPath{
	"fleet-promote": {lines: "wait: 1s", want: rollout.Promoted},
	"fleet-wave":    {lines: "onFailure: wave", bad: "c", want: rollout.RolledBack},
	"fleet-one-bad": {bad: "b", want: rollout.RolledBack},
	"fleet-after":   {order: "after: {c: [b]}", lines: "wait: 1s", want: rollout.Promoted},
	"fleet-blocked": {order: "after: {c: [b]}", lines: "failureBudget: 1", bad: "b", want: rollout.Promoted},
	"fleet-schedule": {schedule: func(now time.Time) rollout.Schedule {
		return rollout.Schedule{From: now.Add(5 * time.Second), To: now.Add(45 * time.Second)}
	}, want: rollout.RolledBack},
	"fleet-paused": {order: "onFailure: unit", strategy: "{weight: 10%, bake: 20s}", plot: func(s *scene, worlds map[string]*sim.World) {
		baking := func(unit string) bool { return worlds[unit].State().Weights[candidate] > 0 }
		require.Eventually(s.t, func() bool { return baking("a") && baking("b") && baking("c") }, procs.Patience, pollEvery)
		s.order("pause", "--id", "p")
		worlds["a"].Behave(candidate, sim.Behaviour{Failures: 0.3})
		require.Eventually(s.t, func() bool { return !baking("a") }, procs.Patience, pollEvery)
		s.denied("abort", "--id", "p")
		s.order("resume")
	}, want: rollout.RolledBack},
	"fleet-rejected": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", want: rollout.RolledBack, plot: func(s *scene, _ map[string]*sim.World) {
		require.Eventually(s.t, func() bool {
			out := procs.CLI(context.Background(), s.t, s.server, "status", target+"/a", "-o", "json")
			var now rollout.Status
			return json.Unmarshal([]byte(out.Stdout), &now) == nil && now.WaitingFor == rollout.WaitingForApproval
		}, procs.Patience, pollEvery)
		out := procs.CLI(context.Background(), s.t, s.server, "reject", target+"/a", "--actor", "ana@example.com", "--reason", "the recording")
		require.Zero(s.t, out.Code, out.Stderr)
	}},
	"fleet-held": {want: rollout.Promoted, plot: func(s *scene, worlds map[string]*sim.World) {
		require.Eventually(s.t, func() bool { return worlds["a"].State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		held, err := s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: rollout.WorkflowIDOf(target + "/b"), TaskQueue: "nobody's"},
			rollout.WorkflowType, rollout.Order{})
		require.NoError(s.t, err)
		require.Eventually(s.t, func() bool {
			return slices.ContainsFunc(s.history("fleet/"+target).Events, func(e *historypb.HistoryEvent) bool {
				return e.GetStartChildWorkflowExecutionFailedEventAttributes() != nil
			})
		}, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), held.GetID(), held.GetRunID(), "recorded"))
	}},
	"fleet-notified": {lines: "wait: 1s", worker: notifies + "  subscriptions: [{to: webhook}]\n", want: rollout.Promoted},
	"fleet-escalated": {worker: climbs, plot: func(s *scene, worlds map[string]*sim.World) {
		require.Eventually(s.t, func() bool { return worlds["a"].State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		s.order("pause")
		s.told("fleet/"+target, rollout.OnEscalated)
		s.order("resume")
	}, want: rollout.Promoted},
	"fleet-lost": {want: rollout.RolledBack, plot: func(s *scene, worlds map[string]*sim.World) {
		require.Eventually(s.t, func() bool { return worlds["a"].State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), rollout.WorkflowIDOf(target+"/a"), "", "recorded"))
	}},
	"fleet-abort": {lines: "maxParallel: 1", want: rollout.Aborted, plot: func(s *scene, worlds map[string]*sim.World) {
		require.Eventually(s.t, func() bool { return worlds["b"].State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		s.order("pause")
		s.order("resume")
		s.order("abort")
	}},
}

func (p fleetPath) live(t *testing.T, server *procs.Server, folder, name string) {
	order := "waves: [[a], [b, c]]"
	if p.order != "" {
		order = p.order
	}
	worlds, spec := map[string]*sim.World{}, []string{"kind: Fleet", "service: checkout", "environment: staging", order, p.lines, "units:"}
	for _, unit := range []string{"a", "b", "c"} {
		worlds[unit] = sim.New(baseline)
		town := httptest.NewServer(httpworld.New(worlds[unit]))
		t.Cleanup(town.Close)
		spec = append(spec, fmt.Sprintf("  %s: {target: {deploy: {with: {url: %q}}, traffic: {with: {url: %[2]q}}}}", unit, town.URL))
	}
	if p.schedule != nil {
		times, err := json.Marshal(p.schedule(time.Now().UTC().Truncate(time.Second)))
		require.NoError(t, err)
		spec = append(spec, "schedule: "+string(times))
	}
	spec = append(spec, "rollout:")
	for line := range strings.Lines(path{strategy: p.strategy}.spec("http://unit")) {
		if key, _, _ := strings.Cut(line, ":"); key != "kind" && key != "service" && key != "environment" {
			spec = append(spec, "  "+strings.TrimRight(line, "\n"))
		}
	}
	file := filepath.Join(t.TempDir(), "fleet.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(spec, "\n")), 0o600))
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	s := &scene{t: t, server: server, worker: procs.StartWorker(t, server, strings.ReplaceAll(p.worker, "RECEIVER", receiver.URL))}
	var err error
	s.client, err = client.Dial(client.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	if p.bad != "" {
		worlds[p.bad].Behave(candidate, sim.Behaviour{Failures: 0.3})
	}
	s.order("start", file)
	if p.plot != nil {
		p.plot(s, worlds)
	}
	s.until(string(rollout.PhaseCompleted))
	require.Equal(t, p.want, s.status().Outcome)
	s.keep(filepath.Join(folder, name+".json"), s.history("fleet/"+target))
	s.keep(filepath.Join(folder, name+"-unit.json"), s.history("rollout/"+target+"/a"))
}

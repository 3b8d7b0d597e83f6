package bench

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// A fleet that is measured: half of its units are promoted and keep their
// baseline, half are baking, when the abort comes.
const (
	fleetUnits = 50
	fleetRuns  = 3
)

// BenchmarkFleetAbort measures how long after the abort of a fleet was accepted
// the restoring activity of each unit runs, and that every baseline is back.
func BenchmarkFleetAbort(b *testing.B) {
	s := newStage(b, rollout.Queues()...)
	var running, answered []time.Duration
	for n := range fleetRuns {
		f := s.openFleet(b, fmt.Sprintf("fleet-%d", n))
		accepted, verified := s.abortFleet(b, f)
		for unit := range f.Units {
			id := rollout.WorkflowID(f.Unit(unit).Key())
			running = append(running, s.entry.of(id, restoreID).Sub(accepted))
			world, _ := s.worlds.Load(s.service(f, unit))
			require.Equal(b, rollout.All, world.(*sim.World).State().Weights[baseline], unit)
		}
		answered = append(answered, verified.Sub(accepted))
	}
	b.ReportMetric(0, "ns/op")
	report(b, "p99-ms", Row{Name: "abort of a fleet of 50 → restoring, p99", Bound: 1500, Value: milliseconds(Quantile(running, 0.99)), Unit: "ms",
		Note: fmt.Sprintf("p50 %.0f ms, last %.0f ms; every baseline verified after %.0f ms (median of %d)",
			milliseconds(Median(running)), milliseconds(Quantile(running, 1)), milliseconds(Median(answered)), fleetRuns)})
}

// reach tells units, as the worker does. Nothing else runs here.
type reach struct{ client client.Client }

func (reach) Holder(context.Context, string) (string, bool, error) { return "", false, nil }

func (r reach) Tell(ctx context.Context, to activities.Unit, w rollout.Word) error {
	return r.client.SignalWorkflow(ctx, to.WorkflowID, to.RunID, rollout.SignalFleet, w)
}

func (reach) Enter(context.Context, rollout.Course) error { return nil }

func (r reach) Leave(ctx context.Context, fleet activities.Unit, target string) (why string, err error) {
	answer, err := r.client.QueryWorkflow(ctx, fleet.WorkflowID, fleet.RunID, rollout.LeaveQuery, target)
	if err != nil {
		return "", err
	}
	return why, answer.Get(&why)
}

// service is the name of a unit's world.
func (s *stage) service(f rollout.FleetSpec, unit string) string { return f.Service + "/" + unit }

// openFleet starts a fleet, and returns when half of it keeps its baseline and
// the other half bakes.
func (s *stage) openFleet(b *testing.B, service string) rollout.FleetSpec {
	common := orderFor("", rollout.Drivers{}, 5*time.Second).Spec
	common.Kind, common.Environment = "", ""
	none := rollout.Duration(0)
	common.Strategy.KeepBaseline = &none
	f := rollout.FleetSpec{Kind: "Fleet", Service: service, Environment: "bench", Rollout: common, Units: map[string]rollout.Spec{}, Waves: make([][]string, 2)}
	for i := range fleetUnits {
		name, wave := fmt.Sprintf("u%02d", i), i*2/fleetUnits
		own := rollout.Spec{Target: s.drivers(s.service(f, name))}
		if wave == 1 {
			own.Strategy.Canary = []rollout.Step{{Weight: 1000, Bake: rollout.Duration(10 * time.Minute)}}
		}
		f.Units[name], f.Waves[wave] = own, append(f.Waves[wave], name)
	}
	_, err := s.client.ExecuteWorkflow(context.Background(), client.StartWorkflowOptions{ID: rollout.FleetID(f.Key()), TaskQueue: rollout.QueueControl},
		rollout.FleetType, rollout.FleetOrder{Spec: f, Actor: "ci@example.com", Reason: "a measurement"})
	require.NoError(b, err)
	for _, unit := range f.Waves[1] {
		s.entry.await(b, rollout.WorkflowID(f.Unit(unit).Key()), "s01.w01.observe")
	}
	time.Sleep(settleAll)
	return f
}

// abortFleet aborts as the command line does. It returns when the abort was
// accepted, and when it was answered: every baseline is verified.
func (s *stage) abortFleet(b *testing.B, f rollout.FleetSpec) (accepted, answered time.Time) {
	id := rollout.FleetID(f.Key())
	c := abortCommand(id)
	require.NoError(b, s.client.SignalWorkflow(context.Background(), id, "", rollout.CommandAbort, c))
	handle, err := s.client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{UpdateID: c.ID, WorkflowID: id,
		UpdateName: c.Name, Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(b, err)
	require.NoError(b, handle.Get(context.Background(), nil))
	answered = time.Now()
	for _, e := range history(b, s.client, id).Events {
		if e.EventType == enumspb.EVENT_TYPE_WORKFLOW_EXECUTION_SIGNALED && e.GetWorkflowExecutionSignaledEventAttributes().SignalName == rollout.CommandAbort {
			accepted = e.EventTime.AsTime()
		}
	}
	require.NoError(b, s.client.GetWorkflow(context.Background(), id, "").Get(context.Background(), nil))
	return accepted, answered
}

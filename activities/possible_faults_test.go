package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// servedQueues are those that somebody polls.
type servedQueues []string

func (q servedQueues) Served(_ context.Context, queue string) (bool, error) {
	for _, is := range q {
		if is == queue {
			return true, nil
		}
	}
	return false, nil
}

// knowing is a driver of faults that knows what cannot begin.
type knowing struct{ activities.Faults }

func (knowing) Impossible(context.Context, fault.Fault) (field, why string) {
	return "toxiproxy.proxy", "there is no proxy db"
}

// A fault that the worker knows cannot begin is refused before anything is done.
func TestFaultThatIsImpossible(t *testing.T) {
	m := drilled()
	m.Faults = []fault.Fault{{Name: "slow", At: rollout.Duration(time.Second), For: rollout.Duration(5 * time.Second), Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: rollout.Duration(time.Second)}}}
	allowed := activities.Practice{Faults: fault.Limits{Kinds: []string{"toxiproxy"}, Proxies: []string{"db"}}}
	require.Empty(t, admitsTo(t, m, &activities.Activities{Practice: allowed}).Problems, "a driver that does not know says so when it begins")
	out := admitsTo(t, m, &activities.Activities{Practice: allowed, Faults: knowing{}})
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Equal(t, []rollout.Problem{{Path: "faults[0].toxiproxy.proxy", Message: "fault slow could not begin: there is no proxy db"}}, out.Problems)
}

// alike is a driver for which all processes are one.
type alike struct{ activities.Faults }

func (alike) Same(a, b fault.Fault) bool { return a.Process != nil && b.Process != nil }

// What the worker knows to be one thing is not changed twice at the same time, whatever
// the manifest calls it.
func TestFaultsOfOneThingByTwoNames(t *testing.T) {
	m := drilled()
	freeze := func(name string, x fault.Process, at time.Duration) fault.Fault {
		x.Do = fault.Freeze
		return fault.Fault{Name: name, At: rollout.Duration(at), For: rollout.Duration(5 * time.Second), Process: &x}
	}
	m.Faults = []fault.Fault{freeze("f", fault.Process{Name: "plain"}, 0), freeze("g", fault.Process{PIDFile: "/run/plain.pid"}, 4*time.Second), freeze("h", fault.Process{PIDFile: "/run/plain"}, 9*time.Second)}
	allowed := activities.Practice{Faults: fault.Limits{AtOnce: 2, Kinds: []string{"process"}, Processes: []string{"*"}, PIDFiles: []string{"/run/*"}}}
	require.Empty(t, admitsTo(t, m, &activities.Activities{Practice: allowed}).Problems)
	out := admitsTo(t, m, &activities.Activities{Practice: allowed, Faults: alike{}})
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Equal(t, []rollout.Problem{{Path: "faults[1].at",
		Message: "g changes the process /run/plain.pid, which is the process plain here, while f does: let one end before the other begins"}}, out.Problems)
}

// A fault of somebody else's activity that nobody serves is refused before anything
// is done.
func TestTaskFaultThatNobodyServes(t *testing.T) {
	m := drilled()
	m.Faults = []fault.Fault{{Name: "chaos", At: rollout.Duration(time.Second), For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
	allowed := activities.Practice{Faults: fault.Limits{Kinds: []string{"task"}, TaskQueues: []string{"chaos"}}}
	out := admitsTo(t, m, &activities.Activities{Practice: allowed, Queues: servedQueues{"chaos"}})
	require.Empty(t, out.Problems)
	out = admitsTo(t, m, &activities.Activities{Practice: allowed, Queues: servedQueues{"others"}})
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Equal(t, []rollout.Problem{{Path: "faults[0].task.taskQueue", Message: "fault chaos could not begin: nobody serves the queue chaos: start a worker that polls it for activities"}}, out.Problems)
}

// So it is when it is to be scheduled, though not today.
func TestImpossibleFaultIsNotScheduled(t *testing.T) {
	m := drilled()
	m.Faults = []fault.Fault{{Name: "chaos", At: rollout.Duration(time.Second), For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
	allowed := activities.Practice{Faults: fault.Limits{Kinds: []string{"task"}, TaskQueues: []string{"chaos"}}}
	asks := activities.AdmitRehearsalInput{Order: rehearsal.Order{Actor: "ana", Manifest: m}, Preview: true}
	require.Equal(t, activities.AdmitRehearsalOutput{}, looksAt(t, asks, &activities.Activities{Practice: allowed, Queues: servedQueues{"chaos"}}))
	out := looksAt(t, asks, &activities.Activities{Practice: allowed, Queues: servedQueues{}})
	require.Equal(t, rollout.CausePolicy, out.Cause)
	require.Equal(t, "faults[0].task.taskQueue", out.Problems[0].Path)
}

// A line that is stopped, or faults that are held back, keep nothing from being
// scheduled: who schedules is told, and the run is refused until that has ended.
func TestWhatIsClosedNowIsScheduled(t *testing.T) {
	m := drilled()
	m.Faults = []fault.Fault{{Name: "slow", At: rollout.Duration(time.Second), For: rollout.Duration(5 * time.Second), Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: rollout.Duration(time.Second)}}}
	asks := activities.AdmitRehearsalInput{Order: rehearsal.Order{Actor: "ana", Manifest: m}, Preview: true, RunID: "0123"}
	for name, tt := range map[string]struct {
		line   *stopLine
		faults *breakable
		want   string
	}{
		"open":      {&stopLine{}, &breakable{}, ""},
		"stopped":   {&stopLine{stopped: true}, &breakable{}, "the line of staging is stopped by bo: INC-12"},
		"no faults": {&stopLine{}, &breakable{held: "all faults were removed"}, "all faults were removed"},
	} {
		t.Run(name, func(t *testing.T) {
			a := &activities.Activities{Gates: activities.Gates{Lines: tt.line}, Faults: tt.faults,
				Practice: activities.Practice{Faults: fault.Limits{Kinds: []string{"toxiproxy"}, Proxies: []string{"db"}}}}
			require.Equal(t, activities.AdmitRehearsalOutput{Closed: tt.want}, looksAt(t, asks, a))
			asks := asks
			asks.Preview = false
			out := looksAt(t, asks, a)
			require.Empty(t, out.Closed)
			if tt.want != "" {
				require.Equal(t, rollout.CausePolicy, out.Cause)
				require.Equal(t, []rollout.Problem{{Message: tt.want}}, out.Problems)
			}
		})
	}
}

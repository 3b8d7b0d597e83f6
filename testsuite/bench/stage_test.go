package bench

import (
	"context"
	"log/slog"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/interceptor"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/activities/web"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/workflows"
)

// stage is a server, a client, and workers inside this process that serve the
// queues as bakeoff-worker does. Each service has a simulated world of its own.
type stage struct {
	server *procs.Server
	client client.Client
	entry  *entry
	worlds sync.Map // service → *sim.World
}

// newStage starts a server and workers for the queues. All of them end with
// the benchmark. Control also knows the bare workflow.
func newStage(b *testing.B, queues ...string) *stage {
	b.Helper()
	s := &stage{server: procs.StartServer(b), entry: &entry{at: map[string]time.Time{}}}
	s.client = dial(b, s.server)
	for _, queue := range queues {
		w := worker.New(s.client, queue, s.optionsFor(queue))
		w.RegisterActivity(&activities.Activities{Drivers: s.registry(), Executions: reach{s.client}})
		if queue == rollout.QueueControl {
			w.RegisterWorkflowWithOptions(workflows.Rollout, workflow.RegisterOptions{Name: rollout.WorkflowType})
			w.RegisterWorkflowWithOptions(workflows.Fleet, workflow.RegisterOptions{Name: rollout.FleetType})
			w.RegisterWorkflowWithOptions(bareWorkflow, workflow.RegisterOptions{Name: bareType})
			w.RegisterActivityWithOptions(bareRestore, activity.RegisterOptions{Name: bareAct})
		}
		require.NoError(b, w.Start())
		b.Cleanup(w.Stop)
	}
	return s
}

// optionsFor repeats worker/queues.go's queueFor, which no other program can
// import; TestOptionsAreTheWorkers keeps the two alike.
func (s *stage) optionsFor(queue string) worker.Options {
	o := worker.Options{
		MaxConcurrentActivityTaskPollers: 5, DisableWorkflowWorker: true, WorkerStopTimeout: time.Second,
		Interceptors: []interceptor.WorkerInterceptor{s.entry},
	}
	switch queue {
	case rollout.QueueControl:
		o.DisableWorkflowWorker = false
		o.MaxConcurrentWorkflowTaskPollers = 20
		o.StickyScheduleToStartTimeout = 700 * time.Millisecond
	case rollout.QueueAnalysis:
		o.MaxConcurrentActivityExecutionSize = 2000
		o.MaxHeartbeatThrottleInterval = 2 * time.Second
	}
	return o
}

// dial connects to a server, silently.
func dial(b *testing.B, s *procs.Server) client.Client {
	b.Helper()
	c, err := client.Dial(client.Options{HostPort: s.Address, Logger: sdklog.NewStructuredLogger(silent())})
	require.NoError(b, err)
	b.Cleanup(c.Close)
	return c
}

// silent logs nothing.
func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

// registry has the driver "sim", which finds a service's world by the
// parameter "service", and "http" for weights of services over HTTP.
func (s *stage) registry() activities.Registry {
	find := func(with activities.With) (*sim.World, error) {
		w, _ := s.worlds.LoadOrStore(with["service"], newWorld())
		return w.(*sim.World), nil
	}
	return activities.Registry{
		Deploy: map[string]func(activities.With) (activities.Deployer, error){"sim": func(w activities.With) (activities.Deployer, error) { return find(w) }},
		Traffic: map[string]func(activities.With) (activities.Traffic, error){
			"sim": func(w activities.With) (activities.Traffic, error) { return find(w) },
			"http": func(w activities.With) (activities.Traffic, error) {
				var c web.Config
				err := w.Decode(&c)
				if err != nil {
					return nil, err
				}
				return web.NewTraffic(c)
			},
		},
		Metrics: map[string]func(activities.With) (activities.Metrics, error){"sim": func(w activities.With) (activities.Metrics, error) { return find(w) }},
	}
}

// newWorld is a service whose versions are all alike.
func newWorld() *sim.World {
	w := sim.New(baseline)
	for _, v := range []string{baseline, candidate} {
		w.Behave(v, sim.Behaviour{Rate: 400, Failures: 0.01})
	}
	return w
}

// drivers of a service on this stage.
func (s *stage) drivers(service string) rollout.Drivers {
	d := rollout.Driver{Driver: "sim", With: map[string]any{"service": service}}
	return rollout.Drivers{Deploy: d, Traffic: d, Metrics: &d}
}

// entry notes when the code of activities began to run: of which workflow and
// activity id, first attempts only.
type entry struct {
	interceptor.WorkerInterceptorBase
	mu     sync.Mutex
	at     map[string]time.Time
	held   string // id of activities that do not begin
	begins chan struct{}
}

// InterceptActivity implements [interceptor.WorkerInterceptor].
func (e *entry) InterceptActivity(_ context.Context, next interceptor.ActivityInboundInterceptor) interceptor.ActivityInboundInterceptor {
	return &entryOfOne{interceptor.ActivityInboundInterceptorBase{Next: next}, e}
}

// entryOfOne is entry around one activity.
type entryOfOne struct {
	interceptor.ActivityInboundInterceptorBase
	entry *entry
}

// ExecuteActivity notes the time and runs the activity.
func (e *entryOfOne) ExecuteActivity(ctx context.Context, in *interceptor.ExecuteActivityInput) (any, error) {
	now, info := time.Now(), activity.GetInfo(ctx)
	if begins := e.entry.note(info, now); begins != nil {
		<-begins
	}
	return e.Next.ExecuteActivity(ctx, in)
}

// note writes a first attempt down. It returns a channel to wait for where the
// activity is held.
func (e *entry) note(info activity.Info, now time.Time) <-chan struct{} {
	e.mu.Lock()
	defer e.mu.Unlock()
	if info.Attempt == 1 {
		e.at[info.WorkflowExecution.ID+" "+info.ActivityID] = now
	}
	if info.ActivityID == e.held {
		return e.begins
	}
	return nil
}

// hold keeps activities of that id from beginning until the returned function
// is called.
func (e *entry) hold(activityID string) (release func()) {
	e.mu.Lock()
	defer e.mu.Unlock()
	begins := make(chan struct{})
	e.held, e.begins = activityID, begins
	return func() {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.held = ""
		close(begins)
	}
}

// of returns when an activity's code began to run; the zero time: not yet.
func (e *entry) of(workflowID, activityID string) time.Time {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.at[workflowID+" "+activityID]
}

// await returns when the activity runs.
func (e *entry) await(b *testing.B, workflowID, activityID string) {
	b.Helper()
	eventually(b, activityID+" of "+workflowID, func() bool { return !e.of(workflowID, activityID).IsZero() })
}

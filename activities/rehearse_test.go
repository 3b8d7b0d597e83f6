package activities_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/testsuite"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// did runs one activity.
func did[In, Out any](t *testing.T, act func(context.Context, In) (Out, error), in In) (Out, error) {
	t.Helper()
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestActivityEnvironment()
	env.RegisterActivity(act)
	var out Out
	value, err := env.ExecuteActivity(act, in)
	if err == nil {
		err = value.Get(&out)
	}
	return out, err
}

// room is where rehearsals leave their evidence.
type room struct {
	t    *testing.T
	acts *activities.Activities
	in   activities.ConcludeRehearsalInput
}

func newRoom(t *testing.T) *room {
	r := &room{t: t, acts: &activities.Activities{Archive: store.NewArchive(t.TempDir())}}
	r.in.Plan.Run = "staging/shop/1"
	r.in.Order.Manifest = rehearsal.Manifest{Kind: rehearsal.Kind, Name: "shop", Environment: "staging"}
	r.in.Status.StartedAt = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)
	r.in.Facts.Before = rehearsal.State{Digest: "a"}
	r.in.Facts.After = r.in.Facts.Before
	return r
}

// conclude judges the run, and reads the evidence back.
func (r *room) conclude() evidence.Run {
	r.t.Helper()
	out, err := did(r.t, r.acts.ConcludeRehearsal, r.in)
	require.NoError(r.t, err)
	file, err := r.acts.Archive.Open(r.t.Context(), r.in.Plan.Run, "evidence.json")
	require.NoError(r.t, err)
	body, err := io.ReadAll(file)
	require.NoError(r.t, errors.Join(err, file.Close()))
	var run evidence.Run
	require.NoError(r.t, json.Unmarshal(body, &run))
	require.Equal(r.t, out.Outcome, run.Outcome)
	return run
}

// began lets the load begin.
func (r *room) began(l load.Load) {
	r.in.Order.Manifest.Load = append(r.in.Order.Manifest.Load, l)
	r.in.Facts.Zero = r.in.Status.StartedAt
	r.in.Facts.End = r.in.Facts.Zero.Add(time.Minute)
}

// sent keeps requests of a load, all of them good.
func (r *room) sent(name, file string, arrivals int) {
	r.t.Helper()
	to, err := r.acts.Archive.Create(r.t.Context(), r.in.Plan.Run, file)
	require.NoError(r.t, err)
	raw := load.NewRawWriter(to, r.in.Facts.Zero)
	for i := range arrivals {
		raw.Write(load.Record{Arrival: i, Planned: time.Duration(i) * 100 * time.Millisecond, Latency: time.Millisecond, Status: 200})
	}
	require.NoError(r.t, errors.Join(raw.Close(), to.Close()), name)
}

var browse = load.Load{Name: "browse", URL: "http://127.0.0.1:1/", Rate: 10, For: rollout.Duration(time.Second)}

func outcomes(run evidence.Run) map[string]string {
	out := map[string]string{}
	for _, c := range run.Criteria {
		out[c.Name] = string(c.Outcome) + ": " + c.Reason
	}
	return out
}

func TestConcludeRehearsal(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	run := r.conclude()
	require.Equal(t, evidence.Passed, run.Outcome, run.Reason)
	require.Equal(t, 10, run.Load[0].Sent)
}

// A load of which a part was not sent says nothing, also where nobody knows how
// much that was.
func TestLoadThatWasNotSent(t *testing.T) {
	t.Run("all of it", func(t *testing.T) {
		r := newRoom(t)
		r.began(browse)
		run := r.conclude()
		require.Equal(t, evidence.Unmeasured, run.Outcome)
		require.Contains(t, outcomes(run)["browse was sent as planned"], "Unmeasured: what was sent is not known")
	})
	t.Run("one of two parts", func(t *testing.T) {
		r := newRoom(t)
		r.began(browse)
		r.sent("browse", "load-browse.1.1.csv.gz", 5)
		r.in.Facts.Attacks = []activities.AttackOutput{{Load: "browse"}, {Load: "browse", Shard: 1, Error: "keep load-browse.2.1.csv.gz: no room"}}
		require.Contains(t, outcomes(r.conclude())["browse was sent as planned"], "Unmeasured: a part of it could not be sent: keep load-browse.2.1.csv.gz: no room")
	})
}

// What was stopped before it began leaves evidence of that.
func TestConcludeWhatNeverBegan(t *testing.T) {
	r := newRoom(t)
	r.in.Order.Manifest.Load = []load.Load{browse}
	r.in.Facts = activities.RehearsalFacts{Aborted: "stopped by bo: not now"}
	run := r.conclude()
	require.Equal(t, evidence.Aborted, run.Outcome)
	require.Equal(t, r.in.Status.StartedAt, run.StartedAt)
	require.Empty(t, run.Residue)
}

// unreachable makes no fault: it is asked in vain until the fault's end.
type unreachable struct {
	activities.Faults
	ended evidence.Fault
}

func (unreachable) Inject(context.Context, activities.FaultOrder) error {
	return errors.New("no answer")
}
func (unreachable) Remove(context.Context, activities.FaultOrder) error { return nil }
func (u unreachable) Ended(context.Context, string) (evidence.Fault, error) {
	if u.ended.EndedAt.IsZero() {
		return u.ended, activities.ErrNotFound
	}
	return u.ended, nil
}

// A fault that nobody could begin is none that came and went.
func TestFaultThatNeverBegan(t *testing.T) {
	now := time.Now()
	in := activities.HoldFaultInput{Run: "staging/shop/1", Fault: fault.Fault{Name: "slow"}, Until: now.Add(time.Minute)}
	_, err := did(t, (&activities.Activities{Faults: unreachable{}}).HoldFault, in)
	require.ErrorContains(t, err, "begin fault slow: no answer")

	in.Until = now.Add(-time.Second)
	out, err := did(t, (&activities.Activities{Faults: unreachable{ended: evidence.Fault{Name: "slow", EndedAt: now, Verified: true, RemovedBy: "rehearsal"}}}).HoldFault, in)
	require.NoError(t, err)
	r := newRoom(t)
	r.in.Order.Manifest.Faults = []fault.Fault{in.Fault}
	r.in.Facts.Faults = []evidence.Fault{out.Fault}
	require.Equal(t, "Unmeasured: it was not seen in force: until its end nothing could begin it", outcomes(r.conclude())["slow came and went"])

	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	act := (&activities.Activities{Faults: unreachable{ended: evidence.Fault{Name: "slow", EndedAt: now, Verified: true}}}).HoldFault
	env.RegisterActivity(act)
	env.SetHeartbeatDetails("no answer") // of the try before
	value, err := env.ExecuteActivity(act, in)
	require.NoError(t, err)
	require.NoError(t, value.Get(&out))
	require.Equal(t, "until its end nothing could begin it: no answer", out.Fault.Error)
}

// endless sends until it is told to end.
type endless struct{}

func (endless) Attack(ctx context.Context, _ activities.AttackOrder, _ io.Writer, _ func(load.Results)) (load.Results, error) {
	<-ctx.Done()
	return load.Results{}, ctx.Err()
}

// A generator that stood still, and has a successor by now, sends nothing more.
func TestFrozenGeneratorEnds(t *testing.T) {
	r := newRoom(t)
	var looked atomic.Int64
	began := time.Now()
	r.acts.Load, r.acts.Now = endless{}, func() time.Time { return began.Add(time.Duration(looked.Add(1)) * 24 * time.Hour) }
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(r.acts)
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour, HeartbeatTimeout: time.Minute,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, "Attack", activities.AttackInput{Run: r.in.Plan.Run, Load: browse.WithDefaults(), Start: began}).Get(ctx, nil)
	})
	require.ErrorContains(t, env.GetWorkflowError(), "send browse: this worker stood still for so long that another one was given the act")
}

// deaf is a Temporal that hears so many heartbeats, and no more.
type deaf struct{ hears, asked atomic.Int64 }

func (d *deaf) RecordActivityHeartbeat(ctx context.Context, token []byte, _ ...any) error {
	if d.asked.Add(1) > d.hears.Load() {
		<-ctx.Done()
		return ctx.Err()
	}
	return nil
}

// A generator that is cut off from Temporal ends before it has a successor, although
// all that it sends to is there.
func TestGeneratorThatIsCutOffEnds(t *testing.T) {
	r, temporally := newRoom(t), &deaf{}
	temporally.hears.Store(3)
	r.acts.Load, r.acts.Beats = endless{}, temporally
	var suite testsuite.WorkflowTestSuite
	env := suite.NewTestWorkflowEnvironment()
	env.RegisterActivity(r.acts)
	began, beat := time.Now(), time.Second
	env.ExecuteWorkflow(func(ctx workflow.Context) error {
		ctx = workflow.WithActivityOptions(ctx, workflow.ActivityOptions{StartToCloseTimeout: time.Hour, HeartbeatTimeout: beat,
			RetryPolicy: &temporal.RetryPolicy{MaximumAttempts: 1}})
		return workflow.ExecuteActivity(ctx, "Attack", activities.AttackInput{Run: r.in.Plan.Run, Load: browse.WithDefaults(), Start: began}).Get(ctx, nil)
	})
	require.ErrorContains(t, env.GetWorkflowError(), "send browse: this worker was cut off from Temporal for so long that another one is given the act")
	require.EqualValues(t, 4, temporally.asked.Load())
	require.Greater(t, time.Since(began), beat, "as long as it was heard it went on")
}

// The requests of a load are not taken for those of another whose name goes on
// after a dot, and tries are read in their order.
func TestRequestsAreOfTheirOwnLoad(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	mobile := browse
	mobile.Name = "browse.1"
	r.began(mobile)
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	r.sent("browse.1", "load-browse.1.1.1.csv.gz", 7)
	run := r.conclude()
	require.Equal(t, 10, run.Load[0].Sent)
	require.Equal(t, 7, run.Load[1].Sent)
}

// The time to restore of a run is that of the drill that was made most often.
func TestTimeToRestoreOfSeveralDrills(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	at := func(seconds int) *time.Time {
		moment := r.in.Facts.Zero.Add(time.Duration(seconds) * time.Second)
		return &moment
	}
	timed := evidence.Repeat{BreachAt: at(1), HealthyAt: at(3), RunID: "r", Outcome: evidence.Passed}
	r.in.Facts.Drills = []evidence.Drill{{Repeats: []evidence.Repeat{timed, timed}}, {Repeats: []evidence.Repeat{timed}}, {}}
	out, err := did(t, r.acts.ConcludeRehearsal, r.in)
	require.NoError(t, err)
	require.Equal(t, 2, out.Restore.N)
}

// Where evidence cannot be written a rehearsal is refused at once, before anything
// is done.
func TestEvidenceThatCannotBeWritten(t *testing.T) {
	r := newRoom(t)
	taken := filepath.Join(t.TempDir(), "evidence")
	require.NoError(t, os.WriteFile(taken, nil, 0o600))
	r.acts.Archive, r.acts.Practice.Place = store.NewArchive(taken), func(run string) string { return run }
	m := r.in.Order.Manifest
	m.Drills = []rehearsal.Drill{{From: 1, RestoreWithin: rollout.Duration(time.Minute)}}
	require.Empty(t, specfile.Decode("shop.yaml", []byte(spec), &m.Rollout.Spec))
	admitted, err := did(t, r.acts.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Manifest: m}, RunID: "0123"})
	require.NoError(t, err)
	require.Equal(t, rollout.CausePolicy, admitted.Cause, admitted.Problems)
	require.Contains(t, admitted.Problems[0].Message, "the evidence cannot be written: see evidence.directory of the worker: manifest.json")
}

const spec = `kind: Rollout
service: shop
environment: staging
release: {version: 2.5.0, artifact: "registry.example/shop@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"}
target:
  deploy:  {driver: http, with: {url: "http://deployer:8080"}}
  traffic: {driver: http, with: {url: "http://router:8080"}}
  metrics: {driver: prometheus, with: {url: "http://prometheus:9090"}}
strategy: {canary: [{weight: 5%, bake: 10m}]}
checks:
  - {name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version}
`

// stuck are faults the first of which goes when the second has.
type stuck struct {
	activities.Faults
	second chan struct{}
}

func (s *stuck) Active(context.Context) ([]activities.ActiveFault, error) {
	return []activities.ActiveFault{{ID: "staging/shop/1/a", Name: "a", What: "x"}, {ID: "staging/shop/2/other"}, {ID: "staging/shop/1/b"}}, nil
}

func (s *stuck) Remove(_ context.Context, o activities.FaultOrder) error {
	if o.ID == "staging/shop/1/b" {
		close(s.second)
		return nil
	}
	select {
	case <-s.second:
		return errors.New("it stays")
	case <-time.After(5 * time.Second):
		return errors.New("no other one is removed meanwhile")
	}
}

// A fault that does not go keeps no other from going.
func TestFaultsAreSweptAtOnce(t *testing.T) {
	out, err := did(t, (&activities.Activities{Faults: &stuck{second: make(chan struct{})}}).SweepFaults, activities.SweepFaultsInput{Run: "staging/shop/1"})
	require.NoError(t, err)
	require.Equal(t, []string{"fault a (x): it stays"}, out.Left)
}

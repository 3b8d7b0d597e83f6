package histories_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/worker"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// rehearsalPath is one life of a rehearsal.
type rehearsalPath struct {
	lines  string // of the manifest, besides load; USERS is where it goes, DRIFT a file that may be changed
	policy string // of the rollout
	plot   func(s *scene)
	want   evidence.Outcome
	blind  bool   // its target cannot be read: no rollout is started
	served string // the queue of its fault, which somebody serves until the plot says otherwise
	dead   bool   // its worker dies with its fault in force, and it is stopped before the next one is there: no rollout is started
	early  bool   // it is stopped before a worker takes it up: no rollout is started
	sick   bool   // so are users, from the beginning: no rollout is started
	suite  bool   // it is the one of a suite, whose history is kept, too, as name-suite
	lost   bool   // that suite is terminated
	apart  bool   // its rollout has a workflow between the two, which is kept, too, as name-apart
	gone   bool   // it is terminated: who watches it is kept, too, as name-watch, and no rollout
	queues string // which alone the worker serves; "": all. Where nobody serves that of rehearsals, it stays with its preparation
	held   bool   // another rollout is under way: none of its own is started
	data   bool   // it replaces the rows of a table in a real database, and puts them back
}

// probed is a fault with a probe before and after it, and one while it is there.
const probed = `faults: [{name: drift, at: 1s, for: %s, drift: {file: "DRIFT", content: drifted}}]
probes: [{name: edge, url: "USERS", mode: edge}, {name: alive, url: "USERS", mode: continuous, every: 200ms}]
drills: [{from: step 1, after: 3s, restoreWithin: 20s}]`

// promoted has the rollout itself made, and says what to deploy when it is taken back.
const promoted = "outcome: Promoted\nbaseline: {artifact: \"checkout@sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730\"}"

// rehearsalPaths are kept as the rehearsal's history, and as name-rollout that of
// the last rollout that it started, where there is one.
var rehearsalPaths = map[string]rehearsalPath{
	"rehearsal-drills": {lines: "drills: [{from: step 1, after: 1s, repeat: 2, restoreWithin: 20s}]", want: evidence.Passed},
	"rehearsal-data": {lines: "data: [{name: orders, snapshot: orders.csv, digest: \"" + ordersDigest + "\", into: {database: shop, table: orders, after: restore, unchanged: [orders]}}]\n" +
		"drills: [{from: step 1, after: 1s, restoreWithin: 20s}]", want: evidence.Passed, data: true},
	"rehearsal-no-data": {lines: "drills: [{from: step 1, after: 1s, verdict: NoData, restoreWithin: 20s}]", policy: "grace: 1s, holdFor: 3s, otherwise: rollback", want: evidence.Passed},
	"rehearsal-held":    {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]", held: true, want: evidence.Unmeasured},
	"rehearsal-scaling": {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]\n" +
		"scaling: {replicas: {min: 1, max: 3}, upWithin: 2s, downWithin: 2s, overshoot: 1, oscillations: 0, metrics: {driver: scrape}}", want: evidence.Unmeasured},
	"rehearsal-journeys": {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]\nload: [{name: shop, url: \"USERS\", rate: 10/s, for: 6s, journeys: [{name: order, steps: [" +
		"{method: POST, path: \"/orders/{{id}}\", body: \"{{payload}}\", expect: {status: 200}, ledger: write}, {path: \"/orders/{{id}}\", ledger: read}]}]}]", want: evidence.Passed},
	"rehearsal-outcome": {lines: promoted, want: evidence.Passed, apart: true},
	"rehearsal-stopped": {lines: "drills: [{from: step 1, after: 3s, repeat: 9, restoreWithin: 20s}]", want: evidence.Aborted,
		plot: func(s *scene) {
			require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
			s.stop()
		}},
	"rehearsal-signals": {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]\nsignals: [{name: none, gauge: none, metrics: {driver: scrape}}]", want: evidence.Passed},
	"rehearsal-reversed": {lines: "outcome: RolledBack", want: evidence.Passed, apart: true, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		s.world.Behave(candidate, sim.Behaviour{Failures: 0.3})
	}},
	"rehearsal-probed": {lines: fmt.Sprintf(probed, "5s"), want: evidence.Passed},
	"rehearsal-halted": {lines: fmt.Sprintf(probed, "5m"), want: evidence.Halted,
		plot: func(s *scene) {
			require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
			s.sick.Store(true)
		}},
	"rehearsal-vetoed": {lines: fmt.Sprintf(probed, "5s"), want: evidence.Halted, sick: true},
	"rehearsal-suite":  {lines: "drills: [{from: step 1, after: 1s, restoreWithin: 20s}]", want: evidence.Passed, suite: true},
	"rehearsal-suite-stopped": {lines: "drills: [{from: step 1, after: 3s, repeat: 9, restoreWithin: 20s}]", want: evidence.Aborted, suite: true, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.SignalWorkflow(context.Background(), rollout.SuiteID("recorded"), "", rehearsal.SignalStop,
			rehearsal.Stop{ID: "1", Actor: "ana@example.com", Reason: "recorded"}))
	}},
	"rehearsal-suite-gone": {lines: "drills: [{from: step 1, after: 3s, repeat: 9, restoreWithin: 20s}]", want: evidence.Aborted, suite: true, lost: true, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), rollout.SuiteID("recorded"), "", "recorded"))
	}},
	"rehearsal-outcome-stopped": {lines: promoted, want: evidence.Aborted, apart: true, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		s.stop()
	}},
	"rehearsal-gone": {lines: "drills: [{from: step 1, after: 3s, repeat: 9, restoreWithin: 20s}]", gone: true, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.world.State().Weights[candidate] > 0 }, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "", "recorded"))
	}},
	"rehearsal-gone-early": {gone: true, queues: "control", plot: func(s *scene) {
		require.Eventually(s.t, func() bool { // its admission waits for a worker
			of, err := s.client.DescribeWorkflowExecution(context.Background(), rollout.RehearsalID("staging", "recorded"), "")
			return err == nil && len(of.PendingActivities) == 1
		}, procs.Patience, pollEvery)
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "", "recorded"))
	}},
	"rehearsal-stopped-blind": {lines: "drills: [{from: step 1, after: 3s, restoreWithin: 20s}]", want: evidence.Aborted, blind: true, plot: func(s *scene) {
		s.practising()
		s.stop()
	}},
	"rehearsal-untaken": {lines: "faults: [{name: chaos, at: 3s, for: 5s, task: {taskQueue: chaos, activity: PodKill}}]\ndrills: [{from: step 1, after: 1s, restoreWithin: 20s}]", want: evidence.Unmeasured,
		served: "chaos", plot: func(s *scene) {
			s.practising()
			s.crew.Stop()
		}},
	"rehearsal-untaken-stopped": {lines: "faults: [{name: chaos, at: 1s, for: 5m, task: {taskQueue: chaos, activity: PodKill}}]\ndrills: [{from: step 1, after: 1s, restoreWithin: 20s}]", want: evidence.Aborted,
		served: "chaos", plot: func(s *scene) {
			s.practising()
			s.crew.Stop()
			require.Eventually(s.t, func() bool {
				of, err := s.client.DescribeWorkflowExecution(context.Background(), rollout.RehearsalID("staging", "recorded"), "")
				return err == nil && slices.ContainsFunc(of.PendingActivities, func(a *workflowpb.PendingActivityInfo) bool { return a.ActivityId == "fault.chaos.start" })
			}, procs.Patience, pollEvery)
			s.stop()
		}},
	"rehearsal-stopped-dead":  {lines: `faults: [{name: drift, at: 1s, for: 5m, drift: {file: "DRIFT", content: drifted}}]`, want: evidence.Aborted, dead: true},
	"rehearsal-stopped-early": {lines: promoted, want: evidence.Aborted, early: true},
}

// orders are rows of a set, and their digest.
const (
	orders       = "id\n1\n2\n"
	ordersDigest = "sha256:1d1c91d15ace6e21ea5f551e16e717f326992bdf800f6696628859be29b906bf"
)

// shop is the database of a path, as the worker's configuration of rehearsals has it;
// "" where it needs none.
func (p rehearsalPath) shop(t *testing.T) string {
	if !p.data {
		return ""
	}
	address, library := procs.StartPostgres(t).URL, t.TempDir()
	conn, err := pgx.Connect(context.Background(), address)
	require.NoError(t, err)
	_, err = conn.Exec(context.Background(), "CREATE TABLE orders (id int); INSERT INTO orders VALUES (7)")
	require.NoError(t, err)
	t.Cleanup(func() {
		var sum int
		require.NoError(t, conn.QueryRow(context.Background(), "SELECT sum(id) FROM orders").Scan(&sum))
		require.Equal(t, 7, sum)
		_ = conn.Close(context.Background())
	})
	require.NoError(t, os.WriteFile(filepath.Join(library, "orders.csv"), []byte(orders), 0o600))
	t.Setenv("SHOP_DATABASE", address)
	return fmt.Sprintf(", directory: %q, databases: {shop: {env: SHOP_DATABASE}}", library)
}

// practising waits until the rehearsal is.
func (s *scene) practising() {
	require.Eventually(s.t, func() bool {
		value, err := s.client.QueryWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "", rehearsal.StatusQuery)
		var status rehearsal.Status
		return err == nil && value.Get(&status) == nil && status.Phase == rehearsal.Practising
	}, procs.Patience, pollEvery)
}

// stop stops the rehearsal.
func (s *scene) stop() {
	require.NoError(s.t, s.client.SignalWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "", rehearsal.SignalStop,
		rehearsal.Stop{ID: "1", Actor: "ana@example.com", Reason: "recorded"}))
}

func (p rehearsalPath) live(t *testing.T, server *procs.Server, folder, name string) {
	world := sim.New(baseline)
	of := httpworld.New(world)
	town := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if p.blind {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		of.ServeHTTP(w, r)
	}))
	t.Cleanup(town.Close)
	s := &scene{t: t, server: server, world: world}
	s.sick.Store(p.sick)
	var written sync.Map // by path
	users := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if s.sick.Load() {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
		body, _ := io.ReadAll(r.Body)
		if r.Method == http.MethodPost {
			written.Store(r.URL.Path, body)
		} else if body, known := written.Load(r.URL.Path); known {
			_, _ = fmt.Fprintf(w, `{"payload": %q}`, body)
		}
	}))
	t.Cleanup(users.Close)
	drift := filepath.Join(t.TempDir(), "drift")
	require.NoError(t, os.WriteFile(drift, []byte("as it is"), 0o600))
	manifest := []string{"kind: Rehearsal", "name: recorded", "environment: staging", "seed: 1", strings.NewReplacer("USERS", users.URL, "DRIFT", drift).Replace(p.lines),
		fmt.Sprintf("load: [{name: browse, url: %q, rate: 20/s, for: 6s}]", users.URL), "rollout:"}
	if strings.Contains(p.lines, "load:") {
		manifest = slices.Delete(manifest, len(manifest)-2, len(manifest)-1)
	}
	for line := range strings.Lines(path{policy: p.policy}.spec(town.URL)) {
		manifest = append(manifest, "  "+strings.TrimRight(line, "\n"))
	}
	file := filepath.Join(t.TempDir(), "rehearsal.yaml")
	require.NoError(t, os.WriteFile(file, []byte(strings.Join(manifest, "\n")), 0o600))
	var args []string
	if p.queues != "" {
		args = []string{"--queues", p.queues}
	}
	config := fmt.Sprintf("evidence: {directory: %q}\nrehearsals: {faults: {directory: %q, limits: {kinds: [drift, task], files: [%q], taskQueues: [chaos]}}%s}\n",
		t.TempDir(), t.TempDir(), drift, p.shop(t))
	work := func() { s.worker = procs.StartWorker(t, server, config, args...) }
	if p.early {
		s.server = procs.StartServer(t) // which no worker has polled yet
		server = s.server
	} else {
		work()
	}
	var err error
	s.client, err = client.Dial(client.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	if p.served != "" {
		s.crew = worker.New(s.client, p.served, worker.Options{})
		s.crew.RegisterActivityWithOptions(func(context.Context) error { return nil }, activity.RegisterOptions{Name: "PodKill"})
		require.NoError(t, s.crew.Start())
	}
	if p.suite {
		of := fmt.Sprintf("kind: RehearsalSuite\nname: recorded\nrehearsals: [%q]\n", filepath.Base(file))
		file = filepath.Join(filepath.Dir(file), "suite.yaml")
		require.NoError(t, os.WriteFile(file, []byte(of), 0o600))
	}
	if p.held {
		spec := filepath.Join(t.TempDir(), "spec.yaml")
		require.NoError(t, os.WriteFile(spec, []byte(path{strategy: waits}.spec(town.URL)), 0o600))
		s.order("start", spec)
		s.until("approval")
		defer s.order("abort")
	}
	out := procs.CLI(context.Background(), t, server, "rehearse", file, "--detach", "--reason", "recorded")
	require.Zero(t, out.Code, out.Stderr)
	if p.plot != nil {
		p.plot(s)
	}
	if p.dead {
		require.Eventually(t, func() bool {
			is, err := os.ReadFile(drift)
			return err == nil && string(is) == "drifted"
		}, procs.Patience, pollEvery)
		s.worker.Kill()
	}
	if p.early || p.dead {
		s.stop()
		work()
	}
	if p.gone {
		watch := rollout.RehearsalID("staging", "recorded") + "/watch"
		require.NoError(t, s.client.GetWorkflow(context.Background(), watch, "").Get(context.Background(), nil))
		s.keep(filepath.Join(folder, name+".json"), s.history(rollout.RehearsalID("staging", "recorded")))
		s.keep(filepath.Join(folder, name+"-watch.json"), s.history(watch))
		_ = s.client.GetWorkflow(context.Background(), "rollout/"+target, "").Get(context.Background(), nil) // who comes next finds the target free
		return
	}
	if p.suite {
		var of rehearsal.SuiteStatus
		err := s.client.GetWorkflow(context.Background(), rollout.SuiteID("recorded"), "").Get(context.Background(), &of)
		require.Equal(t, p.lost, err != nil, "%v", err)
		require.True(t, p.lost || of.Outcome == p.want, of.Reason)
		s.keep(filepath.Join(folder, name+"-suite.json"), s.history(rollout.SuiteID("recorded")))
	}
	var status rehearsal.Status
	require.NoError(t, s.client.GetWorkflow(context.Background(), rollout.RehearsalID("staging", "recorded"), "").Get(context.Background(), &status))
	require.Equal(t, p.want, status.Outcome, status.Reason)
	s.keep(filepath.Join(folder, name+".json"), s.history(rollout.RehearsalID("staging", "recorded")))
	if !p.early && !p.dead && !p.sick && !p.blind && !p.held {
		s.keep(filepath.Join(folder, name+"-rollout.json"), s.history("rollout/"+target))
	}
	if p.apart {
		s.keep(filepath.Join(folder, name+"-apart.json"), s.history(rollout.RehearsalID("staging", "recorded")+"/rollout"))
	}
}

// Package histories_test holds golden histories: what released workers wrote
// must stay replayable, and readable to the last field, for as long as such a
// rollout may run. Read TestRecord for how they came to be.
package histories_test

import (
	"context"
	"encoding/json"
	"flag"
	"maps"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

// record names a folder to be ADDED. Record with released code, never with the
// branch under test:
//
//	make dev && go test ./testsuite/histories -run TestRecord -record v0.1.0
var record = flag.String("record", "", "record the histories of real runs into this new folder")

func TestMain(m *testing.M) {
	flag.Parse()
	code := m.Run()
	procs.Clean()
	os.Exit(code)
}

// The worker replays every one and decodes it strictly.
func TestGolden(t *testing.T) {
	t.Parallel()
	out, err := exec.Command(procs.Program(t, "bakeoff-worker"), "verify", "--golden", ".").CombinedOutput()
	require.NoError(t, err, string(out))
}

// Every path that a rollout can take has a golden history.
func TestEveryPathHasOne(t *testing.T) {
	t.Parallel()
	names := slices.Concat(slices.Collect(maps.Keys(paths)), slices.Collect(maps.Keys(fleetPaths)))
	for name := range fleetPaths {
		names = append(names, name+"-unit")
	}
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join("*", name+".json"))
		require.NoError(t, err)
		require.NotEmpty(t, found, name)
	}
}

// A rollout that is promoted without trouble writes no more events than its plan
// said.
func TestPlansBoundTheirHistories(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"promote", "approve", "adaptive", "same-age", "end-early"} {
		found, err := filepath.Glob(filepath.Join("*", name+".json"))
		require.NoError(t, err)
		for _, file := range found {
			body, err := os.ReadFile(file)
			require.NoError(t, err)
			history := &historypb.History{}
			require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{}.Unmarshal(body, history))
			var plan struct{ Plan rollout.Plan }
			for _, e := range history.Events {
				if done := e.GetActivityTaskCompletedEventAttributes(); done != nil && plan.Plan.Events == 0 {
					require.NoError(t, converter.GetDefaultDataConverter().FromPayloads(done.GetResult(), &plan))
				}
			}
			require.LessOrEqual(t, len(history.Events), plan.Plan.Events, file)
		}
	}
}

// path is one life of a rollout: a spec, what the world and people do to it,
// and how it must end.
type path struct {
	strategy string // canary steps, or "adaptive: …"; default one of 10% for 6s
	baseline string // sameAge: with a copy of the baseline
	artifact string
	margin   string // the harm margin of the check; default 1.1
	policy   string
	plot     func(s *scene)
	want     rollout.Outcome
}

var paths = map[string]path{
	"promote":  {strategy: "{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}", want: rollout.Promoted},
	"rollback": {plot: func(s *scene) { s.world.Behave(candidate, sim.Behaviour{Failures: 0.3}) }, want: rollout.RolledBack},
	"refused":  {artifact: "registry.example/checkout:latest", want: rollout.Refused},
	"abort":    {plot: func(s *scene) { s.until("baking"); s.order("abort") }, want: rollout.Aborted},
	"abort-signal": {plot: func(s *scene) { s.until("baking"); s.order("abort", "--no-wait") },
		want: rollout.Aborted},
	"cancel": {plot: func(s *scene) { s.until("baking"); s.cancel() }, want: rollout.Aborted},
	"pause-resume": {plot: func(s *scene) {
		s.until("baking")
		s.order("pause")
		s.order("resume")
	}, want: rollout.Promoted},
	"approve": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}",
		plot: func(s *scene) { s.until("approval"); s.order("approve", "--step", "1") }, want: rollout.Promoted},
	"reject": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}",
		plot: func(s *scene) { s.until("approval"); s.order("reject") }, want: rollout.Rejected},
	"hold": {policy: "grace: 1s", plot: func(s *scene) {
		s.until("baking")
		s.world.SetSilent(candidate, true)
		s.until("hold")
		s.world.SetSilent(candidate, false)
	}, want: rollout.Promoted},
	"drift": {policy: "drift: putBack", plot: func(s *scene) {
		s.until("baking")
		s.world.SetWeights(rollout.Split{baseline: 5000, candidate: 5000})
	}, want: rollout.Promoted},
	"deploy-fails": {plot: func(s *scene) {
		s.world.OnDeploy(candidate, sim.Script{State: activities.StateFailed, Message: "image not found"})
	}, want: rollout.RolledBack},
	"needs-human": {plot: func(s *scene) {
		s.until("baking")
		s.world.Fail(sim.OpShift, sim.Fault{})
		s.order("abort", "--no-wait")
		s.until(string(rollout.PhaseNeedsHuman))
		s.world.Heal()
		s.order("retry")
	}, want: rollout.Aborted},
	"adaptive": {strategy: "adaptive: {from: 10%, to: 50%, riskBudget: 100 failures, minBake: 5s}", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 400, Failures: 0.01}, sim.Behaviour{Rate: 400, Failures: 0.011})
	}, want: rollout.Promoted},
	"risk-budget": {strategy: "adaptive: {from: 10%, to: 50%, riskBudget: 20, minBake: 5s}", margin: "9", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 400, Failures: 0.01}, sim.Behaviour{Rate: 400, Failures: 0.085})
	}, want: rollout.RolledBack},
	"same-age": {baseline: "sameAge", strategy: "{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}", want: rollout.Promoted},
	"end-early": {strategy: "{weight: 50%, bake: 1m}", policy: "require: nonInferior, endEarly: true", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 4000, Failures: 0.1}, sim.Behaviour{Rate: 4000, Failures: 0.101})
	}, want: rollout.Promoted},
	"acknowledge": {plot: func(s *scene) {
		s.until("baking")
		s.world.Fail(sim.OpShift, sim.Fault{})
		s.order("abort", "--no-wait")
		s.until(string(rollout.PhaseNeedsHuman))
		s.order("acknowledge")
	}, want: rollout.Failed},
}

const baseline, candidate = "1.0.0", "1.1.0"

// TestRecord lives every path with real processes and keeps its history.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("records only with -record")
	}
	require.NoError(t, os.Mkdir(*record, 0o755))
	server := procs.StartServer(t)
	procs.StartWorker(t, server, "")
	for name, p := range paths {
		t.Run(name, func(t *testing.T) { p.live(t, server, filepath.Join(*record, name+".json")) })
	}
	for name, p := range fleetPaths {
		t.Run(name, func(t *testing.T) { p.live(t, server, *record, name) })
	}
}

func (p path) live(t *testing.T, server *procs.Server, file string) {
	world := sim.New(baseline)
	town := httptest.NewServer(httpworld.New(world))
	t.Cleanup(town.Close)
	s := &scene{t: t, server: server, world: world}
	spec := filepath.Join(t.TempDir(), "spec.yaml")
	require.NoError(t, os.WriteFile(spec, []byte(p.spec(town.URL)), 0o600))
	var err error
	s.client, err = client.Dial(client.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	s.order("start", spec)
	if p.plot != nil {
		p.plot(s)
	}
	s.until(string(rollout.PhaseCompleted))
	require.Equal(t, p.want, s.status().Outcome)
	s.keep("rollout/"+target, file)
}

const target = "staging/checkout"

func (p path) spec(url string) string {
	strategy, artifact := p.strategy, p.artifact
	if strategy == "" {
		strategy = "{weight: 10%, bake: 6s}"
	}
	if !strings.HasPrefix(strategy, "adaptive") {
		strategy = "canary: [" + strategy + "]"
	}
	known := ""
	if p.baseline != "" {
		strategy += ", baseline: " + p.baseline
		known = "baseline: {version: " + baseline + `, artifact: "registry.example/checkout@sha256:1c5f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a"}`
	}
	margin := p.margin
	if margin == "" {
		margin = "1.1"
	}
	if artifact == "" {
		artifact = "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	}
	return `
kind: Rollout
service: checkout
environment: staging
release: {version: ` + candidate + `, artifact: "` + artifact + `"}
` + known + `
target:
  deploy:  {driver: http, with: {url: "` + url + `"}}
  traffic: {driver: http, with: {url: "` + url + `"}}
  metrics: {driver: scrape}
strategy: {` + strategy + `, keepBaseline: 2s}
checks:
  - {name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {rateRatio: {harmMargin: ` + margin + `}}}
policy: {` + p.policy + `}
drain: 1s
needsHumanAfter: 2s
`
}

// scene is one rollout while it is lived.
type scene struct {
	t      *testing.T
	server *procs.Server
	world  *sim.World
	client client.Client
}

// order gives a command; for start the argument is the spec.
func (s *scene) order(name string, args ...string) {
	s.t.Helper()
	if name != "start" {
		args = append([]string{target}, args...)
	}
	args = append(append([]string{name}, args...), "--actor", "ana@example.com", "--reason", "the recording")
	run := procs.CLI(context.Background(), s.t, s.server, args...)
	require.Zero(s.t, run.Code, run.Stderr)
}

// both sets how the versions behave.
func (s *scene) both(now, next sim.Behaviour) {
	s.world.Behave(baseline, now)
	s.world.Behave(candidate, next)
}

func (s *scene) cancel() {
	require.NoError(s.t, s.client.CancelWorkflow(context.Background(), "rollout/"+target, ""))
}

func (s *scene) status() rollout.Status {
	var status rollout.Status
	run := procs.CLI(context.Background(), s.t, s.server, "status", target, "-o", "json")
	require.Zero(s.t, run.Code, run.Stderr)
	require.NoError(s.t, json.Unmarshal([]byte(run.Stdout), &status))
	return status
}

const pollEvery = 100 * time.Millisecond

// until waits until the rollout bakes, waits for something, or is in a phase.
func (s *scene) until(what string) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		now := s.status()
		return what == "baking" && now.Window != nil || now.WaitingFor == what || string(now.Phase) == what
	}, procs.Patience, pollEvery, what)
}

// keep writes the history of a workflow's last run.
func (s *scene) keep(id, file string) {
	history := &historypb.History{}
	events := s.client.GetWorkflowHistory(context.Background(), id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		history.Events = append(history.Events, event)
	}
	body, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(file, body, 0o600))
}

// Package histories_test holds golden histories: what released workers wrote
// must stay replayable, and readable to the last field, for as long as such a
// rollout may run. Read TestRecord for how they came to be.
package histories_test

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/worker"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
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
	names := slices.Concat(slices.Collect(maps.Keys(paths)), slices.Collect(maps.Keys(targetPaths)), slices.Collect(maps.Keys(fleetPaths)))
	for name := range fleetPaths {
		names = append(names, name+"-unit")
	}
	for name, p := range rehearsalPaths {
		names = append(names, name)
		if !p.early && !p.dead && !p.sick && !p.blind && !p.gone && !p.held {
			names = append(names, name+"-rollout")
		}
		if p.gone {
			names = append(names, name+"-watch")
		}
		if p.suite {
			names = append(names, name+"-suite")
		}
		if p.apart {
			names = append(names, name+"-apart")
		}
	}
	for _, name := range names {
		found, err := filepath.Glob(filepath.Join("*", name+".json"))
		require.NoError(t, err)
		require.NotEmpty(t, found, name)
	}
}

// Every change that workflow code asks its version of was recorded in a golden
// history: without one, nothing would notice that the new way no longer replays.
func TestEveryChangeHasOne(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("*", "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		for _, e := range golden(t, file).Events {
			for _, id := range e.GetMarkerRecordedEventAttributes().GetDetails()["change-id"].GetPayloads() {
				recorded[strings.Trim(string(id.GetData()), `"`)] = true
			}
		}
	}
	sources, err := filepath.Glob(filepath.Join("..", "..", "workflows", "*.go"))
	require.NoError(t, err)
	asked := regexp.MustCompile(`GetVersion\([^,]+, "([^"]+)"`)
	changes := 0
	for _, file := range sources {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, change := range asked.FindAllSubmatch(source, -1) {
			changes++
			require.True(t, recorded[string(change[1])], "%s: no golden history has the change %s: add a path that meets it, and record it", file, change[1])
		}
	}
	require.NotZero(t, changes)
}

// Every activity that workflow code calls was recorded in a golden history.
func TestEveryActivityHasOne(t *testing.T) {
	t.Parallel()
	recorded := map[string]bool{}
	files, err := filepath.Glob(filepath.Join("*", "*.json"))
	require.NoError(t, err)
	for _, file := range files {
		for _, e := range golden(t, file).Events {
			recorded[e.GetActivityTaskScheduledEventAttributes().GetActivityType().GetName()] = true
		}
	}
	sources, err := filepath.Glob(filepath.Join("..", "..", "workflows", "*.go"))
	require.NoError(t, err)
	called := regexp.MustCompile(`\ba\.([A-Z]\w+)`)
	all := reflect.TypeFor[*activities.Activities]()
	calls := 0
	for _, file := range sources {
		source, err := os.ReadFile(file)
		require.NoError(t, err)
		for _, call := range called.FindAllSubmatch(source, -1) {
			name := string(call[1])
			if _, is := all.MethodByName(name); !is { // a field of something else
				continue
			}
			calls++
			require.True(t, recorded[name], "%s: no golden history has the activity %s: add a path that calls it, and record it", file, name)
		}
	}
	require.NotZero(t, calls)
}

// golden reads one.
func golden(t *testing.T, file string) *historypb.History {
	t.Helper()
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	history := &historypb.History{}
	require.NoError(t, temporalproto.CustomJSONUnmarshalOptions{}.Unmarshal(body, history), file)
	return history
}

// A rollout that is promoted without trouble writes no more events than its plan
// said.
func TestPlansBoundTheirHistories(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"promote", "approve", "notified", "adaptive", "same-age", "end-early", "all-at-once", "blue-green", "rings"} {
		found, err := filepath.Glob(filepath.Join("*", name+".json"))
		require.NoError(t, err)
		for _, file := range found {
			history := golden(t, file)
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
	strategy string // canary steps, or another one by name; default one of 10% for 6s
	absolute bool   // with a check that judges the candidate alone
	baseline string // sameAge: with a copy of the baseline
	artifact string
	margin   string // the harm margin of the check; default 1.1
	policy   string
	hooks    string
	flags    string // of the release
	needs    string
	schedule func(now time.Time) rollout.Schedule
	before   func(s *scene)
	starts   []string // flags of start
	beside   string   // another workflow whose history is kept, too
	worker   string   // its configuration; RECEIVER is one of notices, KEYS the folder of people's keys
	plot     func(s *scene)
	want     rollout.Outcome
	target   bool // the history of the workflow above it is kept, too
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
	"pause-late": {hooks: `{at: beforePromote, http: "HOOK/slow"}`, plot: func(s *scene) {
		s.does("hook1.beforePromote")
		s.order("pause")
		s.has(func(e *historypb.HistoryEvent) bool { return e.GetMarkerRecordedEventAttributes() != nil })
		s.order("resume")
	}, want: rollout.Promoted},
	"no-id": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", plot: func(s *scene) {
		s.until("approval")
		now := s.status()
		s.update("rollout/"+target, rollout.Command{Name: rollout.CommandApprove, Actor: "ana@example.com", Reason: "the recording",
			RunID: now.RunID, Step: 1, Digest: now.PlanDigest})
	}, want: rollout.Promoted},
	"flags-met": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", flags: "{new-cart: {enabled: true}}",
		worker: "alerts: {bearer: {env: ALERTS_TOKEN}}", plot: func(s *scene) { s.until("approval"); s.alert() }, want: rollout.RolledBack},
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
	"drift-overruled": {plot: func(s *scene) {
		foreign := rollout.Split{baseline: 2000, candidate: 8000}
		s.until("baking")
		s.world.SetWeights(foreign)
		s.until(rollout.WaitingForHold)
		s.order("promote")
		s.does("keep.w01.observe")
		s.world.SetWeights(foreign)
		s.until(rollout.WaitingForHold)
		s.order("promote")
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
	"abort-promotion": {before: func(s *scene) { s.world.Fail(sim.OpSetPrimary, sim.Fault{}) }, plot: func(s *scene) {
		require.Eventually(s.t, func() bool { return s.status().Weight == rollout.All }, procs.Patience, pollEvery)
		s.order("abort", "--no-wait")
		s.until(string(rollout.PhaseNeedsHuman))
		s.world.Heal()
	}, want: rollout.Aborted},
	"adaptive": {strategy: "adaptive: {from: 10%, to: 50%, riskBudget: 100 failures, minBake: 5s}", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 400, Failures: 0.01}, sim.Behaviour{Rate: 400, Failures: 0.011})
	}, want: rollout.Promoted},
	"risk-budget": {strategy: "adaptive: {from: 10%, to: 50%, riskBudget: 20, minBake: 5s}", margin: "9", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 400, Failures: 0.01}, sim.Behaviour{Rate: 400, Failures: 0.085})
	}, want: rollout.RolledBack},
	"same-age":    {baseline: "sameAge", strategy: "{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}", want: rollout.Promoted},
	"all-at-once": {strategy: "allAtOnce: {bake: 5s}", absolute: true, want: rollout.Promoted},
	"blue-green": {strategy: "blueGreen: {preview: 5s}", absolute: true,
		plot: func(s *scene) { s.world.TestTraffic(candidate, 50) }, want: rollout.Promoted},
	"rings": {strategy: "rings: [{cohort: internal, bake: 5s}, {cohort: beta, bake: 5s}, {weight: 20%, bake: 5s}]", absolute: true, want: rollout.Promoted},
	"rings-by-flag": {strategy: "rings: [{cohort: internal, bake: 5s}, {cohort: opt-in, bake: 5s}, {weight: 20%, bake: 5s}]", absolute: true,
		flags: "{new-cart: {enabled: true}}", worker: optIn, before: addOptIn, want: rollout.Promoted},
	"rings-by-flag-abort": {strategy: "rings: [{cohort: opt-in, bake: 1m}]", flags: "{new-cart: {enabled: true}}", worker: optIn, before: addOptIn,
		plot: func(s *scene) { s.until("baking"); s.order("abort") }, want: rollout.Aborted},
	"rings-abort": {strategy: "rings: [{cohort: internal, bake: 1m}]",
		plot: func(s *scene) { s.until("baking"); s.order("abort") }, want: rollout.Aborted},
	"end-early": {strategy: "{weight: 50%, bake: 1m}", policy: "require: nonInferior, endEarly: true", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 4000, Failures: 0.1}, sim.Behaviour{Rate: 4000, Failures: 0.101})
	}, want: rollout.Promoted},
	"freeze-refused": {before: func(s *scene) { s.freeze(time.Hour, "hold") }, want: rollout.Refused},
	"abort-untouched": {starts: []string{"--wait"}, before: func(s *scene) { s.freeze(time.Hour, "hold") }, plot: func(s *scene) {
		s.until(rollout.GateFreeze)
		s.order("abort")
	}, want: rollout.Aborted},
	"retry": {plot: func(s *scene) {
		s.until("baking")
		s.world.IgnoreWeights(true)
		s.order("abort", "--no-wait")
		s.until(string(rollout.PhaseNeedsHuman))
		s.world.IgnoreWeights(false)
		s.order("retry")
	}, want: rollout.Aborted},
	"restore-lost": {plot: func(s *scene) {
		s.until("baking")
		s.order("abort")
		s.does("cleanup.remove")
		s.world.SetWeights(rollout.Split{baseline: 9000, candidate: 1000})
	}, want: rollout.Aborted},
	"removal-lost": {before: func(s *scene) { s.world.FallBack(candidate, rollout.Split{baseline: 9000, candidate: 1000}) },
		plot: func(s *scene) { s.until("baking"); s.order("abort") }, want: rollout.Aborted},
	"removal-promoted-lost": {before: func(s *scene) { s.world.FallBack(baseline, rollout.Split{baseline: 9000, candidate: 1000}) },
		want: rollout.Promoted},
	"removal-primary-lost": {before: func(s *scene) { s.world.FallBackPrimary(baseline, baseline) }, want: rollout.Promoted},
	"removal-busy": {before: func(s *scene) { s.world.SetInflight(baseline, 3) }, plot: func(s *scene) {
		s.does("cleanup.remove.2")
		s.world.SetInflight(baseline, 0)
	}, want: rollout.Promoted},
	"promotion-undone": {plot: func(s *scene) {
		s.does("cleanup.remove")
		s.world.ForeignPrimary(baseline)
		s.world.SetWeights(rollout.Split{baseline: rollout.All})
		s.until(string(rollout.PhaseNeedsHuman))
		s.order("retry")
	}, want: rollout.Promoted},
	"health-lost": {plot: func(s *scene) {
		s.until("baking")
		s.world.SetReplicas(baseline, 0)
		s.order("abort", "--no-wait")
		s.does("restore.health")
		s.world.SetWeights(rollout.Split{baseline: 9000, candidate: 1000})
		s.does("restore.health.2")
		s.world.SetReplicas(baseline, 10)
	}, want: rollout.Aborted},
	"compare-lost": {plot: func(s *scene) {
		s.until("baking")
		s.world.Fail(sim.OpPrimary, sim.Fault{Err: errors.New("503"), Times: 1000})
		s.order("abort", "--no-wait")
		s.does("restore.compare")
		s.world.SetWeights(rollout.Split{baseline: 9000, candidate: 1000})
		s.world.Heal(sim.OpPrimary)
	}, want: rollout.Aborted},
	"primary-lost": {plot: func(s *scene) {
		s.does("keep.w01.observe")
		s.order("abort", "--no-wait")
		s.does("cleanup.remove")
		s.world.ForeignPrimary(candidate)
	}, want: rollout.Aborted},
	"raise-on-its-way": {before: func(s *scene) { s.world.QueueWeights(3 * time.Second) }, plot: func(s *scene) {
		s.does("s01.verify")
		s.order("abort")
	}, want: rollout.Aborted},
	"promotion-lost": {policy: "drift: putBack", plot: func(s *scene) {
		s.does("cleanup.remove")
		s.world.SetWeights(rollout.Split{baseline: rollout.All})
		s.does("cleanup.remove.2")
		s.world.SetWeights(rollout.Split{baseline: rollout.All})
		s.until(string(rollout.PhaseNeedsHuman))
		s.order("retry")
	}, want: rollout.Promoted},
	"freeze-hold": {strategy: "{weight: 10%, bake: 5s}, {weight: 50%, bake: 5s}", plot: func(s *scene) {
		s.until("baking")
		s.freeze(8*time.Second, "hold")
		s.until(rollout.GateFreeze)
	}, want: rollout.Promoted},
	"freeze-rollback": {plot: func(s *scene) { s.until("baking"); s.freeze(time.Hour, "rollback") }, want: rollout.RolledBack},
	"freeze-finish-step": {strategy: "{weight: 10%, bake: 6s}, {weight: 50%, bake: 5s}", plot: func(s *scene) {
		s.until("baking")
		s.freeze(15*time.Second, "finishStep")
		s.until(rollout.GateFreeze)
	}, want: rollout.Promoted},
	"error-budget": {strategy: "{weight: 10%, bake: 20s}", plot: func(s *scene) {
		s.until("baking") // and then nobody can read what is left: the scrape driver has no past
		const budget = "errorBudgets: {staging/%s: {objective: 99%%, over: 1h, failures: failures, requests: requests, windows: [{long: 6s, short: 3s, factor: 2}]}}"
		s.configure(fmt.Sprintf(budget, "checkout"))
		s.until(rollout.GateErrorBudget)
		s.configure(fmt.Sprintf(budget, "another"))
	}, want: rollout.Promoted},
	"rehearsal-gate": {starts: []string{"--wait"}, worker: "rehearsals: {require: {default: 1h}}", plot: func(s *scene) {
		s.until(rollout.GateRehearsal)
		s.order("promote", "--override")
	}, want: rollout.Promoted},
	"restored": {target: true, plot: func(s *scene) {
		s.until("baking")
		s.before = s.status().RunID
		require.NoError(s.t, s.client.SignalWorkflow(context.Background(), "rollout/"+target, "", rollout.SignalWitness, rollout.Witness{ID: "recorded"}))
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		s.until(string(rollout.PhaseRollingBack))
		s.order("restore")
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"stop-the-line": {beside: "stop/staging", plot: func(s *scene) {
		s.until("baking")
		s.line("stop-the-line")
		s.until(rollout.GateStop)
		s.line("stop-the-line")
		s.line("start-the-line")
	}, want: rollout.Promoted},
	"stop-told": {beside: "stop/staging", worker: notifies + "  subscriptions: [{to: webhook}]\nroles: {on-call: [ana@example.com]}\n" +
		"permissions: {staging: {start: [anyone], pause: [on-call], resume: [on-call]}}", plot: func(s *scene) {
		s.until("baking")
		s.update("rollout/"+target, rollout.Command{ID: "blank", Name: rollout.CommandPause, Actor: "ana@example.com", Reason: " "})
		s.line("stop-the-line")
		s.update("stop/staging", rollout.Command{ID: "blank", Name: rollout.CommandStartTheLine, Actor: "ana@example.com", Reason: " "})
		s.update("stop/staging", rollout.Command{ID: "denied", Name: rollout.CommandStartTheLine, Actor: "bo@example.com", Reason: "the recording"})
		s.line("start-the-line")
	}, want: rollout.Promoted},
	"never-ready": {target: true, before: func(s *scene) {
		s.world.OnDeploy(candidate, sim.Script{State: activities.StateFailed, Message: "no such image"})
	}, plot: func(s *scene) {
		s.await(rollout.RolledBack)
		s.denied("start", "--reason", " ", s.file(candidate))
	}, want: rollout.RolledBack},
	"hooks": {hooks: `{at: beforeStart, http: "HOOK/yes"}, {at: beforeStep, http: "HOOK/yes"}, {at: afterStep, http: "HOOK/yes"},
  {at: beforePromote, http: "HOOK/no"}, {at: onRollback, http: "HOOK/yes"}, {at: after, http: "HOOK/yes"}`, want: rollout.RolledBack},
	"signed-approvals": {worker: people, strategy: "{weight: 10%, bake: 5s, approve: {each: {engineering: 1, security: 1}, within: 1h}}", plot: func(s *scene) {
		s.until("approval")
		s.denied("approve")
		s.denied("approve", "--actor", "bo@example.com", "--sign", s.key("ana@example.com"))
		s.order("approve", "--sign", s.key("ana@example.com"))
		s.order("approve", "--actor", "bo@example.com", "--sign", s.key("bo@example.com"))
	}, want: rollout.Promoted},
	"signed-abort": {worker: people, plot: func(s *scene) {
		s.until("baking")
		s.order("abort", "--sign", s.key("ana@example.com"))
	}, want: rollout.Aborted},
	"unproved-abort": {worker: people + notifies + "  subscriptions: [{to: webhook, events: [denied]}]", plot: func(s *scene) {
		s.until("baking")
		s.order("abort", "--sign", s.key("bo@example.com"))
	}, want: rollout.Aborted},
	"approve-twice": {worker: "roles: {on-call: [bo@example.com]}\napprovals: {staging: {from: [on-call], quorum: 1, within: 1h}}",
		strategy: "{weight: 10%, bake: 5s, approve: {quorum: 1, within: 1h}}", plot: func(s *scene) {
			s.until("approval")
			s.order("approve", "--actor", "bo@example.com")
			require.Eventually(s.t, func() bool { return s.give("approve", "--actor", "cy@example.com").Code == 0 }, procs.Patience, pollEvery)
		}, want: rollout.Promoted},
	"approve-apart": {worker: "roles: {on-call: [bo@example.com]}\napprovals: {staging: {from: [on-call], quorum: 1, within: 1h}}",
		strategy: "{weight: 10%, bake: 5s, approve: {quorum: 1, within: 1h}}", plot: func(s *scene) {
			s.until("approval")
			s.order("approve", "--actor", "bo@example.com")
			s.until("approval")
			s.denied("approve", "--actor", "cy@example.com", "--step", "1", "--asked-by", "environment")
			s.denied("approve", "--actor", "cy@example.com", "--step", "1")
			require.Eventually(s.t, func() bool { return s.give("approve", "--actor", "cy@example.com").Code == 0 }, procs.Patience, pollEvery)
		}, want: rollout.Promoted},
	"extend-too-long": {plot: func(s *scene) {
		s.until("baking")
		s.denied("extend", "--by", "36500d")
		s.order("extend", "--by", "2s")
	}, want: rollout.Promoted},
	"one-id-two-orders": {plot: func(s *scene) {
		s.until("baking")
		bo := []string{"--id", "CHG-1", "--actor", "bo@example.com"}
		s.order("pause", bo...)
		s.denied("pause", "--id", "CHG-1", "--actor", "cy@example.com")
		s.order("pause", bo...)
		s.order("resume")
	}, want: rollout.Promoted},
	"one-id-abort": {plot: func(s *scene) {
		s.until("baking")
		s.order("pause", "--id", "CHG-1", "--actor", "bo@example.com")
		s.order("abort", "--id", "CHG-1", "--actor", "cy@example.com")
	}, want: rollout.Aborted},
	"override": {worker: people, strategy: "{weight: 10%, bake: 5s, approve: {from: [engineering], quorum: 2, within: 1h}}, {weight: 50%, bake: 1m}", plot: func(s *scene) {
		cy := []string{"--override", "--actor", "cy@example.com", "--sign", s.key("cy@example.com")}
		s.until("approval")
		s.order("approve", cy...)
		s.until("baking")
		s.order("promote", append(cy, "--full")...)
	}, want: rollout.Promoted},
	"notified": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", worker: notifies + "  subscriptions: [{to: webhook}]",
		plot: func(s *scene) { s.until("approval"); s.order("approve", "--step", "1") }, want: rollout.Promoted},
	"escalated": {strategy: "{weight: 10%, bake: 5s, approve: {within: 5s}}",
		worker: notifies + "escalation: {staging: [{after: 1s, to: webhook}, {after: 3s, to: webhook}, {after: 1h, to: webhook}]}", want: rollout.RolledBack},
	"escalated-owners": {strategy: "linear: {step: 50%, bake: 5s, owner: team-web}, promote: {owner: product, approve: {within: 5s}}",
		worker: notifies + "escalation: {staging: [{after: 1s, to: webhook, channel: \"@{{.Owner}}\"}]}", want: rollout.RolledBack},
	"pause-escalated": {worker: climbs, plot: func(s *scene) {
		s.until("baking")
		s.order("pause")
		s.told("rollout/"+target, rollout.OnEscalated)
		s.order("resume")
	}, want: rollout.Promoted},
	"pause-stands": {worker: climbs, plot: func(s *scene) { // what was begun before comes into force meanwhile
		s.world.LagWeights(2 * time.Second)
		s.does("s01.verify")
		s.order("pause")
		s.until("pause")
		require.Eventually(s.t, func() bool { return s.status().Weight > 0 }, procs.Patience, pollEvery)
		s.order("resume")
	}, want: rollout.Promoted},
	"schedule": {flags: "{new-cart: {enabled: true}}", schedule: func(now time.Time) rollout.Schedule {
		return rollout.Schedule{From: now.Add(10 * time.Second), To: now.Add(time.Minute)}
	}, plot: func(s *scene) {
		s.until(rollout.GateSchedule)
		require.Eventually(s.t, func() bool { return strings.Contains(s.status().Reason, "everybody has") }, procs.Patience, pollEvery)
	}, want: rollout.RolledBack},
	"schedule-override": {schedule: func(now time.Time) rollout.Schedule { return rollout.Schedule{From: now.Add(time.Hour)} }, plot: func(s *scene) {
		s.until(rollout.GateSchedule)
		s.denied("promote")
		s.order("promote", "--override")
		s.until("baking")
		s.until(rollout.GateSchedule)
		s.order("abort")
	}, want: rollout.Aborted},
	"schedule-early": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", flags: "{new-cart: {enabled: true}}",
		schedule: func(now time.Time) rollout.Schedule { return rollout.Schedule{To: now.Add(15 * time.Second)} },
		plot:     func(s *scene) { s.until("approval"); s.order("pause") }, want: rollout.RolledBack},
	"needs-any": {needs: "{any: [{target: lab/checkout, soaked: 1h}, {target: lab-us/checkout}]}", starts: []string{"--wait"}, plot: func(s *scene) {
		s.until(rollout.GatePrerequisite)
		s.order("promote", "--override")
	}, want: rollout.Promoted},
	"alert-breach": {worker: "alerts: {bearer: {env: ALERTS_TOKEN}}", plot: func(s *scene) { s.until("baking"); s.alert() }, want: rollout.RolledBack},
	"rollback-denied": {target: true, plot: func(s *scene) { s.await(rollout.Promoted); s.denied("rollback") }, want: rollout.Promoted,
		worker: notifies + "  subscriptions: [{to: webhook}]\nroles: {on-call: [cy@example.com]}\npermissions: {staging: {start: [anyone], rollback: [on-call]}}"},
	"terminated": {target: true, plot: func(s *scene) {
		s.until("baking")
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"superseded": {target: true, policy: "onNewRelease: supersede", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"queue-stands": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.order("abort")
		s.await(rollout.Aborted)
		s.order("resume")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"queue-told": {target: true, policy: "onNewRelease: queue", worker: climbs, plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.order("abort")
		s.await(rollout.Aborted)
		s.told("target/"+target, rollout.OnEscalated)
		s.order("resume")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"drift-told": {target: true, policy: "watchIdle: 1s", worker: notifies + "  subscriptions: [{to: webhook, events: [drifted]}]", plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.world.SetWeights(rollout.Split{baseline: 3000, candidate: 7000})
		s.told("target/"+target, rollout.OnDrifted)
	}, want: rollout.Promoted},
	"orders-at-once": {target: true, plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.atOnce("1.2.0", "1.3.0", "1.4.0")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"order-withdrawn": {target: true, plot: func(s *scene) {
		s.await(rollout.Promoted)
		spec, problems := specfile.Parse("recorded", []byte(strings.Replace(s.spec, candidate, "1.2.0", 1)))
		require.Empty(s.t, problems)
		s.signal(rollout.CommandSubmit, rollout.Submit{AskFleet: true, Order: rollout.Order{ID: "late", Actor: "ana@example.com", Spec: spec}})
		s.signal(rollout.CommandWithdraw, rollout.Withdrawal{ID: "late", Version: "1.2.0", Actor: "ana@example.com"})
		s.next("1.3.0")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"resume-too-soon": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.above(rollout.CommandResume)
		require.Eventually(s.t, func() bool { return s.status().RunID != s.before }, procs.Patience, pollEvery)
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"rollback-passes": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.next("1.2.0")
		s.until("baking")
		s.order("start", s.file("1.3.0"))
		s.order("abort")
		s.await(rollout.Aborted)
		s.order("rollback")
	}, want: rollout.Promoted},
	"rollback-aborted": {target: true, plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.world.Fail(sim.OpSetPrimary, sim.Fault{})
		s.order("rollback", "--no-wait")
		require.Eventually(s.t, func() bool { return s.status().Weight == rollout.All && s.status().Phase == rollout.PhaseRunning }, procs.Patience, pollEvery)
		s.order("abort", "--no-wait")
		s.world.Heal()
	}, want: rollout.Aborted},
	"rollback-misnamed": {target: true, starts: []string{"--id", "o1"}, plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.denied("rollback", "--id", "o1")
	}, want: rollout.Promoted},
	"rolled-back-later": {target: true, plot: func(s *scene) {
		s.await(rollout.Promoted)
		s.order("rollback")
	}, want: rollout.Promoted},
	"capacity": {strategy: "{weight: 10%, bake: 5s, approve: {within: 1h}}", plot: func(s *scene) {
		s.until("approval")
		s.world.SetReplicas(candidate, 1)
		s.order("approve", "--step", "1")
		s.until(rollout.WaitingForCapacity)
		s.world.SetReplicas(candidate, sim.DefaultReplicas)
	}, want: rollout.Promoted},
	"end-early-last": {strategy: "{weight: 50%, bake: 8s}", policy: "require: nonInferior, endEarly: true", plot: func(s *scene) {
		s.both(sim.Behaviour{Rate: 8000, Failures: 0.1}, sim.Behaviour{Rate: 8000, Failures: 0.1})
	}, want: rollout.Promoted},
	"analysis-lost": {plot: func(s *scene) {
		s.until("baking")
		s.serve("control,infra,rehearsal")
		s.has(func(e *historypb.HistoryEvent) bool { return e.GetActivityTaskTimedOutEventAttributes() != nil })
		s.order("promote")
		s.serve("control,infra,rehearsal,analysis")
	}, want: rollout.Promoted},
	"window-not-begun": {plot: func(s *scene) {
		s.until("baking")
		s.serve("control,infra,rehearsal")
		s.pending(func(p *workflowpb.PendingActivityInfo) bool { // its worker was missed, and no other one took it
			return p.GetActivityType().GetName() == "Observe" && p.GetAttempt() > 1 && p.GetState() == enumspb.PENDING_ACTIVITY_STATE_SCHEDULED
		})
		s.order("promote")
		s.has(func(e *historypb.HistoryEvent) bool { return e.GetActivityTaskCanceledEventAttributes() != nil })
		s.serve("control,infra,rehearsal,analysis")
	}, want: rollout.Promoted},
	"unread-recovery": {target: true, plot: func(s *scene) {
		s.until("baking")
		s.serve("control,analysis,rehearsal")
		require.NoError(s.t, s.client.TerminateWorkflow(context.Background(), "rollout/"+target, "", "recorded"))
		require.Eventually(s.t, func() bool { return s.status().Phase == rollout.PhaseNeedsHuman }, missed, pollEvery)
		s.order("retry")
		s.serve("control,infra,rehearsal,analysis")
		s.await(rollout.Aborted)
	}, want: rollout.Aborted},
	"human-queue": {target: true, policy: "onNewRelease: queue", plot: func(s *scene) {
		s.until("baking")
		s.next("1.2.0")
		s.world.Fail(sim.OpShift, sim.Fault{})
		s.world.Behave(candidate, sim.Behaviour{Rate: 400, Failures: 0.5})
		s.until(string(rollout.PhaseNeedsHuman))
		s.world.Heal()
		s.await(rollout.RolledBack)
		s.order("resume")
		s.await(rollout.Promoted)
	}, want: rollout.Promoted},
	"concern-hold": {policy: "concerns: {hold: 1}", worker: notifies + "  subscriptions: [{to: webhook, events: [concerned]}]", plot: func(s *scene) {
		s.until("baking")
		s.order("concern")
		s.until(rollout.WaitingForHold)
		s.order("concern", "--withdraw")
	}, want: rollout.Promoted},
	"concern-rollback": {policy: "concerns: {rollback: 2}", worker: "members: {ana@example.com: {aliases: [ana@laptop]}}\npermissions: {staging: {start: [anyone], pause: [anyone]}}",
		plot: func(s *scene) {
			s.until("baking")
			s.order("concern")
			s.order("concern", "--actor", "ana@laptop")
			s.order("concern", "--actor", "bo@example.com")
		}, want: rollout.RolledBack},
	"acknowledge": {plot: func(s *scene) {
		s.until("baking")
		s.world.Fail(sim.OpShift, sim.Fault{})
		s.order("abort", "--no-wait")
		s.until(string(rollout.PhaseNeedsHuman))
		s.order("acknowledge")
	}, want: rollout.Failed},
}

const notifies = "notifications:\n  webhook: {url: RECEIVER}\n"

// climbs tells somebody of what has waited for a second.
const climbs = notifies + "  subscriptions: [{to: webhook, events: [waiting]}]\nescalation: {staging: [{after: 1s, to: webhook}, {after: 1h, to: webhook}]}\n"

// optIn is a cohort that a flag makes.
const optIn = "drivers: {http: {cohorts: {opt-in: {flag: {key: checkout-opt-in, value: \"{{.Version}}\"}}}}}"

func addOptIn(s *scene) {
	s.world.AddFlagCohort("opt-in", candidate, 500, activities.FlagRule{Key: "checkout-opt-in", Value: "{{.Version}}"})
}

const baseline, candidate = "1.0.0", "1.1.0"

// TestRecord lives every path with real processes and keeps its history.
func TestRecord(t *testing.T) {
	if *record == "" {
		t.Skip("records only with -record")
	}
	require.NoError(t, os.Mkdir(*record, 0o755))
	t.Setenv("ALERTS_TOKEN", "recorded")
	server := procs.StartServer(t)
	for _, some := range []map[string]path{paths, targetPaths} {
		for name, p := range some {
			t.Run(name, func(t *testing.T) {
				p.live(t, server, filepath.Join(*record, name+".json"))
			})
		}
	}
	for name, p := range fleetPaths {
		t.Run(name, func(t *testing.T) { p.live(t, server, *record, name) })
	}
	for name, p := range rehearsalPaths {
		t.Run(name, func(t *testing.T) { p.live(t, server, *record, name) })
	}
}

// people are the roles of the paths that have some, and who has to sign.
const people = `
roles: {engineering: [ana@example.com, bo@example.com], security: [ana@example.com], on-call: [cy@example.com]}
permissions: {staging: {start: [anyone], approve: [engineering], promote: [engineering], override: [on-call]}}
signing: {allowedSigners: KEYS/allowed_signers, require: {staging: [start, approve, override]}}
`

// signers makes everybody's key, and the file that says whose they are.
func signers(t *testing.T) (folder string) {
	t.Helper()
	folder = t.TempDir()
	var allowed []byte
	for _, name := range []string{"ana@example.com", "bo@example.com", "cy@example.com", "di@example.com"} {
		key := filepath.Join(folder, name)
		out, err := exec.Command("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", name, "-f", key).CombinedOutput()
		require.NoError(t, err, "%s", out)
		public, err := os.ReadFile(key + ".pub")
		require.NoError(t, err)
		allowed = append(append(allowed, name+" "...), public...)
	}
	require.NoError(t, os.WriteFile(filepath.Join(folder, "allowed_signers"), allowed, 0o600))
	return folder
}

func (p path) live(t *testing.T, server *procs.Server, file string) {
	keys := ""
	if strings.HasPrefix(p.worker, people) {
		keys = signers(t)
	}
	world := sim.New(baseline)
	town := httptest.NewServer(httpworld.New(world))
	t.Cleanup(town.Close)
	receiver := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(receiver.Close)
	if p.target { // of one's own, so that it begins with this rollout
		server = procs.StartServer(t)
	}
	s := &scene{t: t, server: server, world: world, keys: keys, config: filepath.Join(t.TempDir(), "worker.yaml")}
	config := strings.NewReplacer("RECEIVER", receiver.URL, "KEYS", keys).Replace(p.worker)
	require.NoError(t, os.WriteFile(s.config, []byte(config), 0o600))
	s.worker = procs.StartWorker(t, server, "", "--config", s.config)
	spec := filepath.Join(t.TempDir(), "spec.yaml")
	hooks := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/no":
			w.WriteHeader(http.StatusConflict)
		case "/slow":
			time.Sleep(3 * time.Second)
		}
	}))
	t.Cleanup(hooks.Close)
	text := strings.ReplaceAll(p.spec(town.URL), "HOOK", hooks.URL)
	if p.schedule != nil {
		times, err := json.Marshal(p.schedule(time.Now().UTC().Truncate(time.Second)))
		require.NoError(t, err)
		text += "schedule: " + string(times) + "\n"
	}
	require.NoError(t, os.WriteFile(spec, []byte(text), 0o600))
	s.spec = text
	var err error
	s.client, err = client.Dial(client.Options{HostPort: server.Address})
	require.NoError(t, err)
	t.Cleanup(s.client.Close)
	if p.before != nil {
		p.before(s)
	}
	if keys != "" {
		s.order("start", spec, "--actor", "di@example.com", "--sign", s.key("di@example.com"))
	} else {
		s.order("start", append([]string{spec}, p.starts...)...)
	}
	if p.plot != nil {
		p.plot(s)
	}
	s.until(string(rollout.PhaseCompleted))
	require.Equal(t, p.want, s.status().Outcome)
	s.keep(file, s.history("rollout/"+target))
	if p.beside != "" {
		s.keep(strings.TrimSuffix(file, ".json")+"-beside.json", s.history(p.beside))
	}
	if s.before != "" {
		s.keep(strings.TrimSuffix(file, ".json")+"-before.json", s.historyOf("rollout/"+target, s.before))
	}
	if p.target {
		s.keep(strings.TrimSuffix(file, ".json")+"-target.json", s.history("target/"+target))
	}
	if s.old != "" {
		s.keep(strings.TrimSuffix(file, ".json")+"-target-before.json", s.historyOf("target/"+target, s.old))
	}
	if strings.Contains(p.worker, "RECEIVER") {
		s.keepNotice(strings.TrimSuffix(file, ".json") + "-notice.json")
	}
}

const target = "staging/checkout"

func (p path) spec(url string) string {
	strategy, artifact := p.strategy, p.artifact
	if strategy == "" {
		strategy = "{weight: 10%, bake: 6s}"
	}
	if strings.HasPrefix(strategy, "{") {
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
	flags, flagged := "", ""
	if p.flags != "" {
		flags, flagged = ", flags: "+p.flags, "\n  flags:   {driver: http, with: {url: \""+url+"\"}}"
	}
	alone := ""
	if p.absolute {
		alone = `
  - {name: objective, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {sloRate: {objective: 95%}}}`
	}
	if artifact == "" {
		artifact = "registry.example/checkout@sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
	}
	return `
kind: Rollout
service: checkout
environment: staging
release: {version: ` + candidate + `, artifact: "` + artifact + `"` + flags + `}
` + known + `
target:
  deploy:  {driver: http, with: {url: "` + url + `"}}
  traffic: {driver: http, with: {url: "` + url + `", cohorts: {internal: {header: X-Cohort, value: internal}, beta: {header: X-Cohort, value: beta}}}}
  metrics: {driver: scrape}` + flagged + `
strategy: {` + strategy + `, keepBaseline: 2s}
checks:
  - {name: errors, failures: 'http_requests_total{code=~"5.."}', requests: http_requests_total, by: version, judge: {rateRatio: {harmMargin: ` + margin + `}}}` + alone + `
policy: {` + p.policy + `}
hooks: [` + p.hooks + `]
needs: [` + p.needs + `]
drain: 1s
needsHumanAfter: 2s
`
}

// scene is one rollout while it is lived.
type scene struct {
	t      *testing.T
	server *procs.Server
	worker *procs.Worker
	config string // file of the worker's
	world  *sim.World
	client client.Client
	keys   string // the folder of people's keys
	spec   string
	before string        // the run before the last
	old    string        // the run of the Target before the last
	sick   atomic.Bool   // so is whoever a rehearsal asks
	crew   worker.Worker // of somebody else
}

// configure gives the worker another configuration.
func (s *scene) configure(text string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(s.config, []byte(text+"\n"), 0o600))
	before := strings.Count(s.worker.Tail(1000), "configuration reloaded")
	s.worker.Signal(syscall.SIGHUP)
	require.Eventually(s.t, func() bool {
		return strings.Count(s.worker.Tail(1000), "configuration reloaded") > before
	}, procs.Patience, 20*time.Millisecond, "reload")
}

// serve kills the worker and starts one of these queues alone.
func (s *scene) serve(queues string) {
	s.t.Helper()
	s.worker.Kill()
	s.worker = procs.StartWorker(s.t, s.server, "", "--config", s.config, "--queues", queues)
}

// freeze freezes everything from now on.
func (s *scene) freeze(length time.Duration, exposure string) {
	now := time.Now().UTC()
	s.configure(fmt.Sprintf("freeze: [{name: party, from: %q, to: %q, exposure: %s}]",
		now.Format(time.RFC3339Nano), now.Add(length).Format(time.RFC3339Nano), exposure))
}
func (s *scene) key(name string) string { return filepath.Join(s.keys, name) }

// order gives a command; for start the argument is the spec.
func (s *scene) order(name string, args ...string) {
	s.t.Helper()
	run := s.give(name, args...)
	require.Zero(s.t, run.Code, run.Stderr)
}

// line orders the line of the environment about.
func (s *scene) line(name string) {
	s.t.Helper()
	run := procs.CLI(context.Background(), s.t, s.server, name, "--environment", "staging", "--actor", "ana@example.com", "--reason", "the recording")
	require.Zero(s.t, run.Code, run.Stderr)
}

// denied gives a command that is to be denied.
func (s *scene) denied(name string, args ...string) {
	s.t.Helper()
	run := s.give(name, args...)
	require.Equal(s.t, 15, run.Code, run.Stderr)
}

func (s *scene) give(name string, args ...string) procs.Run {
	s.t.Helper()
	if name != "start" {
		args = append([]string{target}, args...)
	}
	args = append([]string{name, "--actor", "ana@example.com", "--reason", "the recording"}, args...)
	return procs.CLI(context.Background(), s.t, s.server, args...)
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

// alert fires, as Alertmanager would say it.
func (s *scene) alert() {
	body := `{"alerts": [{"status": "firing", "fingerprint": "7d3f", "startsAt": "2026-11-21T12:00:00Z", "annotations": {"summary": "too many errors"},
		"labels": {"alertname": "CheckoutErrors", "environment": "staging", "service": "checkout"}}]}`
	req, err := http.NewRequest(http.MethodPost, s.worker.URL(s.t)+"/alerts", strings.NewReader(body))
	require.NoError(s.t, err)
	req.Header.Set("Authorization", "Bearer recorded")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(s.t, err)
	require.NoError(s.t, resp.Body.Close())
	require.Equal(s.t, http.StatusOK, resp.StatusCode)
}

// next submits the release that comes after the candidate.
func (s *scene) next(version string) {
	s.before = s.status().RunID
	s.world.Behave(version, sim.Behaviour{Rate: 400, Failures: 0.01})
	s.order("start", s.file(version))
}

// file is the spec of the release that comes after the candidate.
func (s *scene) file(version string) string {
	spec := filepath.Join(s.t.TempDir(), version+".yaml")
	require.NoError(s.t, os.WriteFile(spec, []byte(strings.Replace(s.spec, "release: {version: "+candidate, "release: {version: "+version, 1)), 0o600))
	return spec
}

// atOnce submits releases at one time, of which one is taken.
func (s *scene) atOnce(versions ...string) {
	s.before = s.status().RunID
	var all sync.WaitGroup
	for _, version := range versions {
		s.world.Behave(version, sim.Behaviour{Rate: 400, Failures: 0.01})
		spec := s.file(version)
		all.Go(func() {
			if run := s.give("start", spec); run.Code != 0 && run.Code != 15 {
				s.t.Errorf("%s: %s", version, run.Stderr)
			}
		})
	}
	all.Wait()
	require.NotEqual(s.t, s.before, s.status().RunID)
}

// signal tells the workflow above the rollout something.
func (s *scene) signal(name string, what any) {
	require.NoError(s.t, s.client.SignalWorkflow(context.Background(), "target/"+target, "", name, what))
}

// above gives a command to the workflow above the rollout.
func (s *scene) above(name string) {
	s.update("target/"+target, rollout.Command{ID: "above", Name: name, Actor: "ana@example.com", Reason: "the recording"})
}

// update gives a command to a workflow as it is.
func (s *scene) update(workflow string, c rollout.Command) {
	update, err := s.client.UpdateWorkflow(context.Background(), client.UpdateWorkflowOptions{WorkflowID: workflow, UpdateName: c.Name,
		Args: []any{c}, WaitForStage: client.WorkflowUpdateStageCompleted})
	require.NoError(s.t, err)
	require.NoError(s.t, update.Get(context.Background(), nil))
}

// await returns when the last rollout has ended so.
func (s *scene) await(outcome rollout.Outcome) {
	require.Eventually(s.t, func() bool { return s.status().Outcome == outcome && s.status().Phase == rollout.PhaseCompleted },
		time.Minute, 100*time.Millisecond)
}

// missed is how long it takes until a worker that was killed is missed for good.
const missed = 3 * time.Minute

// has waits until the rollout's history has an event.
func (s *scene) has(is func(*historypb.HistoryEvent) bool) {
	s.t.Helper()
	require.Eventually(s.t, func() bool { return slices.ContainsFunc(s.history("rollout/"+target).Events, is) }, missed, pollEvery)
}

// pending waits until an activity of the rollout is so.
func (s *scene) pending(is func(*workflowpb.PendingActivityInfo) bool) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		of, err := s.client.DescribeWorkflowExecution(context.Background(), "rollout/"+target, "")
		return err == nil && slices.ContainsFunc(of.GetPendingActivities(), is)
	}, missed, pollEvery)
}

// told waits until a workflow tells people of an occasion.
func (s *scene) told(workflow string, of rollout.Occasion) {
	s.t.Helper()
	require.Eventually(s.t, func() bool {
		return slices.ContainsFunc(s.history(workflow).Events, func(e *historypb.HistoryEvent) bool {
			return strings.HasSuffix(e.GetChildWorkflowExecutionStartedEventAttributes().GetWorkflowExecution().GetWorkflowId(), string(of))
		})
	}, procs.Patience, pollEvery, of)
}

// does waits until an activity is under way.
func (s *scene) does(id string) {
	s.t.Helper()
	s.has(func(e *historypb.HistoryEvent) bool {
		return e.GetActivityTaskScheduledEventAttributes().GetActivityId() == id
	})
}

func (s *scene) history(workflow string) *historypb.History { return s.historyOf(workflow, "") }

func (s *scene) historyOf(workflow, run string) *historypb.History {
	history := &historypb.History{}
	events := s.client.GetWorkflowHistory(context.Background(), workflow, run, false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		require.NoError(s.t, err)
		history.Events = append(history.Events, event)
	}
	return history
}

func (s *scene) keep(file string, history *historypb.History) {
	body, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	require.NoError(s.t, err)
	require.NoError(s.t, os.WriteFile(file, body, 0o600))
}

// keepNotice keeps the first workflow that told people, if there is one, once it
// has done so.
func (s *scene) keepNotice(file string) {
	for _, e := range s.history("rollout/" + target).Events {
		if started := e.GetChildWorkflowExecutionStartedEventAttributes(); started != nil {
			id := started.GetWorkflowExecution().GetWorkflowId()
			require.NoError(s.t, s.client.GetWorkflow(context.Background(), id, "").Get(context.Background(), nil))
			s.keep(file, s.history(id))
			return
		}
	}
}

package main

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

func TestPlan(t *testing.T) {
	s := spec()
	f := &fake{admission: admission{Plan: rollout.NewPlan(s)}}
	got := bakeoff(t.Context(), f, "plan", file(t, smallest))
	require.Equal(t, 0, got.code, got.err)
	for _, want := range []string{
		"production/checkout: 2.5.0 in 2 steps\n",
		"step 2: 50%, bake 1h\n  asked: 2 of release-managers within 1d, otherwise rollback\n",
		"  windows: 1m, 2m, 4m, 3m; warm-up 1m, polled every 5s, trouble counts after 3m\n",
		"  s01.traffic      send 5% to 2.5.0\n                     undone by: send all traffic to the baseline\n",
		"warning: no absolute check",
	} {
		require.Contains(t, got.out, want)
	}
	got = bakeoff(t.Context(), f, "plan", file(t, smallest), "-o", "json")
	var p rollout.Plan
	require.NoError(t, json.Unmarshal([]byte(got.out), &p))
	require.Equal(t, f.admission.Plan.Digest, p.Digest)
	require.Len(t, p.Acts, 6)
}

func TestPlanNamesEachJudge(t *testing.T) {
	s := spec()
	s.Checks = []rollout.Check{
		{Name: "cpu", Query: "q"},
		{Name: "budget", Failures: "f", Requests: "r", Judge: &rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99.9%"}}},
		{Name: "cost", Query: "q", Judge: &rollout.Judge{MeanCS: &rollout.MeanCS{}}},
	}
	got := planText(rollout.NewPlan(s))
	require.Contains(t, got, "  cpu              points, increase is harm, one each 15s\n")
	require.Contains(t, got, "  budget           burnRate 99.9%, 1h/5m ×14.4, 6h/30m ×6\n")
	require.Contains(t, got, "  cost             meanCs, one value each 15s (advisory)\n")
	require.NotContains(t, got, "no absolute check")
}

func TestPlanRefused(t *testing.T) {
	for cause, want := range map[rollout.Cause]int{rollout.CauseSpec: 3, rollout.CausePolicy: 15} {
		f := &fake{admission: admission{Cause: cause, Problems: []rollout.Problem{{Path: "target.deploy.driver", Message: "unknown driver"}}}}
		got := bakeoff(t.Context(), f, "plan", file(t, smallest), "-o", "json")
		require.Equal(t, want, got.code)
		require.Contains(t, got.err, "target.deploy.driver: unknown driver\n")
		require.Contains(t, got.out, `"problems":[{"path":"target.deploy.driver"`)
	}
}

func TestPlanWithoutAWorker(t *testing.T) {
	got := bakeoff(t.Context(), &fake{planErr: errNoWorker}, "plan", file(t, smallest))
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "does bakeoff-worker serve the queue infra?")
}

func TestLint(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	got := bakeoff(t.Context(), f, "lint", file(t, smallest), file(t, smallest))
	require.Equal(t, ran{code: 0, out: "2 specs, nothing wrong\n"}, got)

	got = bakeoff(t.Context(), f, "lint", file(t, smallest), "-o", "json")
	require.Equal(t, ran{code: 0, out: "{\"problems\":[]}\n"}, got)

	got = typed(t.Context(), f, process{in: strings.NewReader("kind: Rolout\n")}, "lint", "-")
	require.Equal(t, 3, got.code)
	require.Contains(t, got.err, "stdin:1:7: kind:")

	got = bakeoff(t.Context(), f, "lint", "/does/not/exist.yaml")
	require.Equal(t, 1, got.code)
	require.Contains(t, got.err, "read spec: open /does/not/exist.yaml")
}

func TestSchema(t *testing.T) {
	for kind, doc := range map[string]string{
		"Rollout": smallest, "Rehearsal": practice, "RehearsalSuite": "kind: RehearsalSuite\nname: weekly\nrehearsals: [a.yaml]\n",
	} {
		got := bakeoff(t.Context(), &fake{}, "schema", "--kind", kind)
		require.Equal(t, 0, got.code, got.err)
		parsed, err := validator.UnmarshalJSON(strings.NewReader(got.out))
		require.NoError(t, err)
		compiler := validator.NewCompiler()
		require.NoError(t, compiler.AddResource("schema.json", parsed))
		schema, err := compiler.Compile("schema.json")
		require.NoError(t, err)
		var good, bad any
		require.Empty(t, specfile.Decode("doc", []byte(doc), &good))
		require.NoError(t, schema.Validate(good), kind)
		require.Empty(t, specfile.Decode("doc", []byte(doc+"unknown: 1\n"), &bad))
		require.Error(t, schema.Validate(bad), kind)
	}
	require.Equal(t, 2, bakeoff(t.Context(), &fake{}, "schema", "--kind", "Rehersal").code)
}

func TestVersion(t *testing.T) {
	got := bakeoff(t.Context(), &fake{}, "version", "-o", "json")
	require.Equal(t, 0, got.code)
	require.Contains(t, got.out, `"version":"dev"`)
}

func TestErrorsOfUsage(t *testing.T) {
	for _, args := range [][]string{
		{"rehearse"}, {"restore", "a/b"}, {"run"}, {"run", "a", "b"}, {"wait", "checkout"}, {"wait", "a/b", "--timeout", "soon"},
		{"status", "a/b", "-o", "yaml"}, {"status", "a/b", "--nonsense"}, {"list", "x"}, {"lint"}, {"schema", "x"},
		{"completion", "nosh"}, {"completion", "bash", "x"},
	} {
		got := bakeoff(t.Context(), &fake{}, args...)
		require.Equal(t, 2, got.code, args)
		require.Contains(t, got.err, "--help\n", args)
		require.Empty(t, got.out, args)
	}
}

func TestCompletion(t *testing.T) {
	for _, shell := range []string{"bash", "zsh", "fish", "powershell"} {
		got := bakeoff(t.Context(), &fake{}, "completion", shell)
		require.Equal(t, 0, got.code, got.err)
		require.Contains(t, got.out, "bakeoff")
	}
	require.Equal(t, 0, bakeoff(t.Context(), &fake{}, "completion").code, "help")
}

func TestAnUnreachableServerIsAFailureOfTheCommand(t *testing.T) {
	f := &fake{dialError: errors.New("connect to Temporal at 127.0.0.1:1: refused")}
	for _, args := range [][]string{{"status", "a/b"}, {"wait", "a/b"}, {"run", file(t, smallest)}, {"list"}, {"history", "a/b"}, {"abort", "a/b", "--reason", "x"}} {
		got := bakeoff(t.Context(), f, args...)
		require.Equal(t, ran{1, "", "bakeoff: connect to Temporal at 127.0.0.1:1: refused\n"}, got)
	}
}

func TestEveryCommandHasAnExampleAndItsExitCodes(t *testing.T) {
	c := &cli{process: &process{in: strings.NewReader("")}, output: "text"}
	for _, command := range c.root().Commands() {
		require.NotEmpty(t, command.Short, command.Name())
		require.NotEmpty(t, command.Example, command.Name())
		require.Contains(t, command.Example, "bakeoff "+command.Name(), command.Name())
		require.Contains(t, command.Long, "xit codes: 0", command.Name())
	}
}

func TestHistory(t *testing.T) {
	f := running(t)
	f.tape.command(order1("pause", "c1"), rollout.Denied, "only on-call may")
	got := bakeoff(t.Context(), f, "history", "production/checkout")
	require.Equal(t, 0, got.code, got.err)
	lines := strings.Split(strings.TrimSpace(got.out), "\n")
	require.Equal(t, "1  2026-11-21T12:00:00Z  Submitted       ana asked for 2.5.0 in production/checkout: faster checkout", lines[0])
	require.Equal(t, "  7  2026-11-21T12:00:13Z  WeightObserved  step 1: 5% to 2.5.0 observed", lines[6])
	require.Equal(t, "  8  2026-11-21T12:00:15Z  Command         bo: pause: because (denied, only on-call may)", lines[7])

	got = bakeoff(t.Context(), f, "history", "production/checkout", "--run", "run-1", "-o", "json")
	lines = strings.Split(strings.TrimSpace(got.out), "\n")
	require.Len(t, lines, 8)
	var e rollout.Event
	require.NoError(t, json.Unmarshal([]byte(lines[7]), &e))
	require.Equal(t, rollout.EventCommand, e.Kind)
	require.Equal(t, "denied", e.Data["answer"])
}

func TestTargetsAreCompleted(t *testing.T) {
	f := &fake{listed: []execution{{run: checkout}, {run: checkout}, {run: run{"rollout/staging/search", "r"}}}}
	got := bakeoff(t.Context(), f, "__complete", "status", "prod")
	require.Equal(t, "production/checkout\n:4\n", got.out)
}

package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// practice is a rehearsal of smallest, which stands beside it as checkout.yaml.
const practice = `kind: Rehearsal
name: weekly
environment: production
rollout: checkout.yaml
load: [{name: browse, url: "http://127.0.0.1:8080/", rate: 200/s, for: 5m}]
drills: [{from: step 1, restoreWithin: 10s}]
expect: [{signal: errors, always: true, below: 1%}]
`

// files writes files into one folder, and returns the path of the first.
func files(t *testing.T, named ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i := 0; i < len(named); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, named[i]), []byte(named[i+1]), 0o600))
	}
	return filepath.Join(folder, named[0])
}

func TestLintOfRehearsals(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	inline := "- " + strings.ReplaceAll(strings.TrimSpace(practice), "\n", "\n  ") + "\n"
	suite := "kind: RehearsalSuite\nname: all\nrehearsals:\n"
	for name, c := range map[string]struct {
		files []string
		want  string // of standard error; "": nothing is wrong
	}{
		"good":                 {[]string{"r.yaml", practice, "checkout.yaml", smallest}, ""},
		"a good suite":         {[]string{"s.yaml", suite + "- r.yaml\n", "r.yaml", practice, "checkout.yaml", smallest}, ""},
		"a good member inline": {[]string{"s.yaml", suite + inline, "checkout.yaml", smallest}, ""},
		"a wrong field":        {[]string{"r.yaml", practice + "drils: []\n", "checkout.yaml", smallest}, "r.yaml:8:1: drils: unknown field; did you mean drills?"},
		"no such step": {[]string{"r.yaml", strings.Replace(practice, "step 1", "step 7", 1), "checkout.yaml", smallest},
			"r.yaml:6:17: drills[0].from: there is no step 7: the plan has 2\n  drills: [{from: step 7, restoreWithin: 10s}]\n"},
		"no spec": {[]string{"r.yaml", practice}, "r.yaml:4:10: rollout: read spec: open "},
		"a wrong spec": {[]string{"r.yaml", practice, "checkout.yaml", strings.Replace(smallest, "service: ", "servce: ", 1)},
			"checkout.yaml:2:1: servce: unknown field; did you mean service?\n  servce: checkout\n"},
		"an unjudgeable spec": {[]string{"r.yaml", practice, "checkout.yaml", smallest + "  - {name: q, query: x, judge: {threshold: {success: 'result <'}}}\n"},
			"checkout.yaml:12:"},
		"no member": {[]string{"s.yaml", suite + "- r.yaml\n"}, "s.yaml:4:3: rehearsals[0]: read spec: open "},
		"a wrong member": {[]string{"s.yaml", suite + "- r.yaml\n", "r.yaml", strings.Replace(practice, "200/s", "200", 1), "checkout.yaml", smallest},
			"r.yaml:5:60: load[0].rate:"},
		"a wrong suite and a wrong member": {[]string{"s.yaml", "parallel: 99\n" + suite + "- r.yaml\n"}, "s.yaml:5:3: rehearsals[0]: read spec"},
		"a wrong suite of a wrong member":  {[]string{"s.yaml", "parallel: 99\n" + suite + "- r.yaml\n"}, "s.yaml:1:11: parallel: 99 is not from 1 to 16"},
		"a password": {[]string{"r.yaml", strings.Replace(practice, "://127", "://ana:secret@127", 1), "checkout.yaml", smallest},
			"r.yaml:5:28: load[0].url: holds a user or a password, which would stand in the history and the evidence: send to what asks for none, such as a proxy that adds it\n" +
				`  load: [{name: browse, url: …, rate: 200/s`},
		"a wrong member inline": {[]string{"s.yaml", suite + strings.Replace(inline, "step 1", "step 7", 1), "checkout.yaml", smallest},
			"s.yaml:9:19: rehearsals[0].drills[0].from: there is no step 7"},
	} {
		t.Run(name, func(t *testing.T) {
			got := bakeoff(t.Context(), f, "lint", files(t, c.files...))
			if c.want == "" {
				require.Equal(t, ran{code: 0, out: "1 spec, nothing wrong\n"}, got)
				return
			}
			require.Equal(t, 3, got.code, got.out)
			require.Contains(t, got.err, c.want)
		})
	}
}

// What the schema says that a manifest may hold in one of these fields, and
// nothing else, is what lint lets pass.
func TestWordsOfRehearsals(t *testing.T) {
	t.Parallel()
	const load = "load: [{name: browse, url: \"http://127.0.0.1:8080/\", "
	tries := map[string][2]string{ // the path of the field, and the manifest's line of it
		"rehearsal.Manifest.isolation": {"isolation", "isolation: %s"},
		"rehearsal.Manifest.outcome":   {"outcome", "outcome: %s"},
		"rehearsal.Drill.verdict":      {"drills[0].verdict", "drills: [{from: step 1, restoreWithin: 10s, verdict: %s}]"},
		"rehearsal.Signal.unit":        {"signals[0].unit", "signals: [{name: used, gauge: used, unit: %s}]"},
		"rehearsal.Probe.mode":         {"probes[0].mode", "faults: [{name: f, for: 5s, worker: {name: shop, do: freeze}}]\nprobes: [{name: alive, url: \"http://127.0.0.1:8080/\", mode: %s}]"},
		"rehearsal.Probe.signal":       {"probes[0].signal", load + "rate: 1/s, for: 5m}]\nprobes: [{name: users, signal: %s, below: 5%%, mode: continuous, always: true}]"},
		"rehearsal.Probe.onFailure":    {"probes[0].onFailure", "probes: [{name: alive, url: \"http://127.0.0.1:8080/\", mode: before, onFailure: %s}]"},
		"load.Load.arrivals":           {"load[0].arrivals", load + "rate: 200/s, for: 5m, arrivals: %s}]"},
		"load.Step.ledger":             {"load[0].journeys[0].steps[0].ledger", load + "rate: 1/s, for: 5m, journeys: [{name: j, steps: [{path: '/o/{{id}}', ledger: %s}]}]}]"},
		"load.Replay.format":           {"load[0].replay.format", load + "replay: {file: monday.log, format: %s}}]"},
		"data.Mask.as":                 {"data[0].mask[0].as", "data: [{name: people, snapshot: people.csv, mask: [{field: a, as: %s}]}]"},
		"data.Into.after":              {"data[0].into.after", "data: [{name: people, snapshot: people.csv, into: {database: shop, table: people, after: %s}}]"},
		"fault.Process.do":             {"faults[0].process.do", "faults: [{name: f, at: 1s, for: 5s, process: {name: shop, do: %s}}]"},
		"fault.Toxiproxy.direction":    {"faults[0].toxiproxy.direction", "faults: [{name: f, at: 1s, for: 5s, toxiproxy: {proxy: db, latency: 20ms, direction: %s}}]"},
		"scaling.Trigger.signal":       {"scaling.trigger.signal", "scaling: {replicas: {min: 1, max: 4}, needed: 2, upWithin: 9s, trigger: {signal: %s, above: 10}}"},
	}
	known := wordsOf(t, "Rehearsal")
	for id, try := range tries {
		for _, word := range append(known[id], "nonsense") {
			line := fmt.Sprintf(try[1], word)
			kept := practice
			for given := range strings.Lines(line) {
				field, _, _ := strings.Cut(given, ":")
				kept = regexp.MustCompile("(?m)^"+field+":.*\n").ReplaceAllString(kept, "")
			}
			got := bakeoff(t.Context(), &fake{}, "lint", files(t, "r.yaml", kept+line+"\n", "checkout.yaml", smallest))
			require.Equal(t, word == "nonsense", strings.Contains(got.err, fmt.Sprintf("%s: %q is no", try[0], word)), "%s\n%s", line, got.err)
		}
		require.NotEmpty(t, known[id], id)
		delete(known, id)
	}
	require.Empty(t, known)
}

// wordsOf are the words that fields of a kind may hold, by type and field.
func wordsOf(t *testing.T, kind string) map[string][]string {
	t.Helper()
	var schema struct {
		Defs map[string]struct {
			Properties map[string]struct{ Enum []string } `json:"properties"`
		} `json:"$defs"`
	}
	got := bakeoff(t.Context(), &fake{}, "schema", "--kind", kind)
	require.NoError(t, json.Unmarshal([]byte(got.out), &schema))
	out := map[string][]string{}
	for name, def := range schema.Defs {
		for field, value := range def.Properties {
			if len(value.Enum) > 0 && strings.Contains(name, ".") { // others are a rollout's
				out[name+"."+field] = value.Enum
			}
		}
	}
	return out
}

// What is refused because it is a secret goes into no log either, in whichever form
// and by whichever command.
func TestRefusedSecretsAreNotPrinted(t *testing.T) {
	f := &fake{}
	spec := strings.Replace(smallest, "{version: 2.5.0", "{config: {DB_PASSWORD: hunter2}, version: 2.5.0", 1)
	require.NotEqual(t, smallest, spec)
	for _, args := range [][]string{{"lint"}, {"lint", "-o", "json"}, {"plan"}, {"run", "--reason", "x"}, {"start", "--reason", "x", "-o", "json"}} {
		got := bakeoff(t.Context(), f, append(args, files(t, "checkout.yaml", spec))...)
		require.Equal(t, 3, got.code, args)
		require.Contains(t, got.err, "{DB_PASSWORD: …}", args)
		require.NotContains(t, got.err+got.out, "hunter2", args)
	}
}

// What every worker refuses needs none to be found.
func TestLintFindsWhatPlanRefuses(t *testing.T) {
	steps := ""
	for i := range 2000 {
		steps += fmt.Sprintf("{weight: %d.%02d%%, bake: 1m}, ", (i+1)/100, (i+1)%100)
	}
	checks := "checks:\n"
	require.Contains(t, smallest, checks)
	for name, c := range map[string][2]string{
		"a query":         {strings.Replace(smallest, checks, checks+"  - {name: q, query: 'x{v=\"{{.Nope}}\"}'}\n", 1), "checks[0].query: only {{.Version}} is replaced"},
		"a query's end":   {strings.Replace(smallest, checks, checks+"  - {name: q, query: '{{.Version'}\n", 1), "checks[0].query: only {{.Version}} is replaced"},
		"a far schedule":  {smallest + "schedule: {to: 2136-12-02T08:00:00Z}\n", "schedule: 2136-12-02 08:00 UTC is too far ahead"},
		"too many steps":  {strings.Replace(smallest, "{weight: 5%, bake: 10m}, {weight: 25%, bake: 30m}", steps, 1), "strategy: this plan may write"},
		"a credential":    {strings.Replace(smallest, "url: http://router:8080", "url: http://router:8080, bearer: {env: X}", 1), "target.traffic.with.bearer: credentials are the worker's"},
		"a hook's scheme": {smallest + "hooks: [{at: after, http: 'ftp://x'}]\n", "hooks[0].http: is no URL"},
	} {
		got := bakeoff(t.Context(), &fake{}, "lint", files(t, "checkout.yaml", c[0]))
		require.Equal(t, 3, got.code, name)
		require.Contains(t, got.err, c[1], name)
	}
}

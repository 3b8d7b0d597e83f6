package rehearsal_test

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

const whole = `kind: Rehearsal
name: checkout
environment: staging
seed: 42
owner: payments
rollout:
  kind: Rollout
  service: checkout
  environment: staging
  release: {version: 2.5.0}
  target: {deploy: {driver: process}, traffic: {driver: caddy}}
  strategy: {canary: [{weight: 10%, bake: 1m}, {weight: 50%, bake: 2m}]}
load:
  - {name: browse, url: "http://127.0.0.1:8080/", rate: 10/s, for: 1m}
faults:
  - {name: slow-db, at: 10s, for: 15s, toxiproxy: {proxy: db, latency: 200ms}}
expect:
  - {signal: latency-p99, during: slow-db, below: 900ms}
  - {signal: errors, always: true, below: 1%}
drills:
  - {from: step 1, repeat: 10, restoreWithin: 10s}
`

const (
	digest = "sha256:b5bb9d8014a0f9b1d61e21e796d78dccdf1352f23cd32812f4850b878ae4944c"
	rows   = "data: [{name: orders, snapshot: orders.csv, digest: \"" + digest + "\", into: {database: shop, table: orders}}]\n"
)

// parse reads a manifest after some of its text was replaced.
func parse(t *testing.T, replace ...string) (rehearsal.Manifest, []rollout.Problem) {
	t.Helper()
	text := strings.NewReplacer(replace...).Replace(whole)
	if len(replace) > 0 {
		require.NotEqual(t, whole, text, "nothing was replaced")
	}
	var m rehearsal.Manifest
	problems := specfile.Decode("r.yaml", []byte(text), &m)
	return m, problems
}

// A drill is injected after two polls where its manifest does not say; any moment will
// do that leaves a poll to see it.
func TestWhenADrillIsInjected(t *testing.T) {
	m, _ := parse(t)
	poll := rollout.NewPlan(m.Rollout.Spec).Steps[0].Poll
	for n := range 10 {
		after := m.Injection(m.Drills[0], n+1).After
		require.GreaterOrEqual(t, after, 2*poll)
		require.Less(t, after, 3*poll)
	}
	for after, want := range map[string]bool{"45s": true, "59s": false, "1m": false} {
		_, problems := parse(t, "repeat: 10", "after: "+after)
		require.Equal(t, want, len(problems) == 0, after)
	}
}

func TestManifestIsRead(t *testing.T) {
	m, problems := parse(t)
	require.Empty(t, problems)
	require.Equal(t, "staging/checkout", m.Target().String())
	require.Equal(t, 10, m.Repeats())
	require.Equal(t, "latency-p99 during slow-db", m.Expect[0].Title())
	require.InDelta(t, 0.9, m.Expect[0].Below.Value, 1e-9)
	require.Equal(t, rehearsal.StepName(1), m.Drills[0].From)

	text, err := m.Text()
	require.NoError(t, err)
	var again rehearsal.Manifest
	require.Empty(t, specfile.Decode("manifest.json", text, &again), "a run is repeated from its evidence")
	require.Equal(t, m, again)
	var plain rehearsal.Manifest
	require.NoError(t, json.Unmarshal(text, &plain))
	require.Equal(t, m, plain)
}

func TestBadManifestsAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		replace []string
		want    string
	}{
		"another environment":      {[]string{"  environment: staging", "  environment: production"}, "rollout.environment: it goes to production"},
		"nothing to practise":      {[]string{whole[strings.Index(whole, "load:"):], ""}, "nothing would be practised"},
		"a control of nothing":     {[]string{"seed: 42", "seed: 42\nnegative: true", whole[strings.Index(whole, "drills:"):], ""}, "negative: a control has to be red because of what it practises: give drills, an outcome or scaling"},
		"no rollout":               {[]string{whole[strings.Index(whole, "rollout:"):strings.Index(whole, "load:")], ""}, "rollout: is missing: name the spec's file"},
		"no such day":              {[]string{"seed: 42", "seed: 42\nactions: [{do: x, owner: y, due: 2026-02-30}]"}, `actions[0].due: "2026-02-30" is not a time: write one like 2026-03-01T12:00:00Z`},
		"no seed of text":          {[]string{"seed: 42", "seed: soon"}, "seed: expected a whole number"},
		"a drill of no step":       {[]string{"from: step 1", "from: step 3"}, "there is no step 3: the plan has 2"},
		"a drill without a limit":  {[]string{", restoreWithin: 10s", ""}, "restoreWithin: is missing"},
		"a drill without time":     {[]string{", restoreWithin: 10s", ", restoreWithin: 0s"}, "restoreWithin: is missing, or not above 0s"},
		"a drill that nobody sees": {[]string{"repeat: 10", "after: 1m"}, "nobody would see what is injected"},
		"a drill that passes":      {[]string{"repeat: 10", "verdict: Pass"}, `"Pass" is not one of Fail, NoData`},
		"a drill that goes on":     {[]string{"repeat: 10", "verdict: Inconclusive", "  strategy:", "  policy: {inconclusive: promote}\n  strategy:"}, "drills[0].verdict: policy.inconclusive is promote: what Inconclusive leads to is no way back"},
		"a drill that holds, on":   {[]string{"repeat: 10", "verdict: NoData", "  strategy:", "  policy: {otherwise: promote}\n  strategy:"}, "drills[0].verdict: policy.noData is hold, and policy.otherwise promote"},
		"too many drills":          {[]string{"repeat: 10", "repeat: 101"}, "drills[0].repeat: 101 is not from 1 to 100"},
		"no signal":                {[]string{"signal: errors", "signal: mood"}, `"mood" is not a signal: there are errors, latency-p50`},
		"no such point":            {[]string{"seed: 42", "seed: 42\nhooks: [afterDark]"}, `hooks[0]: "afterDark" is not one of beforeStart, beforeStep`},
		"a hook that is not there": {[]string{"seed: 42", "seed: 42\nhooks: [afterStep]"}, "hooks[0]: the rollout has no hook at afterStep"},
		"another unit":             {[]string{"below: 1%", "below: 10ms"}, "measured in another unit: write it like 100%"},
		"no time":                  {[]string{"always: true, ", ""}, "say when"},
		"nothing of that name":     {[]string{"seed: 42", "seed: 42\nprobes: [{name: p, url: \"http://127.0.0.1:1/\", mode: continuous, during: nope}]", whole[strings.Index(whole, "faults:"):strings.Index(whole, "expect:")], "", "during: slow-db", "always: true"}, `probes[0].during: there is no fault "nope": there are none`},
		"before nothing":           {[]string{"during: slow-db", "before: fast-db"}, `no fault or load "fast-db"`},
		"two times":                {[]string{"during: slow-db", "during: slow-db, after: slow-db"}, "say when: one of always: true, during, outside, before or after"},
		"no such fault":            {[]string{"during: slow-db", "during: fast-db"}, `no fault or load "fast-db": there are slow-db, browse, drills`},
		"nothing expected":         {[]string{", below: 1%", ""}, "says nothing: give below, above or profile"},
		"no amount":                {[]string{"below: 900ms", "below: soon"}, `"soon" is not an amount`},
		"a fault without end":      {[]string{" for: 15s,", ""}, "faults[0].for"},
		"two of one name":          {[]string{"name: slow-db", "name: browse"}, "the name of something else already"},
		"a load in production":     {[]string{"seed: 42", "seed: 42\nisolation: production\nproductionDrill: yearly"}, "a drill there makes no load"},
		"rows of production":       {[]string{whole[strings.Index(whole, "load:"):strings.Index(whole, "drills:")], "isolation: production\nproductionDrill: yearly\n" + rows}, "orders would replace rows in production"},
		"two data of one name":     {[]string{"seed: 42", "seed: 42\n" + rows + "baseline: {data: [{name: orders, snapshot: a.csv, digest: \"" + digest + "\"}]}"}, "data[0].name: \"orders\" is the name of other data already"},
		"rows of sql taken back":   {[]string{"seed: 42", "seed: 42\ndata: [{name: orders, snapshot: orders.sql, digest: \"" + digest + "\", into: {database: shop, after: restore}}]"}, "data[0].into.after: only csv, which fills one table, can be taken back"},
		"an unknown end of rows":   {[]string{"seed: 42", "seed: 42\n" + strings.Replace(rows, "table: orders", "table: orders, after: burn", 1)}, "\"burn\" is not one of keep, restore"},
		"drills below none":        {[]string{"repeat: 10", "repeat: -1"}, "drills[0].repeat: -1 is not from 1 to 100"},
		"a drill that is not made": {[]string{"repeat: 10", "repeat: 0"}, "drills[0].repeat: 0 is not from 1 to 100"},
		"half a drill":             {[]string{"repeat: 10", "repeat: 1.5"}, "drills[0].repeat: 1.5 is not from 1 to 100"},
		"a name too long":          {[]string{"name: checkout", "name: " + strings.Repeat("a", 101)}, "name: has 101 letters: 100 at most"},
		"a load too long":          {[]string{"for: 1m", "for: 3h"}, "load[0].for: it ends 3h after the beginning, and the run is stopped after 2h"},
		"a load beyond its quota":  {[]string{"seed: 42", "seed: 42\nquotas: {for: 50s}"}, "load[0].for: it ends 1m after the beginning, and the run is stopped after 50s"},
		"a rate beyond its quota":  {[]string{"seed: 42", "seed: 42\nquotas: {rate: 5/s}"}, "quotas.rate: all loads together may send 10/s at once, more than 5/s"},
		"a quota of nothing":       {[]string{"seed: 42", "seed: 42\nquotas: {rate: 0/s}"}, "quotas.rate: 0/s lets nothing be sent"},
		"a fault of nobody":        {[]string{"at: 10s", "at: 119m", "during: slow-db", "during: drills", "repeat: 10", "repeat: 1"}, "faults[0].at: it begins when load and drills are over"},
		"a fault after the load":   {[]string{"at: 10s", "at: 1m"}, "expect[0].during: no load is sent any more when slow-db begins"},
		"more than all":            {[]string{"below: 1%", "below: 500%"}, "expect[1].below: 500% is not a value of errors"},
		"nothing between":          {[]string{"below: 1%", "below: 1%, above: 5%"}, "expect[1].above: 5% is not below 1%"},
		"production unexplained":   {[]string{"seed: 42", "seed: 42\nisolation: production"}, "say why in productionDrill"},
		"an unknown outcome":       {[]string{"seed: 42", "seed: 42\noutcome: Aborted"}, "not one of Promoted, RolledBack"},
		"an unknown variable":      {[]string{"8080/", "{{var.port}}/"}, "load[0]: {{var.port}} says nothing: variables does not name it"},
		"a variable that is wrong": {[]string{"http://127.0.0.1:8080/", "{{ var.host }}/", "seed: 42", "seed: 42\nvariables: {host: nowhere}"}, `load[0].url: "nowhere/" is not a URL to send to`},
		"an action of nobody":      {[]string{"seed: 42", "seed: 42\nactions: [{do: mend it}]"}, "needs do, owner and due"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := parse(t, c.replace...)
			require.NotEmpty(t, problems)
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
				require.Positive(t, p.Line, "%s has no place", p)
			}
			require.Contains(t, strings.Join(all, "\n"), c.want)
		})
	}
}

// Who writes 0 where that is the same as nothing wants something else, and is told.
// Where 0 means what it says it is read.
func TestZerosAreNoDefaults(t *testing.T) {
	const scaled = "seed: 42\nscaling: {replicas: {min: 1, max: 3}, upWithin: 30s, "
	for text, c := range map[string]struct {
		replace []string
		want    string
	}{
		"decide":     {[]string{"repeat: 10", "decideWithin: 0s"}, "drills[0].decideWithin: 0s would mean the same"},
		"requests":   {[]string{"seed: 42", "quotas: {requests: 0}"}, "quotas.requests: 0 would mean the same as leaving it out, any number: leave it out, or write more than 0"},
		"length":     {[]string{"seed: 42", "quotas: {for: 0m}"}, "quotas.for: 0m would mean the same"},
		"timeout":    {[]string{"rate: 10/s,", "rate: 10/s, timeout: 0s,"}, "load[0].timeout: 0s would mean the same"},
		"shards":     {[]string{"rate: 10/s,", "rate: 10/s, shards: 0,"}, "load[0].shards: 0 would mean the same"},
		"bandwidth":  {[]string{"latency: 200ms", "latency: 200ms, bandwidth: 0"}, "faults[0].toxiproxy.bandwidth: 0 would mean the same"},
		"poll":       {[]string{"seed: 42", scaled + "poll: 0s}"}, "scaling.poll: 0s would mean the same"},
		"downWithin": {[]string{"seed: 42", scaled + "downWithin: 0s}"}, "scaling.downWithin: 0s would mean the same"},
		"queue":      {[]string{"seed: 42", scaled + "signals: {ready: {gauge: a}, queue: {gauge: b}, latency: {gauge: c}}, waiting: {queue: 0, latency: 1s}}"}, "scaling.waiting.queue: 0 would mean the same"},
	} {
		_, problems := parse(t, c.replace...)
		require.Len(t, problems, 1, text)
		require.Contains(t, problems[0].String(), c.want)
		require.Positive(t, problems[0].Line)
	}
	for _, replace := range [][]string{{"seed: 42", "seed: 0"}, {"at: 10s", "at: 0s"}, {"repeat: 10", "lost: 0, gap: 0s"}, {"below: 1%", "below: 1%, settle: 0s"},
		{"seed: 42", scaled + "overshoot: 0, oscillations: 0, policy: {cooldownUp: 0s}}"}} {
		_, problems := parse(t, replace...)
		require.Empty(t, problems)
	}
	m, problems := parse(t, "repeat: 10", "after: 0s")
	require.Empty(t, problems)
	require.Equal(t, rollout.Duration(time.Millisecond), m.Drills[0].After, "at once")
}

// The same seed injects at the same moments; each repeat at its own.
func TestInjections(t *testing.T) {
	m, _ := parse(t)
	d := m.Drills[0]
	seen := map[rollout.Duration]bool{}
	for n := 1; n <= int(d.Repeat); n++ {
		first := m.Injection(d, n)
		require.Equal(t, first, m.Injection(d, n))
		require.Equal(t, rollout.Fail, first.Verdict)
		seen[first.After] = true
	}
	require.Greater(t, len(seen), 8)
	m.Seed = 43
	require.NotEqual(t, m.Injection(d, 1), func() rollout.Drill { m.Seed = 42; return m.Injection(d, 1) }())
}

// The fingerprint knows the inputs and nothing else: what changes one of them
// changes its part alone, and what says the same changes none.
func TestFingerprint(t *testing.T) {
	of := func(change func(*rehearsal.Manifest)) map[string]string {
		m, problems := parse(t)
		require.Empty(t, problems)
		m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "orders", File: "orders.csv", Into: &data.Into{Database: "shop", Table: "orders"}}}}
		m.Scaling = &scaling.Expect{Replicas: scaling.Range{Min: 1, Max: 3}}
		if change != nil {
			change(&m)
		}
		f, err := m.Fingerprint(map[string]string{"browse": "sha256:1"}, []evidence.Input{{Name: "orders", Digest: "sha256:2"}}, "v1")
		require.NoError(t, err)
		parts := map[string]string{"": f.Digest}
		for _, p := range f.Parts {
			parts[p.Name] = p.Digest
		}
		return parts
	}
	same, keep := of(nil), true
	for name, change := range map[string]func(*rehearsal.Manifest){
		"nothing": nil, "owner": func(m *rehearsal.Manifest) { m.Owner = "somebody" }, "purpose": func(m *rehearsal.Manifest) { m.Purpose = "why" },
		"name": func(m *rehearsal.Manifest) { m.Name = "another" }, "shards": func(m *rehearsal.Manifest) { m.Load[0].Shards = 4 },
		"own isolation": func(m *rehearsal.Manifest) { m.Isolation = rehearsal.IsolationOwn }, "default length": func(m *rehearsal.Manifest) { m.Quotas.For = m.Longest() },
		"default timeout":  func(m *rehearsal.Manifest) { m.Load[0].Timeout = load.DefaultTimeout },
		"default of loads": func(m *rehearsal.Manifest) { m.Load[0].KeepAlive = &keep }, "default verdict": func(m *rehearsal.Manifest) { m.Drills[0].Verdict = rollout.Fail },
		"default after": func(m *rehearsal.Manifest) { m.Data[0].Into.After = data.Kept },
		"default swing": func(m *rehearsal.Manifest) { m.Scaling.Swing = 1 },
	} {
		require.Equal(t, same, of(change), name)
	}
	for name, c := range map[string]struct {
		part   string
		change func(*rehearsal.Manifest)
	}{
		"seed":        {"seed", func(m *rehearsal.Manifest) { m.Seed++ }},
		"fault":       {"faults", func(m *rehearsal.Manifest) { m.Faults[0].Toxiproxy.Latency++ }},
		"moment":      {"faults", func(m *rehearsal.Manifest) { m.Faults[0].At++ }},
		"repeat":      {"drills", func(m *rehearsal.Manifest) { m.Drills[0].Repeat++ }},
		"limit":       {"expect", func(m *rehearsal.Manifest) { m.Expect[1].Below.Value += 1e-6 }},
		"bake":        {"rollout", func(m *rehearsal.Manifest) { m.Rollout.Strategy.Canary[1].Bake++ }},
		"variable":    {"variables", func(m *rehearsal.Manifest) { m.Variables = map[string]string{"TZ": "UTC"} }},
		"outcome":     {"outcome", func(m *rehearsal.Manifest) { m.Outcome = rollout.Promoted }},
		"negative":    {"negative", func(m *rehearsal.Manifest) { m.Negative = true }},
		"environment": {"environment", func(m *rehearsal.Manifest) { m.Environment = "test" }},
		"isolation":   {"environment", func(m *rehearsal.Manifest) { m.Isolation = rehearsal.IsolationShared }},
		"quota":       {"quotas", func(m *rehearsal.Manifest) { m.Quotas.Rate = new(load.Rate) }},
		"artifact":    {"baseline", func(m *rehearsal.Manifest) { m.Baseline.Artifact = "a@b" }},
		"replicas":    {"scaling", func(m *rehearsal.Manifest) { m.Scaling.Replicas.Max++ }},
		"database":    {"data/orders", func(m *rehearsal.Manifest) { m.Data[0].Into.Database = "other" }},
		"after":       {"data/orders", func(m *rehearsal.Manifest) { m.Data[0].Into.After = data.Restored }},
		"start":       {"load/browse", func(m *rehearsal.Manifest) { m.Load[0].At++ }},
		"good answer": {"load/browse", func(m *rehearsal.Manifest) { m.Load[0].Expect.Status = 201 }},
		"timeout":     {"load/browse", func(m *rehearsal.Manifest) { m.Load[0].Timeout = 1 }},
		"connections": {"load/browse", func(m *rehearsal.Manifest) { m.Load[0].Connections = 1 }},
	} {
		other := of(c.change)
		require.NotEqual(t, same[""], other[""], name)
		for part, digest := range same {
			require.Equal(t, part == "" || part == c.part, digest != other[part], "%s after a change of %s", part, name)
		}
	}
}

// Loads and data that are other bytes are other parts.
func TestFingerprintOfBytes(t *testing.T) {
	m, _ := parse(t)
	one, err := m.Fingerprint(map[string]string{"browse": "sha256:1"}, []evidence.Input{{Name: "orders", Digest: "sha256:2"}}, "v1")
	require.NoError(t, err)
	other, err := m.Fingerprint(map[string]string{"browse": "sha256:3"}, []evidence.Input{{Name: "orders", Digest: "sha256:4"}}, "v2")
	require.NoError(t, err)
	var differ []string
	for i, p := range one.Parts {
		if p.Digest != other.Parts[i].Digest {
			differ = append(differ, p.Name)
		}
	}
	require.Equal(t, []string{"data/orders", "load/browse", "tool"}, differ)
}

// How long things may take: a drill its bakes up to its own, and three times its
// way back; the watch over an autoscaler until it must have come down.
func TestHowLongThingsTake(t *testing.T) {
	m, problems := parse(t, "from: step 1", "from: step 2")
	require.Empty(t, problems)
	planned := m.PlannedDrills()[0]
	steps := rollout.NewPlan(m.Rollout.Spec)
	bakes, warmUps := rollout.Duration(3*time.Minute), steps.Steps[0].WarmUp+steps.Steps[1].WarmUp
	require.Positive(t, warmUps)
	require.Equal(t, rollout.Duration(2*time.Minute)+steps.Spec.ReadyWithin+bakes+warmUps+3*rollout.Duration(10*time.Second), planned.Takes)
	require.Equal(t, steps.Steps[1].Poll, planned.Poll)
	for _, d := range planned.Injections {
		require.Zero(t, d.After.Std()%time.Millisecond)
	}
	m.Scaling = &scaling.Expect{DownWithin: rollout.Duration(time.Minute)}
	require.Equal(t, rollout.Duration(95*time.Second), m.PlannedSampling(rollout.Duration(30*time.Second)).For)
}

// What comes back after a promotion is what served, as far as the spec's baseline,
// the Target and the platform know it; where nobody knows what its candidate names,
// that is said.
func TestWhatComesBackIsWhatServed(t *testing.T) {
	m, _ := parse(t)
	m.Rollout.Release = rollout.Release{Version: "2.5.0", Artifact: "shop@b", Config: map[string]string{"PAY": "new"}}
	before := rehearsal.State{Version: "2.4.1", Flags: map[string]any{"fast": false}}
	require.Equal(t, "the artifact", m.Unknown(before))
	before.Artifact = "shop@a"
	require.Equal(t, "the config", m.Unknown(before))
	want := rollout.Release{Version: "2.4.1", Artifact: "shop@a", Config: map[string]string{"PAY": "old"}, Flags: before.Flags}

	known := before
	known.Release = &rollout.Release{Version: "2.4.1", Artifact: "shop@older", Config: want.Config, Flags: map[string]any{"fast": true}}
	require.Empty(t, m.Unknown(known))
	require.Equal(t, want, m.BackTo(known).Release, "what the platform and the flags are read to be is newer")
	known.Release.Version = "2.3.0"
	require.Equal(t, "the config", m.Unknown(known), "it is of another version")

	m.Rollout.Baseline = &rollout.Baseline{Version: "2.4.1"}
	require.Equal(t, "the config", m.Unknown(before), "only the version is expected")
	m.Rollout.Baseline.Config = want.Config
	require.Empty(t, m.Unknown(before))
	require.Equal(t, want, m.BackTo(before).Release)
	m.Rollout.Release.Config, m.Rollout.Baseline = nil, nil
	require.Empty(t, m.Unknown(before), "no version has any config")
}

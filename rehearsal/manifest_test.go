package rehearsal_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
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
  - {name: browse, url: "http://127.0.0.1:8080/", rate: 200/s, arrivals: poisson, for: 5m}
faults:
  - {name: slow-db, at: 1m, for: 30s, toxiproxy: {proxy: db, latency: 200ms}}
expect:
  - {signal: latency-p99, during: slow-db, below: 900ms}
  - {signal: errors, always: true, below: 1%}
drills:
  - {from: step 1, repeat: 10, restoreWithin: 10s}
`

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
		"no seed of text":          {[]string{"seed: 42", "seed: soon"}, "seed: expected a whole number"},
		"a drill of no step":       {[]string{"from: step 1", "from: step 3"}, "there is no step 3: the plan has 2"},
		"a drill without a limit":  {[]string{", restoreWithin: 10s", ""}, "restoreWithin: is missing"},
		"a drill that nobody sees": {[]string{"repeat: 10", "after: 1m"}, "nobody would see what is injected"},
		"a drill that passes":      {[]string{"repeat: 10", "verdict: Pass"}, "none of the verdicts that lead back"},
		"too many drills":          {[]string{"repeat: 10", "repeat: 101"}, "101 is above 100"},
		"no signal":                {[]string{"signal: errors", "signal: mood"}, `"mood" is no signal`},
		"another unit":             {[]string{"below: 1%", "below: 10ms"}, "measured in another unit: write it like 100%"},
		"no time":                  {[]string{"always: true, ", ""}, "say when"},
		"no such fault":            {[]string{"during: slow-db", "during: fast-db"}, `no fault or load "fast-db"`},
		"nothing expected":         {[]string{", below: 1%", ""}, "says nothing: give below, above or profile"},
		"no amount":                {[]string{"below: 900ms", "below: soon"}, `"soon" is no amount`},
		"a fault without end":      {[]string{" for: 30s,", ""}, "faults[0].for"},
		"two of one name":          {[]string{"name: slow-db", "name: browse"}, "the name of something else already"},
		"a load in production":     {[]string{"seed: 42", "seed: 42\nisolation: production\nproductionDrill: yearly"}, "a drill there makes no load"},
		"production unexplained":   {[]string{"seed: 42", "seed: 42\nisolation: production"}, "say why in productionDrill"},
		"an unknown outcome":       {[]string{"seed: 42", "seed: 42\noutcome: Aborted"}, "not one of Promoted, RolledBack"},
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

// The same seed injects at the same moments; each repeat at its own.
func TestInjections(t *testing.T) {
	m, _ := parse(t)
	d := m.Drills[0]
	seen := map[rollout.Duration]bool{}
	for n := 1; n <= d.Repeat; n++ {
		first := m.Injection(d, n)
		require.Equal(t, first, m.Injection(d, n))
		require.Equal(t, rollout.Fail, first.Verdict)
		seen[first.After] = true
	}
	require.Greater(t, len(seen), 8)
	m.Seed = 43
	require.NotEqual(t, m.Injection(d, 1), func() rollout.Drill { m.Seed = 42; return m.Injection(d, 1) }())
}

// The fingerprint knows the inputs and nothing else.
func TestFingerprint(t *testing.T) {
	of := func(replace ...string) map[string]string {
		m, problems := parse(t, replace...)
		require.Empty(t, problems)
		f, err := m.Fingerprint(map[string]string{"browse": "sha256:1"}, nil, "v1")
		require.NoError(t, err)
		parts := map[string]string{"": f.Digest}
		for _, p := range f.Parts {
			parts[p.Name] = p.Digest
		}
		return parts
	}
	same := of()
	require.Equal(t, same, of())
	require.Equal(t, same, of("owner: payments", "owner: somebody"))
	for part, replace := range map[string][]string{
		"seed": {"seed: 42", "seed: 43"}, "faults": {"latency: 200ms", "latency: 201ms"}, "drills": {"repeat: 10", "repeat: 11"},
		"expect": {"below: 1%", "below: 2%"}, "rollout": {"bake: 2m", "bake: 3m"},
	} {
		other := of(replace...)
		require.NotEqual(t, same[""], other[""], part)
		for name, digest := range same {
			require.Equal(t, name == "" || name == part, digest != other[name], "%s after a change of %s", name, part)
		}
	}
}

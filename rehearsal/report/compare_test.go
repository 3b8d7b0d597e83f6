package report_test

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rehearsal/scaling"
)

func metric(t *testing.T, c report.Comparison, name, of string) report.Metric {
	t.Helper()
	i := slices.IndexFunc(c.Metrics, func(m report.Metric) bool { return m.Name == name && m.Of == of })
	require.GreaterOrEqual(t, i, 0, "%s of %s", name, of)
	return c.Metrics[i]
}

// with returns the run with another digest of the parts.
func with(run evidence.Run, parts ...string) evidence.Run {
	run.Fingerprint.Parts = slices.Clone(run.Fingerprint.Parts)
	for i, p := range run.Fingerprint.Parts {
		if slices.Contains(parts, p.Name) {
			run.Fingerprint.Parts[i].Digest = "sha256:another"
		}
	}
	return run
}

func compared(t *testing.T, runs ...evidence.Run) report.Comparison {
	t.Helper()
	c, err := report.Compare(runs)
	require.NoError(t, err)
	return c
}

func TestCompareSeesWhatGotSlower(t *testing.T) {
	c := compared(t, rich("a", 1), rich("b", 1), with(rich("c", 1.3), "rollout"))
	p99 := metric(t, c, "latency p99", "pay")
	require.Equal(t, report.Worse, p99.Movement)
	require.InDelta(t, 0.3, *p99.Change, 0.04)
	require.Less(t, p99.Interval[0], *p99.Change)
	require.Equal(t, 24, p99.Pairs)
	require.NotNil(t, p99.Spread)
	require.Equal(t, report.Worse, metric(t, c, "time to restore", "drill from step 1").Movement)
	require.Equal(t, report.Same, metric(t, c, "requests", "browse").Movement)
	require.Equal(t, report.TooFew, metric(t, c, "time to scale up", "").Movement, "one pair")
	require.Equal(t, 38.0, *metric(t, c, "time to scale up", "").Candidate, "the figures are there")
	require.Contains(t, c.Insights[0], "rollout")
	require.Contains(t, strings.Join(c.Insights, "\n"), `It matters to criterion "drill from step 1: restored within 10s", which passed with 1.8 s, limit 10 s.`)
	require.Contains(t, strings.Join(c.Insights, "\n"), `criterion "latency-p99 during slow-db", which failed with 1.04 s, limit 900 ms`)

	back := compared(t, rich("c", 1.3), rich("a", 1))
	require.Equal(t, report.Better, metric(t, back, "latency p99", "pay").Movement)
	require.Contains(t, strings.Join(back.Notes, "\n"), "one baseline run")
}

func TestCompareOfEqualRunsMovesNothing(t *testing.T) {
	again := rich("a", 1)
	again.ID = "another"
	for _, m := range compared(t, rich("a", 1), again).Metrics {
		require.Contains(t, []report.Movement{report.Same, report.TooFew}, m.Movement, m.Name)
	}
}

// TestWithinTheBaselineRuns: a median between those of the baseline runs has not
// moved, however narrow the interval of its pairs.
func TestWithinTheBaselineRuns(t *testing.T) {
	c := compared(t, rich("a", 1), rich("b", 1), rich("c", 1.6), rich("d", 1.3))
	require.Equal(t, report.Unclear, metric(t, c, "latency p99", "pay").Movement)
}

func TestCompareLeavesOutWhatDiffers(t *testing.T) {
	one, other := rich("a", 1), with(rich("b", 1.3), "data/orders")
	for i, run := range []*evidence.Run{&one, &other} {
		run.Fingerprint.Parts = append(slices.Clone(run.Fingerprint.Parts), evidence.Part{Name: "outcome", Digest: []string{"x", "y"}[i]})
	}
	c := compared(t, one, other)
	p99 := metric(t, c, "latency p99", "pay")
	require.Equal(t, report.NotCompared, p99.Movement)
	require.Equal(t, "outcome differs: not compared", p99.Reason)
	require.Nil(t, p99.Change)
	require.Equal(t, report.Worse, metric(t, c, "time to restore", "drill from step 1").Movement, "drills come before the rollout")
	require.Contains(t, strings.Join(c.Notes, "\n"), "what depends on it is not compared")

	_, err := report.Compare([]evidence.Run{rich("a", 1), with(rich("b", 1.3), "drills")})
	require.ErrorContains(t, err, "every metric depends on parts in which they differ: drills", "errors of one drill are not those of ten")
}

// asking returns the run with a manifest, and with the fingerprint of that.
func asking(t *testing.T, run evidence.Run, drill string) evidence.Run {
	t.Helper()
	var m rehearsal.Manifest
	require.NoError(t, json.Unmarshal([]byte(`{"kind": "Rehearsal", "rollout": {"strategy": {"canary": [{"weight": "10%", "bake": "1m"}]}},
		"drills": [{"from": "step 1", `+drill+`}], "scaling": {"replicas": {"min": 1, "max": 3}, "upWithin": "1m"}}`), &m))
	return of(t, run, m)
}

// of returns the run as one of a manifest.
func of(t *testing.T, run evidence.Run, m rehearsal.Manifest) evidence.Run {
	t.Helper()
	text, err := m.Text()
	require.NoError(t, err)
	run.Manifest = string(text)
	run.Fingerprint, err = m.Fingerprint(nil, nil, "v1")
	require.NoError(t, err)
	return run
}

// What was done decides what can be compared. Where runs differ in limits alone,
// that is said, and time to restore is compared all the same.
func TestRunsThatDifferInLimitsAreCompared(t *testing.T) {
	one := asking(t, rich("a", 1), `"repeat": 10, "restoreWithin": "10s", "lost": 3`)
	other := asking(t, rich("b", 1.3), `"repeat": 10, "restoreWithin": "12s", "decideWithin": "3s", "lost": 3`)
	c := compared(t, one, other)
	require.Equal(t, report.Worse, metric(t, c, "time to restore", "drill from step 1").Movement)
	const differ = "drills[0].decideWithin: none, 3s; drills[0].restoreWithin: 10s, 12s"
	i := slices.IndexFunc(c.Parts, func(p report.PartChange) bool { return p.Name == "drills" })
	require.Equal(t, report.PartChange{Name: "drills", Limits: strings.Split(differ, "; ")}, c.Parts[i])
	require.Contains(t, c.Notes[0], "What is asked differs ("+differ+")")
	require.Contains(t, c.Insights[0], "What changed: drills")
	var page bytes.Buffer
	require.NoError(t, c.Text(&page))
	require.Contains(t, page.String(), "differs in limits alone: "+differ)
}

func TestLimitsOfScaling(t *testing.T) {
	one, other := asking(t, rich("a", 1), `"restoreWithin": "10s"`), rich("b", 1)
	var m rehearsal.Manifest
	require.NoError(t, json.Unmarshal([]byte(one.Manifest), &m))
	m.Scaling.Oscillations, m.Scaling.Waiting = 2, &scaling.Waiting{Queue: 40}
	c := compared(t, one, of(t, other, m))
	require.Equal(t, report.Same, metric(t, c, "replicas", "").Movement)
	require.Contains(t, c.Notes[0], "(scaling.oscillations: 0, 2; scaling.waiting.latency: none, 0s; scaling.waiting.queue: none, 40)")
	m.Scaling.UpWithin *= 2
	c = compared(t, one, of(t, other, m))
	require.Equal(t, "scaling differs: not compared", metric(t, c, "replicas", "").Reason, "it is looked at less closely")
}

// Other drills are other drills, whatever their limits; and a part that the manifest
// does not come to today, as of an older Bakeoff, tells nothing of its limits.
func TestWhatWasDoneDiffers(t *testing.T) {
	one := asking(t, rich("a", 1), `"repeat": 10, "restoreWithin": "10s"`)
	for name, drill := range map[string]string{"repeat": `"repeat": 9`, "verdict": `"repeat": 10, "verdict": "NoData"`, "after": `"repeat": 10, "after": "7s"`} {
		_, err := report.Compare([]evidence.Run{one, asking(t, rich("b", 1), drill+`, "restoreWithin": "12s"`)})
		require.ErrorContains(t, err, "depends on parts in which they differ: drills", name)
	}
	old := with(asking(t, rich("b", 1), `"repeat": 10, "restoreWithin": "12s"`), "drills")
	_, err := report.Compare([]evidence.Run{one, old})
	require.ErrorContains(t, err, "depends on parts in which they differ: drills")
}

func TestOtherExpectationsAreSaid(t *testing.T) {
	one, other := rich("a", 1), rich("b", 1)
	for i, run := range []*evidence.Run{&one, &other} {
		run.Fingerprint.Parts = append(run.Fingerprint.Parts, evidence.Part{Name: "expect", Digest: []string{"x", "y"}[i]})
	}
	c := compared(t, one, other)
	require.Contains(t, c.Notes[0], "What is asked differs (expect)")
	require.Equal(t, report.Same, metric(t, c, "requests", "browse").Movement)
}

func TestDataOrRegression(t *testing.T) {
	note := func(parts ...string) string {
		return strings.Join(compared(t, rich("a", 1), with(rich("b", 1.3), parts...)).Notes, "\n")
	}
	require.Contains(t, note("data/orders"), "may come from the data, and be no regression")
	require.Contains(t, note("data/orders", "rollout"), "nobody can say from which of the two")
	require.NotContains(t, note("rollout"), "data")
}

func TestCriteriaThatChanged(t *testing.T) {
	before := rich("a", 1)
	before.Criteria[0].Outcome = evidence.Passed
	c := compared(t, before, rich("b", 1))
	require.Equal(t, []report.Change{{Name: "latency-p99 during slow-db", Before: evidence.Passed, Now: evidence.Failed, Reason: "latency-p99 was 1.04 s at 1:12, at most 900 ms"}}, c.Criteria)
	require.Contains(t, strings.Join(c.Insights, "\n"), `Criterion "latency-p99 during slow-db" had passed and now failed`)
	for was, want := range map[evidence.Outcome]string{evidence.Unmeasured: "was not measured before and now failed: ", evidence.Passed: "had passed and now failed: "} {
		before.Criteria[0].Outcome = was
		require.Contains(t, strings.Join(compared(t, before, rich("b", 1)).Insights, "\n"), `Criterion "latency-p99 during slow-db" `+want)
	}
}

// Programs find every field that the guide lists, also where there is nothing in it.
func TestComparisonOfTheSame(t *testing.T) {
	text, err := json.Marshal(compared(t, rich("a", 1), rich("b", 1), rich("c", 1)))
	require.NoError(t, err)
	require.Contains(t, string(text), `"criteria":[]`)
	require.Contains(t, string(text), `"notes":[`)
	bare := func(id string) evidence.Run {
		return evidence.Run{ID: id, Name: "n", Service: "s", Fingerprint: evidence.Fingerprint{Parts: []evidence.Part{{Name: "seed", Digest: "1"}}}}
	}
	text, err = json.Marshal(compared(t, bare("a"), bare("b"), bare("c")))
	require.NoError(t, err)
	require.NotContains(t, string(text), "null")
	require.Contains(t, string(text), `"notes":[]`)
}

func TestIncomparableRunsAreRefused(t *testing.T) {
	change := func(f func(*evidence.Run)) []evidence.Run {
		run := rich("b", 1)
		f(&run)
		return []evidence.Run{rich("a", 1), run}
	}
	all := []string{"data/orders", "drills", "faults", "load", "rollout", "seed", "tool"}
	tests := []struct {
		name string
		runs []evidence.Run
		want string
	}{
		{"one", []evidence.Run{rich("a", 1)}, "it takes two runs, and 1 was given"},
		{"none", nil, "it takes two runs, and 0 was given"},
		{"twice", []evidence.Run{rich("a", 1), rich("a", 1)}, "run staging/checkout-2.5.0/a was given twice"},
		{"service", change(func(r *evidence.Run) { r.Service = "cart" }), `rehearsed service "checkout"`},
		{"name", change(func(r *evidence.Run) { r.Name = "cart-1" }), `of rehearsal "cart-1"`},
		{"newer", change(func(r *evidence.Run) { r.Version = 99 }), "written by a newer Bakeoff"},
		{"refused", change(func(r *evidence.Run) { r.Fingerprint = evidence.Fingerprint{}; r.Reason = "policy" }), "has no fingerprint"},
		{"nothing agrees", []evidence.Run{rich("a", 1), with(rich("b", 1), all...)}, "agree in no part of their fingerprints (data/orders, drills, faults, load"},
		{"nothing that counts agrees", []evidence.Run{rich("a", 1), with(rich("b", 1), "load", "seed")}, "every metric depends on parts in which they differ: load, seed"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := report.Compare(tt.runs)
			require.ErrorIs(t, err, report.ErrIncomparable)
			require.ErrorContains(t, err, tt.want)
		})
	}
}

func TestRunsThatMeasuredNothing(t *testing.T) {
	one, other := rich("a", 1), rich("b", 1)
	for _, run := range []*evidence.Run{&one, &other} {
		run.Series, run.Drills, run.Load, run.Ledger, run.Scaling = nil, nil, nil, nil, nil
	}
	var b bytes.Buffer
	require.NoError(t, compared(t, one, other).Text(&b))
	require.Contains(t, b.String(), "Nothing was measured in these runs.")
}

func TestComparisonInEveryForm(t *testing.T) {
	c := compared(t, rich("a", 1), rich("b", 1), with(rich("c", 1.3), "rollout"))
	var text, markdown, page bytes.Buffer
	require.NoError(t, c.Text(&text))
	require.NoError(t, c.Markdown(&markdown))
	require.NoError(t, c.HTML(&page))
	golden(t, "comparison.txt", text.String())
	golden(t, "comparison.md", markdown.String())
	said := wellFormed(t, page.String())
	for _, m := range c.Metrics {
		require.Contains(t, said, m.Name)
	}
}

// What failed before, and does not pass now, is no change for the worse; what was only
// not measured and failed now is one, and so is what is new and does not pass.
func TestWorseCriteria(t *testing.T) {
	run := func(id string, outcome evidence.Outcome) evidence.Run {
		r := poor()
		r.ID, r.Criteria = id, nil
		if outcome != "" {
			r.Criteria = []evidence.Criterion{{Name: "errors", Outcome: outcome}}
		}
		r.Fingerprint = rich("a", 1).Fingerprint
		return r
	}
	for _, c := range []struct {
		before, now evidence.Outcome
		worse       bool
	}{
		{evidence.Passed, evidence.Failed, true}, {evidence.Passed, evidence.Unmeasured, true}, {"", evidence.Failed, true},
		{evidence.Failed, evidence.Unmeasured, false}, {evidence.Unmeasured, evidence.Failed, true}, {evidence.Unmeasured, evidence.Passed, false}, {evidence.Failed, evidence.Passed, false}, {"", evidence.Passed, false},
	} {
		require.Equal(t, c.worse, compared(t, run("a", c.before), run("b", c.now)).Worse(), "%s to %s", c.before, c.now)
	}
}

// A drill in which nobody sent anything says nothing of what users lost.
func TestNobodyWasThere(t *testing.T) {
	one, other := rich("a", 1), rich("b", 1)
	for i := range other.Drills[0].Repeats {
		other.Drills[0].Repeats[i].Users = &evidence.Continuity{}
	}
	m := metric(t, compared(t, one, other), "requests lost", "drill from step 1")
	require.Equal(t, report.NotCompared, m.Movement)
	require.Equal(t, "not measured in the last run", m.Reason)
}

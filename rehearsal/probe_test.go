package rehearsal_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

func seconds(n float64) rollout.Duration { return rollout.Duration(n * float64(time.Second)) }

// probed is the manifest with a probe.
func probed(t *testing.T, probe string, replace ...string) (rehearsal.Manifest, []rollout.Problem) {
	t.Helper()
	return parse(t, append([]string{"expect:\n", "probes:\n  - {" + probe + "}\nexpect:\n"}, replace...)...)
}

const alive = `name: alive, url: "http://127.0.0.1:8080/healthz"`

const users = "name: users, signal: errors, below: 5%"

// A signal is asked for while its load goes on: from when the time that it is over has
// passed, and is told.
func TestProbesOfSignalsAreWorkedOut(t *testing.T) {
	m, problems := probed(t, users+", mode: continuous, always: true", "for: 1m}", "for: 1m}\n  - {name: sale, url: \"http://127.0.0.1:8080/\", rate: 1/s, at: 90s, for: 30s}")
	require.Empty(t, problems)
	planned := m.PlannedProbes(rollout.Duration(time.Hour))[0]
	require.Equal(t, []rehearsal.Span{{From: seconds(12), Until: seconds(60)}, {From: seconds(102), Until: seconds(120)}}, planned.During)
	require.Equal(t, "errors of all loads over 10s", planned.Probe.String())
	require.Equal(t, []rollout.Duration{seconds(10)}, m.Lately("sale"))

	m, problems = probed(t, users+", mode: continuous, of: browse, over: 5s, during: slow-db")
	require.Empty(t, problems)
	require.Equal(t, []rehearsal.Span{{From: seconds(10), Until: seconds(25)}}, m.PlannedProbes(0)[0].During)
	require.Equal(t, []rollout.Duration{seconds(5)}, m.Lately("browse"))
	require.Empty(t, m.Lately("sale"))
}

func TestProbesMeasureUsers(t *testing.T) {
	seen := load.Bucket{Sent: 200, Failed: 30}
	for i := range 100 {
		seen.Latency.Add(float64(i+1) / 100)
	}
	for signal, want := range map[string]float64{"errors": 0.15, "latency-p50": 0.5, "latency-p99": 0.99, "latency-max": 1} {
		value, known := rehearsal.Probe{Signal: signal}.Measure(seen)
		require.True(t, known)
		require.InEpsilon(t, want, value, 0.05, signal)
		_, known = rehearsal.Probe{Signal: signal}.Measure(load.Bucket{Missed: 9})
		require.False(t, known, "nobody was answered")
	}
}

func TestProbesAreWorkedOut(t *testing.T) {
	m, problems := probed(t, alive+", mode: continuous")
	require.Empty(t, problems)
	planned := m.PlannedProbes(rollout.Duration(time.Hour))
	require.Equal(t, []rehearsal.Span{{From: seconds(10), Until: seconds(25)}}, planned[0].During)
	require.Equal(t, rehearsal.Probe{Name: "alive", URL: "http://127.0.0.1:8080/healthz", Mode: "continuous", Every: seconds(1), Timeout: seconds(1),
		Failures: 3, OnFailure: "halt"}, planned[0].Probe)

	m, problems = probed(t, alive+", mode: continuous, always: true", "drills:", "drills:")
	require.Empty(t, problems)
	require.Equal(t, []rehearsal.Span{{Until: rollout.Duration(time.Hour)}}, m.PlannedProbes(rollout.Duration(time.Hour))[0].During)

	m, problems = probed(t, alive+", mode: edge")
	require.Empty(t, problems)
	edge := m.PlannedProbes(0)[0]
	require.True(t, edge.Before)
	require.True(t, edge.Probe.Halts(), "before")
	require.Equal(t, []string{"slow-db"}, edge.After)
	require.Equal(t, seconds(30), edge.Probe.Within)

	m, problems = probed(t, alive+", mode: after")
	require.Empty(t, problems)
	require.False(t, m.PlannedProbes(0)[0].Probe.Halts())
}

// Of faults that lie over each other a continuous probe is asked once.
func TestProbesOfFaultsThatOverlap(t *testing.T) {
	m := rehearsal.Manifest{Probes: []rehearsal.Probe{{Name: "alive", Mode: rehearsal.ProbeContinuous}, {Name: "b", Mode: rehearsal.ProbeContinuous, During: "b"}}}
	for _, f := range []struct {
		name    string
		at, end float64
	}{{"a", 0, 10}, {"b", 5, 20}, {"c", 30, 40}} {
		m.Faults = append(m.Faults, fault.Fault{Name: f.name, At: seconds(f.at), For: seconds(f.end - f.at)})
	}
	planned := m.PlannedProbes(0)
	require.Equal(t, []rehearsal.Span{{From: 0, Until: seconds(20)}, {From: seconds(30), Until: seconds(40)}}, planned[0].During)
	require.Equal(t, []rehearsal.Span{{From: seconds(5), Until: seconds(20)}}, planned[1].During)
}

func TestBadProbesAreRefused(t *testing.T) {
	bare := []string{whole[strings.Index(whole, "faults:"):strings.Index(whole, "expect:")], "", "{signal: latency-p99, during: slow-db, below: 900ms}", "{signal: latency-p99, always: true, below: 900ms}"}
	for name, c := range map[string]struct {
		probe   string
		replace []string
		want    string
	}{
		"no mode":                {alive, nil, `mode: "" is not one of before, after, edge, continuous`},
		"an unknown mode":        {alive + ", mode: onChaos", nil, `"onChaos" is not one of before, after, edge, continuous`},
		"no name":                {`url: "http://127.0.0.1/", mode: before`, nil, "probes[0].name: is missing"},
		"no url":                 {"name: alive, mode: before", nil, "is not a URL to send to"},
		"a password":             {`name: alive, mode: before, url: "http://me:secret@127.0.0.1/"`, nil, "holds a user or a password"},
		"too often":              {alive + ", mode: before, every: 10ms", nil, "every: 10ms is not from 100ms to 1m"},
		"too seldom":             {alive + ", mode: before, every: 1h", nil, "every: 1h is not from 100ms to 1m"},
		"too patient":            {alive + ", mode: before, timeout: 10m", nil, "timeout: 10m is not from 0s to 1m"},
		"too many failures":      {alive + ", mode: before, failures: 101", nil, "failures: 101 is not from 1 to 100"},
		"a wrong end":            {alive + ", mode: before, onFailure: abort", nil, `onFailure: "abort" is not one of halt, record`},
		"a halt afterwards":      {alive + ", mode: after, onFailure: halt", nil, "after a fault there is nothing to halt"},
		"no status":              {alive + ", mode: before, expect: {status: 42}", nil, "42 is no status"},
		"within before":          {alive + ", mode: before, within: 5s", nil, "within: is for mode: after and edge"},
		"always before":          {alive + ", mode: before, always: true", nil, "always: is for mode: continuous"},
		"always and during":      {alive + ", mode: continuous, always: true, during: slow-db", nil, "give always or during"},
		"during before":          {alive + ", mode: before, during: slow-db", nil, "it is asked before anything is done"},
		"an unknown fault":       {alive + ", mode: after, during: fast-db", nil, `there is no fault "fast-db"`},
		"after nothing":          {alive + ", mode: edge", bare, "there is no fault after which it could be asked"},
		"during nothing":         {alive + ", mode: continuous", bare, "there is no fault during which it could be asked"},
		"one that cannot fail":   {alive + ", mode: continuous, every: 8s", nil, "3 bad answers, one every 8s, take longer than it is asked on end, which is for 15s"},
		"two of one name":        {alive + ", mode: before}\n  - {" + alive + ", mode: after", nil, `"alive" is the name of another probe`},
		"a url and a query":      {alive + ", mode: before, query: up, below: 1", nil, "give url, with what is expected of it, or query"},
		"a limit of a url":       {alive + ", mode: before, below: 1", nil, "query: is missing: below, above and metrics are for one"},
		"a query without limits": {"name: errors, mode: before, query: up", nil, "query: says nothing: give below or above"},
		"nothing between":        {"name: errors, mode: before, query: up, below: 1%, above: 2%", nil, "above: 2% is not below 1%"},
		"a query of nobody":      {"name: errors, mode: before, query: up, below: 1", nil, "there is nobody to ask"},
		"an unknown signal":      {"name: users, signal: mood, mode: continuous, below: 1%", nil, `signal: "mood" is not one of errors, latency-p50`},
		"a signal before":        {users + ", mode: before", nil, "a signal is known while its load goes on: write mode: continuous"},
		"a signal of nobody":     {users + ", mode: continuous, of: sale", nil, `of: there is no load "sale"`},
		"a signal of a url":      {users + ", mode: continuous, url: \"http://127.0.0.1/\"", nil, "signal: give one of url, query and signal"},
		"another unit":           {"name: users, signal: errors, mode: continuous, below: 10ms", nil, "below: errors is measured in another unit: write it like 100%"},
		"a signal without limit": {"name: users, signal: errors, mode: continuous", nil, "signal: says nothing: give below or above"},
		"too short a time":       {users + ", mode: continuous, over: 10ms", nil, "over: 10ms is not from 1s to 1m"},
		"a time of no signal":    {alive + ", mode: continuous, over: 10s", nil, "over: is for a signal of a load"},
		"a load too short":       {users + ", mode: continuous, always: true, over: 1m", nil, "it could never fail"},
		"a load of no length":    {users + ", mode: continuous, always: true", []string{"rate: 10/s, for: 1m", "replay: {file: monday.har, format: har}"}, "of: browse is over when its recording is: give it a for"},
	} {
		t.Run(name, func(t *testing.T) {
			_, problems := probed(t, c.probe, c.replace...)
			var all []string
			for _, p := range problems {
				all = append(all, p.String())
				require.Positive(t, p.Line, "%s has no place", p)
			}
			require.Contains(t, strings.Join(all, "\n"), c.want)
		})
	}
}

// What a manifest without probes was made of has the same digest as before there
// were any; of one with probes a default is the same whether it is written or not.
func TestFingerprintOfProbes(t *testing.T) {
	parts := func(m rehearsal.Manifest) map[string]string {
		f, err := m.Fingerprint(nil, nil, "1")
		require.NoError(t, err)
		out := map[string]string{"all": f.Digest}
		for _, p := range f.Parts {
			out[p.Name] = p.Digest
		}
		return out
	}
	plain, _ := parse(t)
	require.NotContains(t, parts(plain), "probes")
	m, _ := probed(t, alive+", mode: continuous")
	written, _ := probed(t, alive+", mode: continuous, every: 1s, failures: 3, onFailure: halt, timeout: 1s")
	other, _ := probed(t, alive+", mode: continuous, onFailure: record")
	require.Contains(t, parts(m), "probes")
	require.Equal(t, parts(m), parts(written))
	require.NotEqual(t, parts(m)["all"], parts(other)["all"])
	require.Equal(t, parts(plain)["faults"], parts(m)["faults"])
}

func TestProbeJudgesAnswers(t *testing.T) {
	for name, c := range map[string]struct {
		expect load.Expect
		status int
		body   string
		want   string
	}{
		"good":               {status: 204},
		"a redirect":         {status: 302},
		"bad":                {status: 503, want: "status 503"},
		"another status":     {expect: load.Expect{Status: 200}, status: 204, want: "status 204"},
		"the one that is ok": {expect: load.Expect{Status: 503}, status: 503},
		"the body":           {expect: load.Expect{Body: "ok"}, status: 200, body: "all ok"},
		"another body":       {expect: load.Expect{Body: "ok"}, status: 200, body: "degraded", want: `status 200, and the body does not hold "ok"`},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.want, rehearsal.Probe{Expect: c.expect}.Judge(c.status, []byte(c.body)))
		})
	}
}

func TestProbeJudgesValues(t *testing.T) {
	m, problems := probed(t, "name: errors, query: up, above: 1%, below: 5%, mode: continuous, metrics: {driver: prometheus}")
	require.Empty(t, problems)
	require.Empty(t, m.Probes[0].JudgeValue(0.02))
	require.Equal(t, "5%, to be below 5%", m.Probes[0].JudgeValue(0.05))
	require.Equal(t, "1%, to be above 1%", m.Probes[0].JudgeValue(0.01))
	require.Equal(t, "up", m.Probes[0].String())
}

// answered takes answers in, one a second: g is good, b bad, - not asked.
func answered(said string) rehearsal.Answers {
	a := rehearsal.Answers{Probe: evidence.Probe{Name: "alive", When: "while faults are in force"}}
	for i, c := range said {
		at, wrong := zero.Add(time.Duration(i)*time.Second), ""
		if c == 'b' {
			wrong = "status 503"
		}
		if c != '-' {
			a.Take(zero, at, at.Add(10*time.Millisecond), wrong)
		}
	}
	return a
}

func TestAnswersAreTakenIn(t *testing.T) {
	a := answered("gbbgbbbg--b")
	require.Equal(t, 9, a.Asked)
	require.Equal(t, 6, a.Failed)
	require.Equal(t, 3, a.InRow)
	require.Equal(t, zero.Add(4*time.Second), *a.Since)
	require.Equal(t, 1, a.Row)
	require.Equal(t, zero.Add(10*time.Second), a.RowFrom)
	require.Equal(t, seconds(3), a.Blind)
	require.Equal(t, seconds(0.01), a.Slowest)
	require.Len(t, a.Bad, 3)
	require.Equal(t, evidence.Spell{From: zero.Add(time.Second), To: zero.Add(3 * time.Second), Answers: 2, Said: "status 503"}, a.Bad[0])
	require.Equal(t, zero.Add(10*time.Second+10*time.Millisecond), a.Bad[2].To, "it is the last")

	again := zero.Add(time.Minute)
	a.Take(again, again, again, "status 500")
	require.Equal(t, 1, a.Row, "another fault is another row")
	require.Equal(t, again, a.RowFrom)

	many := answered(strings.Repeat("bg", 200))
	require.Len(t, many.Bad, 100, "history has bounds")
	require.Equal(t, 200, many.Failed)
}

func TestProbesAreJudged(t *testing.T) {
	m, problems := probed(t, alive+", mode: continuous")
	require.Empty(t, problems)
	edge, _ := probed(t, alive+", mode: edge")
	at := func(when string, a rehearsal.Answers, failure string) []evidence.Probe {
		a.When, a.Error = when, failure
		return []evidence.Probe{a.Probe}
	}
	for name, c := range map[string]struct {
		m      rehearsal.Manifest
		probes []evidence.Probe
		title  string
		want   evidence.Outcome
		reason string
	}{
		"well":                       {m, at("while faults are in force", answered("ggbbgg"), ""), "", evidence.Passed, "2 of 6 answers bad, at most 2 one after another, to be below 3"},
		"not well":                   {m, at("while faults are in force", answered("gbbbgg"), ""), "", evidence.Failed, "at most 3 one after another, to be below 3; the last bad one: status 503"},
		"never asked":                {m, nil, "", evidence.Unmeasured, "it was not asked"},
		"asked in vain":              {m, at("while faults are in force", rehearsal.Answers{Probe: evidence.Probe{Name: "alive"}}, "no worker"), "", evidence.Unmeasured, "no worker"},
		"not to the end":             {m, at("while faults are in force", answered("gg"), "no worker"), "", evidence.Unmeasured, "it could not be asked to the end: no worker"},
		"not to the end, and bad":    {m, at("while faults are in force", answered("gbbb"), "no worker"), "", evidence.Failed, "at most 3"},
		"blind":                      {m, at("while faults are in force", answered("g------g"), ""), "", evidence.Unmeasured, "for 7s it had no answer"},
		"well before":                {edge, at("before", answered("bg"), ""), "alive: healthy before", evidence.Passed, "a good answer, 1.01s after"},
		"not well before":            {edge, at("before", answered("bbb"), ""), "alive: healthy before", evidence.Failed, "3 answers, none of them good, the last: status 503; one was to be in 3 tries"},
		"well again":                 {edge, at("after slow-db", answered("bbbbg"), ""), "alive: healthy after slow-db", evidence.Passed, "a good answer, 4.01s after"},
		"not well again":             {edge, at("after slow-db", answered(strings.Repeat("b", 30)), ""), "alive: healthy after slow-db", evidence.Failed, "30 answers, none of them good, the last: status 503; one was to be within 30s"},
		"stopped before it was well": {edge, at("after slow-db", answered("bbbb"), ""), "alive: healthy after slow-db", evidence.Unmeasured, "it was not asked to the end: the rehearsal ended"},
		"stopped before it began":    {edge, at("before", answered("bb"), ""), "alive: healthy before", evidence.Unmeasured, "it was not asked to the end"},
		"metrics say nothing":        {m, at("while faults are in force", rehearsal.Answers{Probe: evidence.Probe{Name: "alive", Unread: "no such series"}}, ""), "", evidence.Unmeasured, "it had no answer: no such series"},
		"not asked whether it again": {edge, at("before", answered("g"), ""), "alive: healthy after slow-db", evidence.Unmeasured, "it was not asked"},
	} {
		t.Run(name, func(t *testing.T) {
			title := c.title
			if title == "" {
				title = "alive: healthy while faults are in force"
			}
			criteria := c.m.Judge(rehearsal.Facts{Zero: zero, Probes: c.probes})
			i := slices.IndexFunc(criteria, func(x evidence.Criterion) bool { return x.Name == title })
			require.GreaterOrEqual(t, i, 0, "%v", criteria)
			require.Equal(t, c.want, criteria[i].Outcome, criteria[i].Reason)
			require.Contains(t, criteria[i].Reason, c.reason)
			require.Equal(t, c.want == evidence.Failed, criteria[i].From != nil)
		})
	}
}

// A rehearsal that was halted never passed, whatever its criteria say, and as a
// control, either. How soon the faults were gone is measured.
func TestHalt(t *testing.T) {
	m, _ := probed(t, alive+", mode: continuous")
	f := rehearsal.Facts{Zero: zero, Halted: &evidence.Halt{Probe: "alive", Said: "status 503", Answers: 3, FailedAt: zero.Add(10 * time.Second), DecidedAt: zero.Add(12 * time.Second)}}
	in := func(name string, from, to float64, verified bool) evidence.Fault {
		return evidence.Fault{Name: name, StartedAt: zero.Add(seconds(from).Std()), EndedAt: zero.Add(seconds(to).Std()), Verified: verified}
	}
	f.Faults = []evidence.Fault{in("before", 1, 2, true), in("first", 5, 13, true), in("second", 6, 12.5, true), {Name: "never", EndedAt: zero.Add(time.Minute), Verified: true}}
	h := f.Halt()
	require.Equal(t, zero.Add(13*time.Second), *h.GoneAt)
	require.Equal(t, seconds(3), *h.Took)
	f.Halted = h
	for _, negative := range []bool{false, true} {
		m.Negative = negative
		outcome, reason := m.Verdict(m.Judge(f), f)
		require.Equal(t, evidence.Halted, outcome)
		require.Equal(t, "alive: 3 bad answers one after another, the last: status 503; every fault was gone 3s after the first of them", reason)
	}

	f.Faults = append(f.Faults, in("stays", 5, 14, false))
	require.Nil(t, f.Halt().Took, "not every fault was seen to be gone")
	f.Halted.Before = true
	_, reason := m.Verdict(nil, f)
	require.Equal(t, "the service was not healthy before anything was done to it: alive: 3 bad answers one after another, the last: status 503", reason)
	require.Nil(t, rehearsal.Facts{}.Halt())
}

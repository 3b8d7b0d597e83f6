package rehearsal_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// connections is a manifest's signal, expected as told.
const connections = "signals: [{name: connections, query: sum(pg_stat_activity_count)}]\nexpect:\n  - {signal: connections, always: true, below: 90}"

func TestSignalsOfTheService(t *testing.T) {
	m, problems := parse(t, "expect:", connections)
	require.Empty(t, problems)
	require.Equal(t, "connections", m.Expect[0].Title())
	planned := m.PlannedSignals()
	require.Equal(t, []string{"http://127.0.0.1:8080"}, planned[0].Endpoints, "where the loads go")
	require.Equal(t, rollout.Duration(time.Second), planned[0].Poll)
	require.Empty(t, planned[0].Unit, "they are counted")
	for text, unit := range map[string]string{"histogram: h": rehearsal.UnitSeconds, "counter: c": rehearsal.UnitRate, "gauge: g, unit: ratio": rehearsal.UnitRatio} {
		m, _ := parse(t, "expect:", "signals: [{name: x, "+text+"}]\nexpect:")
		require.Equal(t, unit, m.PlannedSignals()[0].Unit, text)
	}
}

func TestBadSignalsAreRefused(t *testing.T) {
	for want, signals := range map[string]string{
		`signals[0].name: "errors" is the name of another`: "{name: errors, gauge: g}",
		`signals[1].name: "x" is the name of another`:      "{name: x, gauge: g}, {name: x, gauge: h}",
		`signals[0].name: "a/b" needs letters`:             "{name: a/b, gauge: g}",
		`signals[0]: say where it is read: one of gauge`:   "{name: x}",
		`signals[0]: say where it is read: one of`:         "{name: x, gauge: g, query: q}",
		`signals[0].unit: "MB" is not one of s, ratio, /s`: "{name: x, gauge: g, unit: MB}",
		`signals[0].unit: a histogram is read as its p99`:  "{name: x, histogram: g, unit: ratio}",
		`signals[0].poll: 1m is not from 100ms to 5s`:      "{name: x, gauge: g, poll: 1m}",
		`signals[0].endpoints[0]: holds a user`:            `{name: x, gauge: g, endpoints: ["http://ana:secret@127.0.0.1:1"]}`,
		`signals: there are 21: at most 20`:                strings.Repeat("{name: x, gauge: g}, ", 21),
		`expect[0].signal: "mood" is not a signal: there are errors, latency-p50, latency-p90, latency-p99, latency-max, rate, replicas, queue, utilisation, x`: "{name: x, gauge: g}]\nexpect: [{signal: mood, always: true, below: 1}",
		`expect[0].of: x is read of the service`:            "{name: x, gauge: g}]\nexpect: [{signal: x, of: browse, always: true, below: 1}",
		`expect[0].below: x is measured in another unit`:    "{name: x, gauge: g}]\nexpect: [{signal: x, always: true, below: 1s}",
		`expect[0].signal: utilisation is a signal of sca`:  "{name: x, gauge: g}]\nexpect: [{signal: utilisation, always: true, below: 90%}",
		`expect[0].signal: utilisation is not read: say un`: "{name: x, gauge: g}]\nscaling: {replicas: {min: 1, max: 4}, needed: 2, upWithin: 9s}\nexpect: [{signal: utilisation, always: true, below: 90%}",
	} {
		var all []string
		_, problems := parse(t, whole[strings.Index(whole, "expect:"):strings.Index(whole, "drills:")], "signals: ["+signals+"]\n")
		for _, p := range problems {
			all = append(all, p.String())
		}
		require.Contains(t, strings.Join(all, "\n"), want)
	}
}

// Manifests without signals keep the fingerprints that they had, and what a signal
// is read by belongs to it.
func TestFingerprintOfSignals(t *testing.T) {
	part := func(m rehearsal.Manifest) string {
		f, err := m.Fingerprint(nil, nil, "1")
		require.NoError(t, err)
		for _, p := range f.Parts {
			if p.Name == "signals" {
				return p.Digest
			}
		}
		return ""
	}
	m, _ := parse(t)
	require.Empty(t, part(m))
	m, _ = parse(t, "expect:", connections)
	first := part(m)
	require.NotEmpty(t, first)
	m.Signals[0].Poll = rollout.Duration(time.Second)
	require.Equal(t, first, part(m), "a default is the same whether it is written or not")
	m.Signals[0].Query = "other"
	require.NotEqual(t, first, part(m))
}

// read is a signal of the service that was read, a character a second; '.' could not
// be.
func read(text string) func(*rehearsal.Facts) {
	return func(f *rehearsal.Facts) {
		s := rehearsal.SeenSignal{Name: "connections"}
		for i, r := range text {
			if r == '.' {
				s.Unread = "no series is selected"
				continue
			}
			s.At, s.Values = append(s.At, zero.Add(time.Duration(i)*time.Second)), append(s.Values, float64(r-'0'))
		}
		f.Signals, f.End = []rehearsal.SeenSignal{s}, zero.Add(time.Duration(len(text))*time.Second)
	}
}

// Every value that was read has to be within the limits and the profile, and it has
// to be read all the time, to the end.
func TestSignalsOfTheServiceAreJudged(t *testing.T) {
	below := amount(4, "")
	profile := []rehearsal.ProfilePoint{{Low: amount(1, ""), High: amount(3, "")}, {At: rollout.Duration(15 * time.Second), Low: amount(2, ""), High: amount(3, "")}}
	for text, want := range map[string][2]evidence.Outcome{ // by its limit, by its profile
		"2222333322222222": {evidence.Passed, evidence.Passed},
		"1222222222222222": {evidence.Passed, evidence.Passed},
		"2222222222222221": {evidence.Passed, evidence.Failed},
		"2222333422222222": {evidence.Failed, evidence.Failed},
		"2222......222222": {evidence.Unmeasured, evidence.Unmeasured},
		"2222............": {evidence.Unmeasured, evidence.Unmeasured},
		"................": {evidence.Unmeasured, evidence.Unmeasured},
	} {
		c := expecting(t, rehearsal.Expect{Signal: "connections", Always: true, Below: below}, read(text))
		require.Equal(t, want[0], c.Outcome, "%s: %s", text, c.Reason)
		c = expecting(t, rehearsal.Expect{Signal: "connections", Always: true, Profile: profile}, read(text))
		require.Equal(t, want[1], c.Outcome, "%s: %s", text, c.Reason)
	}
	c := expecting(t, rehearsal.Expect{Signal: "connections", Always: true, Below: below}, read("................"))
	require.Contains(t, c.Reason, "it could not be read: no series is selected")
	f := good()
	read("12")(&f)
	require.Equal(t, []evidence.Series{{Name: "connections", Seconds: []float64{0, 1}, Values: []float64{1, 2}}}, f.SignalSeries())
}

// How much of its replicas a service uses can be expected, too, also more than all.
func TestUtilisationIsExpected(t *testing.T) {
	m, problems := parse(t, "expect:", "scaling: {replicas: {min: 1, max: 4}, needed: 2, upWithin: 9s, signals: {ready: {gauge: r}, utilisation: {gauge: u}}}\nexpect:\n  - {signal: utilisation, always: true, below: 120%}")
	require.Empty(t, problems)
	f := good()
	for i := range 60 {
		used := 1.1
		f.Sampled.Samples = append(f.Sampled.Samples, scaling.Sample{At: zero.Add(time.Duration(i) * time.Second), Utilisation: &used})
	}
	c := m.Judge(f)[0]
	require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
	require.Equal(t, "110%, to be below 120%", c.Reason)
}

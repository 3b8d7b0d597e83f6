package rehearsal_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// writing is a load with transactions.
var writing = load.Load{Name: "orders", URL: "http://127.0.0.1:1", Rate: 1, For: rollout.Duration(time.Second), Journeys: []load.Journey{{Name: "order", Steps: []load.Step{
	{Path: "/{{id}}", Ledger: load.LedgerWrite}, {Path: "/{{id}}", Ledger: load.LedgerRead}}}}}

// What nobody saw never passes: each row has one criterion that must not.
func TestAbsenceNeverPasses(t *testing.T) {
	type change = func(*rehearsal.Manifest, *rehearsal.Facts)
	writes := func(m *rehearsal.Manifest, f *rehearsal.Facts) {
		m.Load = append(m.Load, writing)
		f.Loads = append(f.Loads, evidence.Load{Name: "orders", Arrived: 1, Sent: 2})
	}
	for name, c := range map[string]struct {
		change    change
		criterion string
		why       string
	}{
		"a load that sent nothing": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Loads = []evidence.Load{{Name: "browse"}} }, "browse was sent as planned", ""},
		"a load that nobody answered": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Loads[0].Failed, f.Loads[0].Latency = f.Loads[0].Sent, evidence.Quantiles{}
		}, "browse was sent as planned", "none of 600 requests was answered"},
		"no load": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Loads = nil }, "browse was sent as planned", "it was not sent"},
		"a generator that died": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Loads[0].Arrived, f.Loads[0].Sent = 590, 590 },
			"browse was sent as planned", "10 of 600 requests not sent"},
		"a generator of long journeys that missed some": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Loads[0].Arrived, f.Loads[0].Missed, f.Loads[0].Sent = 600, 10, 590*20
		}, "browse was sent as planned", "10 of 600 arrivals not sent"},
		"a generator of journeys that died": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Loads[0].Arrived, f.Loads[0].Sent = 590, 590*20
		}, "browse was sent as planned", "10 of 600 arrivals not sent"},
		"a replay of nothing": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Load[0].Replay, f.Loads = &load.Replay{}, []evidence.Load{{Name: "browse"}}
		}, "browse was sent as planned", "it was not sent"},
		"a fault that never was in force": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Faults[0].StartedAt, f.Faults[0].Error = f.Faults[0].EndedAt, "no such proxy"
		}, "slow-db came and went", "it was not seen in force: no such proxy"},
		"transactions that nobody wrote down": {writes, "data is whole", "no transaction was written"},
		"transactions beside tables": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			writes(m, f)
			f.Ledger = &evidence.Ledger{Tables: []evidence.Table{{Name: "t", Before: "a", After: "a"}}}
		}, "data is whole", "of 0 transactions"},
		"a table that was not read": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Ledger = &evidence.Ledger{Written: 3, Tables: []evidence.Table{{Name: "t"}}}
		}, "data is whole", "table t was not read"},
		"transactions not read back": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Ledger = &evidence.Ledger{Written: 3, Unread: 1} }, "data is whole", "1 could not be read back"},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := parse(t)
			f := good()
			c.change(&m, &f)
			criteria := m.Judge(f)
			got := named(t, criteria, c.criterion)
			require.Equal(t, evidence.Unmeasured, got.Outcome, got.Reason)
			require.Contains(t, got.Reason, c.why)
			outcome, _ := m.Verdict(criteria, f)
			require.Equal(t, evidence.Unmeasured, outcome)
		})
	}
}

// The generator is not said to have failed where somebody, or a probe, ended the load.
func TestLoadThatWasEnded(t *testing.T) {
	for name, end := range map[string]func(*rehearsal.Facts){
		"the generator could not":          func(*rehearsal.Facts) {},
		"the rehearsal was ended before":   func(f *rehearsal.Facts) { f.Aborted = "stopped by bo: not now" },
		"the rehearsal was ended before,":  func(f *rehearsal.Facts) { f.Halted = &evidence.Halt{Probe: "users"} },
		"the rehearsal was ended before, ": func(f *rehearsal.Facts) { f.Broken = "it took longer than 1h" },
	} {
		m, _ := parse(t)
		f := good()
		f.Loads[0].Arrived, f.Loads[0].Sent = 290, 290
		end(&f)
		require.Contains(t, named(t, m.Judge(f), "browse was sent as planned").Reason, "310 of 600 requests not sent; arrivals are off by ")
		require.Contains(t, named(t, m.Judge(f), "browse was sent as planned").Reason, ": "+name)
	}
}

// A fault takes a moment to begin, and a short one may not be all moment.
func TestFaultsThatWereTooShort(t *testing.T) {
	for planned, lasts := range map[time.Duration]struct{ enough, short time.Duration }{
		500 * time.Millisecond: {250 * time.Millisecond, 249 * time.Millisecond},
		5 * time.Second:        {4 * time.Second, 3999 * time.Millisecond},
		time.Minute:            {54 * time.Second, 53900 * time.Millisecond},
	} {
		m, _ := parse(t)
		m.Faults[0].For = rollout.Duration(planned)
		f := good()
		f.Faults[0].EndedAt = f.Faults[0].StartedAt.Add(lasts.enough)
		require.Equal(t, evidence.Passed, named(t, m.Judge(f), "slow-db came and went").Outcome, planned)
		f.Faults[0].EndedAt = f.Faults[0].StartedAt.Add(lasts.short)
		require.Equal(t, evidence.Unmeasured, named(t, m.Judge(f), "slow-db came and went").Outcome, planned)
		f.Faults[0].RemovedBy = "stop"
		require.Contains(t, named(t, m.Judge(f), "slow-db came and went").Reason, ": bakeoff-worker remove-faults ended it")
	}
}

func named(t *testing.T, criteria []evidence.Criterion, name string) evidence.Criterion {
	t.Helper()
	for _, c := range criteria {
		if c.Name == name {
			return c
		}
	}
	require.Fail(t, "no criterion "+name)
	return evidence.Criterion{}
}

// A control is red by what it practises. What it leaves behind is red as ever.
func TestControlsPutBack(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*rehearsal.Facts)
		is     evidence.Outcome
	}{
		"slow":            {func(f *rehearsal.Facts) { f.Drills[0].Repeats[3].HealthyAt = pointer(at(30)) }, evidence.Passed},
		"a doubled order": {func(f *rehearsal.Facts) { f.Ledger = &evidence.Ledger{Written: 9, Doubled: 1} }, evidence.Passed},
		"not measured":    {func(f *rehearsal.Facts) { f.Requests = nil }, evidence.Failed},
		"a target that stays changed": {func(f *rehearsal.Facts) {
			f.Drills[0].Repeats[3].HealthyAt = pointer(at(30))
			f.After.Digest = "b"
		}, evidence.Failed},
		"a fault that stays":          {func(f *rehearsal.Facts) { f.Faults[0].Verified = false }, evidence.Failed},
		"a fault that nobody can see": {func(f *rehearsal.Facts) { f.After = rehearsal.State{Extra: []string{"slow-db"}} }, evidence.Failed},
		"broken off":                  {func(f *rehearsal.Facts) { f.Broken = "no database" }, evidence.Failed},
		"stopped":                     {func(f *rehearsal.Facts) { f.Aborted = "stopped" }, evidence.Aborted},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := parse(t)
			m.Negative = true
			f := good()
			c.change(&f)
			outcome, reason := m.Verdict(m.Judge(f), f)
			require.Equal(t, c.is, outcome, reason)
		})
	}
}

// expecting judges one expectation of a good run.
func expecting(t *testing.T, e rehearsal.Expect, change func(*rehearsal.Facts)) evidence.Criterion {
	t.Helper()
	m, _ := parse(t)
	m.Expect = []rehearsal.Expect{e}
	f := good()
	if change != nil {
		change(&f)
	}
	return m.Judge(f)[0]
}

func amount(value float64, unit string) *rehearsal.Amount {
	return &rehearsal.Amount{Value: value, Unit: unit}
}

// A rate is over the time that it is about, and not over the holes in it.
func TestRateOfParts(t *testing.T) {
	for name, e := range map[string]rehearsal.Expect{
		"always": {Always: true}, "during": {During: "slow-db"}, "outside": {Outside: "slow-db"}, "during drills": {During: rehearsal.DuringDrills},
		"settled": {Outside: "slow-db", Settle: rollout.Duration(10 * time.Second)},
	} {
		e.Signal, e.Above = rehearsal.SignalRate, amount(9, rehearsal.UnitRate)
		c := expecting(t, e, nil)
		require.Equal(t, evidence.Passed, c.Outcome, "%s: %s", name, c.Reason)
		require.InDelta(t, 10, *c.Value, 0.3, name)
	}
	overlap := func(f *rehearsal.Facts) { // two drills at once are one time
		f.Drills[0].Repeats = append(f.Drills[0].Repeats, f.Drills[0].Repeats...)
	}
	c := expecting(t, rehearsal.Expect{Signal: rehearsal.SignalRate, During: rehearsal.DuringDrills, Below: amount(11, rehearsal.UnitRate)}, overlap)
	require.InDelta(t, 10, *c.Value, 0.3)
}

// What a generator did not send is not held against the service: the rate is that of
// the time in which it was there, and what users noticed meanwhile nobody knows.
func TestRateWhileAGeneratorIsAway(t *testing.T) {
	away := func(f *rehearsal.Facts) {
		f.Requests = slices.DeleteFunc(f.Requests, func(r rehearsal.Request) bool { return r.At >= 20*time.Second && r.At < 50*time.Second })
	}
	known := func(f *rehearsal.Facts) {
		away(f)
		f.Away = map[string]map[int]bool{f.Requests[0].Load: {}}
		for second := 20; second < 50; second++ {
			f.Away[f.Requests[0].Load][second] = true
		}
	}
	e := rehearsal.Expect{Signal: rehearsal.SignalRate, Always: true, Above: amount(9, rehearsal.UnitRate)}
	require.Equal(t, evidence.Failed, expecting(t, e, away).Outcome)
	c := expecting(t, e, known)
	require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
	require.InDelta(t, 10, *c.Value, 0.3)

	e = rehearsal.Expect{Signal: rehearsal.SignalRate, Always: true, Profile: []rehearsal.ProfilePoint{{Low: amount(9, rehearsal.UnitRate)}, {At: rollout.Duration(time.Minute), Low: amount(9, rehearsal.UnitRate)}}}
	half := func(f *rehearsal.Facts) { // a second of which half was sent
		f.Requests = slices.DeleteFunc(f.Requests, func(r rehearsal.Request) bool { return r.At >= 20*time.Second && r.At < 20500*time.Millisecond })
	}
	require.Equal(t, evidence.Failed, expecting(t, e, half).Outcome)
	require.Equal(t, evidence.Passed, expecting(t, e, func(f *rehearsal.Facts) {
		half(f)
		f.Away = map[string]map[int]bool{f.Requests[0].Load: {20: true}}
	}).Outcome)

	l := load.Load{Name: "browse", For: rollout.Duration(time.Minute)}
	f := rehearsal.Facts{Zero: zero, Loads: []evidence.Load{{Name: "browse", EndedAt: zero.Add(time.Minute)}}, Away: map[string]map[int]bool{"browse": {20: true}}}
	m := rehearsal.Manifest{Load: []load.Load{l}}
	require.True(t, m.Sends(f, zero.Add(10*time.Second), zero.Add(19*time.Second)))
	require.False(t, m.Sends(f, zero.Add(10*time.Second), zero.Add(20500*time.Millisecond)))
}

// What an expectation is about, and what it leaves out: requests of 500 ms in the
// fault, of 10 ms elsewhere, and three slow ones at the edges.
func TestMomentsOfExpectations(t *testing.T) {
	spikes := func(f *rehearsal.Facts) {
		f.Requests[5].Latency, f.Requests[152].Latency, f.Requests[304].Latency = 2*time.Second, 3*time.Second, 4*time.Second
	}
	second := rollout.Duration(time.Second)
	for want, e := range map[float64]rehearsal.Expect{
		4: {Always: true}, 4.0001: {Outside: "slow-db"}, 2: {Outside: "slow-db", Settle: second}, 3: {During: "slow-db"}, 0.5: {During: "slow-db", Settle: second},
		4.0002: {Always: true, Settle: second},
	} {
		e.Signal, e.Below = rehearsal.SignalLatencyMax, amount(60, rehearsal.UnitSeconds)
		require.InDelta(t, want, *expecting(t, e, spikes).Value, 0.001, "%+v", e)
	}
	for want, e := range map[float64]rehearsal.Expect{ // the fault is from 15s to 30s
		2: {Before: "slow-db"}, 0.01: {Before: "slow-db", Settle: second}, 4: {After: "slow-db"}, 0.0101: {After: "slow-db", Settle: second},
	} {
		e.Signal, e.Below = rehearsal.SignalLatencyMax, amount(60, rehearsal.UnitSeconds)
		require.InDelta(t, want, *expecting(t, e, spikes).Value, 0.001, "%+v", e)
	}
	never := func(f *rehearsal.Facts) { f.Faults = nil }
	for _, e := range []rehearsal.Expect{{Before: "slow-db"}, {After: "slow-db"}} {
		e.Signal, e.Below = rehearsal.SignalLatencyMax, amount(60, rehearsal.UnitSeconds)
		require.Equal(t, evidence.Unmeasured, expecting(t, e, never).Outcome, "nobody knows when that would be")
	}
	early := func(f *rehearsal.Facts) { f.Requests[5].Latency = 2 * time.Second }
	e := rehearsal.Expect{Signal: rehearsal.SignalLatencyMax, Always: true, Settle: second, Below: amount(1, rehearsal.UnitSeconds)}
	require.Equal(t, evidence.Passed, expecting(t, e, early).Outcome)
	e.Settle = 0
	require.Equal(t, evidence.Failed, expecting(t, e, early).Outcome)
}

// A quantile is one of the values: of ten to a hundred.
func TestQuantilesOfUsers(t *testing.T) {
	tens := func(f *rehearsal.Facts) {
		f.Requests = nil
		for i := range 10 {
			f.Requests = append(f.Requests, rehearsal.Request{Load: "browse", At: time.Duration(i) * time.Second, Latency: time.Duration(10*(i+1)) * time.Millisecond, Good: true, Waited: true})
		}
	}
	for signal, want := range map[string]float64{rehearsal.SignalP50: 0.05, rehearsal.SignalP90: 0.09, rehearsal.SignalP99: 0.1, rehearsal.SignalLatencyMax: 0.1} {
		c := expecting(t, rehearsal.Expect{Signal: signal, Always: true, Below: amount(1, rehearsal.UnitSeconds)}, tens)
		require.InDelta(t, want, *c.Value, 1e-9, signal)
	}
}

// Misses are a share of the seconds of the profile: no more may be outside.
func TestMissesOfProfiles(t *testing.T) {
	profile := []rehearsal.ProfilePoint{{High: amount(0.02, rehearsal.UnitSeconds)}, {At: rollout.Duration(time.Minute), High: amount(0.02, rehearsal.UnitSeconds)}}
	e := rehearsal.Expect{Signal: rehearsal.SignalP99, Always: true, Profile: profile, Misses: rollout.All / 4}
	require.Equal(t, evidence.Passed, expecting(t, e, nil).Outcome, "15 of 60")
	one := func(f *rehearsal.Facts) { f.Requests[0].Latency = time.Second }
	require.Equal(t, evidence.Failed, expecting(t, e, one).Outcome, "16 of 60")
}

// replicasOf samples an autoscaler, a character a second; '.' could not be read.
func replicasOf(text string) func(*rehearsal.Facts) {
	return func(f *rehearsal.Facts) {
		for i, r := range text {
			s := scaling.Sample{At: zero.Add(time.Duration(i) * time.Second)}
			if v := float64(r - '0'); r != '.' {
				s.Ready = &v
			}
			ten := 10.0
			s.Wanted = &ten
			f.Sampled.Samples = append(f.Sampled.Samples, s)
		}
	}
}

// All replicas that were seen have to be within the limits, and they have to be
// seen.
func TestLimitsOfReplicas(t *testing.T) {
	above, below := amount(1, ""), amount(4, "")
	for text, want := range map[string]evidence.Outcome{
		"2222333322222222": evidence.Passed,
		"2222133322222222": evidence.Failed, // once no more than 1
		"2222333422222222": evidence.Failed,
		"2222......222222": evidence.Unmeasured,
		"2222............": evidence.Unmeasured,
		"................": evidence.Unmeasured,
		"2222..4...222222": evidence.Failed, // what was seen is seen
	} {
		c := expecting(t, rehearsal.Expect{Signal: rehearsal.SignalReplicas, Always: true, Above: above, Below: below}, replicasOf(text))
		require.Equal(t, want, c.Outcome, "%s: %s", text, c.Reason)
	}
	c := expecting(t, rehearsal.Expect{Signal: rehearsal.SignalReplicas, Always: true, Above: above}, replicasOf("2231322"))
	require.InDelta(t, 1, *c.Value, 0)
	require.Contains(t, c.Reason, "1 to 3, to be above 1")
}

// A profile that goes on where nothing was measured is not kept.
func TestProfileNeedsItsTime(t *testing.T) {
	profile := func(seconds int) []rehearsal.ProfilePoint {
		return []rehearsal.ProfilePoint{{High: amount(1, rehearsal.UnitSeconds)}, {At: rollout.Duration(time.Duration(seconds) * time.Second), High: amount(1, rehearsal.UnitSeconds)}}
	}
	e := rehearsal.Expect{Signal: rehearsal.SignalP99, Always: true, Profile: profile(60)}
	require.Equal(t, evidence.Passed, expecting(t, e, nil).Outcome)
	c := expecting(t, e, func(f *rehearsal.Facts) { f.Requests = append(f.Requests[:200:200], f.Requests[300:]...) })
	require.Equal(t, evidence.Unmeasured, c.Outcome, c.Reason)
	require.Contains(t, c.Reason, "11s on end were not measured")
	e.Profile = profile(90)
	require.Equal(t, evidence.Unmeasured, expecting(t, e, nil).Outcome, "it ends after the load")
	e.Always, e.During, e.Profile = false, "slow-db", profile(60)
	require.Equal(t, evidence.Passed, expecting(t, e, nil).Outcome, "what it is not about need not be measured")
}

// Of a second of which a part is not what an expectation is about, no signal is
// taken.
func TestProfileAtItsEdges(t *testing.T) {
	e := rehearsal.Expect{Signal: rehearsal.SignalLatencyMax, During: "slow-db", Profile: []rehearsal.ProfilePoint{
		{Low: amount(0.4, rehearsal.UnitSeconds), High: amount(0.6, rehearsal.UnitSeconds)},
		{At: rollout.Duration(time.Minute), Low: amount(0.4, rehearsal.UnitSeconds), High: amount(0.6, rehearsal.UnitSeconds)}}}
	c := expecting(t, e, func(f *rehearsal.Facts) {
		f.Faults[0].StartedAt, f.Faults[0].EndedAt = at(15.2), at(30.3)
		f.Requests[150].Latency, f.Requests[303].Latency = 2*time.Second, 2*time.Second // just outside
	})
	require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
	require.Contains(t, c.Reason, "0 of 14 seconds")
}

// An amount that is written is the one that was read: to the last digit.
func TestAmountsAreWrittenWhole(t *testing.T) {
	for _, text := range []string{"99.995%", "12345.5/s", "123456", "1.234567s", "7%", "0.07%", "33.3%", "30/m", "100/m", "1m0.001s"} {
		var first, again rehearsal.Amount
		require.NoError(t, first.UnmarshalText([]byte(text)))
		written, err := first.MarshalText()
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalText(written), string(written))
		require.InEpsilon(t, first.Value, again.Value, 1e-14, "%s became %s", text, written)
		twice, err := again.MarshalText()
		require.NoError(t, err)
		require.Equal(t, string(written), string(twice))
	}
	for text, want := range map[string]string{"1.896744s": "1.897s", "113.893ms": "113.9ms", "12345.5/s": "12346/s", "99.995%": "100%", "0.1234567%": "0.1235%", "64.5678s": "1m4.57s"} {
		var a rehearsal.Amount
		require.NoError(t, a.UnmarshalText([]byte(text)))
		require.Equal(t, want, a.String(), "for people")
	}
}

// A suite of which a part never began is not passed, and has an outcome.
func TestSuiteConcludes(t *testing.T) {
	for want, outcomes := range map[evidence.Outcome][]evidence.Outcome{
		evidence.Passed: {evidence.Passed, evidence.Passed}, evidence.Unmeasured: {evidence.Passed, ""}, evidence.Failed: {evidence.Failed, "", evidence.Aborted},
	} {
		var s rehearsal.SuiteStatus
		for _, o := range outcomes {
			s.Rehearsals = append(s.Rehearsals, rehearsal.Status{Name: "a", Outcome: o})
		}
		s.Conclude()
		require.Equal(t, want, s.Outcome, s.Reason)
	}
}

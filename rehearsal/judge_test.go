package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

var zero = time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)

func at(seconds float64) time.Time { return zero.Add(time.Duration(seconds * float64(time.Second))) }

func pointer(t time.Time) *time.Time { return &t }

// good is a run in which all is well: ten requests a second for a minute, a fault
// in its second quarter with answers of 500 ms, and ten drills of 2 s.
func good() rehearsal.Facts {
	f := rehearsal.Facts{Zero: zero, End: at(60), Before: rehearsal.State{Digest: "a", Text: "1 has all"}, After: rehearsal.State{Digest: "a", Text: "1 has all"}}
	for i := range 600 {
		r := rehearsal.Request{Load: "browse", At: time.Duration(i) * 100 * time.Millisecond, Latency: 10 * time.Millisecond, Good: true, Waited: true}
		if r.At >= 15*time.Second && r.At < 30*time.Second {
			r.Latency = 500 * time.Millisecond
		}
		f.Requests = append(f.Requests, r)
	}
	f.Loads = []evidence.Load{{Name: "browse", Arrived: 600, Sent: 600, Latency: evidence.Quantiles{P50: 0.01, P90: 0.01, P99: 0.01, Max: 0.01}, StartedAt: zero, EndedAt: at(60)}}
	f.Faults = []evidence.Fault{{Name: "slow-db", What: "slow", StartedAt: at(15), EndedAt: at(30), RemovedBy: "expiry", Verified: true}}
	drill := evidence.Drill{Name: "drill from step 1", Step: 1}
	for n := range 10 {
		begin := float64(n * 5)
		drill.Repeats = append(drill.Repeats, evidence.Repeat{Number: n + 1, RunID: "r", Outcome: evidence.Passed, Same: true, StartedAt: at(begin), EndedAt: at(begin + 4),
			BreachAt: pointer(at(begin + 1)), SeenAt: pointer(at(begin + 1.5)), DecidedAt: pointer(at(begin + 1.6)), RestoredAt: pointer(at(begin + 2)), HealthyAt: pointer(at(begin + 3)),
			Users: &evidence.Continuity{Requests: 20, LongestGap: rollout.Duration(time.Second)}})
	}
	f.Drills = []evidence.Drill{drill}
	return f
}

// What a target is like after each drill is said of those that were made, and nothing
// where nobody could read it.
func TestAsBefore(t *testing.T) {
	for name, c := range map[string]struct {
		change func(r []evidence.Repeat)
		is     evidence.Outcome
		reason string
	}{
		"all":            {func([]evidence.Repeat) {}, evidence.Passed, "the target was the same after 10 drills"},
		"some came late": {func(r []evidence.Repeat) { r[2].BreachAt, r[3].BreachAt = nil, nil }, evidence.Passed, "the target was the same after 10 rollouts, in 8 of which a drill took place"},
		"unread": {func(r []evidence.Repeat) {
			r[2].Same, r[2].Differences = false, []string{evidence.StateUnread + "connection refused"}
		}, evidence.Unmeasured, "after drill 3: the state could not be read: connection refused"},
		"unread, and another one": {func(r []evidence.Repeat) {
			r[2].Same, r[2].Differences = false, []string{evidence.StateUnread + "connection refused"}
			r[4].Same, r[4].Differences = false, []string{"before: a; after: b"}
		}, evidence.Failed, "after drill 5: before: a; after: b"},
	} {
		m, _ := parse(t)
		f := good()
		c.change(f.Drills[0].Repeats)
		got := named(t, m.Judge(f), "drill from step 1: as before")
		require.Equal(t, c.is, got.Outcome, name)
		require.Equal(t, c.reason, got.Reason, name)
	}
}

func TestGoodRunPasses(t *testing.T) {
	m, _ := parse(t)
	criteria := m.Judge(good())
	for _, c := range criteria {
		require.Equal(t, evidence.Passed, c.Outcome, "%s: %s", c.Name, c.Reason)
	}
	outcome, reason := m.Verdict(criteria, good())
	require.Equal(t, evidence.Passed, outcome)
	require.Equal(t, "all 7 criteria hold", reason)
	m.Negative = true
	outcome, reason = m.Verdict(criteria, good())
	require.Equal(t, evidence.Failed, outcome, "a control that does not go red")
	require.Contains(t, reason, "has to fail")
}

// Each thing that may be wrong breaks the one criterion that is about it.
func TestWhatBreaksACriterion(t *testing.T) {
	none, second := 0, rollout.Duration(500*time.Millisecond)
	for name, c := range map[string]struct {
		change  func(*rehearsal.Manifest, *rehearsal.Facts)
		broken  string
		outcome evidence.Outcome
	}{
		"errors": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			for i := range 6 {
				f.Requests[i*10].Good = false
			}
		}, "errors", evidence.Failed},
		"a slow fault": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Requests[160].Latency, f.Requests[170].Latency = time.Second, time.Second
		}, "latency-p99 during slow-db", evidence.Failed},
		"slow outside": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Requests[10].Latency, f.Requests[11].Latency = time.Second, time.Second
		}, "", ""},
		"no requests":          {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Requests = nil }, "errors", evidence.Unmeasured},
		"no fault":             {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Faults = nil }, "slow-db came and went", evidence.Unmeasured},
		"a fault that stays":   {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Faults[0].Verified = false }, "slow-db came and went", evidence.Failed},
		"a weak generator":     {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Loads[0].Missed = 7 }, "browse was sent as planned", evidence.Unmeasured},
		"a load of nothing":    {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Loads[0].Sent = 0 }, "browse was sent as planned", evidence.Unmeasured},
		"half a load":          {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Unsent = map[string]string{"browse": "no room"} }, "browse was sent as planned", evidence.Unmeasured},
		"a slow drill":         {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats[3].HealthyAt = pointer(at(30)) }, "drill from step 1: restored within 10s", evidence.Failed},
		"a drill that stays":   {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats[3].Outcome = evidence.Failed }, "drill from step 1: restored within 10s", evidence.Failed},
		"a drill too few":      {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats = f.Drills[0].Repeats[:9] }, "drill from step 1: restored within 10s", evidence.Failed},
		"no drill at all":      {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills = nil }, "drill from step 1: restored", evidence.Unmeasured},
		"another state":        {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats[2].Same = false }, "drill from step 1: as before", evidence.Failed},
		"a version that stays": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats[2].Residue = []string{"2.5.0"} }, "drill from step 1: as before", evidence.Failed},
		"lost requests": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills[0].Lost = &none
			f.Drills[0].Repeats[5].Users.Failed = 1
		}, "drill from step 1: requests lost", evidence.Failed},
		"a long gap": {func(m *rehearsal.Manifest, _ *rehearsal.Facts) { m.Drills[0].Gap = &second }, "drill from step 1: longest gap", evidence.Failed},
		"users that nobody saw": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills[0].Lost = &none
			f.Drills[0].Repeats[5].Users = nil
		}, "drill from step 1: requests lost", evidence.Unmeasured},
		"something left": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.After.Digest = "b" }, "nothing is left behind", evidence.Failed},
		"a change of somebody else's": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.After.Digest = "b"
			for i := range f.Drills[0].Repeats {
				f.Drills[0].Repeats[i].RunID = ""
			}
		}, "nothing is left behind", evidence.Unmeasured},
		"a change of somebody else's, whose rollout was in the way": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills, f.Drills = nil, nil
			f.After.Digest, f.Rollout = "b", &rollout.Status{StartedAt: at(1), Reason: "it could not begin"}
		}, "nothing is left behind", evidence.Unmeasured},
		"an unread state": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.After.Digest = "" }, "nothing is left behind", evidence.Unmeasured},
		"a doubled order": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Ledger = &evidence.Ledger{Written: 9, Doubled: 1} }, "data is whole", evidence.Failed},
		"an empty ledger": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Ledger = &evidence.Ledger{} }, "data is whole", evidence.Unmeasured},
		"a changed table": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Ledger = &evidence.Ledger{Written: 9, Tables: []evidence.Table{{Name: "t", Before: "a", After: "b"}}}
		}, "data is whole", evidence.Failed},
		"traffic that comes back late": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills[0].DecideWithin = rollout.Duration(2 * time.Second)
			f.Drills[0].Repeats[3].RestoredAt = pointer(at(18.5))
		}, "drill from step 1: traffic back within 2s", evidence.Failed},
		"traffic that comes back in time": {func(m *rehearsal.Manifest, _ *rehearsal.Facts) {
			m.Drills[0].DecideWithin = rollout.Duration(2 * time.Second)
		}, "", ""},
		"traffic that nobody saw coming back": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills[0].DecideWithin = rollout.Duration(2 * time.Second)
			f.Drills[0].Repeats[3].RestoredAt = nil
		}, "drill from step 1: traffic back within 2s", evidence.Failed},
		"traffic that never went away": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Drills[0].DecideWithin = rollout.Duration(2 * time.Second)
			f.Drills[0].Repeats[3] = evidence.Repeat{Number: 4, Outcome: evidence.Unmeasured, Reason: "it could not begin", Same: true}
		}, "drill from step 1: traffic back within 2s", evidence.Unmeasured},
		"well before it was bad": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) { f.Drills[0].Repeats[3].HealthyAt = pointer(at(15)) },
			"drill from step 1: restored within 10s", evidence.Failed},
		"a fault that is left in a target that nobody can read": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.After = rehearsal.State{Extra: []string{"fault slow-db"}}
		}, "nothing is left behind", evidence.Failed},
		"two that are not well": {func(_ *rehearsal.Manifest, f *rehearsal.Facts) {
			f.Drills[0].Repeats[3].HealthyAt, f.After.Digest = pointer(at(30)), ""
		}, "drill from step 1: restored within 10s", evidence.Failed},
		"another end": {func(m *rehearsal.Manifest, f *rehearsal.Facts) {
			m.Outcome, f.Rollout = rollout.Promoted, &rollout.Status{Outcome: rollout.RolledBack}
		}, "the rollout is Promoted", evidence.Failed},
		"no end": {func(m *rehearsal.Manifest, _ *rehearsal.Facts) { m.Outcome = rollout.Promoted }, "the rollout is Promoted", evidence.Unmeasured},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := parse(t)
			f := good()
			c.change(&m, &f)
			criteria := m.Judge(f)
			found := ""
			for _, got := range criteria {
				if got.Name == c.broken {
					found = got.Name
					require.Equal(t, c.outcome, got.Outcome, got.Reason)
				}
			}
			require.Equal(t, c.broken, found)
			outcome, _ := m.Verdict(criteria, f)
			require.Equal(t, c.broken == "", outcome == evidence.Passed, "the whole run is %s", outcome)
			if c.outcome == evidence.Failed {
				require.Equal(t, evidence.Failed, outcome, "whatever else was not measured")
			}
		})
	}
}

func TestProfile(t *testing.T) {
	amount := func(text string) *rehearsal.Amount {
		var a rehearsal.Amount
		require.NoError(t, a.UnmarshalText([]byte(text)))
		return &a
	}
	curve := func(points ...rehearsal.ProfilePoint) evidence.Criterion {
		m, _ := parse(t)
		m.Expect = []rehearsal.Expect{{Signal: rehearsal.SignalP99, Always: true, Profile: points}}
		return m.Judge(good())[0]
	}
	second := func(n int) rollout.Duration { return rollout.Duration(time.Duration(n) * time.Second) }
	c := curve(rehearsal.ProfilePoint{At: 0, High: amount("20ms")}, rehearsal.ProfilePoint{At: second(14), High: amount("20ms")},
		rehearsal.ProfilePoint{At: second(15), Low: amount("400ms"), High: amount("600ms")}, rehearsal.ProfilePoint{At: second(29), Low: amount("400ms"), High: amount("600ms")},
		rehearsal.ProfilePoint{At: second(30), High: amount("20ms")}, rehearsal.ProfilePoint{At: second(60), High: amount("20ms")})
	require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
	c = curve(rehearsal.ProfilePoint{At: 0, High: amount("20ms")}, rehearsal.ProfilePoint{At: second(60), High: amount("20ms")})
	require.Equal(t, evidence.Failed, c.Outcome)
	require.Equal(t, at(15), *c.From)
	require.Contains(t, c.Reason, "15 of 60 seconds outside its profile")
	require.Equal(t, evidence.Unmeasured, curve(rehearsal.ProfilePoint{At: second(90), High: amount("20ms")}, rehearsal.ProfilePoint{At: second(99), High: amount("20ms")}).Outcome)
}

func TestAmounts(t *testing.T) {
	for text, want := range map[string]rehearsal.Amount{
		"900ms": {0.9, "s"}, "1%": {0.01, "ratio"}, "200/s": {200, "/s"}, "30/m": {0.5, "/s"}, "3": {3, ""}, "0": {0, ""}, "2m": {120, "s"},
	} {
		var got rehearsal.Amount
		require.NoError(t, got.UnmarshalText([]byte(text)))
		require.InDelta(t, want.Value, got.Value, 1e-12, text)
		require.Equal(t, want.Unit, got.Unit, text)
		var again rehearsal.Amount
		require.NoError(t, again.UnmarshalText([]byte(got.String())), got.String())
		require.InDelta(t, got.Value, again.Value, 1e-9, text)
	}
	for _, text := range []string{"", "soon", "NaN", "Inf%", "1 %%", "-"} {
		require.Error(t, new(rehearsal.Amount).UnmarshalText([]byte(text)), text)
	}
}

// A state that could not be read is nothing that is known to be left, and no control
// passes on it.
func TestStateThatCannotBeReadAfter(t *testing.T) {
	m, _ := parse(t)
	m.Negative = true
	f := good()
	f.Drills[0].Repeats[3].HealthyAt = pointer(at(30))
	outcome, reason := m.Verdict(m.Judge(f), f)
	require.Equal(t, evidence.Passed, outcome, reason)
	f.After = rehearsal.State{Error: "the router does not answer"}
	require.Empty(t, f.Left())
	outcome, reason = m.Verdict(m.Judge(f), f)
	require.Equal(t, evidence.Unmeasured, outcome)
	require.Contains(t, reason, "the state could not be read: after: the router does not answer")
}

// Why it could not is said of each time.
func TestStateThatCannotBeReadAtAll(t *testing.T) {
	m, _ := parse(t)
	f := good()
	f.Before, f.After = rehearsal.State{Error: "it had not been read when that was given up: stopped by bo: not now"}, rehearsal.State{Error: "the router does not answer"}
	for _, c := range m.Judge(f) {
		if c.Name == evidence.NothingIsLeft {
			require.Equal(t, "the state could not be read: before: it had not been read when that was given up: stopped by bo: not now; after: the router does not answer", c.Reason)
			return
		}
	}
	require.Fail(t, "not judged")
}

// Where the load had never begun it is known that nothing was sent, though a
// generator has left no evidence of that.
func TestLoadThatNeverBegan(t *testing.T) {
	m, _ := parse(t)
	for zero, want := range map[time.Time]string{
		{}:    "nothing was sent: the rehearsal was ended before its load began",
		at(0): "what was sent is not known; of its evidence load-browse.1.1.csv.gz is not there",
	} {
		f := good()
		f.Zero, f.Loads, f.Gone = zero, nil, map[string][]string{m.Load[0].Name: {"load-browse.1.1.csv.gz"}}
		reasons := map[string]string{}
		for _, c := range m.Judge(f) {
			reasons[c.Name] = c.Reason
		}
		require.Equal(t, want, reasons[m.Load[0].Name+" was sent as planned"])
	}
}

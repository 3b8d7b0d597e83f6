package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// versioned is a good run with one drill, whose answers say who gave them: every
// fifth the candidate, from the second at which it was raised until the other.
func versioned(from, until float64) rehearsal.Facts {
	f := good()
	f.Before.Version = "1"
	f.Drills[0].Repeats = f.Drills[0].Repeats[:1]
	r := &f.Drills[0].Repeats[0]
	r.Weight, r.RaisedAt, r.BreachAt = 0.2, pointer(at(2)), pointer(at(10))
	r.SeenAt, r.DecidedAt, r.RestoredAt, r.HealthyAt, r.EndedAt = pointer(at(10)), pointer(at(10.5)), pointer(at(11)), pointer(at(12)), at(13)
	for i := range f.Requests {
		due := f.Requests[i].At.Seconds()
		if f.Requests[i].Version = "1"; i%5 == 0 && due >= from && due < until {
			f.Requests[i].Version = "2.5.0"
		}
	}
	return f
}

// What users met is worth more than what a router says.
func TestDrillsAgainstWhatUsersMet(t *testing.T) {
	for name, c := range map[string]struct {
		facts rehearsal.Facts
		is    evidence.Outcome
		why   string
	}{
		"all is well":                      {versioned(2, 11), evidence.Passed, ""},
		"within what clocks are apart":     {versioned(2, 11.9), evidence.Passed, ""},
		"a router that goes on":            {versioned(2, 20), evidence.Failed, "users still met 2.5.0 at 10:00:19: 16 answers after"},
		"a router that never began":        {versioned(0, 0), evidence.Unmeasured, "the load never met 2.5.0: 85 answers of 1, and none of the 20% that it should have had"},
		"a router that sends too many":     {half(versioned(2, 11)), evidence.Unmeasured, "the load met 2.5.0 in 51% of 85 answers, and the router said 20%"},
		"answers that say nothing":         {unsaid(versioned(0, 0), 0), evidence.Passed, ""},
		"answers that say something else":  {otherwise(versioned(0, 0)), evidence.Passed, ""},
		"too few to know":                  {unsaid(versioned(0, 0), 8), evidence.Passed, ""},
		"the next drill has it":            {again(versioned(2, 20)), evidence.Passed, ""},
		"a repeat that was Failed already": {already(versioned(2, 20)), evidence.Failed, "gone"},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := parse(t)
			m.Rollout.Release.Version, m.Drills[0].Repeat = "2.5.0", 1
			f := c.facts
			m.Review(f)
			r := f.Drills[0].Repeats[0]
			require.Equal(t, c.is, r.Outcome, r.Reason)
			require.Contains(t, r.Reason, c.why)
			require.Equal(t, c.is, named(t, m.Judge(f), "drill from step 1: restored within 10s").Outcome)
		})
	}
}

// half gives every second user the candidate, for as long as some had it.
func half(f rehearsal.Facts) rehearsal.Facts {
	for i := range f.Requests {
		if due := f.Requests[i].At.Seconds(); i%2 == 0 && due >= 2 && due < 10.5 {
			f.Requests[i].Version = "2.5.0"
		} else {
			f.Requests[i].Version = "1"
		}
	}
	return f
}

// unsaid has answers name their version up to a second only.
func unsaid(f rehearsal.Facts, until float64) rehearsal.Facts {
	for i := range f.Requests {
		if f.Requests[i].At.Seconds() >= until {
			f.Requests[i].Version = ""
		}
	}
	return f
}

// otherwise has answers name their version in a way of their own.
func otherwise(f rehearsal.Facts) rehearsal.Facts {
	for i := range f.Requests {
		f.Requests[i].Version = "build-7"
	}
	return f
}

// again has the rollout itself begin after the drill.
func again(f rehearsal.Facts) rehearsal.Facts {
	f.Rollout = &rollout.Status{StartedAt: at(11.5)}
	return f
}

func already(f rehearsal.Facts) rehearsal.Facts {
	f.Drills[0].Repeats[0].Outcome, f.Drills[0].Repeats[0].Reason = evidence.Failed, "gone"
	return f
}

// How long users really waited is what counts.
func TestTimeUntilUsersWereBack(t *testing.T) {
	m, _ := parse(t)
	m.Rollout.Release.Version = "2.5.0"
	m.Drills[0].Repeat, m.Drills[0].DecideWithin = 1, rollout.Duration(5*time.Second)
	f := versioned(2, 30)
	m.Review(f)
	criteria := m.Judge(f)
	require.InDelta(t, 19.5, *named(t, criteria, "drill from step 1: restored within 10s").Value, 1e-6)
	require.Equal(t, evidence.Failed, named(t, criteria, "drill from step 1: traffic back within 5s").Outcome)
	require.Equal(t, []float64{19.5}, rehearsal.RestoreTimes(f.Drills[0].Repeats))
}

// A drill is as bad in its own row as in the criterion.
func TestRowsOfDrills(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*evidence.Repeat)
		is     evidence.Outcome
		why    string
	}{
		"late":                 {func(r *evidence.Repeat) { r.HealthyAt = pointer(at(25.2)) }, evidence.Failed, "the baseline was back after 24.2s, 10s are allowed"},
		"not judged":           {func(r *evidence.Repeat) { r.Outcome, r.HealthyAt = evidence.Unmeasured, nil }, evidence.Unmeasured, ""},
		"a version that stays": {func(r *evidence.Repeat) { r.Residue = []string{"version 2 is deployed"} }, evidence.Failed, "it left the target changed: version 2 is deployed"},
	} {
		t.Run(name, func(t *testing.T) {
			m, _ := parse(t)
			f := good()
			f.Drills[0].Limit = m.Drills[0].RestoreWithin
			c.change(&f.Drills[0].Repeats[0])
			m.Review(f)
			r := f.Drills[0].Repeats[0]
			require.Equal(t, c.is, r.Outcome)
			require.Contains(t, r.Reason, c.why)
			require.Equal(t, c.is, named(t, m.Judge(f), "drill from step 1: restored within 10s").Outcome)
		})
	}
}

// A control is red by what it practises: where nothing was, it says nothing.
func TestControlThatPractisedNothing(t *testing.T) {
	m, _ := parse(t)
	m.Negative = true
	f := good()
	for i := range f.Drills[0].Repeats {
		r := &f.Drills[0].Repeats[i]
		r.Outcome, r.Reason, r.BreachAt, r.HealthyAt = evidence.Unmeasured, "no drill took place: could not deploy", nil, nil
	}
	outcome, reason := m.Verdict(m.Judge(f), f)
	require.Equal(t, evidence.Unmeasured, outcome)
	require.Contains(t, reason, "nothing was practised")
	f.Requests[0].Good, f.Requests[1].Good, f.Requests[2].Good, f.Requests[3].Good, f.Requests[4].Good, f.Requests[5].Good = false, false, false, false, false, false
	outcome, reason = m.Verdict(m.Judge(f), f)
	require.Equal(t, evidence.Unmeasured, outcome, "whatever else is red: %s", reason)
}

// A load and a fault are what is practised under: no control is red by them alone.
func TestControlOfLoadAlone(t *testing.T) {
	red := func(m *rehearsal.Manifest, f *rehearsal.Facts) (evidence.Outcome, string) {
		m.Negative, m.Drills, f.Drills = true, nil, nil
		m.Expect = []rehearsal.Expect{{Signal: rehearsal.SignalErrors, Always: true, Above: amount(0.5, rehearsal.UnitRatio)}}
		criteria := m.Judge(*f)
		require.Equal(t, evidence.Failed, criteria[0].Outcome)
		return m.Verdict(criteria, *f)
	}
	m, _ := parse(t)
	f := good()
	outcome, reason := red(&m, &f)
	require.Equal(t, evidence.Unmeasured, outcome, reason)
	require.Contains(t, reason, "a negative control has to fail by what it practises, and nothing was practised: errors: ")

	m.Scaling = &scaling.Expect{Needed: 2, UpWithin: rollout.Duration(time.Minute)}
	outcome, reason = red(&m, &f)
	require.Equal(t, evidence.Unmeasured, outcome, "an autoscaler that nobody saw: %s", reason)
	replicasOf("2222222222")(&f)
	outcome, reason = red(&m, &f)
	require.Equal(t, evidence.Passed, outcome, reason)

	m.Scaling, m.Outcome, f.Rollout = nil, rollout.Promoted, &rollout.Status{Reason: "it could not begin"}
	outcome, reason = red(&m, &f)
	require.Equal(t, evidence.Unmeasured, outcome, reason)
	f.Rollout.Step = 1
	outcome, reason = red(&m, &f)
	require.Equal(t, evidence.Passed, outcome, reason)
}

// Latency is that of answers: what is refused at once is not quick.
func TestLatencyOfFailures(t *testing.T) {
	e := rehearsal.Expect{Signal: rehearsal.SignalP99, Always: true, Below: amount(0.9, rehearsal.UnitSeconds)}
	refuse := func(except int) func(*rehearsal.Facts) {
		return func(f *rehearsal.Facts) {
			for i := range f.Requests {
				if r := &f.Requests[i]; i != except {
					r.Good, r.Waited, r.Latency = false, false, time.Millisecond
				} else {
					r.Latency = time.Second
				}
			}
		}
	}
	require.Equal(t, evidence.Unmeasured, expecting(t, e, refuse(-1)).Outcome)
	c := expecting(t, e, refuse(7))
	require.Equal(t, evidence.Failed, c.Outcome, "the one answer was slow")
	require.InDelta(t, 1, *c.Value, 1e-9)
}

// A fault that was begun again by another worker is there when it really was.
func TestFaultInStretches(t *testing.T) {
	m, _ := parse(t)
	f := good()
	x := &f.Faults[0]
	x.Stretches = []evidence.Stretch{{From: at(15), To: at(20)}, {From: at(20.5), To: at(30)}}
	c := named(t, m.Judge(f), "slow-db came and went")
	require.Equal(t, evidence.Passed, c.Outcome, c.Reason)
	require.Contains(t, c.Reason, "for 14.5s")
	x.Stretches[1].From = at(25)
	c = named(t, m.Judge(f), "slow-db came and went")
	require.Equal(t, evidence.Unmeasured, c.Outcome)
	require.Equal(t, "it was in force for 10s only, and planned for 15s", c.Reason)
	rate := rehearsal.Expect{Signal: rehearsal.SignalRate, Outside: "slow-db", Above: amount(9, rehearsal.UnitRate)}
	c = expecting(t, rate, func(f *rehearsal.Facts) { f.Faults[0].Stretches = x.Stretches })
	require.InDelta(t, 10, *c.Value, 0.3)
}

package activities

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// total is a reading of one series of counters.
func total(requests, failures float64, buckets map[string]float64) SideReading {
	return SideReading{
		Requests: map[string]float64{"a": requests}, Failures: map[string]float64{"a": failures},
		Buckets: map[string]map[string]float64{"a": buckets},
	}
}

// What the counters did since the reading before, however they were reset.
func TestCountersBecomeCounts(t *testing.T) {
	before := total(100, 10, map[string]float64{"0.1": 90, "0.3": 95, "+Inf": 100})
	for name, tt := range map[string]struct {
		now                SideReading
		requests, failures float64
		buckets            map[string]float64
	}{
		"as before": {before, 0, 0, map[string]float64{"0.1": 0, "0.3": 0, "+Inf": 0}},
		"more":      {total(150, 12, map[string]float64{"0.1": 130, "0.3": 140, "+Inf": 150}), 50, 2, map[string]float64{"0.1": 40, "0.3": 45, "+Inf": 50}},
		"reset":     {total(30, 3, map[string]float64{"0.1": 20, "0.3": 25, "+Inf": 30}), 30, 3, map[string]float64{"0.1": 20, "0.3": 25, "+Inf": 30}},
		"reset and already further": {total(120, 12, map[string]float64{"0.1": 50, "0.3": 96, "+Inf": 120}), 20, 2,
			map[string]float64{"0.1": 50, "0.3": 96, "+Inf": 120}},
	} {
		t.Run(name, func(t *testing.T) {
			r := reference{}
			_, known, err := r.counts("errors", Candidate, before)
			require.NoError(t, err)
			require.False(t, known, "the first reading is the reference")
			r.remember("errors", Candidate, before)
			c, known, err := r.counts("errors", Candidate, tt.now)
			require.NoError(t, err)
			require.True(t, known)
			require.Equal(t, tt.requests, c.Requests)
			require.Equal(t, tt.failures, c.Failures)
			require.Equal(t, tt.buckets, c.Buckets)
		})
	}
}

// A reading that cannot be is an error, and no reference: the next one counts
// from the last that could.
func TestImpossibleCountersAreNoReference(t *testing.T) {
	for _, x := range []float64{math.NaN(), math.Inf(1), math.Inf(-1), -1} {
		for _, bad := range []SideReading{
			total(x, 0, nil), total(200, x, nil), total(200, 20, map[string]float64{"0.1": x, "+Inf": 9}),
		} {
			r := reference{}
			r.remember("errors", Baseline, total(100, 10, nil))
			_, _, err := r.counts("errors", Baseline, bad)
			require.Error(t, err)
			r.remember("errors", Baseline, bad)
			c, _, err := r.counts("errors", Baseline, total(300, 30, nil))
			require.NoError(t, err)
			require.Equal(t, 200.0, c.Requests)
			require.Equal(t, 20.0, c.Failures)
		}
	}
}

// A counter of failures that vanishes while it counts, and the requests beside
// it do not, is no recovery.
func TestFailuresThatAreGone(t *testing.T) {
	side := func(good, bad float64) SideReading {
		s := SideReading{Requests: map[string]float64{"200": good}, Failures: map[string]float64{}}
		if bad >= 0 {
			s.Requests["500"], s.Failures["500"] = bad, bad
		}
		return s
	}
	for name, tt := range map[string]struct {
		now  SideReading
		lost bool
	}{
		"both there":                          {side(200, 10), false},
		"failures gone":                       {side(200, -1), true},
		"begun anew, without a failure yet":   {side(20, -1), false},
		"everything gone":                     {SideReading{}, false},
		"another instance in its place":       {SideReading{Requests: map[string]float64{"b": 9}}, false},
		"failures of another kind, none gone": {SideReading{Requests: map[string]float64{"200": 200, "500": 10, "503": 1}, Failures: map[string]float64{"500": 10, "503": 1}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.lost, side(100, 10).lost(tt.now, func(string) bool { return true }))
			require.False(t, side(100, 10).lost(tt.now, func(string) bool { return false }), "it had stood still")
		})
	}
	check := rollout.Check{Name: "errors", Failures: "f", Requests: "r", MinRequests: 1, Weight: 1, Judge: &rollout.Judge{RateRatio: &rollout.RateRatio{}}}
	p, err := newPanel([]rollout.Check{check}, nil, rollout.Policy{Alpha: 0.01})
	require.NoError(t, err)
	fold := func(i int, candidate SideReading) trouble {
		r := Reading{Checks: map[string]CheckReading{"errors": {Sides: map[Side]SideReading{Baseline: side(float64(100*i), 0), Candidate: candidate}}}}
		_, troubles := p.fold(r, begin.Add(time.Duration(i)*time.Minute), true, unknownShare)
		return troubles["errors"]
	}
	require.Empty(t, fold(1, side(100, 10)))
	require.Empty(t, fold(2, side(200, 20)))
	for i := 3; i < 30; i++ {
		require.Equal(t, rollout.NoData, fold(i, side(float64(100*i), -1)).verdict, "until it is back")
	}
	require.Empty(t, fold(30, side(3000, 400)))
	require.Equal(t, 400.0-10, p.judges["errors"].Verdict().Candidate.Failures, "nothing is lost meanwhile")
	for i := 31; i < 35; i++ {
		require.Empty(t, fold(i, side(float64(100*i), 400)))
	}
	require.Empty(t, fold(35, side(3500, -1)), "it had stood still for long: exporters forget such series")
}

// What was read while the candidate was apart from the users counts nowhere, and
// neither does the stretch over which it came among them.
func TestBeginAnew(t *testing.T) {
	errors := rollout.Check{Name: "errors", Failures: "f", Requests: "r", MinRequests: 1, Weight: 1, Judge: &rollout.Judge{RateRatio: &rollout.RateRatio{}}}
	p := panelOf(t, errors, cpu(10*time.Second))
	fold := func(i int, failures, value float64, apart bool) {
		r := cpuOf(is(1), is(value))
		r.Checks["errors"] = CheckReading{Sides: map[Side]SideReading{
			Baseline: total(float64(100*i), 0, nil), Candidate: total(float64(100*i), failures, nil)}}
		_, troubles := p.fold(r, begin.Add(time.Duration(i)*5*time.Second), !apart, unknownShare)
		require.Empty(t, troubles)
		if apart {
			p.beginAnew()
		}
	}
	for i := 1; i <= 4; i++ {
		fold(i, float64(40*i), 9, true)
	}
	fold(5, 200, 9, false)
	require.Zero(t, p.judges["errors"].Verdict().Candidate, "only the reference")
	for i := 6; i <= 7; i++ {
		fold(i, 200+float64(i-5), 1, false)
	}
	require.Equal(t, analysis.Counts{Requests: 200, Failures: 2}, p.judges["errors"].Verdict().Candidate)
	require.Equal(t, 1.0, *p.judges["cpu"].Verdict().Candidate.Value)
}

// An objective that is no bound of the histogram tells nothing: neither that all
// were faster, nor that some were not.
func TestSLOIsABound(t *testing.T) {
	check := rollout.Check{Name: "latency", Histogram: "h", MinRequests: 20, Weight: 1, SLO: rollout.Duration(300 * time.Millisecond),
		Judge: &rollout.Judge{SLORate: &rollout.SLORate{Objective: "99%"}}}
	begin := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	at := func(p *panel, s int, buckets map[string]float64) trouble {
		reading := CheckReading{Sides: map[Side]SideReading{Candidate: {Buckets: map[string]map[string]float64{"a": buckets}}}}
		_, troubles := p.fold(Reading{Checks: map[string]CheckReading{"latency": reading}}, begin.Add(time.Duration(s)*time.Second), true, func(time.Time) float64 { return 0 })
		return troubles["latency"]
	}
	for _, bound := range []string{"0.3", "0.5", "0.1"} {
		p, err := newPanel([]rollout.Check{check}, nil, rollout.Policy{Alpha: 0.01})
		require.NoError(t, err)
		at(p, 0, map[string]float64{bound: 0, "+Inf": 0})
		said := at(p, 10, map[string]float64{bound: 50, "+Inf": 100})
		side := SideReading{Buckets: map[string]map[string]float64{"a": {bound: 50, "+Inf": 100}}}
		if bound == "0.3" {
			require.Empty(t, said)
			require.Empty(t, sloUnknown(check, side))
			require.True(t, p.judges["latency"].Failed())
			continue
		}
		require.Equal(t, rollout.Error, said.verdict)
		require.Contains(t, said.reason, "the slo of 0.3 s is no bound of the histogram")
		require.Contains(t, sloUnknown(check, side), "latency: the slo of 0.3 s is no bound")
	}
}

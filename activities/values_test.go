package activities

import (
	"encoding/json"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

var begin = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

func panelOf(t *testing.T, checks ...rollout.Check) *panel {
	t.Helper()
	for i := range checks {
		checks[i].Weight = 1
	}
	p, err := newPanel(checks, nil, rollout.Policy{Alpha: 0.01})
	require.NoError(t, err)
	return p
}

func cpu(step time.Duration) rollout.Check {
	return rollout.Check{Name: "cpu", Query: "q", Judge: &rollout.Judge{Points: &rollout.Points{Step: rollout.Duration(step)}}}
}

// cpuOf is one reading; a side that is nil is not there.
func cpuOf(baseline, candidate *float64) Reading {
	sides := map[Side]SideReading{}
	if baseline != nil {
		sides[Baseline] = SideReading{Value: baseline}
	}
	if candidate != nil {
		sides[Candidate] = SideReading{Value: candidate}
	}
	return Reading{Checks: map[string]CheckReading{"cpu": {Sides: sides}}}
}

func is(x float64) *float64 { return &x }

// polls folds one reading each five seconds and returns the last trouble.
func polls(p *panel, warm bool, from, n int, baseline, candidate func(int) *float64) map[string]trouble {
	var troubles map[string]trouble
	for i := from; i < from+n; i++ {
		_, troubles = p.fold(cpuOf(baseline(i), candidate(i)), begin.Add(time.Duration(i)*5*time.Second), warm, unknownShare)
	}
	return troubles
}

func always(x float64) func(int) *float64 { return func(int) *float64 { return &x } }

func varying(x float64) func(int) *float64 {
	return func(i int) *float64 { return is(x + float64(i%7)/100) }
}

// Every poll brings a value of both sides; those of one step are one point.
func TestValuesOfAStepAreOnePoint(t *testing.T) {
	for step, want := range map[time.Duration]int{0: 60, time.Second: 60, 5 * time.Second: 60, 10 * time.Second: 30, 15 * time.Second: 20, time.Minute: 5} {
		p := panelOf(t, cpu(step))
		windows, _ := p.fold(cpuOf(is(1), is(2)), begin, true, unknownShare)
		require.Empty(t, windows, "the first reading begins the first step")
		require.Empty(t, polls(p, true, 1, 60, varying(1), varying(1)))
		require.Equal(t, want, p.judges["cpu"].Verdict().Windows, step)
	}
	p := panelOf(t, cpu(15*time.Second))
	polls(p, true, 0, 3, always(1), func(i int) *float64 { return is(float64(i)) })
	windows, troubles := p.fold(cpuOf(is(1), is(6)), begin.Add(15*time.Second), true, unknownShare)
	require.Empty(t, troubles)
	require.Len(t, windows, 1)
	require.Equal(t, seconds(begin), windows[0].Start)
	require.Equal(t, seconds(begin)+15, windows[0].End)
	require.InDelta(t, 3, *windows[0].Candidate.Value, 1e-12, "the mean of 1, 2, 6")
}

func TestValuesAreJudged(t *testing.T) {
	tests := []struct {
		name                string
		baseline, candidate func(int) *float64
		want                rollout.Verdict
		reason              string
	}{
		{"worse", always(0.4), always(0.5), rollout.Fail, "cpu ×1.25"},
		{"the same", varying(0.4), func(i int) *float64 { return is(0.4 + float64((i+3)%7)/100) }, rollout.Pass, "cpu ×"},
		{"identical series", varying(0.4), varying(0.4), rollout.NoData, "identical series"},
		{"NaN", always(0.4), always(math.NaN()), rollout.Error, "cpu: the value of the candidate is NaN"},
		{"infinite", always(math.Inf(-1)), always(1), rollout.Error, "cpu: the value of the baseline is -Inf"},
		{"no candidate", always(1), func(int) *float64 { return nil }, rollout.NoData, "cpu: no data of the candidate"},
		{"no baseline", func(int) *float64 { return nil }, always(1), rollout.NoData, "cpu: no data of the baseline"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			p := panelOf(t, cpu(15*time.Second))
			troubles := polls(p, true, 0, 61, tt.baseline, tt.candidate)
			got := p.results(true, false, rollout.RequireNoHarm, troubles)[0]
			require.Equal(t, tt.want, got.Verdict, got.Reason)
			require.Contains(t, got.Reason, tt.reason)
		})
	}
}

// Eight values are enough for a step of a minute and a half, seven are not.
func TestValuesAreTheMinimumEvidence(t *testing.T) {
	for n, want := range map[int]rollout.Verdict{7: rollout.NoData, 8: rollout.Pass} {
		p := panelOf(t, cpu(0))
		polls(p, true, 0, n+1, varying(0.4), func(i int) *float64 { return is(0.4 + float64((i+3)%7)/100) })
		require.Equal(t, want, p.results(true, false, rollout.RequireNoHarm, nil)[0].Verdict)
	}
}

// What is read while the candidate warms up is in no point.
func TestValuesOfTheWarmUpAreForgotten(t *testing.T) {
	p := panelOf(t, cpu(15*time.Second))
	polls(p, false, 0, 8, always(1), always(9))
	polls(p, true, 8, 2, always(1), always(1))
	windows, _ := p.fold(cpuOf(is(1), is(1)), begin.Add(50*time.Second), true, unknownShare)
	require.Len(t, windows, 1)
	require.Equal(t, seconds(begin)+35, windows[0].Start)
	require.Equal(t, 1.0, *windows[0].Candidate.Value)
}

// A worker that dies within a step loses none of its values.
func TestValuesSurvive(t *testing.T) {
	through, saved := panelOf(t, cpu(15*time.Second)), panelOf(t, cpu(15*time.Second))
	shifted := func(i int) *float64 { return is(0.4 + float64((i+3)%7)/100) }
	for i := range 40 {
		polls(through, true, i, 1, varying(0.4), shifted)
		polls(saved, true, i, 1, varying(0.4), shifted)
		state, err := saved.save()
		require.NoError(t, err)
		body, err := json.Marshal(state)
		require.NoError(t, err)
		var read panelState
		require.NoError(t, json.Unmarshal(body, &read))
		saved = panelOf(t, cpu(15*time.Second))
		require.NoError(t, saved.load(read))
	}
	require.Equal(t, through.judges["cpu"].Verdict(), saved.judges["cpu"].Verdict())
	require.Equal(t, 13, saved.judges["cpu"].Verdict().Windows)
}

func TestBurnRateOfAHistogram(t *testing.T) {
	check := rollout.Check{Name: "cpu", Histogram: "h", SLO: rollout.Duration(300 * time.Millisecond),
		Judge: &rollout.Judge{BurnRate: &rollout.BurnRate{Objective: "99%"}}}
	p := panelOf(t, check)
	for i := range 10 {
		n := float64(100 * i)
		side := SideReading{Buckets: map[string]map[string]float64{"a": {"0.3": n / 2, "+Inf": n}}}
		p.fold(Reading{Checks: map[string]CheckReading{"cpu": {Sides: map[Side]SideReading{Candidate: side}}}}, begin.Add(time.Duration(i)*time.Second), false, unknownShare)
	}
	got := p.results(true, true, rollout.RequireNoHarm, nil)[0]
	require.Equal(t, rollout.Fail, got.Verdict, got.Reason)
	require.Contains(t, got.Reason, "burns its budget ×50")
}

func unknownShare(time.Time) float64 { return 0 }

// A threshold's first value has no beginning: the first window starts with it.
func TestThresholdBeginsWithItsFirstReading(t *testing.T) {
	check := rollout.Check{Name: "cpu", Query: "q", Judge: &rollout.Judge{Threshold: &rollout.Threshold{Success: "result < 1"}}}
	p := panelOf(t, check)
	windows, troubles := p.fold(cpuOf(nil, is(9)), begin, true, unknownShare)
	require.Empty(t, windows)
	require.Empty(t, troubles)
	windows, _ = p.fold(cpuOf(nil, is(0.5)), begin.Add(5*time.Second), true, unknownShare)
	require.Len(t, windows, 1)
	require.Equal(t, seconds(begin), windows[0].Start)
	require.Equal(t, rollout.Pass, p.results(true, true, rollout.RequireNoHarm, nil)[0].Verdict)
	p.fold(cpuOf(nil, is(0.5)), begin.Add(time.Minute), true, unknownShare)
	p.judges["cpu"].BeginStep()
	p.fold(cpuOf(nil, is(2)), begin.Add(65*time.Second), true, unknownShare)
	require.Equal(t, rollout.Fail, p.results(true, true, rollout.RequireNoHarm, nil)[0].Verdict)
}

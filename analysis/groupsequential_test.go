package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/analysis"
)

func planned(p analysis.GroupSequential, alpha float64) analysis.Config {
	return analysis.Config{Name: "errors", Alpha: alpha, Judge: analysis.Params{GroupSequential: &p}}
}

// Reference values: judges.md §6; Lan and DeMets 1983 and gsDesign for the
// O'Brien-Fleming-like and Pocock-like spending.
func TestGroupSequentialBoundaries(t *testing.T) {
	tests := []struct {
		name   string
		params analysis.GroupSequential
		alpha  float64
		want   []float64
	}{
		{"obf", analysis.GroupSequential{Looks: 5}, 0.025, []float64{4.8769, 3.3570, 2.6803, 2.2898, 2.0310}},
		{"one look", analysis.GroupSequential{Looks: 1}, 0.025, []float64{1.9600}},
		{"pocock", analysis.GroupSequential{Looks: 5, Spending: "pocock"}, 0.025, []float64{2.4380, 2.4268, 2.4101, 2.3966, 2.3859}},
		{"power", analysis.GroupSequential{Looks: 2, Spending: "power", Power: 1}, 0.05, []float64{1.9600, 1.8071}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := tt.params.Boundaries(tt.alpha)
			require.Len(t, got, len(tt.want))
			for i := range got {
				require.InDelta(t, tt.want[i], got[i], 1e-4, "look %d of %v", i+1, got)
			}
		})
	}
}

// Whatever the plan, a fair random walk crosses its boundaries with chance α.
func TestGroupSequentialBoundariesSpendAlpha(t *testing.T) {
	for _, p := range []analysis.GroupSequential{{Looks: 20}, {Looks: 10, Spending: "pocock"}, {Looks: 3, Spending: "power", Power: 2}} {
		const runs = 40_000
		z, crossed := p.Boundaries(0.05), 0
		r := rand.New(rand.NewPCG(8, 8))
		for range runs {
			s := 0.0
			for k, b := range z {
				if s += r.NormFloat64(); s/math.Sqrt(float64(k+1)) >= b {
					crossed++
					break
				}
			}
		}
		require.InDelta(t, 0.05, float64(crossed)/runs, 0.005)
	}
}

// looked is the chance that a rollout without harm fails at a look, over all
// outcomes of a plan with k events a look: exact, by the judge itself.
func looked(t testing.TB, p analysis.GroupSequential, alpha float64, k int, rho float64, before []analysis.Window) float64 {
	t.Helper()
	j := fold(judge(t, planned(p, alpha)), before...)
	if j.Failed() {
		return 1
	}
	if len(before) == p.Looks {
		return 0
	}
	chance := 0.0
	for x := range k + 1 {
		w := window(len(before), counts(1e6*(1-rho), float64(k-x)), counts(1e6*rho, float64(x)))
		chance += mass(k, x, rho) * looked(t, p, alpha, k, rho, append(before[:len(before):len(before)], w))
	}
	return chance
}

// With few events normal boundaries lose their level; these do not.
func TestGroupSequentialIsExactForFewEvents(t *testing.T) {
	for _, tt := range []struct {
		p     analysis.GroupSequential
		k     int
		rho   float64
		least float64
	}{
		{analysis.GroupSequential{Looks: 3}, 4, 0.5, 0.005},
		{analysis.GroupSequential{Looks: 3, Spending: "pocock"}, 4, 0.1, 0.005},
		{analysis.GroupSequential{Looks: 2}, 9, 0.02, 0.005},
		{analysis.GroupSequential{Looks: 4, Spending: "power"}, 2, 0.3, 0.005},
	} {
		chance := looked(t, tt.p, 0.05, tt.k, tt.rho, nil)
		require.LessOrEqual(t, chance, 0.05+1e-9)
		require.GreaterOrEqual(t, chance, tt.least, "of some use, too: %v", tt)
	}
}

func TestGroupSequentialLevelAndPower(t *testing.T) {
	const runs = 200
	for _, tt := range []struct{ nb, nc, pb float64 }{{900, 100, 0.01}, {500, 500, 0.1}, {9000, 1000, 0.3}} {
		fails, found := 0, 0
		for seed := range uint64(runs) {
			r := rand.New(rand.NewPCG(seed, 3))
			p := analysis.GroupSequential{WindowsPerLook: 4}
			if fold(judge(t, planned(p, 0.05)), stream(r, 20, tt.nb, tt.pb, tt.nc, tt.pb)...).Final("noHarm").Verdict == analysis.Fail {
				fails++
			}
			if fold(judge(t, planned(p, 0.05)), stream(r, 20, tt.nb, tt.pb, tt.nc, 2*tt.pb)...).Final("noHarm").Verdict == analysis.Fail {
				found++
			}
		}
		require.LessOrEqual(t, fails, runs*9/100, "%v", tt)
		require.GreaterOrEqual(t, found, runs*9/10, "%v", tt)
	}
}

// The exact test and the normal one agree where the one takes over.
func TestGroupSequentialNormalContinuesTheExact(t *testing.T) {
	stops := func(scale float64) analysis.Evidence {
		j := judge(t, planned(analysis.GroupSequential{Looks: 2}, 0.05))
		require.NoError(t, j.Fold(window(0, counts(1e6*scale, 9000*scale), counts(1e6*scale, 9000*scale))))
		return j.Final("noHarm")
	}
	exact, normal := stops(1), stops(2.5) // Σkθ(1−θ) of 4,500 and 11,250
	require.Contains(t, exact.Reason, "expected 9000, stops at 9171)")
	require.Contains(t, normal.Reason, "expected 22500, stops at 22770)")

	j := judge(t, planned(analysis.GroupSequential{Looks: 3}, 0.05))
	fold(j, window(0, counts(1e6, 9000), counts(1e6, 9100)), window(1, counts(1e8, 1e6), counts(1e8, 1e6)), window(2, counts(10, 1), counts(10, 2)))
	require.Contains(t, j.Final("noHarm").Reason, "stops at none", "a look that adds next to nothing spends nothing")
	require.Equal(t, analysis.Fail, fold(judge(t, planned(analysis.GroupSequential{Looks: 3}, 0.05)),
		window(0, counts(1e8, 1e6), counts(1e8, 1.01e6))).Verdict().Verdict)
}

func TestGroupSequentialVerdicts(t *testing.T) {
	five := analysis.GroupSequential{}
	tests := []struct {
		name    string
		params  analysis.GroupSequential
		windows []analysis.Window
		want    analysis.Verdict
	}{
		{"no window", five, nil, analysis.NoData},
		{"one look of five", five, repeat(1, counts(900, 9), counts(100, 1)), analysis.Inconclusive},
		{"the whole plan", five, repeat(5, counts(900, 9), counts(100, 1)), analysis.Pass},
		{"more than the plan", five, append(repeat(5, counts(900, 9), counts(100, 1)), window(5, counts(900, 9), counts(100, 99))), analysis.Pass},
		{"harm at once", five, repeat(1, counts(900, 9), counts(100, 90)), analysis.Fail},
		{"harm", five, repeat(5, counts(900, 9), counts(100, 5)), analysis.Fail},
		{"harm between looks", analysis.GroupSequential{WindowsPerLook: 9}, repeat(8, counts(900, 9), counts(100, 90)), analysis.Inconclusive},
		{"harm within the margin", analysis.GroupSequential{HarmMargin: 10}, repeat(5, counts(900, 9), counts(100, 5)), analysis.Pass},
		{"improvement", five, repeat(5, counts(900, 90), counts(100, 1)), analysis.Pass},
		{"improvement that is harm", analysis.GroupSequential{Direction: "decrease"}, repeat(5, counts(900, 900), counts(100, 10)), analysis.Fail},
		{"no failures", five, repeat(5, counts(900, 0), counts(100, 0)), analysis.Pass},
		{"no traffic", five, repeat(5, counts(0, 0), counts(0, 0)), analysis.NoData},
		{"no candidate", five, repeat(5, counts(900, 9), nil), analysis.NoData},
		{"huge", five, repeat(5, counts(9e12, 9e9), counts(1e12, 1e9)), analysis.Pass},
		{"huge harm", five, repeat(5, counts(9e12, 9e9), counts(1e12, 1.1e9)), analysis.Fail},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			e := fold(judge(t, planned(tt.params, 0.01)), tt.windows...).Final("noHarm")
			require.Equal(t, tt.want, e.Verdict, e.Reason)
		})
	}
}

func TestGroupSequentialRefuses(t *testing.T) {
	for _, bad := range []analysis.GroupSequential{
		{Looks: -1}, {Looks: 21}, {WindowsPerLook: -1}, {WindowsPerLook: 1e6}, {Spending: "all"}, {Power: 0.1}, {Power: math.NaN()},
		{HarmMargin: 0.5}, {Direction: "either"},
	} {
		_, err := analysis.New(planned(bad, 0.01))
		require.Error(t, err, "%+v", bad)
	}
}

// Any counts at all are judged, and the state stays small.
func TestGroupSequentialNeverPanics(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(0, 20), rapid.Float64Range(0, 1<<53), rapid.SampledFrom([]float64{0, 1, 1 << 53}))
	rapid.Check(t, func(t *rapid.T) {
		j, err := analysis.New(planned(analysis.GroupSequential{Looks: 6, WindowsPerLook: rapid.IntRange(1, 3).Draw(t, "windows")}, 0.01))
		require.NoError(t, err)
		for i := range rapid.IntRange(0, 12).Draw(t, "n") {
			var sides [2]*analysis.Counts
			for s := range sides {
				n := number.Draw(t, "requests")
				sides[s] = counts(n, n*rapid.Float64Range(0, 1).Draw(t, "rate"))
			}
			_ = j.Fold(window(i, sides[0], sides[1]))
		}
		e := j.Final("noHarm")
		require.NotEmpty(t, e.Verdict)
		require.False(t, math.IsNaN(e.Ratio) || math.IsNaN(e.TowardsFail), "%+v", e)
		body, err := j.MarshalBinary()
		require.NoError(t, err)
		require.Less(t, len(body), 1024)
	})
}

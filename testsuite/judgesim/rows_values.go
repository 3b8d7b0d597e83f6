package judgesim

import (
	"fmt"
	"math"
	"math/rand/v2"

	"bakeoff/analysis"
)

// gauge is a metric with one value a side every 15 seconds: a level that both
// sides share and that wanders, times each side's own noise.
type gauge struct {
	noise func(r *rand.Rand) float64 // of the logarithm, symmetric about 0
	ratio float64                    // of the candidate's level
}

func gaussian(deviation float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 { return deviation * r.NormFloat64() }
}

// spiky is Cauchy noise: it has spikes of any size, and no variance.
func spiky(scale float64) func(*rand.Rand) float64 {
	return func(r *rand.Rand) float64 {
		return max(-20, min(20, scale*math.Tan(math.Pi*(r.Float64()-0.5))))
	}
}

// next is a point of both sides; level is what they share.
func (g gauge) next(r *rand.Rand, level *float64) (candidate, baseline float64) {
	*level *= math.Exp(0.02 * r.NormFloat64())
	return *level * g.ratio * math.Exp(g.noise(r)), *level * math.Exp(g.noise(r))
}

// fails is when, in points, the judge fails the candidate.
func (g gauge) fails(r *rand.Rand, alpha float64) float64 {
	j, err := analysis.New(analysis.Config{Alpha: alpha, Judge: analysis.Params{Points: &analysis.Points{}}})
	level := 1.0
	for i := 0; i < 4*threeHours && err == nil; i++ {
		candidate, baseline := g.next(r, &level)
		err = j.Fold(analysis.Window{Start: float64(15 * i), End: float64(15*i + 15), Baseline: &analysis.Counts{Value: &baseline}, Candidate: &analysis.Counts{Value: &candidate}})
		if err != nil || j.Failed() {
			return float64(i + 1)
		}
	}
	return never
}

// peersFail is when, in minutes, PipeCD and Kayenta fail it on the means of the
// minutes.
func (g gauge) peersFail(r *rand.Rand) [2]float64 {
	pipecd, kayenta, level := newPipeCD(10), newKayenta(), 1.0
	out := [2]float64{never, never}
	for minute := 1.0; minute <= threeHours; minute++ {
		w := sample{start: minute - 1, end: minute, nc: 1, ne: 1}
		for range 4 {
			candidate, baseline := g.next(r, &level)
			w.xc, w.xe = w.xc+candidate/4, w.xe+baseline/4
		}
		for i, p := range []policy{pipecd, kayenta} {
			if out[i] == never && p.see(w) {
				out[i] = minute
			}
		}
	}
	return out
}

// gauges is no row of judges.md: points on values that come one at a time,
// healthy for three hours, and at ×1.2 with 10 % noise.
func gauges(s simulation) []Figure {
	const healthy, ill = "healthy ", "ill"
	runs, some := s.runs(2000), s.runs(200)
	ours := func(name string, g gauge, alpha float64, runs int) []float64 {
		return each(s, "points", name, runs, func(r *rand.Rand) float64 { return g.fails(r, alpha) })
	}
	peers := func(name string, g gauge) (out [2][]float64) {
		for _, at := range each(s, "points of peers", name, some, g.peersFail) {
			out[0], out[1] = append(out[0], at[0]), append(out[1], at[1])
		}
		return out
	}
	var worst []float64
	for name, noise := range map[string]func(*rand.Rand) float64{"10 %": gaussian(0.1), "50 %": gaussian(0.5), "spiky": spiky(0.1)} {
		g := gauge{noise, 1}
		theirs := peers(healthy+name, g)
		worst = raise(worst, []float64{found(ours(healthy+name, g, 0.05, runs)), found(theirs[0]), found(theirs[1])})
	}
	g := gauge{gaussian(0.1), 1.2}
	theirs, names := peers(ill, g), []string{"PipeCD", "Kayenta"}
	return []Figure{
		{Name: "points, healthy three hours: alarms at α .05, worst of 3 kinds of noise", Value: worst[0], Limit: 0.05, Chance: true, Runs: runs, Peers: beside(names, worst[1], worst[2]), Note: "noise 10 %, 50 %, and Cauchy"},
		{Name: "points, ×1.2 with 10 % noise: median points of 15 s to Fail, α .01", State: Informs, Value: median(ours(ill, g, 0.01, some)), Runs: some, Peers: fmt.Sprintf("in minutes: %s", beside(names, median(theirs[0]), median(theirs[1])))},
	}
}

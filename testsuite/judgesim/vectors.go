package judgesim

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"bakeoff/analysis"
)

// vector is a value that somebody else published for a method.
type vector struct {
	name      string
	want, got float64
	by        float64 // how far got may be off
	closed    bool    // a closed form
}

// closed is a value known exactly; by 1e-9 of it.
func closed(name string, want, got float64) vector {
	return vector{name: name, want: want, got: got, by: 1e-9 * max(math.Abs(want), 1e-300), closed: true}
}

// given is a value with that many digits after the point, or to 1e-6 of it
// where those are more.
func given(name string, want, got float64, digits int) vector {
	return vector{name: name, want: want, got: got, by: max(math.Abs(want)*1e-6, math.Pow10(-digits)/2)}
}

func (v vector) met() bool { return math.Abs(v.got-v.want) <= v.by }

// notShipped are the vectors of judges.md that nothing here computes, and why.
const notShipped = "of methods that are not shipped: Howard-Ramdas with m = 100, fixed quantile p-values, beta-binomial mixture, log and one-sided bound of the normal mixture, " +
	"gamma-Poisson, gamma-exponential, stitching, Bernoulli interval, mSPRT, Statsig, Cohen's d. " +
	"Their data are not in this repository: Kayenta's problem case of 850 values, W(0), W(5). No judge reports it: P90 of NIST's values. Kayenta's classes are in the tests of package analysis"

// referenceVectors is row 19: what is published for the methods of package
// analysis, computed by them, and for Kayenta's test at 95 %, which its judge
// cannot be set to, computed by the Kayenta that is simulated here.
func referenceVectors(simulation) []Figure {
	return []Figure{
		count("reference vectors of methods that are shipped: missed", slices.Concat(evidenceVectors(), rankVectors(), boundaryVectors(), kayentaVectors(), scoreVectors())),
		count("Kayenta's own vectors at 95 %, by the Kayenta simulated here: missed", peerVectors()),
		{Name: "reference vectors that nothing here computes", State: NotBuilt, Note: notShipped},
	}
}

// count is how many vectors are missed, and their names.
func count(name string, all []vector) Figure {
	exact, fine, missed := 0, 0, []string{}
	for _, v := range all {
		switch {
		case v.closed:
			exact++
		case v.by <= 1.001e-6*math.Abs(v.want):
			fine++
		}
		if !v.met() {
			missed = append(missed, fmt.Sprintf("%s: %.10g, not %.10g", v.name, v.got, v.want))
		}
	}
	note := fmt.Sprintf("%d of %d met: %d closed forms to 1e-9, %d to 1e-6, %d to the digits that are printed or the 1e-4 at which Kayenta's solver stops",
		len(all)-len(missed), len(all), exact, fine, len(all)-exact-fine)
	if len(missed) > 0 {
		note += "; missed: " + strings.Join(missed, ", ")
	}
	return Figure{Name: name, Value: float64(len(missed)), Limit: 0, Runs: 1, Note: note}
}

// evidenceVectors: the share's e-process against its authors' vector, and the
// interval of a mean against confseq's normal mixture with v = 100, α = .05,
// whose bound at V = 100 is 30.35209.
func evidenceVectors() []vector {
	factor := math.Exp(analysis.LogMultinomialE([]float64{1, 1}, []float64{.5, .5}, []float64{10, 0}))
	var differences []float64 // of mean 0 and standard deviation 1
	for i := range 100 {
		differences = append(differences, math.Sqrt(0.99)*float64(2*(i%2)-1))
	}
	average := judgedValues(analysis.Params{MeanCS: &analysis.MeanCS{TOpt: 100}}, differences, make([]float64, 100))
	return []vector{
		closed("multinomial e-process", 1024.0/11, factor),
		given("asymptotic confidence sequence, upper end", 0.3035209, endOf(average.Interval[1]), 7),
		given("asymptotic confidence sequence, lower end", -0.3035209, endOf(average.Interval[0]), 7),
	}
}

func endOf(p *float64) float64 {
	if p == nil {
		return math.NaN()
	}
	return *p
}

// judgedValues is what a judge of values says at the end.
func judgedValues(p analysis.Params, candidate, baseline []float64) analysis.Evidence {
	j, err := analysis.New(analysis.Config{Judge: p})
	for i := 0; err == nil && i < max(len(candidate), len(baseline)); i++ {
		w := analysis.Window{Start: float64(i), End: float64(i + 1)}
		if i < len(candidate) {
			w.Candidate = &analysis.Counts{Value: &candidate[i]}
		}
		if i < len(baseline) {
			w.Baseline = &analysis.Counts{Value: &baseline[i]}
		}
		err = j.Fold(w)
	}
	if err != nil {
		return analysis.Evidence{P: math.NaN()}
	}
	return j.Final(analysis.RequireNoHarm)
}

// rankVectors: the exact rank test where go-moremath says 0 (judges.md §7),
// StatisticSuite.scala's superiorities, and its medians of type 7 as the medians
// of runCompare's pairs.
func rankVectors() []vector {
	u := func(candidate, baseline []float64) analysis.Evidence {
		return judgedValues(analysis.Params{MannWhitney: &analysis.MannWhitney{MinSamples: 2}}, candidate, baseline)
	}
	five := []float64{1, 2, 3, 4, 5}
	return []vector{
		closed("exact rank test with ties", 6.0/126, u([]float64{2, 1, 3, 5}, []float64{1, 1, 1, 1, 1}).P),
		closed("superiority, identical", 0.5, u(five, five).Effect),
		closed("superiority, no overlap", 0, u(farBelow, farAbove).Effect),
		given("superiority, high", 0.771, u(highExperiment, highControl).Effect, 3),
		closed("superiority, low", 0.12, u(lowExperiment, lowControl).Effect),
		closed("median of eight", 1.75, medianOfPairs(0.5, 8)),
		closed("median of ten", 4.5, medianOfPairs(1, 10)),
	}
}

// medianOfPairs is the median of 0, step, 2·step … as runCompare takes it.
func medianOfPairs(step float64, n int) float64 {
	const pairs = 5
	j, err := analysis.New(analysis.Config{Judge: analysis.Params{RunCompare: &analysis.RunCompare{Transform: "diff", Margin: 1, MinPairs: pairs}}})
	for i := 0; err == nil && i < pairs*n; i++ {
		value, zero := step*float64(i%n), 0.0
		err = j.Fold(analysis.Window{Start: float64(i), End: float64(i + 1), Pair: fmt.Sprint(i / n),
			Candidate: &analysis.Counts{Value: &value}, Baseline: &analysis.Counts{Value: &zero}})
	}
	if err != nil {
		return math.NaN()
	}
	return endOf(j.Final(analysis.RequireNoHarm).Difference)
}

// boundaryVectors: five looks at one-sided .025, and one look, whose boundary
// is the normal quantile.
func boundaryVectors() []vector {
	var out []vector
	for i, z := range (analysis.GroupSequential{Looks: 5}).Boundaries(0.025) {
		out = append(out, given(fmt.Sprintf("O'Brien-Fleming look %d", i+1), obrienFleming[i], z, 4))
	}
	return append(out, given("normal quantile", 2.326348, analysis.GroupSequential{Looks: 1}.Boundaries(0.01)[0], 6))
}

// solverOff is how far Kayenta's solver may stop from a root.
const solverOff = 1e-4

// kayentaVectors: MannWhitneySuite.scala at the judge's 98 %, and the one
// outlier of DetectorSuite.scala. The tiny interval is the whole range at
// either level.
func kayentaVectors() []vector {
	tiny := analysis.KayentaV1{}.Classify([]float64{10, 20, 30, 40}, []float64{1, 2, 3, 4})
	ninety := analysis.KayentaV1{}.Classify(expand(experiment90), expand(control90))
	many := analysis.KayentaV1{}.Classify(expand(experiment180), expand(control180))
	fence := analysis.KayentaV1{Outliers: analysis.KayentaOutliers{Strategy: "remove", Factor: 1.5}}
	without := fence.Classify(nistOutlier, nistOutlier[:len(nistOutlier)-1])
	if slices.ContainsFunc([]analysis.Classification{tiny, ninety, many}, func(c analysis.Classification) bool { return c.Interval == nil }) {
		return []vector{closed("Kayenta's interval", 1, math.NaN())}
	}
	same := 0.0
	if without.Reason == "experiment and control are identical" {
		same = 1
	}
	return []vector{
		given("tiny, lower end", 6, tiny.Interval[0], 9), given("tiny, upper end", 39, tiny.Interval[1], 9),
		{name: "tiny, estimate", want: 22.5, got: *tiny.Estimate, by: solverOff},
		{name: "R, n = 90, estimate", want: -0.49994, got: *ninety.Estimate, by: solverOff},
		given("R, n = 180, lower end", -0.4999173250549087, many.Interval[0], 16),
		given("R, n = 180, upper end", -6.912685789769486e-6, many.Interval[1], 21),
		closed("NIST's one outlier", 1, same),
	}
}

// scoreVectors: ScorerSuite.scala. What it calls report-only is not read here.
func scoreVectors() []vector {
	const pass, high, low, nodata = analysis.ClassPass, analysis.ClassHigh, analysis.ClassLow, analysis.ClassNodata
	score := func(weights map[string]float64, critical string, classes ...string) float64 {
		k := analysis.KayentaCanary{GroupWeights: weights, Pass: kayentaPass, Marginal: kayentaMarginal}
		var all []analysis.Classification
		for i, c := range classes {
			group, class, _ := strings.Cut(c, " ")
			k.Metrics = append(k.Metrics, analysis.KayentaMetric{Name: fmt.Sprint(i), Groups: []string{group}, Judge: analysis.KayentaV1{Critical: c == critical}})
			all = append(all, analysis.Classification{Class: analysis.Class(class), Critical: c == critical && class != string(pass)})
		}
		return k.Score(all).Score
	}
	in := func(group string, c analysis.Class) string { return group + " " + string(c) }
	return []vector{
		closed("score of one that passes", 100, score(nil, "", in("a", pass))),
		closed("score of one that is high", 0, score(nil, "", in("a", high))),
		closed("score of one group, two metrics", 50, score(nil, "", in("a", pass), in("a", high))),
		given("score of one group, three metrics", 33.33, score(nil, "", in("a", pass), in("a", high), in("a", low)), 2),
		closed("score of weights 75 and 25", 75, score(map[string]float64{"a": 75, "b": 25}, "", in("a", pass), in("a", pass), in("b", high))),
		closed("score of equal weights", 25, score(map[string]float64{"a": 50, "b": 50}, "", in("a", pass), in("a", high), in("b", high))),
		closed("score without data", 0, score(nil, "", in("a", nodata))),
		closed("score with a critical failure", 0, score(nil, in("a", high), in("a", pass), in("a", high))),
		closed("score with a critical pass", 50, score(nil, in("a", pass), in("a", low), in("a", pass))),
	}
}

// peerVectors: MannWhitneySuite.scala at 95 %.
func peerVectors() []vector {
	low90, high90, _, _ := shift(expand(experiment90), expand(control90), 0.95)
	experiment, control := padded(experimentRates), padded(controlRates)
	low, high, estimate, _ := shift(experiment, control, 0.95)
	out := []vector{
		given("R, n = 90, lower end", -0.500002521696696, low90, 15), given("R, n = 90, upper end", -3.486287505871302e-5, high90, 20),
		given("n = 210, lower end", 3.521755377702165e-5, low, 20), given("n = 210, upper end", 2.02456461662334e-5, high, 19),
		given("n = 210, estimate", 2.6279243045155653e-5, estimate, 21),
	}
	const z, least, most = 1.9599639845400536, -3.124999999999986, 5.555555555555557
	for _, at := range []struct{ mu, q, want float64 }{
		{least, z, 17.090968923762254}, {most, z, -20.997687930433106}, {least, -z, 21.01089689284236}, {most, -z, -17.077759961353},
	} {
		w, _ := rankSum(experiment, control, at.mu)
		out = append(out, given(fmt.Sprintf("n = 210, W(%.3g) − %.3g", at.mu, at.q), at.want, w-at.q, 12))
	}
	return out
}

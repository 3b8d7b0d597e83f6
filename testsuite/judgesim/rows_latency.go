package judgesim

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"

	"bakeoff/analysis"
)

// slow is traffic with latencies: log-normal, median 100 ms, deviation 0.5 of
// the logarithm, counted in buckets that grow by a fifth from 20 ms to 4 s.
type slow struct {
	perSecond, share float64
	window           float64 // seconds
	noise            float64 // relative deviation of each side's latencies, window by window
	whole            float64 // factor of all of the candidate's latencies
	tail             float64 // factor of those above the 90 % quantile
}

var (
	latencyBounds = geometric(0.02, 1.2, 30)
	latencyKeys   = keys(latencyBounds)
)

const (
	medianLatency    = 0.1
	latencyDeviation = 0.5
	tailBegins       = 0.9
)

func geometric(first, factor float64, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = first * math.Pow(factor, float64(i))
	}
	return out
}

func keys(bounds []float64) []string {
	var out []string
	for _, b := range bounds {
		out = append(out, strconv.FormatFloat(b, 'g', 6, 64))
	}
	return append(out, "+Inf")
}

// below is the share of latencies up to x.
func below(x, whole, tail float64) float64 {
	f := func(x float64) float64 { return normal(math.Log(x/whole/medianLatency) / latencyDeviation) }
	p := f(x)
	if p <= tailBegins {
		return p
	}
	return max(tailBegins, f(x/tail))
}

func normal(z float64) float64 { return math.Erfc(-z/math.Sqrt2) / 2 }

// buckets draws one side of a window, as cumulative counts; the last is all.
func (t slow) buckets(r *rand.Rand, share, whole, tail float64) []float64 {
	whole *= unevenly(r, t.noise)
	out := make([]float64, len(latencyBounds)+1)
	left := poisson(r, t.perSecond*t.window*share)
	all, from := left, 0.0
	for i, b := range latencyBounds {
		p := below(b, whole, tail)
		left -= binomial(r, left, min(1, max(0, (p-from)/(1-from))))
		out[i], from = all-left, p
	}
	out[len(latencyBounds)] = all
	return out
}

// counts is what a window of the judge holds.
func bucketCounts(cumulative []float64) *analysis.Counts {
	buckets := make(map[string]float64, len(cumulative))
	for i, key := range latencyKeys {
		buckets[key] = cumulative[i]
	}
	return &analysis.Counts{Buckets: buckets}
}

// ladder is tailLadder with latencies chosen from ten minutes of the baseline
// that are not judged.
func (t slow) ladder(r *rand.Rand, alpha float64) analysis.Config {
	before := t
	before.window, before.noise = 600, 0
	return analysis.Config{Alpha: alpha, Judge: analysis.Params{TailLadder: &analysis.TailLadder{}},
		Bounds: analysis.ChooseBounds(*bucketCounts(before.buckets(r, 1-t.share, 1, 1)), 0)}
}

// times is when, in minutes, tailLadder, the band and Kayenta on the p99 of
// each minute roll back.
func (t slow) times(r *rand.Rand, c analysis.Config, windows int) [3]float64 {
	j, err := analysis.New(c)
	out := [3]float64{never, never, never}
	if err != nil {
		return out
	}
	rival, p99 := band{alpha: c.Alpha}, perMinute{every: int(math.Round(60 / t.window))}
	for i := range windows {
		candidate, baseline := t.buckets(r, t.share, t.whole, t.tail), t.buckets(r, 1-t.share, 1, 1)
		at := float64(i+1) * t.window / 60
		if out[0] == never && (j.Fold(t.judged(i, baseline, candidate)) != nil || j.Failed()) {
			out[0] = at
		}
		if out[1] == never && rival.see(candidate, baseline) {
			out[1] = at
		}
		if out[2] == never && p99.see(candidate, t.buckets(r, t.share, 1, 1)) {
			out[2] = at
		}
		if slices.Max(out[:]) < never {
			break
		}
	}
	return out
}

func (t slow) judged(i int, baseline, candidate []float64) analysis.Window {
	return analysis.Window{Start: float64(i) * t.window, End: float64(i+1) * t.window, Baseline: bucketCounts(baseline), Candidate: bucketCounts(candidate)}
}

// perMinute gives Kayenta the p99 of each minute as points, in seconds.
type perMinute struct {
	every, windows      int
	sum, fresh          []float64
	candidate, baseline []float64
}

func (p *perMinute) see(candidate, baseline []float64) bool {
	if p.windows%p.every == 0 {
		p.sum, p.fresh = make([]float64, len(candidate)), make([]float64, len(candidate))
	}
	for i := range candidate {
		p.sum[i] += candidate[i]
		p.fresh[i] += baseline[i]
	}
	if p.windows++; p.windows%p.every != 0 {
		return false
	}
	p.candidate, p.baseline = append(p.candidate, bucketQuantile(p.sum, 0.99)), append(p.baseline, bucketQuantile(p.fresh, 0.99))
	n := len(p.candidate)
	return n%kayentaInterval == 0 && n <= kayentaLifetime && classify(p.candidate, p.baseline) == kayentaHigh
}

// bucketQuantile is PromQL's histogram_quantile: linear within the bucket.
func bucketQuantile(cumulative []float64, q float64) float64 {
	rank := q * cumulative[len(cumulative)-1]
	i := slices.IndexFunc(cumulative, func(n float64) bool { return n >= rank })
	if i >= len(latencyBounds) {
		return latencyBounds[len(latencyBounds)-1]
	}
	low, under := 0.0, 0.0
	if i > 0 {
		low, under = latencyBounds[i-1], cumulative[i-1]
	}
	if cumulative[i] == under {
		return latencyBounds[i]
	}
	return low + (latencyBounds[i]-low)*(rank-under)/(cumulative[i]-under)
}

// latency is row 12: 100 requests a second, 10 % the candidate's, windows of
// ten seconds, three hours. ×1.25 is taken in both ways: all latencies, and
// only those above the 90 % quantile, so that p99 grows ×1.25.
func latency(s simulation) []Figure {
	base := slow{perSecond: 100, share: 0.1, window: 10, whole: 1, tail: 1}
	collect := func(name string, t slow, alpha float64, runs, windows int) (out [3][]float64) {
		for _, at := range each(s, "12", name, runs, func(r *rand.Rand) [3]float64 { return t.times(r, t.ladder(r, alpha), windows) }) {
			for i := range out {
				out[i] = append(out[i], at[i])
			}
		}
		return out
	}
	healthyRuns, runs := s.runs(300), s.runs(100)
	well := collect("healthy", base, 0.05, healthyRuns, 6*threeHours)
	whole, tail := base, base
	whole.whole, tail.tail = 1.25, 1.25
	all, far := collect("whole", whole, 0.01, runs, 6*threeHours), collect("tail", tail, 0.01, runs, 6*threeHours)
	names := []string{"Howard-Ramdas", "Kayenta"}
	return []Figure{
		{Name: "tailLadder, p99 ×1.25, all latencies ×1.25: median minutes to Fail, α .01", Value: median(all[0]), Limit: 5, Runs: runs, Peers: beside(names, median(all[1]), median(all[2]))},
		{Name: "p99 ×1.25, only those above p90: median minutes to Fail, α .01", Value: median(far[0]), Limit: 5, Runs: runs, Peers: beside(names, median(far[1]), median(far[2]))},
		{Name: "tailLadder, healthy three hours: alarms at α .05", Value: found(well[0]), Limit: 0.05, Chance: true, Runs: healthyRuns, Peers: beside(names, found(well[1]), found(well[2])),
			Note: fmt.Sprintf("%d buckets", len(latencyKeys))},
	}
}

package judgesim

import (
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"time"

	"bakeoff/analysis"
)

// promotion is row 13: how soon a candidate is proved non-inferior within
// ×1.5, and how often one exactly at ×1.5 is; asked each minute.
func promotion(s simulation) []Figure {
	proved := func(t traffic, runs int) []float64 {
		return each(s, "13", t.String(), runs, func(r *rand.Rand) float64 {
			o, stream := judged(rateRatio(0.01)), t.stream(r)
			for range threeHours {
				if o.see(stream.next()); o.judge.Final(analysis.RequireNonInferior).Verdict == analysis.Pass {
					return stream.at
				}
			}
			return never
		})
	}
	t := traffic{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1}
	equal := proved(t, s.runs(500))
	t.ratio = 1.5
	wrong := proved(t, s.runs(2000))
	return []Figure{
		{Name: "equal candidate, 6,000/min, 10 %, 1 %: median minutes to the proof of ≤ ×1.5", Value: median(equal), Limit: 15, Runs: s.runs(500), Note: fmt.Sprintf("p90 %s, proved in three hours: %s", digits(quantile(equal, 0.9)), digits(found(equal)))},
		{Name: "candidate at ×1.5: wrongly proved within three hours", Value: found(wrong), Limit: 0.05, Chance: true, Runs: s.runs(2000)},
	}
}

// drift is row 15, of a judge that does not exist.
func drift(simulation) []Figure {
	return []Figure{{Name: "drift: identical data, and a shift of half a deviation", State: NotBuilt, Note: "of the judges of models none is built"}}
}

// speed is row 16: the best of ten batches, as other things run on the machine,
// too. The benchmarks of package analysis say it better.
func speed(s simulation) []Figure {
	t := traffic{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1}
	stream := t.stream(source(s.Seed, "16", t.String(), 0))
	samples := make([]sample, 1000)
	for i := range samples {
		samples[i] = stream.next()
	}
	n, mine, best := s.runs(100_000), judged(rateRatio(1e-9)), math.Inf(1)
	for batch := range 10 {
		begun := time.Now()
		for i := range n {
			w := samples[i%len(samples)]
			w.start, w.end = float64(batch*n+i), float64(batch*n+i+1)
			mine.see(w)
		}
		best = min(best, 1e6*time.Since(begun).Seconds()/float64(n))
	}
	return []Figure{{Name: "rateRatio: µs for a window on one core (1 M/s is 1 µs)", Value: best, Limit: 1, Runs: 10, Note: "`go test -bench Fold ./analysis`"}}
}

// inserts is the other half of row 16: latencies counted one by one, the best
// of ten batches.
func inserts(s simulation) []Figure {
	const many = 1 << 16
	r, seconds := source(s.Seed, "16b", "", 0), make([]float64, many)
	for i := range seconds {
		seconds[i] = medianLatency * math.Exp(latencyDeviation*r.NormFloat64())
	}
	n, best := s.runs(5_000_000), math.Inf(1)
	var all analysis.Latencies
	for range 10 {
		var l analysis.Latencies
		begun := time.Now()
		for i := range n {
			l.Add(seconds[i%many])
		}
		best = min(best, 1e9*time.Since(begun).Seconds()/float64(n))
		all.Merge(&l)
	}
	return []Figure{{Name: "Latencies: ns for an insert on one core (20 M/s is 50 ns)", Value: best, Limit: 50, Runs: 10,
		Note: fmt.Sprintf("%.0f M/s, median %s s; `go test -bench Latencies ./analysis`", 1e3/best, digits(all.Quantile(0.5)))}}
}

// memory is row 17: the state of a judge after a thousand windows, in bytes.
func memory(s simulation) []Figure {
	rate := judged(rateRatio(1e-9))
	stream := traffic{perMinute: 6000, share: 0.1, rate: 0.01, ratio: 1}.stream(source(s.Seed, "17", "rate", 0))
	t, r := slow{perSecond: 100, share: 0.1, window: 10, whole: 1, tail: 1}, source(s.Seed, "17", "latency", 0)
	ladder, err := analysis.New(t.ladder(r, 1e-9))
	for i := 0; err == nil && i < 1000; i++ {
		rate.see(stream.next())
		err = ladder.Fold(t.judged(i, t.buckets(r, 0.9, 1, 1), t.buckets(r, 0.1, 1, 1)))
	}
	size := func(j *analysis.Judge) float64 {
		if j == nil || err != nil {
			return math.Inf(1)
		}
		state, err := j.MarshalBinary()
		if err != nil {
			return math.Inf(1)
		}
		return float64(len(state))
	}
	return []Figure{
		{Name: "state of rateRatio after 1,000 windows, bytes", Value: size(rate.judge), Limit: 512, Runs: 1},
		{Name: "state of tailLadder, 6 latencies, bytes", Value: size(ladder), Limit: 8192, Runs: 1},
	}
}

// replays is row 18: the same windows, some of them twice, some again later,
// and the judge stored and restored between windows, against plain folding. The
// reordering of windows is not package analysis's.
func replays(s simulation) []Figure {
	runs := s.runs(200)
	t := traffic{perMinute: 600, share: 0.1, rate: 0.02, ratio: 1.7}
	differ := each(s, "18", t.String(), runs, func(r *rand.Rand) float64 {
		stream, windows := t.stream(r), []sample{}
		for range threeHours {
			windows = append(windows, stream.next())
		}
		return differs(windows, r)
	})
	return []Figure{{Name: "windows twice, late ones again, state stored and restored, steps begun: runs with another verdict, time or E", Value: mean(differ), Limit: 0, Runs: runs, Note: "out of order within the buffer of 64: tested where the buffer is"}}
}

// differs is 1 when a disturbed fold ends otherwise than a plain one. Late
// windows are counted by the evidence, so that the count alone may differ.
func differs(windows []sample, r *rand.Rand) float64 {
	plain, disturbed := judged(rateRatio(0.01)), judged(rateRatio(0.01))
	for i, w := range windows {
		plain.see(w)
		disturbed.see(w)
		switch r.IntN(4) {
		case 0:
			disturbed.see(w)
		case 1:
			disturbed.see(windows[r.IntN(i+1)])
		case 2:
			disturbed.restored()
		default:
			disturbed.judge.BeginStep()
		}
	}
	a, b := plain.judge.Verdict(), disturbed.judge.Verdict()
	b.Late = a.Late
	x, errX := json.Marshal(a)
	y, errY := json.Marshal(b)
	if errX != nil || errY != nil || string(x) != string(y) {
		return 1
	}
	return 0
}

// restored stores the judge's state and goes on with a new judge that read it.
func (o *ours) restored() {
	state, err := o.judge.MarshalBinary()
	next := judged(rateRatio(0.01))
	if err == nil {
		err = next.judge.UnmarshalBinary(state)
	}
	if o.judge = next.judge; err != nil {
		o.refused = err
	}
}

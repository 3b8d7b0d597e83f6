package analysis_test

import (
	"math"
	"math/rand/v2"
	"testing"

	"bakeoff/analysis"
)

func benchmarkFold(b *testing.B, c analysis.Config, ws []analysis.Window) {
	j := judge(b, c)
	for i := 0; b.Loop(); i++ {
		w := ws[i%len(ws)]
		w.Start, w.End = float64(10*i), float64(10*i+10)
		if err := j.Fold(w); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "windows/s")
}

func BenchmarkFoldRateRatio(b *testing.B) {
	benchmarkFold(b, rates(1e-9), stream(rand.New(rand.NewPCG(1, 1)), 1000, 900, 0.01, 100, 0.01))
}

func BenchmarkFoldTailLadder(b *testing.B) {
	c := ladder(0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 1)
	c.Alpha, c.Judge.TailLadder.HarmMargin = 1e-9, 5
	benchmarkFold(b, c, latency(1, 50, 1))
}

func BenchmarkFoldSLORate(b *testing.B) {
	c := objective(0.99)
	c.Alpha = 1e-9
	benchmarkFold(b, c, stream(rand.New(rand.NewPCG(1, 1)), 1000, 0, 0.1, 1000, 0.001))
}

func BenchmarkFoldThreshold(b *testing.B) {
	benchmarkFold(b, limits(analysis.Threshold{Success: "result < 0.5"}), measurements(0.1, 0.2))
}

func BenchmarkFoldPoints(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	benchmarkFold(b, pointsOf(analysis.Points{}, 1e-12), pairs(noisy(r, 1000, 1, 0.1), noisy(r, 1000, 1, 0.1)))
}

func BenchmarkFoldBurnRate(b *testing.B) {
	benchmarkFold(b, budget(analysis.BurnRate{}), stream(rand.New(rand.NewPCG(1, 1)), 1000, 0, 0.1, 1000, 0.0005))
}

func BenchmarkFoldMeanCS(b *testing.B) {
	r := rand.New(rand.NewPCG(1, 1))
	benchmarkFold(b, meanOf(analysis.MeanCS{}), pairs(noisy(r, 1000, 1, 0.1), noisy(r, 1000, 1, 0.1)))
}

// BenchmarkLatenciesAdd inserts log-normal latencies, as a load generator does.
func BenchmarkLatenciesAdd(b *testing.B) {
	const many = 1 << 16
	r, seconds := rand.New(rand.NewPCG(1, 1)), make([]float64, many)
	for i := range seconds {
		seconds[i] = 0.1 * math.Exp(r.NormFloat64()/2)
	}
	var l analysis.Latencies
	for i := 0; b.Loop(); i++ {
		l.Add(seconds[i%many])
	}
	b.ReportAllocs()
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "inserts/s")
}

func BenchmarkVerdictRateRatio(b *testing.B) {
	j := fold(judge(b, rates(1e-9)), stream(rand.New(rand.NewPCG(1, 1)), 100, 900, 0.01, 100, 0.01)...)
	for b.Loop() {
		j.Verdict()
	}
}

func BenchmarkMarshalRateRatio(b *testing.B) {
	j := judge(b, rates(1e-9))
	for b.Loop() {
		if _, err := j.MarshalBinary(); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeWindow(b *testing.B) {
	line := []byte(`{"series":"a","check":"errors","start":0,"end":10,"baseline":{"requests":900,"failures":9},"candidate":{"requests":100,"failures":2}}`)
	for b.Loop() {
		if _, err := analysis.DecodeWindow(line); err != nil {
			b.Fatal(err)
		}
	}
}

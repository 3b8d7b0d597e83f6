package judgesim

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// unmet are the figures that package analysis misses at present; docs/judges.md
// shows them. When one is met its line here has to go.
var unmet = map[string]string{
	"the same: failed requests, p90": "3 failures are needed, and the second that brings the third brings the p90 a fifth",
}

// TestFigures holds a small simulation to the bounds. Shares of runs may exceed
// theirs by three standard errors of the few runs, delays by a half; the seed
// is fixed, so that nothing here fails by chance.
func TestFigures(t *testing.T) {
	var small []string
	for _, number := range RowNumbers() {
		if number != "16" && number != "16b" { // depend on the machine
			small = append(small, number)
		}
	}
	for _, f := range Run(Options{Seed: 1, Scale: 0.05, Workers: 2, Rows: small}) {
		name := "row " + f.Row + ": " + f.Name
		if f.State != Bound {
			continue
		}
		require.NotZero(t, f.Runs, name)
		limit := f.Limit * 1.5
		if f.Chance {
			limit = f.Limit + 3*math.Sqrt(f.Limit*(1-f.Limit)/float64(f.Runs))
		}
		if f.Row == "17" {
			limit = f.Limit
		}
		if why, known := unmet[f.Name]; known {
			t.Logf("%s: %g, bound %g: %s", name, f.Value, f.Limit, why)
			continue
		}
		require.LessOrEqual(t, f.Value, limit, name)
	}
}

// TestRepeatable: the same figures with another number of workers, and alone.
func TestRepeatable(t *testing.T) {
	values := func(o Options) (out []Figure) {
		for _, f := range Run(o) {
			f.Took = 0
			out = append(out, f)
		}
		return out
	}
	alone := values(Options{Seed: 7, Scale: 0.02, Workers: 1, Rows: []string{"3"}})
	require.Equal(t, alone, values(Options{Seed: 7, Scale: 0.02, Workers: 3, Rows: []string{"9", "3"}})[:1])
	of := func(seed uint64) string {
		return values(Options{Seed: seed, Scale: 0.02, Rows: []string{"17b"}})[0].Note
	}
	require.NotEqual(t, of(7), of(8), "another seed")
}

func TestDraws(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 1))
	const draws = 40000
	tests := []struct {
		name           string
		draw           func() float64
		mean, variance float64
	}{
		{"binomial by inversion", func() float64 { return binomial(r, 100, 0.02) }, 2, 1.96},
		{"binomial by rejection", func() float64 { return binomial(r, 1000, 0.2) }, 200, 160},
		{"binomial above a half", func() float64 { return binomial(r, 100, 0.9) }, 90, 9},
		{"binomial of many", func() float64 { return binomial(r, 1e6, 1e-4) }, 100, 99.99},
		{"binomial sure", func() float64 { return binomial(r, 9, 1) }, 9, 0},
		{"binomial of none", func() float64 { return binomial(r, 0, 0.5) }, 0, 0},
		{"poisson by inversion", func() float64 { return poisson(r, 3) }, 3, 3},
		{"poisson by rejection", func() float64 { return poisson(r, 300) }, 300, 300},
		{"poisson of none", func() float64 { return poisson(r, 0) }, 0, 0},
		{"unevenly", func() float64 { return unevenly(r, 0.3) }, 1, math.Exp(0.09) - 1},
	}
	for _, tt := range tests {
		sum, squares := 0.0, 0.0
		for range draws {
			x := tt.draw()
			sum, squares = sum+x, squares+x*x
		}
		m := sum / draws
		require.InDelta(t, tt.mean, m, 4.5*math.Sqrt(tt.variance/draws)+1e-12, tt.name)
		require.InDelta(t, tt.variance, squares/draws-m*m, 0.05*tt.variance+1e-9, tt.name)
	}
}

// The masses of a binomial on both sides of the switch of methods.
func TestBinomialMasses(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	const draws, n = 100000, 60
	for _, p := range []float64{0.16, 0.18} { // means 9.6 and 10.8
		var seen [n + 1]float64
		for range draws {
			seen[int(binomial(r, n, p))]++
		}
		chi, cells := 0.0, 0
		for k := range seen {
			mass := math.Exp(logFactorial(n) - logFactorial(float64(k)) - logFactorial(float64(n-k)) + float64(k)*math.Log(p) + float64(n-k)*math.Log(1-p))
			if want := draws * mass; want >= 5 {
				chi += (seen[k] - want) * (seen[k] - want) / want
				cells++
			}
		}
		require.Less(t, chi, float64(cells)+4.5*math.Sqrt(2*float64(cells)), p)
	}
}

// Lasting noise remembers, and the mean stays.
func TestStreamNoise(t *testing.T) {
	tr := traffic{perMinute: 2e6, share: 0.5, rate: 0.1, ratio: 2, noise: 0.2, memory: 0.9}
	s := tr.stream(rand.New(rand.NewPCG(3, 3)))
	var logs []float64
	mc, mb := 0.0, 0.0
	for range 20000 {
		w := s.next()
		mc, mb = mc+w.xc/w.nc/20000, mb+w.xb/w.nb/20000
		logs = append(logs, math.Log(w.xb/w.nb))
	}
	require.InDelta(t, 0.2, mc, 0.005)
	require.InDelta(t, 0.1, mb, 0.003)
	m, self, next := mean(logs), 0.0, 0.0
	for i := 1; i < len(logs); i++ {
		self += (logs[i] - m) * (logs[i] - m)
		next += (logs[i] - m) * (logs[i-1] - m)
	}
	require.InDelta(t, 0.9, next/self, 0.03)
	require.InDelta(t, 0.2, math.Sqrt(self/float64(len(logs))), 0.02)
}

func TestBuckets(t *testing.T) {
	tr, r := slow{perSecond: 1e5, share: 0.5, window: 10, whole: 1, tail: 1}, rand.New(rand.NewPCG(4, 4))
	base, whole, tail := tr.buckets(r, 0.5, 1, 1), tr.buckets(r, 0.5, 1.25, 1), tr.buckets(r, 0.5, 1, 1.25)
	p99 := medianLatency * math.Exp(latencyDeviation*2.3263)
	require.InEpsilon(t, medianLatency, bucketQuantile(base, 0.5), 0.03)
	require.InEpsilon(t, p99, bucketQuantile(base, 0.99), 0.05)
	require.InEpsilon(t, 1.25*p99, bucketQuantile(whole, 0.99), 0.05)
	require.InEpsilon(t, 1.25*p99, bucketQuantile(tail, 0.99), 0.05)
	require.InEpsilon(t, medianLatency, bucketQuantile(tail, 0.5), 0.03)
}

func TestGather(t *testing.T) {
	g, full := gather{every: 1}, 0
	for i := range 12 {
		whole, ok := g.add(sample{start: float64(i) * tenSeconds, end: float64(i+1) * tenSeconds, nc: 10, xc: 1, nb: 20, xb: 2, ne: 3, xe: 4})
		if ok {
			full++
			require.Equal(t, []float64{60, 6, 120, 12, 18, 24}, []float64{whole.nc, whole.xc, whole.nb, whole.xb, whole.ne, whole.xe})
		}
	}
	require.Equal(t, 2, full)
}

func TestQuantiles(t *testing.T) {
	require.Equal(t, 2.0, median([]float64{3, 1, 2, never}))
	require.Equal(t, never, quantile([]float64{1, never}, 0.9))
	require.True(t, math.IsNaN(median(nil)))
	require.Equal(t, 0.5, found([]float64{1, never}))
	require.InDelta(t, 0.3, largestDrop([]float64{0.1, 0.5, 0.4, 0.2, 0.9}), 1e-12)
}

func TestTable(t *testing.T) {
	figures := []Figure{
		{Row: "1", Name: "met", Value: 0.0123, Limit: 0.05, Runs: 7, Peers: "Argo 1"},
		{Row: "2", Name: "missed", Value: never, Limit: 5},
		{Row: "3", Name: "absent", State: NotBuilt},
		{Row: "4", Name: "told", State: Informs, Value: 1234.5},
	}
	require.Equal(t, []bool{true, false, true, true}, []bool{figures[0].Met(), figures[1].Met(), figures[2].Met(), figures[3].Met()})
	text := Markdown(figures)
	require.Contains(t, text, "| 1 | met | ≤ 0.05 | 0.0123 | yes | Argo 1 |")
	require.Contains(t, text, "| 2 | missed | ≤ 5 | never | **no** |")
	require.Contains(t, text, "| 3 | absent | — | — | not built |")
	require.Contains(t, text, "| 4 | told | — | 1234 | — |")
	var out bytes.Buffer
	require.NoError(t, Print(&out, figures))
	require.Contains(t, out.String(), "missed")

	page, err := Insert("a\n"+begin+"\nold\n"+end+"\nb\n", "new\n")
	require.NoError(t, err)
	require.Equal(t, "a\n"+begin+"\n\nnew\n\n"+end+"\nb\n", page)
	_, err = Insert("no marks", "new")
	require.Error(t, err)
}

// A vector that is off, or no number, is missed and named.
func TestVectors(t *testing.T) {
	f := count("some", []vector{closed("a", 1, 1+1e-10), closed("b", 1, 1+1e-8), closed("zero", 0, 0), given("c", 2.5, 2.54, 1), given("d", 2.5, 2.56, 1), given("e", 1e3, 1e3+9e-4, 9), closed("f", 1, math.NaN())})
	require.InDelta(t, 3, f.Value, 0)
	require.Contains(t, f.Note, "4 of 7 met: 4 closed forms to 1e-9, 1 to 1e-6, 2 to the digits")
	require.Contains(t, f.Note, "missed: b: 1.00000001, not 1, d: 2.56, not 2.5, f: NaN, not 1")
}

// The page has a place for the figures, and each row of a bound is in it.
func TestPage(t *testing.T) {
	page, err := os.ReadFile(filepath.Join("..", "..", "docs", "judges.md"))
	require.NoError(t, err)
	_, err = Insert(string(page), "")
	require.NoError(t, err)
	for _, number := range RowNumbers() {
		require.Contains(t, string(page), fmt.Sprintf("\n| %s |", number), "run make judgesim")
	}
}

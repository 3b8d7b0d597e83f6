package analysis_test

import (
	"encoding/binary"
	"encoding/json"
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/analysis"
)

// fuzzed reads a fuzzer's bytes as numbers that windows may hold, and some
// that they may not.
type fuzzed []byte

func (n *fuzzed) next() float64 {
	if len(*n) < 3 {
		*n = nil
		return 0
	}
	kind, x := (*n)[0], float64(binary.LittleEndian.Uint16((*n)[1:]))
	*n = (*n)[3:]
	switch kind % 8 {
	case 0:
		return x * 1e12
	case 1:
		return -x
	case 2:
		return x / 1e6
	case 3:
		return []float64{math.NaN(), math.Inf(1), math.Inf(-1), 1 << 53, math.MaxFloat64, math.SmallestNonzeroFloat64}[int(x)%6]
	default:
		return x
	}
}

func (n *fuzzed) side(values bool) *analysis.Counts {
	c := &analysis.Counts{Requests: n.next(), Failures: n.next()}
	switch {
	case values:
		v := n.next()
		c = &analysis.Counts{Value: &v}
	case len(*n) > 0 && (*n)[0]%4 == 0:
		return nil
	case len(*n) > 0 && (*n)[0]%4 == 1:
		c.Buckets = map[string]float64{"0.1": n.next(), "0.3": n.next(), "1": n.next(), "+Inf": n.next()}
	}
	return c
}

// Every judge is fuzzed by itself: `make fuzz` gives each ten minutes.
func FuzzRateRatio(f *testing.F)       { fuzzJudge(f, `{"rateRatio":{}}`) }
func FuzzTailLadder(f *testing.F)      { fuzzJudge(f, `{"tailLadder":{}}`) }
func FuzzSLORate(f *testing.F)         { fuzzJudge(f, `{"sloRate":{"objective":"99%"}}`) }
func FuzzBurnRate(f *testing.F)        { fuzzJudge(f, `{"burnRate":{"objective":"99%"}}`) }
func FuzzThreshold(f *testing.F)       { fuzzJudge(f, `{"threshold":{"success":"result < 0.5"}}`) }
func FuzzPoints(f *testing.F)          { fuzzJudge(f, `{"points":{}}`) }
func FuzzMeanCS(f *testing.F)          { fuzzJudge(f, `{"meanCs":{}}`) }
func FuzzGroupSequential(f *testing.F) { fuzzJudge(f, `{"groupSequential":{}}`) }
func FuzzMannWhitney(f *testing.F)     { fuzzJudge(f, `{"mannWhitney":{}}`) }
func FuzzRunCompare(f *testing.F)      { fuzzJudge(f, `{"runCompare":{"resamples":200}}`) }
func FuzzKayentaV1(f *testing.F)       { fuzzJudge(f, `{"kayentaV1":{}}`) }

// fuzzJudge folds whatever comes: no panic, no state that cannot be read back,
// and no Pass without evidence.
func fuzzJudge(f *testing.F, judge string) {
	for _, values := range []bool{false, true} {
		f.Add(values, []byte("\x05\x64\x00\x05\x01\x00\x05\x64\x00\x05\x02\x00\x05\x64\x00\x05\x01\x00"))
	}
	f.Fuzz(func(t *testing.T, values bool, data []byte) {
		config, err := analysis.ParseConfig([]byte(`{"name":"c","judge":` + judge + `}`))
		require.NoError(t, err)
		j, err := analysis.New(config)
		require.NoError(t, err)
		require.NotEqual(t, analysis.Pass, j.Final("noHarm").Verdict, "nothing was folded")
		n, start := fuzzed(data), 0.0
		for folds := 0; len(n) > 0 && folds < 200; folds++ {
			length := 10.0
			if folds%17 == 16 {
				length = n.next()
			}
			_ = j.Fold(analysis.Window{Check: "c", Start: start, End: start + length, Baseline: n.side(values), Candidate: n.side(values)})
			if length > 0 && length < 1e9 {
				start += length
			}
			if folds == 50 {
				j.BeginStep()
			}
		}
		for _, e := range []analysis.Evidence{j.Verdict(), j.Final("noHarm"), j.Final("nonInferior")} {
			require.NotEmpty(t, e.Verdict)
			_, err := json.Marshal(e)
			require.NoError(t, err, "%+v", e)
		}
		state, err := j.MarshalBinary()
		require.NoError(t, err)
		again, err := analysis.New(config)
		require.NoError(t, err)
		require.NoError(t, again.UnmarshalBinary(state))
		require.Equal(t, j.Verdict().Verdict, again.Verdict().Verdict)
	})
}

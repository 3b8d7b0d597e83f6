package chart_test

import (
	"encoding/xml"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/report/chart"
)

func TestValue(t *testing.T) {
	tests := []struct {
		x    float64
		unit string
		want string
	}{
		{2.1, chart.Seconds, "2.1 s"},
		{2.096, chart.Seconds, "2.1 s"},
		{0.87, chart.Seconds, "870 ms"},
		{0.9999, chart.Seconds, "1 s"},
		{0.00042, chart.Seconds, "0.42 ms"},
		{0, chart.Seconds, "0 s"},
		{59.94, chart.Seconds, "59.9 s"},
		{59.96, chart.Seconds, "1 min"},
		{200, chart.Seconds, "3 min 20 s"},
		{3600, chart.Seconds, "1 h"},
		{7500, chart.Seconds, "2 h 5 min"},
		{9 * 24 * 3600, chart.Seconds, "9 d"},
		{-200, chart.Seconds, "-3 min 20 s"},
		{0.003, chart.Ratio, "0.3 %"},
		{0.00084523, chart.Ratio, "0.085 %"},
		{0.1234, chart.Ratio, "12.3 %"},
		{1, chart.Ratio, "100 %"},
		{84000, chart.PerTime, "84,000/s"},
		{1234567, "requests", "1,234,567 requests"},
		{1, "replicas", "1 replica"},
		{-1234, "", "-1,234"},
		{245, chart.Clock, "4:05"},
		{3725, chart.Clock, "1:02:05"},
		{-5, chart.Clock, "-0:05"},
		{1e15, "", "1e+15"},
		{1e-9, "", "1e-09"},
		{math.NaN(), chart.Seconds, "–"},
		{math.Inf(1), chart.Ratio, "–"},
	}
	for _, tt := range tests {
		require.Equal(t, tt.want, chart.Value(tt.x, tt.unit), "%g %s", tt.x, tt.unit)
	}
}

func TestTicks(t *testing.T) {
	tests := []struct {
		low, high float64
		most      int
		unit      string
		want      []float64
	}{
		{0, 1, 5, "", []float64{0, 0.2, 0.4, 0.6, 0.8, 1}},
		{0, 1.04, 4, chart.Seconds, []float64{0, 0.5, 1}},
		{0, 420, 5, chart.Clock, []float64{0, 120, 240, 360}},
		{0, 45, 5, chart.Clock, []float64{0, 10, 20, 30, 40}},
		{0, 2, 10, chart.Count, []float64{0, 1, 2}},
		{-0.1, 0.3, 4, chart.Ratio, []float64{-0.1, 0, 0.1, 0.2, 0.3}},
		{1, 1, 4, "", nil},
		{0, math.Inf(1), 4, "", nil},
		{math.NaN(), 1, 4, "", nil},
	}
	for _, tt := range tests {
		require.InDeltaSlice(t, tt.want, chart.Ticks(tt.low, tt.high, tt.most, tt.unit), 1e-9, "%+v", tt)
	}
}

func TestTicksAreFewRisingAndWithin(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		low := rapid.Float64Range(-1e6, 1e6).Draw(t, "low")
		high := low + rapid.Float64Range(1e-3, 1e6).Draw(t, "length")
		most := rapid.IntRange(1, 12).Draw(t, "most")
		ticks := chart.Ticks(low, high, most, rapid.SampledFrom([]string{"", chart.Clock, chart.Seconds, chart.Count}).Draw(t, "unit"))
		require.LessOrEqual(t, len(ticks), most+1)
		for i, tick := range ticks {
			require.True(t, tick >= low-1e-6*(high-low) && tick <= high+1e-6*(high-low), "%g of %g to %g", tick, low, high)
			require.True(t, i == 0 || tick > ticks[i-1])
		}
	})
}

func TestSpark(t *testing.T) {
	require.Equal(t, "▁▅█", chart.Spark([]float64{0, 1, 2}, 10))
	require.Equal(t, "█▁", chart.Spark([]float64{9, 0, 0, 0}, 2), "a peak is not averaged away")
	require.Equal(t, "▁ ▁", chart.Spark([]float64{0, math.NaN(), -3}, 3))
	require.Equal(t, "", chart.Spark(nil, 10))
}

func TestStrip(t *testing.T) {
	lane := chart.Lane{Spans: []chart.Span{{From: 0, To: 4, Kind: chart.Detect}, {From: 4, To: 10, Kind: chart.Health}}, Dots: []chart.Mark{{X: 9, Kind: chart.Dot}}}
	require.Equal(t, "░░░░█████•", chart.Strip(lane, chart.Axis{High: 10}, 10))
	require.Equal(t, "   •", chart.Strip(chart.Lane{Dots: lane.Dots}, chart.Axis{High: math.NaN()}, 4), "an axis that is none")
}

// parsed fails unless the picture is well-formed, and returns its paths.
func parsed(t require.TestingT, svg string) (paths []string) {
	decoder := xml.NewDecoder(strings.NewReader(svg))
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return paths
		}
		require.NoError(t, err, svg)
		if start, ok := token.(xml.StartElement); ok {
			require.Contains(t, []string{"svg", "g", "rect", "line", "path", "text", "title"}, start.Name.Local)
			for _, a := range start.Attr {
				if a.Name.Local == "d" {
					paths = append(paths, a.Value)
				}
			}
		}
	}
}

func TestPeaksSurviveThinning(t *testing.T) {
	line := chart.Line{Name: "p99"}
	for i := range 100_000 {
		line.X, line.Y = append(line.X, float64(i)), append(line.Y, 0.1)
	}
	line.Y[54_321] = 2
	for _, gap := range []int{54_320, 20_000, 70_123} { // before the peak, and first and amid others of its pixel
		line.Y[gap] = math.NaN()
	}
	for i := 80_000; i < 81_000; i++ {
		line.Y[i] = math.NaN()
	}
	figure := chart.Figure{X: chart.Axis{High: 100_000}, Panels: []chart.Panel{{Unit: chart.Seconds, Lines: []chart.Line{line}}}}
	svg := figure.SVG(chart.Narrow)
	require.Less(t, len(svg), 30_000)
	require.Contains(t, svg, " 10L", "the peak is at the top of the panel")
	require.Contains(t, svg, "2.0 s")
}

// TestEveryFigureIsAPicture: whatever comes, NaN, empty and hostile, the picture
// is well-formed, has no NaN in it, and stays within its frame.
func TestEveryFigureIsAPicture(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(-10, 1000), rapid.SampledFrom([]float64{0, math.NaN(), math.Inf(1), math.Inf(-1), 1e300, -1e300}))
	text := rapid.OneOf(rapid.SampledFrom([]string{"", `<script>alert(1)</script>`, `" onload="x`, "p99 & more"}), rapid.StringMatching(`[ -~äöü]{0,60}`))
	kind := rapid.SampledFrom([]chart.Kind{chart.Fault, chart.Breach, chart.Decision, chart.Dot, chart.Outside})
	unit := rapid.SampledFrom([]string{"", chart.Seconds, chart.Ratio, chart.Count, chart.Clock})
	rapid.Check(t, func(t *rapid.T) {
		x, end := number.Draw(t, "x"), number.Draw(t, "end")
		values := rapid.SliceOfN(number, 0, 30).Draw(t, "values")
		times := make([]float64, len(values))
		for i := range times {
			times[i] = float64(i)
		}
		mark := chart.Mark{X: x, Kind: kind.Draw(t, "kind"), Text: text.Draw(t, "text"), Label: text.Draw(t, "label")}
		span := chart.Span{From: x, To: end, Kind: chart.Fault, Text: text.Draw(t, "span")}
		figure := chart.Figure{Title: text.Draw(t, "title"), X: chart.Axis{Unit: unit.Draw(t, "axis"), Low: number.Draw(t, "low"), High: number.Draw(t, "high"), Label: text.Draw(t, "axis label")},
			Shades: []chart.Span{span}, Marks: []chart.Mark{mark}, Panels: []chart.Panel{
				{Title: text.Draw(t, "panel"), Unit: unit.Draw(t, "unit"), High: number.Draw(t, "panel high"),
					Lines: []chart.Line{{Name: text.Draw(t, "line"), X: times, Y: values, Step: rapid.Bool().Draw(t, "step"), Fill: rapid.Bool().Draw(t, "fill")}},
					Bands: []chart.Band{{From: x, To: end, Low: &chart.Edge{First: x, Last: end}, High: &chart.Edge{First: end, Last: x}}}, Dots: []chart.Point{{X: x, Y: end, Kind: chart.Outside}}},
				{Lanes: []chart.Lane{{Label: text.Draw(t, "lane"), Value: text.Draw(t, "value"), Spans: []chart.Span{span}, Dots: []chart.Mark{mark}}}},
			}}
		for _, size := range []chart.Size{chart.Wide, chart.Narrow} {
			svg := figure.SVG(size)
			for _, d := range parsed(t, svg) {
				require.NotContains(t, d, "NaN", fmt.Sprintf("%+v", figure))
				require.NotContains(t, d, "Inf")
			}
			require.NotContains(t, svg, `="NaN`)
			require.NotContains(t, svg, `Inf"`)
		}
		figure.Legend()
	})
}

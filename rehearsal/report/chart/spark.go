package chart

import (
	"math"
	"strings"
)

// bars are the eight heights of a sparkline.
var bars = []rune("▁▂▃▄▅▆▇█")

// Spark draws values in one line of text, at most width characters: each is the
// largest of its stretch, on a scale from 0 to the largest of all. A stretch
// without a finite value is a space; negative values are drawn as 0.
func Spark(values []float64, width int) string {
	width = min(width, len(values))
	highest := math.Inf(-1)
	peaks := make([]float64, max(width, 0))
	for i := range peaks {
		peaks[i] = math.Inf(-1)
		for _, v := range values[i*len(values)/width : (i+1)*len(values)/width] {
			if finite(v) {
				peaks[i] = math.Max(peaks[i], v)
			}
		}
		highest = math.Max(highest, peaks[i])
	}
	line := make([]rune, len(peaks))
	for i, peak := range peaks {
		switch {
		case !finite(peak):
			line[i] = ' '
		case highest <= 0:
			line[i] = bars[0]
		default:
			line[i] = bars[int(math.Round(math.Max(peak, 0)/highest*float64(len(bars)-1)))]
		}
	}
	return string(line)
}

// Strip draws a lane in one line of text of the width: spans as blocks, each
// kind a shade, dots as points.
func Strip(lane Lane, axis Axis, width int) string {
	axis = axis.drawable()
	line := []rune(strings.Repeat(" ", width))
	place := func(x float64) int {
		return min(max(int((x-axis.Low)/(axis.High-axis.Low)*float64(width)), 0), width-1)
	}
	shades := map[Kind]rune{Detect: '░', Decide: '▒', Traffic: '▓'}
	for _, s := range lane.Spans {
		if !finite(s.From) || !finite(s.To) || s.To <= s.From {
			continue
		}
		shade, known := shades[s.Kind]
		if !known {
			shade = '█'
		}
		for i := place(s.From); i <= place(s.To); i++ {
			line[i] = shade
		}
	}
	for _, dot := range lane.Dots {
		if finite(dot.X) {
			line[place(dot.X)] = '•'
		}
	}
	return string(line)
}

package report

import (
	"fmt"
	"math"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// expect draws the expected signal profile of what a panel shows, and marks
// where it was left: of each stretch outside the value that is farthest out.
func expect(run evidence.Run, p *chart.Panel, series []evidence.Series) {
	end := clockAxis(run).High
	drawn := map[string]bool{}
	for _, s := range series {
		for _, c := range run.Criteria {
			if c.Signal != s.Name || len(c.Band) == 0 {
				continue
			}
			bands := bandsOf(c.Band, end)
			if !drawn[c.Name] {
				p.Bands, drawn[c.Name] = append(p.Bands, bands...), true
			}
			p.Dots = append(p.Dots, excursions(s, bands)...)
		}
	}
}

// bandsOf are the stretches of a band that say something: each point holds
// until the next, the last one until the end.
func bandsOf(points []evidence.BandPoint, end float64) []chart.Band {
	var out []chart.Band
	for i, p := range points {
		until := math.Max(end, p.Second)
		if i+1 < len(points) {
			until = points[i+1].Second
		}
		if p.Low != nil || p.High != nil {
			out = append(out, chart.Band{From: p.Second, To: until, Low: p.Low, High: p.High})
		}
	}
	return out
}

func excursions(s evidence.Series, bands []chart.Band) []chart.Point {
	var out []chart.Point
	worst := 0.0 // of the stretch that is open; 0: none is
	for i, x := range s.Seconds[:min(len(s.Seconds), len(s.Values))] {
		far, limit := outside(s.Values[i], x, bands)
		if far <= 0 {
			worst = 0
			continue
		}
		point := chart.Point{X: x, Y: s.Values[i], Kind: chart.Outside, Text: fmt.Sprintf("%s: %s at %s, expected %s",
			label(s), chart.Value(s.Values[i], s.Unit), chart.Value(x, chart.Clock), chart.Value(limit, s.Unit))}
		switch {
		case worst == 0:
			out, worst = append(out, point), far
		case far > worst:
			out[len(out)-1], worst = point, far
		}
	}
	return out
}

// outside is how far a value is out of the bands at its time, and out of which
// end. Values that are no numbers are not compared.
func outside(y, x float64, bands []chart.Band) (far, limit float64) {
	for _, b := range bands {
		if x < b.From || x >= b.To || !finite(y) {
			continue
		}
		if b.High != nil && y-*b.High > far {
			far, limit = y-*b.High, *b.High
		}
		if b.Low != nil && *b.Low-y > far {
			far, limit = *b.Low-y, *b.Low
		}
	}
	return far, limit
}

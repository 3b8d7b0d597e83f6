package report

import (
	"fmt"
	"slices"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// expect draws the expected signal profile of what a panel shows, and marks
// where it was left: of each stretch outside the value that is farthest out.
func expect(run evidence.Run, p *chart.Panel, series []evidence.Series) {
	drawn := map[string]bool{}
	for _, s := range series {
		for _, c := range run.Criteria {
			if len(c.Band) == 0 || !judges(c, s, series) {
				continue
			}
			bands := bandsOf(c.Band)
			if !drawn[c.Name] {
				p.Bands, drawn[c.Name] = append(p.Bands, bands...), true
			}
			p.Dots = append(p.Dots, excursions(s, bands)...)
		}
	}
}

// judges reports whether a criterion is about a series: about that of its load
// or, of no load, about that of all of them, where there is one.
func judges(c evidence.Criterion, s evidence.Series, series []evidence.Series) bool {
	if c.Signal != s.Name || c.Of != "" {
		return c.Signal == s.Name && c.Of == s.Of
	}
	return s.Of == "" || !slices.ContainsFunc(series, func(other evidence.Series) bool { return other.Name == s.Name && other.Of == "" })
}

// bandsOf are the stretches of a band that say something. It goes straight from
// point to point, and an end that is open at either is open between them; before
// the first point and after the last there is none.
func bandsOf(points []evidence.BandPoint) []chart.Band {
	var out []chart.Band
	for i := 0; i+1 < len(points); i++ {
		p, next := points[i], points[i+1]
		b := chart.Band{From: p.Second, To: next.Second, Low: edge(p.Low, next.Low), High: edge(p.High, next.High)}
		if b.Low != nil || b.High != nil {
			out = append(out, b)
		}
	}
	return out
}

func edge(first, last *float64) *chart.Edge {
	if first == nil || last == nil {
		return nil
	}
	return &chart.Edge{First: *first, Last: *last}
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
		if x < b.From || x > b.To || !finite(y) {
			continue
		}
		if b.High != nil && y-b.At(*b.High, x) > far {
			limit = b.At(*b.High, x)
			far = y - limit
		}
		if b.Low != nil && b.At(*b.Low, x)-y > far {
			limit = b.At(*b.Low, x)
			far = limit - y
		}
	}
	return far, limit
}

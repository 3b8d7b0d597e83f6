package chart

import (
	"math"
	"slices"
	"strings"
)

// scale is the vertical axis of one panel.
type scale struct {
	low, high   float64 // values
	top, bottom float64 // pixels
}

func (s scale) y(value float64) float64 {
	share := (value - s.low) / (s.high - s.low)
	return s.bottom - min(max(share, 0), 1)*(s.bottom-s.top)
}

func (d *drawing) panel(p Panel, top float64) {
	d.over.text("heading", "start", spot{2, top + d.size.Font + 2}, p.Title)
	if len(p.Lanes) > 0 {
		for i, lane := range p.Lanes {
			d.lane(lane, top+max(p.titleHeight()-6, 0)+d.lanes()*float64(i))
		}
		return
	}
	s := scale{top: top + p.titleHeight(), bottom: top + p.titleHeight() + plotHeight - 10}
	s.low, s.high = p.extent()
	ticks := Ticks(s.low, s.high, 4, p.Unit)
	if last := len(ticks) - 1; last > 0 && ticks[last] < s.high { // one more, so that the line ends below a tick
		s.high = 2*ticks[last] - ticks[last-1]
		ticks = append(ticks, s.high)
	}
	for i, label := range labels(ticks, p.Unit) {
		d.line("grid", spot{d.left, s.y(ticks[i])}, spot{d.right, s.y(ticks[i])})
		d.text("tick", "end", spot{d.left - 6, s.y(ticks[i]) + d.size.Font/3}, label)
	}
	d.bands(p.Bands, s)
	for _, l := range p.Lines {
		d.curve(l, s)
	}
	for _, dot := range p.Dots {
		if finite(dot.X) && finite(dot.Y) {
			d.dot(dot.Kind, dot.Text, d.x(dot.X), s.y(dot.Y))
		}
	}
}

func (d *drawing) lane(lane Lane, top float64) {
	top += d.lanes() - laneHeight
	middle := top + laneHeight/2
	if d.above {
		d.over.text("label", "start", spot{2, top}, d.fitting(lane.Label))
	} else {
		d.text("tick", "end", spot{d.left - 6, middle + d.size.Font/3}, lane.Label)
	}
	d.line("grid", spot{d.left, middle}, spot{d.right, middle})
	for _, s := range lane.Spans {
		if finite(s.From) && finite(s.To) && s.To >= s.From {
			d.rect("span k-"+string(s.Kind), s.Text, spot{d.x(s.From), top + 4}, spot{max(d.x(s.To)-d.x(s.From), 1), laneHeight - 8})
		}
	}
	for i, dot := range lane.Dots {
		if finite(dot.X) {
			apart := 0.0
			if dot.Kind == Dot { // those of one place do not hide each other
				apart = float64((i*3)%5-2) * 2.2
			}
			d.dot(dot.Kind, dot.Text, d.x(dot.X), middle+apart)
		}
	}
	d.text("tick", "start", spot{d.right + 5, middle + d.size.Font/3}, lane.Value)
}

// dot draws the shape of a kind: shapes differ, too, and not the colour alone.
func (d *drawing) dot(kind Kind, title string, x, y float64) {
	at := n(x) + " " + n(y)
	shape := "M" + at + "m-4.5 0a4.5 4.5 0 1 0 9 0a4.5 4.5 0 1 0 -9 0z"
	switch kind {
	case Breach:
		shape = "M" + at + "m-5 -4.5h10l-5 9z"
	case Healthy:
		shape = "M" + at + "m-4.5 -4.5h9v9h-9z"
	case Decision:
		shape = "M" + at + "m0 -5.5l5.5 5.5l-5.5 5.5l-5.5 -5.5z"
	}
	d.path("mark-shape k-"+string(kind), title, shape)
}

// bands shades where a line should be and draws the ends that are not open.
func (d *drawing) bands(bands []Band, s scale) {
	for _, b := range bands {
		if !finite(b.From) || !finite(b.To) || b.To <= b.From || !b.Low.drawable() || !b.High.drawable() {
			continue
		}
		low, high := Edge{s.low, s.low}, Edge{s.high, s.high}
		edges := ""
		point := func(x, y float64) string { return n(d.x(x)) + " " + n(s.y(y)) }
		if b.Low != nil {
			low = *b.Low
			edges += "M" + point(b.From, low.First) + "L" + point(b.To, low.Last)
		}
		if b.High != nil {
			high = *b.High
			edges += "M" + point(b.From, high.First) + "L" + point(b.To, high.Last)
		}
		d.path("band k-expected", "", "M"+point(b.From, low.First)+"L"+point(b.To, low.Last)+
			"L"+point(b.To, high.Last)+"L"+point(b.From, high.First)+"Z")
		d.path("edge k-expected", "", edges)
	}
}

// drawable reports whether an edge is open, or has numbers.
func (e *Edge) drawable() bool { return e == nil || finite(e.First) && finite(e.Last) }

// curve draws a line, with gaps where a value is no number.
func (d *drawing) curve(l Line, s scale) {
	points := l.thinned(d.right-d.left, func(x float64) float64 { return d.x(x) })
	var path, fill strings.Builder
	for _, run := range runs(points) {
		start := n(d.x(run[0].X))
		line := start + " " + n(s.y(run[0].Y))
		for _, p := range run[1:] {
			if l.Step {
				line += "H" + n(d.x(p.X)) + "V" + n(s.y(p.Y))
			} else {
				line += "L" + n(d.x(p.X)) + " " + n(s.y(p.Y))
			}
		}
		end := n(d.x(run[len(run)-1].X))
		if len(run) == 1 {
			line += "h0.1" // a round cap makes it a dot
		}
		path.WriteString("M" + line)
		fill.WriteString("M" + start + " " + n(s.bottom) + "L" + line + "L" + end + " " + n(s.bottom) + "Z")
	}
	if l.Fill {
		d.path("area "+lineClass(l), "", fill.String())
	}
	d.path(lineClass(l), l.Name, path.String())
}

// runs are the stretches between values that are no numbers.
func runs(points []Point) [][]Point {
	var out [][]Point
	open := false
	for _, p := range points {
		switch {
		case !finite(p.X) || !finite(p.Y):
			open = false
		case open:
			out[len(out)-1] = append(out[len(out)-1], p)
		default:
			out, open = append(out, []Point{p}), true
		}
	}
	return out
}

// thinned keeps, of more points than a picture has room for, the least and the
// greatest of each pixel, so that no peak is lost.
func (l Line) thinned(pixels float64, at func(float64) float64) []Point {
	var out []Point
	count := min(len(l.X), len(l.Y))
	few := float64(count) <= 2*pixels
	for from := 0; from < count; {
		to := from + 1
		for !few && to < count && math.Floor(at(l.X[to])) == math.Floor(at(l.X[from])) {
			to++
		}
		out = append(out, extremes(l, from, to)...)
		from = to
	}
	return out
}

// extremes are the least and the greatest of some points, in their order. A gap before
// or after them stays; one between them is too short to be seen.
func extremes(l Line, from, to int) []Point {
	low, high := -1, -1
	for i := from; i < to; i++ {
		if !finite(l.Y[i]) {
			continue
		}
		if low < 0 || l.Y[i] < l.Y[low] {
			low = i
		}
		if high < 0 || l.Y[i] > l.Y[high] {
			high = i
		}
	}
	kept := []int{from, low, high, to - 1}
	if low < 0 {
		kept = []int{from}
	} else {
		kept = slices.DeleteFunc(kept, func(i int) bool { return finite(l.Y[i]) && i != low && i != high })
	}
	slices.Sort(kept)
	var out []Point
	for _, i := range slices.Compact(kept) {
		out = append(out, Point{X: l.X[i], Y: l.Y[i]})
	}
	return out
}

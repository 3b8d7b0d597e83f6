package chart

import (
	"math"
	"slices"
	"strconv"
	"unicode/utf8"
)

// Size is how large a figure is drawn, in pixels.
type Size struct {
	Width  float64
	Font   float64 // height of the letters
	Gutter float64 // at most, for labels left of the panels
}

// The sizes: for desktops and paper, and for phones, where the letters are as
// large as on a desktop and there is less of everything else.
var (
	Wide   = Size{Width: 1000, Font: 13, Gutter: 270}
	Narrow = Size{Width: 350, Font: 12, Gutter: 104}
)

const (
	plotHeight  = 116.0 // of a panel of lines
	laneHeight  = 20.0
	titleHeight = 32.0
	axisHeight  = 44.0
	letter      = 0.58 // width of a letter, of its height
)

// drawing is a figure on its way to the canvas.
type drawing struct {
	canvas
	over        canvas // what lies over everything: words
	figure      Figure
	size        Size
	above       bool    // labels of lanes stand above them: beside them there is no room
	left, right float64 // of the panels
	top, bottom float64 // of all panels
}

// SVG draws the figure.
func (f Figure) SVG(size Size) string {
	f.X = f.X.drawable()
	d := &drawing{figure: f, size: size}
	d.margins()
	d.top = 6 + laneHeight*float64(len(d.labelled()))
	d.bottom = d.top
	for _, p := range f.Panels {
		d.bottom += d.height(p)
	}
	d.open("svg", "viewBox", "0 0 "+n(size.Width)+" "+n(d.bottom+axisHeight), "role", "img",
		"aria-label", f.Title+" "+f.Text, "font-size", n(size.Font))
	d.shades()
	d.axis()
	y := d.top
	for _, p := range f.Panels {
		d.panel(p, y)
		y += d.height(p)
	}
	d.marks()
	d.WriteString(d.over.String())
	d.close("svg")
	return d.String()
}

func (d *drawing) height(p Panel) float64 {
	if len(p.Lanes) > 0 {
		return p.titleHeight() + d.lanes()*float64(len(p.Lanes)) + 4
	}
	return p.titleHeight() + plotHeight
}

// lanes is the height of each.
func (d *drawing) lanes() float64 {
	if d.above {
		return laneHeight + d.size.Font + 2
	}
	return laneHeight
}

func (p Panel) titleHeight() float64 {
	if p.Title == "" {
		return 4
	}
	return titleHeight
}

// margins leave room for ticks and for the longest label and value of all lanes.
func (d *drawing) margins() {
	const tick = 7 // letters
	label, value := tick, 2
	for _, p := range d.figure.Panels {
		for _, lane := range p.Lanes {
			label = max(label, utf8.RuneCountInString(lane.Label))
			value = max(value, utf8.RuneCountInString(lane.Value))
		}
	}
	if d.left = float64(label)*letter*d.size.Font + 12; d.left > d.size.Gutter {
		d.above, d.left = true, tick*letter*d.size.Font+12
	}
	d.right = d.size.Width - max(float64(value)*letter*d.size.Font+10, 20)
}

// fitting shortens a label to what there is room for.
func (d *drawing) fitting(label string) string {
	most := int((d.size.Width - 8) / (letter * d.size.Font))
	if runes := []rune(label); len(runes) > most {
		return string(runes[:max(most-1, 1)]) + "…"
	}
	return label
}

func (d *drawing) x(value float64) float64 {
	share := (value - d.figure.X.Low) / (d.figure.X.High - d.figure.X.Low)
	return d.left + min(max(share, 0), 1)*(d.right-d.left)
}

func (d *drawing) shades() {
	for _, s := range d.figure.Shades {
		if finite(s.From) && finite(s.To) {
			d.rect("shade k-"+string(s.Kind), s.Text, spot{d.x(s.From), d.top}, spot{max(d.x(s.To)-d.x(s.From), 1), d.bottom - d.top})
		}
	}
}

// axis draws the horizontal axis and its grid.
func (d *drawing) axis() {
	a := d.figure.X
	ticks := Ticks(a.Low, a.High, max(int((d.right-d.left)/(d.size.Font*4.4)), 2), a.Unit)
	for i, label := range labels(ticks, a.Unit) {
		x := d.x(ticks[i])
		d.line("grid", spot{x, d.top}, spot{x, d.bottom})
		d.text("tick", "middle", spot{x, d.bottom + d.size.Font + 4}, label)
	}
	d.line("axis", spot{d.left, d.bottom}, spot{d.right, d.bottom})
	d.text("label", "middle", spot{(d.left + d.right) / 2, d.bottom + 2*d.size.Font + 8}, a.Label)
}

func (d *drawing) labelled() []Mark {
	return slices.DeleteFunc(slices.Clone(d.figure.Marks), func(m Mark) bool { return m.Label == "" || !finite(m.X) })
}

// marks draws the lines through all panels. Each label has a row of its own, so
// that none covers another.
func (d *drawing) marks() {
	row := 0.0
	for _, m := range d.figure.Marks {
		if !finite(m.X) {
			continue
		}
		x, top := d.x(m.X), d.top
		if m.Label != "" {
			top = 14 + laneHeight*row
			row++
			anchor, at := "start", x+5
			if x > (d.left+d.right)/2 {
				anchor, at = "end", x-5
			}
			d.over.text("label", anchor, spot{at, top + 4}, m.Label)
		}
		d.path("mark k-"+string(m.Kind), m.Text, "M"+n(x)+" "+n(top)+"V"+n(d.bottom))
	}
}

func lineClass(l Line) string {
	class := "line c" + strconv.Itoa(l.Color%6)
	if l.Thin {
		class += " thin"
	}
	return class
}

// most of what a panel shows: its lines, bands and dots.
func (p Panel) extent() (low, high float64) {
	see := func(y float64) {
		if finite(y) {
			low, high = math.Min(low, y), math.Max(high, y)
		}
	}
	see(p.High)
	for _, l := range p.Lines {
		for _, y := range l.Y {
			see(y)
		}
	}
	for _, b := range p.Bands {
		for _, edge := range []*Edge{b.Low, b.High} {
			if edge != nil {
				see(edge.First)
				see(edge.Last)
			}
		}
	}
	for _, dot := range p.Dots {
		see(dot.Y)
	}
	if high <= low {
		high = low + 1
	}
	return low, high
}

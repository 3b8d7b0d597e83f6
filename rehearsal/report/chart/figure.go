// Package chart draws the figures of a report as SVG, without a script: panels
// one above the other over one axis. Read [Figure.SVG] first. Colours are the
// style sheet's, by class; everything else is in the picture. Values that are
// NaN or infinite are gaps.
package chart

// Kind is what a mark means; its colour and shape follow from it.
type Kind string

// The kinds. Those from Detect to Health are the parts of a way back.
const (
	Load     Kind = "load"
	Fault    Kind = "fault"
	Drill    Kind = "drill"
	Rollout  Kind = "rollout"
	Probe    Kind = "probe" // its answers were bad
	Breach   Kind = "breach"
	Decision Kind = "decision"
	Restored Kind = "restored"
	Healthy  Kind = "healthy"
	Outside  Kind = "outside" // a value that is out of its band
	Expected Kind = "expected"
	Limit    Kind = "limit"
	Figures  Kind = "figures" // median, largest…
	Dot      Kind = "dot"
	Bar      Kind = "bar" // a quantity; legends do not name it
	Interval Kind = "interval"
	Shift    Kind = "shift" // the middle of an interval
	Detect   Kind = "detect"
	Decide   Kind = "decide"
	Traffic  Kind = "traffic"
	Health   Kind = "health"
)

// Figure is panels over one axis.
type Figure struct {
	Title  string // a sentence
	Text   string // what is to be seen, in another: for those who cannot see it
	X      Axis
	Panels []Panel
	Shades []Span // behind every panel
	Marks  []Mark // lines through every panel
}

// Axis is the horizontal one.
type Axis struct {
	Label string
	Unit  string
	Low   float64
	High  float64 // above Low
}

// drawable is the axis itself or, where it is none, one from 0 to 1.
func (a Axis) drawable() Axis {
	if !finite(a.Low) || !finite(a.High) || a.High <= a.Low {
		a.Low, a.High = 0, 1
	}
	return a
}

// Panel is lines over a vertical axis, or lanes. Without a title it takes less
// room.
type Panel struct {
	Title string
	Unit  string
	High  float64 // the axis goes at least up to it
	Lines []Line
	Bands []Band
	Dots  []Point
	Lanes []Lane
}

// Line is one series. X rises; Y is as long.
type Line struct {
	Name  string
	Key   string // in the legend; "": Name. Lines that look alike may share it
	X, Y  []float64
	Color int  // from 0: the same number is the same colour in all panels
	Thin  bool // dashed and thinner
	Step  bool // each value holds until the next
	Fill  bool // down to the axis
}

// Band is where a line should be, from one moment to another; a nil end is open.
type Band struct {
	From, To  float64
	Low, High *Edge
}

// Edge is an end of a band: it goes straight from its first value to its last.
type Edge struct{ First, Last float64 }

// At is the edge's value at a moment of the band.
func (b Band) At(e Edge, x float64) float64 {
	if b.To <= b.From {
		return e.First
	}
	return e.First + (e.Last-e.First)*(x-b.From)/(b.To-b.From)
}

// Point is one value that is marked.
type Point struct {
	X, Y float64
	Kind Kind
	Text string
}

// Lane is a row of spans and dots, with its label before and its value after it.
type Lane struct {
	Label string
	Value string
	Spans []Span
	Dots  []Mark
}

// Span is a stretch of the axis. Text is shown by a pointer that rests on it.
type Span struct {
	From, To float64
	Kind     Kind
	Text     string
}

// Mark is one place on the axis. A Label gets a line of its own above the
// panels.
type Mark struct {
	X     float64
	Kind  Kind
	Text  string
	Label string
}

// Entry explains one colour or shape.
type Entry struct {
	Class string // of the style sheet
	Name  string
	Shape string // "line", "span" or "mark"
}

// names of the kinds in a legend.
var names = map[Kind]string{
	Load: "load", Fault: "fault", Drill: "drill", Probe: "bad answers to a probe", Rollout: "rollout", Breach: "breach", Decision: "decision", Restored: "traffic restored", Healthy: "health restored",
	Outside: "outside the expected band", Expected: "expected band", Limit: "limit", Figures: "median, p90, max", Dot: "one drill",
	Interval: "95 % interval", Shift: "change",
	Detect: "detect", Decide: "decide", Traffic: "traffic back", Health: "health back",
}

// Legend explains what the figure has, in the order of its panels.
func (f Figure) Legend() []Entry {
	var l legend
	for _, p := range f.Panels {
		for _, line := range p.Lines {
			key := line.Key
			if key == "" {
				key = line.Name
			}
			l.add(Entry{lineClass(line), key, "line"})
		}
		if len(p.Bands) > 0 {
			l.kind(Expected, "span")
		}
		for _, dot := range p.Dots {
			l.kind(dot.Kind, "mark")
		}
		for _, lane := range p.Lanes {
			for _, span := range lane.Spans {
				l.kind(span.Kind, "span")
			}
			for _, dot := range lane.Dots {
				l.kind(dot.Kind, "mark")
			}
		}
	}
	for _, mark := range f.Marks {
		if mark.Label == "" {
			l.kind(mark.Kind, "mark")
		}
	}
	return l
}

type legend []Entry

func (l *legend) kind(k Kind, shape string) {
	if names[k] != "" {
		l.add(Entry{"k-" + string(k), names[k], shape})
	}
}

func (l *legend) add(e Entry) {
	for _, had := range *l {
		if had == e {
			return
		}
	}
	*l = append(*l, e)
}

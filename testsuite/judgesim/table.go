package judgesim

import (
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"
)

// State says what a figure is good for.
type State int

// A Bound figure has to keep its bound, one that Informs has none, and one
// that is NotBuilt waits for a judge or guard that package analysis has not.
const (
	Bound State = iota
	Informs
	NotBuilt
)

// Figure is one number of judges.md §3 with its bound, and what the peers'
// methods make of the same simulated traffic.
type Figure struct {
	Row   string  // number in judges.md §3
	Name  string  // what was simulated and is counted
	State State   //
	Value float64 // +Inf: never
	Limit float64 // of a Bound figure: the value may not be more

	// Chance says that Value is a share of runs, which varies by chance.
	Chance bool

	Peers string // the same of other methods
	Note  string // what the value is made of
	Runs  int    // of each configuration
	Took  time.Duration
}

// Met reports whether the figure keeps its bound; true where it has none.
func (f Figure) Met() bool { return f.State != Bound || f.Value <= f.Limit }

func (f Figure) value() string {
	if f.State == NotBuilt {
		return "—"
	}
	return digits(f.Value)
}

func (f Figure) bound() string {
	if f.State == Bound {
		return "≤ " + digits(f.Limit)
	}
	return "—"
}

func (f Figure) met() string {
	switch {
	case f.State == NotBuilt:
		return "not built"
	case f.State == Informs:
		return "—"
	case f.Met():
		return "yes"
	default:
		return "**no**"
	}
}

// digits writes three significant digits, at most four after the point.
func digits(x float64) string {
	switch {
	case x > 1e300:
		return "never"
	case x == 0:
		return "0"
	case x >= 100:
		return fmt.Sprintf("%.0f", x)
	default:
		return strings.TrimRight(strings.TrimRight(fmt.Sprintf("%.*f", decimals(x), x), "0"), ".")
	}
}

func decimals(x float64) int {
	switch {
	case x >= 10:
		return 1
	case x >= 1:
		return 2
	case x >= 0.1:
		return 3
	default:
		return 4
	}
}

// Print writes the figures for a terminal.
func Print(to io.Writer, figures []Figure) error {
	w := tabwriter.NewWriter(to, 0, 0, 2, ' ', 0)
	fmt.Fprint(w, "row\tfigure\tbound\tvalue\tmet?\tpeers\truns\ttook\n")
	for _, f := range figures {
		fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\t%s\t%d\t%s\n", f.Row, f.Name, f.bound(), f.value(), strings.Trim(f.met(), "*"), f.Peers, f.Runs, f.Took.Round(time.Second/10))
	}
	return w.Flush()
}

// Markdown is the figures as a table for docs/judges.md.
func Markdown(figures []Figure) string {
	var b strings.Builder
	b.WriteString("| row | figure | bound | value | met | peers, same traffic | made of | runs | time |\n|---|---|---|---|---|---|---|---|---|\n")
	for _, f := range figures {
		fmt.Fprintf(&b, "| %s | %s | %s | %s | %s | %s | %s | %d | %s |\n", f.Row, f.Name, f.bound(), f.value(), f.met(), f.Peers, f.Note, f.Runs, f.Took.Round(time.Second/10))
	}
	return b.String()
}

// Marks of the generated part of docs/judges.md.
const (
	begin = "<!-- judgesim: begin; generated, do not edit -->"
	end   = "<!-- judgesim: end -->"
)

// Insert replaces what stands between the marks in page.
func Insert(page, generated string) (string, error) {
	before, rest, found := strings.Cut(page, begin)
	_, after, closed := strings.Cut(rest, end)
	if !found || !closed {
		return "", fmt.Errorf("no place for the figures: needs the lines %q and %q", begin, end)
	}
	return before + begin + "\n\n" + generated + "\n" + end + after, nil
}

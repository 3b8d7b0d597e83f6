package report

import (
	"fmt"
	"io"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"bakeoff/rehearsal/report/chart"
)

// text writes the document for a terminal: aligned columns, no escapes, and no
// control character that was given.
func (d document) text(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "%s\n%s%s\n", line(d.Title), symbol(d.Tone), line(d.Verdict))
	for _, f := range d.Facts {
		fmt.Fprintf(&b, "  %-20s %s\n", line(f.Name), line(f.Text))
	}
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "\n%s\n", strings.ToUpper(line(s.Title)))
		s.text(&b)
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (s section) text(b *strings.Builder) {
	for _, text := range s.Text {
		fmt.Fprintf(b, "  %s\n", line(text))
	}
	for _, text := range s.List {
		fmt.Fprintf(b, "  - %s\n", line(text))
	}
	for _, f := range s.Figures {
		fmt.Fprintf(b, "  %s %s\n", line(f.Title), line(f.Text))
		for _, spark := range sparks(f.Figure, 40) {
			fmt.Fprintf(b, "    %s\n", spark)
		}
	}
	for _, t := range s.Tables {
		t.text(b)
	}
	if s.Source != "" {
		b.WriteString("  (the manifest is in the evidence)\n")
	}
}

func (t table) text(b *strings.Builder) {
	widths := make([]int, len(t.Columns))
	rows := [][]string{make([]string, len(t.Columns))}
	for i, c := range t.Columns {
		rows[0][i] = c.Name
	}
	for _, row := range t.Rows {
		cells := make([]string, len(row))
		for i, c := range row {
			cells[i] = symbol(c.Tone) + line(c.Text)
		}
		rows = append(rows, cells)
	}
	for _, row := range rows {
		for i, text := range row {
			widths[i] = max(widths[i], utf8.RuneCountInString(text))
		}
	}
	for _, row := range rows {
		written := " "
		for i, text := range row {
			pad := strings.Repeat(" ", widths[i]-utf8.RuneCountInString(text))
			if t.Columns[i].Number {
				text, pad = pad+text, ""
			}
			written += " " + text + pad + " "
		}
		b.WriteString(strings.TrimRight(written, " ") + "\n")
	}
	if t.Note != "" {
		fmt.Fprintf(b, "  %s\n", line(t.Note))
	}
}

// line makes one printable line of a text.
func line(text string) string {
	return strings.Map(func(r rune) rune {
		if unicode.IsControl(r) || r == '\u2028' || r == '\u2029' {
			return ' '
		}
		return r
	}, text)
}

// ends are the least and the greatest finite value; infinite of nothing.
func ends(values []float64) (low, high float64) {
	low, high = math.Inf(1), math.Inf(-1)
	for _, v := range values {
		if finite(v) {
			low, high = math.Min(low, v), math.Max(high, v)
		}
	}
	return low, high
}

// even samples a line at even places of the axis: of each the largest value; of
// steps the one that holds.
func even(l chart.Line, axis chart.Axis, width int) []float64 {
	out := make([]float64, width)
	held := math.NaN()
	for i := range out {
		out[i] = math.NaN()
		from := axis.Low + (axis.High-axis.Low)*float64(i)/float64(width)
		to := axis.Low + (axis.High-axis.Low)*float64(i+1)/float64(width)
		for j, x := range l.X[:min(len(l.X), len(l.Y))] {
			if last := i+1 == width && x == to; x < from || x >= to && !last {
				continue
			}
			held = l.Y[j] // also where it is none: a gap holds nothing
			if finite(held) {
				if !finite(out[i]) || out[i] < l.Y[j] {
					out[i] = l.Y[j]
				}
			}
		}
		if l.Step && !finite(out[i]) {
			out[i] = held
		}
	}
	return out
}

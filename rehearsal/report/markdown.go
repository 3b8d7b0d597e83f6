package report

import (
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

	"bakeoff/rehearsal/report/chart"
)

// markdown writes the document for readers of GitHub's Markdown. Text that is
// given is escaped, so that no name can become markup.
func (d document) markdown(w io.Writer) error {
	var b strings.Builder
	fmt.Fprintf(&b, "# %s\n\n**%s%s**\n", escaped(d.Title), symbol(d.Tone), escaped(d.Verdict))
	if len(d.Facts) > 0 {
		b.WriteString("\n")
	}
	for _, f := range d.Facts {
		fmt.Fprintf(&b, "- %s: %s\n", escaped(f.Name), escaped(f.Text))
	}
	for _, s := range d.Sections {
		fmt.Fprintf(&b, "\n## %s\n", escaped(s.Title))
		s.markdown(&b)
	}
	if d.Foot != "" {
		fmt.Fprintf(&b, "\n---\n\n%s\n", escaped(d.Foot))
	}
	if _, err := io.WriteString(w, b.String()); err != nil {
		return fmt.Errorf("write report: %w", err)
	}
	return nil
}

func (s section) markdown(b *strings.Builder) {
	for _, text := range s.Text {
		fmt.Fprintf(b, "\n%s\n", escaped(text))
	}
	if len(s.List) > 0 {
		b.WriteString("\n")
	}
	for _, text := range s.List {
		fmt.Fprintf(b, "- %s\n", escaped(text))
	}
	for _, f := range s.Figures {
		fmt.Fprintf(b, "\n**%s** %s\n", escaped(f.Title), escaped(f.Text))
		if lines := sparks(f.Figure, 60); len(lines) > 0 {
			fmt.Fprintf(b, "\n```text\n%s\n```\n", strings.Join(lines, "\n"))
		}
	}
	for _, t := range s.Tables {
		t.markdown(b)
	}
	if s.Source != "" {
		fence := fenceFor(s.Source)
		fmt.Fprintf(b, "\n%syaml\n%s\n%s\n", fence, strings.TrimRight(s.Source, "\n"), fence)
	}
}

func (t table) markdown(b *strings.Builder) {
	if t.Title != "" {
		fmt.Fprintf(b, "\n%s:\n", escaped(t.Title))
	}
	names, rule := "|", "|"
	for _, c := range t.Columns {
		names += " " + escaped(c.Name) + " |"
		if c.Number {
			rule += "---:|"
		} else {
			rule += "---|"
		}
	}
	fmt.Fprintf(b, "\n%s\n%s\n", names, rule)
	for _, row := range t.Rows {
		line := "|"
		for _, c := range row {
			line += " " + symbol(c.Tone) + escaped(c.Text) + " |"
		}
		b.WriteString(line + "\n")
	}
	if t.Note != "" {
		fmt.Fprintf(b, "\n%s\n", escaped(t.Note))
	}
}

// markup are the characters that mean something in Markdown, and in HTML.
var markup = strings.NewReplacer("\\", "\\\\", "|", "\\|", "*", "\\*", "_", "\\_", "`", "\\`", "[", "\\[", "]", "\\]",
	"<", "&lt;", ">", "&gt;", "&", "&amp;", "#", "\\#", "\r", " ", "\n", " ")

func escaped(text string) string { return markup.Replace(text) }

// fenceFor is longer than every run of backticks in the text.
func fenceFor(text string) string {
	fence := "```"
	for strings.Contains(text, fence) {
		fence += "`"
	}
	return fence
}

// sparks draws the lines of a figure in letters, and its lanes as bars: for
// where there are no pictures.
func sparks(f chart.Figure, width int) []string {
	var out []string
	pad := longestLabel(f)
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			low, high := ends(l.Y)
			if !finite(low) {
				continue
			}
			out = append(out, fmt.Sprintf("%-*s %s  %s to %s", pad, line(l.Name), chart.Spark(even(l, f.X, width), width),
				chart.Value(low, p.Unit), chart.Value(high, p.Unit)))
		}
		for _, lane := range p.Lanes {
			out = append(out, strings.TrimRight(fmt.Sprintf("%-*s %s  %s", pad, line(lane.Label), chart.Strip(lane, f.X, width), line(lane.Value)), " "))
		}
	}
	return out
}

func longestLabel(f chart.Figure) int {
	longest := 0
	for _, p := range f.Panels {
		for _, l := range p.Lines {
			longest = max(longest, utf8.RuneCountInString(l.Name))
		}
		for _, lane := range p.Lanes {
			longest = max(longest, utf8.RuneCountInString(lane.Label))
		}
	}
	return longest
}

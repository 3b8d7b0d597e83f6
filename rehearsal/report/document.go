package report

import "bakeoff/rehearsal/report/chart"

// document is a report before it has a form: the HTML page, the Markdown and
// the text for terminals are all made from it, so that they say the same.
type document struct {
	Title    string
	Tone     tone
	Verdict  string // one sentence
	Facts    []fact
	Sections []section
	Foot     string
}

// fact is one line of what, who and when.
type fact struct{ Name, Text string }

type section struct {
	Title   string
	Text    []string // paragraphs
	List    []string
	Figures []figure
	Tables  []table
	Source  string // written as it is
}

// figure is a chart and, for those who cannot see it, the same as a table.
type figure struct {
	chart.Figure
	Data table
}

type table struct {
	Title   string
	Columns []column
	Rows    [][]cell
	Note    string
}

// Cards reports whether a phone shows each row as a card of its own: rows with
// more than two cells do not fit.
func (t table) Cards() bool { return len(t.Columns) > 2 }

// Long reports whether a screen shows a part of the table, to scroll in.
func (t table) Long() bool { return len(t.Rows) > 40 }

type column struct {
	Name   string
	Number bool // stands at the right
}

type cell struct {
	Text string
	Tone tone
	Code bool // a digest or an id
}

// tone says how something is to be taken. It is never said by colour alone.
type tone string

const (
	good   tone = "good"
	bad    tone = "bad"
	unsure tone = "unsure"
)

func columns(names ...string) []column {
	out := make([]column, len(names))
	for i, name := range names {
		out[i] = column{Name: name}
		if last := len(name) - 1; last > 0 && name[0] == '>' {
			out[i] = column{Name: name[1:], Number: true}
		}
	}
	return out
}

// texts are cells without more to them.
func texts(texts ...string) []cell {
	out := make([]cell, len(texts))
	for i, text := range texts {
		out[i] = cell{Text: text}
	}
	return out
}

// add appends a section that has something to say.
func (d *document) add(s section) {
	if len(s.Text)+len(s.List)+len(s.Figures)+len(s.Tables)+len(s.Source) > 0 {
		d.Sections = append(d.Sections, s)
	}
}

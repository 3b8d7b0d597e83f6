package report

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// repeats is the table of every drill of one kind.
func repeats(d evidence.Drill) table {
	t := table{Title: "Each drill", Columns: columns(">Drill", "Outcome", ">Time to restore", ">Requests lost", ">Longest gap", ">p99 meanwhile", "State after", "Reason")}
	data := slices.ContainsFunc(d.Repeats, func(r evidence.Repeat) bool { return r.Data != nil })
	if data {
		t.Columns = slices.Insert(t.Columns, 6, columns("Data written meanwhile")...)
	}
	for _, r := range d.Repeats {
		took, lost, gap, p99 := chart.None, chart.None, chart.None, chart.None
		if seconds, ok := restored(r); ok {
			took = chart.Value(seconds, chart.Seconds)
		}
		if u := r.Users; u != nil {
			lost = fmt.Sprintf("%s of %s", chart.Value(float64(u.Failed), ""), chart.Value(float64(u.Requests), ""))
			gap, p99 = chart.Value(std(u.LongestGap), chart.Seconds), latency(u.Latency, u.Latency.P99)
		}
		row := []cell{{Text: fmt.Sprint(r.Number)}, {Text: string(r.Outcome), Tone: toneOf(r.Outcome)},
			{Text: took}, {Text: lost}, {Text: gap}, {Text: p99}, stateAfter(r), {Text: r.Reason}}
		if data {
			row = slices.Insert(row, 6, dataOf(r))
		}
		t.Rows = append(t.Rows, row)
	}
	return t
}

// dataOf says what became of the transactions that were written during a drill.
func dataOf(r evidence.Repeat) cell {
	switch h := r.Data; {
	case h == nil:
		return cell{Text: chart.None}
	case h.Lost+h.Doubled+h.Altered > 0:
		return cell{Text: h.String(), Tone: bad}
	case h.Unread > 0:
		return cell{Text: h.String(), Tone: unsure}
	default:
		return cell{Text: h.String(), Tone: good}
	}
}

// stateAfter says whether the drill left the service as it had found it.
func stateAfter(r evidence.Repeat) cell {
	left := append(append([]string(nil), r.Differences...), r.Residue...)
	switch {
	case len(left) > 0:
		return cell{Text: strings.Join(left, "; "), Tone: bad}
	case r.Same:
		return cell{Text: "as before", Tone: good}
	default:
		return cell{Text: "not compared", Tone: unsure}
	}
}

// upper begins a sentence.
func upper(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

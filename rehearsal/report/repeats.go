package report

import (
	"fmt"
	"math"
	"strings"
	"unicode"
	"unicode/utf8"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report/chart"
)

// repeats is the table of every drill of one kind.
func repeats(d evidence.Drill) table {
	t := table{Title: "Each drill", Columns: columns(">Drill", "Outcome", ">Time to restore", ">Requests lost", ">Longest gap", ">p99 meanwhile", "State after", "Reason")}
	for _, r := range d.Repeats {
		took, lost, gap, p99 := chart.None, chart.None, chart.None, chart.None
		if seconds, ok := restored(r); ok {
			took = chart.Value(seconds, chart.Seconds)
		}
		if u := r.Users; u != nil {
			lost = fmt.Sprintf("%s of %s", chart.Value(float64(u.Failed), ""), chart.Value(float64(u.Requests), ""))
			gap, p99 = chart.Value(std(u.LongestGap), chart.Seconds), latency(u.Latency, u.Latency.P99)
		}
		t.Rows = append(t.Rows, []cell{{Text: fmt.Sprint(r.Number)}, {Text: string(r.Outcome), Tone: toneOf(r.Outcome)},
			{Text: took}, {Text: lost}, {Text: gap}, {Text: p99}, stateAfter(r), {Text: r.Reason}})
	}
	return t
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

// earlyReversals counts the drills that went back before the candidate had the
// half of the traffic: going back early is what a rollout is for.
func earlyReversals(run evidence.Run, d evidence.Drill) string {
	early, most := earlyOnes(run, d)
	if early == 0 {
		return ""
	}
	return fmt.Sprintf("%d of %s went back early, while the candidate had at most %s of the traffic: everybody else never met it.",
		early, count(len(d.Repeats), "drill", "drills"), chart.Value(most, chart.Ratio))
}

// earlyOnes counts them; most is the largest share that any candidate had.
func earlyOnes(run evidence.Run, d evidence.Drill) (early int, most float64) {
	for _, r := range d.Repeats {
		share := reached(run, r)
		if share > 0 && share < 0.5 {
			early, most = early+1, math.Max(most, share)
		}
	}
	return early, most
}

// reached is the largest share of the traffic that the candidate had in a drill
// until it went back; 0 when nobody wrote it down.
func reached(run evidence.Run, r evidence.Repeat) float64 {
	if r.Weight > 0 {
		return r.Weight
	}
	until := r.EndedAt
	if r.DecidedAt != nil {
		until = *r.DecidedAt
	}
	most := 0.0
	for _, m := range kinds(run, evidence.MomentWeight) {
		if m.Value != nil && !m.Time.Before(r.StartedAt) && !m.Time.After(until) {
			most = math.Max(most, *m.Value)
		}
	}
	return most
}

// upper begins a sentence.
func upper(text string) string {
	first, size := utf8.DecodeRuneInString(text)
	return string(unicode.ToUpper(first)) + text[size:]
}

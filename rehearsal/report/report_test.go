package report_test

import (
	"bytes"
	"encoding/json"
	"encoding/xml"
	"errors"
	"flag"
	"html"
	"io"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/report"
	"bakeoff/rollout"
)

var update = flag.Bool("update", false, "write the golden files")

type writer func(io.Writer, evidence.Run) error

func written(t require.TestingT, write writer, run evidence.Run) string {
	var b bytes.Buffer
	require.NoError(t, write(&b, run))
	return b.String()
}

// golden holds a file in testdata against what was written.
func golden(t *testing.T, name, got string) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if *update {
		require.NoError(t, os.MkdirAll("testdata", 0o755))
		require.NoError(t, os.WriteFile(path, []byte(got), 0o644))
	}
	want, err := os.ReadFile(path)
	require.NoError(t, err, "write it with: go test ./rehearsal/report -update")
	require.Equal(t, string(want), got)
}

func TestMarkdown(t *testing.T) {
	golden(t, "rich.md", written(t, report.Markdown, rich("20261122T101500Z-4f2a", 1)))
	golden(t, "refused.md", written(t, report.Markdown, refused()))
	golden(t, "poor.md", written(t, report.Markdown, poor()))
}

func TestText(t *testing.T) {
	golden(t, "poor.txt", written(t, report.Text, poor()))
}

func TestJSONIsTheEvidence(t *testing.T) {
	run := rich("a", 1)
	var read evidence.Run
	require.NoError(t, json.Unmarshal([]byte(written(t, report.JSON, run)), &read))
	require.Equal(t, run, read)
	run.Series[0].Values[0] = math.NaN()
	require.ErrorContains(t, report.JSON(io.Discard, run), run.ID)
}

// wellFormed fails unless a page is well-formed and reaches for nothing outside
// of itself; it returns its text.
func wellFormed(t require.TestingT, page string) string {
	decoder := xml.NewDecoder(strings.NewReader(page))
	var text strings.Builder
	for {
		token, err := decoder.Token()
		if errors.Is(err, io.EOF) {
			return text.String()
		}
		require.NoError(t, err, page)
		switch token := token.(type) {
		case xml.CharData:
			text.Write(token)
		case xml.StartElement:
			require.NotContains(t, []string{"script", "link", "img", "iframe", "object", "embed", "base"}, token.Name.Local)
			for _, a := range token.Attr {
				require.NotContains(t, []string{"src", "srcset", "style", "action", "onload", "onerror", "onclick"}, a.Name.Local)
				require.True(t, a.Name.Local != "href" || strings.HasPrefix(a.Value, "#part-"), a.Value)
			}
		}
	}
}

func TestPageNeedsNothingElse(t *testing.T) {
	for _, run := range []evidence.Run{rich("a", 1), poor(), refused(), {}} {
		page := written(t, report.HTML, run)
		wellFormed(t, page)
		require.NotRegexp(t, regexp.MustCompile(`(?i)url\(|@import|https?://|javascript:`), page)
	}
}

func TestPageSaysFirstWhatMatters(t *testing.T) {
	text := wellFormed(t, written(t, report.HTML, rich("20261122T101500Z-4f2a", 1)))
	at := -1
	for _, said := range []string{"Failed, with 4 of 6 criteria passed: latency-p99 during slow-db was 1.04 s, at most 900 ms.", "10 rollback drills, 2 faults",
		"kim@example.com", "2026-11-22 10:15:00 UTC, for 7 min", "errors were at most 0.42 %", "5 stretches outside the expected band",
		"Of 10 drills the slowest took 1.8 s: with 95 % confidence at least 74 % of drills take at most that.",
		"9 of 4,245 requests", "Median of the baseline 254 ms", "up in 38 s", "status 502 × 60", "mask email, card"} {
		next := strings.Index(text[at+1:], said)
		require.GreaterOrEqual(t, next, 0, said)
		at += next + 1
	}
}

func TestPicturesHaveTextAlternatives(t *testing.T) {
	page := written(t, report.HTML, rich("a", 1))
	require.NotContains(t, page, `aria-label=""`)
	require.Equal(t, strings.Count(page, `role="img"`), strings.Count(page, `role="img" aria-label=`))
	require.Contains(t, page, "The figures of this picture")
	require.Contains(t, page, "toxiproxy db: latency 200ms</title>", "faults explain themselves")
	require.Contains(t, page, "latency p99, browse: ", "marks outside of the band explain themselves")
}

// TestTheTableBesideAPicture has the largest value of each stretch, and of it only.
func TestTheTableBesideAPicture(t *testing.T) {
	run := evidence.Run{StartedAt: began, EndedAt: after(80), Series: []evidence.Series{
		{Name: evidence.SeriesErrors, Of: "browse", Unit: "ratio", Seconds: []float64{0, 1, 2, 70}, Values: []float64{0.01, 0.03, 0.02, 0.5}}}}
	text := regexp.MustCompile(`\s+`).ReplaceAllString(wellFormed(t, written(t, report.HTML, run)), " ")
	require.Contains(t, text, "errors, browse 0:003 % 0:022 % 1:1050 % Each row is the largest value within 2 s.")
}

// TestTheShareHoldsUntilTheEnd: what was set last is drawn until the run ends.
func TestTheShareHoldsUntilTheEnd(t *testing.T) {
	run := evidence.Run{StartedAt: began, EndedAt: after(100), Timeline: []evidence.Moment{
		{Time: after(0), Kind: evidence.MomentWeight, Value: to(0.0)}, {Time: after(50), Kind: evidence.MomentWeight, Value: to(0.5)}}}
	require.Regexp(t, `M64.8 144H519.9V55.7H974.9V55.7"`, written(t, report.HTML, run))
}

// TestMarksOutOfOrder: clocks of several machines may disagree; a part is never
// negative, and the rest is as it was.
func TestMarksOutOfOrder(t *testing.T) {
	run := poor()
	run.Drills[0].Repeats[0] = evidence.Repeat{Number: 1, BreachAt: to(after(10)), SeenAt: to(after(9)), DecidedAt: to(after(11)), RestoredAt: to(after(12)), HealthyAt: to(after(14))}
	require.Contains(t, written(t, report.Text, run), "One drill took 4 s")
	page := written(t, report.HTML, run)
	require.Contains(t, page, "<title>decide 1 s</title>")
	require.NotContains(t, page, "<title>detect")
}

// hostile is what nobody should be called.
const hostile = "<script>alert(1)</script>\"'`|\n# *x* [a](javascript:b) \x1b[31m"

func TestHostileNamesStayText(t *testing.T) {
	run := rich("a", 1)
	run.Name, run.Reason, run.Service, run.StartedBy, run.Manifest = hostile, hostile, hostile, hostile, "```\n"+hostile
	run.Criteria[0].Name, run.Criteria[0].Reason = hostile, hostile
	run.Faults[0].Name, run.Faults[0].What = hostile, hostile
	run.Series[0].Of, run.Series[len(run.Series)-1].Name = hostile, hostile
	run.Timeline[0].Name, run.Timeline[0].Text = hostile, hostile
	run.Drills[0].Name, run.Drills[0].Repeats[0].Differences = hostile, []string{hostile}
	run.Residue = []string{hostile}

	page := written(t, report.HTML, run)
	require.NotContains(t, page, "<script")
	wellFormed(t, strings.ReplaceAll(page, "\x1b", "")) // no character of XML, and harmless in a page
	text := written(t, report.Text, run)
	require.NotContains(t, text, "\x1b")
	markdown := written(t, report.Markdown, run)
	before, _, fenced := strings.Cut(markdown, "````yaml")
	require.True(t, fenced, "the fence is longer than what is in it")
	require.NotContains(t, regexp.MustCompile("(?s)```text.*?```").ReplaceAllString(before, ""), "<script")
	require.NotRegexp(t, regexp.MustCompile(`(?m)^# \*x`), before, "a line break in a name begins no line")
}

// TestEveryCriterionIsInEveryForm, whatever else the evidence lacks or has wrong.
func TestEveryCriterionIsInEveryForm(t *testing.T) {
	number := rapid.OneOf(rapid.Float64Range(0, 1e6), rapid.SampledFrom([]float64{math.NaN(), math.Inf(1), 0, -1}))
	name := rapid.StringMatching(`[a-zA-Z][ -~]{0,30}[a-z]`)
	outcome := rapid.SampledFrom([]evidence.Outcome{evidence.Passed, evidence.Failed, evidence.Unmeasured, ""})
	numbers := rapid.SliceOfN(number, 0, 20)
	rapid.Check(t, func(t *rapid.T) {
		run := evidence.Run{Name: name.Draw(t, "name"), StartedAt: rapid.SampledFrom([]time.Time{{}, began}).Draw(t, "began")}
		for range rapid.IntRange(0, 5).Draw(t, "criteria") {
			value := number.Draw(t, "value")
			run.Criteria = append(run.Criteria, evidence.Criterion{Name: name.Draw(t, "criterion"), Outcome: outcome.Draw(t, "outcome"), Value: &value,
				Signal: "errors", Band: []evidence.BandPoint{{Second: number.Draw(t, "second"), High: &value}, {Second: 5, Low: &value}}})
		}
		for _, of := range []string{"", "baseline", "candidate"} {
			run.Series = append(run.Series, evidence.Series{Name: rapid.SampledFrom([]string{"errors", "replicas", "queue", "other"}).Draw(t, "series"), Of: of,
				Seconds: numbers.Draw(t, "seconds"), Values: numbers.Draw(t, "values")})
		}
		run.Timeline = []evidence.Moment{{Kind: evidence.MomentWeight, Value: to(number.Draw(t, "weight"))}, {Time: began, Kind: evidence.MomentFault}}
		run.Drills = []evidence.Drill{{Repeats: make([]evidence.Repeat, rapid.IntRange(0, 2).Draw(t, "repeats"))}}

		page := written(t, report.HTML, run)
		for _, form := range []string{html.UnescapeString(page), unescaped(written(t, report.Markdown, run)), written(t, report.Text, run)} {
			for _, c := range run.Criteria {
				require.Contains(t, form, c.Name)
			}
			require.NotContains(t, form, "NaN")
			require.NotContains(t, form, "+Inf")
		}
		wellFormed(t, page)
	})
}

func unescaped(markdown string) string {
	return regexp.MustCompile(`\\(.)`).ReplaceAllString(html.UnescapeString(markdown), "$1")
}

func TestReportsAreTheSameForTheSameEvidence(t *testing.T) {
	for _, write := range []writer{report.HTML, report.Markdown, report.Text} {
		require.Equal(t, written(t, write, rich("a", 1)), written(t, write, rich("a", 1)))
	}
}

// TestHowLongADrillTook holds the report to the judge: until the last user had met
// the candidate, and nothing of a drill that went back before its injection.
func TestHowLongADrillTook(t *testing.T) {
	run := rich("a", 1)
	run.Drills[0].Restore = nil
	slow, early := &run.Drills[0].Repeats[0], &run.Drills[0].Repeats[1]
	slow.MetUntil = to(slow.BreachAt.Add(9500 * time.Millisecond))
	*early = evidence.Repeat{Number: 2, Outcome: evidence.Failed, StartedAt: early.StartedAt, EndedAt: early.EndedAt,
		Restore: &rollout.TimeToRestore{Total: rollout.Duration(time.Minute)}}
	text := written(t, report.Markdown, run)
	require.Contains(t, text, "Of 9 drills the slowest took 9.5 s")
	require.Contains(t, text, "Of 1 more drill nobody knows how long it took")
	require.NotContains(t, text, "| 2 | Failed | 1 min")
}

// The line of a load is its p99 where latencies are, and its other signals elsewhere:
// the legend, which is one for all, says so once.
func TestLegendNamesTheQuantile(t *testing.T) {
	page := written(t, report.HTML, rich("a", 1))
	_, page, _ = strings.Cut(page, `<ul class="legend"`)
	legend, _, _ := strings.Cut(page, "</ul>") // of the first picture, the timeline
	for entry, want := range map[string]int{"browse (latency: p99)": 1, "latency p50, browse": 1, "pay (latency: p99)": 1, "latency p50, pay": 1, "browse": 0, "pay": 0} {
		require.Equal(t, want, strings.Count(legend, "</svg>"+entry+"</li>"), entry)
	}
}

// What a table says fits its page: headings and reasons wrap, also below the verdicts
// of a colour; nothing but figures stays on one line.
func TestTablesWrap(t *testing.T) {
	page := written(t, report.HTML, rich("a", 1))
	rules := regexp.MustCompile(`(?m)^([^{}\n]*)\{[^}]*white-space: nowrap`).FindAllStringSubmatch(page, -1)
	require.Len(t, rules, 1)
	require.Equal(t, "td.number ", rules[0][1])
}

// A cooldown that nobody could see broken is not called kept.
func TestCooldownsThatWereNotMeasured(t *testing.T) {
	run := rich("a", 1)
	require.Contains(t, written(t, report.Markdown, run), "| Cooldown | ✓ kept |")
	run.Criteria = append(run.Criteria, evidence.Criterion{Name: "scaling cooldown", Outcome: evidence.Unmeasured, Reason: "samples are too far apart"})
	require.Contains(t, written(t, report.Markdown, run), "| Cooldown | not measured |")
}

// Which drill harmed data stands beside it, and nothing of data where nobody wrote any.
func TestDataOfDrillsIsShown(t *testing.T) {
	run := rich("a", 1)
	require.NotContains(t, written(t, report.Markdown, run), "Data written meanwhile")
	repeats := run.Drills[0].Repeats
	repeats[0].Data, repeats[1].Data = &evidence.Harm{}, &evidence.Harm{Lost: 2, Doubled: 1}
	text := written(t, report.Markdown, run)
	require.Contains(t, text, "| Data written meanwhile |")
	require.Contains(t, text, "| ✓ whole |")
	require.Contains(t, text, "| ✗ 2 lost, 1 doubled |")
	require.Contains(t, written(t, report.HTML, run), "2 lost, 1 doubled")
}

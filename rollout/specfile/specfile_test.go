package specfile

import (
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

const smallest = `kind: Rollout
service: checkout
environment: production
release: {version: 2.5.0}
target:
  deploy: {driver: http, with: {url: http://deployer:8080}}
  traffic: {driver: http}
  metrics: {driver: prometheus}
strategy:
  canary:
    - {weight: 5%, bake: 10m}
    - {weight: 25%, bake: 30m}
checks:
  - {name: errors, failures: f, requests: r}
`

// edit replaces one text in the smallest spec.
func edit(t *testing.T, pairs ...string) string {
	t.Helper()
	doc := smallest
	for i := 0; i < len(pairs); i += 2 {
		require.Equal(t, 1, strings.Count(doc, pairs[i]), "%q", pairs[i])
		doc = strings.Replace(doc, pairs[i], pairs[i+1], 1)
	}
	return doc
}

func lines(problems []rollout.Problem) []string {
	out := []string{}
	for _, p := range problems {
		out = append(out, p.String())
	}
	return out
}

// documents are the examples, and the blocks of the spec reference.
func documents(t *testing.T) map[string]string {
	t.Helper()
	docs := map[string]string{}
	files, err := filepath.Glob("../../starter/examples/*.yaml")
	require.NoError(t, err)
	for _, f := range files {
		body, err := os.ReadFile(f)
		require.NoError(t, err)
		require.True(t, strings.HasPrefix(string(body), "# "), "%s needs a head", f)
		if kind := Kind(body); kind == "Rollout" || kind == "Fleet" { // those of rehearsals are run by testsuite/e2e
			docs[filepath.Base(f)] = string(body)
		}
	}
	require.Len(t, docs, 6)
	guide, err := os.ReadFile("../../docs/spec.md")
	require.NoError(t, err)
	blocks := regexp.MustCompile("(?s)```yaml\n(kind: .*?)```").FindAllStringSubmatch(string(guide), -1)
	require.Len(t, blocks, 10)
	for i, b := range blocks {
		docs[fmt.Sprintf("spec.md block %d", i+1)] = b[1]
	}
	return docs
}

func TestExamplesAndReferenceAreValid(t *testing.T) {
	for name, doc := range documents(t) {
		_, problems := Parse(name, []byte(doc))
		if IsFleet([]byte(doc)) {
			_, problems = ParseFleet(name, []byte(doc))
		}
		require.Empty(t, problems, name)
	}
}

func TestParseReadsEverything(t *testing.T) {
	body, err := os.ReadFile("../../starter/examples/canary-approval.yaml")
	require.NoError(t, err)
	s, problems := Parse("canary-approval.yaml", body)
	require.Empty(t, problems)
	require.Equal(t, "2.5.0", s.Release.Version)
	require.Equal(t, map[string]any{"url": "http://router:8080"}, s.Target.Traffic.With)
	require.Equal(t, rollout.Weight(100), s.Strategy.Canary[0].Weight)
	require.Equal(t, rollout.Duration(30*time.Minute), s.Strategy.Canary[1].Bake)
	require.Equal(t, &rollout.Approval{From: []string{"release-managers"}, Quorum: 2, Within: rollout.Duration(4 * time.Hour)}, s.Strategy.Canary[2].Approve)
	require.Equal(t, rollout.Duration(30*time.Minute), *s.Strategy.KeepBaseline)
	require.Equal(t, &rollout.By{Label: "version"}, s.Checks[0].By)
	require.Equal(t, rollout.Duration(300*time.Millisecond), s.Checks[1].SLO)
	require.Equal(t, "99.5%", s.Checks[2].Judge.SLORate.Objective)
	require.Equal(t, "rollback", s.Policy.NoData)
}

func TestTextIsTakenAsWritten(t *testing.T) {
	tests := []struct{ written, want string }{
		{"2.5.0", "2.5.0"}, {"1.10", "1.10"}, {`"1.10"`, "1.10"}, {"'1.10'", "1.10"}, {"007", "007"},
		{"0x1F", "0x1F"}, {"1e3", "1e3"}, {"true", "true"}, {"1_000", "1_000"}, {"12345678901234567890", "12345678901234567890"},
	}
	for _, tt := range tests {
		s, problems := Parse("f", []byte(edit(t, "version: 2.5.0", "version: "+tt.written)))
		require.Empty(t, problems, tt.written)
		require.Equal(t, tt.want, s.Release.Version)
	}
}

func TestProblems(t *testing.T) {
	tests := []struct {
		name string
		doc  string
		want []string
	}{
		{"unknown field near a known one", edit(t, "weight: 25%", "weigth: 25%"),
			[]string{"f:12:8: strategy.canary[1].weigth: unknown field; did you mean weight?"}},
		{"unknown field near nothing", edit(t, "{version: 2.5.0}", "{version: 2.5.0, zzz: 1}"),
			[]string{"f:4:27: release.zzz: unknown field; known are version, artifact, config, model, flags"}},
		{"wrong case", edit(t, "environment:", "Environment:"),
			[]string{"f:3:1: Environment: unknown field; did you mean environment?"}},
		{"all at once, in order", edit(t, "service: checkout", "service: [a]", "weight: 5%", "weight: 5", "bake: 30m", "bake: long", "requests: r", "requests: r, minRequests: few"), []string{
			"f:2:10: service: expected text, found a list",
			`f:11:16: strategy.canary[0].weight: "5" is not a percentage: write one such as 5% or 0.1%`,
			`f:12:27: strategy.canary[1].bake: "long" is not a duration: write 30s, 10m, 2h or 7d`,
			"f:14:59: checks[0].minRequests: expected a whole number, found few"}},
		{"misspelt word", smallest + "policy: {noData: rolback}\n",
			[]string{`f:15:18: policy.noData: "rolback" is not one of hold, rollback; did you mean rollback?`}},
		{"unknown word", smallest + "policy: {drift: explode}\n",
			[]string{`f:15:17: policy.drift: "explode" is not one of hold, putBack, rollback`}},
		{"a day is no moment", smallest + "schedule: {to: 2026-12-26}\n",
			[]string{`f:15:16: schedule.to: "2026-12-26" is not a time: write one like 2026-03-01T12:00:00Z`}},
		{"a schedule that says nothing", smallest + "schedule: {}\n",
			[]string{"f:15:1: schedule: says nothing: give `from`, `to` or both, such as 2026-12-01T08:00:00Z"}},
		{"lists of which one is enough do not nest", smallest + "needs: [{any: [{any: [{target: a/b}]}]}]\n",
			[]string{"f:15:17: needs[0].any[0].any: lists of which one is enough do not nest: write all of them into one list"}},
		{"a Validate's problem is placed", edit(t, "weight: 25%", "weight: 4%"),
			[]string{"f:12:16: strategy.canary[1].weight: 4% does not rise: the step before has 5%"}},
		{"a missing field is placed at what should hold it", edit(t, "{weight: 25%, bake: 30m}", "{weight: 25%}"),
			[]string{"f:12:7: strategy.canary[1].bake: a step without a bake proves nothing: give a duration such as 10m"}},
		{"missing at the top", edit(t, "service: checkout\n", ""), []string{"f:1:1: service: is missing"}},
		{"no fields at all", "{}", []string{
			"f:1:1: environment: is missing", `f:1:1: kind: "" is not served: write kind: Rollout`,
			"f:1:1: release.version: is missing", "f:1:1: service: is missing",
			"f:1:1: strategy: no step: give canary or rings (lists of steps), linear, adaptive, blueGreen or allAtOnce",
			"f:1:1: target.deploy.driver: name the driver that deploys",
			"f:1:1: target.traffic.driver: name the driver that shifts traffic"}},
		{"twice", smallest + "service: b\n", []string{"f:15:1: service: stands twice: first in line 2"}},
		{"left empty", smallest + "policy:\n", []string{
			"f:15:1: policy: expected a mapping with alpha, require, endEarly, inconclusive, noData, error, drift, grace, holdFor, otherwise, concerns, onNewRelease, watchIdle, absolute, foresight, share, found nothing"}},
		{"a null text", edit(t, "service: checkout", "service: ~"), []string{"f:2:10: service: expected text, found nothing"}},
		{"quoted number", edit(t, "requests: r", `requests: r, minRequests: "20"`),
			[]string{`f:14:59: checks[0].minRequests: expected a whole number, found the text "20"`}},
		{"fraction", edit(t, "requests: r", `requests: r, minRequests: 2.5`),
			[]string{`f:14:59: checks[0].minRequests: expected a whole number, found 2.5`}},
		{"too large", edit(t, "requests: r", `requests: r, minRequests: 1e300`),
			[]string{`f:14:59: checks[0].minRequests: 1e300 is too large`}},
		{"yes", edit(t, "requests: r", `requests: r, gates: yes`),
			[]string{`f:14:53: checks[0].gates: expected true or false, found yes`}},
		{"not a number", smallest + "policy: {alpha: .nan}\n", []string{"f:15:17: policy.alpha: expected a number, found .nan"}},
		{"a list for a label", edit(t, "requests: r", `requests: r, by: [a]`),
			[]string{`f:14:50: checks[0].by: expected a label's name or {baseline: …, candidate: …}, found a list`}},
		{"within a pair of matchers", edit(t, "requests: r", `requests: r, by: {baselin: x, candidate: y}`),
			[]string{`f:14:51: checks[0].by.baselin: unknown field; did you mean baseline?`}},
		{"huge number in free-form values", edit(t, "{driver: http}", "{driver: http, with: {id: 12345678901234567890}}"),
			[]string{"f:7:38: target.traffic.with.id: 12345678901234567890 is too large for a number: quote it"}},
		{"tag", edit(t, "checkout", "!!str checkout"), []string{"f:2:10: service: tags such as !!str are not supported: write the value without the tag"}},
		{"alias of nothing", edit(t, "checkout", "*name"), []string{"f:2:10: service: *name refers to nothing: no anchor &name is defined above it"}},
		{"another kind", edit(t, "kind: Rollout", "kind: Fleet"), []string{"f:1:7: kind: Fleet is not supported here: expected kind: Rollout"}},
		{"misspelt kind", edit(t, "kind: Rollout", "kind: Rolout"), []string{`f:1:7: kind: "Rolout" is not one of Rollout; did you mean Rollout?`}},
		{"secret", edit(t, "url: http://deployer:8080", "password: hunter2"),
			[]string{"f:6:43: target.deploy.with.password: looks like a secret, and a spec is kept in history for good: put it into the worker's configuration"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("f", []byte(tt.doc))
			require.Equal(t, tt.want, lines(problems))
		})
	}
}

func TestNoDocument(t *testing.T) {
	tests := []struct{ name, doc, want string }{
		{"empty", "", "f:1:1: the file is empty"},
		{"comments only", "# nothing\n", "f:1:1: the file is empty"},
		{"tab", "kind: Rollout\ntarget:\n\tdeploy: x\n", "f:3:1: no YAML: found character '\t' that cannot start any token"},
		{"open bracket", "kind: [a\n", "f:1:7: no YAML: sequence end token ']' not found"},
		{"several documents", "kind: Rollout\n---\nkind: Rollout\n", "f:3:1: a second document begins here: a file holds one document"},
		{"a list", "- kind: Rollout\n", "f:1:1: expected a mapping with kind, service, environment,"},
		{"a word", "Rollout\n", "f:1:1: expected a mapping with kind, service, environment,"},
		{"no text", "kind: \xff\n", "f:1:7: the file is not UTF-8 text"},
		{"brackets without end", "a:\n  - " + strings.Repeat("[", 20000), "f:2:105: nested more than 100 deep: nothing that is read is"},
		{"braces without end", "a: " + strings.Repeat("{a: ", 10000), "f:1:404: nested more than 100 deep: nothing that is read is"},
		{"dashes without end", strings.Repeat("- ", 20000), "f:1:201: nested more than 100 deep: nothing that is read is"},
		{"too long", strings.Repeat("#", maxSize+1), "f:1:1: the file is too long: at most 256 kB are read"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("f", []byte(tt.doc))
			require.NotEmpty(t, problems)
			require.Contains(t, problems[0].String(), tt.want)
		})
	}
}

func TestAcceptedForms(t *testing.T) {
	want, problems := Parse("f", []byte(smallest))
	require.Empty(t, problems)
	asJSON, err := json.Marshal(want)
	require.NoError(t, err)
	tests := map[string]string{
		"JSON":         string(asJSON),
		"CRLF":         strings.ReplaceAll(smallest, "\n", "\r\n"),
		"byte order":   "\ufeff" + smallest,
		"document":     "---\n" + smallest + "---\n",
		"directive":    "%YAML 1.2\n---\n" + smallest,
		"anchor":       edit(t, "service: checkout", "service: &s checkout", "{name: errors", "{name: errors, by: version"),
		"anchors":      edit(t, "- {weight: 5%, bake: 10m}", "- &a {weight: 5%, bake: 10m}", "{weight: 25%, bake: 30m}", "{<<: *a, weight: 25%, bake: 30m}"),
		"merged lists": edit(t, "- {weight: 5%, bake: 10m}", "- &a {weight: 5%, bake: 10m}", "{weight: 25%, bake: 30m}", "\n        bake: 30m\n        weight: 25%\n        <<: [*a, *a]"),
		"block text":   edit(t, "failures: f", "failures: \"f\""),
	}
	for name, doc := range tests {
		have, problems := Parse("f", []byte(doc))
		require.Empty(t, lines(problems), name)
		if name == "anchor" {
			have.Checks[0].By = nil
		}
		require.Equal(t, want, have, name)
	}
}

func TestAZeroIsNotTheDefault(t *testing.T) {
	spec, problems := Parse("f.yaml", []byte(edit(t, "requests: r", "requests: r, minRequests: 0")+"drain: 0s\npolicy: {grace: 0, holdFor: 0s}\n"))
	require.Empty(t, problems)
	spec = spec.WithDefaults()
	atOnce := rollout.Duration(time.Millisecond)
	require.Equal(t, []rollout.Duration{atOnce, atOnce, atOnce}, []rollout.Duration{spec.Drain, spec.Policy.Grace, spec.Policy.HoldFor})
	require.Equal(t, 1, spec.Checks[0].MinRequests)

	_, problems = Parse("f.yaml", []byte(smallest+"deadline: 0s\npolicy: {alpha: 0.0}\n"))
	require.Len(t, problems, 2)
	require.Equal(t, "deadline", problems[0].Path)
	require.Equal(t, "0s is not possible: leave it out for the default", problems[0].Message)
	require.Equal(t, "policy.alpha", problems[1].Path)
}

func TestAliasesCannotUnfoldWithoutEnd(t *testing.T) {
	bomb := "a: &a [x, x, x, x, x, x, x, x, x, x]\n"
	for c := 'b'; c <= 'i'; c++ {
		bomb += fmt.Sprintf("%c: &%c [%s]\n", c, c, strings.TrimSuffix(strings.Repeat(fmt.Sprintf("*%c, ", c-1), 10), ", "))
	}
	var out map[string]any
	problems := Decode("bomb", []byte(bomb), &out)
	require.Len(t, problems, 1)
	require.Contains(t, problems[0].Message, "more than 100000 values")

	problems = Decode("self", []byte("a: &a {b: *a}\n"), &out)
	require.Equal(t, []string{"self:1:11: a.b: *a refers to nothing: no anchor &a is defined above it"}, lines(problems))
}

// percent reads itself from JSON, being no struct.
type percent float64

func (p *percent) UnmarshalJSON(data []byte) error {
	var f float64
	if err := json.Unmarshal(data, &f); err != nil {
		return fmt.Errorf("no percentage: %s", data)
	}
	*p = percent(f / 100)
	return nil
}

type base struct {
	Name string `json:"name"`
}

// config is another document, such as a worker's configuration.
type config struct {
	base
	Zones map[string]map[string][]string `json:"zones"`
	From  time.Time                      `json:"from"`
	Share percent                        `json:"share"`
	Limit *int                           `json:"limit"`
	Any   any                            `json:"any"`
	Plain bool
	Skip  string `json:"-"`
}

func (c *config) Validate() []rollout.Problem {
	if c.Limit != nil && *c.Limit < 0 {
		return []rollout.Problem{{Path: "limit", Message: "is negative"}}
	}
	return nil
}

func TestDecodeReadsAnyDocument(t *testing.T) {
	var c config
	problems := Decode("c.yaml", []byte(`
name: x
zones: {a.b: {c: [d, 1]}}
from: 2026-12-20T00:00:00Z
share: 5
limit: 3
any: {a: [1, -2.5, 1e3, true, ~, "3", 0x1F, yes], b: "text\n"}
Plain: true
`), &c)
	require.Empty(t, lines(problems))
	three := 3
	require.Equal(t, config{base: base{"x"}, Zones: map[string]map[string][]string{"a.b": {"c": {"d", "1"}}},
		From: time.Date(2026, 12, 20, 0, 0, 0, 0, time.UTC), Share: 0.05, Limit: &three, Plain: true,
		Any: map[string]any{"a": []any{1.0, -2.5, 1000.0, true, nil, "3", "0x1F", "yes"}, "b": "text\n"}}, c)
}

func TestDecodePlacesProblems(t *testing.T) {
	var c config
	problems := Decode("c.yaml", []byte("limit: -1\nshare: many\nfrom: soon\nSkip: x\nzones: {a: 1}\nplain: 1\n"), &c)
	require.Equal(t, []string{
		"c.yaml:1:8: limit: is negative",
		`c.yaml:2:8: share: no percentage: "many"`,
		`c.yaml:3:7: from: "soon" is not a time: write one like 2026-03-01T12:00:00Z`,
		"c.yaml:4:1: Skip: unknown field; known are name, zones, from, share, limit, any, Plain",
		"c.yaml:5:12: zones.a: expected a mapping, found 1",
		"c.yaml:6:1: plain: unknown field; did you mean Plain?",
	}, lines(problems))
}

func TestWhatStandsBesideATypoIsNotHidden(t *testing.T) {
	_, problems := Parse("f", []byte(edit(t, "service: checkout", "service: checkout\nrelase: {}", "version: 2.5.0", "version: a b")))
	require.Equal(t, []string{
		"f:3:1: relase: unknown field; did you mean release?",
		`f:5:20: release.version: "a b" needs letters, digits, '.', '_', '+' or '-', 100 at most`,
	}, lines(problems))
}

func TestConsequencesAreLeftOut(t *testing.T) {
	// What was misspelt is said once, not as missing too; what is wrong besides is said.
	_, problems := Parse("f", []byte(edit(t, "service: checkout", "servce: checkout", "failures: f", "failurs: f", "version: 2.5.0", "version: a b")))
	require.Equal(t, []string{
		"f:2:1: servce: unknown field; did you mean service?",
		`f:4:20: release.version: "a b" needs letters, digits, '.', '_', '+' or '-', 100 at most`,
		"f:14:20: checks[0].failurs: unknown field; did you mean failures?",
	}, lines(problems))
}

// Weights and durations are written in one way, other than what was stored.
func TestShapes(t *testing.T) {
	for written, ok := range map[string]bool{
		"5%": true, "5.50%": true, "0.01%": true, ".5%": true, "'5%'": true,
		"5 %": false, "'5% '": false, "' 5%'": false, "+5%": false, "1e1%": false, "0x5%": false, "1_0%": false,
	} {
		_, problems := Parse("f", []byte(edit(t, "weight: 5%", "weight: "+written)))
		require.Equal(t, ok, len(problems) == 0, written)
		if !ok {
			require.Contains(t, problems[0].String(), "f:11:16: strategy.canary[0].weight: ", written)
		}
	}
	_, problems := Parse("f", []byte(edit(t, "weight: 5%", "weight: 1e1%")))
	require.Equal(t, []string{`f:11:16: strategy.canary[0].weight: "1e1%" is not how a weight is written: write 10%, without blanks, signs or exponents`}, lines(problems))
	for written, ok := range map[string]bool{
		"20s": true, "1h30m": true, "1d12h": true, "1.5h": true, "1500ms": true,
		"'10m '": false, "' 10m'": false, "+10m": false, "1e1d": false, "+1d": false,
	} {
		_, problems := Parse("f", []byte(edit(t, "bake: 10m", "bake: "+written)))
		require.Equal(t, ok, len(problems) == 0, written)
	}
	_, problems = Parse("f", []byte(edit(t, "bake: 10m", "bake: '10m '")))
	require.Equal(t, []string{`f:11:26: strategy.canary[0].bake: "10m " is not how a duration is written: write 10m, without blanks or signs`}, lines(problems))
}

func TestExplain(t *testing.T) {
	doc := edit(t, "weight: 25%", "weigth: 25%")
	_, problems := Parse("checkout.yaml", []byte(doc))
	require.Equal(t, `checkout.yaml:12:8: strategy.canary[1].weigth: unknown field; did you mean weight?
      - {weigth: 25%, bake: 30m}
         ^`, NewSource([]byte(doc)).Explain(problems[0]))
	require.Equal(t, "x: y", NewSource([]byte(doc)).Explain(rollout.Problem{Path: "x", Message: "y"}))
	require.Equal(t, "9:1: y", NewSource(nil).Explain(rollout.Problem{Line: 9, Column: 1, Message: "y"}))
	require.Equal(t, "1:3: y\n  \tä\r\tx\n  \t ^", strings.Replace(NewSource([]byte("\tä\tx\r\n")).Explain(rollout.Problem{Line: 1, Column: 3, Message: "y"}), "ä\t", "ä\r\t", 1))
}

// A spec in one line of JSON is shown around the place.
func TestExplainALongLine(t *testing.T) {
	long := strings.Repeat("ä", 300)
	for name, tt := range map[string]struct {
		column int
		line   string
		indent int
	}{
		"at its beginning": {1, strings.Repeat("ä", 79) + "…", 0},
		"in its middle":    {150, "…" + strings.Repeat("ä", 78) + "…", 40},
		"at its end":       {300, "…" + strings.Repeat("ä", 79), 79},
		"behind it":        {301, "…" + strings.Repeat("ä", 79), 80},
	} {
		t.Run(name, func(t *testing.T) {
			want := fmt.Sprintf("1:%d: y\n  %s\n  %s^", tt.column, tt.line, strings.Repeat(" ", tt.indent))
			require.Equal(t, want, NewSource([]byte(long)).Explain(rollout.Problem{Line: 1, Column: tt.column, Message: "y"}))
		})
	}
	short := strings.Repeat("ä", widest)
	require.Equal(t, "1:80: y\n  "+short+"\n  "+strings.Repeat(" ", 79)+"^", NewSource([]byte(short)).Explain(rollout.Problem{Line: 1, Column: 80, Message: "y"}))
}

func TestNearest(t *testing.T) {
	known := []string{"hold", "rollback", "putBack", "weight"}
	tests := []struct {
		name, want string
		ok         bool
	}{
		{"rolback", "rollback", true}, {"weigth", "weight", true}, {"WEIGHT", "weight", true}, {"putback", "putBack", true},
		{"holt", "hold", true}, {"abc", "", false}, {"", "", false}, {"explode", "", false},
	}
	for _, tt := range tests {
		have, ok := Nearest(tt.name, known)
		require.Equal(t, tt.ok, ok, tt.name)
		if ok {
			require.Equal(t, tt.want, have)
		}
	}
	_, ok := Nearest("x", nil)
	require.False(t, ok)
}

func FuzzDecode(f *testing.F) {
	f.Add([]byte(smallest))
	f.Add([]byte("a: &a {<<: *b, c: |\n  x\n}\n"))
	f.Add([]byte("? a\n: - b\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		if len(data) > 4096 {
			t.Skip()
		}
		_, problems := Parse("f", data)
		for _, p := range problems {
			require.Positive(t, p.Line)
			require.Positive(t, p.Column)
			NewSource(data).Explain(p)
		}
		var anything any
		Decode("f", data, &anything)
	})
}

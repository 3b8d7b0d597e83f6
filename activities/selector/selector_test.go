package selector_test

import (
	"math"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities/selector"
	"bakeoff/rollout"
)

func TestParse(t *testing.T) {
	for text, want := range map[string]string{
		`http_requests_total`:                      `http_requests_total`,
		"  up \n":                                  `up`,
		`job:errors:rate5m{}`:                      `job:errors:rate5m`,
		`x{code=~"5.."}`:                           `x{code=~"5.."}`,
		`x { a = "1" , b != '2', c!~"3", }`:        `x{a="1",b!="2",c!~"3"}`,
		"x{path=`C:\\dir`}":                        `x{path="C:\\dir"}`,
		`x{a="say \"hi\"",b='it\'s',c="\u00e4\n"}`: `x{a="say \"hi\"",b="it's",c="ä\n"}`,
		`x{a="}",b="{,"}`:                          `x{a="}",b="{,"}`,
		`x{a=""}`:                                  `x{a=""}`,
		`x{a="\xff"}`:                              `x{a="\xff"}`,
		`{__name__="x",a="1"}`:                     `x{a="1"}`,
		`sum`:                                      `sum`,
	} {
		got, err := selector.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, got.String(), text)
		again, err := selector.Parse(got.String())
		require.NoError(t, err, text)
		require.Equal(t, got, again, text)
	}
}

func TestParseRefuses(t *testing.T) {
	for text, why := range map[string]string{
		``:                             "no metric is named",
		`{}`:                           "no metric is named",
		`{a="1"}`:                      "no metric is named",
		`{__name__=~"x.*"}`:            "exactly one metric must be named",
		`x{__name__="y"}`:              "exactly one metric must be named",
		`rate(x[5m])`:                  "is not a plain selector: counters are read raw",
		`x[5m]`:                        "without functions, ranges, offsets and operators",
		`x offset 5m`:                  "found them before offset 5m",
		`x{a="1"} @ 1600000000`:        "before @ 1600000000",
		`x + y`:                        "before + y",
		`sum(x)`:                       "is not a plain selector",
		`1`:                            "is not a plain selector",
		`NaN`:                          "is a number",
		`x{`:                           "expected ',' or '}' at the end",
		`x{a="1"`:                      "expected ',' or '}' at the end",
		`x{a="1" b="2"}`:               `expected ',' or '}' before b="2"}`,
		`x{,}`:                         "expected a label name",
		`x{a}`:                         "expected =, !=, =~ or !~ after label a",
		`x{a=1}`:                       "expected a quoted string",
		`x{a="1}`:                      "is not closed",
		"x{a=\"1\n\"}":                 "is not closed",
		"x{a=`1}":                      "is not closed",
		`x{a="\q"}`:                    "bad escape",
		`x{a=~"("}`:                    "missing closing )",
		`x{5a="1"}`:                    "expected a label name",
		`x{"quoted.name"="1"}`:         "expected a label name",
		`x{a=="1"}`:                    "expected a quoted string",
		`x{a="1"}{b="2"}`:              "is not a plain selector",
		`x{version="{{.Version}}"} > `: "is not a plain selector",
	} {
		_, err := selector.Parse(text)
		require.ErrorContains(t, err, why, text)
	}
}

func TestAccepts(t *testing.T) {
	labels := map[string]string{"code": "503", "method": "GET"}
	for text, want := range map[string]bool{
		`x`:                                 true,
		`y`:                                 false,
		`x{code="503"}`:                     true,
		`x{code!="503"}`:                    false,
		`x{code=~"5.."}`:                    true,
		`x{code=~"5."}`:                     false, // anchored
		`x{code=~"4..|5.."}`:                true,
		`x{code!~"4.."}`:                    true,
		`x{code!~"5.*"}`:                    false,
		`x{code=~"5..",method!="GET"}`:      false,
		`x{missing=""}`:                     true, // an absent label is empty
		`x{missing!=""}`:                    false,
		`x{missing=~".*"}`:                  true,
		`x{missing=~".+"}`:                  false,
		`x{method=~"(?i)get",code="503"  }`: true,
	} {
		s, err := selector.Parse(text)
		require.NoError(t, err, text)
		require.Equal(t, want, s.Accepts("x", labels), text)
	}
}

func TestMatchAcrossLines(t *testing.T) {
	m, err := selector.NewMatcher("a", selector.Matches, "x.y")
	require.NoError(t, err)
	require.True(t, m.Accepts("x\ny"), "a dot matches a line's end, as in Prometheus")
}

func TestWithLeavesTheReceiver(t *testing.T) {
	s, err := selector.Parse(`x{a="1"}`)
	require.NoError(t, err)
	blue, err := selector.NewMatcher("v", selector.Equal, `b"1\`)
	require.NoError(t, err)
	green, err := selector.NewMatcher("v", selector.Equal, "2")
	require.NoError(t, err)
	withBlue, withGreen := s.With(blue), s.With(green)
	require.Equal(t, `x{a="1"}`, s.String())
	require.Equal(t, `x{a="1",v="b\"1\\"}`, withBlue.String())
	require.Equal(t, `x{a="1",v="2"}`, withGreen.String())
}

func TestNewMatcherRefuses(t *testing.T) {
	for _, m := range [][3]string{{"", "=", "x"}, {"a-b", "=", "x"}, {"a", "~", "x"}, {"a", "=~", "["}} {
		_, err := selector.NewMatcher(m[0], m[1], m[2])
		require.Error(t, err, m)
	}
}

func TestForCheck(t *testing.T) {
	s, err := selector.ForCheck(rollout.Check{Failures: `x{code=~"5.."}`, Requests: "x"})
	require.NoError(t, err)
	require.Equal(t, "x", s.Requests.String())
	require.Equal(t, `x{code=~"5.."}`, s.Failures.String())
	for _, written := range []string{`h{a="1"}`, `h_bucket{a="1"}`} {
		s, err = selector.ForCheck(rollout.Check{Histogram: written})
		require.NoError(t, err)
		require.Equal(t, `h{a="1"}`, s.Histogram.String())
		require.Equal(t, `h_bucket{a="1"}`, s.Buckets().String())
	}
	for why, check := range map[string]rollout.Check{
		"nothing is measured":           {},
		"requests: ":                    {Failures: "x", Requests: "rate(x[1m])"},
		"failures: ":                    {Failures: "sum(x)", Requests: "x"},
		"histogram: ":                   {Histogram: "x[5m]"},
		"no bound can be chosen":        {Histogram: `x{le="0.1"}`},
		`by: "a b" is not a label name`: {Histogram: "x", By: &rollout.By{Label: "a b"}},
		`by: matcher "" is empty`:       {Histogram: "x", By: &rollout.By{Baseline: `a="1"`}},
		`by: matcher "canary": expec`:   {Histogram: "x", By: &rollout.By{Baseline: `a="1"`, Candidate: "canary"}},
		"expected the end before }":     {Histogram: "x", By: &rollout.By{Baseline: `a="1"}`, Candidate: `a="1"`}},
		"tells no versions apart":       {Histogram: "x", By: &rollout.By{Baseline: `__name__="1"`, Candidate: `a="1"`}},
	} {
		_, err := selector.ForCheck(check)
		require.ErrorContains(t, err, why)
	}
	_, err = selector.ForCheck(rollout.Check{Query: "sum(x)"})
	require.NoError(t, err)
}

func TestForSide(t *testing.T) {
	pair := &rollout.By{Baseline: `track="stable"`, Candidate: `track="canary",zone!="x"`}
	for _, c := range []struct {
		by       *rollout.By
		baseline bool
		want     string
	}{
		{nil, true, `x{version="1.0"}`},
		{&rollout.By{Label: "release"}, false, `x{release="1.0"}`},
		{pair, true, `x{track="stable"}`},
		{pair, false, `x{track="canary",zone!="x"}`},
	} {
		m, err := selector.ForSide(c.by, c.baseline, "1.0")
		require.NoError(t, err)
		require.Equal(t, c.want, selector.Selector{Name: "x"}.With(m...).String())
	}
}

// The same series has the same key at every read and on both sides, whatever
// the order of its labels, so that deltas and resets are seen by key.
func TestKeysAreStable(t *testing.T) {
	blue, err := selector.ForSide(nil, true, "1.0")
	require.NoError(t, err)
	green, err := selector.ForSide(nil, false, "2.0")
	require.NoError(t, err)
	keys, same := selector.Keys{Sides: blue}, selector.Keys{Sides: green}
	for range 20 { // maps have a random order
		require.Equal(t, `x{code="200",pod="a"}`, keys.Of("x", map[string]string{"version": "1.0", "pod": "a", "code": "200", "le": "0.1"}))
		require.Equal(t, `x{code="200",pod="a"}`, same.Of("x", map[string]string{"code": "200", "pod": "a", "version": "2.0", "le": "0.5"}))
	}
	require.Equal(t, `x{}`, keys.Of("x", nil))
	require.Equal(t, `x{}`, keys.Of("x", map[string]string{"empty": ""}), "an empty label is none")
	require.Equal(t, `x{a="\"}"}`, keys.Of("x", map[string]string{"a": `"}`}))
	keys.Source = "http://a:1"
	require.Equal(t, `http://a:1 x{}`, keys.Of("x", nil))
}

// A label with a pattern may differ between series of one side: it stays.
func TestKeysKeepPatternedLabels(t *testing.T) {
	sides, err := selector.ParseMatchers(`track=~"canary.*",zone="a"`)
	require.NoError(t, err)
	keys := selector.Keys{Sides: sides}
	require.Equal(t, `x{track="canary-2"}`, keys.Of("x", map[string]string{"track": "canary-2", "zone": "a"}))
}

func TestCounters(t *testing.T) {
	pod := func(name string, v float64) selector.Sample {
		return selector.Sample{Name: "x", Labels: map[string]string{"pod": name}, Value: v}
	}
	got := map[string]float64{}
	require.NoError(t, selector.Keys{}.Counters(got, []selector.Sample{pod("a", 0), pod("b", 1e12)}))
	require.Equal(t, map[string]float64{`x{pod="a"}`: 0, `x{pod="b"}`: 1e12}, got)
	for want, samples := range map[string][]selector.Sample{
		`x{pod="a"} is NaN`:           {pod("a", math.NaN()), pod("b", 1)},
		`x{pod="a"} is +Inf`:          {pod("a", math.Inf(1))},
		`x{pod="a"} is -Inf`:          {pod("a", math.Inf(-1))},
		`x{pod="a"} is negative (-1)`: {pod("a", -1)},
		`x{pod="a"} stands twice`:     {pod("a", 1), pod("a", 1)},
	} {
		require.EqualError(t, selector.Keys{}.Counters(map[string]float64{}, samples), want)
	}
}

func TestBuckets(t *testing.T) {
	le := func(bound string, v float64) selector.Sample {
		return selector.Sample{Name: "h_bucket", Labels: map[string]string{"le": bound}, Value: v}
	}
	got := map[string]map[string]float64{}
	require.NoError(t, selector.Keys{}.Buckets(got, []selector.Sample{le("0.10", 1), le("1.0", 2), le("1e+06", 3), le("+Inf", 4)}))
	require.Equal(t, map[string]map[string]float64{`h{}`: {"0.1": 1, "1": 2, "1e+06": 3, "+Inf": 4}}, got)
	for want, samples := range map[string][]selector.Sample{
		`h{} has no bucket +Inf`:                   {le("1", 1)},
		`h{} up to 1 stands twice`:                 {le("1", 1), le("1.0", 1)},
		`h{} up to 1 is NaN`:                       {le("1", math.NaN()), le("+Inf", 1)},
		`h{}: upper bound "" is not a number`:      {le("", 1)},
		`h{}: upper bound "NaN" is not a number`:   {le("NaN", 1)},
		`h{}: upper bound "a lot" is not a number`: {le("a lot", 1)},
	} {
		require.EqualError(t, selector.Keys{}.Buckets(map[string]map[string]float64{}, samples), want)
	}
}

func FuzzParse(f *testing.F) {
	for _, seed := range []string{`x`, `x{a="1",b!~'2|3'}`, "x{a=`\\`}", `{__name__="x"}`, `x{a="\u1234\xff\777"}`, `rate(x[5m])`, `x{a=~"("}`, `x{,}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		s, err := selector.Parse(text)
		if err != nil {
			require.NotEmpty(t, err.Error())
			return
		}
		again, err := selector.Parse(s.String())
		require.NoError(t, err, "%q was read as %q", text, s)
		require.Equal(t, s.String(), again.String())
		labels := map[string]string{}
		for _, m := range s.Matchers {
			labels[m.Label] = m.Value
		}
		require.Equal(t, s.Accepts(s.Name, labels), again.Accepts(s.Name, labels))
	})
}

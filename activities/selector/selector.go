// Package selector reads selectors of time series, such as
// http_requests_total{code=~"5.."}, and puts what they select into the raw
// counters that judges work on. It is what all drivers that speak Prometheus'
// language share. Read Parse first, then ForCheck.
package selector

import (
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"
)

// The operators of a matcher.
const (
	Equal     = "="
	NotEqual  = "!="
	Matches   = "=~"
	MatchesNo = "!~"
)

// Matcher is one condition on a label. The zero value is none: make one with
// NewMatcher.
type Matcher struct {
	Label, Op, Value string

	pattern *regexp.Regexp // of =~ and !~, anchored on both ends as in Prometheus
}

// NewMatcher returns a matcher. It refuses a label that is no label name, an
// unknown operator and a pattern that is no RE2 expression.
func NewMatcher(label, op, value string) (Matcher, error) {
	m := Matcher{Label: label, Op: op, Value: value}
	if !labelName.MatchString(label) {
		return Matcher{}, fmt.Errorf("%q is not a label name: letters, digits and '_', not beginning with a digit", label)
	}
	switch op {
	case Equal, NotEqual:
		return m, nil
	case Matches, MatchesNo:
		pattern, err := regexp.Compile("^(?s:" + value + ")$")
		if err != nil {
			return Matcher{}, fmt.Errorf("pattern %q of label %s: %w", value, label, err)
		}
		m.pattern = pattern
		return m, nil
	}
	return Matcher{}, fmt.Errorf("unknown operator %q: expected =, !=, =~ or !~", op)
}

// Accepts reports whether the value satisfies the matcher. A label that is
// not there has the value "", as in Prometheus.
func (m Matcher) Accepts(value string) bool {
	switch m.Op {
	case Equal:
		return value == m.Value
	case NotEqual:
		return value != m.Value
	case Matches:
		return m.pattern.MatchString(value)
	default:
		return !m.pattern.MatchString(value)
	}
}

// String returns the matcher as Parse reads it.
func (m Matcher) String() string { return m.Label + m.Op + strconv.Quote(m.Value) }

// Selector names the series of one metric.
type Selector struct {
	Name     string
	Matchers []Matcher
}

// With returns a selector that has the given matchers too. The receiver stays
// as it was.
func (s Selector) With(more ...Matcher) Selector {
	s.Matchers = slices.Concat(s.Matchers, more)
	return s
}

// Named returns the same selector of another metric.
func (s Selector) Named(name string) Selector {
	s.Name = name
	return s
}

// Accepts reports whether a series of that name and those labels is selected.
func (s Selector) Accepts(name string, labels map[string]string) bool {
	if name != s.Name {
		return false
	}
	return !slices.ContainsFunc(s.Matchers, func(m Matcher) bool { return !m.Accepts(labels[m.Label]) })
}

// String returns the selector in PromQL. Parse gives back an equal one.
func (s Selector) String() string {
	if len(s.Matchers) == 0 {
		return s.Name
	}
	matchers := make([]string, len(s.Matchers))
	for i, m := range s.Matchers {
		matchers[i] = m.String()
	}
	return s.Name + "{" + strings.Join(matchers, ",") + "}"
}

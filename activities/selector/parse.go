package selector

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"unicode/utf8"
)

var (
	labelName  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*$`)
	metricHead = regexp.MustCompile(`^[a-zA-Z_:][a-zA-Z0-9_:]*`)
	labelHead  = regexp.MustCompile(`^[a-zA-Z_][a-zA-Z0-9_]*`)
	operator   = regexp.MustCompile(`^(=~|!~|!=|=)`)
)

// nameLabel is where Prometheus keeps the name of a metric.
const nameLabel = "__name__"

// Parse reads a plain selector: a metric name, or name{label="value",…} with
// =, !=, =~ and !~. {__name__="x"} is a name too. It refuses everything else
// of PromQL (functions, ranges, offsets, operators), for counters are read raw.
func Parse(text string) (Selector, error) {
	rest := space(text)
	s := Selector{Name: metricHead.FindString(rest)}
	rest = space(rest[len(s.Name):])
	if strings.HasPrefix(rest, "{") {
		var err error
		if s.Matchers, rest, err = matchers(rest[1:]); err != nil {
			return Selector{}, fmt.Errorf("selector %q: %w", text, err)
		}
		if !strings.HasPrefix(rest, "}") {
			return Selector{}, fmt.Errorf("selector %q: expected ',' or '}' %s", text, before(rest))
		}
		rest = space(rest[1:])
	}
	if rest != "" {
		return Selector{}, fmt.Errorf(`%q is not a plain selector: counters are read raw, so write name{label="value"} `+
			`without functions, ranges, offsets and operators; found them %s`, text, before(rest))
	}
	s, err := s.nameFromMatchers()
	if err != nil {
		return Selector{}, fmt.Errorf("selector %q: %w", text, err)
	}
	return s, nil
}

// ParseMatchers reads one or more matchers, such as track="canary",zone!="a".
func ParseMatchers(text string) ([]Matcher, error) {
	found, rest, err := matchers(text)
	if err != nil {
		return nil, fmt.Errorf("matcher %q: %w", text, err)
	}
	if rest != "" {
		return nil, fmt.Errorf("matcher %q: expected the end %s", text, before(rest))
	}
	if len(found) == 0 {
		return nil, fmt.Errorf(`matcher %q is empty: expected one such as track="canary"`, text)
	}
	for _, m := range found {
		if m.Label == nameLabel {
			return nil, fmt.Errorf("matcher %q: the name of a metric tells no versions apart", text)
		}
	}
	return found, nil
}

// nameFromMatchers moves {__name__="x"} to where the name belongs.
func (s Selector) nameFromMatchers() (Selector, error) {
	var others []Matcher
	for _, m := range s.Matchers {
		if m.Label != nameLabel {
			others = append(others, m)
			continue
		}
		if m.Op != Equal || s.Name != "" || metricHead.FindString(m.Value) != m.Value {
			return Selector{}, fmt.Errorf("%s: exactly one metric must be named", m)
		}
		s.Name = m.Value
	}
	s.Matchers = others
	switch {
	case s.Name == "":
		return Selector{}, errors.New("no metric is named")
	case strings.EqualFold(s.Name, "nan"), strings.EqualFold(s.Name, "inf"):
		return Selector{}, fmt.Errorf("%s is a number", s.Name)
	}
	return s, nil
}

// matchers reads matchers up to the first text that is none. A comma may
// follow the last one.
func matchers(rest string) (found []Matcher, _ string, err error) {
	for rest = space(rest); rest != "" && rest[0] != '}'; {
		var m Matcher
		if m, rest, err = matcher(rest); err != nil {
			return nil, rest, err
		}
		found = append(found, m)
		if !strings.HasPrefix(rest, ",") {
			break
		}
		rest = space(rest[1:])
	}
	return found, rest, nil
}

func matcher(rest string) (Matcher, string, error) {
	label := labelHead.FindString(rest)
	if label == "" {
		return Matcher{}, rest, fmt.Errorf("expected a label name %s", before(rest))
	}
	rest = space(rest[len(label):])
	op := operator.FindString(rest)
	if op == "" {
		return Matcher{}, rest, fmt.Errorf("expected =, !=, =~ or !~ after label %s, %s", label, before(rest))
	}
	value, rest, err := quoted(space(rest[len(op):]))
	if err != nil {
		return Matcher{}, rest, fmt.Errorf("value of label %s: %w", label, err)
	}
	m, err := NewMatcher(label, op, value)
	return m, space(rest), err
}

// quoted reads a PromQL string: "…" and '…' with Go's escapes, `…` without.
func quoted(text string) (value, rest string, err error) {
	if text == "" || !strings.ContainsRune("\"'`", rune(text[0])) {
		return "", text, fmt.Errorf("expected a quoted string %s", before(text))
	}
	quote, rest := text[0], text[1:]
	if quote == '`' {
		value, rest, closed := strings.Cut(rest, "`")
		if !closed {
			return "", text, fmt.Errorf("%s is not closed", text)
		}
		return value, rest, nil
	}
	var b strings.Builder
	for rest != "" && rest[0] != quote && rest[0] != '\n' {
		r, multibyte, tail, err := strconv.UnquoteChar(rest, quote)
		if err != nil {
			return "", text, fmt.Errorf("bad escape %s", before(rest))
		}
		if r < utf8.RuneSelf || multibyte {
			b.WriteRune(r)
		} else {
			b.WriteByte(byte(r))
		}
		rest = tail
	}
	if !strings.HasPrefix(rest, string(quote)) {
		return "", text, fmt.Errorf("%s is not closed", text)
	}
	return b.String(), rest[1:], nil
}

func space(text string) string { return strings.TrimSpace(text) }

// before says where in the text something is, for people.
func before(rest string) string {
	if rest == "" {
		return "at the end"
	}
	return "before " + rest
}

package load

import (
	"fmt"
	"strings"
)

// The names that every template knows.
const (
	nameID      = "id"
	namePayload = "payload"
)

// template is a text with names in it: literal, name, literal, name … literal.
type template []string

// parseTemplate reads a text with {{name}} in it.
func parseTemplate(s string) (template, error) {
	var t template
	for {
		literal, rest, found := strings.Cut(s, "{{")
		if t = append(t, literal); !found {
			return t, nil
		}
		name, after, closed := strings.Cut(rest, "}}")
		if name = strings.TrimSpace(name); !closed || !isName(name) {
			return nil, fmt.Errorf("%q has a {{ that names nothing: write {{id}}, {{payload}} or what a step captured", s)
		}
		t, s = append(t, name), after
	}
}

// names lists what the template needs, in its order.
func (t template) names() []string {
	var out []string
	for i := 1; i < len(t); i += 2 {
		out = append(out, t[i])
	}
	return out
}

// fill puts in what is known, and leaves the rest as it was.
func (t template) fill(values map[string]string) string {
	if len(t) == 1 {
		return t[0]
	}
	var b strings.Builder
	for i, part := range t {
		value, known := values[part]
		switch {
		case i%2 == 0:
			b.WriteString(part)
		case known:
			b.WriteString(value)
		default:
			b.WriteString("{{" + part + "}}")
		}
	}
	return b.String()
}

// isName reports whether s may name a load, a journey or what is captured: it
// becomes part of ids, file names and URLs.
func isName(s string) bool {
	return s != "" && len(s) <= 100 && s != "." && s != ".." && strings.IndexFunc(s, func(r rune) bool {
		return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
	}) < 0
}

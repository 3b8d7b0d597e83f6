package specfile

import (
	"regexp"
	"slices"
	"unicode/utf8"

	"github.com/goccy/go-yaml/token"

	"bakeoff/rollout"
)

// span is a stretch of a file, the end not included.
type span struct{ from, to place }

// before reports whether a place stands in front of another.
func (p place) before(q place) bool {
	return p.line < q.line || p.line == q.line && p.column < q.column
}

// references matches fields of the worker's configuration that name a credential:
// whoever writes a text there has written the credential itself.
var references = regexp.MustCompile(`^(webhook|masking)$`)

// secretsAmong finds what looks like a secret, also in a file that is no YAML.
func secretsAmong(tokens token.Tokens) []span {
	var out []span
	key := ""
	for i, t := range tokens {
		if i+1 < len(tokens) && tokens[i+1].Type == token.MappingValueType {
			key = t.Value
			continue
		}
		secret := false
		switch {
		case t.Type == token.CommentType || t.Type == token.InvalidType:
			secret = rollout.MentionsSecret(t.Value)
		case isScalar(t):
			secret = rollout.LooksSecret(key, t.Value) || references.MatchString(key)
		}
		if secret {
			out = append(out, spanOf(tokens, i))
		}
	}
	return out
}

// isScalar reports whether a token is a value, or a part of one.
func isScalar(t *token.Token) bool {
	switch t.Type {
	case token.LiteralType, token.FoldedType: // the signs | and >
		return false
	}
	return t.CharacterType == token.CharacterTypeMiscellaneous || t.Indicator == token.QuotedScalarIndicator
}

// spanOf is where a token stands, with what is blank behind it.
func spanOf(tokens token.Tokens, i int) span {
	s := span{from: tokenPlace(tokens[i]), to: place{line: 1 << 30}}
	if i+1 < len(tokens) {
		s.to = tokenPlace(tokens[i+1])
	}
	if !s.from.before(s.to) { // then nothing says where it ends
		s.to = place{line: s.from.line + 1}
	}
	return s
}

func tokenPlace(t *token.Token) place { return place{t.Position.Line, t.Position.Column} }

// users is what stands before the host of a URL: it may be a password.
var users = regexp.MustCompile(`://[^/?#@\s"']*@`)

// shown is the line of a problem with … for what is hidden, and where the problem's
// place is then.
func (s Source) shown(p rollout.Problem) (line []rune, at int) {
	whole := s.lines[p.Line-1]
	hidden := make([]bool, len(whole))
	hide := func(from, to int) {
		for i := max(from, 0); i < min(to, len(whole)); i++ {
			hidden[i] = true
		}
	}
	for _, h := range slices.Concat(s.hidden, s.asked(p)) {
		from, to := 0, len(whole)
		if h.from.line == p.Line {
			from = h.from.column - 1
		}
		if h.to.line == p.Line {
			to = h.to.column - 1
		}
		if h.from.line <= p.Line && p.Line <= h.to.line {
			hide(from, to)
		}
	}
	text := string(whole)
	for _, user := range users.FindAllStringIndex(text, -1) {
		hide(utf8.RuneCountInString(text[:user[0]])+len("://"), utf8.RuneCountInString(text[:user[1]])-1)
	}
	caret := min(max(p.Column-1, 0), len(whole))
	for i, r := range whole {
		if i == caret {
			at = len(line)
			if hidden[i] && i > 0 && hidden[i-1] {
				at-- // in the middle of what is hidden
			}
		}
		switch first := i == 0 || !hidden[i-1]; {
		case !hidden[i]:
			line = append(line, r)
		case first:
			line = append(line, '…')
		}
	}
	if caret == len(whole) {
		at = len(line)
	}
	return line, at
}

// asked is the value at a problem's place, where the name of the field that it came
// to, as by an alias, says that it is a secret.
func (s Source) asked(p rollout.Problem) []span {
	for i, t := range s.tokens {
		if tokenPlace(t) == (place{p.Line, p.Column}) && isScalar(t) && rollout.LooksSecret(lastKey(p.Path), t.Value) &&
			(i+1 == len(s.tokens) || s.tokens[i+1].Type != token.MappingValueType) {
			return []span{spanOf(s.tokens, i)}
		}
	}
	return nil
}

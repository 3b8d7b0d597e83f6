package specfile

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/goccy/go-yaml/lexer"
	"github.com/goccy/go-yaml/token"

	"bakeoff/rollout"
)

// widest is how many characters of a source's line are shown.
const widest = 80

// Source is a file whose problems are explained.
type Source struct {
	lines  [][]rune
	hidden []span // what nobody is shown
	tokens token.Tokens
}

// NewSource prepares the text of a file.
func NewSource(text []byte) Source {
	if len(text) > maxSize { // nothing of it was read
		return Source{}
	}
	var s Source
	whole := strings.TrimPrefix(string([]rune(string(text))), "\ufeff") // what is not UTF-8 counts as one character a byte
	for line := range strings.SplitSeq(whole, "\n") {
		s.lines = append(s.lines, []rune(strings.TrimRight(line, "\r")))
	}
	s.tokens = lexer.Tokenize(whole)
	s.hidden = secretsAmong(s.tokens)
	return s
}

// Explain formats a problem for people: its one line, which begins with
// file:line:column, then the line of the source with a caret below the place. Of a
// long line, such as a spec in JSON, only what is around the place is shown, and of
// what looks like a secret nothing is: logs are read by many. Without a place, or
// with a source that has no such line, the one line is all.
func (s Source) Explain(p rollout.Problem) string {
	if p.Line < 1 || p.Line > len(s.lines) {
		return p.String()
	}
	line, at := s.shown(p)
	line, at = around(line, at)
	indent := slices.Clone(line[:at])
	for i, r := range indent {
		if r != '\t' {
			indent[i] = ' '
		}
	}
	return p.String() + "\n  " + string(line) + "\n  " + string(indent) + "^"
}

// around cuts a long line, and returns where a place of it is then.
func around(line []rune, at int) ([]rune, int) {
	if len(line) <= widest {
		return line, at
	}
	from := min(max(at-widest/2, 0), len(line)-widest)
	cut := slices.Clone(line[from : from+widest])
	if from > 0 {
		cut[0] = '…'
	}
	if from+widest < len(line) {
		cut[widest-1] = '…'
	}
	return cut, at - from
}

// Nearest returns the known name that a misspelt one was likely meant to be:
// the closest, when at most a third of it would have to change. Upper and
// lower case count as the same.
func Nearest(name string, known []string) (string, bool) {
	best, least := "", 1<<30
	for _, k := range known {
		if n := distance(strings.ToLower(name), strings.ToLower(k)); n < least {
			best, least = k, n
		}
	}
	longer := max(utf8.RuneCountInString(name), utf8.RuneCountInString(best))
	return best, best != "" && least*3 <= longer
}

func didYouMean(name string, known []string) string {
	if meant, ok := Nearest(name, known); ok {
		return "; did you mean " + meant + "?"
	}
	return ""
}

// distance counts the letters to insert, leave out, replace or swap with their
// neighbour to turn a into b (optimal string alignment).
func distance(a, b string) int {
	s, t := []rune(a), []rune(b)
	before, above, row := []int(nil), make([]int, len(t)+1), make([]int, len(t)+1)
	for j := range above {
		above[j] = j
	}
	for i := 1; i <= len(s); i++ {
		row[0] = i
		for j := 1; j <= len(t); j++ {
			replaced := above[j-1]
			if s[i-1] != t[j-1] {
				replaced++
			}
			row[j] = min(above[j]+1, row[j-1]+1, replaced)
			if i > 1 && j > 1 && s[i-1] == t[j-2] && s[i-2] == t[j-1] {
				row[j] = min(row[j], before[j-2]+1)
			}
		}
		before, above, row = above, row, make([]int, len(t)+1)
	}
	return above[len(t)]
}

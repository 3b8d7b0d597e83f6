package data

import (
	"bytes"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// Search looks for originals in a file that is no rows of ours: a dump of SQL, or
// anything else that is text. It is taken apart at its quotes, tabs and commas, and
// each part is searched as a cell is, except that a short value counts only where it
// is all there is between quotes or tabs: SQL has words of its own. What is no text
// cannot be searched, and is refused.
func (o *Originals) Search(f File) error {
	if len(o.where) == 0 {
		return nil
	}
	if bytes.IndexByte(f.Body, 0) >= 0 || !utf8.Valid(f.Body) {
		return fmt.Errorf("%s: is no text, and cannot be searched for what is masked in other sets: take it out, or give it as csv, ndjson or sql", f.Name)
	}
	var leaks []string
	line := 0
	for text := range strings.Lines(string(f.Body)) {
		line++
		for _, p := range partsOf(text) {
			if field := o.findPart(p); field != "" {
				leaks = append(leaks, fmt.Sprintf("%s:%d: holds an unmasked value of %s", f.Name, line, field))
				break
			}
		}
	}
	return leaving(leaks)
}

// part is a piece of a line.
type part struct {
	text  string
	value bool // between quotes or tabs: all of a value
}

// partsOf takes a line apart. An apostrophe between two letters is no quote, and one
// that is written twice, or after a backslash, is part of what is quoted.
func partsOf(line string) []part {
	var out []part
	if strings.Contains(line, "\t") {
		for text := range strings.SplitSeq(line, "\t") {
			out = append(out, part{text, true})
		}
		return out
	}
	line = strings.NewReplacer(`\'`, "", `\"`, "", "''", "").Replace(line)
	quote, from := byte(0), 0
	take := func(to int, value bool) {
		if to > from {
			out = append(out, part{line[from:to], value})
		}
		from = to + 1
	}
	for i := range len(line) {
		switch c := line[i]; {
		case quote != 0 && c == quote && !insideWord(line, i):
			take(i, true)
			quote = 0
		case quote == 0 && (c == '"' || c == '\'') && !insideWord(line, i):
			take(i, false)
			quote = c
		case quote == 0 && strings.IndexByte(",;()<>[]{}", c) >= 0:
			take(i, false)
		}
	}
	take(len(line), false)
	return out
}

// insideWord reports whether an apostrophe stands between two letters.
func insideWord(line string, i int) bool {
	before, _ := utf8.DecodeLastRuneInString(line[:i])
	after, _ := utf8.DecodeRuneInString(line[i+1:])
	return line[i] == '\'' && unicode.IsLetter(before) && unicode.IsLetter(after)
}

// findPart returns the field of which a part holds a value; "": of none.
func (o *Originals) findPart(p part) string {
	whole := plain(p.text)
	if p.value && o.where[whole] != "" {
		return o.where[whole]
	}
	return o.findInside(whole)
}

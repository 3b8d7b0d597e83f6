// Package data is what a rehearsal's services work on: rows made from a
// template, or real ones that were masked, both known by their digest.
//
// [Template] says what is generated and [Generate] makes it; [Masker] masks and
// [Originals] proves that nothing unmasked leaves; [Verify] holds a snapshot to
// its digest and its rows. [Baseline] and [Set] are how a manifest names them.
//
// Everything works on bytes and readers, and is the same for the same input.
package data

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// The formats of rows. SQL is restored as it is: it can be searched as a text, and
// nothing in it be masked.
const (
	CSV    = "csv"    // a header line, then a line for each row
	NDJSON = "ndjson" // one JSON object a line
	SQL    = "sql"
)

// FormatOf is the format that the name of a file promises: .csv, .ndjson or
// .jsonl, .sql; "" for any other, which is known by its digest alone.
func FormatOf(file string) string {
	switch {
	case strings.HasSuffix(file, ".csv"):
		return CSV
	case strings.HasSuffix(file, ".ndjson"), strings.HasSuffix(file, ".jsonl"):
		return NDJSON
	case strings.HasSuffix(file, ".sql"):
		return SQL
	}
	return ""
}

// problems collects what is wrong, so that a person sees all of it at once.
type problems []rollout.Problem

func (p *problems) add(path, format string, args ...any) {
	*p = append(*p, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *problems) require(ok bool, path, format string, args ...any) {
	if !ok {
		p.add(path, format, args...)
	}
}

var (
	safeName   = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
	digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// name requires what may be part of a path: no folder, no leading dot.
func (p *problems) name(value, path string) {
	p.require(value != "", path, "is missing")
	p.require(value == "" || safeName.MatchString(value), path, "%q needs letters, digits, '.', '_' or '-', and no dot in front", value)
}

// digest requires "sha256:" and 64 hexadecimal digits. An empty one is missing.
func (p *problems) digest(value, path string) {
	p.require(value != "", path, "is missing: write sha256: and 64 hexadecimal digits")
	p.require(value == "" || digestForm.MatchString(value), path, "%q is not a digest: write sha256: and 64 hexadecimal digits", value)
}

// at joins a path and a field.
func at(path, field string) string {
	if path == "" {
		return field
	}
	return path + "." + field
}

// repeated returns the names that occur more than once, each once.
func repeated(names []string) []string {
	var out []string
	seen := map[string]bool{}
	for _, name := range names {
		if name != "" && seen[name] && !slices.Contains(out, name) {
			out = append(out, name)
		}
		seen[name] = true
	}
	return out
}

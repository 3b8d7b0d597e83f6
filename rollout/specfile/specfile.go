// Package specfile reads and writes the files of Bakeoff: YAML (and so JSON)
// into Go values, strictly, with everything that is wrong said at once and by
// line and column; and the JSON Schema that editors check a spec against.
//
// Start with Parse, which reads a rollout's spec, ParseFleet, which reads a
// fleet's, or Decode, which reads any other document by the same rules.
//
// The rules: one document a file, no unknown fields, no field twice, nothing
// left empty. Names are the json names of the Go fields. Where text is
// expected an unquoted number or boolean is taken as it is written, so that
// `version: 1.10` is "1.10" and not 1.1; a number or a boolean never comes
// from quoted text. true and false are the only booleans, numbers are decimal.
// Anchors, aliases and merge keys (<<) work; tags (!!int) are refused.
package specfile

import (
	"cmp"
	"fmt"
	"reflect"
	"slices"

	"bakeoff/rollout"
)

// Parse reads a rollout's spec and validates it. The name of the file goes
// into the problems and nowhere else. The spec is complete only when there are
// no problems; defaults are not filled in.
func Parse(file string, data []byte) (rollout.Spec, []rollout.Problem) {
	var spec rollout.Spec
	doc := read(data)
	if p, ok := otherKind(doc); ok {
		return spec, placed(file, []rollout.Problem{p})
	}
	return spec, placed(file, doc.into(&spec))
}

// ParseFleet reads a fleet's spec and validates it, as Parse does a rollout's.
func ParseFleet(file string, data []byte) (rollout.FleetSpec, []rollout.Problem) {
	var spec rollout.FleetSpec
	problems := placed(file, read(data).into(&spec))
	return spec, problems
}

// IsFleet reports whether a file says that it is a fleet.
func IsFleet(data []byte) bool { return read(data).kind() == "Fleet" }

// Locate gives the problems that somebody else found in a spec, such as the
// worker that was to plan it, their places in the file that it came from.
func Locate(file string, data []byte, problems []rollout.Problem) []rollout.Problem {
	if IsFleet(data) {
		return LocateIn(file, data, new(rollout.FleetSpec), problems)
	}
	return LocateIn(file, data, new(rollout.Spec), problems)
}

// LocateIn is Locate for any other document, which is read into what the pointer
// points to.
func LocateIn(file string, data []byte, into any, problems []rollout.Problem) []rollout.Problem {
	doc := read(data)
	if doc.root == nil {
		return problems
	}
	d := decoder{places: map[string]place{}}
	d.value(doc.root, "", doc.root.place, reflect.ValueOf(into).Elem())
	d.problems, d.troubled = nil, nil // what is wrong with the file itself, Parse says
	d.validated(problems)
	return placed(file, d.problems)
}

// otherKind finds a document that is no rollout at all: one problem says more
// than the many that its fields would make.
func otherKind(doc document) (rollout.Problem, bool) {
	v := doc.kindNode()
	if v == nil || !slices.Contains([]string{"Fleet", "Rehearsal", "RehearsalSuite"}, v.text) {
		return rollout.Problem{}, false
	}
	return rollout.Problem{Path: "kind", Line: v.line, Column: v.column,
		Message: v.text + " is not supported here: expected kind: Rollout"}, true
}

// Kind is what a file says that it is; "" where it does not say.
func Kind(data []byte) string { return read(data).kind() }

// kind is what a document says that it is; "" where it does not say.
func (doc document) kind() string {
	if v := doc.kindNode(); v != nil {
		return v.text
	}
	return ""
}

func (doc document) kindNode() *node {
	if doc.root == nil || doc.root.kind != mapping {
		return nil
	}
	for _, e := range doc.root.entries {
		if e.key == "kind" && e.value.kind == scalar {
			return e.value
		}
	}
	return nil
}

// Decode reads one document into what the pointer points to, by the rules of
// this package. Problems are in the order of the file; with any of them only
// part of the value is filled in. When the type has a method Validate that
// returns problems, what it finds is placed in the file and added, apart from
// what merely follows from something that could not be read.
func Decode(file string, data []byte, into any) []rollout.Problem {
	return placed(file, read(data).into(into))
}

// placed gives problems their file and puts them in its order. What they quote
// of it is no secret then: they are told to people, and kept.
func placed(file string, problems []rollout.Problem) []rollout.Problem {
	for i := range problems {
		problems[i].File, problems[i].Message = file, rollout.Redact(problems[i].Message)
	}
	slices.SortStableFunc(problems, func(a, b rollout.Problem) int {
		return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
	})
	return problems
}

// into fills a value from the document and validates it.
func (doc document) into(pointer any) []rollout.Problem {
	if doc.root == nil {
		return doc.problems
	}
	v := reflect.ValueOf(pointer)
	if v.Kind() != reflect.Pointer || v.IsNil() {
		panic(fmt.Sprintf("specfile: decode into %T: a pointer is needed", pointer)) //nolint:forbidigo // a programmer's mistake, found by any test
	}
	d := decoder{problems: doc.problems, places: map[string]place{}}
	d.value(doc.root, "", doc.root.place, v.Elem())
	if checked, ok := pointer.(interface{ Validate() []rollout.Problem }); ok {
		d.validated(checked.Validate())
	}
	return d.problems
}

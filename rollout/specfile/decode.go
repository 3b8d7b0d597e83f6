package specfile

import (
	"fmt"
	"math"
	"reflect"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"bakeoff/rollout"
)

// maxValues bounds how many values one file may unfold to through its aliases.
const maxValues = 100_000

// decoder fills a Go value from a tree, and notes where everything stands.
type decoder struct {
	problems []rollout.Problem
	places   map[string]place // path → where to point at
	troubled []string         // paths of problems, and of fields that an unknown one was likely meant to be
	values   int
}

func (d *decoder) add(at place, path, format string, args ...any) {
	d.problems = append(d.problems, rollout.Problem{Path: path, Line: at.line, Column: at.column, Message: fmt.Sprintf(format, args...)})
	d.troubled = append(d.troubled, path)
}

func (d *decoder) mismatch(n *node, path string, t reflect.Type) {
	found := n.describe()
	if n.kind == scalar && rollout.LooksSecret(lastKey(path), n.text) {
		found = "what may be a secret"
	}
	d.add(n.place, path, "expected %s, found %s", describe(t), found)
}

// value fills v. The place is that of the field's name where there is one: it
// is what problems of a whole mapping or list point at.
func (d *decoder) value(n *node, path string, field place, v reflect.Value) {
	if d.values++; d.values > maxValues {
		if d.values == maxValues+1 {
			d.add(n.place, path, "the aliases unfold to more than %d values", maxValues)
		}
		return
	}
	d.places[path] = field
	if n.kind == scalar {
		d.places[path] = n.place
	}
	if n.broken {
		d.troubled = append(d.troubled, path)
		return
	}
	for v.Kind() == reflect.Pointer && !n.isNull() {
		if v.IsNil() {
			v.Set(reflect.New(v.Type().Elem()))
		}
		v = v.Elem()
	}
	switch {
	case v.Kind() == reflect.Interface && v.NumMethod() == 0:
		if x := d.anything(n, path); x != nil {
			v.Set(reflect.ValueOf(x))
		}
	case n.isNull():
		d.mismatch(n, path, v.Type())
	case !d.own(n, path, v):
		d.byKind(n, path, v)
	}
}

func (d *decoder) byKind(n *node, path string, v reflect.Value) {
	switch k := v.Kind(); {
	case k == reflect.Struct && n.kind == mapping:
		d.structure(n, path, v)
	case k == reflect.Map && n.kind == mapping && v.Type().Key().Kind() == reflect.String:
		d.table(n, path, v)
	case k == reflect.Slice && n.kind == sequence:
		list := reflect.MakeSlice(v.Type(), len(n.items), len(n.items))
		for i, item := range n.items {
			d.value(item, fmt.Sprintf("%s[%d]", path, i), item.place, list.Index(i))
		}
		v.Set(list)
	case k == reflect.String && n.kind == scalar:
		v.SetString(n.text)
	case k == reflect.Bool && n.plain && (n.text == "true" || n.text == "false"):
		v.SetBool(n.text == "true")
	case v.CanInt() && n.isNumber():
		d.whole(n, path, v)
	case v.CanFloat() && n.isNumber():
		if f, err := strconv.ParseFloat(n.text, 64); err != nil || v.OverflowFloat(f) {
			d.add(n.place, path, "%s is too large", n.text)
		} else {
			v.SetFloat(f)
		}
	default:
		d.mismatch(n, path, v.Type())
	}
}

// whole reads a whole number, which may also be written 5.0 or 1e3.
func (d *decoder) whole(n *node, path string, v reflect.Value) {
	f, err := strconv.ParseFloat(n.text, 64)
	switch {
	case err == nil && f != math.Trunc(f):
		d.mismatch(n, path, v.Type())
	case err != nil || math.Abs(f) > 1<<53 || v.OverflowInt(int64(f)):
		d.add(n.place, path, "%s is too large", n.text)
	default:
		v.SetInt(int64(f))
	}
}

func (d *decoder) table(n *node, path string, v reflect.Value) {
	table := reflect.MakeMapWithSize(v.Type(), len(n.entries))
	for _, e := range n.entries {
		item := reflect.New(v.Type().Elem()).Elem()
		d.value(e.value, join(path, e.key), e.place, item)
		table.SetMapIndex(reflect.ValueOf(e.key).Convert(v.Type().Key()), item)
	}
	v.Set(table)
}

func (d *decoder) structure(n *node, path string, v reflect.Value) {
	fields := fieldsOf(v.Type())
	for _, e := range n.entries {
		at := join(path, e.key)
		i := slices.IndexFunc(fields, func(f field) bool { return f.name == e.key })
		if i < 0 {
			if why := elsewhere[v.Type().String()+"."+e.key]; why != "" {
				d.add(e.place, at, "%s", why)
				continue
			}
			d.unknown(e, path, fields, n)
			continue
		}
		f := fields[i]
		if allowed := enums[f.id]; allowed != nil && e.value.kind == scalar && !e.value.isNull() && !slices.Contains(allowed, e.value.text) {
			d.places[at] = e.value.place
			d.add(e.value.place, at, "%q is not one of %s%s", e.value.text, strings.Join(allowed, ", "), didYouMean(e.value.text, allowed))
			continue
		}
		into := v.FieldByIndex(f.index)
		if d.value(e.value, at, e.place, into); into.IsZero() && !slices.Contains(d.troubled, at) {
			d.zero(f, e.value, at, into)
		}
	}
}

// zero reads a zero that would otherwise be taken for the field's default.
func (d *decoder) zero(f field, n *node, path string, v reflect.Value) {
	least, listed := least[f.id]
	switch means := unset[f.id]; {
	case means != "":
		d.add(n.place, path, "%s would mean the same as leaving it out, %s: leave it out, or write more than 0", n.text, means)
	case listed && least == "":
		d.add(n.place, path, "%s is not possible: leave it out for the default", n.text)
	case listed:
		written := *n
		written.text = least
		d.value(&written, path, n.place, v)
	}
}

// unknown refuses a field. Where it was likely meant to be one that is missing
// beside it, what else is wrong with that one is a consequence, and left out.
func (d *decoder) unknown(e entry, path string, fields []field, among *node) {
	known := make([]string, len(fields))
	for i, f := range fields {
		known[i] = f.name
	}
	message := "unknown field"
	if meant, ok := Nearest(e.key, known); ok {
		message += "; did you mean " + meant + "?"
		if !slices.ContainsFunc(among.entries, func(e entry) bool { return e.key == meant }) {
			d.troubled = append(d.troubled, join(path, meant))
		}
	} else {
		message += "; known are " + strings.Join(known, ", ")
	}
	d.add(e.place, join(path, e.key), "%s", message)
}

// anything is a value as encoding/json would make it, so that a document is
// the same before and after it went through JSON.
func (d *decoder) anything(n *node, path string) any {
	switch {
	case n.kind == mapping:
		m := map[string]any{}
		for _, e := range n.entries {
			var item any
			d.value(e.value, join(path, e.key), e.place, reflect.ValueOf(&item).Elem())
			m[e.key] = item
		}
		return m
	case n.kind == sequence:
		list := make([]any, len(n.items))
		for i, item := range n.items {
			d.value(item, fmt.Sprintf("%s[%d]", path, i), item.place, reflect.ValueOf(&list[i]).Elem())
		}
		return list
	case n.isNull():
		return nil
	case n.plain && (n.text == "true" || n.text == "false"):
		return n.text == "true"
	case n.isNumber():
		f, err := strconv.ParseFloat(n.text, 64)
		isWhole := !strings.ContainsAny(n.text, ".eE")
		if err != nil || isWhole && strconv.FormatFloat(f, 'f', -1, 64) != strings.TrimPrefix(n.text, "+") && f != 0 {
			d.add(n.place, path, "%s is too large for a number: quote it", n.text)
		}
		return f
	}
	return n.text
}

// validated adds the problems that a Validate found, at their places, without
// those that follow from what could not be read.
func (d *decoder) validated(found []rollout.Problem) {
	for _, p := range found {
		follows := func(t string) bool { return parent(t) == p.Path || within(p.Path, t) }
		if slices.ContainsFunc(d.troubled, follows) {
			continue
		}
		at, path := place{}, p.Path
		for ok := false; !ok; path = parent(path) {
			at, ok = d.places[path]
		}
		p.Line, p.Column = at.line, at.column
		d.problems = append(d.problems, p)
	}
}

// parent is the path of what holds the value at a path: of a[1].b it is a[1],
// and of a[1] it is a.
func parent(path string) string {
	return path[:max(strings.LastIndexAny(path, ".["), 0)]
}

// lastKey is the field, or the key of a table, that a path leads to or into the list of.
func lastKey(path string) string {
	list, _, _ := strings.Cut(path[strings.LastIndex(path, ".")+1:], "[")
	return list
}

// within reports whether the first path is the second or lies below it.
func within(path, above string) bool {
	rest, ok := strings.CutPrefix(path, above)
	return ok && (above == "" || rest == "" || rest[0] == '.' || rest[0] == '[')
}

var number = regexp.MustCompile(`^[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?$`)

func (n *node) isNumber() bool { return n.plain && number.MatchString(n.text) }

func (n *node) isNull() bool {
	return n.plain && slices.Contains([]string{"", "~", "null", "Null", "NULL"}, n.text)
}

// describe says what was found.
func (n *node) describe() string {
	switch {
	case n.kind != scalar:
		return string(n.kind)
	case n.isNull():
		return "nothing"
	case n.plain:
		return n.text
	default:
		return "the text " + strconv.Quote(n.text)
	}
}

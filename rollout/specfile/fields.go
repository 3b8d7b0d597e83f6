package specfile

import (
	"reflect"
	"strings"

	"bakeoff/rollout"
)

// field is one field of a struct as documents name it.
type field struct {
	name  string
	index []int
	id    string // such as rollout.Policy.noData: key of enums and bounds
}

// fieldsOf lists the fields of a struct by their json names, those of embedded
// structs included.
func fieldsOf(t reflect.Type) []field {
	var out []field
	for _, f := range reflect.VisibleFields(t) {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		if name == "-" || !f.IsExported() || f.Anonymous && name == "" || embeddedUnderName(t, f.Index) {
			continue
		}
		if name == "" {
			name = f.Name
		}
		out = append(out, field{name, f.Index, t.String() + "." + name})
	}
	return out
}

// embeddedUnderName reports whether a promoted field belongs to an embedded
// struct that has a json name, and so a mapping of its own.
func embeddedUnderName(t reflect.Type, index []int) bool {
	for i := 1; i < len(index); i++ {
		if name, _, _ := strings.Cut(t.FieldByIndex(index[:i]).Tag.Get("json"), ","); name != "" {
			return true
		}
	}
	return false
}

// describe says what a type is written as.
func describe(t reflect.Type) string {
	for t.Kind() == reflect.Pointer {
		t = t.Elem()
	}
	switch t {
	case reflect.TypeFor[rollout.Weight]():
		return "a percentage such as 5%"
	case reflect.TypeFor[rollout.Duration]():
		return "a duration such as 10m"
	case reflect.TypeFor[rollout.Budget]():
		return "a number of failures such as 200 failures"
	case reflect.TypeFor[rollout.By]():
		return "a label's name or {baseline: …, candidate: …}"
	}
	switch t.Kind() {
	case reflect.Struct:
		var names []string
		for _, f := range fieldsOf(t) {
			names = append(names, f.name)
		}
		return "a mapping with " + strings.Join(names, ", ")
	case reflect.Map:
		return "a mapping"
	case reflect.Slice:
		return "a list"
	case reflect.String:
		return "text"
	case reflect.Bool:
		return "true or false"
	case reflect.Float32, reflect.Float64:
		return "a number"
	case reflect.Int, reflect.Int8, reflect.Int16, reflect.Int32, reflect.Int64:
		return "a whole number"
	default:
		return "a " + t.String()
	}
}

package specfile

import (
	"encoding"
	"encoding/json"
	"fmt"
	"reflect"
	"regexp"
	"time"

	"bakeoff/rollout"
)

// own lets a type read itself: from text where it can, else from JSON. A
// struct that reads JSON is still read field by field from a mapping, for the
// sake of places: such a type has a short form beside it, as rollout.By has.
func (d *decoder) own(n *node, path string, v reflect.Value) bool {
	switch into := v.Addr().Interface().(type) {
	case *rollout.Duration:
		inOneForm(d, n, path, into, rollout.ParseDuration, durationShape, "a duration", "without blanks or signs")
		return true
	case *rollout.Weight:
		inOneForm(d, n, path, into, rollout.ParseWeight, weightShape, "a weight", "without blanks, signs or exponents")
		return true
	case encoding.TextUnmarshaler:
		if n.kind != scalar {
			d.mismatch(n, path, v.Type())
		} else if err := into.UnmarshalText([]byte(n.text)); err != nil && v.Type() == reflect.TypeFor[time.Time]() {
			d.add(n.place, path, "%q is not a time: write one like 2026-03-01T12:00:00Z", n.text)
		} else if err != nil {
			d.add(n.place, path, "%v", err)
		}
		return true
	case json.Unmarshaler:
		var x any = n.text
		switch isStruct := v.Kind() == reflect.Struct; {
		case isStruct && n.kind != scalar:
			return false
		case !isStruct:
			x = d.anything(n, path)
		}
		body, err := json.Marshal(x)
		if err == nil {
			err = into.UnmarshalJSON(body)
		}
		if err != nil {
			d.add(n.place, path, "%v", err)
		}
		return true
	}
	return false
}

// The only ways in which files write weights and durations.
var (
	weightShape   = regexp.MustCompile(weightPattern)
	durationShape = regexp.MustCompile(durationPattern)
)

// inOneForm reads a value that files write in one way. What was stored, and what flags
// say, is read with less care.
func inOneForm[T fmt.Stringer](d *decoder, n *node, path string, into *T, parse func(string) (T, error), shape *regexp.Regexp, what, without string) {
	if n.kind != scalar {
		d.mismatch(n, path, reflect.TypeFor[T]())
		return
	}
	v, err := parse(n.text)
	switch {
	case err != nil:
		d.add(n.place, path, "%v", err)
	case !shape.MatchString(n.text):
		d.add(n.place, path, "%q is not how %s is written: write %s, %s", n.text, what, v, without)
	default:
		*into = v
	}
}

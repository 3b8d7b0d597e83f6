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
		durationForm.read(d, n, path, into)
		return true
	case *rollout.Weight:
		weightForm.read(d, n, path, into)
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

// form is the only way in which files write a value. What was stored, and what flags
// say, is read with less care.
type form[T fmt.Stringer] struct {
	parse         func(string) (T, error)
	shape         *regexp.Regexp
	what, without string
}

var (
	weightForm   = form[rollout.Weight]{rollout.ParseWeight, regexp.MustCompile(weightPattern), "a weight", "without blanks, signs or exponents"}
	durationForm = form[rollout.Duration]{rollout.ParseDuration, regexp.MustCompile(durationPattern), "a duration", "without blanks or signs"}
)

func (f form[T]) read(d *decoder, n *node, path string, into *T) {
	if n.kind != scalar {
		d.mismatch(n, path, reflect.TypeFor[T]())
		return
	}
	v, err := f.parse(n.text)
	switch {
	case err != nil:
		d.add(n.place, path, "%v", err)
	case !f.shape.MatchString(n.text):
		d.add(n.place, path, "%q is not how %s is written: write %s, %s", n.text, f.what, v, f.without)
	default:
		*into = v
	}
}

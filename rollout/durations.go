package rollout

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
)

// durations refuses every length in x that nobody may write, where nothing else
// is wrong with it. Spec files are
// refused where they are read; a spec that comes as JSON meets it here.
func (v *validation) durations(path string, x reflect.Value) {
	switch x.Kind() {
	case reflect.Pointer, reflect.Interface:
		if !x.IsNil() {
			v.durations(path, x.Elem())
		}
	case reflect.Int64:
		if d, is := x.Interface().(Duration); is {
			told := slices.ContainsFunc(*v, func(p Problem) bool { return p.Path == path })
			v.require(told || d >= 0 && d <= Duration(longest), path, "%s is no length: from 0 to %s", d, Duration(longest))
		}
	case reflect.Slice:
		for i := range x.Len() {
			v.durations(fmt.Sprintf("%s[%d]", path, i), x.Index(i))
		}
	case reflect.Struct:
		for i := range x.NumField() {
			if f := x.Type().Field(i); f.IsExported() {
				name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
				v.durations(strings.Trim(path+"."+name, "."), x.Field(i))
			}
		}
	}
}

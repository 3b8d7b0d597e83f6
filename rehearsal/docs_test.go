package rehearsal_test

import (
	"os"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rollout"
)

// guides are where the fields of a package's types are explained.
var guides = map[string]string{
	"bakeoff/rehearsal": "rehearsals.md", "bakeoff/rehearsal/evidence": "rehearsals.md", "bakeoff/rehearsal/load": "rehearsal-load.md",
	"bakeoff/rehearsal/fault": "rehearsal-faults.md", "bakeoff/rehearsal/data": "rehearsal-data.md", "bakeoff/rehearsal/scaling": "rehearsal-scaling.md",
}

// fieldsOf adds the fields of a type, and of those below it, by the guide that
// explains them. The spec has its own.
func fieldsOf(t reflect.Type, into map[string][]string, seen map[reflect.Type]bool) {
	for slices.Contains([]reflect.Kind{reflect.Pointer, reflect.Slice, reflect.Map}, t.Kind()) {
		t = t.Elem()
	}
	if t.Kind() != reflect.Struct || seen[t] || t == reflect.TypeFor[rollout.Spec]() {
		return
	}
	seen[t] = true
	for f := range t.Fields() {
		name, _, _ := strings.Cut(f.Tag.Get("json"), ",")
		guide := guides[t.PkgPath()]
		switch t {
		case reflect.TypeFor[data.Baseline]():
			guide = "rehearsals.md"
		case reflect.TypeFor[rehearsal.Probe]():
			guide = "rehearsal-faults.md"
		}
		if name != "" && name != "-" && name != "kind" && guide != "" {
			into[guide] = append(into[guide], name)
		}
		if name != "-" {
			fieldsOf(f.Type, into, seen)
		}
	}
}

var (
	fenced    = regexp.MustCompile("(?s)```.*?```")
	commented = regexp.MustCompile(`(?m)^.+ # .+$`)
	code      = regexp.MustCompile("`[^`]+`")
	word      = regexp.MustCompile(`[A-Za-z]+`)
)

// Every field of a manifest and of a template is explained, in the text or by a comment
// of an example: an example alone does not do that.
func TestEveryFieldIsExplained(t *testing.T) {
	fields := map[string][]string{}
	seen := map[reflect.Type]bool{}
	fieldsOf(reflect.TypeFor[rehearsal.Manifest](), fields, seen)
	fieldsOf(reflect.TypeFor[rehearsal.Suite](), fields, seen)
	fieldsOf(reflect.TypeFor[data.Template](), fields, seen)
	require.Len(t, fields, 5)
	for guide, names := range fields {
		text, err := os.ReadFile("../docs/" + guide)
		require.NoError(t, err)
		said := map[string]bool{}
		explanations := code.FindAllString(fenced.ReplaceAllString(string(text), ""), -1)
		for _, example := range fenced.FindAllString(string(text), -1) {
			explanations = append(explanations, commented.FindAllString(example, -1)...)
		}
		for _, span := range explanations {
			for _, w := range word.FindAllString(span, -1) {
				said[w] = true
			}
		}
		slices.Sort(names)
		unexplained := slices.DeleteFunc(slices.Compact(names), func(name string) bool { return said[name] })
		require.Empty(t, unexplained, "of docs/%s", guide)
	}
}

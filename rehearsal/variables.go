package rehearsal

import (
	"encoding/json"
	"fmt"
	"maps"
	"regexp"
	"slices"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// variable is how a text names one: {{var.region}}.
var variable = regexp.MustCompile(`\{\{\s*var\.([A-Za-z0-9_.-]+)\s*\}\}`)

// PutIn is the manifest with its variables where {{var.NAME}} stands in the texts of
// loads, and in what tasks are given. It is done where a rehearsal is started, as the
// spec's file is read there: what runs, and what is kept, names none any more.
func (m Manifest) PutIn() Manifest {
	m.Load, m.Faults = slices.Clone(m.Load), slices.Clone(m.Faults)
	for i, l := range m.Load {
		m.Load[i] = m.inLoad(l)
	}
	for i, f := range m.Faults {
		if f.Task != nil {
			task := *f.Task
			task.Input, _ = m.in(task.Input).(map[string]any)
			m.Faults[i].Task = &task
		}
	}
	return m
}

// inLoad puts variables into every text of a load. Where that cannot be done it is as
// it was.
func (m Manifest) inLoad(l load.Load) load.Load {
	body, err := json.Marshal(l)
	if err != nil || !variable.Match(body) {
		return l
	}
	var fields any
	var out load.Load
	if json.Unmarshal(body, &fields) != nil {
		return l
	}
	if body, err = json.Marshal(m.in(fields)); err != nil || json.Unmarshal(body, &out) != nil {
		return l
	}
	return out
}

// in puts variables into the texts of a value of JSON.
func (m Manifest) in(value any) any {
	switch v := value.(type) {
	case string:
		return variable.ReplaceAllStringFunc(v, func(found string) string {
			if put, known := m.Variables[variable.FindStringSubmatch(found)[1]]; known {
				return put
			}
			return found
		})
	case []any:
		out := slices.Clone(v)
		for i, x := range v {
			out[i] = m.in(x)
		}
		return out
	case map[string]any:
		out := maps.Clone(v)
		for name, x := range v {
			out[name] = m.in(x)
		}
		return out
	}
	return value
}

// NotPutIn says where {{var.NAME}} still stands. After [Manifest.PutIn] it names what
// is no variable.
func (m Manifest) NotPutIn() (out []rollout.Problem) {
	look := func(value any, path string) {
		body, _ := json.Marshal(value) // what it cannot write was never read
		for _, found := range variable.FindAllStringSubmatch(string(body), -1) {
			why := "variables does not name it"
			if _, known := m.Variables[found[1]]; known {
				why = "start the rehearsal with bakeoff rehearse, which puts it in"
			}
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf("{{var.%s}} says nothing: %s", found[1], why)})
		}
	}
	for i, l := range m.Load {
		look(l, fmt.Sprintf("load[%d]", i))
	}
	for i, f := range m.Faults {
		if f.Task != nil {
			look(f.Task.Input, fmt.Sprintf("faults[%d].task.input", i))
		}
	}
	return out
}

package specfile

import (
	"bytes"
	_ "embed"
	"encoding"
	"encoding/json"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/invopop/jsonschema"

	"bakeoff/rollout"
)

// descriptions.json holds the comments of rollout's types and fields, so that
// editors show them. TestDescriptionsAreThoseOfTheSource holds it fresh.
//
//go:generate go test -run ^TestDescriptions . -update
//go:embed descriptions.json
var descriptions []byte

// Schema is the JSON Schema (2020-12) of the files that say what is rolled out,
// a rollout's or, by its kind, a fleet's, made from the Go types. It accepts what Parse accepts, odd spellings apart ("5e0%", an empty
// text for a field left out). The reverse does not hold: what depends on
// several fields (weights that rise, a driver for each check, secrets) only
// Parse can see, and of a fleet what its units leave open.
func Schema() ([]byte, error) {
	one, err := reflected(rollout.Spec{})
	if err != nil {
		return nil, err
	}
	exclusive(one)
	many, err := reflected(rollout.FleetSpec{})
	if err != nil {
		return nil, err
	}
	relax(many)
	all := map[string]json.RawMessage{}
	if err := errors.Join(gather(all, one, ""), gather(all, many, "fleet.")); err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	body, err := json.MarshalIndent(map[string]any{
		"$schema": jsonschema.Version, "title": "Bakeoff rollout or fleet", "$defs": all,
		"if":   map[string]any{"properties": map[string]any{"kind": map[string]any{"const": "Fleet"}}, "required": []string{"kind"}},
		"then": map[string]any{"$ref": "#/$defs/fleet.FleetSpec"},
		"else": map[string]any{"$ref": "#/$defs/Spec"},
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(body, '\n'), nil
}

// SchemaOf is the JSON Schema of another document that Decode reads, which says
// what kind it is. It is made from the type of the value, a struct; what several
// fields decide together is left to its Validate.
func SchemaOf(kind string, document any) ([]byte, error) {
	defs, err := reflected(document)
	if err != nil {
		return nil, err
	}
	if defs["Strategy"] != nil {
		exclusive(defs)
	}
	name := nameOf(reflect.TypeOf(document))
	if field, ok := defs[name].Properties.Get("kind"); ok {
		field.Ref, field.Const = "", kind
	}
	body, err := json.MarshalIndent(map[string]any{
		"$schema": jsonschema.Version, "title": "Bakeoff " + kind, "$defs": defs, "$ref": "#/$defs/" + name,
	}, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write schema: %w", err)
	}
	return append(body, '\n'), nil
}

// reflected makes the schemas of a type and of all that it holds, by name.
func reflected(of any) (jsonschema.Definitions, error) {
	var comments map[string]string
	if err := json.Unmarshal(descriptions, &comments); err != nil {
		return nil, fmt.Errorf("read descriptions: %w", err)
	}
	var short []string // types that may be written as a text, too
	r := jsonschema.Reflector{
		Anonymous: true, Namer: nameOf,
		Mapper: func(t reflect.Type) *jsonschema.Schema {
			if reflect.PointerTo(t).Implements(reflect.TypeFor[json.Unmarshaler]()) && t.Kind() == reflect.Struct {
				short = append(short, nameOf(t))
			}
			return written(t)
		},
		LookupComment: func(t reflect.Type, field string) string { return comments[join(nameOf(t), field)] },
	}
	defs := r.Reflect(of).Definitions
	for name, def := range defs {
		refine(name, def)
	}
	for _, name := range short {
		if whole := defs[name]; whole != nil && whole.AnyOf == nil {
			defs[name] = &jsonschema.Schema{Description: whole.Description, AnyOf: []*jsonschema.Schema{textRef(), whole}}
		}
	}
	defs["text"] = &jsonschema.Schema{Description: "Text; a number or a boolean is taken as it is written.",
		Extras: map[string]any{"type": []string{"string", "number", "boolean"}}}
	return defs, nil
}

// nameOf is what a type is called in schemas and descriptions: types of package
// rollout by their own name, others as in Go, such as load.Load. Types without a
// name have none.
func nameOf(t reflect.Type) string {
	if t.Name() == "" {
		return ""
	}
	return strings.TrimPrefix(t.String(), "rollout.")
}

// relax leaves out what must be there: what one of a fleet's units leaves open,
// all of them have in common, and the other way round.
func relax(defs jsonschema.Definitions) {
	for name, def := range defs {
		if name != "FleetSpec" {
			def.Required = nil
		}
	}
}

// gather adds schemas to all, under names of their own.
func gather(all map[string]json.RawMessage, defs jsonschema.Definitions, prefix string) error {
	for name, def := range defs {
		body, err := json.Marshal(def)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		all[prefix+name] = bytes.ReplaceAll(body, []byte(`"#/$defs/`), []byte(`"#/$defs/`+prefix))
	}
	return nil
}

// written is the schema of types that have a way of writing of their own.
func written(t reflect.Type) *jsonschema.Schema {
	switch t {
	case reflect.TypeFor[rollout.Weight]():
		return &jsonschema.Schema{Type: "string", Pattern: weightPattern, Examples: []any{"5%", "0.1%"}}
	case reflect.TypeFor[rollout.Duration]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: durationPattern}, {Enum: []any{0}}},
			Examples: []any{"30s", "10m", "7d"}}
	case reflect.TypeFor[rollout.Budget]():
		return &jsonschema.Schema{AnyOf: []*jsonschema.Schema{{Type: "string", Pattern: budgetPattern}, {Type: "integer", Minimum: "1"}},
			Examples: []any{"200 failures"}}
	case reflect.TypeFor[rollout.By]():
		sides := jsonschema.NewProperties()
		sides.Set("baseline", textRef())
		sides.Set("candidate", textRef())
		return &jsonschema.Schema{OneOf: []*jsonschema.Schema{textRef(),
			{Type: "object", Properties: sides, Required: []string{"baseline", "candidate"}, AdditionalProperties: jsonschema.FalseSchema}}}
	case reflect.TypeFor[time.Time]():
		return &jsonschema.Schema{Type: "string", Format: "date-time"}
	}
	if reflect.PointerTo(t).Implements(reflect.TypeFor[encoding.TextUnmarshaler]()) {
		return textRef()
	}
	return nil
}

func textRef() *jsonschema.Schema { return &jsonschema.Schema{Ref: "#/$defs/text"} }

// refine adds the rules to the fields of one type, and lets text be anything
// that Parse takes for text.
func refine(typeName string, s *jsonschema.Schema) {
	if s.Properties == nil {
		return
	}
	for p := s.Properties.Oldest(); p != nil; p = p.Next() {
		id := typeName + "." + p.Key
		if !strings.Contains(typeName, ".") {
			id = "rollout." + id
		}
		if patterns[id] != objectivePattern {
			p.Value = asText(p.Value)
		}
		words := p.Value
		if words.Items != nil {
			words = asText(words.Items)
		}
		if allowed := enums[id]; allowed != nil {
			words.Ref, words.Type = "", "string"
			for _, word := range allowed {
				words.Enum = append(words.Enum, word)
			}
		}
		p.Value.Minimum, p.Value.Maximum = json.Number(bounds[id][0]), json.Number(bounds[id][1])
		if t := p.Value.Type; unset[id] != "" && (t == "integer" || t == "number") {
			p.Value.ExclusiveMinimum = "0"
		}
		if pattern := patterns[id]; pattern != "" {
			most := uint64(100)
			p.Value.Pattern, p.Value.MaxLength = pattern, &most
		}
		if a := p.Value.AdditionalProperties; a != nil && a.Type == "string" {
			p.Value.AdditionalProperties = textRef()
		}
	}
}

func asText(s *jsonschema.Schema) *jsonschema.Schema {
	if s.Type == "string" && s.Pattern == "" {
		s.Type, s.Ref = "", "#/$defs/text"
	}
	return s
}

// exclusive says where exactly one of several fields of a rollout is needed, and
// which go together.
func exclusive(defs jsonschema.Definitions) {
	defs["Strategy"].OneOf = eachRequired([]string{"canary"}, []string{"linear"}, []string{"adaptive"},
		[]string{"blueGreen"}, []string{"rings"}, []string{"allAtOnce"})
	defs["Step"].AnyOf = eachRequired([]string{"weight"}, []string{"cohort"})
	defs["Judge"].OneOf = eachRequired([]string{"rateRatio"}, []string{"tailLadder"}, []string{"sloRate"}, []string{"threshold"},
		[]string{"points"}, []string{"burnRate"}, []string{"meanCs"})
	defs["Check"].OneOf = eachRequired([]string{"failures", "requests"}, []string{"histogram"}, []string{"query"})
	defs["Check"].DependentRequired = map[string][]string{"failures": {"requests"}, "requests": {"failures"}}
	defs["Threshold"].AnyOf = eachRequired([]string{"success"}, []string{"failure"})
	defs["Need"].OneOf = eachRequired([]string{"target"}, []string{"any"})
	some, pairs := uint64(1), uint64(4)
	enough, _ := defs["Need"].Properties.Get("any")
	enough.MinItems = &some
	burn, _ := defs["BurnRate"].Properties.Get("windows")
	burn.MaxItems = &pairs
	for _, steps := range []string{"canary", "rings"} {
		list, _ := defs["Strategy"].Properties.Get(steps)
		list.MinItems = &some
	}
}

func eachRequired(fields ...[]string) []*jsonschema.Schema {
	var out []*jsonschema.Schema
	for _, names := range fields {
		out = append(out, &jsonschema.Schema{Required: names})
	}
	return out
}

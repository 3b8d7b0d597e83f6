package specfile

import (
	"bytes"
	"fmt"
	"reflect"
	"regexp"
	"strings"
	"testing"

	validator "github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rollout"
)

func compiled(t *testing.T) *validator.Schema {
	t.Helper()
	body, err := Schema()
	require.NoError(t, err)
	doc, err := validator.UnmarshalJSON(bytes.NewReader(body))
	require.NoError(t, err)
	c := validator.NewCompiler()
	require.NoError(t, c.AddResource("rollout.json", doc))
	s, err := c.Compile("rollout.json")
	require.NoError(t, err)
	return s
}

// against validates YAML as an editor would: with its own idea of its types.
func against(t *testing.T, s *validator.Schema, doc string) error {
	t.Helper()
	var anything any
	require.Empty(t, lines(Decode("doc", []byte(doc), &anything)))
	return s.Validate(anything)
}

func TestSchemaAcceptsExamplesAndReference(t *testing.T) {
	s := compiled(t)
	for name, doc := range documents(t) {
		require.NoError(t, against(t, s, doc), name)
	}
}

func TestSchemaAndParseAgree(t *testing.T) {
	s := compiled(t)
	check := "{name: errors, failures: f, requests: r}"
	canaries := "canary:\n    - {weight: 5%, bake: 10m}\n    - {weight: 25%, bake: 30m}\n"
	good := map[string][]string{
		"smallest":            nil,
		"version as a number": {"version: 2.5.0", "version: 1.10"},
		"text as a boolean":   {"version: 2.5.0", "version: 1, config: {A: true, B: 2, C: c}"},
		"replicas":            {"  deploy:", "  replicas: 3\n  deploy:"},
		"weights":             {"weight: 5%", "weight: 0.25%", "weight: 25%", "weight: 100%"},
		"durations":           {"bake: 10m", "bake: 1d12h", "bake: 30m", "bake: 1.5s"},
		"no baseline kept":    {"strategy:", "strategy:\n  keepBaseline: 0"},
		"warm-up":             {"strategy:", "strategy:\n  warmUp: 0s"},
		"roles side by side":  {"bake: 30m", "bake: 30m, approve: {each: {a: 1, b: 2}, within: 1h}"},
		"approvals":           {"bake: 30m", "bake: 30m, approve: {from: [a], quorum: 2, within: 1h, otherwise: promote}"},
		"empty approval":      {"bake: 30m", "bake: 30m, approve: {}"},
		"label":               {check, "{name: errors, failures: f, requests: r, by: track}"},
		"matchers":            {check, "{name: errors, failures: f, requests: r, by: {baseline: a, candidate: b}}"},
		"histogram":           {check, "{name: l, histogram: h, slo: 300ms, minRequests: 5, weight: 0.5, gates: false}"},
		"query":               {check, "{name: q, query: x, judge: {threshold: {success: s, failureLimit: -1}}}"},
		"query alone":         {check, "{name: q, query: x}"},
		"points":              {check, "{name: q, query: x, judge: {points: {direction: decrease, transform: log, harmMargin: 1.1, minPoints: 4, step: 30s}}}"},
		"meanCs":              {check, "{name: q, query: x, gates: false, judge: {meanCs: {transform: diff, tOpt: 60, level: 0.9}}}"},
		"burnRate":            {check, "{name: e, failures: f, requests: r, judge: {burnRate: {objective: 99.9%}}}"},
		"burn windows":        {check, "{name: e, failures: f, requests: r, judge: {burnRate: {objective: 99.9%, minEvents: 5, windows: [{long: 1h, short: 5m, factor: 14.4}]}}}"},
		"rateRatio":           {check, "{name: e, failures: f, requests: r, judge: {rateRatio: {direction: decrease, safeMargin: 2, minAbsDelta: 0}}}"},
		"tailLadder":          {check, "{name: l, histogram: h, judge: {tailLadder: {quantiles: [0.5, 0.99]}}}"},
		"sloRate":             {check, "{name: e, failures: f, requests: r, judge: {sloRate: {objective: 99.999%}}}"},
		"free-form":           {"{driver: http}", "{driver: http, with: {a: [1, {b: ~}], c: true}}"},
		"adaptive":            {canaries, "adaptive: {from: 1%, to: 50%, riskBudget: 200 failures, minBake: 2m}\n"},
		"budget as a number":  {canaries, "adaptive: {from: 1%, to: 50%, riskBudget: 200, minBake: 2m}\n"},
		"blue-green":          {canaries, "blueGreen: {preview: 30m}\n"},
		"all at once":         {canaries, "allAtOnce: {bake: 30m}\n"},
		"rings":               {canaries, "rings: [{cohort: internal, bake: 1d, owner: web}, {weight: 10%, bake: 1d}]\n"},
		"cohort of a canary":  {"weight: 5%", "weight: 5%, cohort: internal"},
		"policy":              {"checks:", "policy: {require: nonInferior, endEarly: true, alpha: 1e-3}\nchecks:"},
		"one of several":      {"checks:", "needs: [{target: a/b, soaked: 1h}, {any: [{target: a/c}, {target: a/d, version: 1.10, soaked: 1d}]}]\nchecks:"},
		"schedule":            {"checks:", "schedule: {from: 2026-12-01T08:00:00+01:00, to: 2026-12-26T00:00:00Z}\nchecks:"},
		"hook and sink":       {"checks:", "hooks: [{at: after, http: \"http://h\"}, {at: beforeStep, task: {taskQueue: q, activity: a}, otherwise: goOn}]\nnotify: [{to: slack, events: [promoted]}]\nchecks:"},
	}
	bad := map[string][]string{
		"unknown field":        {"service:", "services:"},
		"kind":                 {"kind: Rollout", "kind: Rollback"},
		"missing":              {"service: checkout\n", ""},
		"no version":           {"{version: 2.5.0}", "{artifact: x}"},
		"unsafe name":          {"service: checkout", "service: a/b"},
		"dots":                 {"service: checkout", "service: .."},
		"long name":            {"service: checkout", "service: " + strings.Repeat("a", 101)},
		"weight as a number":   {"weight: 5%", "weight: 5"},
		"weight too fine":      {"weight: 5%", "weight: 0.001%"},
		"weight too large":     {"weight: 25%", "weight: 101%"},
		"duration as a number": {"bake: 10m", "bake: 600"},
		"duration in weeks":    {"bake: 10m", "bake: 1w"},
		"negative duration":    {"bake: 10m", "bake: -10m"},
		"no bake":              {"{weight: 25%, bake: 30m}", "{weight: 25%}"},
		"two strategies":       {"strategy:", "strategy:\n  linear: {step: 10%, bake: 1m}"},
		"no rings":             {canaries, "rings: []\n"},
		"empty ring":           {canaries, "rings: [{bake: 1d}]\n"},
		"unsafe cohort":        {"weight: 5%", "weight: 5%, cohort: a/b"},
		"no preview":           {canaries, "blueGreen: {}\n"},
		"no bake at once":      {canaries, "allAtOnce: {}\n"},
		"no driver":            {"{driver: http}", "{with: {}}"},
		"two sources":          {check, "{name: e, failures: f, requests: r, histogram: h}"},
		"half a source":        {check, "{name: e, failures: f}"},
		"no source":            {check, "{name: e}"},
		"transform":            {check, "{name: q, query: x, judge: {points: {transform: ln}}}"},
		"no budget":            {check, "{name: e, failures: f, requests: r, judge: {burnRate: {}}}"},
		"no factor":            {check, "{name: e, failures: f, requests: r, judge: {burnRate: {objective: 99%, windows: [{long: 1h, short: 5m}]}}}"},
		"five windows":         {check, "{name: e, failures: f, requests: r, judge: {burnRate: {objective: 99%, windows: [" + strings.Repeat("{long: 1h, short: 5m, factor: 6}, ", 5) + "]}}}"},
		"two judges":           {check, "{name: e, failures: f, requests: r, judge: {rateRatio: {}, sloRate: {objective: 99%}}}"},
		"no judge":             {check, "{name: e, failures: f, requests: r, judge: {}}"},
		"judge of none":        {check, "{name: e, failures: f, requests: r, judge: {magic: {}}}"},
		"one matcher":          {check, "{name: e, failures: f, requests: r, by: {baseline: a}}"},
		"no objective":         {check, "{name: e, failures: f, requests: r, judge: {sloRate: {}}}"},
		"objective":            {check, "{name: e, failures: f, requests: r, judge: {sloRate: {objective: 0.999}}}"},
		"no condition":         {check, "{name: q, query: x, judge: {threshold: {}}}"},
		"margin":               {check, "{name: e, failures: f, requests: r, judge: {rateRatio: {safeMargin: 100}}}"},
		"fraction":             {check, "{name: e, failures: f, requests: r, minRequests: 2.5}"},
		"text for a number":    {check, `{name: e, failures: f, requests: r, minRequests: "2"}`},
		"text for a boolean":   {check, "{name: e, failures: f, requests: r, gates: yes}"},
		"alpha":                {"checks:", "policy: {alpha: 0.9}\nchecks:"},
		"left empty":           {"checks:", "policy:\nchecks:"},
		"rule":                 {"checks:", "policy: {noData: promote}\nchecks:"},
		"hook without a point": {"checks:", "hooks: [{http: x}]\nchecks:"},
		"sink without a name":  {"checks:", "notify: [{channel: x}]\nchecks:"},
		"event of no name":     {"checks:", "notify: [{to: slack, events: [promote]}]\nchecks:"},
		"model without digest": {"{version: 2.5.0}", "{version: 2.5.0, model: {uri: x}}"},
		"schedule left empty":  {"checks:", "schedule: {from: 2026-12-01T08:00:00Z, to:}\nchecks:"},
		"need of nothing":      {"checks:", "needs: [{soaked: 1h}]\nchecks:"},
		"any of nothing":       {"checks:", "needs: [{any: []}]\nchecks:"},
		"any within any":       {"checks:", "needs: [{any: [{any: [{target: a/b}]}]}]\nchecks:"},
		"any beside a target":  {"checks:", "needs: [{target: a/b, any: [{target: a/c}]}]\nchecks:"},
		"quorum":               {"bake: 30m", "bake: 30m, approve: {from: [a], quorum: 101}"},
	}
	for name, pairs := range good {
		doc := edit(t, pairs...)
		_, problems := Parse("f", []byte(doc))
		require.Empty(t, lines(problems), name)
		require.NoError(t, against(t, s, doc), name)
	}
	for name, pairs := range bad {
		doc := edit(t, pairs...)
		_, problems := Parse("f", []byte(doc))
		require.NotEmpty(t, problems, name)
		require.Error(t, against(t, s, doc), name)
	}
}

// TestEnumsAreThoseOfValidate holds that both know the same words.
func TestEnumsAreThoseOfValidate(t *testing.T) {
	put := map[string][]string{
		"rollout.Approval.otherwise":  {"bake: 30m", "bake: 30m, approve: {otherwise: %s}"},
		"rollout.RateRatio.direction": {"requests: r", "requests: r, judge: {rateRatio: {direction: %s}}"},
		"rollout.Points.direction":    {"failures: f, requests: r", "query: q, judge: {points: {direction: %s}}"},
		"rollout.Points.transform":    {"failures: f, requests: r", "query: q, judge: {points: {transform: %s}}"},
		"rollout.MeanCS.transform":    {"failures: f, requests: r", "query: q, judge: {meanCs: {transform: %s}}"},
		"rollout.Strategy.baseline":   {"strategy:\n", "baseline: {version: 2.4.1, artifact: a}\nstrategy:\n  baseline: %s\n"},
		"rollout.Hook.at":             {"checks:", "hooks: [{at: %s, http: \"http://h\"}]\nchecks:"},
		"rollout.Hook.otherwise":      {"checks:", "hooks: [{at: beforeStep, http: \"http://h\", otherwise: %s}]\nchecks:"},
		"rollout.Notification.events": {"checks:", "notify: [{to: slack, events: [%s]}]\nchecks:"},
		"rollout.Spec.kind":           {"kind: Rollout", "kind: %s"},
	}
	for id, words := range enums {
		// Other kinds have their own: TestFleetsAreRead, and the starter's TestWordsOfRehearsals.
		if strings.HasPrefix(id, "rollout.FleetSpec.") || !strings.HasPrefix(id, "rollout.") {
			continue
		}
		field := strings.TrimPrefix(id, "rollout.Policy.")
		pair, ok := put[id]
		if !ok {
			pair = []string{"checks:", "policy: {" + field + ": %s}\nchecks:"}
		}
		for _, word := range words {
			doc := edit(t, pair[0], fmt.Sprintf(pair[1], word))
			if word == "required" {
				doc = strings.Replace(doc, "requests: r", "requests: r, judge: {sloRate: {objective: 99%}}", 1)
			}
			_, problems := Parse("f", []byte(doc))
			require.Empty(t, lines(problems), id)
		}
		spec, _ := Parse("f", []byte(edit(t, pair[0], fmt.Sprintf(pair[1], words[0]))))
		require.True(t, replace(reflect.ValueOf(&spec).Elem(), words[0]), id)
		require.NotEmpty(t, spec.Validate(), id)
	}
}

// replace puts nonsense for the first text that is the word.
func replace(v reflect.Value, word string) bool {
	switch v.Kind() {
	case reflect.Pointer:
		return !v.IsNil() && replace(v.Elem(), word)
	case reflect.Struct:
		for i := range v.NumField() {
			if replace(v.Field(i), word) {
				return true
			}
		}
	case reflect.Slice:
		for i := range v.Len() {
			if replace(v.Index(i), word) {
				return true
			}
		}
	case reflect.String:
		if v.String() == word {
			v.SetString("nonsense")
			return true
		}
	}
	return false
}

// TestRulesNameFieldsThatExist keeps a renamed field from losing its rules.
func TestRulesNameFieldsThatExist(t *testing.T) {
	known := map[string]bool{}
	var walk func(reflect.Type)
	walk = func(typ reflect.Type) {
		switch typ.Kind() {
		case reflect.Pointer, reflect.Slice:
			walk(typ.Elem())
		case reflect.Struct:
			for _, f := range fieldsOf(typ) {
				known[f.id] = true
				walk(typ.FieldByIndex(f.index).Type)
			}
		}
	}
	walk(reflect.TypeFor[rollout.Spec]())
	walk(reflect.TypeFor[rollout.FleetSpec]())
	walk(reflect.TypeFor[rehearsal.Manifest]())
	walk(reflect.TypeFor[rehearsal.Suite]())
	walk(reflect.TypeFor[data.Template]())
	for id := range unset {
		require.True(t, known[id], id)
	}
	for id := range enums {
		require.True(t, known[id], id)
	}
	for id := range bounds {
		require.True(t, known[id], id)
	}
	ofWorker := regexp.MustCompile(`^(main|activities|fault|faults|rollout\.ErrorBudget)\.`)
	for id := range least {
		require.True(t, known[id] || ofWorker.MatchString(id), id)
	}
	for id := range patterns {
		require.True(t, known[id], id)
	}
}

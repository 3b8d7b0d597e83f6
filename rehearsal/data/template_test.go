package data_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/data"
	"bakeoff/rollout/specfile"
)

// with is a template of columns, read as a file.
func with(t *testing.T, rest string) []string {
	t.Helper()
	var out data.Template
	var told []string
	for _, p := range specfile.Decode("t.yaml", []byte("kind: DataTemplate\nname: t\nversion: 1\nrows: 10\n"+rest), &out) {
		told = append(told, p.String())
	}
	return told
}

func TestBadTemplatesAreRefused(t *testing.T) {
	tests := []struct{ name, rest, want string }{
		{"no columns", "", "columns: is missing: at least one column"},
		{"two kinds", "columns: [{name: a, uuid: true, sequence: {from: 1}}]", "t.yaml:5:11: columns[0]: needs one of uniform, normal, logNormal, choice, date, sequence, uuid, pattern, reference; it has 2"},
		{"no kind", "columns: [{name: a}]", "it has 0"},
		{"unknown field", "columns: [{name: a, unifrom: {from: 1, to: 2}}]", "t.yaml:5:21: columns[0].unifrom: unknown field; did you mean uniform?"},
		{"same name", "columns: [{name: a, uuid: true}, {name: a, uuid: true}]", "columns: a is there twice"},
		{"ends swapped", "columns: [{name: a, uniform: {from: 3, to: 2}}]", "columns[0].uniform: needs from, and to that is not less"},
		{"no spread", "columns: [{name: a, normal: {mean: 3, spread: 0}}]", "columns[0].normal.spread: 0 is not more than 0"},
		{"median", "columns: [{name: a, logNormal: {median: 0, sigma: 1}}]", "columns[0].logNormal.median: 0 is not more than 0"},
		{"sigma", "columns: [{name: a, logNormal: {median: 1, sigma: 11}}]", "columns[0].logNormal.sigma: 11 is not more than 0 and at most 10"},
		{"no values", "columns: [{name: a, choice: {values: []}}]", "columns[0].choice.values: is missing"},
		{"weights", "columns: [{name: a, choice: {values: [x, y], weights: [1]}}]", "columns[0].choice.weights: has 1 for 2 values"},
		{"negative weight", "columns: [{name: a, choice: {values: [x, y], weights: [1, -1]}}]", "columns[0].choice.weights[1]: -1 is not 0 or more"},
		{"weights of nothing", "columns: [{name: a, choice: {values: [x], weights: [0]}}]", "columns[0].choice.weights: are all 0"},
		{"two weights", "columns: [{name: a, choice: {values: [x], weights: [1], zipf: 1}}]", "columns[0].choice.zipf: cannot stand beside weights"},
		{"dates", "columns: [{name: a, date: {from: 2026-02-01T00:00:00Z, to: 2026-01-01T00:00:00Z}}]", "columns[0].date: needs from, and to that is not earlier"},
		{"pattern before", "columns: [{name: a, pattern: \"{b}\"}, {name: b, uuid: true}]", "columns[0].pattern: there is no column b before this one"},
		{"luhn", "columns: [{name: a, pattern: x, luhn: true}]", "columns[0].luhn: needs a pattern with #"},
		{"reference", "columns: [{name: a, reference: {set: s, column: c, sameRow: b}}]", "columns[0].reference.sameRow: there is no column b before this one that refers to s"},
		{"given", "columns: [{name: a, uniform: {from: 1, to: 2}, given: {column: b, cases: {x: {uniform: {from: 1, to: 2}}}}}]", "columns[0].given.column: there is no column b before this one"},
		{"given of another kind", "columns: [{name: b, uuid: true}, {name: a, uniform: {from: 1, to: 2}, given: {column: b, cases: {x: {choice: {values: [y]}}}}}]", "columns[1].given.cases.x: draws words, and the column draws numbers"},
		{"decimals", "columns: [{name: a, uniform: {from: 1, to: 2}, decimals: 10}]", "columns[0].decimals: 10 is not from 0 to 9"},
		{"decimals of words", "columns: [{name: a, choice: {values: [x]}, decimals: 2}]", "columns[0]: decimals, min and max are only for uniform, normal and logNormal"},
		{"rare number of another kind", "columns: [{name: a, sequence: {from: 1}}]\nrare: [{name: r, share: 1%, set: {a: NaN}}]", `rare[0].set.a: "NaN" is not a number`},
		{"min and max", "columns: [{name: a, uniform: {from: 1, to: 2}, min: 2, max: 1}]", "columns[0].max: is less than min"},
		{"coefficient", "columns: [{name: a, uniform: {from: 1, to: 2}}, {name: b, uniform: {from: 1, to: 2}}]\ncorrelations: [{columns: [a, b], coefficient: 2}]", "correlations[0].coefficient: 2 is not from -1 to 1"},
		{"pair of words", "columns: [{name: a, uuid: true}, {name: b, uniform: {from: 1, to: 2}}]\ncorrelations: [{columns: [a, b], coefficient: 1}]", "correlations[0].columns: a is not a column that draws numbers or dates"},
		{"pair in the wrong order", "columns: [{name: a, uniform: {from: 1, to: 2}}, {name: b, uniform: {from: 1, to: 2}}]\ncorrelations: [{columns: [b, a], coefficient: 1}]", "correlations[0].columns: b must stand before a"},
		{"rare column", "columns: [{name: a, uuid: true}]\nrare: [{name: r, share: 1%, set: {b: x}}]", "rare[0].set.b: there is no such column"},
		{"rare number", "columns: [{name: a, sequence: {from: 1}}]\nrare: [{name: r, share: 1%, set: {a: x}}]", `rare[0].set.a: "x" is not a number, and the column has numbers`},
		{"rare shares", "columns: [{name: a, uuid: true}]\nrare: [{name: r, share: 60%, set: {a: x}}, {name: q, share: 60%, set: {a: x}}]", "rare: the shares come to 120%: at most 100%"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			require.Contains(t, strings.Join(with(t, tt.rest), "\n"), tt.want)
		})
	}
	require.Empty(t, with(t, "columns: [{name: a, uuid: true}]"))
}

func TestWhatIsReferredToMustBeThere(t *testing.T) {
	_, err := data.Generate(&strings.Builder{}, template(t, "orders"), data.Draw{Set: "orders"})
	require.EqualError(t, err, "make orders from template orders: column customer: there is no set customers with a column id before this one")
	_, err = data.Generate(&strings.Builder{}, template(t, "customers"), data.Draw{Set: "c", Rows: data.MaxRows + 1})
	require.EqualError(t, err, "make c: 10000001 rows are not from 1 to 10000000")
}

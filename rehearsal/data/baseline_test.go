package data_test

import (
	"errors"
	"io/fs"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// manifest is the part of a rehearsal's manifest that is data.
type manifest struct {
	Baseline data.Baseline `json:"baseline"`
	Data     []data.Set    `json:"data"`
}

func (m manifest) Validate() []rollout.Problem {
	out := m.Baseline.Problems("baseline")
	for i, s := range m.Data {
		out = append(out, s.Problems("data["+string(rune('0'+i))+"]")...)
	}
	return out
}

const digest = "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

func TestManifest(t *testing.T) {
	var m manifest
	require.Empty(t, specfile.Decode("m.yaml", []byte(`
baseline:
  artifact: "shop@`+digest+`"
  config: "`+digest+`"
  data:
    - {name: orders, snapshot: orders.dump, digest: "`+digest+`"}
    - {name: stock, snapshot: stock.sql, digest: "`+digest+`", into: {database: shop}, checks: [{table: stock, rows: {min: 1}}]}
data:
  - {name: customers, snapshot: c.csv, digest: "`+digest+`", takenAt: 2026-11-01T00:00:00Z, mask: [{field: email, as: email}], into: {database: shop, table: customers}}
  - {name: new-orders, template: orders.yaml, rows: 10}
`), &m))
	require.Equal(t, "orders.dump", m.Baseline.Data[0].File)
	require.Equal(t, time.November, m.Data[0].TakenAt.Month())
}

func TestBadManifestsAreRefused(t *testing.T) {
	lock := `, digest: "` + digest + `"`
	tests := []struct{ name, text, want string }{
		{"artifact without digest", "baseline: {artifact: shop:1.2}", `m.yaml:1:22: baseline.artifact: "shop:1.2" is not locked: write it with @sha256:`},
		{"config", "baseline: {config: v1}", `baseline.config: "v1" is not a digest`},
		{"no digest", "baseline: {data: [{name: a, snapshot: a.csv}]}", "baseline.data[0].digest: is missing"},
		{"no file", "baseline: {data: [{name: a" + lock + "}]}", "baseline.data[0].snapshot: is missing: name a file"},
		{"out of the folder", "baseline: {data: [{name: a, snapshot: x/../../a.csv" + lock + "}]}", `baseline.data[0].snapshot: "x/../../a.csv" leads out of the folder of snapshots`},
		{"absolute", "baseline: {data: [{name: a, snapshot: /etc/passwd" + lock + "}]}", "leads out of the folder"},
		{"twice", "baseline: {data: [{name: a, snapshot: a.csv" + lock + "}, {name: a, snapshot: b.csv" + lock + "}]}", "baseline.data: a is there twice"},
		{"masked sql", "data: [{name: a, snapshot: a.sql, mask: [{field: x}]" + lock + "}]", "data[0].mask: only rows of csv and ndjson can be masked"},
		{"mask twice", "data: [{name: a, snapshot: a.csv, mask: [{field: x}, {field: x, as: keep}]" + lock + "}]", "data[0].mask: x is there twice"},
		{"check of sql", "data: [{name: a, snapshot: a.sql, checks: [{rows: {min: 1}}]" + lock + "}]", "data[0].checks[0]: of sql is asked in the database"},
		{"check of a dump", "data: [{name: a, snapshot: a.dump, checks: [{rows: {min: 1}}]" + lock + "}]", "data[0].checks: cannot be asked of this file"},
		{"empty check", "data: [{name: a, snapshot: a.csv, checks: [{table: t}]" + lock + "}]", "data[0].checks[0]: asks nothing"},
		{"field", "data: [{name: a, snapshot: a.csv, checks: [{unique: true}]" + lock + "}]", "data[0].checks[0].field: is missing"},
		{"range", "data: [{name: a, snapshot: a.csv, checks: [{rows: {min: 3, max: 2}}]" + lock + "}]", "data[0].checks[0].rows: has a max that is less than its min"},
		{"no range", "data: [{name: a, snapshot: a.csv, checks: [{rows: {}}]" + lock + "}]", "data[0].checks[0].rows: bounds nothing"},
		{"restored dump", "data: [{name: a, snapshot: a.dump, into: {database: d}" + lock + "}]", "data[0].into: only csv and sql can be restored"},
		{"no table", "data: [{name: a, snapshot: a.csv, into: {database: d}" + lock + "}]", "data[0].into.table: is missing"},
		{"unchanged", "data: [{name: a, snapshot: a.sql, into: {database: d, unchanged: ['']}" + lock + "}]", "data[0].into.unchanged[0]: is empty"},
		{"both", "data: [{name: a, template: t.yaml, snapshot: a.csv}]", "data[0].template: cannot stand beside snapshot"},
		{"rows of a snapshot", "data: [{name: a, snapshot: a.csv, rows: 3" + lock + "}]", "data[0].rows: a snapshot has the rows that it has"},
		{"mask of a template", "data: [{name: a, template: t.yaml, mask: [{field: x}]}]", "data[0].mask: is not needed"},
		{"name", "data: [{name: ../a, template: t.yaml}]", `data[0].name: "../a" needs letters`},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			var m manifest
			var told []string
			for _, p := range specfile.Decode("m.yaml", []byte(tt.text), &m) {
				told = append(told, p.String())
			}
			require.Contains(t, strings.Join(told, "\n"), tt.want)
		})
	}
}

func number(v float64) *float64 { return &v }

func TestRowsAreHeldToTheirChecks(t *testing.T) {
	body := "id,amount,note\n1,10.50,secret\n2,,x\n2,7,y\n"
	tests := []struct {
		name  string
		check data.Check
		want  string
	}{
		{"enough", data.Check{Rows: &data.Range{Min: number(3), Max: number(3)}}, ""},
		{"too few", data.Check{Rows: &data.Range{Min: number(4)}}, "f.csv: rows: 3 is less than 4"},
		{"too many", data.Check{Rows: &data.Range{Max: number(2)}}, "f.csv: rows: 3 is more than 2"},
		{"none", data.Check{Field: "amount", NotNull: true}, "f.csv: field amount: line 3 has no value"},
		{"repeated", data.Check{Field: "id", Unique: true}, "f.csv: field id: line 4 repeats line 3"},
		{"different", data.Check{Field: "amount", Unique: true}, ""},
		{"sum", data.Check{Field: "amount", Sum: &data.Range{Min: number(17.5), Max: number(17.5)}}, ""},
		{"wrong sum", data.Check{Field: "amount", Sum: &data.Range{Max: number(17)}}, "f.csv: field amount: the sum 17.5 is more than 17"},
		{"sum of words", data.Check{Field: "note", Sum: &data.Range{Max: number(17)}}, "f.csv: field note: line 2 is not a number"},
		{"no field", data.Check{Field: "idd", Unique: true}, "f.csv: there is no field idd"},
	}
	for _, tt := range tests {
		rows, err := data.CheckRows(data.File{Name: "f.csv", Format: data.CSV, Body: []byte(body)}, []data.Check{tt.check})
		require.Equal(t, 3, rows)
		if tt.want == "" {
			require.NoError(t, err, tt.name)
		} else {
			require.EqualError(t, err, tt.want, tt.name)
		}
	}
}

// TestNoRowsHoldNothing: of a field nothing is so where there is no row.
func TestNoRowsHoldNothing(t *testing.T) {
	for _, c := range []data.Check{{Field: "id", Unique: true}, {Field: "id", NotNull: true}, {Field: "id", Sum: &data.Range{Min: number(0)}}, {Field: "idd", Unique: true}} {
		for format, body := range map[string]string{data.CSV: "id\n", data.NDJSON: "\n"} {
			_, err := data.CheckRows(data.File{Name: "f", Format: format, Body: []byte(body)}, []data.Check{c})
			require.EqualError(t, err, "f: field "+c.Field+": there is no row of which it could be asked")
		}
	}
	_, err := data.CheckRows(data.File{Name: "f", Format: data.CSV, Body: []byte("id\n")}, []data.Check{{Rows: &data.Range{Max: number(0)}}})
	require.NoError(t, err)
}

// sources reads testdata, and what else is given.
func sources(files map[string]string) data.Sources {
	return data.Sources{
		Read: func(file, _ string) ([]byte, error) {
			if body, there := files[file]; there {
				return []byte(body), nil
			}
			return os.ReadFile("testdata/" + file)
		},
		Parse: func(file string, body []byte) (out data.Template, problems []rollout.Problem) {
			problems = specfile.Decode(file, body, &out)
			return out, problems
		},
		Masker: func() (*data.Masker, error) { return data.NewMasker([]byte(key)) },
	}
}

const people = "id,email\nC1,ada@example.com\nC2,grace@example.com\n"

func snapshot(body string) data.Snapshot {
	taken := time.Date(2026, 11, 1, 0, 0, 0, 0, time.UTC)
	return data.Snapshot{Name: "customers", File: "people.csv", Digest: data.Digest([]byte(body)), TakenAt: &taken,
		Mask: []data.Mask{{Field: "email", As: "email"}}, Checks: []data.Check{{Rows: &data.Range{Min: number(2)}}}}
}

func TestSetsArePreparedWithTheirLineage(t *testing.T) {
	sets := []data.Set{{Snapshot: snapshot(people)}, {Snapshot: data.Snapshot{Name: "orders"}, Template: "orders.yaml", Rows: 200}}
	got, err := data.Prepare(42, sets, sources(map[string]string{"people.csv": people}))
	require.NoError(t, err)
	masked, orders := columns(t, data.CSV, string(got[0].Body)), columns(t, data.CSV, string(got[1].Body))
	require.NotContains(t, string(got[1].Body), "ada@example.com", "templates refer to what was masked")
	require.Subset(t, masked["email"], orders["email"])
	require.Equal(t, evidence.Input{Name: "customers", Source: "people.csv", Digest: data.Digest(got[0].Body), SourceSum: data.Digest([]byte(people)),
		Rows: 2, Steps: []string{"mask email as email"}, TakenAt: sets[0].TakenAt}, got[0].Input)
	source, err := os.ReadFile("testdata/orders.yaml")
	require.NoError(t, err)
	require.Equal(t, evidence.Input{Name: "orders", Source: "orders.yaml", Digest: data.Digest(got[1].Body), SourceSum: data.Digest(source),
		Rows: 200, Steps: []string{"template orders v2, seed 42", "rare free: 4 rows", "rare odd text: 2 rows"}}, got[1].Input)
	again, err := data.Prepare(42, sets, sources(map[string]string{"people.csv": people}))
	require.NoError(t, err)
	require.Equal(t, got, again)
}

// A dump beside a masked set may hold what that hides.
func TestADumpBesideMasksIsSearched(t *testing.T) {
	prepare := func(dump string) ([]data.Prepared, error) {
		shop := data.Snapshot{Name: "shop", File: "shop.sql", Digest: data.Digest([]byte(dump))}
		return data.Prepare(1, []data.Set{{Snapshot: shop}, {Snapshot: snapshot(people)}, {Snapshot: data.Snapshot{Name: "orders"}, Template: "orders.yaml"}},
			sources(map[string]string{"people.csv": people, "shop.sql": dump}))
	}
	got, err := prepare("INSERT INTO stock VALUES ('cup', 400);\n")
	require.NoError(t, err)
	require.Equal(t, "INSERT INTO stock VALUES ('cup', 400);\n", string(got[0].Body))
	require.Equal(t, got[0].Input.SourceSum, got[0].Input.Digest)
	require.Empty(t, got[0].Input.Steps)
	_, err = prepare("INSERT INTO users VALUES ('ada@example.com');\n")
	require.EqualError(t, err, "unmasked values would leave: shop.sql:1: holds an unmasked value of people.csv, field email")
}

func TestUnprovedSetsAreRefused(t *testing.T) {
	tests := []struct {
		name string
		body string
		set  func(*data.Set)
		want string
	}{
		{"digest", people + "C3,x@example.com\n", func(*data.Set) {}, "snapshot customers: people.csv is not what was locked: its digest is sha256:"},
		{"rows", "id,email\n", func(s *data.Set) { s.Digest = data.Digest([]byte("id,email\n")) }, "people.csv: rows: 0 is less than 2"},
		{"missing", people, func(s *data.Set) { s.File = "absent.csv" }, "snapshot customers: open testdata/absent.csv: no such file"},
		{"unmarked field", people, func(s *data.Set) { s.Mask = nil }, "people.csv: field email holds e-mail addresses and is not marked"},
		{"marked wrongly", people, func(s *data.Set) { s.Mask = append(s.Mask, data.Mask{Field: "emial"}) }, "people.csv: there is no field emial to mask"},
		{"template missing", people, func(s *data.Set) { *s = data.Set{Snapshot: data.Snapshot{Name: "o"}, Template: "no.yaml"} }, "template of o: open testdata/no.yaml"},
		{"template wrong", "kind: DataTemplate", func(s *data.Set) { *s = data.Set{Snapshot: data.Snapshot{Name: "o"}, Template: "people.csv"} }, "template of o: people.csv:1:1: name: is missing"},
		{"template changed", people, func(s *data.Set) {
			*s = data.Set{Snapshot: data.Snapshot{Name: "c", Digest: digest}, Template: "customers.yaml"}
		}, "set c: its digest is sha256:"},
		{"another template", people, func(s *data.Set) {
			*s = data.Set{Snapshot: data.Snapshot{Name: "c"}, Template: "customers.yaml", TemplateDigest: digest}
		}, "template of c: customers.yaml is not what was locked: its digest is sha256:"},
		{"template for a table", people, func(s *data.Set) {
			*s = data.Set{Snapshot: data.Snapshot{Name: "c", Into: &data.Into{Database: "d", Table: "t"}}, Template: "customers.yaml"}
		}, "set c: only csv can be put into a table, and template customers makes ndjson"},
		{"template's rows", people, func(s *data.Set) {
			*s = data.Set{Snapshot: data.Snapshot{Name: "c", Checks: []data.Check{{Field: "first", Unique: true}}}, Template: "customers.yaml"}
		}, "c.ndjson: field first: line 2 repeats line 1"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			set := data.Set{Snapshot: snapshot(people)}
			tt.set(&set)
			_, err := data.Prepare(1, []data.Set{set}, sources(map[string]string{"people.csv": tt.body}))
			require.ErrorContains(t, err, tt.want)
		})
	}
	from := sources(map[string]string{"people.csv": people})
	from.Masker = func() (*data.Masker, error) { return nil, fs.ErrNotExist }
	_, err := data.Prepare(1, []data.Set{{Snapshot: snapshot(people)}}, from)
	require.EqualError(t, err, "the key for masks: file does not exist")
	require.True(t, errors.Is(err, fs.ErrNotExist))
}

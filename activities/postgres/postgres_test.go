package postgres_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/stretchr/testify/require"
	sdk "go.temporal.io/sdk/temporal"
	temporal "go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/activities/postgres"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rollout/specfile"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

var ctx = context.Background()

func TestMain(m *testing.M) {
	code := m.Run()
	procs.Clean()
	os.Exit(code)
}

const schema = `
CREATE TABLE orders (id int PRIMARY KEY, email text NOT NULL, amount numeric(10,2), placed timestamptz, share float8);
CREATE TABLE stock (item text, n int CHECK (n >= 0));
`

// dump is what pg_dump 15 writes, shortened.
const dump = `--
-- PostgreSQL database dump
--
\restrict 4fA
SET client_encoding = 'UTF8';
SELECT pg_catalog.set_config('search_path', '', false);
DROP TABLE IF EXISTS public.parts;
CREATE TABLE public.parts (
    id integer NOT NULL,
    name text
);
COPY public.parts (id, name) FROM stdin;
1	bolt; nut
2	\N
3	COPY x FROM y
\.

CREATE TABLE IF NOT EXISTS public.seen (n int);
COPY public.seen (n) FROM stdin;
\.
ALTER TABLE ONLY public.parts ADD CONSTRAINT parts_pkey PRIMARY KEY (id);
\unrestrict 4fA
`

const orders = "id,email,amount,placed,share\n1,ada@example.com,10.50,2026-11-01T10:00:00Z,0.1\n2,\"a, \"\"b\"\"\",,,0.30000000000000004\n"

// shop is a database with the schema.
func shop(t *testing.T) (*postgres.Database, *pgx.Conn) {
	t.Helper()
	address := procs.StartPostgres(t).URL
	d, err := postgres.New(address)
	require.NoError(t, err)
	conn, err := pgx.Connect(ctx, address)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(ctx) })
	_, err = conn.Exec(ctx, schema)
	require.NoError(t, err)
	return d, conn
}

func restore(t *testing.T, d *postgres.Database, table, file, body string) {
	t.Helper()
	require.NoError(t, d.Restore(ctx, data.Into{Table: table}, file, strings.NewReader(body)))
}

func number(v float64) *float64 { return &v }

func TestRealPostgres(t *testing.T) {
	d, conn := shop(t)
	exec := func(t *testing.T, sql string) {
		t.Helper()
		_, err := conn.Exec(ctx, sql)
		require.NoError(t, err)
	}

	t.Run("csv is restored, again and again", func(t *testing.T) {
		for range 2 {
			restore(t, d, "public.orders", "orders.csv", orders)
			exec(t, "INSERT INTO orders VALUES (99, 'left over')")
		}
		restore(t, d, "orders", "orders.csv", orders)
		var n int
		var email string
		var amount *float64
		require.NoError(t, conn.QueryRow(ctx, "SELECT count(*) FROM orders").Scan(&n))
		require.Equal(t, 2, n)
		require.NoError(t, conn.QueryRow(ctx, "SELECT email, amount FROM orders WHERE id = 2").Scan(&email, &amount))
		require.Equal(t, `a, "b"`, email)
		require.Nil(t, amount)
	})
	t.Run("sql is restored, again and again", func(t *testing.T) {
		for range 2 {
			restore(t, d, "", "parts.sql", dump)
		}
		var name *string
		require.NoError(t, conn.QueryRow(ctx, "SELECT name FROM parts WHERE id = 1").Scan(&name))
		require.Equal(t, "bolt; nut", *name)
		require.NoError(t, conn.QueryRow(ctx, "SELECT name FROM parts WHERE id = 2").Scan(&name))
		require.Nil(t, name)
	})
	t.Run("the digest is of the rows, in any order", func(t *testing.T) {
		before, rows, err := d.Digest(ctx, "orders")
		require.NoError(t, err)
		require.Equal(t, 2, rows)
		require.Regexp(t, `^sha256:[0-9a-f]{64}$`, before)
		exec(t, "UPDATE orders SET amount = amount WHERE id = 1") // moves the row
		exec(t, "ALTER DATABASE postgres SET TimeZone = 'Asia/Tokyo'; ALTER DATABASE postgres SET DateStyle = 'German'")
		after, _, err := d.Digest(ctx, "public.orders")
		require.NoError(t, err)
		require.Equal(t, before, after)
		for _, change := range []string{"UPDATE orders SET amount = 10.51 WHERE id = 1", "DELETE FROM orders WHERE id = 1",
			"INSERT INTO orders (id, email) VALUES (3, '')", "UPDATE orders SET email = NULLIF(email, email) || '' WHERE false; UPDATE orders SET share = 0.3 WHERE id = 2"} {
			restore(t, d, "orders", "orders.csv", orders)
			exec(t, change)
			changed, _, err := d.Digest(ctx, "orders")
			require.NoError(t, err)
			require.NotEqual(t, before, changed, change)
		}
		restore(t, d, "orders", "orders.csv", orders)
		after, _, err = d.Digest(ctx, "orders")
		require.NoError(t, err)
		require.Equal(t, before, after)
		exec(t, "INSERT INTO stock VALUES ('a', 1)")
		one, _, err := d.Digest(ctx, "stock")
		require.NoError(t, err)
		exec(t, "INSERT INTO stock VALUES ('a', 1)")
		two, _, err := d.Digest(ctx, "stock")
		require.NoError(t, err)
		require.NotEqual(t, one, two, "a doubled row is seen")
		empty, rows, err := d.Digest(ctx, "seen")
		require.NoError(t, err)
		require.Zero(t, rows)
		require.Equal(t, data.Digest(nil), empty)
	})
	t.Run("checks", func(t *testing.T) {
		restore(t, d, "orders", "orders.csv", orders)
		require.NoError(t, d.Check(ctx, "orders", []data.Check{{Rows: &data.Range{Min: number(2), Max: number(2)}},
			{Field: "id", Unique: true, NotNull: true}, {Field: "amount", Sum: &data.Range{Min: number(10.5), Max: number(10.5)}}}))
		exec(t, "INSERT INTO orders VALUES (3, 'ada@example.com')")
		err := d.Check(ctx, "orders", []data.Check{{Rows: &data.Range{Max: number(2)}}, {Field: "email", Unique: true}, {Field: "amount", NotNull: true, Sum: &data.Range{Min: number(11)}}})
		require.ErrorIs(t, err, activities.ErrFinal)
		require.EqualError(t, err, "table orders: rows: 3 is more than 2; field email: 1 values are repeated; field amount: 2 rows have no value; field amount: the sum 10.5 is less than 11: final")
		require.ErrorIs(t, d.Check(ctx, "orders", []data.Check{{Field: "none", Unique: true}}), activities.ErrFinal)
	})
	t.Run("sets are restored, and known again", func(t *testing.T) { setsAreRestored(t, d, exec) })
	t.Run("what does not fit is refused, and changes nothing", func(t *testing.T) { refusals(t, d) })
	t.Run("tables are put back", func(t *testing.T) { tablesArePutBack(t, d, exec) })
	t.Run("copies that are lost", func(t *testing.T) { lostCopies(t, d, exec) })
	t.Run("sets are put back", func(t *testing.T) { setsArePutBack(t, d, exec) })
}

// tablesArePutBack: what a table held is there again, whatever happened to it.
func tablesArePutBack(t *testing.T, d *postgres.Database, exec func(*testing.T, string)) {
	digest := func(table string) string {
		sum, _, err := d.Digest(ctx, table)
		require.NoError(t, err)
		return sum
	}
	exec(t, `CREATE SCHEMA "odd one"; CREATE TABLE "odd one".items (id int GENERATED ALWAYS AS IDENTITY PRIMARY KEY, "order" text, dropped int, parent int REFERENCES "odd one".items,
		long int GENERATED ALWAYS AS (length("order")) STORED);
		ALTER TABLE "odd one".items DROP dropped; INSERT INTO "odd one".items ("order", parent) VALUES ('a', NULL), ('bb', 1), (NULL, 2); CREATE TABLE empty (n int)`)
	for _, table := range []string{"public.orders", "odd one.items", "empty"} {
		before := digest(table)
		require.NoError(t, d.PutBack(ctx, "run/1", table, ""), "nothing was kept")
		kept, err := d.Keep(ctx, "run/1", table, "")
		require.NoError(t, err)
		require.Equal(t, before, kept)
		exec(t, "TRUNCATE orders; TRUNCATE \"odd one\".items; INSERT INTO orders VALUES (7, 'new'); INSERT INTO empty VALUES (1)")
		again, err := d.Keep(ctx, "run/1", table, kept)
		require.NoError(t, err)
		require.Equal(t, kept, again, "kept once")
		_, err = d.Keep(ctx, "it's 2", table, "")
		require.ErrorContains(t, err, `the copy of "run/1", which did not put it back`)
		require.NoError(t, d.PutBack(ctx, "it's 2", table, ""), "it has kept nothing")
		require.NotEqual(t, before, digest(table), table)
		for range 2 {
			require.NoError(t, d.PutBack(ctx, "run/1", table, kept))
			require.Equal(t, before, digest(table), table)
		}
		if table != "empty" {
			exec(t, "TRUNCATE empty; INSERT INTO \"odd one\".items (\"order\") VALUES ('c')")
		}
	}
	exec(t, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM pg_tables WHERE tablename LIKE 'bakeoff_before_%'); END $$")
	_, err := d.Keep(ctx, "run/1", strings.Repeat("a", 49), "")
	require.ErrorContains(t, err, "the name of the table is too long for a copy beside it: 48 letters at most")
	_, err = d.Keep(ctx, "run/1", "nowhere", "")
	require.ErrorIs(t, err, activities.ErrNotFound)

	kept, err := d.Keep(ctx, "run/1", "orders", "")
	require.NoError(t, err)
	exec(t, `TRUNCATE orders; CREATE FUNCTION meddle() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.email = upper(NEW.email); RETURN NEW; END';
		CREATE TRIGGER meddle BEFORE INSERT ON orders FOR EACH ROW EXECUTE FUNCTION meddle()`)
	after := digest("orders")
	err = d.PutBack(ctx, "run/1", "orders", kept)
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "its rows are not what they were, as where a trigger changes them; they are in bakeoff_before_orders")
	require.Equal(t, after, digest("orders"), "all of it or nothing")
	exec(t, "DROP TRIGGER meddle ON orders")
	require.NoError(t, d.PutBack(ctx, "run/1", "orders", kept))
	require.Equal(t, kept, digest("orders"))
}

// lostCopies: a copy that is not there any more is no proof that its rows are back.
func lostCopies(t *testing.T, d *postgres.Database, exec func(*testing.T, string)) {
	for name, tt := range map[string]struct{ meddle, want string }{
		"dropped":         {"DROP TABLE bakeoff_before_stock", "its copy bakeoff_before_stock is gone, and it does not hold what it held before"},
		"another's":       {"COMMENT ON TABLE bakeoff_before_stock IS 'run/2'", `its copy bakeoff_before_stock is that of "run/2", and it does not hold what it held before`},
		"changed":         {"UPDATE bakeoff_before_stock SET n = 2", "somebody changed its copy bakeoff_before_stock, which does not hold any more what was kept"},
		"and the table":   {"DROP TABLE bakeoff_before_stock; ALTER TABLE stock RENAME TO elsewhere", `relation "stock" does not exist`},
		"no owner stands": {"COMMENT ON TABLE bakeoff_before_stock IS NULL", `its copy bakeoff_before_stock is that of ""`},
	} {
		exec(t, "DROP TABLE IF EXISTS bakeoff_before_stock; TRUNCATE stock; INSERT INTO stock VALUES ('bolt', 1)")
		kept, err := d.Keep(ctx, "run/1", "stock", "")
		require.NoError(t, err, name)
		exec(t, "DELETE FROM stock;"+tt.meddle)
		err = d.PutBack(ctx, "run/1", "stock", kept)
		require.ErrorIs(t, err, activities.ErrFinal, name)
		require.ErrorContains(t, err, tt.want, name)
		exec(t, "ALTER TABLE IF EXISTS elsewhere RENAME TO stock; DROP TABLE IF EXISTS bakeoff_before_stock")
		_, err = d.Keep(ctx, "run/1", "stock", kept)
		require.ErrorContains(t, err, "its copy bakeoff_before_stock is gone", "what was put in is not kept for what was there")
	}
}

// setsArePutBack is the road of a set into a database and out of it.
func setsArePutBack(t *testing.T, d *postgres.Database, exec func(*testing.T, string)) {
	library := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(library, "orders.csv"), []byte(orders), 0o600))
	acts := &activities.Activities{Archive: store.NewArchive(t.TempDir()), Practice: activities.Practice{
		Library: store.NewLibrary(library), Place: func(run string) string { return run },
		Database: func(name string) (activities.Database, error) {
			if name != "shop" {
				return nil, fmt.Errorf("database %s is away", name)
			}
			return d, nil
		},
	}}
	m := manifest(t)
	m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "orders", File: "orders.csv", Digest: data.Digest([]byte(orders)),
		Into: &data.Into{Database: "shop", Table: "orders", After: data.Restored}}}}
	exec(t, "TRUNCATE orders; INSERT INTO orders VALUES (5, 'of the team')")
	before, _, err := d.Digest(ctx, "orders")
	require.NoError(t, err)
	admitted := run(t, acts.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Manifest: m}, RunID: "0123"})
	require.Empty(t, admitted.Problems)
	for range 2 { // the second is another try
		run(t, acts.RestoreData, activities.RestoreDataInput{Run: admitted.Plan.Run, Manifest: m})
	}
	exec(t, "DO $$ BEGIN ASSERT (SELECT count(*) = 2 FROM orders); END $$")
	away := m.Data[0]
	away.Name, away.Into = "away", &data.Into{Database: "away", Table: "orders", After: data.Restored}
	m.Data = append(m.Data, away)
	_, err = tried(t, acts.PutDataBack, activities.PutDataBackInput{Run: admitted.Plan.Run, Manifest: m})
	require.ErrorContains(t, err, "put back away/orders: database away is away")
	after, _, err := d.Digest(ctx, "orders")
	require.NoError(t, err)
	require.Equal(t, before, after, "the other one is back")

	m.Data = m.Data[:1]
	admitted = run(t, acts.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Manifest: m}, RunID: "0124"})
	again := activities.RestoreDataInput{Run: admitted.Plan.Run, Manifest: m}
	run(t, acts.RestoreData, again)
	exec(t, "DROP TABLE bakeoff_before_orders")
	_, err = tried(t, acts.RestoreData, again)
	require.ErrorContains(t, err, "its copy bakeoff_before_orders is gone")
	_, err = tried(t, acts.PutDataBack, activities.PutDataBackInput(again))
	require.ErrorContains(t, err, "put back shop/orders: put back what table orders held: its copy bakeoff_before_orders is gone")
}

// setsAreRestored is the road of a manifest's sets into a database: the acts of a
// rehearsal, over the real thing.
func setsAreRestored(t *testing.T, d *postgres.Database, exec func(*testing.T, string)) {
	library := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(library, "parts.sql"), []byte(dump), 0o600))
	require.NoError(t, os.WriteFile(filepath.Join(library, "orders.csv"), []byte(orders), 0o600))
	acts := &activities.Activities{Archive: store.NewArchive(t.TempDir()), Practice: activities.Practice{
		Library: store.NewLibrary(library), Place: func(run string) string { return run },
		Masker: func() (*data.Masker, error) { return data.NewMasker([]byte("0123456789abcdef")) },
		Database: func(name string) (activities.Database, error) {
			if name != "shop" {
				return nil, fmt.Errorf("database %s is not known here: %w", name, activities.ErrFinal)
			}
			return d, nil
		},
	}}
	sets := func(database string, checks ...data.Check) []data.Set {
		return []data.Set{
			{Snapshot: data.Snapshot{Name: "parts", File: "parts.sql", Digest: data.Digest([]byte(dump)), Checks: checks, Into: &data.Into{Database: database, Unchanged: []string{"parts"}}}},
			{Snapshot: data.Snapshot{Name: "orders", File: "orders.csv", Digest: data.Digest([]byte(orders)), Mask: []data.Mask{{Field: "email"}},
				Into: &data.Into{Database: database, Table: "orders", Unchanged: []string{"public.orders", "public.orders"}}}},
			{Snapshot: data.Snapshot{Name: "file", File: "orders.csv", Digest: data.Digest([]byte(orders)), Mask: []data.Mask{{Field: "email", As: "keep"}}}},
		}
	}
	m := manifest(t)
	m.Data = sets("shop", data.Check{Table: "parts", Rows: &data.Range{Min: number(3)}})
	admitted := run(t, acts.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Manifest: m}, RunID: "0123"})
	require.Empty(t, admitted.Problems)
	require.Len(t, admitted.Plan.Inputs, 3)
	run(t, acts.RestoreData, activities.RestoreDataInput{Run: admitted.Plan.Run, Manifest: m})
	exec(t, "DO $$ BEGIN ASSERT NOT EXISTS (SELECT FROM orders WHERE email LIKE '%ada%'); ASSERT (SELECT count(*) = 2 FROM orders); END $$")

	before := run(t, acts.ReadTables, activities.ReadTablesInput{Tables: m.Unchanged()}).Tables
	require.Len(t, before, 2)
	require.Equal(t, "shop/parts", before[0].Name)
	require.Equal(t, 3, before[0].Rows)
	exec(t, "UPDATE orders SET amount = 1 WHERE id = 1")
	after := run(t, acts.ReadTables, activities.ReadTablesInput{Tables: m.Unchanged()}).Tables
	require.Equal(t, before[0].Before, after[0].Before)
	require.NotEqual(t, before[1].Before, after[1].Before)

	m.Data = sets("shop", data.Check{Table: "parts", Field: "name", NotNull: true})
	_, err := tried(t, acts.RestoreData, activities.RestoreDataInput{Run: admitted.Plan.Run, Manifest: m})
	require.ErrorContains(t, err, "restore parts: table parts: field name: 1 rows have no value")
	m.Data = sets("nowhere")
	_, err = tried(t, acts.RestoreData, activities.RestoreDataInput{Run: admitted.Plan.Run, Manifest: m})
	require.ErrorContains(t, err, "database nowhere is not known here")
	_, err = tried(t, acts.ReadTables, activities.ReadTablesInput{Tables: []rehearsal.Table{{Database: "shop", Table: "nothing"}}})
	require.ErrorContains(t, err, "not found")
	var told *sdk.ApplicationError
	require.ErrorAs(t, err, &told)
	require.True(t, told.NonRetryable(), "no table comes by itself")
}

// manifest is a rehearsal that needs nothing but its data.
func manifest(t *testing.T) rehearsal.Manifest {
	t.Helper()
	var m rehearsal.Manifest
	require.Empty(t, specfile.Decode("r.yaml", []byte(`kind: Rehearsal
name: data
environment: staging
seed: 1
rollout:
  kind: Rollout
  service: shop
  environment: staging
  release: {version: "2"}
  target: {deploy: {driver: process}, traffic: {driver: caddy}}
  strategy: {canary: [{weight: 10%, bake: 1m}]}
drills: [{from: step 1, restoreWithin: 10s}]
`), &m))
	return m
}

func environment(t *testing.T) *temporal.TestActivityEnvironment {
	t.Helper()
	return new(temporal.WorkflowTestSuite).NewTestActivityEnvironment()
}

// tried runs one act that does not.
func tried[In, Out any](t *testing.T, act func(context.Context, In) (Out, error), in In) (any, error) {
	t.Helper()
	e := environment(t)
	e.RegisterActivity(act)
	return e.ExecuteActivity(act, in)
}

// run runs one act that succeeds.
func run[In, Out any](t *testing.T, act func(context.Context, In) (Out, error), in In) Out {
	t.Helper()
	e := environment(t)
	e.RegisterActivity(act)
	value, err := e.ExecuteActivity(act, in)
	require.NoError(t, err)
	var out Out
	require.NoError(t, value.Get(&out))
	return out
}

func refusals(t *testing.T, d *postgres.Database) {
	restore(t, d, "orders", "orders.csv", orders)
	before, _, err := d.Digest(ctx, "orders")
	require.NoError(t, err)
	tests := []struct {
		name, table, file, body, want string
		is                            error
	}{
		{"a word for a number", "orders", "o.csv", "id,email\n1,a\nsecret,b\n", "restore o.csv: line 3, column id: a value or row is not of the column's type (SQLSTATE 22P02): final", activities.ErrFinal},
		{"a key twice", "orders", "o.csv", "id,email\n7,a\n7,secret\n", "restore o.csv: line 3: a value or row repeats a key (SQLSTATE 23505): final", activities.ErrFinal},
		{"null", "orders", "o.csv", "id,email\n1,\n", "restore o.csv: line 2: a value or row has no value, and needs one (SQLSTATE 23502): final", activities.ErrFinal},
		{"too many values", "orders", "o.csv", "id,email\n1,a,secret\n", "restore o.csv: line 2: a value or row has not the columns of the table (SQLSTATE 22P04): final", activities.ErrFinal},
		{"no such column", "orders", "o.csv", "id,mail\n1,a\n", `restore o.csv: column "mail" of relation "orders" does not exist (SQLSTATE 42703): final`, activities.ErrFinal},
		{"no such table", "nothing", "o.csv", "id\n1\n", `restore o.csv: relation "nothing" does not exist (SQLSTATE 42P01): not found: final`, activities.ErrFinal},
		{"no table at all", `orders"; DROP TABLE orders; --`, "o.csv", "id\n1\n", "does not exist (SQLSTATE 42P01)", activities.ErrNotFound},
		{"empty", "orders", "o.csv", "", "restore o.csv: line 1: no header of columns in one line: final", activities.ErrFinal},
		{"a dump of another form", "", "o.dump", "PGDMP", "restore o.dump: only .csv and .sql can be restored: final", activities.ErrFinal},
		{"no sql", "", "o.sql", "DELETE FROM orders;\nSELEC 1;\n", `restore o.sql: syntax error at or near "SELEC" (SQLSTATE 42601): final`, activities.ErrFinal},
		{"a command of psql", "", "o.sql", "DELETE FROM orders;\n\\! rm -rf x\n", "restore o.sql: line 2 is a command of psql, and no SQL: final", activities.ErrFinal},
		{"torn", "", "o.sql", "DELETE FROM orders;\nCOPY orders (id, email) FROM stdin;\n1\ta\n", `the rows of a COPY do not end with \.`, nil},
	}
	for _, tt := range tests {
		err := d.Restore(ctx, data.Into{Table: tt.table}, tt.file, strings.NewReader(tt.body))
		require.ErrorContains(t, err, tt.want, tt.name)
		require.NotContains(t, err.Error(), "secret", tt.name)
		if tt.is != nil {
			require.ErrorIs(t, err, tt.is, tt.name)
		}
		after, _, err := d.Digest(ctx, "orders")
		require.NoError(t, err)
		require.Equal(t, before, after, tt.name)
	}
	_, _, err = d.Digest(ctx, "nothing")
	require.ErrorIs(t, err, activities.ErrNotFound)
}

func TestUnreachableDatabases(t *testing.T) {
	_, err := postgres.New("postgres://user:secret@host:port/x")
	require.ErrorContains(t, err, "the address of a database cannot be read")
	require.NotContains(t, err.Error(), "secret")
	d, err := postgres.New("postgres://user:secret@" + ports.Free(t) + "/x")
	require.NoError(t, err)
	limited, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	_, _, err = d.Digest(limited, "orders")
	require.ErrorContains(t, err, "digest of table orders: connect to the database")
	require.NotErrorIs(t, err, activities.ErrFinal, "it may come back")
	require.NotContains(t, err.Error(), "secret")
}

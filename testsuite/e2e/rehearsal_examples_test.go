package e2e_test

import (
	"context"
	"crypto/sha256"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	toxics "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/jackc/pgx/v5"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim"
)

// The suite of the examples, and with it the rehearsal, do what the guide says.
func TestExamplesOfRehearsals(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.world.Behave(baseline, sim.Behaviour{}) // healthy, as in testsuite/town
	h.world.Behave("1.2.0", sim.Behaviour{Failures: 0.2})
	examples := filepath.Join(procs.Root(), "starter", "examples")
	for _, name := range []string{"town.yaml", "rehearsal.yaml", "suite.yaml"} {
		text, err := os.ReadFile(filepath.Join(examples, name))
		require.NoError(t, err)
		write(t, h.folder, name, strings.ReplaceAll(string(text), "http://127.0.0.1:8080", h.url))
	}
	out := h.cli("rehearse", filepath.Join(h.folder, "suite.yaml"), "--reason", "as in the guide")
	require.Zero(t, out.Code, "%s\n%s", out.Stdout, out.Stderr)
	require.Contains(t, out.Stdout, "all 3 rehearsals passed")
	require.Contains(t, out.Stdout, "Passed (negative control)")
}

// A router that takes its time on the way back fails the drill, and turns a
// control green, which is red.
func TestDrillWithASlowRouter(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.world.LagWeights(4 * time.Second)
	drill := "drills: [{from: step 1, restoreWithin: 3s}]"
	status, out := h.rehearse(drill)
	require.Equal(t, evidence.Failed, status.Outcome, status.Reason)
	require.Equal(t, 10, out.Code)
	require.Contains(t, status.Reason, "restored within 3s")
	status, out = h.rehearse(drill, "negative: true")
	require.Equal(t, evidence.Passed, status.Outcome, status.Reason)
	require.Zero(t, out.Code)
	require.Contains(t, status.Reason, "negative control, and it is red")
	h.world.LagWeights(0)
	status, out = h.rehearse(drill, "negative: true")
	require.Equal(t, evidence.Failed, status.Outcome, "a control that is green")
	require.Equal(t, 10, out.Code)
}

// While a real rollout has the target, a drill of it is not made, and what was
// not made has not passed. The rollout is left alone.
func TestDrillOfABusyTarget(t *testing.T) {
	c := found(t)
	h := c.hall(t)
	h.start("strategy: {canary: [{weight: 10%, bake: 10m}]}")
	h.awaits("PUT /weights", 1)
	status, out := h.rehearse("drills: [{from: step 1, restoreWithin: 3s}]")
	require.NotEqual(t, evidence.Passed, status.Outcome, out.Stdout)
	require.Equal(t, 10, out.Code)
	require.Contains(t, h.world.State().Versions, candidate)
	h.order(0, "abort")
}

// example is one of the examples, with what is to be changed in it, beside town.yaml,
// whose candidate is well.
func (h *hall) example(name string, change ...string) string {
	h.t.Helper()
	h.world.Behave(baseline, sim.Behaviour{})
	examples := filepath.Join(procs.Root(), "starter", "examples")
	for _, file := range []string{"town.yaml", name} {
		text, err := os.ReadFile(filepath.Join(examples, file))
		require.NoError(h.t, err)
		changed := string(text)
		if file == name {
			for i := 0; i < len(change); i += 2 {
				require.Contains(h.t, changed, change[i])
			}
			changed = strings.NewReplacer(change...).Replace(changed)
		}
		write(h.t, h.folder, file, strings.ReplaceAll(changed, "http://127.0.0.1:8080", h.url))
	}
	return filepath.Join(h.folder, name)
}

// The cascade goes as its example says: the database is slow, payments are asked in its
// place and refuse a part, users notice, and the way back works in the midst of it.
func TestExampleOfACascade(t *testing.T) {
	c := found(t)
	dependency := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprintln(w, "ok") }))
	t.Cleanup(dependency.Close)
	server := toxics.NewServer(toxics.NewMetricsContainer(nil), zerolog.New(io.Discard))
	api := httptest.NewServer(server.Routes())
	t.Cleanup(api.Close)
	address := map[string]string{}
	for _, name := range []string{"db", "pay"} {
		address[name] = ports.Free(t)
		proxy, err := toxiproxy.NewClient(strings.TrimPrefix(api.URL, "http://")).CreateProxy(name, address[name], strings.TrimPrefix(dependency.URL, "http://"))
		require.NoError(t, err)
		t.Cleanup(func() { _ = proxy.Delete() })
	}
	h := c.hall(t, fmt.Sprintf("rehearsals: {faults: {directory: %q, toxiproxy: %q, limits: {atOnce: 2, kinds: [toxiproxy, errors], proxies: [db, pay]}}}",
		filepath.Join(t.TempDir(), "faults"), api.URL))
	asks := http.Client{Timeout: 100 * time.Millisecond}
	well := func(name string) bool {
		answer, err := asks.Get("http://" + address[name])
		if err != nil {
			return false
		}
		_, _ = io.Copy(io.Discard, answer.Body)
		return answer.Body.Close() == nil && answer.StatusCode < 400
	}
	behind, err := url.Parse(h.url)
	require.NoError(t, err)
	serve := httputil.NewSingleHostReverseProxy(behind)
	shop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !well("db") && !well("pay") {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		serve.ServeHTTP(w, r)
	}))
	t.Cleanup(shop.Close)

	out := h.cli("rehearse", h.example("cascade.yaml", "http://127.0.0.1:8080/", shop.URL+"/"), "--reason", "as its example says", "-o", "json")
	status := decode[rehearsal.Status](t, out.Stdout)
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 3, status.Drills)
	run := h.evidence(status)
	require.Equal(t, "errors during slow-db", run.Criteria[1].Name)
	require.Positive(t, *run.Criteria[1].Value, "one failure brought on another")
	for _, f := range run.Faults {
		require.True(t, f.Verified, "%s: %s", f.Name, f.Error)
	}
}

// What was recorded is sent again, to a service whose rows are masked and made.
func TestExampleOfAFriday(t *testing.T) {
	database := procs.StartPostgres(t)
	c := found(t)
	conn, err := pgx.Connect(t.Context(), database.URL)
	require.NoError(t, err)
	t.Cleanup(func() { _ = conn.Close(context.Background()) })
	_, err = conn.Exec(t.Context(), "CREATE TABLE customers (id int, email text, name text, city text); CREATE TABLE orders (id int, customer int); CREATE TABLE prices (id int); INSERT INTO prices VALUES (7)")
	require.NoError(t, err)

	library := t.TempDir()
	customers := []string{"id,email,name,city"}
	for i := range 1000 {
		customers = append(customers, fmt.Sprintf("%d,ana%d@example.com,Ana %d,Porto", i+1, i, i))
	}
	file := write(t, library, "customers.csv", customers...)
	body, err := os.ReadFile(file)
	require.NoError(t, err)
	write(t, library, "orders.yaml", "kind: DataTemplate", "name: orders", "version: 1", "rows: 10", "columns:",
		"  - {name: id, sequence: {from: 1}}", "  - {name: customer, reference: {set: customers, column: id, zipf: 0.8}}")
	var recorded strings.Builder
	for i := range 2000 { // 100 s, which take 50
		fmt.Fprintf(&recorded, "1 %024x %d\nGET /?order=%d HTTP/1.1\r\nHost: shop\r\nCookie: secret\r\n\r\n\n🐵🙈🙉\n", i, 1439818823587396305+int64(i)*50_000_000, i)
	}
	require.NoError(t, os.WriteFile(filepath.Join(library, "friday.gor"), []byte(recorded.String()), 0o600))
	h := c.hall(t, "rehearsals:", fmt.Sprintf("  directory: %q", library), fmt.Sprintf("  databases: {shop: {file: %q}}", write(t, t.TempDir(), "database", database.URL)),
		fmt.Sprintf("  masking: {file: %q}", write(t, t.TempDir(), "key", "a key of more than sixteen bytes")))

	locked := "sha256:7d865e959b2466918c9863afca942d0fb89d7c9ac0c99bafc3749504ded97730"
	out := h.cli("rehearse", h.example("friday.yaml", locked, fmt.Sprintf("sha256:%x", sha256.Sum256(body))), "--reason", "as its example says", "-o", "json")
	status := decode[rehearsal.Status](t, out.Stdout)
	require.Equal(t, evidence.Passed, status.Outcome, "%s\n%s", out.Stdout, out.Stderr)
	require.Equal(t, 3, status.Drills)
	require.Empty(t, mentions(t, status.Place, "ana7@example.com"), "no original leaves")
	var rows, masked int
	require.NoError(t, conn.QueryRow(t.Context(), "SELECT (SELECT count(*) FROM orders), (SELECT count(*) FROM customers WHERE email NOT LIKE 'ana%@example.com')").Scan(&rows, &masked))
	require.Equal(t, []int{5000, 1000}, []int{rows, masked})
}

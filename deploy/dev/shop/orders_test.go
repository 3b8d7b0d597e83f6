package shop

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// version starts a version of the shop that keeps orders in a place.
func version(t *testing.T, place string, b Behaviour) string {
	t.Helper()
	orders, err := OpenOrders(t.Context(), place)
	require.NoError(t, err)
	b.Median, b.TailFactor = time.Microsecond, 1
	server := httptest.NewServer(New("1.0.0", b, orders))
	t.Cleanup(func() {
		server.Close()
		require.NoError(t, orders.Close())
	})
	return server.URL
}

func order(t *testing.T, url, body string) (int, string) {
	t.Helper()
	resp, err := http.Post(url+"/orders", "application/json", strings.NewReader(body))
	require.NoError(t, err)
	defer resp.Body.Close()
	var answer strings.Builder
	require.NoError(t, resp.Write(&answer))
	return resp.StatusCode, answer.String()
}

func TestVersionsShareOrders(t *testing.T) {
	place := "file:" + t.TempDir()
	old, other := version(t, place, Behaviour{}), version(t, place, Behaviour{})
	code, _, body := get(t, old+"/orders/a")
	require.Equal(t, 404, code, body)
	code, answer := order(t, old, `{"id":"a","payload":"two cups"}`)
	require.Equal(t, 201, code)
	require.Contains(t, answer, `{"id":"a","payload":"two cups"}`)
	for _, url := range []string{old, other} {
		code, _, body = get(t, url+"/orders/a")
		require.Equal(t, 200, code)
		require.JSONEq(t, `{"id":"a","payload":"two cups","copies":1}`, body)
	}
	order(t, other, `{"id":"a","payload":"three"}`)
	_, _, body = get(t, old+"/orders/a")
	require.JSONEq(t, `{"id":"a","payload":"two cups","copies":2}`, body, "a double is seen, and the first stays")
	third := version(t, place, Behaviour{})
	_, _, body = get(t, third+"/orders/a")
	require.JSONEq(t, `{"id":"a","payload":"two cups","copies":2}`, body, "after a restart")
}

func TestVersionsThatSpoilOrders(t *testing.T) {
	place := "file:" + t.TempDir()
	good := version(t, place, Behaviour{})
	for id, b := range map[string]Behaviour{"lost": {Loses: 1}, "twice": {Doubles: 1}, "other": {Alters: 1}, "failed": {Errors: 1}} {
		code, _ := order(t, version(t, place, b), fmt.Sprintf(`{"id":%q,"payload":"p"}`, id))
		require.Equal(t, map[bool]int{true: 500, false: 201}[id == "failed"], code, id)
	}
	for id, want := range map[string]string{
		"lost": `{"error":"there is no such order"}`, "failed": `{"error":"there is no such order"}`,
		"twice": `{"id":"twice","payload":"p","copies":2}`, "other": `{"id":"other","payload":"p (altered)","copies":1}`,
	} {
		_, _, body := get(t, good+"/orders/"+id)
		require.JSONEq(t, want, body, id)
	}
}

func TestBadOrdersAreRefused(t *testing.T) {
	url := version(t, "file:"+t.TempDir(), Behaviour{})
	for body, want := range map[string]int{"": 400, "[]": 400, `{"payload":"p"}`: 400, `{"id":"a","payload":3}`: 400,
		`{"id":"a","payload":"` + strings.Repeat("x", largestOrder) + `"}`: 413} {
		code, _ := order(t, url, body)
		require.Equal(t, want, code, body[:min(len(body), 30)])
	}
	for _, place := range []string{"orders", "file:orders", "mysql://x", "file:/dev/null/x", "postgres://user:secret@host:port/x"} {
		_, err := OpenOrders(t.Context(), place)
		require.Error(t, err, place)
		require.NotContains(t, err.Error(), "secret")
	}
	server := httptest.NewServer(New("1.0.0", Behaviour{Median: 1, TailFactor: 1}, nil))
	defer server.Close()
	code, _ := order(t, server.URL, `{"id":"a","payload":"p"}`)
	require.Equal(t, 404, code, "a shop without orders has no such page")
}

// What a crash left of a record spoils none before and none behind it.
func TestATornRecord(t *testing.T) {
	dir := t.TempDir()
	url := version(t, "file:"+dir, Behaviour{})
	order(t, url, `{"id":"a","payload":"p"}`)
	file, err := os.OpenFile(filepath.Join(dir, "orders.log"), os.O_WRONLY|os.O_APPEND, 0)
	require.NoError(t, err)
	_, err = file.WriteString("\n" + `{"id":"b","pay`)
	require.NoError(t, err)
	require.NoError(t, file.Close())
	order(t, url, `{"id":"c","payload":"p"}`)
	for id, want := range map[string]int{"a": 200, "b": 404, "c": 200} {
		code, _, _ := get(t, url+"/orders/"+id)
		require.Equal(t, want, code, id)
	}
}

func TestManyOrderAtOnce(t *testing.T) {
	place := "file:" + t.TempDir()
	urls := []string{version(t, place, Behaviour{}), version(t, place, Behaviour{})}
	var all sync.WaitGroup
	for i := range 200 {
		all.Go(func() {
			resp, err := http.Post(urls[i%2]+"/orders", "application/json", strings.NewReader(fmt.Sprintf(`{"id":"o%d","payload":"p"}`, i)))
			if err == nil {
				_ = resp.Body.Close()
			}
		})
	}
	all.Wait()
	for i := range 200 {
		_, _, body := get(t, fmt.Sprintf("%s/orders/o%d", urls[0], i))
		require.JSONEq(t, fmt.Sprintf(`{"id":"o%d","payload":"p","copies":1}`, i), body)
	}
}

func TestHealthIsThatOfTheOrders(t *testing.T) {
	orders, err := OpenOrders(t.Context(), "file:"+t.TempDir())
	require.NoError(t, err)
	server := httptest.NewServer(New("1.0.0", Behaviour{Median: 1, TailFactor: 1}, orders))
	defer server.Close()
	code, _, _ := get(t, server.URL+"/healthz")
	require.Equal(t, 200, code)
	require.NoError(t, orders.Close()) // as when the disk is gone
	code, _, body := get(t, server.URL+"/healthz")
	require.Equal(t, 503, code)
	require.Equal(t, "orders cannot be kept now\n", body)
	code, _ = order(t, server.URL, `{"id":"a","payload":"p"}`)
	require.Equal(t, 503, code)
}

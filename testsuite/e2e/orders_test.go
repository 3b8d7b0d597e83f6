package e2e_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities/postgres"
	"bakeoff/testsuite/ports"
	"bakeoff/testsuite/procs"
)

// shop is one version of the demonstration's shop.
type shop struct {
	*procs.Process
	url string
}

func startShop(t *testing.T, version, orders string, env ...string) shop {
	t.Helper()
	program := filepath.Join(procs.Root(), "bin", "bakeoff-shop")
	if _, err := os.Stat(program); err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal("bin/bakeoff-shop is missing: make dev")
		}
		t.Skip("SKIP: bin/bakeoff-shop is missing: make dev")
	}
	address := ports.Free(t)
	p := procs.Start(t, "bakeoff-shop", program, append(env, "SHOP_ORDERS="+orders, "SHOP_ERRORS=0", "SHOP_LATENCY=1ms"),
		"--version", version, "--port", address[strings.LastIndex(address, ":")+1:])
	p.AwaitLine(t, "ready")
	return shop{p, "http://" + address}
}

// order returns the status of the answer; 0: there was none.
func (s shop) order(id string) int {
	resp, err := http.Post(s.url+"/orders", "application/json", strings.NewReader(fmt.Sprintf(`{"id":%q,"payload":"of %s"}`, id, id)))
	if err != nil {
		return 0
	}
	_ = resp.Body.Close()
	return resp.StatusCode
}

// copies returns how many there are of an order, all as they were sent.
func (s shop) copies(t *testing.T, id string) int {
	t.Helper()
	resp, err := http.Get(s.url + "/orders/" + id)
	require.NoError(t, err)
	defer resp.Body.Close()
	if resp.StatusCode == http.StatusNotFound {
		return 0
	}
	require.Equal(t, http.StatusOK, resp.StatusCode)
	var found struct {
		ID, Payload string
		Copies      int
	}
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&found))
	require.Equal(t, "of "+id, found.Payload)
	return found.Copies
}

func (s shop) health(t *testing.T) int {
	t.Helper()
	resp, err := http.Get(s.url + "/healthz")
	require.NoError(t, err)
	_ = resp.Body.Close()
	return resp.StatusCode
}

// An order that was acknowledged is there once, for every version, also when
// the version that took it was killed while it took others.
func TestAcknowledgedOrdersOutliveTheShop(t *testing.T) {
	t.Parallel()
	t.Run("file", func(t *testing.T) { killAShop(t, "file:"+t.TempDir()) })
	t.Run("postgres", func(t *testing.T) {
		database := procs.StartPostgres(t)
		other := killAShop(t, database.URL)
		tables, err := postgres.New(database.URL)
		require.NoError(t, err)
		_, rows, err := tables.Digest(t.Context(), "orders")
		require.NoError(t, err)
		require.Greater(t, rows, 20)
		database.Kill()
		require.Eventually(t, func() bool { return other.health(t) == http.StatusServiceUnavailable }, procs.Patience, 50*time.Millisecond)
		require.Equal(t, http.StatusServiceUnavailable, other.order("too late"))
	})
}

func killAShop(t *testing.T, place string) shop {
	killed, other := startShop(t, "1.0.0", place), startShop(t, "1.1.0", place)
	require.Equal(t, http.StatusOK, other.health(t))
	var mu sync.Mutex
	status := map[string]int{}
	enough := make(chan struct{})
	var all sync.WaitGroup
	for client := range 4 {
		all.Go(func() {
			for i := 0; ; i++ {
				id := fmt.Sprintf("%d-%d", client, i)
				code := killed.order(id)
				mu.Lock()
				status[id] = code
				if len(status) == 30 {
					close(enough)
				}
				mu.Unlock()
				if code == 0 {
					return
				}
			}
		})
	}
	<-enough
	killed.Kill()
	all.Wait()
	acknowledged := 0
	for id, code := range status {
		if code != http.StatusCreated {
			require.Zero(t, code)
			require.LessOrEqual(t, other.copies(t, id), 1, id)
			continue
		}
		acknowledged++
		require.Equal(t, 1, other.copies(t, id), id)
	}
	require.GreaterOrEqual(t, acknowledged, 26)
	return other
}

// A version that loses, doubles or alters orders is seen through the others.
func TestSpoiledOrdersAreSeen(t *testing.T) {
	t.Parallel()
	place := "file:" + t.TempDir()
	good := startShop(t, "1.0.0", place)
	require.Equal(t, http.StatusCreated, startShop(t, "1.1.0", place, "SHOP_LOSES=100%").order("a"))
	require.Zero(t, good.copies(t, "a"))
	require.Equal(t, http.StatusCreated, startShop(t, "1.2.0", place, "SHOP_DOUBLES=1").order("b"))
	require.Equal(t, 2, good.copies(t, "b"))
}

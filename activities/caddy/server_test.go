package caddy

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/testsuite/procs"
)

// server is a real Caddy with one handler, and a proxy before its admin API.
type server struct {
	admin, site string // base URLs; admin is Caddy's own
	proxy       *proxy
}

// startCaddy runs Caddy with a handler of these extra fields until the test ends.
func startCaddy(t *testing.T, fields map[string]any) server {
	t.Helper()
	admin, site := procs.StartCaddy(t, fields)
	s := server{admin: "http://" + admin, site: "http://" + site}
	s.proxy = startProxy(t, admin)
	return s
}

// router returns a new driver that reaches Caddy through the proxy.
func (s server) router(t *testing.T) activities.Traffic {
	t.Helper()
	r, err := New(activities.With{"admin": s.proxy.url, "deadline": "2s"})
	require.NoError(t, err)
	return r
}

// admin calls are what a person does past the driver.
func (s server) patch(t *testing.T, path string, value any) {
	t.Helper()
	body, err := json.Marshal(value)
	require.NoError(t, err)
	req, err := http.NewRequest(http.MethodPatch, s.admin+path, bytes.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Content-Type", "application/json")
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	answer, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	require.Equal(t, http.StatusOK, resp.StatusCode, string(answer))
}

func (s server) handler(t *testing.T) handler {
	t.Helper()
	resp, err := http.Get(s.admin + "/id/bakeoff")
	require.NoError(t, err)
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	require.NoError(t, resp.Body.Close())
	h, err := parseHandler("bakeoff", body)
	require.NoError(t, err)
	return h
}

// backend is a version's process: it says who it is and counts its requests.
type backend struct {
	url   string
	count atomic.Int64
	last  atomic.Int64 // when, in ns
}

func startBackend(t *testing.T, version string) *backend {
	t.Helper()
	b := &backend{}
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		b.count.Add(1)
		b.last.Store(time.Now().UnixNano())
		_, _ = fmt.Fprint(w, version)
	}))
	t.Cleanup(srv.Close)
	b.url = srv.URL
	return b
}

// get sends n requests to the site, eight at a time, and counts who answers.
func (s server) get(t *testing.T, n int) map[string]int {
	t.Helper()
	client := &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 8}}
	defer client.CloseIdleConnections()
	todo, answers := make(chan struct{}, n), make(chan string, n)
	for range n {
		todo <- struct{}{}
	}
	close(todo)
	for range 8 {
		go func() {
			for range todo {
				answers <- answer(client, s.site)
			}
		}()
	}
	counts := map[string]int{}
	for range n {
		counts[<-answers]++
	}
	return counts
}

// answer returns the body, or what was there instead. Caddy drops what waits at its old
// socket when it is configured anew: that is asked again.
func answer(client *http.Client, url string) string {
	resp, err := client.Get(url)
	for tries := 1; err != nil && tries < 5; tries++ {
		resp, err = client.Get(url)
	}
	if err != nil {
		return err.Error()
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.StatusCode != http.StatusOK {
		return fmt.Sprint(resp.Status, err)
	}
	return string(body)
}

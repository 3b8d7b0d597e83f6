package caddy

import (
	"bytes"
	"debug/buildinfo"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/testsuite/ports"
)

// findCaddy returns a Caddy of at least 2.9, from PATH or from ../../bin.
func findCaddy(t *testing.T) string {
	t.Helper()
	local, err := filepath.Abs("../../bin/caddy")
	require.NoError(t, err)
	for _, name := range []string{"caddy", local} {
		path, err := exec.LookPath(name)
		if err == nil && isRecent(caddyVersion(path)) {
			return path
		}
	}
	const missing = "SKIP: no caddy 2.9 or later on PATH or in bin/: GOBIN=$PWD/bin go install github.com/caddyserver/caddy/v2/cmd/caddy@v2.11.9"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip(missing)
	return ""
}

// caddyVersion asks the binary's build information first: one that was built
// with go install calls itself "unknown".
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err == nil && info.Main.Path == "github.com/caddyserver/caddy/v2" {
		return info.Main.Version
	}
	out, _ := exec.Command(path, "version").Output()
	return string(out)
}

func isRecent(version string) bool {
	m := regexp.MustCompile(`^v?(\d+)\.(\d+)\.`).FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major > 2 || major == 2 && minor >= 9
}

// server is a real Caddy with one handler, and a proxy before its admin API.
type server struct {
	admin, site string // base URLs; admin is Caddy's own
	proxy       *proxy
}

// startCaddy runs Caddy with a handler of these extra fields until the test ends.
func startCaddy(t *testing.T, fields map[string]any) server {
	t.Helper()
	binary, home := findCaddy(t), t.TempDir()
	admin, site := ports.Free(t), ports.Free(t)
	h := map[string]any{"@id": "bakeoff", "handler": "reverse_proxy", "upstreams": []any{}}
	for name, value := range fields {
		h[name] = value
	}
	config, err := json.Marshal(map[string]any{
		"admin":   map[string]any{"listen": admin, "config": map[string]any{"persist": false}},
		"logging": map[string]any{"logs": map[string]any{"default": map[string]any{"level": "ERROR"}}},
		"apps": map[string]any{"http": map[string]any{"servers": map[string]any{"site": map[string]any{
			"listen": []string{site}, "routes": []any{map[string]any{"handle": []any{h}}}}}}},
	})
	require.NoError(t, err)
	file := filepath.Join(home, "caddy.json")
	require.NoError(t, os.WriteFile(file, config, 0o600))
	var log bytes.Buffer
	cmd := exec.Command(binary, "run", "--config", file)
	cmd.Env = append(os.Environ(), "HOME="+home, "XDG_CONFIG_HOME="+home, "XDG_DATA_HOME="+home)
	cmd.Stdout, cmd.Stderr = &log, &log
	require.NoError(t, cmd.Start())
	t.Cleanup(func() {
		_ = cmd.Process.Signal(syscall.SIGKILL)
		_ = cmd.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	s := server{admin: "http://" + admin, site: "http://" + site}
	require.Eventually(t, func() bool {
		resp, err := http.Get(s.admin + "/id/bakeoff")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}, 15*time.Second, 10*time.Millisecond)
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

// answer returns the body, or what was there instead.
func answer(client *http.Client, url string) string {
	resp, err := client.Get(url)
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

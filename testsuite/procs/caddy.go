package procs

import (
	"debug/buildinfo"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/testsuite/ports"
)

// StartCaddy runs a real Caddy whose site has one reverse_proxy, with the @id bakeoff
// and these fields more, and returns where its admin API and its site listen, as
// host:port, when it answers. Without a Caddy of 2.9 or newer, on PATH or in bin/, the
// test is skipped, and fails in CI.
func StartCaddy(t testing.TB, fields map[string]any) (admin, site string) {
	t.Helper()
	binary, home := findCaddy(t), t.TempDir()
	admin, site = ports.Free(t), ports.Free(t)
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
	Start(t, "caddy", binary, []string{"HOME=" + home, "XDG_CONFIG_HOME=" + home, "XDG_DATA_HOME=" + home}, "run", "--config", file)
	require.Eventually(t, func() bool {
		resp, err := http.Get("http://" + admin + "/id/bakeoff")
		if err == nil {
			_ = resp.Body.Close()
		}
		return err == nil && resp.StatusCode == http.StatusOK
	}, Patience, 10*time.Millisecond, "Caddy does not answer")
	return admin, site
}

func findCaddy(t testing.TB) string {
	t.Helper()
	for _, name := range []string{"caddy", filepath.Join(Root(), "bin", "caddy")} {
		path, err := exec.LookPath(name)
		if err == nil && isRecent(caddyVersion(path)) {
			return path
		}
	}
	const missing = "no caddy 2.9 or later on PATH or in bin/: make caddy"
	if os.Getenv("CI") == "true" {
		t.Fatal(missing)
	}
	t.Skip("SKIP: " + missing)
	return ""
}

// caddyVersion asks the binary's build information first: one that was built
// with go install calls itself "unknown".
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err == nil && info.Main.Path == "github.com/caddyserver/caddy/v2" {
		return info.Main.Version
	}
	out, _ := exec.Command(path, "version").Output() // "" is not recent
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

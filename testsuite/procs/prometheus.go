package procs

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// listening matches the line in the log of Prometheus and of Alertmanager that says
// where it is.
var listening = regexp.MustCompile(`msg="Listening on" address=(\S+)`)

// OnPath returns where a program is that the machine may have. Without it the
// test is skipped, and fails in CI.
func OnPath(t testing.TB, name string) string {
	t.Helper()
	binary, err := exec.LookPath(name)
	if err != nil {
		if os.Getenv("CI") == "true" {
			t.Fatal(name + " is not on PATH")
		}
		t.Skip("SKIP: " + name + " is not on PATH")
	}
	return binary
}

// StartPrometheus runs a real Prometheus with this configuration over the data
// below a folder, and returns its URL when it listens.
func StartPrometheus(t testing.TB, dir, config string) string {
	t.Helper()
	binary, file := OnPath(t, "prometheus"), filepath.Join(dir, "prometheus.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	p := Start(t, "prometheus", binary, nil, "--config.file="+file, "--storage.tsdb.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--enable-feature=native-histograms")
	return p.awaitListening(t)
}

// StartAlertmanager runs a real Alertmanager with this configuration, and returns its
// URL when it listens.
func StartAlertmanager(t testing.TB, dir, config string) string {
	t.Helper()
	binary, file := OnPath(t, "prometheus-alertmanager"), filepath.Join(dir, "alertmanager.yml")
	require.NoError(t, os.WriteFile(file, []byte(config), 0o600))
	p := Start(t, "alertmanager", binary, nil, "--config.file="+file, "--storage.path="+filepath.Join(dir, "data"),
		"--web.listen-address=127.0.0.1:0", "--cluster.listen-address=")
	return p.awaitListening(t)
}

// awaitListening waits until the log says where the process listens.
func (p *Process) awaitListening(t testing.TB) string {
	t.Helper()
	for end := time.Now().Add(Patience); ; {
		for _, line := range p.lines() {
			if found := listening.FindStringSubmatch(line); found != nil {
				return "http://" + found[1]
			}
		}
		select {
		case <-p.done:
			t.Fatalf("%s ended before it listened:\n%s", p.Name, p.Tail(30))
		case <-time.After(20 * time.Millisecond):
			require.True(t, time.Now().Before(end), "%s does not listen:\n%s", p.Name, p.Tail(30))
		}
	}
}

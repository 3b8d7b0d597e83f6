//go:build linux

package process

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/rollout"
)

// TestMain lets this binary be the service that is deployed, or a worker that
// deploys it.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv("TEST_PORT") != "":
		serve(os.Getenv("TEST_PORT"), os.Getenv("TEST_MODE"))
	case os.Getenv("TEST_WORKER") != "":
		work(os.Getenv("TEST_WORKER"))
	default:
		os.Exit(m.Run())
	}
}

// serve is a service. Modes: "crash" exits at once, "sick" is never healthy,
// "stubborn" ignores SIGTERM, "parent" leaves a child behind when it stops.
func serve(port, mode string) {
	switch mode {
	case "crash":
		fmt.Println("cannot find my database")
		os.Exit(3)
	case "stubborn":
		signal.Ignore(syscall.SIGTERM)
	case "parent":
		child := exec.Command("sleep", "600")
		if err := child.Start(); err != nil {
			panic(err)
		}
		fmt.Println("child", child.Process.Pid)
	}
	http.HandleFunc("/healthz", func(w http.ResponseWriter, _ *http.Request) {
		if mode == "sick" {
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	http.HandleFunc("/env", func(w http.ResponseWriter, _ *http.Request) {
		_ = json.NewEncoder(w).Encode(os.Environ())
	})
	fmt.Println("serving", os.Args[1:])
	fmt.Println(http.ListenAndServe("127.0.0.1:"+port, nil))
	os.Exit(1)
}

// work is a worker: it deploys and then stays until it is killed.
func work(dir string) {
	s, err := New(with(dir))
	if err == nil {
		err = s.Deploy(context.Background(), write(1), deployment("1.0.0", 2))
	}
	fmt.Println("deployed:", err)
	select {}
}

func with(dir string) activities.With {
	exe, err := os.Executable()
	if err != nil {
		panic(err)
	}
	return activities.With{
		"directory": dir, "command": []string{exe, "{{.Version}}", "{{.Artifact}}"},
		"env": map[string]string{"TEST_PORT": "{{.Port}}"}, "stopGrace": "5s",
	}
}

func write(generation int) activities.Write {
	return activities.Write{Intent: fmt.Sprint("w", generation), Fence: activities.Fence{Epoch: 1700000000000, Generation: generation}}
}

func deployment(version string, replicas int, mode ...string) activities.Deployment {
	r := rollout.Release{Version: version, Artifact: "app@" + version, Config: map[string]string{"COLOR": "green"}}
	if len(mode) > 0 {
		r.Config["TEST_MODE"] = mode[0]
	}
	return activities.Deployment{Service: "app", Release: r, Replicas: replicas}
}

// supervisor returns a driver over a fresh directory, whose processes end with
// the test.
func supervisor(t *testing.T, overlay ...activities.With) *Supervisor {
	t.Helper()
	return supervisorOf(t, t.TempDir(), overlay...)
}

func supervisorOf(t *testing.T, dir string, overlay ...activities.With) *Supervisor {
	t.Helper()
	w := with(dir)
	for _, o := range overlay {
		for name, value := range o {
			w[name] = value
		}
	}
	d, err := New(w)
	require.NoError(t, err)
	s := d.(*Supervisor)
	t.Cleanup(func() { killAll(t, s) })
	return s
}

// killAll ends every process that the directory knows of.
func killAll(t *testing.T, s *Supervisor) {
	for _, r := range records(t, s) {
		for left := r.living(); len(left) > 0; left = r.living() {
			for _, p := range left {
				require.NoError(t, p.Signal(os.Kill))
			}
			require.NoError(t, rest(context.Background()))
		}
	}
}

func records(t *testing.T, s *Supervisor) []record {
	t.Helper()
	files, err := filepath.Glob(s.path("versions", "*.json"))
	require.NoError(t, err)
	var all []record
	for _, file := range files {
		r, err := s.load(strings.TrimSuffix(filepath.Base(file), ".json"))
		require.NoError(t, err)
		all = append(all, r)
	}
	return all
}

func recordOf(t *testing.T, s *Supervisor, version string) record {
	t.Helper()
	r, err := s.load(version)
	require.NoError(t, err)
	return r
}

// await waits until a version is in a state and returns it.
func await(t *testing.T, s *Supervisor, version, state string) activities.VersionState {
	t.Helper()
	var v activities.VersionState
	require.Eventually(t, func() bool {
		var err error
		v, err = s.Version(t.Context(), version)
		return err == nil && v.State == state
	}, 20*time.Second, tick, "%s never got %s", version, state)
	return v
}

func gone(t *testing.T, p identity.Process) {
	t.Helper()
	require.Eventually(t, func() bool { return !p.Alive() }, 10*time.Second, tick)
}

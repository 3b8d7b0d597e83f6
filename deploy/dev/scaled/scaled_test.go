package scaled

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// TestMain lets this binary be a replica, or a service whose replicas it is.
func TestMain(m *testing.M) {
	switch {
	case os.Getenv(RateVariable) != "":
		start, err := time.ParseDuration(os.Getenv(StartVariable))
		if err == nil {
			err = Replica(os.Stdin, os.Stdout, options(0).Rate, start)
		}
		exitWith(err)
	case os.Getenv("TEST_SERVICE") != "":
		ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGTERM)
		defer stop()
		s, err := New(options(3), os.Args[0])
		if err != nil {
			exitWith(err)
		}
		l, err := net.Listen("tcp", os.Getenv("TEST_SERVICE"))
		if err != nil {
			exitWith(err)
		}
		exitWith(s.Serve(ctx, l))
	}
	os.Exit(m.Run())
}

func exitWith(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(0)
}

// options are of a service that has at least so many replicas.
func options(least int) Options {
	return Options{Rate: 50, Policy: Policy{Min: least, Max: 5, TargetQueue: 10, TargetUtilisation: 0.8,
		Interval: 20 * time.Millisecond, CooldownUp: 50 * time.Millisecond, Stabilisation: 300 * time.Millisecond}}
}

func TestNewRefuses(t *testing.T) {
	for why, change := range map[string]func(*Options){
		"min 3 and max 2":      func(o *Options) { o.Policy.Min, o.Policy.Max = 3, 2 },
		"target-queue":         func(o *Options) { o.Policy.TargetQueue = 0 },
		"target-utilisation":   func(o *Options) { o.Policy.TargetUtilisation = 80 },
		"interval":             func(o *Options) { o.Policy.Interval = 0 },
		"cooldowns must not":   func(o *Options) { o.Policy.CooldownUp = -1 },
		"rate: 0":              func(o *Options) { o.Rate = 0 },
		"stuck-at must not be": func(o *Options) { o.StuckAt = -1 },
	} {
		o := options(1)
		change(&o)
		_, err := New(o, "true")
		require.ErrorContains(t, err, why)
	}
}

// TestGoesUpAndDown: requests that wait get replicas, and nobody is turned away.
func TestGoesUpAndDown(t *testing.T) {
	o := options(1)
	s, err := New(o, os.Args[0])
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	url := "http://" + l.Addr().String()
	require.Eventually(t, func() bool { return status(url+"/healthz") == http.StatusOK }, 5*time.Second, 5*time.Millisecond)

	var all sync.WaitGroup
	for range 100 {
		all.Go(func() {
			if code := status(url + "/"); code != http.StatusOK {
				t.Errorf("answered %d", code)
			}
		})
	}
	ready := func() int { n, _ := s.meter.last(); return n }
	require.Eventually(t, func() bool { return ready() == 5 }, 5*time.Second, 5*time.Millisecond, "100 wait, 10 for each: as many as there may be")
	all.Wait()
	require.Eventually(t, func() bool { return ready() == 1 }, 5*time.Second, 5*time.Millisecond)
	page := read(t, url+"/metrics")
	for _, line := range []string{"replicas_ready 1", "replicas_wanted 1", "queue_length 0", "arrivals_total 100",
		`http_requests_total{code="200"} 100`, "http_request_duration_seconds_count 100"} {
		require.Contains(t, page, "\n"+line+"\n")
	}
	stop()
	require.NoError(t, <-served)
	require.Zero(t, ready())
}

// TestReplicasEndWithTheirService, however it ends, and a replica that dies is
// replaced.
func TestReplicasEndWithTheirService(t *testing.T) {
	for _, end := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		t.Run(end.String(), func(t *testing.T) {
			l, err := net.Listen("tcp", "127.0.0.1:0")
			require.NoError(t, err)
			address := l.Addr().String()
			require.NoError(t, l.Close())
			service := exec.Command(os.Args[0])
			service.Env = append(os.Environ(), "TEST_SERVICE="+address)
			require.NoError(t, service.Start())
			t.Cleanup(func() { _ = service.Process.Kill() })
			require.Eventually(t, func() bool { return status("http://"+address+"/healthz") == http.StatusOK }, 10*time.Second, 10*time.Millisecond)
			first := childrenOf(service.Process.Pid)
			require.Len(t, first, 3)

			require.NoError(t, syscall.Kill(first[0], syscall.SIGKILL))
			require.Eventually(t, func() bool {
				now := childrenOf(service.Process.Pid)
				return len(now) == 3 && !slices.Contains(now, first[0])
			}, 5*time.Second, 10*time.Millisecond)

			all := childrenOf(service.Process.Pid)
			require.NoError(t, service.Process.Signal(end))
			_ = service.Wait() // killed is what it is here
			require.Eventually(t, func() bool {
				for _, pid := range all {
					if isRunning(pid) {
						return false
					}
				}
				return true
			}, 5*time.Second, 10*time.Millisecond)
		})
	}
}

// TestOneThatStartsEndsWithItsService: nothing waits for what is not ready.
func TestOneThatStartsEndsWithItsService(t *testing.T) {
	o := options(2)
	o.SlowStart = time.Hour
	s, err := New(o, os.Args[0])
	require.NoError(t, err)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, l) }()
	require.Eventually(t, func() bool { return len(childrenOf(os.Getpid())) == 2 }, 5*time.Second, 5*time.Millisecond)
	stop()
	require.NoError(t, <-served)
	require.Empty(t, childrenOf(os.Getpid()))
}

func status(url string) int {
	resp, err := http.Get(url)
	if err != nil {
		return 0
	}
	_, _ = io.Copy(io.Discard, resp.Body)
	_ = resp.Body.Close()
	return resp.StatusCode
}

func read(t *testing.T, url string) string {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return string(body)
}

// childrenOf returns the pids whose parent is pid, lowest first; zombies are none.
func childrenOf(pid int) []int {
	var out []int
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, name := range stats {
		if child, state, parent := stat(name); parent == pid && state != "Z" {
			out = append(out, child)
		}
	}
	slices.Sort(out)
	return out
}

func isRunning(pid int) bool {
	_, state, _ := stat(fmt.Sprintf("/proc/%d/stat", pid))
	return state != "" && state != "Z"
}

// stat reads pid, state and parent; "" for a process that is gone.
func stat(name string) (pid int, state string, parent int) {
	body, err := os.ReadFile(name)
	end := strings.LastIndex(string(body), ") ")
	if err != nil || end < 0 {
		return 0, "", 0
	}
	pid, _ = strconv.Atoi(filepath.Base(filepath.Dir(name)))
	rest := strings.Fields(string(body[end+2:]))
	parent, _ = strconv.Atoi(rest[1])
	return pid, rest[0], parent
}

//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	server "github.com/Shopify/toxiproxy/v2"
	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
	"github.com/rs/zerolog"
	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// TestMain lets this binary be a keeper, a worker that injects faults, or the
// victim of one.
func TestMain(m *testing.M) {
	if len(os.Args) < 2 {
		os.Exit(m.Run())
	}
	var err error
	switch os.Args[1] {
	case "keep-fault":
		err = Keep(context.Background(), os.Args[2])
	case "worker":
		err = work(os.Stdin)
	case "victim":
		select {}
	default:
		os.Exit(m.Run())
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// job is what a worker process is given.
type job struct {
	With   activities.With         `json:"with"`
	Orders []activities.FaultOrder `json:"orders"`
}

// work injects one fault after the other, says so, and stays until it is killed.
func work(in io.Reader) error {
	var j job
	if err := json.NewDecoder(in).Decode(&j); err != nil {
		return err
	}
	d, err := New(j.With)
	if err != nil {
		return err
	}
	for _, o := range j.Orders {
		if err := d.Inject(context.Background(), o); err != nil {
			fmt.Println("refused:", err)
		} else {
			fmt.Println("injected:", o.ID)
		}
	}
	select {}
}

// world is what faults are injected into.
type world struct {
	dir       string
	api       *httptest.Server
	toxiproxy *toxiproxy.Client
	with      activities.With
}

const second = rollout.Duration(time.Second)

// brief is the length of a fault whose expiry is awaited: a keeper is up long
// before, also on a busy machine.
const brief = 2 * second

func ptr[T any](v T) *T { return &v }

// newWorld has a Toxiproxy in this process, and a registry. Nothing is left of
// its faults when the test ends.
func newWorld(t *testing.T) *world {
	t.Helper()
	api := httptest.NewServer(server.NewServer(server.NewMetricsContainer(nil), zerolog.Nop()).Routes())
	t.Cleanup(api.Close)
	exe, err := os.Executable()
	require.NoError(t, err)
	dir, err := filepath.EvalSymlinks(t.TempDir())
	require.NoError(t, err)
	w := &world{dir: dir, api: api, toxiproxy: toxiproxy.NewClient(api.URL), with: activities.With{
		"directory": filepath.Join(dir, "registry"), "toxiproxy": api.URL, "keeper": []string{exe, "keep-fault"},
		"limits": fault.Limits{AtOnce: 10, Longest: 60 * second, Kinds: fault.Kinds(), Proxies: []string{"*"}, Processes: []string{"*"},
			PIDFiles: []string{dir + "/*.pid"}, Files: []string{dir + "/*"}, Disks: []string{dir + "/*"}},
	}}
	t.Cleanup(func() { require.NoError(t, w.driver(t).RemoveAll(context.Background())) })
	return w
}

func (w *world) driver(t *testing.T) *Driver {
	t.Helper()
	d, err := New(w.with)
	require.NoError(t, err)
	return d
}

// proxy makes a proxy in front of an upstream and returns where it listens.
func (w *world) proxy(t *testing.T, name, upstream string) string {
	t.Helper()
	p, err := w.toxiproxy.CreateProxy(name, "127.0.0.1:0", upstream)
	require.NoError(t, err)
	return p.Listen
}

// untouched reports whether a proxy is as proxy made it.
func (w *world) untouched(t *testing.T, name, upstream string) bool {
	t.Helper()
	p, err := w.toxiproxy.Proxy(name)
	require.NoError(t, err)
	return p.Enabled && p.Upstream == upstream && len(p.ActiveToxics) == 0
}

// process starts a child that ends with the test and writes its pid file.
func (w *world) process(t *testing.T, name string, args ...string) *child {
	t.Helper()
	c := &child{pidFile: filepath.Join(w.dir, name+".pid"), args: args}
	c.start(t)
	t.Cleanup(c.end)
	processes, _ := w.with["processes"].(map[string]Process)
	if processes == nil {
		processes = map[string]Process{}
	}
	processes[name] = Process{PIDFile: c.pidFile}
	w.with["processes"] = processes
	return c
}

// child is a process, with a supervisor that brings it back where start is
// called again.
type child struct {
	pidFile string
	args    []string
	env     []string
	it      identity.Process
	mu      sync.Mutex
	cmd     *exec.Cmd
	done    chan struct{}
}

func (c *child) start(t *testing.T) {
	t.Helper()
	c.mu.Lock()
	defer c.mu.Unlock()
	args := c.args
	if len(args) == 0 {
		exe, err := os.Executable()
		require.NoError(t, err)
		args = []string{exe, "victim"}
	}
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), c.env...)
	require.NoError(t, cmd.Start())
	it, err := identity.Of(cmd.Process.Pid)
	require.NoError(t, err)
	done := make(chan struct{})
	go func() { _ = cmd.Wait(); close(done) }()
	c.cmd, c.it, c.done = cmd, it, done
	require.NoError(t, os.WriteFile(c.pidFile, []byte(strconv.Itoa(cmd.Process.Pid)+"\n"), 0o644))
}

func (c *child) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	_ = c.cmd.Process.Kill()
	<-c.done
}

func order(name string, f fault.Fault) activities.FaultOrder {
	f.Name = name
	if f.For == 0 {
		f.For = 60 * second
	}
	return activities.FaultOrder{ID: "staging/test/run-1/" + name, Fault: f, Seed: 42, Until: time.Now().Add(f.For.Std())}
}

// inject brings a fault into force.
func inject(t *testing.T, d *Driver, o activities.FaultOrder) {
	t.Helper()
	require.NoError(t, d.Inject(t.Context(), o))
	active, err := d.Active(t.Context())
	require.NoError(t, err)
	for _, a := range active {
		if a.ID == o.ID {
			require.NotNil(t, a.StartedAt)
			return
		}
	}
	require.Fail(t, "the fault is not active", o.ID)
}

// soon is the bound within which a fault is gone that should be.
const soon = 10 * time.Second

// endedBy waits until a fault has ended and says by what.
func endedBy(t *testing.T, d *Driver, o activities.FaultOrder, by string) {
	t.Helper()
	require.Eventually(t, func() bool {
		e, err := d.Ended(t.Context(), o.ID)
		return err == nil && e.RemovedBy == by && e.Verified && !e.EndedAt.Before(e.StartedAt)
	}, soon, 5*time.Millisecond, "%s did not end by %s", o.ID, by)
	active, err := d.Active(t.Context())
	require.NoError(t, err)
	require.Empty(t, active)
}

//go:build linux

package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/seed"
)

// town is a world with something for every kind of fault.
type town struct {
	*world
	db, pay, file, folder string
	victim                *child
}

const drifting = "pool: 20\n"

func newTown(t *testing.T) town {
	t.Helper()
	w := newWorld(t)
	c := town{world: w, file: filepath.Join(w.dir, "app.yaml"), folder: filepath.Join(w.dir, "scratch"), victim: w.process(t, "victim")}
	_, c.db = w.web(t, "db")
	_, c.pay = w.web(t, "pay")
	require.NoError(t, os.WriteFile(c.file, []byte(drifting), 0o644))
	require.NoError(t, os.Mkdir(c.folder, 0o755))
	return c
}

// orders are one fault of each kind. A loop file is mounted by root alone.
func (c town) orders(run int) []activities.FaultOrder {
	all := []fault.Fault{
		{Name: "slow", Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second, Bandwidth: 5}},
		{Name: "drift", Drift: &fault.Drift{File: c.file, Content: ptr("pool: 0\n")}},
		{Name: "frozen", Process: &fault.Process{Name: "victim", Do: fault.Freeze}},
		{Name: "errors", Errors: &fault.Errors{Proxy: "pay"}},
	}
	if os.Geteuid() == 0 {
		all = append(all, fault.Fault{Name: "full", Disk: &fault.Disk{Path: c.folder, Size: 2 << 20}})
	}
	var out []activities.FaultOrder
	for _, f := range all {
		o := order(f.Name, f)
		o.ID = fmt.Sprintf("staging/test/run-%d/%s", run, f.Name)
		out = append(out, o)
	}
	return out
}

// traces lists what faults have left.
func (c town) traces(t *testing.T) []string {
	t.Helper()
	var out []string
	add := func(is bool, what string) {
		if is {
			out = append(out, what)
		}
	}
	add(!c.untouched(t, "db", c.db), "toxics on db")
	add(!c.untouched(t, "pay", c.pay), "a stand-in for pay")
	add(isFrozen(c.victim.it), "a frozen process")
	body, err := os.ReadFile(c.file)
	add(err != nil || string(body) != drifting, "a changed file")
	backing, err := backingFile(c.folder)
	add(err != nil || backing != "", "a mounted file system")
	entries, err := os.ReadDir(c.dir)
	require.NoError(t, err)
	add(len(entries) != 4, fmt.Sprint("files: ", entries)) // file, folder, registry, pid file
	locks, err := filepath.Glob(filepath.Join(c.dir, "registry", "*.lock"))
	require.NoError(t, err)
	for _, lock := range locks {
		release, err := lockNow(lock)
		if add(err != nil, "a keeper"); err == nil {
			release()
		}
	}
	return out
}

// worker starts a process that injects the orders one after the other, once
// what is to be done with its pid is done.
func (w *world) worker(t *testing.T, orders []activities.FaultOrder, before ...func(pid int)) (*exec.Cmd, *bufio.Reader) {
	t.Helper()
	body, err := json.Marshal(job{With: w.with, Orders: orders})
	require.NoError(t, err)
	exe, err := os.Executable()
	require.NoError(t, err)
	cmd := exec.Command(exe, "worker")
	in, err := cmd.StdinPipe()
	require.NoError(t, err)
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	for _, do := range before {
		do(cmd.Process.Pid)
	}
	_, err = in.Write(body)
	require.NoError(t, err)
	return cmd, bufio.NewReader(out)
}

// injected counts what a worker said before it died.
func injected(t *testing.T, out *bufio.Reader) int {
	t.Helper()
	said, err := io.ReadAll(out)
	require.NoError(t, err)
	require.NotContains(t, string(said), "refused")
	return strings.Count(string(said), "injected")
}

// duration is how long a worker takes to inject everything, here and now.
func (c town) duration(t *testing.T) time.Duration {
	t.Helper()
	orders := c.orders(0)
	began := time.Now()
	cmd, out := c.worker(t, orders)
	for range orders {
		line, err := out.ReadString('\n')
		require.NoError(t, err)
		require.Contains(t, line, "injected")
	}
	took := time.Since(began)
	require.GreaterOrEqual(t, len(c.traces(t)), len(orders), "every fault is in force")
	require.NoError(t, cmd.Process.Kill())
	_ = cmd.Wait()
	c.clean(t, "at the end")
	return took
}

// clean waits until nothing of any fault is left, and says how long that took.
func (c town) clean(t *testing.T, when string) time.Duration {
	t.Helper()
	var left []string
	began := time.Now()
	for ; time.Since(began) < soon; <-time.After(5 * time.Millisecond) {
		if left = c.traces(t); len(left) == 0 {
			return time.Since(began)
		}
	}
	records, err := c.driver(t).registry.list()
	require.Fail(t, "killed "+when, "left %v, registered %+v, %v", left, records, err)
	return soon
}

// moments is how often the worker is killed.
const moments = 50

// The worker is killed at random moments, from its first on until after all is
// in force: nothing is ever left, and nobody has to clean up.
func TestWorkerIsKilledAtAnyMoment(t *testing.T) {
	c := newTown(t)
	longest := c.duration(t) * 6 / 5
	draws := seed.For(42, "killed")
	inForce, slowest := map[int]int{}, time.Duration(0)
	for n := 1; n <= moments; n++ {
		moment := time.Duration(draws.Int64N(int64(longest)))
		cmd, out := c.worker(t, c.orders(n))
		<-time.After(moment)
		require.NoError(t, cmd.Process.Kill())
		inForce[injected(t, out)]++
		_ = cmd.Wait()
		slowest = max(slowest, c.clean(t, fmt.Sprintf("after %s of %s, moment %d", moment, longest, n)))
		require.Eventually(t, func() bool {
			err1 := c.driver(t).Sweep(t.Context())
			active, err2 := c.driver(t).Active(t.Context())
			return err1 == nil && err2 == nil && len(active) == 0
		}, soon, 5*time.Millisecond, "the registry is empty")
		c.clean(t, "and nothing comes back")
	}
	t.Logf("killed at %d moments within %s; faults in force then → times: %v; all gone after %s at most", moments, longest, inForce, slowest)
	require.Greater(t, len(inForce), 2, "the moments are spread over the whole")
}

// The worker and all keepers are killed in one moment, as by the kernel when
// memory is short: the next worker undoes what is left.
func TestEverythingIsKilledAtAnyMoment(t *testing.T) {
	c := newTown(t)
	longest := c.duration(t) * 6 / 5
	draws := seed.For(43, "killed")
	left := 0
	for n := 1; n <= moments; n++ {
		moment := time.Duration(draws.Int64N(int64(longest)))
		orders := c.orders(n)
		cmd, out := c.worker(t, orders)
		<-time.After(moment)
		require.NoError(t, cmd.Process.Signal(syscall.SIGSTOP)) // it starts no more keepers
		it, err := identity.Of(cmd.Process.Pid)
		require.NoError(t, err)
		require.Eventually(t, func() bool { return isFrozen(it) }, soon, time.Millisecond) // nor notices that they are gone
		d := c.driver(t)
		for _, o := range orders {
			keeper := holder(lockOf(d, o))
			require.NoError(t, keeper.Signal(os.Kill))
			require.Eventually(t, func() bool { return !keeper.Alive() }, soon, time.Millisecond)
		}
		require.NoError(t, cmd.Process.Kill())
		injected(t, out)
		_ = cmd.Wait()
		left += min(len(c.traces(t)), 1)
		require.NoError(t, d.Sweep(t.Context()))
		c.clean(t, fmt.Sprintf("after %s of %s, moment %d", moment, longest, n))
	}
	t.Logf("killed with all keepers at %d moments within %s; something was left for the next worker %d times", moments, longest, left)
	require.Positive(t, left)
}

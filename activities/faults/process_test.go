//go:build linux

package faults

import (
	"os"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

func TestFreeze(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	d := w.driver(t)
	o := order("frozen", fault.Fault{Process: &fault.Process{Name: "db", Do: fault.Freeze}})
	inject(t, d, o)
	require.True(t, isFrozen(db.it))
	require.NoError(t, d.Remove(t.Context(), o))
	require.False(t, isFrozen(db.it))
	require.True(t, db.it.Alive())
	endedBy(t, d, o, "rehearsal")

	again := order("again", fault.Fault{Process: &fault.Process{PIDFile: db.pidFile, Do: fault.Freeze}})
	inject(t, d, again)
	db.end()
	require.NoError(t, d.Remove(t.Context(), again), "one that has died is not frozen")
}

func TestKilledProcessComesBackByItsSupervisor(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	d := w.driver(t)
	o := order("killed", fault.Fault{Process: &fault.Process{Name: "db", Do: fault.Kill}})
	inject(t, d, o)
	require.False(t, db.it.Alive())

	ctx, cancel := contextFor(t, 300*time.Millisecond)
	defer cancel()
	require.Error(t, d.Remove(ctx, o), "it is not back")
	active, err := d.Active(t.Context())
	require.NoError(t, err)
	require.Len(t, active, 1)
	require.Contains(t, active[0].Error, "process db was killed, and its supervisor has not brought it back")

	old := db.it
	db.start(t)
	require.NoError(t, d.Remove(t.Context(), o))
	require.NotEqual(t, old, db.it)
	require.True(t, db.it.Alive())
}

func TestKilledProcessComesBackByACommand(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	exe, err := os.Executable()
	require.NoError(t, err)
	w.with["processes"] = map[string]Process{"db": {PIDFile: db.pidFile,
		Restart: []string{"sh", "-c", exe + " victim & echo $! > " + db.pidFile + ".new; mv " + db.pidFile + ".new " + db.pidFile}}}
	d := w.driver(t)
	o := order("killed", fault.Fault{For: brief, Process: &fault.Process{Name: "db", Do: fault.Kill}})
	inject(t, d, o)
	require.False(t, db.it.Alive())
	endedBy(t, d, o, "expiry")
	it, err := Process{PIDFile: db.pidFile}.find()
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, it.Signal(os.Kill)) })
	require.NotEqual(t, db.it, it)
}

// The worker that kills itself is started again and is asked again: it must not
// kill itself for ever. The fault lasts as long as it was ordered all the same.
func TestAKillIsDoneOnce(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	d := w.driver(t)
	o := order("killed", fault.Fault{For: brief, Worker: &fault.Process{Name: "db", Do: fault.Kill}})
	inject(t, d, o)
	db.start(t)
	w.dies(t, d)
	inject(t, w.driver(t), o)
	require.True(t, db.it.Alive())
	endedBy(t, d, o, "expiry")
	was, err := d.Ended(t.Context(), o.ID)
	require.NoError(t, err)
	require.Greater(t, was.EndedAt.Sub(was.StartedAt), brief.Std()*3/4)
}

// A service manager may kill the keeper with the worker. What was killed is in
// force until its time nevertheless, and is undone then.
func TestAKillOutlivesItsKeeper(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	d := w.driver(t)
	o := order("killed", fault.Fault{For: brief, Worker: &fault.Process{Name: "db", Do: fault.Kill}})
	inject(t, d, o)
	w.keeperDies(t, d, o)
	db.start(t)
	next := w.driver(t)
	require.NoError(t, next.Sweep(t.Context()))
	inject(t, next, o)
	require.True(t, db.it.Alive())
	require.Eventually(t, func() bool {
		require.NoError(t, next.Sweep(t.Context()))
		_, err := next.Ended(t.Context(), o.ID)
		return err == nil
	}, soon, 10*time.Millisecond)
	was, err := next.Ended(t.Context(), o.ID)
	require.NoError(t, err)
	require.Greater(t, was.EndedAt.Sub(was.StartedAt), brief.Std()*3/4)
}

func TestProcessByItsProgram(t *testing.T) {
	w := newWorld(t)
	program := filepath.Join(w.dir, "service")
	body, err := os.ReadFile("/proc/self/exe")
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(program, body, 0o755))
	one := w.process(t, "one", program, "victim")
	w.with["processes"] = map[string]Process{"service": {Executable: program}}
	d := w.driver(t)
	o := order("frozen", fault.Fault{Process: &fault.Process{Name: "service", Do: fault.Freeze}})
	inject(t, d, o)
	require.True(t, isFrozen(one.it))
	require.NoError(t, d.Remove(t.Context(), o))

	w.with["processes"] = map[string]Process{}
	w.process(t, "two", program, "victim")
	w.with["processes"] = map[string]Process{"service": {Executable: program}}
	err = w.driver(t).Inject(t.Context(), order("which", o.Fault))
	require.ErrorContains(t, err, "2 processes run "+program+", and a fault is about one")
}

// A pid is used again: the process of an old pid file is another one.
func TestPIDFilesOfThePast(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	old := time.Now().Add(-time.Hour)
	require.NoError(t, os.Chtimes(db.pidFile, old, old))
	freezeIt := fault.Fault{Process: &fault.Process{PIDFile: db.pidFile, Do: fault.Freeze}}
	err := w.driver(t).Inject(t.Context(), order("stale", freezeIt))
	require.ErrorContains(t, err, "began after the pid file "+db.pidFile+" was written: it is another one")
	require.False(t, isFrozen(db.it))
	for body, want := range map[string]string{"": "and no pid", "x": "and no pid", "-1": "and no pid", "99999999": "does not run"} {
		require.NoError(t, os.WriteFile(db.pidFile, []byte(body), 0o644))
		require.ErrorContains(t, w.driver(t).Inject(t.Context(), order("odd", freezeIt)), want)
	}
	require.NoError(t, os.WriteFile(db.pidFile, []byte(strconv.Itoa(os.Getpid())), 0o644))
	err = w.driver(t).Inject(t.Context(), order("self", freezeIt))
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "is this worker: write worker instead of process")
}

// The worker that injects the fault is its victim: the keeper sees it die, and
// that its supervisor brings it back.
func TestWorkerKillsItself(t *testing.T) {
	w := newWorld(t)
	next := w.process(t, "worker")
	o := order("self", fault.Fault{For: 2 * brief, Worker: &fault.Process{Name: "worker", Do: fault.Kill}})
	cmd, out := w.worker(t, []activities.FaultOrder{o}, func(pid int) {
		require.NoError(t, os.WriteFile(next.pidFile, []byte(strconv.Itoa(pid)), 0o644))
	})
	require.Zero(t, injected(t, out))
	require.ErrorContains(t, cmd.Wait(), "signal: killed")
	active, err := w.driver(t).Active(t.Context())
	require.NoError(t, err)
	require.Len(t, active, 1, "it is not back")
	next.end()
	next.start(t)
	endedBy(t, w.driver(t), o, "expiry")
}

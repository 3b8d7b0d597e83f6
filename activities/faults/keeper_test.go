//go:build linux

package faults

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

// dies is what the keepers of a driver see when its worker dies.
func (w *world) dies(t *testing.T, d *Driver) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, line := range d.lines {
		require.NoError(t, line.Close())
	}
}

func slow(t *testing.T, w *world) (activities.FaultOrder, string) {
	t.Helper()
	_, upstream := w.web(t, "db")
	return order("slow", fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second}}), upstream
}

func TestExpiry(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	o.Until = time.Now().Add(brief.Std())
	inject(t, d, o)
	endedBy(t, d, o, "expiry")
	require.True(t, w.untouched(t, "db", upstream))
	ended, err := d.Ended(t.Context(), o.ID)
	require.NoError(t, err)
	require.WithinDuration(t, o.Until, ended.EndedAt, brief.Std())
	require.Equal(t, "toxiproxy db: latency 1s", ended.What)
	require.Equal(t, "slow", ended.Name)
	require.ErrorContains(t, d.Inject(t.Context(), o), "before it began", "it does not come back")
}

// An order's expiry may be late; the fault's own length still holds.
func TestNeverLongerThanFor(t *testing.T) {
	w := newWorld(t)
	o, _ := slow(t, w)
	o.Fault.For, o.Until = brief, time.Now().Add(time.Hour)
	d := w.driver(t)
	inject(t, d, o)
	endedBy(t, d, o, "expiry")
}

func TestWorkerDies(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	inject(t, d, o)
	w.dies(t, d)
	endedBy(t, d, o, "worker")
	require.True(t, w.untouched(t, "db", upstream))

	other := w.driver(t)
	inject(t, other, o)
	require.False(t, w.untouched(t, "db", upstream), "the next worker begins it again")
	require.NoError(t, other.Remove(t.Context(), o))
	was, err := other.Ended(t.Context(), o.ID)
	require.NoError(t, err)
	require.Len(t, was.Stretches, 2, "it was in force before, too")
	require.Equal(t, was.Stretches[0].From, was.StartedAt)
	require.Equal(t, was.Stretches[1].To, was.EndedAt)
	require.False(t, was.Stretches[1].From.Before(was.Stretches[0].To))
}

// Another process of the machine may end what a worker began.
func TestEmergencyStop(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	db := w.process(t, "db")
	d := w.driver(t)
	inject(t, d, o)
	frozen := order("frozen", fault.Fault{Process: &fault.Process{Name: "db", Do: fault.Freeze}})
	inject(t, w.driver(t), frozen)
	other := w.driver(t)
	require.NoError(t, other.RemoveAll(t.Context()))
	require.True(t, w.untouched(t, "db", upstream))
	require.False(t, isFrozen(db.it))
	endedBy(t, other, o, "stop")
	endedBy(t, other, frozen, "stop")
	require.ErrorIs(t, d.Inject(t.Context(), o), activities.ErrFinal)
}

// A keeper that is killed has its fault undone by the next worker that starts,
// by Remove, or before the fault is begun again.
func TestKeeperDies(t *testing.T) {
	undo := map[string]func(d *Driver, o activities.FaultOrder) error{
		"sweep":  func(d *Driver, _ activities.FaultOrder) error { return d.Sweep(t.Context()) },
		"remove": func(d *Driver, o activities.FaultOrder) error { return d.Remove(t.Context(), o) },
	}
	for name, undo := range undo {
		w := newWorld(t)
		o, upstream := slow(t, w)
		d := w.driver(t)
		inject(t, d, o)
		w.keeperDies(t, d, o)
		require.False(t, w.untouched(t, "db", upstream), name)
		require.NoError(t, undo(w.driver(t), o), name)
		require.True(t, w.untouched(t, "db", upstream), name)
	}
}

func TestFaultIsBegunAgainWhenItsKeeperDied(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	inject(t, d, o)
	w.keeperDies(t, d, o)
	inject(t, d, o)
	require.NoError(t, d.Remove(t.Context(), o))
	require.True(t, w.untouched(t, "db", upstream))
}

func (w *world) keeperDies(t *testing.T, d *Driver, o activities.FaultOrder) {
	t.Helper()
	keeper := holder(lockOf(d, o))
	require.True(t, keeper.Alive())
	require.NoError(t, keeper.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !keeper.Alive() }, soon, time.Millisecond)
}

func lockOf(d *Driver, o activities.FaultOrder) string {
	return strings.TrimSuffix(d.registry.file(o.ID), ".json") + ".lock"
}

func TestSweepLeavesWhatIsKept(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	inject(t, d, o)
	require.NoError(t, w.driver(t).Sweep(t.Context()))
	require.False(t, w.untouched(t, "db", upstream))
	require.NoError(t, d.Remove(t.Context(), o))
	require.NoError(t, d.Sweep(t.Context()))
	_, err := d.Ended(t.Context(), o.ID)
	require.NoError(t, err, "how it ended is known for a day")

	r, err := load(d.registry.file(o.ID))
	require.NoError(t, err)
	yesterday := time.Now().Add(-25 * time.Hour)
	r.EndedAt, r.Order.Until = &yesterday, yesterday
	require.NoError(t, r.save())
	require.NoError(t, d.Sweep(t.Context()))
	_, err = d.Ended(t.Context(), o.ID)
	require.ErrorIs(t, err, activities.ErrNotFound)
	left, err := filepath.Glob(filepath.Join(d.registry.dir, "*.*"))
	require.NoError(t, err)
	require.Empty(t, left)
}

// An order that comes after its own removal, from a worker that was slow, does nothing.
func TestNoFaultAfterItsRemoval(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	require.NoError(t, d.Remove(t.Context(), o), "it never began")
	ended, err := d.Ended(t.Context(), o.ID)
	require.NoError(t, err)
	require.Zero(t, ended.StartedAt)
	err = d.Inject(t.Context(), o)
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "it was removed already")
	require.True(t, w.untouched(t, "db", upstream))
}

// A keeper that can be told nothing any more is killed, and its fault undone.
func TestKeeperHangs(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	d := w.driver(t)
	inject(t, d, o)
	keeper := holder(lockOf(d, o))
	require.NoError(t, keeper.Signal(syscall.SIGSTOP))
	require.NoError(t, d.Remove(t.Context(), o))
	require.True(t, w.untouched(t, "db", upstream))
	require.False(t, keeper.Alive())
}

func TestRegistrationIsWrittenBeforeTheFault(t *testing.T) {
	w := newWorld(t)
	o, upstream := slow(t, w)
	w.with["keeper"] = []string{"false"}
	d := w.driver(t)
	require.ErrorContains(t, d.Inject(t.Context(), o), "the keeper did not say that the fault is in force")
	require.True(t, w.untouched(t, "db", upstream))
	body, err := os.ReadFile(d.registry.file(o.ID))
	require.NoError(t, err)
	var r record
	require.NoError(t, json.Unmarshal(body, &r))
	require.Equal(t, &proxyBefore{Name: "db"}, r.Undo.Proxy)
	require.Nil(t, r.StartedAt)
	require.NoError(t, d.Sweep(t.Context()))
	endedBy(t, d, o, "worker")
}

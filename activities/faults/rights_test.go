//go:build linux

package faults

import (
	"errors"
	"os"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

const nobody = 65534

// asNobody does something as a user who has no rights. Its thread, which alone is
// that user, ends with it.
func asNobody(t *testing.T, do func() error) error {
	t.Helper()
	root(t)
	done := make(chan error)
	go func() {
		runtime.LockOSThread() // and never unlocked: the thread ends with the goroutine
		for _, call := range []uintptr{syscall.SYS_SETRESGID, syscall.SYS_SETRESUID} {
			if _, _, errno := syscall.RawSyscall(call, nobody, nobody, nobody); errno != 0 {
				done <- errno
				return
			}
		}
		if os.Geteuid() != nobody {
			done <- errors.New("the thread is still root")
			return
		}
		done <- do()
	}()
	return <-done
}

// foreign is a file of somebody else in a folder that everybody may write.
func foreign(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "faults-") // t.TempDir is for its owner alone
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, os.RemoveAll(folder)) })
	file := filepath.Join(folder, "app.yaml")
	require.NoError(t, os.WriteFile(file, []byte(drifting), 0o644))
	require.NoError(t, errors.Join(os.Chmod(folder, 0o777), os.Chown(file, 1, 1)))
	return file
}

// A file that was replaced could not be given back: the fault would never end, and
// keep out every other one.
func TestAFileOfSomebodyElseIsRefused(t *testing.T) {
	root(t)
	file := foreign(t)
	p := Parameters{Limits: fault.Limits{Kinds: fault.Kinds(), Files: []string{file}, Longest: 60 * second}}
	o := order("drift", fault.Fault{Drift: &fault.Drift{File: file, Content: ptr("pool: 2\n")}})
	r := &record{Order: o}
	k, err := kindOf(o.Fault)
	require.NoError(t, err)
	err = asNobody(t, func() error { return k.prepare(t.Context(), p, r) })
	require.ErrorIs(t, err, activities.ErrFinal)
	require.ErrorContains(t, err, "belongs to user 1 and group 1, and only root could give it back to them: this worker is user 65534")

	require.NoError(t, k.prepare(t.Context(), p, r), "root may")
	require.ErrorIs(t, asNobody(t, func() error { return k.apply(t.Context(), r) }), syscall.EPERM)
	holds(t, file, drifting)
	is, err := lookAt(file)
	require.NoError(t, err)
	require.Equal(t, []int{1, 1}, []int{is.UID, is.GID}, "what fails half way leaves no other owner")
	require.NoError(t, asNobody(t, func() error { return k.undo(t.Context(), r) }), "nothing is to be undone")
}

// A process that may not be signalled is not frozen, and there is nothing to undo.
func TestAProcessOfSomebodyElseIsRefused(t *testing.T) {
	w := newWorld(t)
	db := w.process(t, "db")
	require.NoError(t, errors.Join(os.Chmod(filepath.Dir(w.dir), 0o755), os.Chmod(w.dir, 0o755)))
	p := Parameters{Processes: map[string]Process{"db": {PIDFile: db.pidFile}}}
	for _, do := range []string{fault.Freeze, fault.Kill} {
		o := order(do, fault.Fault{Process: &fault.Process{Name: "db", Do: do}})
		k, err := kindOf(o.Fault)
		require.NoError(t, err)
		r := &record{Order: o}
		err = asNobody(t, func() error { return k.prepare(t.Context(), p, r) })
		require.ErrorIs(t, err, activities.ErrFinal)
		require.ErrorContains(t, err, "process db cannot be signalled by user 65534")

		require.NoError(t, k.prepare(t.Context(), p, r))
		require.ErrorIs(t, asNobody(t, func() error { return k.apply(t.Context(), r) }), syscall.EPERM)
		require.NoError(t, asNobody(t, func() error { return k.undo(t.Context(), r) }))
		require.True(t, db.it.Alive())
		require.False(t, isFrozen(db.it))
	}
}

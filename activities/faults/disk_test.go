//go:build linux

package faults

import (
	"fmt"
	"os"
	"path/filepath"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
)

// root skips a test that only root can do, where this is not root. In CI it fails:
// what is skipped there is shown nowhere.
func root(t *testing.T) {
	t.Helper()
	if os.Geteuid() != 0 {
		lacks(t, "needs root")
	}
}

// lacks skips a test for what is missing here, and fails it in CI.
func lacks(t *testing.T, what ...any) {
	t.Helper()
	if os.Getenv("CI") == "true" {
		require.Fail(t, fmt.Sprint(what...))
	}
	t.Skip(what...)
}

// small mounts a small file system, as an environment for disk faults has one.
func (w *world) small(t *testing.T) string {
	root(t)
	path := filepath.Join(w.dir, "data")
	require.NoError(t, os.Mkdir(path, 0o755))
	if err := syscall.Mount("tmpfs", path, "tmpfs", 0, "size=4m"); err != nil {
		lacks(t, "may not mount: ", err)
	}
	t.Cleanup(func() { require.NoError(t, syscall.Unmount(path, syscall.MNT_DETACH)) })
	return path
}

func TestFullDisk(t *testing.T) {
	w := newWorld(t)
	path := w.small(t)
	d := w.driver(t)
	o := order("full", fault.Fault{Disk: &fault.Disk{Path: path}})
	inject(t, d, o)
	file := filepath.Join(path, "log")
	require.ErrorIs(t, os.WriteFile(file, make([]byte, 8192), 0o644), syscall.ENOSPC)
	require.NoError(t, d.Remove(t.Context(), o))
	require.NoError(t, os.WriteFile(file, make([]byte, 8192), 0o644))
	require.NoError(t, os.Remove(file))

	some := order("some", fault.Fault{Disk: &fault.Disk{Path: path, Leave: 1 << 20}})
	inject(t, d, some)
	require.NoError(t, os.WriteFile(file, make([]byte, 1<<20), 0o644))
	require.ErrorIs(t, os.WriteFile(file+"2", make([]byte, 8192), 0o644), syscall.ENOSPC)
	require.NoError(t, d.Remove(t.Context(), some))
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Len(t, entries, 2)
}

func TestFullDiskOnALoopFile(t *testing.T) {
	root(t)
	w := newWorld(t)
	path := filepath.Join(w.dir, "scratch")
	require.NoError(t, os.Mkdir(path, 0o750))
	require.NoError(t, os.Chown(path, 1234, 1234))
	d := w.driver(t)
	o := order("loop", fault.Fault{Disk: &fault.Disk{Path: path, Size: 8 << 20, Leave: 1 << 20}})
	inject(t, d, o)
	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, uint32(1234), info.Sys().(*syscall.Stat_t).Uid)
	require.Equal(t, os.FileMode(0o750), info.Mode().Perm())
	backing, err := backingFile(path)
	require.NoError(t, err)
	require.NotEmpty(t, backing)
	open, err := os.Create(filepath.Join(path, "open"))
	require.NoError(t, err)
	defer open.Close()
	_, err = open.Write(make([]byte, 2<<20))
	require.ErrorIs(t, err, syscall.ENOSPC)

	require.NoError(t, d.Remove(t.Context(), o), "also while a file is open")
	backing, err = backingFile(path)
	require.NoError(t, err)
	require.Empty(t, backing)
	entries, err := os.ReadDir(path)
	require.NoError(t, err)
	require.Empty(t, entries)
	images, err := filepath.Glob(filepath.Join(d.registry.dir, "*.img"))
	require.NoError(t, err)
	require.Empty(t, images)
}

func TestDisksThatAreRefused(t *testing.T) {
	w := newWorld(t)
	used := filepath.Join(w.dir, "used")
	require.NoError(t, os.MkdirAll(filepath.Join(used, "x"), 0o755))
	link := filepath.Join(w.dir, "link")
	require.NoError(t, os.Symlink("/", link))
	for want, disk := range map[string]fault.Disk{
		"is not a file system of its own":             {Path: used},
		"is not empty: what is in it would be hidden": {Path: used, Size: 8 << 20},
		"no such file or directory":                   {Path: filepath.Join(w.dir, "none")},
		"leads to another folder":                     {Path: link},
		"/ may not be touched here":                   {Path: "/"},
	} {
		err := w.driver(t).Inject(t.Context(), order("disk", fault.Fault{Disk: &disk}))
		require.ErrorIs(t, err, activities.ErrFinal)
		require.ErrorContains(t, err, want)
	}
}

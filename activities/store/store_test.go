package store_test

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
)

const run = "staging/checkout/20261122T101500Z-4f2a"

var ctx = context.Background()

func put(t *testing.T, a store.Archive, run, name, body string) {
	t.Helper()
	w, err := a.Create(ctx, run, name)
	require.NoError(t, err)
	_, err = io.WriteString(w, body)
	require.NoError(t, err)
	require.NoError(t, w.Close())
}

func read(t *testing.T, a store.Archive, name string) string {
	t.Helper()
	r, err := a.Open(ctx, run, name)
	require.NoError(t, err)
	defer r.Close()
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	return string(body)
}

func TestFilesOfARun(t *testing.T) {
	a := store.NewArchive(filepath.Join(t.TempDir(), "not yet"))
	files, err := a.Files(ctx, run)
	require.NoError(t, err)
	require.Empty(t, files)
	put(t, a, run, "evidence.json", "{}")
	put(t, a, run, "load/browse.csv", "1,2\n")
	put(t, a, run, "evidence.json", `{"a":1}`)
	files, err = a.Files(ctx, run)
	require.NoError(t, err)
	require.Equal(t, []evidence.File{
		{Name: "evidence.json", Digest: data.Digest([]byte(`{"a":1}`)), Bytes: 7},
		{Name: "load/browse.csv", Digest: data.Digest([]byte("1,2\n")), Bytes: 4},
	}, files)
	require.Equal(t, `{"a":1}`, read(t, a, "evidence.json"))
	_, err = a.Open(ctx, run, "other")
	require.ErrorIs(t, err, activities.ErrNotFound)
	_, err = store.NewArchive(filepath.Join(t.TempDir(), "none")).Open(ctx, run, "x")
	require.ErrorIs(t, err, activities.ErrNotFound)
}

func TestRunsOldestFirst(t *testing.T) {
	a := store.NewArchive(t.TempDir())
	for _, id := range []string{"20261122T101500Z-4f2a", "20251122T101500Z-ffff", "20261122T101459Z-zzzz"} {
		put(t, a, "staging/checkout/"+id, "evidence.json", id)
	}
	put(t, a, "staging/other/20261122T101500Z-4f2a", "evidence.json", "")
	runs, err := a.Runs(ctx, "staging", "checkout")
	require.NoError(t, err)
	require.Equal(t, []string{"staging/checkout/20251122T101500Z-ffff", "staging/checkout/20261122T101459Z-zzzz", run}, runs)
	runs, err = a.Runs(ctx, "staging", "none")
	require.NoError(t, err)
	require.Empty(t, runs)
}

// A file is never seen half written over a whole one; where there was none,
// what a writer left is better than nothing.
func TestAWriterThatDied(t *testing.T) {
	a := store.NewArchive(t.TempDir())
	dead, err := a.Create(ctx, run, "load.csv")
	require.NoError(t, err)
	_, err = io.WriteString(dead, "1,2\n3,")
	require.NoError(t, err)
	require.Equal(t, "1,2\n3,", read(t, a, "load.csv"))
	files, err := a.Files(ctx, run)
	require.NoError(t, err)
	require.Equal(t, []evidence.File{{Name: "load.csv", Digest: data.Digest([]byte("1,2\n3,")), Bytes: 6}}, files)

	next, err := a.Create(ctx, run, "load.csv")
	require.NoError(t, err)
	require.Empty(t, read(t, a, "load.csv"), "begun anew")
	_, err = io.WriteString(next, "whole")
	require.NoError(t, err)
	require.NoError(t, next.Close())
	require.Error(t, dead.Close(), "it was not dead, but is too late")
	require.Equal(t, "whole", read(t, a, "load.csv"))

	third, err := a.Create(ctx, run, "load.csv")
	require.NoError(t, err)
	_, err = io.WriteString(third, "ha")
	require.NoError(t, err)
	require.Equal(t, "whole", read(t, a, "load.csv"), "until the next is closed")
	require.NoError(t, third.Close())
	require.Equal(t, "ha", read(t, a, "load.csv"))
	files, err = a.Files(ctx, run)
	require.NoError(t, err)
	require.Len(t, files, 1, "nothing else is left")
}

func TestNamesStayInTheFolder(t *testing.T) {
	outside, dir := t.TempDir(), t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(outside, "secret"), []byte("x"), 0o600))
	require.NoError(t, os.MkdirAll(filepath.Join(dir, run), 0o750))
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, run, "link")))
	a := store.NewArchive(dir)
	for _, name := range []string{"", ".", "..", "../x", "/etc/passwd", "a/../../x", "a//b", "a\\b", "a\x00", ".writing-x.0", "link/secret", "link/new"} {
		_, err := a.Create(ctx, run, name)
		require.Error(t, err, name)
		_, err = a.Open(ctx, run, name)
		require.Error(t, err, name)
		_, err = a.Create(ctx, name, "file")
		if name != "link/secret" && name != "link/new" { // of the archive itself, these are fine
			require.ErrorIs(t, err, activities.ErrFinal, name)
			_, err = a.Files(ctx, name)
			require.ErrorIs(t, err, activities.ErrFinal, name)
			_, err = store.NewLibrary(outside).Open(ctx, name)
			require.Error(t, err, name)
		}
	}
	_, err := a.Runs(ctx, "..", "x")
	require.ErrorIs(t, err, activities.ErrFinal)
	entries, err := os.ReadDir(outside)
	require.NoError(t, err)
	require.Len(t, entries, 1)
}

func TestLibrary(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "snapshots"), 0o750))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "snapshots", "a.csv"), []byte("a\n"), 0o600))
	l := store.NewLibrary(dir)
	r, err := l.Open(ctx, "snapshots/a.csv")
	require.NoError(t, err)
	body, err := io.ReadAll(r)
	require.NoError(t, err)
	require.NoError(t, r.Close())
	require.Equal(t, "a\n", string(body))
	_, err = l.Open(ctx, "snapshots/b.csv")
	require.ErrorIs(t, err, activities.ErrNotFound)
	_, err = l.Open(ctx, "../x")
	require.ErrorIs(t, err, activities.ErrFinal)
}

// TestFilesOfDeadWritersGetTheirNames: who reads the folder finds what is listed,
// and whoever still writes goes on.
func TestFilesOfDeadWritersGetTheirNames(t *testing.T) {
	folder := t.TempDir()
	a := store.NewArchive(folder)
	living, err := a.Create(ctx, run, "living.csv")
	require.NoError(t, err)
	left := filepath.Join(folder, run, ".writing-dead.csv.0123456789abcdef")
	require.NoError(t, os.WriteFile(left, []byte("1,2\n3,"), 0o600))
	for range 2 {
		files, err := a.Files(ctx, run)
		require.NoError(t, err)
		require.Len(t, files, 2)
		require.Equal(t, "dead.csv", files[0].Name)
	}
	body, err := os.ReadFile(filepath.Join(folder, run, "dead.csv"))
	require.NoError(t, err)
	require.Equal(t, "1,2\n3,", string(body))
	require.NoFileExists(t, left)
	require.NoFileExists(t, filepath.Join(folder, run, "living.csv"))
	require.NoError(t, living.Close())
	require.FileExists(t, filepath.Join(folder, run, "living.csv"))
}

package store_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/store"
)

func TestLibraryFiles(t *testing.T) {
	folder := t.TempDir()
	for _, name := range []string{"shop.toml", "orders.csv", "eu/cards.csv", ".git/HEAD", ".hidden"} {
		require.NoError(t, os.MkdirAll(filepath.Dir(filepath.Join(folder, name)), 0o750))
		require.NoError(t, os.WriteFile(filepath.Join(folder, name), nil, 0o600))
	}
	require.NoError(t, os.Symlink("/etc", filepath.Join(folder, "elsewhere")))
	library := store.NewLibrary(folder)
	files, err := library.Files(t.Context())
	require.NoError(t, err)
	require.Equal(t, []string{"eu/cards.csv", "orders.csv", "shop.toml"}, files)

	a := activities.Activities{Practice: activities.Practice{Library: library, Parts: map[string]string{"config": "shop.toml"}}}
	out, err := a.ListLibrary(t.Context(), activities.ListLibraryInput{})
	require.NoError(t, err)
	require.Equal(t, []string{"eu/cards.csv", "orders.csv"}, out.Files, "what the configuration names is used")

	_, err = store.NewLibrary(filepath.Join(folder, "nowhere")).Files(t.Context())
	require.ErrorIs(t, err, activities.ErrNotFound)
	out, err = (&activities.Activities{}).ListLibrary(t.Context(), activities.ListLibraryInput{})
	require.NoError(t, err)
	require.Empty(t, out.Files)
}

package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/deploy/dev/town"
)

// fakeTown is a town with a bakeoff that does what the script says.
func fakeTown(t *testing.T, script string) *demo {
	t.Helper()
	place, err := town.Open(filepath.Join(t.TempDir(), "town"), "")
	require.NoError(t, err)
	program := filepath.Join(place.Dir, "bakeoff")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755))
	place.CLI = town.CLI{Program: program, Crew: place.Crew, Env: os.Environ()}
	return &demo{town: place, cli: cli{place.CLI}, story: town.NewStory(t.Output())}
}

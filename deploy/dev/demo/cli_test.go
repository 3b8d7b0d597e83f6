package demo

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeCLI is a bakeoff that does what the script says.
func fakeCLI(t *testing.T, script string) cli {
	t.Helper()
	c := newCrew(t)
	program := filepath.Join(c.dir, "bakeoff")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755))
	return cli{program: program, crew: c, env: os.Environ()}
}

func TestAnExitCodeIsAnAnswer(t *testing.T) {
	c := fakeCLI(t, `echo "2026-11-21T14:34:05Z $*" >&2
until grep -q bakeoff pids.json; do sleep 0.01; done 2>/dev/null
cat pids.json >&2
echo '{"outcome":"RolledBack","cause":"verdict","timeToRestore":{"total":"3.5s"}}'
exit 10`)
	var lines []string
	r, code, err := c.result(t.Context(), func(line string) { lines = append(lines, line) }, "run", "x.yaml")
	require.NoError(t, err)
	require.Equal(t, 10, code)
	require.Equal(t, "RolledBack", r.Outcome)
	require.Equal(t, "3.5s", r.TimeToRestore.Total)
	require.Equal(t, "run x.yaml -o json", lines[0], "progress comes without its time")
	require.Contains(t, lines, `    "name": "bakeoff",`, "it is listed while it runs")
	left, err := os.ReadFile(filepath.Join(c.crew.dir, pidsFile))
	require.NoError(t, err)
	require.Equal(t, "[]\n", string(left))
}

func TestACommandThatPrintsNoResultIsAnError(t *testing.T) {
	_, _, err := fakeCLI(t, "echo oops").result(t.Context(), func(string) {}, "run", "x.yaml")
	require.ErrorContains(t, err, "bakeoff run x.yaml printed no result")
	_, _, err = fakeCLI(t, "kill -KILL $$").result(t.Context(), func(string) {}, "run", "x.yaml")
	require.ErrorContains(t, err, "signal: killed")
	_, _, err = cli{program: "/nosuch", crew: newCrew(t)}.call(t.Context(), func(string) {}, "status")
	require.ErrorContains(t, err, "no such file")
}

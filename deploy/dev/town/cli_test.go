package town

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"
)

// fakeCLI is a bakeoff that does what the script says.
func fakeCLI(t *testing.T, script string) CLI {
	t.Helper()
	c := newCrew(t)
	program := filepath.Join(c.Dir, "bakeoff")
	require.NoError(t, os.WriteFile(program, []byte("#!/bin/sh\n"+script), 0o755))
	return CLI{Program: program, Crew: c, Env: os.Environ()}
}

func TestAnExitCodeIsAnAnswer(t *testing.T) {
	c := fakeCLI(t, `echo "2026-11-21T14:34:05Z $*" >&2
until grep -q bakeoff pids.json; do sleep 0.01; done 2>/dev/null
cat pids.json >&2
echo '{"outcome":"RolledBack","cause":"verdict"}'
exit 10`)
	var lines []string
	var r map[string]any
	code, err := c.Result(t.Context(), func(line string) { lines = append(lines, line) }, &r, "run", "x.yaml")
	require.NoError(t, err)
	require.Equal(t, 10, code)
	require.Equal(t, "RolledBack", r["outcome"])
	require.Equal(t, "run x.yaml -o json", lines[0], "progress comes without its time")
	require.Contains(t, lines, `    "name": "bakeoff",`, "it is listed while it runs")
	left, err := os.ReadFile(filepath.Join(c.Crew.Dir, pidsFile))
	require.NoError(t, err)
	require.Equal(t, "[]\n", string(left))
}

func TestACommandThatPrintsNoResultIsAnError(t *testing.T) {
	var r map[string]any
	_, err := fakeCLI(t, "echo oops").Result(t.Context(), func(string) {}, &r, "run", "x.yaml")
	require.ErrorContains(t, err, "bakeoff run x.yaml printed no result")
	_, err = fakeCLI(t, "kill -KILL $$").Result(t.Context(), func(string) {}, &r, "run", "x.yaml")
	require.ErrorContains(t, err, "signal: killed")
	_, _, err = CLI{Program: "/nosuch", Crew: newCrew(t)}.Call(t.Context(), func(string) {}, "status")
	require.ErrorContains(t, err, "no such file")
}

func TestLinesComeWithoutTheirTime(t *testing.T) {
	require.Equal(t, "Running, at 10%", withoutTime("2026-11-21T14:34:05Z Running, at 10%"))
	require.Equal(t, "no time here", withoutTime("no time here"))
}

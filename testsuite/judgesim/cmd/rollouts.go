package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
)

// devServer is what real rollouts run on, seen from the repository's root.
const devServer = "bin/bakeoff-dev"

// aboutRollouts stands above the table of package bench.
const aboutRollouts = `
### In a real rollout

All delays above are the judge's own, at the end of its window. These are of real rollouts: server, worker and command line are processes, deployer,
router and metrics pages are simulated over HTTP, and requests arrive at random. The candidate is bad from the beginning. Times run from the first bad request
that it answered, to the end of the window at which the judge fails when it folds the windows that the rollout recorded, to the event of
the verdict in history, and to that of the traffic being back. They are medians, the longest in brackets. There is no warm-up here (` + "`warmUp: 0s`" + `); by default
a relative check waits for a tenth of the bake first. The driver is ` + "`scrape`" + `; with ` + "`prometheus`" + ` its ` + "`delay`" + `, 15s by default, comes on top.

`

// rollouts measures real rollouts and returns the section about them. Where
// their server is missing it says so instead: building it takes minutes.
func rollouts() (string, error) {
	if _, err := os.Stat(devServer); err != nil {
		fmt.Printf("SKIP: no real rollouts are measured: %s is missing (make dev)\n", devServer)
		return fmt.Sprintf("%sNot measured: `%s` was missing (`make dev`).\n", aboutRollouts, devServer), nil
	}
	dir, err := os.MkdirTemp("", "judgesim-")
	if err != nil {
		return "", fmt.Errorf("measure rollouts: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	file := filepath.Join(dir, "delays.md")
	test := exec.Command("go", "test", "-timeout", "15m", "-run", "^$", "-bench", "^BenchmarkDelay$", "-benchtime", "1x", "./testsuite/bench", "-delays", file)
	test.Stdout, test.Stderr = os.Stdout, os.Stderr
	if err := test.Run(); err != nil {
		return "", fmt.Errorf("measure rollouts: %w", err)
	}
	table, err := os.ReadFile(file)
	if err != nil {
		return "", fmt.Errorf("measure rollouts: %w", err)
	}
	return aboutRollouts + string(table), nil
}

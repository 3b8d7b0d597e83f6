package main

import (
	"bufio"
	"cmp"
	"fmt"
	"maps"
	"os"
	"slices"

	"bakeoff/analysis"
)

// placebo learns from a file of windows whose two sides are both baseline. What
// it cannot teach is told, and the verdicts then do without.
func (c *cli) placebo(file string, configs []analysis.Config) (map[part]*analysis.Learned, error) {
	history, err := readWindows(file)
	if err != nil {
		return nil, err
	}
	learned := map[part]*analysis.Learned{}
	for _, config := range configs {
		found := false
		for _, at := range slices.SortedFunc(maps.Keys(history), func(a, b part) int { return cmp.Compare(a.series, b.series) }) {
			if at.check != config.Name {
				continue
			}
			found = true
			l, err := learn(config, history[at])
			if err != nil {
				return nil, fail(exitSpec, "%s: %w", file, err)
			}
			if l == nil {
				continue
			}
			learned[at] = l
			c.tellLearned(at, l)
		}
		if !found && !config.Judge.Absolute() {
			fmt.Fprintf(c.err, "placebo: no window of %s\n", config.Name)
		}
	}
	return learned, nil
}

// readWindows reads the windows of each series and check.
func readWindows(file string) (map[part][]analysis.Window, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, fail(exitSpec, "read windows: %w", err)
	}
	defer opened.Close()
	history := map[part][]analysis.Window{}
	lines := bufio.NewScanner(opened)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	number := 0
	for lines.Scan() {
		number++
		if len(lines.Bytes()) == 0 {
			continue
		}
		w, err := analysis.DecodeWindow(lines.Bytes())
		if err != nil {
			return nil, fail(exitSpec, "%s:%d: %w", file, number, err)
		}
		at := part{series: w.Series, check: w.Check}
		history[at] = append(history[at], w)
	}
	if err := lines.Err(); err != nil {
		return nil, fail(exitSpec, "read %s after line %d: %w", file, number, err)
	}
	return history, nil
}

// learn is analysis.Learn; where the rules leave the judge open the first
// window that can decides, as it does when judging.
func learn(config analysis.Config, history []analysis.Window) (*analysis.Learned, error) {
	for i := 0; config.Judge.Name() == "" && i < len(history); i++ {
		params, err := analysis.DefaultJudge(history[i])
		if err == nil {
			config.Judge = params
		}
	}
	if config.Judge.Name() == "" {
		return nil, nil
	}
	return analysis.Learn(config, history)
}

// tellLearned tells what the verdicts will have to do without.
func (c *cli) tellLearned(at part, l *analysis.Learned) {
	name := at.check
	if at.series != "" {
		name += " of series " + at.series
	}
	switch {
	case l.Lacks != "":
		fmt.Fprintf(c.err, "placebo: %s: %s; dispersion is learned from the judged windows, the margin is ×1.1\n", name, l.Lacks)
	case l.NotExchangeable:
		fmt.Fprintf(c.err, "placebo: %s: two halves of the baseline can be told apart; a Fail within their difference becomes Inconclusive\n", name)
	}
}

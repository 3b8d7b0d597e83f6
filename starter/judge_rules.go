package main

import (
	"bufio"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"

	"bakeoff/analysis"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// checksFile is what judge reads instead of a whole spec.
type checksFile struct {
	Checks  []judgedCheck  `json:"checks"`
	Policy  rollout.Policy `json:"policy"`
	Bounds  []float64      `json:"bounds"`  // latencies in seconds, for the checks that give none
	Placebo string         `json:"placebo"` // windows of two baselines, beside this file
}

type judgedCheck struct {
	rollout.Check
	Bounds []float64 `json:"bounds,omitempty"`
}

// rules say how windows are judged.
type rules struct {
	configs []analysis.Config // in the order of the file, α shared
	require string
	bounds  map[part][]float64 // learned from the placebo
}

// part is one check of one series.
type part struct{ series, check string }

// rules reads a CHECKS file. Whatever is wrong with it is told, and the error
// ends the process with 3.
func (c *cli) rules(from source) (rules, error) {
	file, problems := readChecks(from)
	if len(problems) == 0 && len(file.Checks) == 0 {
		problems = []rollout.Problem{{File: from.name, Line: 1, Column: 1, Path: "checks", Message: "no check to judge by"}}
	}
	r := rules{require: orElse(file.Policy.Require, analysis.RequireNoHarm)}
	for i, check := range file.Checks {
		config, err := configOf(check, file.Bounds)
		if err != nil && len(problems) == 0 {
			problems = append(problems, rollout.Problem{File: from.name, Path: fmt.Sprintf("checks[%d]", i), Message: err.Error()})
		}
		r.configs = append(r.configs, config)
	}
	if len(problems) > 0 {
		c.explain(problems, from.text)
		return r, exit(exitSpec)
	}
	analysis.ShareAlpha(r.configs, orElse(file.Policy.Alpha, 0.01))
	if file.Placebo == "" {
		return r, nil
	}
	fmt.Fprintln(c.err, "placebo: gives the latency bounds; dispersion is learned from the windows themselves")
	var err error
	r.bounds, err = placeboBounds(filepath.Join(filepath.Dir(from.name), file.Placebo), r.configs)
	return r, err
}

// readChecks reads a list of checks, or takes them from a whole spec.
func readChecks(from source) (checksFile, []rollout.Problem) {
	var head struct {
		Kind string `json:"kind"`
	}
	specfile.Decode(from.name, from.text, &head) // the other fields are no problems yet
	var file checksFile
	if head.Kind == "" {
		problems := specfile.Decode(from.name, from.text, &file)
		return file, append(problems, sameNames(from.name, file.Checks)...)
	}
	spec, problems := specfile.Parse(from.name, from.text)
	for _, check := range spec.Checks {
		file.Checks = append(file.Checks, judgedCheck{Check: check})
	}
	file.Policy = spec.Policy
	return file, problems
}

// sameNames finds checks that cannot be told apart.
func sameNames(file string, checks []judgedCheck) []rollout.Problem {
	var problems []rollout.Problem
	seen := map[string]bool{}
	for i, check := range checks {
		path := fmt.Sprintf("checks[%d].name", i)
		if check.Name == "" {
			problems = append(problems, rollout.Problem{File: file, Path: path, Message: "a check needs a name"})
		}
		if check.Name != "" && seen[check.Name] {
			problems = append(problems, rollout.Problem{File: file, Path: path, Message: fmt.Sprintf("%q stands twice", check.Name)})
		}
		seen[check.Name] = true
	}
	return problems
}

// configOf is the check as far as judging it goes. Specs and judges share
// names and JSON.
func configOf(check judgedCheck, bounds []float64) (analysis.Config, error) {
	if check.Bounds == nil {
		check.Bounds = bounds
	}
	body, err := json.Marshal(check.Check)
	if err != nil {
		return analysis.Config{}, err
	}
	config, err := analysis.ParseConfig(body)
	if err != nil || len(check.Bounds) == 0 || config.Judge.TailLadder == nil {
		return config, err
	}
	config.Bounds = check.Bounds
	_, err = analysis.New(config)
	return config, err
}

// placeboBounds fixes the latencies at which a check counts from windows whose
// two sides are both baseline.
func placeboBounds(file string, configs []analysis.Config) (map[part][]float64, error) {
	opened, err := os.Open(file)
	if err != nil {
		return nil, fmt.Errorf("read placebo: %w", err)
	}
	defer opened.Close()
	totals := map[part]analysis.Counts{}
	lines := bufio.NewScanner(opened)
	lines.Buffer(make([]byte, 1<<16), longestLine)
	for number := 1; lines.Scan(); number++ {
		if len(lines.Bytes()) == 0 {
			continue
		}
		w, err := analysis.DecodeWindow(lines.Bytes())
		if err != nil {
			return nil, fail(exitSpec, "%s:%d: %w", file, number, err)
		}
		if w.Validate() != nil {
			continue
		}
		at := part{w.Series, w.Check}
		totals[at] = sumBuckets(totals[at], w.Baseline, w.Candidate)
	}
	bounds := map[part][]float64{}
	for _, config := range configs {
		for at, total := range totals {
			if at.check == config.Name && len(total.Buckets) > 0 {
				bounds[at] = analysis.ChooseBounds(total, config.SLO)
			}
		}
	}
	return bounds, lines.Err()
}

func sumBuckets(total analysis.Counts, sides ...*analysis.Counts) analysis.Counts {
	if total.Buckets == nil {
		total.Buckets = map[string]float64{}
	}
	for _, side := range sides {
		if side == nil {
			continue
		}
		for bound, n := range side.Buckets {
			total.Buckets[bound] += n
		}
	}
	return total
}

package main

import (
	"encoding/json"
	"fmt"
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

// judgedCheck is a check whose judge may also be an offline one.
type judgedCheck struct {
	rollout.Check
	Judge  *judges   `json:"judge,omitempty"`
	Bounds []float64 `json:"bounds,omitempty"`
}

// judges are those of specs and those that no rollout can use.
type judges struct {
	rollout.Judge
	MannWhitney     *analysis.MannWhitney     `json:"mannWhitney,omitempty"`
	GroupSequential *analysis.GroupSequential `json:"groupSequential,omitempty"`
	RunCompare      *analysis.RunCompare      `json:"runCompare,omitempty"`
	KayentaV1       *analysis.KayentaV1       `json:"kayentaV1,omitempty"`
}

// rules say how windows are judged.
type rules struct {
	configs []analysis.Config // in the order of the file, α shared
	require string
	learned map[part]*analysis.Learned // from the placebo
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
	var err error
	r.learned, err = c.placebo(filepath.Join(filepath.Dir(from.name), file.Placebo), r.configs)
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
	for _, check := range spec.WithDefaults().Checks { // windows and steps as the rollout has them
		judged := judgedCheck{Check: check}
		if check.Judge != nil {
			judged.Judge = &judges{Judge: *check.Judge}
		}
		file.Checks = append(file.Checks, judged)
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
	if check.Bounds != nil {
		bounds = check.Bounds
	}
	check.Bounds = nil
	body, err := json.Marshal(check)
	if err != nil {
		return analysis.Config{}, err
	}
	config, err := analysis.ParseConfig(body)
	if err != nil || len(bounds) == 0 || config.Judge.TailLadder == nil {
		return config, err
	}
	config.Bounds = bounds
	_, err = analysis.New(config)
	return config, err
}

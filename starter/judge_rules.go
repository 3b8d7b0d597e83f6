package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

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
	Arms    []string       `json:"arms"`    // candidates that are tried at once, each against the baseline
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
	arms    []string          // in the order of the file; "" where there is but one candidate
	require string
	learned map[part]*analysis.Learned // from the placebo
}

// part is one check of one series and arm. Placebos have no arm: both of their
// sides are baseline.
type part struct{ series, check, arm string }

// rules reads a CHECKS file. Whatever is wrong with it is told, and the error
// ends the process with 3.
func (c *cli) rules(from source) (rules, error) {
	file, problems := readChecks(from)
	if len(problems) > 0 {
		c.explain(problems, from)
		return rules{}, exit(exitSpec)
	}
	configs, _ := file.configs()
	for i := range configs {
		configs[i].AnyShare = file.Policy.Share != rollout.RuleRequired
	}
	r := rules{configs: configs, arms: file.candidates(), require: orElse(file.Policy.Require, analysis.RequireNoHarm)}
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
		return file, problems
	}
	spec, problems := parse(from)
	for _, check := range spec.WithDefaults().Checks { // windows and steps as the rollout has them
		judged := judgedCheck{Check: check}
		if check.Judge != nil {
			judged.Judge = &judges{Judge: *check.Judge}
		}
		file.Checks = append(file.Checks, judged)
	}
	file.Policy = spec.WithDefaults().Policy
	if len(problems) == 0 {
		problems = specfile.Locate(from.name, from.text, file.Validate())
	}
	return file, problems
}

// Validate says what is wrong with a file that could be read; specfile.Decode
// places it.
func (f *checksFile) Validate() []rollout.Problem {
	problems := f.names()
	if len(f.Checks) == 0 {
		problems = append(problems, rollout.Problem{Path: "checks", Message: "no check to judge by"})
	}
	if a := f.Policy.Alpha; !(a >= 0 && a <= 0.5) {
		problems = append(problems, rollout.Problem{Path: "policy.alpha", Message: fmt.Sprintf("%v is not an error rate: it must be between 0 and 0.5", a)})
	}
	_, more := f.configs()
	return append(problems, more...)
}

// candidates are the arms, "" for the only one.
func (f *checksFile) candidates() []string {
	if len(f.Arms) == 0 {
		return []string{""}
	}
	return f.Arms
}

// names finds checks and arms that cannot be told apart.
func (f *checksFile) names() []rollout.Problem {
	var problems []rollout.Problem
	checks, arms := map[string]bool{}, map[string]bool{}
	for i, check := range f.Checks {
		problems = append(problems, name(check.Name, checks, fmt.Sprintf("checks[%d].name", i), "a check")...)
	}
	for i, arm := range f.Arms {
		problems = append(problems, name(arm, arms, fmt.Sprintf("arms[%d]", i), "an arm")...)
	}
	return problems
}

// name refuses a name that is missing or was seen before.
func name(given string, seen map[string]bool, path, what string) []rollout.Problem {
	message := ""
	switch {
	case given == "":
		message = what + " needs a name"
	case seen[given]:
		message = fmt.Sprintf("%q stands twice", given)
	default:
		seen[given] = true
		return nil
	}
	return []rollout.Problem{{Path: path, Message: message}}
}

// configs are the checks of each arm as far as judging goes, and what analysis
// does not take of them. Arms share α before anything is seen, so that any of
// them fails harmlessly with chance α at most (Bonferroni).
func (f *checksFile) configs() ([]analysis.Config, []rollout.Problem) {
	var configs []analysis.Config
	var problems []rollout.Problem
	for i, check := range f.Checks {
		config, err := configOf(check, f.Bounds)
		problems = append(problems, f.refused(i, err)...)
		configs = append(configs, config)
	}
	analysis.ShareAlpha(configs, orElse(f.Policy.Alpha, 0.01)/float64(len(f.candidates())))
	return configs, problems
}

// refused is one problem for each parameter of the i-th check that an error is
// about, at its place; anything else is about the judge.
func (f *checksFile) refused(i int, err error) []rollout.Problem {
	if err == nil {
		return nil
	}
	var several interface{ Unwrap() []error }
	if errors.As(err, &several) {
		var problems []rollout.Problem
		for _, one := range several.Unwrap() {
			problems = append(problems, f.refused(i, one)...)
		}
		return problems
	}
	check, path := fmt.Sprintf("checks[%d]", i), ""
	var p *analysis.ParameterError
	switch {
	case !errors.As(err, &p):
		path = check + ".judge"
	case p.Parameter == "bounds" && f.Checks[i].Bounds == nil:
		path = "bounds"
	case slices.Contains([]string{"minRequests", "weight", "slo", "bounds"}, p.Parameter):
		path = check + "." + p.Parameter
	default:
		path = check + ".judge." + p.Judge + "." + p.Parameter
	}
	return []rollout.Problem{{Path: path, Message: err.Error()}}
}

// configOf is the check as far as judging it goes. Specs and judges share
// names and JSON.
func configOf(check judgedCheck, bounds []float64) (analysis.Config, error) {
	if check.Bounds == nil {
		check.Bounds = bounds
	}
	body, err := json.Marshal(check)
	if err != nil {
		return analysis.Config{}, err
	}
	return analysis.ParseConfig(body)
}

package main

import (
	"fmt"
	"path/filepath"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// wrongAnywhere says what is wrong with a file of any kind, and with those that
// it names.
func (c *cli) wrongAnywhere(from source) (problems []rollout.Problem) {
	switch specfile.Kind(from.text) {
	case rehearsal.Kind:
		_, problems = c.parseManifest(from)
	case rehearsal.SuiteKind:
		_, problems = c.parseSuite(from)
	default:
		problems = wrong(from)
	}
	return problems
}

// parseManifest reads a rehearsal and the spec that it practises, and says what
// is wrong with either.
func (c *cli) parseManifest(from source) (rehearsal.Manifest, []rollout.Problem) {
	var m rehearsal.Manifest
	if kind := specfile.Kind(from.text); kind != rehearsal.Kind && kind != "" {
		return m, specfile.LocateIn(from.name, from.text, new(struct {
			Kind string `json:"kind"`
		}), []rollout.Problem{{Path: "kind", Message: kind + " is not rehearsed: expected kind: Rehearsal or RehearsalSuite"}})
	}
	problems := specfile.Decode(from.name, from.text, &m)
	if len(problems) == 0 {
		problems = c.include(&m, from)
	}
	if len(problems) == 0 {
		found := append(m.Validate(), unjudgeable(m.Rollout.Checks, "rollout.")...)
		problems = specfile.LocateIn(from.name, from.text, new(rehearsal.Manifest), found)
	}
	return m.PutIn(), problems
}

// include puts the spec that a manifest only names into it. What is wrong with
// the spec has its place in that file; that there is none, in the manifest.
func (c *cli) include(m *rehearsal.Manifest, from source) (problems []rollout.Problem) {
	if m.Rollout.File == "" {
		return nil
	}
	spec, err := c.read(beside(from.name, m.Rollout.File))
	if err != nil {
		return specfile.LocateIn(from.name, from.text, new(rehearsal.Manifest), []rollout.Problem{{Path: "rollout", Message: err.Error()}})
	}
	m.Rollout.Spec, problems = parse(spec)
	return problems
}

// parseSuite reads a suite and its rehearsals.
func (c *cli) parseSuite(from source) (rehearsal.Suite, []rollout.Problem) {
	var s rehearsal.Suite
	problems := specfile.Decode(from.name, from.text, &s)
	told := len(problems) > 0 // of those that stand in the suite itself
	for i := range s.Rehearsals {
		if !told || s.Rehearsals[i].File != "" {
			problems = append(problems, c.member(&s.Rehearsals[i], fmt.Sprintf("rehearsals[%d]", i), from)...)
		}
	}
	if len(problems) == 0 {
		problems = specfile.LocateIn(from.name, from.text, new(rehearsal.Suite), s.Validate())
	}
	return s, problems
}

// member reads one rehearsal of a suite, which stands at a path of it.
func (c *cli) member(m *rehearsal.Member, path string, suite source) (problems []rollout.Problem) {
	if m.File == "" {
		if problems = c.include(&m.Manifest, suite); len(problems) == 0 {
			problems = specfile.LocateIn(suite.name, suite.text, new(rehearsal.Suite), unjudgeable(m.Rollout.Checks, path+".rollout."))
		}
		m.Manifest = m.PutIn()
		return problems
	}
	from, err := c.read(beside(suite.name, m.File))
	if err != nil {
		return specfile.LocateIn(suite.name, suite.text, new(rehearsal.Suite), []rollout.Problem{{Path: path, Message: err.Error()}})
	}
	m.Manifest, problems = c.parseManifest(from)
	return problems
}

// beside is a path that a file names: seen from that file.
func beside(file, path string) string {
	if filepath.IsAbs(path) || file == "stdin" {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

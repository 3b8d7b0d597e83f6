package main

import (
	"path/filepath"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// parseManifest reads a rehearsal and the spec that it practises, and says what
// is wrong with either.
func (c *cli) parseManifest(from source) (rehearsal.Manifest, []rollout.Problem) {
	var m rehearsal.Manifest
	if problems := specfile.Decode(from.name, from.text, &m); len(problems) > 0 {
		return m, problems
	}
	return m, c.complete(&m, from)
}

// complete puts the spec that a manifest only names into it.
func (c *cli) complete(m *rehearsal.Manifest, from source) []rollout.Problem {
	if m.Rollout.File != "" {
		spec, err := c.read(beside(from.name, m.Rollout.File))
		if err != nil {
			return specfile.LocateIn(from.name, from.text, new(rehearsal.Manifest), []rollout.Problem{{Path: "rollout", Message: err.Error()}})
		}
		var problems []rollout.Problem
		if m.Rollout.Spec, problems = parse(spec); len(problems) > 0 {
			return problems
		}
	}
	if m.Rollout.Environment == "" {
		m.Rollout.Environment = m.Environment
	}
	return specfile.LocateIn(from.name, from.text, new(rehearsal.Manifest), m.Validate())
}

// parseSuite reads a suite and its rehearsals.
func (c *cli) parseSuite(from source) (rehearsal.Suite, []rollout.Problem) {
	var s rehearsal.Suite
	problems := specfile.Decode(from.name, from.text, &s)
	if len(problems) > 0 {
		return s, problems
	}
	for i := range s.Rehearsals {
		m := &s.Rehearsals[i]
		if m.File == "" {
			problems = append(problems, c.complete(&m.Manifest, from)...)
			continue
		}
		member, err := c.read(beside(from.name, m.File))
		if err != nil {
			problems = append(problems, specfile.LocateIn(from.name, from.text, new(rehearsal.Suite), []rollout.Problem{{Path: "rehearsals", Message: err.Error()}})...)
			continue
		}
		var wrong []rollout.Problem
		m.Manifest, wrong = c.parseManifest(member)
		problems = append(problems, wrong...)
	}
	if len(problems) == 0 {
		problems = specfile.LocateIn(from.name, from.text, new(rehearsal.Suite), s.Validate())
	}
	return s, problems
}

// beside is a path that a file names: seen from that file.
func beside(file, path string) string {
	if filepath.IsAbs(path) || file == "stdin" {
		return path
	}
	return filepath.Join(filepath.Dir(file), path)
}

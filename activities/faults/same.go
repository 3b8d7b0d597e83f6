//go:build linux

package faults

import (
	"fmt"
	"path/filepath"
	"slices"

	"bakeoff/activities/identity"
	"bakeoff/rehearsal/fault"
)

// Same reports whether two faults change the same thing on this machine, whatever
// their manifests call it: a process by its name and by its pid file, a file by two
// paths, or as the one from which a process takes its time. It changes nothing.
func (d *Driver) Same(a, b fault.Fault) bool {
	changed := d.parameters.changes(b)
	return slices.ContainsFunc(d.parameters.changes(a), func(what string) bool { return slices.Contains(changed, what) })
}

// changes names what a fault changes, as it is found now, each thing by all that it
// may be found by; none for faults that can be laid over each other.
func (p Parameters) changes(f fault.Fault) []string {
	switch x, is := processOf(f); {
	case is:
		return p.processOf(x).names()
	case f.Clock != nil:
		it, err := p.Processes[f.Clock.Process].find()
		if err != nil {
			return []string{f.Touches()}
		}
		file, err := timestampFile(fmt.Sprintf("/proc/%d", it.PID))
		if err != nil {
			return []string{f.Touches()}
		}
		return []string{f.Touches(), "file " + resolved(file)}
	case f.Drift != nil:
		return []string{"file " + resolved(f.Drift.File)}
	case f.Disk != nil:
		return []string{"disk " + resolved(f.Disk.Path)}
	case f.Touches() != "":
		return []string{f.Touches()}
	}
	return nil
}

// processOf is where a process of a manifest is found.
func (p Parameters) processOf(x fault.Process) Process {
	if x.Name != "" {
		return p.Processes[x.Name]
	}
	return Process{PIDFile: x.PIDFile}
}

// names are the ways to find a process, and the process that is there.
func (p Process) names() []string {
	if p.PIDFile+p.Executable == "" {
		return nil // nobody knows it
	}
	out := []string{"process of " + resolved(p.PIDFile+p.Executable)}
	if it, err := p.find(); err == nil {
		out = append(out, numbered(it))
	}
	return out
}

func numbered(p identity.Process) string { return fmt.Sprintf("process %d since %d", p.PID, p.Start) }

// resolved is a path without symlinks, as far as it is there.
func resolved(path string) string {
	if to, err := filepath.EvalSymlinks(path); err == nil {
		return to
	}
	return path
}

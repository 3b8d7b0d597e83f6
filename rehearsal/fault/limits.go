package fault

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// The limits where a worker's policy names none.
const (
	defaultAtOnce  = 1
	defaultLongest = 10 * time.Minute
)

// Limits is the blast radius: what faults may do at most on a worker. What it
// does not name is not allowed. Lists of names and paths may hold the
// wildcards of [path.Match].
type Limits struct {
	AtOnce     int              `json:"atOnce,omitempty"`     // faults in force at the same time; default 1
	Longest    rollout.Duration `json:"longest,omitempty"`    // of one fault; default 10m
	Kinds      []string         `json:"kinds,omitempty"`      // toxiproxy, process, errors, drift, disk, clock, metrics, worker, task
	Proxies    []string         `json:"proxies,omitempty"`    // of Toxiproxy; for toxiproxy, errors and metrics
	Processes  []string         `json:"processes,omitempty"`  // names; for process, worker and clock
	PIDFiles   []string         `json:"pidFiles,omitempty"`   // absolute; for process and worker
	Files      []string         `json:"files,omitempty"`      // absolute; for drift
	Disks      []string         `json:"disks,omitempty"`      // absolute; for disk
	TaskQueues []string         `json:"taskQueues,omitempty"` // for task
}

// Validate says what is wrong with the limits themselves, at a path of the
// worker's configuration.
func (l Limits) Validate(at string) []rollout.Problem {
	p := &problems{path: at}
	p.require(l.AtOnce >= 0, "atOnce", "must not be negative")
	p.require(l.Longest >= 0, "longest", "must not be negative")
	for i, kind := range l.Kinds {
		p.require(isKind(kind), fmt.Sprintf("kinds[%d]", i), "%q is not one of %s", kind, strings.Join(Kinds(), ", "))
	}
	lists := []struct {
		field string
		paths bool
		list  []string
	}{{"proxies", false, l.Proxies}, {"processes", false, l.Processes}, {"pidFiles", true, l.PIDFiles}, {"files", true, l.Files}, {"disks", true, l.Disks}, {"taskQueues", false, l.TaskQueues}}
	for _, each := range lists {
		for i, pattern := range each.list {
			field := fmt.Sprintf("%s[%d]", each.field, i)
			_, err := path.Match(pattern, "")
			p.require(err == nil, field, "%q is not a pattern: %v", pattern, err)
			if each.paths {
				p.absolute(pattern, field)
			}
		}
	}
	return p.found
}

// Problems says which faults go beyond the limits: nothing of the rehearsal may
// begin then. Faults whose beginning is drawn count for all of the time in
// which they may be in force.
func (l Limits) Problems(at string, faults []Fault) []rollout.Problem {
	var out []rollout.Problem
	for i, f := range faults {
		p := problems{path: fmt.Sprintf("%s[%d]", at, i)}
		if together := l.together(faults, i); len(together) > l.TheAtOnce() {
			p.require(false, "at", "%d faults may be in force at once (%s), and the worker allows %d: let them follow each other",
				len(together), strings.Join(together, ", "), l.TheAtOnce())
		}
		out = append(append(out, p.found...), l.Refusals(p.path, f)...)
	}
	return out
}

// TheAtOnce is how many faults may be in force at the same time, with its default.
func (l Limits) TheAtOnce() int {
	if l.AtOnce == 0 {
		return defaultAtOnce
	}
	return l.AtOnce
}

func (l Limits) longest() rollout.Duration {
	if l.Longest == 0 {
		return rollout.Duration(defaultLongest)
	}
	return l.Longest
}

// together names the faults that may be in force, each at its longest, when
// fault i may begin. The moment with most of them is always such a beginning.
func (l Limits) together(faults []Fault, i int) []string {
	var names []string
	for _, other := range faults {
		if faults[i].At >= other.At && faults[i].At < other.At+other.Within+other.For {
			names = append(names, other.Name)
		}
	}
	return names
}

// Refusals says where one fault, alone, goes beyond the limits.
func (l Limits) Refusals(at string, f Fault) []rollout.Problem {
	p := &problems{path: at}
	l.allow(p, f)
	return p.found
}

func (l Limits) allow(p *problems, f Fault) {
	p.require(f.For <= l.longest(), "for", "%s is longer than the %s that the worker allows", f.For, l.longest())
	kind := f.Kind()
	if !slices.Contains(l.Kinds, kind) {
		allowed := "no faults at all"
		if len(l.Kinds) > 0 {
			allowed = "only " + strings.Join(l.Kinds, ", ")
		}
		p.require(false, kind, "the worker allows %s: see rehearsals.faults.limits.kinds", allowed)
		return
	}
	p.path += "." + kind
	if proxy := f.ProxyName(); proxy != "" {
		p.among(l.Proxies, proxy, "proxy")
	}
	switch kind {
	case KindProcess:
		l.allowProcess(p, *f.Process)
	case KindWorker:
		l.allowProcess(p, *f.Worker)
	case KindClock:
		p.among(l.Processes, f.Clock.Process, "process")
	case KindDrift:
		p.among(l.Files, f.Drift.File, "file")
	case KindDisk:
		p.among(l.Disks, f.Disk.Path, "path")
	case KindTask:
		p.among(l.TaskQueues, f.Task.TaskQueue, "taskQueue")
	}
}

func (l Limits) allowProcess(p *problems, x Process) {
	if x.PIDFile != "" {
		p.among(l.PIDFiles, x.PIDFile, "pidFile")
		return
	}
	p.among(l.Processes, x.Name, "name")
}

// among requires a value that one of the patterns matches.
func (p *problems) among(patterns []string, value, field string) {
	ok := slices.ContainsFunc(patterns, func(pattern string) bool {
		matches, err := path.Match(pattern, value)
		return err == nil && matches
	})
	p.require(ok, field, "%s may not be touched here: the worker allows %s", value, orNone(patterns))
}

func orNone(list []string) string {
	if len(list) == 0 {
		return "none"
	}
	return strings.Join(list, ", ")
}

//go:build linux

// Package faults injects the faults of rehearsals on one machine, and sees to it
// that they are gone afterwards. [Keep] is the function to read first.
//
// Each fault has a file in the registry, written before the fault begins, that
// says all that is needed to undo it, and a keeper: a process in a session of
// its own that begins the fault, waits and undoes it, so that the two can never
// overtake each other. A keeper undoes when it is told to, when the expiry
// comes, or when the worker that started it is gone, which it sees at the socket
// between them. Where the keeper died as well, workers undo what the registry
// holds, as they start and each minute:
//
//	<key>.json   the fault, and how to undo it
//	<key>.lock   flock of who begins or undoes it, with its identity
//	<key>.img    the loop file of a disk fault
//	<key>.found  what was in a drifted file that somebody else had changed
//	lock         flock of who registers
//	hold         until when no fault begins, where somebody removed all of them
//
// Linux only: it needs /proc and flock.
package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"time"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// Parameters are what the worker's configuration may set.
type Parameters struct {
	Directory string             `json:"directory"` // of the registry; absolute, made when it is not there, on a disk that survives the worker
	Toxiproxy string             `json:"toxiproxy"` // URL of its API, as http://127.0.0.1:8474; default none
	Listen    string             `json:"listen"`    // this machine, as Toxiproxy reaches it, for faults of the kind errors; default 127.0.0.1
	Keeper    []string           `json:"keeper"`    // command that calls Keep with its last argument; default this program with keep-fault
	Limits    fault.Limits       `json:"limits"`    // default: nothing is allowed
	Processes map[string]Process `json:"processes"` // by the name that a manifest uses
}

// Process says where a process is found and how it comes back.
type Process struct {
	PIDFile    string           `json:"pidFile"`    // absolute
	Executable string           `json:"executable"` // absolute; instead of PIDFile: the one process that runs it
	Restart    []string         `json:"restart"`    // command that brings it back when the fault ends; default its supervisor does
	Within     rollout.Duration `json:"within"`     // Restart is tried again when it is not back by then; default 30s
}

// Driver is the faults of one machine.
type Driver struct {
	parameters Parameters
	registry   registry

	mu    sync.Mutex
	lines map[string]net.Conn // to the keepers that this worker started, by key: closing one ends the fault
}

var _ activities.Faults = (*Driver)(nil)

// New makes the driver. It touches nothing but the registry's directory.
func New(with activities.With) (*Driver, error) {
	p := Parameters{Listen: "127.0.0.1"}
	if err := with.Decode(&p); err != nil {
		return nil, err
	}
	if err := p.validate(); err != nil {
		return nil, err
	}
	if len(p.Keeper) == 0 {
		program, err := os.Executable()
		if err != nil {
			return nil, fmt.Errorf("find this program: %w", err)
		}
		p.Keeper = []string{program, "keep-fault"}
	}
	if err := os.MkdirAll(p.Directory, 0o700); err != nil {
		return nil, err
	}
	return &Driver{parameters: p, registry: registry{filepath.Clean(p.Directory)}, lines: map[string]net.Conn{}}, nil
}

func (p Parameters) validate() error {
	if problems := p.Limits.Validate("limits"); len(problems) > 0 {
		return errors.New(join(problems))
	}
	if !filepath.IsAbs(p.Directory) {
		return fmt.Errorf("directory: %q is not an absolute path", p.Directory)
	}
	if u, err := url.Parse(p.Toxiproxy); p.Toxiproxy != "" && (err != nil || u.Host == "") {
		return fmt.Errorf("toxiproxy: %q is not a URL such as http://127.0.0.1:8474", p.Toxiproxy)
	}
	for _, name := range slices.Sorted(maps.Keys(p.Processes)) {
		switch x := p.Processes[name]; {
		case (x.PIDFile == "") == (x.Executable == ""):
			return fmt.Errorf("processes.%s: give either pidFile or executable", name)
		case !filepath.IsAbs(x.PIDFile + x.Executable):
			return fmt.Errorf("processes.%s: %q is not an absolute path", name, x.PIDFile+x.Executable)
		}
	}
	return nil
}

func join(problems []rollout.Problem) string {
	var out []string
	for _, p := range problems {
		out = append(out, p.String())
	}
	return strings.Join(out, "; ")
}

// Active lists the faults of this machine's registry that have not ended.
func (d *Driver) Active(context.Context) ([]activities.ActiveFault, error) {
	records, err := d.registry.list()
	var out []activities.ActiveFault
	for _, r := range records {
		if r.EndedAt == nil {
			out = append(out, activities.ActiveFault{ID: r.Order.ID, Name: r.Order.Fault.Name, What: r.Order.Fault.String(),
				StartedAt: r.StartedAt, Until: r.Order.Until, Error: r.Error})
		}
	}
	return out, err
}

// Ended says how a fault ended. One that never was in force never began.
func (d *Driver) Ended(_ context.Context, id string) (evidence.Fault, error) {
	r, err := load(d.registry.file(id))
	if err == nil && r.EndedAt == nil {
		err = fmt.Errorf("the end of fault %s: %w", id, activities.ErrNotFound)
	}
	if err != nil {
		return evidence.Fault{}, err
	}
	out := evidence.Fault{Name: r.Order.Fault.Name, What: r.Order.Fault.String(), EndedAt: *r.EndedAt,
		RemovedBy: r.By, Verified: true, Error: r.Error}
	if all := r.inForce(); len(all) > 0 {
		out.StartedAt, out.EndedAt = all[0].From, all[len(all)-1].To
		if len(all) > 1 {
			out.Stretches = all
		}
	}
	return out, nil
}

// now is the moment as it is written into the registry.
func now() *time.Time {
	t := time.Now().UTC().Round(time.Millisecond)
	return &t
}

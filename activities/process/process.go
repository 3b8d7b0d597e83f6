//go:build linux

// Package process runs versions as processes of this machine, for rehearsals,
// demonstrations and services without a platform. Supervisor.Deploy is the
// method to read first.
//
// A process is known by its pid, its start time and the boot it belongs to; a
// pid alone is never trusted and never signalled. Everything known is in files
// of one directory, so any worker on the machine can go on where another one
// died; the processes themselves live in sessions of their own and survive it.
// The directory belongs to one target:
//
//	versions/<version>.json   its processes
//	logs/<version>/<n>.log    what they wrote, until they are removed
//	primary.json              the primary version
//	fence.json                the highest fence seen
//	lock                      flock of who writes
//
// Nobody restarts a process that dies: Version says so, and another Deploy
// starts it again. Linux only: it needs /proc and flock.
package process

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Parameters are what a spec or the worker may set. Command and Env may hold
// {{.Version}}, {{.Port}} and {{.Artifact}}.
type Parameters struct {
	Directory string            `json:"directory"` // absolute; made when it is not there
	Command   []string          `json:"command"`   // program and arguments; default the artifact
	Env       map[string]string `json:"env"`       // beside the release's config, which wins
	Health    string            `json:"health"`    // path that answers 200 when ready; default /healthz
	StopGrace rollout.Duration  `json:"stopGrace"` // SIGTERM → SIGKILL; default 10s
}

// The hard deadlines of calls. A removal that needs longer is taken up by the
// next try.
const (
	readDeadline  = 5 * time.Second
	writeDeadline = 20 * time.Second
	healthTimeout = time.Second
)

// Supervisor runs the versions of one target.
type Supervisor struct {
	dir      string
	template launcher
	health   string
	grace    time.Duration
	client   *http.Client
}

// New makes the supervisor of a directory. It touches nothing yet.
func New(with activities.With) (activities.Deployer, error) {
	p := Parameters{Health: "/healthz", StopGrace: rollout.Duration(10 * time.Second), Command: []string{"{{.Artifact}}"}}
	if err := with.Decode(&p); err != nil {
		return nil, err
	}
	template, err := newLauncher(p.Command, p.Env)
	switch {
	case err != nil:
		return nil, err
	case !filepath.IsAbs(p.Directory):
		return nil, fmt.Errorf("directory: %q is not an absolute path", p.Directory)
	case !strings.HasPrefix(p.Health, "/"):
		return nil, fmt.Errorf("health: %q is not a path such as /healthz", p.Health)
	case p.StopGrace <= 0:
		return nil, errors.New("stopGrace: must be more than 0s")
	}
	return &Supervisor{
		dir: filepath.Clean(p.Directory), template: template, health: p.Health, grace: p.StopGrace.Std(),
		client: &http.Client{Timeout: healthTimeout, Transport: &http.Transport{DisableKeepAlives: true},
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
	}, nil
}

// Capabilities says in one line what the supervisor can do.
func (s *Supervisor) Capabilities() string {
	return "real processes of this machine; fence: kept in files; own rollback: none; restarts of crashed processes: none"
}

// Deploy starts as many processes as the deployment asks for and returns
// without waiting for their health. Those that run are kept, those that died
// are started again, on their port where it is free. It never takes processes
// away: with fewer replicas than run, those that run stay. A version that runs
// with another artifact, config or model is ErrFinal, because versions are immutable.
func (s *Supervisor) Deploy(ctx context.Context, w activities.Write, d activities.Deployment) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	for {
		stopping, err := s.deployOnce(ctx, w, d)
		if err == nil && stopping.Stopping != nil { // a removal that was begun is finished first
			if err = s.finish(ctx, stopping); err == nil {
				continue
			}
		}
		if err != nil {
			return fmt.Errorf("deploy %s: %w", d.Release.Version, err)
		}
		return nil
	}
}

// deployOnce does it under the lock, unless the version is being removed: then
// it returns that version's record.
func (s *Supervisor) deployOnce(ctx context.Context, w activities.Write, d activities.Deployment) (record, error) {
	unlock, err := s.admitVersion(ctx, w, d.Release.Version)
	if err != nil {
		return record{}, err
	}
	defer unlock()
	r, err := s.load(d.Release.Version)
	switch {
	case errors.Is(err, activities.ErrNotFound):
		r = record{Version: d.Release.Version}
	case err != nil || r.Stopping != nil:
		return r, err
	}
	return record{}, s.ensure(ctx, r, d)
}

// Remove asks the version's processes to stop (SIGTERM), kills after the grace
// what is left of them and of what they started, and returns when all are gone
// and their files too. Where that takes longer than a call may, the error says
// when to try again, and the next try goes on: the grace is not begun anew.
func (s *Supervisor) Remove(ctx context.Context, w activities.Write, version string) error {
	ctx, cancel := context.WithTimeout(ctx, writeDeadline)
	defer cancel()
	r, err := s.beginStop(ctx, w, version)
	if errors.Is(err, activities.ErrNotFound) {
		return nil
	}
	if err == nil {
		err = s.finish(ctx, r)
	}
	if err != nil {
		return fmt.Errorf("remove %s: %w", version, err)
	}
	return nil
}

// admitVersion is admit for a version.
func (s *Supervisor) admitVersion(ctx context.Context, w activities.Write, version string) (func(), error) {
	if !isSafe(version) {
		return nil, fmt.Errorf("%q is not a version: it needs letters, digits, '.', '_', '+' or '-': %w", version, activities.ErrFinal)
	}
	return s.admit(ctx, w, "version/"+version)
}

// admit takes the lock for a write to an object, unless its fence is old. The
// lock is kept until the write is done or recorded as begun, so that no older
// one comes in between.
func (s *Supervisor) admit(ctx context.Context, w activities.Write, object string) (func(), error) {
	unlock, err := s.lock(ctx)
	if err != nil {
		return nil, err
	}
	if err := s.pass(w.Fence, object); err != nil {
		unlock()
		return nil, err
	}
	return unlock, nil
}

// Primary returns the version that SetPrimary named last, "" when none was.
func (s *Supervisor) Primary(context.Context) (string, error) {
	var p primary
	err := readJSON(s.path("primary.json"), &p)
	if errors.Is(err, activities.ErrNotFound) {
		return "", nil
	}
	return p.Version, err
}

// SetPrimary names the primary version, whether or not it is there; "" names none.
func (s *Supervisor) SetPrimary(ctx context.Context, w activities.Write, version string) error {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	unlock, err := s.admit(ctx, w, "primary")
	if err != nil {
		return fmt.Errorf("make %q the primary version: %w", version, err)
	}
	defer unlock()
	return writeJSON(s.path("primary.json"), primary{Version: version, Intent: w.Intent, Fence: w.Fence})
}

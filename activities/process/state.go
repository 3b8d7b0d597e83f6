//go:build linux

package process

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"strconv"
	"syscall"
	"time"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/rollout"
)

// record is what is known of a version.
type record struct {
	Version  string          `json:"version"`
	Release  rollout.Release `json:"release"`
	Desired  int             `json:"desired"`
	Replicas []replica       `json:"replicas"`
	Stopping *time.Time      `json:"stopping,omitempty"` // since SIGTERM was sent
}

// replica is one process. It is recorded twice: with its token before it is
// started, with its identity after.
type replica struct {
	Port    int              `json:"port"`
	Token   string           `json:"token"` // in its environment, and of all that it starts
	Process identity.Process `json:"process"`
}

func (p replica) url() string { return "http://127.0.0.1:" + strconv.Itoa(p.Port) }

// primary is the pointer to the primary version, and who wrote it.
type primary struct {
	Version string           `json:"version"`
	Intent  string           `json:"intent,omitempty"`
	Fence   activities.Fence `json:"fence"`
}

// fences is the high-water mark: one epoch for the target, and in it one
// generation for each object, because acts on different objects overtake each other.
type fences struct {
	Epoch       int64          `json:"epoch"`
	Generations map[string]int `json:"generations,omitempty"`
}

var safe = regexp.MustCompile(`^[A-Za-z0-9_+-][A-Za-z0-9._+-]{0,99}$`)

// isSafe reports whether a version may be part of a file name.
func isSafe(version string) bool { return safe.MatchString(version) }

func (s *Supervisor) path(elements ...string) string {
	return filepath.Join(append([]string{s.dir}, elements...)...)
}

func (s *Supervisor) recordFile(version string) string { return s.path("versions", version+".json") }
func (s *Supervisor) logFolder(version string) string  { return s.path("logs", version) }

func (s *Supervisor) logFile(version string, n int) string {
	return filepath.Join(s.logFolder(version), strconv.Itoa(n)+".log")
}

// load returns a version's record, or ErrNotFound.
func (s *Supervisor) load(version string) (record, error) {
	var r record
	err := readJSON(s.recordFile(version), &r)
	return r, err
}

func (s *Supervisor) save(r record) error { return writeJSON(s.recordFile(r.Version), r) }

// drop deletes what is kept of a version.
func (s *Supervisor) drop(version string) error {
	if err := os.RemoveAll(s.logFolder(version)); err != nil {
		return err
	}
	return os.Remove(s.recordFile(version))
}

// pass lets a write to an object through, and remembers its fence.
func (s *Supervisor) pass(f activities.Fence, object string) error {
	var seen fences
	if err := readJSON(s.path("fence.json"), &seen); err != nil && !errors.Is(err, activities.ErrNotFound) {
		return err
	}
	if f.Epoch < seen.Epoch || f.Epoch == seen.Epoch && f.Generation < seen.Generations[object] {
		return fmt.Errorf("write %d.%d is older than %d.%d, which was seen last: %w",
			f.Epoch, f.Generation, seen.Epoch, seen.Generations[object], activities.ErrConflict)
	}
	if f.Epoch > seen.Epoch || seen.Generations == nil {
		seen = fences{Epoch: f.Epoch, Generations: map[string]int{}}
	}
	seen.Generations[object] = f.Generation
	return writeJSON(s.path("fence.json"), seen)
}

// lock makes the directory and takes its lock, against every other worker and
// every other call of this one. Whoever starts a process holds it: should the
// worker be killed between fork and exec, the child still has the lock until its
// new environment, with the token, is in place.
func (s *Supervisor) lock(ctx context.Context) (func(), error) {
	for _, folder := range []string{s.path("versions"), s.path("logs")} {
		if err := os.MkdirAll(folder, 0o700); err != nil {
			return nil, err
		}
	}
	f, err := os.OpenFile(s.path("lock"), os.O_RDWR|os.O_CREATE, 0o600)
	if err != nil {
		return nil, err
	}
	for {
		err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB)
		if err == nil {
			return func() { _ = syscall.Flock(int(f.Fd()), syscall.LOCK_UN); _ = f.Close() }, nil
		}
		if errors.Is(err, syscall.EWOULDBLOCK) || errors.Is(err, syscall.EINTR) {
			err = rest(ctx)
		}
		if err != nil {
			_ = f.Close()
			return nil, fmt.Errorf("lock %s: %w", s.dir, err)
		}
	}
}

// tick is how often a lock is tried and a process that stops is looked at:
// neither can be waited for together with a context.
const tick = 10 * time.Millisecond

// rest waits a tick, but not beyond the context.
func rest(ctx context.Context) error {
	timer := time.NewTimer(tick)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// readJSON reads a file that writeJSON wrote: ErrNotFound when it is not
// there, ErrFinal when somebody spoilt it.
func readJSON(file string, into any) error {
	body, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("%s: %w", file, activities.ErrNotFound)
	}
	if err != nil {
		return err
	}
	if err := json.Unmarshal(body, into); err != nil {
		return fmt.Errorf("%s: %w: %w", file, err, activities.ErrFinal)
	}
	return nil
}

// writeJSON replaces a file: afterwards it holds the old body or the new one,
// whatever crashes.
func writeJSON(file string, v any) error {
	body, err := json.MarshalIndent(v, "", "  ")
	if err != nil {
		return err
	}
	tmp, err := os.CreateTemp(filepath.Dir(file), ".new-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(tmp.Name()) }() // gone already when all went well
	_, err = tmp.Write(append(body, '\n'))
	err = errors.Join(err, tmp.Sync(), tmp.Close())
	if err == nil {
		err = os.Rename(tmp.Name(), file)
	}
	if err != nil {
		return err
	}
	folder, err := os.Open(filepath.Dir(file))
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

package town

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// stopGrace is how long a process may take to stop: Temporal and the worker
// promise ten seconds.
const stopGrace = 12 * time.Second

// Named is a process that runs in a town.
type Named struct {
	Name string `json:"name"`
	identity
}

// Stop ends every process of the town in dir: those in its list of pids, those
// that the process driver started, and those that came otherwise and belong to
// it. One whose pid belongs to another process by now is left alone. Nothing left
// to stop is success, a folder that is not there an error.
func Stop(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	list, err := listed(dir)
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	var first, rest []Named // whoever starts processes goes before those it started
	for _, p := range list {
		if strings.HasPrefix(p.Name, WorkerName) {
			first = append(first, p)
		} else {
			rest = append(rest, p)
		}
	}
	if err := errors.Join(stopAll(first), stopAll(append(rest, driven(dir)...)), stopAll(Left(dir))); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	if err := os.Remove(filepath.Join(dir, pidsFile)); err != nil && !errors.Is(err, os.ErrNotExist) {
		return fmt.Errorf("stop: %w", err)
	}
	return nil
}

// listed are the processes in the list of pids.
func listed(dir string) (list []Named, err error) {
	body, err := os.ReadFile(filepath.Join(dir, pidsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, fmt.Errorf("%s: %w", pidsFile, err)
	}
	return list, nil
}

// stopAll stops processes at once and returns when all are gone.
func stopAll(list []Named) error {
	errs := make([]error, len(list))
	var stopping sync.WaitGroup
	for i, p := range list {
		stopping.Go(func() {
			if err := p.stop(stopGrace); err != nil {
				errs[i] = fmt.Errorf("%s: %w", p.Name, err)
			}
		})
	}
	stopping.Wait()
	return errors.Join(errs...)
}

// driven are the processes of the process driver, from its own records.
func driven(dir string) []Named {
	var list []Named
	records, _ := filepath.Glob(filepath.Join(dir, "*", "versions", "*.json")) // the patterns are well formed
	more, _ := filepath.Glob(filepath.Join(dir, "*", "*", "versions", "*.json"))
	for _, file := range append(records, more...) {
		var record struct {
			Version  string
			Replicas []struct{ Process identity }
		}
		body, err := os.ReadFile(file)
		if err != nil || json.Unmarshal(body, &record) != nil {
			continue // removed in this moment
		}
		for _, r := range record.Replicas {
			list = append(list, Named{"version " + record.Version, r.Process})
		}
	}
	return list
}

// Left are the processes that belong to the town in dir, whoever started them:
// all have its folder for temporary files.
func Left(dir string) []Named {
	var list []Named
	environments, _ := filepath.Glob("/proc/[0-9]*/environ") // the pattern is well formed
	for _, file := range environments {
		body, err := os.ReadFile(file)
		if err != nil || !slices.Contains(strings.Split(string(body), "\x00"), temporary(dir)) {
			continue // it is another one's, or gone
		}
		pid, err := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		if err != nil || pid == os.Getpid() {
			continue
		}
		if p, err := identify(pid); err == nil && p.alive() {
			list = append(list, Named{nameOf(pid), p})
		}
	}
	return list
}

// nameOf is what a process was called with.
func nameOf(pid int) string {
	line, _ := os.ReadFile(fmt.Sprintf("/proc/%d/cmdline", pid)) // "" where it is gone
	return string(bytes.TrimSpace(bytes.ReplaceAll(line, []byte{0}, []byte{' '})))
}

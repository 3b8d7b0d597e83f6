package demo

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"syscall"
	"time"
)

// stopGrace is how long a process may take to stop: Temporal and the worker
// promise ten seconds.
const stopGrace = 12 * time.Second

// crew is the processes that the demonstration started. Each leads a process
// group of its own, so that Ctrl-C reaches the demonstration alone, which then
// stops them in order.
type crew struct {
	dir string
	env []string

	mu   sync.Mutex
	list []named // those that run, as pids.json has them
}

type member struct {
	named
	log  string
	done chan struct{} // closed when it has ended
}

// start starts a program that writes into logs/<name>.log, and writes its pid
// down before anything else happens.
func (c *crew) start(name, program string, args ...string) (member, error) {
	m := member{named: named{Name: name}, log: filepath.Join(c.dir, logFolder, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(m.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.dir, c.env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	m.named, err = c.enlist(name, cmd.Process.Pid)
	go func() { _ = cmd.Wait(); close(m.done) }() // how it ended is in its log
	if err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	return m, nil
}

// enlist writes down that a process runs, for Stop.
func (c *crew) enlist(name string, pid int) (named, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := identify(pid)
	c.list = append(c.list, named{name, p})
	return named{name, p}, errors.Join(err, c.writePIDs())
}

// dismiss writes down that a process has ended.
func (c *crew) dismiss(pid int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.DeleteFunc(c.list, func(p named) bool { return p.PID == pid })
	return c.writePIDs()
}

// writePIDs keeps the file up to date that Stop reads.
func (c *crew) writePIDs() error {
	body, err := json.MarshalIndent(c.list, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.dir, pidsFile), append(body, '\n'), 0o644)
}

// await returns when the probe succeeds, and fails when the process ends or
// time is over; then it quotes the log.
func (m member) await(ctx context.Context, patience time.Duration, probe func() bool) error {
	ctx, cancel := context.WithTimeoutCause(ctx, patience, fmt.Errorf("not ready after %s", patience))
	defer cancel()
	for !probe() {
		select {
		case <-m.done:
			return fmt.Errorf("%s ended:\n%s", m.Name, m.tail())
		case <-ctx.Done():
			err := context.Cause(ctx)
			if errors.Is(err, context.Canceled) {
				return err
			}
			return fmt.Errorf("%s: %w:\n%s", m.Name, err, m.tail())
		case <-time.After(20 * time.Millisecond):
		}
	}
	return nil
}

// isReady reports whether the program has said so.
func (m member) isReady() bool { return slices.Contains(m.lines(), "ready") }

// said returns what follows the word at the beginning of a line, "" where no
// line begins so.
func (m member) said(word string) string {
	for _, line := range m.lines() {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == word {
			return fields[1]
		}
	}
	return ""
}

func (m member) lines() []string {
	f, err := os.Open(m.log)
	if err != nil {
		return nil
	}
	defer func() { _ = f.Close() }()
	var lines []string
	for s := bufio.NewScanner(f); s.Scan(); {
		lines = append(lines, s.Text())
	}
	return lines
}

// tail is the end of the log, for error messages.
func (m member) tail() string {
	lines := m.lines()
	return "  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}

// Stop ends every process of the demonstration in dir: those in its list of
// pids and those that the process driver started. One whose pid belongs to
// another process by now is left alone. Nothing left to stop is success, a
// folder that is not there an error.
func Stop(dir string) error {
	if _, err := os.Stat(dir); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	body, err := os.ReadFile(filepath.Join(dir, pidsFile))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	var list []named
	if err := json.Unmarshal(body, &list); err != nil {
		return fmt.Errorf("stop: %s: %w", pidsFile, err)
	}
	first, rest := list, []named(nil)
	for i, p := range list { // whoever starts processes goes before those it started
		if p.Name == workerName {
			first, rest = []named{p}, slices.Delete(slices.Clone(list), i, i+1)
			break
		}
	}
	if err := errors.Join(stopAll(first), stopAll(append(rest, shops(dir)...))); err != nil {
		return fmt.Errorf("stop: %w", err)
	}
	return os.Remove(filepath.Join(dir, pidsFile))
}

// stopAll stops processes at once and returns when all are gone.
func stopAll(list []named) error {
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

package town

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

// Crew is the processes of a town. Each leads a process
// group of its own, so that Ctrl-C reaches the program that started them alone,
// which then stops them in order. It is safe for concurrent use.
type Crew struct {
	Dir string   // where everything is written
	Env []string // variables of what is started

	mu   sync.Mutex
	list []Named // those that run, as pids.json has them
}

// Member is a process that was started here.
type Member struct {
	Named
	log  string
	done chan struct{} // closed when it has ended
}

// Start starts a program that writes into logs/<name>.log, and writes its pid
// down before anything else happens.
func (c *Crew) Start(name, program string, args ...string) (Member, error) {
	m := Member{Named: Named{Name: name}, log: filepath.Join(c.Dir, logFolder, name+".log"), done: make(chan struct{})}
	log, err := os.OpenFile(m.log, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o644)
	if err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	defer func() { _ = log.Close() }() // the process has its own handle
	cmd := exec.Command(program, args...)
	cmd.Dir, cmd.Env, cmd.Stdout, cmd.Stderr = c.Dir, c.Env, log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if err := cmd.Start(); err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	m.Named, err = c.enlist(name, cmd.Process.Pid)
	go func() { _ = cmd.Wait(); close(m.done) }() // how it ended is in its log
	if err != nil {
		return m, fmt.Errorf("start %s: %w", name, err)
	}
	return m, nil
}

// enlist writes down that a process runs, for Stop.
func (c *Crew) enlist(name string, pid int) (Named, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	p, err := identify(pid)
	c.list = append(c.list, Named{name, p})
	return Named{name, p}, errors.Join(err, c.writePIDs())
}

// dismiss writes down that a process has ended.
func (c *Crew) dismiss(pid int) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.list = slices.DeleteFunc(c.list, func(p Named) bool { return p.PID == pid })
	return c.writePIDs()
}

// writePIDs keeps the file up to date that Stop reads.
func (c *Crew) writePIDs() error {
	body, err := json.MarshalIndent(c.list, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(c.Dir, pidsFile), append(body, '\n'), 0o644)
}

// Await returns when the probe succeeds, and fails when the process ends or
// time is over; then it quotes the log.
func (m Member) Await(ctx context.Context, patience time.Duration, probe func() bool) error {
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

// Kill ends the process by SIGKILL, as a machine that dies does, and returns when it
// is gone. What it has started goes on.
func (m Member) Kill() error {
	if err := syscall.Kill(m.PID, syscall.SIGKILL); err != nil {
		return fmt.Errorf("kill %s: %w", m.Name, err)
	}
	<-m.done
	return nil
}

// IsReady reports whether the program has said so.
func (m Member) IsReady() bool { return slices.Contains(m.lines(), "ready") }

// Said returns what follows the word at the beginning of a line, "" where no
// line begins so.
func (m Member) Said(word string) string {
	for _, line := range m.lines() {
		if fields := strings.Fields(line); len(fields) > 1 && fields[0] == word {
			return fields[1]
		}
	}
	return ""
}

// Mentions reports whether the program has written a line with that text.
func (m Member) Mentions(text string) bool {
	return slices.ContainsFunc(m.lines(), func(line string) bool { return strings.Contains(line, text) })
}

func (m Member) lines() []string {
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
func (m Member) tail() string {
	lines := m.lines()
	return "  " + strings.Join(lines[max(0, len(lines)-10):], "\n  ")
}

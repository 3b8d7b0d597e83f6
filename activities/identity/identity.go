//go:build linux

// Package identity tells processes of this machine apart. The system reuses pids, so
// a pid alone is never trusted and never signalled. Linux only.
package identity

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
)

// Process tells a process from every other one, before and after it.
type Process struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // /proc/<pid>/stat, field 22: clock ticks since boot
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

// Stat is what /proc/<pid>/stat says of a process.
type Stat struct {
	State   string // one letter: R, S, D; T stopped, Z zombie, X dead
	Session int
	Start   uint64 // as Process.Start
}

// Read reads it. A process that is not there is fs.ErrNotExist.
func Read(pid int) (Stat, error) {
	body, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return Stat{}, err
	}
	// The name, field 2, may hold anything, also spaces and parentheses.
	fields := strings.Fields(string(body[bytes.LastIndexByte(body, ')')+1:]))
	if len(fields) < 20 {
		return Stat{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	session, err1 := strconv.Atoi(fields[3])
	start, err2 := strconv.ParseUint(fields[19], 10, 64)
	return Stat{State: fields[0], Session: session, Start: start}, errors.Join(err1, err2)
}

var bootID = sync.OnceValue(func() string {
	body, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(body))
})

// Of returns the identity of the process that has the pid now.
func Of(pid int) (Process, error) {
	s, err := Read(pid)
	return Process{PID: pid, Start: s.Start, Boot: bootID()}, err
}

// Alive reports whether the very process runs. A zombie is dead.
func (p Process) Alive() bool {
	if p.PID <= 0 || p.Boot != bootID() {
		return false
	}
	s, err := Read(p.PID)
	return err == nil && s.Start == p.Start && s.State != "Z" && s.State != "X"
}

// Signal reaches the very process or nobody: the handle (a pidfd) is taken
// before the start time is compared, and stays with the process it was taken of.
func (p Process) Signal(sig os.Signal) error {
	handle, err := os.FindProcess(p.PID)
	if err != nil {
		return nil // gone
	}
	defer func() { _ = handle.Release() }()
	if !p.Alive() {
		return nil
	}
	if err := handle.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", p.PID, err)
	}
	return nil
}

//go:build linux

package faults

import (
	"bytes"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"bakeoff/activities/identity"
)

// find returns the process that is there now. An error may be gone at the next
// try: processes come and go.
func (p Process) find() (identity.Process, error) {
	if p.PIDFile != "" {
		return byPIDFile(p.PIDFile)
	}
	return byExecutable(p.Executable)
}

// byPIDFile reads a pid file. A process that began after the file was written
// is another one, which was given the pid later.
func byPIDFile(file string) (identity.Process, error) {
	body, err := os.ReadFile(file)
	if err != nil {
		return identity.Process{}, fmt.Errorf("read the pid file: %w: start the process that writes it, or give another pidFile", err)
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(body)))
	if err != nil || pid <= 0 {
		return identity.Process{}, fmt.Errorf("the pid file %s holds %.20q and no pid", file, body)
	}
	it, err := identity.Of(pid)
	if err != nil || !it.Alive() {
		return identity.Process{}, fmt.Errorf("process %d of the pid file %s does not run: start it", pid, file)
	}
	info, err := os.Stat(file)
	if err != nil {
		return identity.Process{}, err
	}
	began, err := startOf(it)
	if err == nil && began.After(info.ModTime().Add(clockSlack)) {
		err = fmt.Errorf("process %d began after the pid file %s was written: it is another one: start the one that writes it", pid, file)
	}
	return it, err
}

// clockSlack is how exactly the beginning of a process is known: the kernel
// tells the time of its own beginning in whole seconds.
const clockSlack = 2 * time.Second

// ticks a second of /proc, on every architecture that Go runs on.
const ticks = 100

// startOf is when a process began.
func startOf(p identity.Process) (time.Time, error) {
	body, err := os.ReadFile("/proc/stat")
	if err != nil {
		return time.Time{}, err
	}
	_, rest, found := bytes.Cut(body, []byte("\nbtime "))
	line, _, _ := bytes.Cut(rest, []byte("\n"))
	booted, err := strconv.ParseInt(string(line), 10, 64)
	if !found || err != nil {
		return time.Time{}, errors.New("/proc/stat does not say when the machine was started")
	}
	return time.Unix(booted, 0).Add(time.Duration(p.Start) * time.Second / ticks), nil
}

// byExecutable finds the one process that runs a program.
func byExecutable(program string) (identity.Process, error) {
	program, err := filepath.EvalSymlinks(program)
	if err != nil {
		return identity.Process{}, err
	}
	links, _ := filepath.Glob("/proc/[0-9]*/exe")
	var found []identity.Process
	for _, link := range links {
		target, err := os.Readlink(link)
		if errors.Is(err, fs.ErrPermission) || target != program {
			continue // somebody else's, or another one
		}
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(link)))
		if it, err := identity.Of(pid); err == nil && it.Alive() {
			found = append(found, it)
		}
	}
	if len(found) != 1 {
		return identity.Process{}, fmt.Errorf("%d processes run %s, and a fault is about one", len(found), program)
	}
	return found[0], nil
}

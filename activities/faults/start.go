//go:build linux

package faults

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"slices"
	"strings"
	"syscall"
	"time"

	"bakeoff/activities"
)

// answer is what a keeper says once, when the fault is in force or cannot be.
type answer struct {
	Error string `json:"error,omitempty"`
	Final bool   `json:"final,omitempty"`
}

// startDeadline is how long a fault may take to come into force.
const startDeadline = 30 * time.Second

// start starts the keeper of a registered fault and waits for its answer. Its
// standard input is a socket that this worker holds the other end of: when the
// worker is gone, however it went, the keeper reads the end of it.
func (d *Driver) start(ctx context.Context, file string) error {
	ours, theirs, err := socketPair()
	if err != nil {
		return fmt.Errorf("make a socket to the keeper: %w", err)
	}
	keeper := d.parameters.Keeper
	cmd := exec.Command(keeper[0], slices.Concat(keeper[1:], []string{file})...)
	cmd.Dir, cmd.Stdin, cmd.Env = d.registry.dir, theirs, environment()
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	err = cmd.Start()
	_ = theirs.Close()
	if err != nil {
		_ = ours.Close()
		return fmt.Errorf("start the keeper: %w", err)
	}
	d.mu.Lock()
	d.lines[file] = ours
	d.mu.Unlock()
	go d.reap(cmd, file, ours)
	if err := read(ctx, ours); err != nil {
		_ = ours.Close() // what it may have begun, it undoes
		return err
	}
	return nil
}

// reap waits for a keeper's end.
func (d *Driver) reap(cmd *exec.Cmd, file string, line net.Conn) {
	_ = cmd.Wait() // what it did is in the registry
	_ = line.Close()
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.lines[file] == line {
		delete(d.lines, file)
	}
}

// read waits for the keeper's answer.
func read(ctx context.Context, line net.Conn) error {
	ctx, cancel := context.WithTimeout(ctx, startDeadline)
	defer cancel()
	stop := context.AfterFunc(ctx, func() { _ = line.SetReadDeadline(time.Now()) })
	defer stop()
	var a answer
	switch err := json.NewDecoder(line).Decode(&a); {
	case err != nil:
		return fmt.Errorf("the keeper did not say that the fault is in force: %w", errors.Join(err, ctx.Err()))
	case a.Final:
		return fmt.Errorf("%s: %w", strings.TrimSuffix(a.Error, ": "+activities.ErrFinal.Error()), activities.ErrFinal)
	case a.Error != "":
		return errors.New(a.Error)
	}
	return nil
}

// socketPair makes a connection whose ends no other child inherits.
func socketPair() (net.Conn, *os.File, error) {
	ends, err := syscall.Socketpair(syscall.AF_UNIX, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, err
	}
	theirs, mine := os.NewFile(uintptr(ends[0]), "keeper"), os.NewFile(uintptr(ends[1]), "worker")
	ours, err := net.FileConn(mine)
	_ = mine.Close()
	if err != nil {
		_ = theirs.Close()
		return nil, nil, err
	}
	return ours, theirs, nil
}

// environment is what keepers and the commands that they run get of the
// worker's: never its credentials.
func environment() []string {
	var out []string
	for _, name := range []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"} {
		if value, set := os.LookupEnv(name); set {
			out = append(out, name+"="+value)
		}
	}
	return out
}

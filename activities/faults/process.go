//go:build linux

package faults

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"time"

	"bakeoff/activities/identity"
	"bakeoff/rehearsal/fault"
)

// processBefore is the process that a fault is about, and how it comes back.
type processBefore struct {
	identity.Process
	Found     Process    `json:"found"`
	Restarted *time.Time `json:"restarted,omitempty"` // Restart was run last
}

// defaultWithin is how long a restarted process has to show up.
const defaultWithin = 30 * time.Second

// prepareProcess finds the process, and refuses those that must not be touched.
func (r *record) prepareProcess(p Parameters, x fault.Process) error {
	found := Process{PIDFile: x.PIDFile}
	if x.Name != "" {
		var known bool
		if found, known = p.Processes[x.Name]; !known {
			return refuse("this worker knows no process %s: add it to its processes", x.Name)
		}
	}
	it, err := found.find()
	if err != nil {
		return err
	}
	switch isWorker := r.Order.Fault.Worker != nil; {
	case it.PID == 1:
		return refuse("process %s is the first one of the machine", named(x))
	case it.PID == os.Getpid() && !isWorker:
		if r.Order.Fault.Clock != nil {
			return refuse("process %s is this worker, whose clock no fault changes: name another process", named(x))
		}
		return refuse("process %s is this worker: write worker instead of process", named(x))
	}
	r.Undo.Process = &processBefore{Process: it, Found: found}
	return nil
}

// named is what a manifest calls a process.
func named(x fault.Process) string { return x.Name + x.PIDFile }

// prepareSignal is prepareProcess for what is done by signals, which this process
// has to be allowed to send.
func (r *record) prepareSignal(p Parameters, x fault.Process) error {
	if err := r.prepareProcess(p, x); err != nil {
		return err
	}
	if err := r.Undo.Process.Signal(syscall.Signal(0)); err != nil {
		return refuse("process %s cannot be signalled by user %d: %v", named(x), os.Geteuid(), err)
	}
	return nil
}

// kill kills a process. It is undone when another one is there in its place.
type kill struct{ fault.Process }

func (k kill) prepare(_ context.Context, p Parameters, r *record) error {
	return r.prepareSignal(p, k.Process)
}

func (k kill) apply(ctx context.Context, r *record) error {
	if err := r.Undo.Process.Signal(os.Kill); err != nil {
		return err
	}
	return until(ctx, func() bool { return !r.Undo.Process.Alive() }, "process %s does not die", named(k.Process))
}

// undo returns an error while the process is not back. It runs Restart, once
// and again when that did not help.
func (k kill) undo(_ context.Context, r *record) error {
	before := r.Undo.Process
	if before == nil || before.Alive() { // never killed
		return nil
	}
	found, err := before.Found.find()
	if err == nil && found != before.Process {
		return nil
	}
	restart := before.Found.Restart
	if len(restart) == 0 {
		return fmt.Errorf("process %s was killed, and its supervisor has not brought it back: %w", named(k.Process), err)
	}
	within := before.Found.Within.Std()
	if within == 0 {
		within = defaultWithin
	}
	if before.Restarted == nil || time.Since(*before.Restarted) > within {
		before.Restarted = now()
		if err := r.save(); err != nil {
			return err
		}
		cmd := exec.Command(restart[0], restart[1:]...)
		cmd.Env, cmd.SysProcAttr = environment(), &syscall.SysProcAttr{Setsid: true}
		if err := cmd.Start(); err != nil {
			return fmt.Errorf("restart process %s: %w", named(k.Process), err)
		}
		go func() { _ = cmd.Wait() }() // whether it helped is seen at the process
	}
	return fmt.Errorf("process %s was restarted and is not there yet: %w", named(k.Process), err)
}

// freeze stops a process, alone, without its children, and lets it go on.
type freeze struct{ fault.Process }

func (f freeze) prepare(_ context.Context, p Parameters, r *record) error {
	if err := r.prepareSignal(p, f.Process); err != nil {
		return err
	}
	if isFrozen(r.Undo.Process.Process) {
		return refuse("process %s is stopped already", named(f.Process))
	}
	return nil
}

func (f freeze) apply(ctx context.Context, r *record) error {
	it := r.Undo.Process.Process
	if err := it.Signal(syscall.SIGSTOP); err != nil {
		return err
	}
	return until(ctx, func() bool { return isFrozen(it) }, "process %s does not stop", named(f.Process))
}

func (f freeze) undo(ctx context.Context, r *record) error {
	if r.Undo.Process == nil {
		return nil
	}
	it := r.Undo.Process.Process
	if err := it.Signal(syscall.SIGCONT); err != nil {
		if !isFrozen(it) { // whoever may not let it go on has not stopped it, either
			return nil
		}
		return err
	}
	return until(ctx, func() bool { return !it.Alive() || !isFrozen(it) }, "process %s does not go on", named(f.Process))
}

func isFrozen(p identity.Process) bool {
	s, err := identity.Read(p.PID)
	return err == nil && s.Start == p.Start && s.State == "T"
}

// until waits for something that the kernel does soon.
func until(ctx context.Context, done func() bool, format string, args ...any) error {
	ctx, cancel := context.WithTimeout(ctx, 5*time.Second)
	defer cancel()
	for !done() {
		if err := rest(ctx, time.Millisecond); err != nil {
			return fmt.Errorf(format+": %w", append(args, err)...)
		}
	}
	return nil
}

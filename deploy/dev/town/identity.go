package town

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// identity tells a process from every other one, before and after it: a pid
// alone is never trusted. It is how the process driver writes it, too.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // /proc/<pid>/stat, field 22: clock ticks since boot
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

func identify(pid int) (identity, error) {
	start, _, err := readStat(pid)
	return identity{PID: pid, Start: start, Boot: bootID()}, err
}

func bootID() string {
	body, _ := os.ReadFile("/proc/sys/kernel/random/boot_id") // "" equals ""
	return strings.TrimSpace(string(body))
}

// readStat returns when a process was started and its state.
func readStat(pid int) (start uint64, state string, err error) {
	body, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return 0, "", err
	}
	// The name, field 2, may hold anything, also spaces and parentheses.
	fields := strings.Fields(string(body[bytes.LastIndexByte(body, ')')+1:]))
	if len(fields) < 20 {
		return 0, "", fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	start, err = strconv.ParseUint(fields[19], 10, 64)
	return start, fields[0], err
}

// alive reports whether the very process runs. A zombie is dead.
func (i identity) alive() bool {
	if i.PID <= 1 || i.Boot != bootID() {
		return false
	}
	start, state, err := readStat(i.PID)
	return err == nil && start == i.Start && state != "Z" && state != "X"
}

// signal reaches the process and the group that it leads, if it still runs.
func (i identity) signal(s syscall.Signal) {
	if !i.alive() {
		return
	}
	if err := syscall.Kill(-i.PID, s); errors.Is(err, syscall.ESRCH) { // it leads no group
		_ = syscall.Kill(i.PID, s) // gone is as good
	}
}

// stop asks the process to end, and kills it when it has not after the grace.
func (i identity) stop(grace time.Duration) error {
	i.signal(syscall.SIGTERM)
	if i.goneWithin(grace) {
		return nil
	}
	i.signal(syscall.SIGKILL)
	if !i.goneWithin(5 * time.Second) {
		return fmt.Errorf("process %d does not end", i.PID)
	}
	return nil
}

func (i identity) goneWithin(d time.Duration) bool {
	for deadline := time.Now().Add(d); i.alive(); time.Sleep(20 * time.Millisecond) { //nolint:forbidigo // a process that is no child of ours can only be polled
		if time.Now().After(deadline) {
			return false
		}
	}
	return true
}

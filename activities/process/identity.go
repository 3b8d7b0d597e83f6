//go:build linux

package process

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

// identity tells a process from every other one, before and after it.
type identity struct {
	PID   int    `json:"pid"`
	Start uint64 `json:"start"` // /proc/<pid>/stat, field 22: clock ticks since boot
	Boot  string `json:"boot"`  // /proc/sys/kernel/random/boot_id
}

// stat is what /proc/<pid>/stat says of a process.
type stat struct {
	state   string
	session int
	start   uint64
}

func readStat(pid int) (stat, error) {
	body, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "stat"))
	if err != nil {
		return stat{}, err
	}
	// The name, field 2, may hold anything, also spaces and parentheses.
	fields := strings.Fields(string(body[bytes.LastIndexByte(body, ')')+1:]))
	if len(fields) < 20 {
		return stat{}, fmt.Errorf("/proc/%d/stat has %d fields", pid, len(fields))
	}
	session, err1 := strconv.Atoi(fields[3])
	start, err2 := strconv.ParseUint(fields[19], 10, 64)
	return stat{state: fields[0], session: session, start: start}, errors.Join(err1, err2)
}

var bootID = sync.OnceValue(func() string {
	body, _ := os.ReadFile("/proc/sys/kernel/random/boot_id")
	return strings.TrimSpace(string(body))
})

func identify(pid int) (identity, error) {
	s, err := readStat(pid)
	return identity{PID: pid, Start: s.start, Boot: bootID()}, err
}

// alive reports whether the very process runs. A zombie is dead.
func (i identity) alive() bool {
	if i.PID <= 0 || i.Boot != bootID() {
		return false
	}
	s, err := readStat(i.PID)
	return err == nil && s.start == i.Start && s.state != "Z" && s.state != "X"
}

// signal reaches the very process or nobody: the handle (a pidfd) is taken
// before the start time is compared, and stays with the process it was taken of.
func (i identity) signal(sig os.Signal) error {
	p, err := os.FindProcess(i.PID)
	if err != nil {
		return nil // gone
	}
	defer func() { _ = p.Release() }()
	if !i.alive() {
		return nil
	}
	if err := p.Signal(sig); err != nil && !errors.Is(err, os.ErrProcessDone) {
		return fmt.Errorf("signal process %d: %w", i.PID, err)
	}
	return nil
}

// intentVariable marks a process, and all that it starts, with its token.
const intentVariable = "BAKEOFF_INTENT"

// carriers finds the living processes that carry one of the tokens: leaders
// are those that we started, the others were started by them.
func carriers(tokens ...string) (leaders map[string]identity, others []identity) {
	leaders = map[string]identity{}
	if len(tokens) == 0 {
		return leaders, nil
	}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		i, err := identify(pid)
		if err != nil || !i.alive() {
			continue
		}
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // somebody else's
		}
		token, found := tokenOf(environ, tokens)
		s, err := readStat(pid)
		switch {
		case !found || err != nil || s.start != i.Start: // not ours, or another one by now
		case s.session == pid && leaders[token].PID == 0:
			leaders[token] = i
		default:
			others = append(others, i)
		}
	}
	return leaders, others
}

func tokenOf(environ []byte, tokens []string) (string, bool) {
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		value, found := strings.CutPrefix(string(variable), intentVariable+"=")
		for _, token := range tokens {
			if found && value == token {
				return token, true
			}
		}
	}
	return "", false
}

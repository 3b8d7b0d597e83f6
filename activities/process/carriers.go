//go:build linux

package process

import (
	"bytes"
	"os"
	"path/filepath"
	"strconv"
	"strings"

	"bakeoff/activities/identity"
)

// intentVariable marks a process, and all that it starts, with its token.
const intentVariable = "BAKEOFF_INTENT"

// carriers finds the living processes that carry one of the tokens: leaders
// are those that we started, the others were started by them.
func carriers(tokens ...string) (leaders map[string]identity.Process, others []identity.Process) {
	leaders = map[string]identity.Process{}
	if len(tokens) == 0 {
		return leaders, nil
	}
	files, _ := filepath.Glob("/proc/[0-9]*/environ")
	for _, file := range files {
		pid, _ := strconv.Atoi(filepath.Base(filepath.Dir(file)))
		i, err := identity.Of(pid)
		if err != nil || !i.Alive() {
			continue
		}
		environ, err := os.ReadFile(file)
		if err != nil {
			continue // somebody else's
		}
		token, found := tokenOf(environ, tokens)
		s, err := identity.Read(pid)
		switch {
		case !found || err != nil || s.Start != i.Start: // not ours, or another one by now
		case s.Session == pid && leaders[token].PID == 0:
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

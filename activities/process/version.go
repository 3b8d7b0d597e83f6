//go:build linux

package process

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"strings"
	"sync"

	"bakeoff/activities"
)

// Version asks every process of the version for its health, at once. It is
// failed when one exited, with the last lines of its log; ready when all answer
// 200; else pending.
func (s *Supervisor) Version(ctx context.Context, version string) (activities.VersionState, error) {
	ctx, cancel := context.WithTimeout(ctx, readDeadline)
	defer cancel()
	state := activities.VersionState{Version: version, State: activities.StatePending}
	if !isSafe(version) {
		return state, fmt.Errorf("version %q: %w", version, activities.ErrNotFound)
	}
	r, err := s.load(version)
	if err != nil {
		return state, fmt.Errorf("version %s: %w", version, err)
	}
	state.Desired, state.Artifact = r.Desired, r.Release.Artifact
	troubles := make([]string, len(r.Replicas))
	var asked sync.WaitGroup
	for i, p := range r.Replicas {
		state.Endpoints = append(state.Endpoints, p.url())
		asked.Go(func() { troubles[i] = s.trouble(ctx, p) })
	}
	asked.Wait()
	return s.judge(state, r, troubles), nil
}

// judge sums the processes up; no trouble is "".
func (s *Supervisor) judge(state activities.VersionState, r record, troubles []string) activities.VersionState {
	var messages []string
	for i, trouble := range troubles {
		switch {
		case trouble == "":
			state.Ready++
		case r.Replicas[i].Process.PID != 0 && !r.Replicas[i].Process.Alive():
			state.State = activities.StateFailed
			messages = append(messages, fmt.Sprintf("process %d of replica %d has exited: %s",
				r.Replicas[i].Process.PID, i, tail(s.logFile(r.Version, i))))
		default:
			messages = append(messages, fmt.Sprintf("replica %d: %s", i, trouble))
		}
	}
	switch {
	case r.Stopping != nil:
		state.State, messages = activities.StatePending, append(messages, "it is being removed")
	case state.Ready == r.Desired:
		state.State = activities.StateReady
	case len(troubles) < r.Desired:
		messages = append(messages, fmt.Sprintf("%d of %d replicas were never started", r.Desired-len(troubles), r.Desired))
	}
	state.Message = strings.Join(messages, "; ")
	return state
}

// trouble says what keeps a process from being ready.
func (s *Supervisor) trouble(ctx context.Context, p replica) string {
	if p.Process.PID == 0 {
		return "it is being started"
	}
	if !p.Process.Alive() { // before its port is asked, which may be somebody else's by now
		return "it has exited"
	}
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, p.url()+s.health, nil)
	if err != nil {
		return err.Error()
	}
	resp, err := s.client.Do(req)
	if err != nil {
		return err.Error()
	}
	_ = resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		return s.health + " answers " + strconv.Itoa(resp.StatusCode)
	}
	return ""
}

// tail returns the last lines of a log, at most 600 bytes.
func tail(file string) string {
	f, err := os.Open(file)
	if err != nil {
		return "its log cannot be read"
	}
	defer func() { _ = f.Close() }()
	if size, err := f.Seek(0, io.SeekEnd); err == nil {
		_, _ = f.Seek(max(0, size-600), io.SeekStart)
	}
	text, _ := io.ReadAll(io.LimitReader(f, 600))
	lines := strings.Split(strings.TrimSpace(string(text)), "\n")
	return strings.Join(lines[max(0, len(lines)-5):], " | ")
}

package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sweeper counts how often it was asked, and cannot do it the first time.
type sweeper struct {
	asked int
	done  context.CancelFunc
}

func (s *sweeper) Sweep(context.Context) error {
	if s.asked++; s.asked == 1 {
		return errors.New("remove fault slow: no answer")
	}
	s.done()
	return nil
}

// What cannot be undone is said, and tried again.
func TestSweep(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	var log bytes.Buffer
	p := &daemon{log: slog.New(slog.NewTextHandler(&log, nil))}
	s := &sweeper{done: cancel}
	var swept sync.WaitGroup
	swept.Go(func() { p.sweep(ctx, s, time.Millisecond) })
	swept.Wait()
	require.GreaterOrEqual(t, s.asked, 2)
	require.Contains(t, log.String(), "could not be removed: it is tried again")
	require.Contains(t, log.String(), "remove fault slow: no answer")
}

// logged is what is logged, line by line.
type logged chan string

func (l logged) Write(line []byte) (int, error) {
	l <- string(line)
	return len(line), nil
}

// A fault that cannot be undone does not keep the worker from serving.
func TestWorkerStartsBesideAFaultThatStays(t *testing.T) {
	registry, log := t.TempDir(), make(logged, 1)
	require.NoError(t, os.WriteFile(filepath.Join(registry, "0123456789abcdef.json"), []byte("{"), 0o600))
	p := &daemon{log: slog.New(slog.NewTextHandler(log, nil))}
	var err error
	p.live, err = newLive(file(t, fmt.Sprintf("rehearsals: {faults: {directory: %q}}", registry)))
	require.NoError(t, err)
	a := newActs(p.live)
	require.NoError(t, p.startFaults(t.Context(), a))
	require.NotNil(t, a.Faults)
	require.Contains(t, <-log, "read the registration of a fault")
}

func TestRemoveFaultsOfNobody(t *testing.T) {
	var out bytes.Buffer
	require.Equal(t, 1, run([]string{"remove-faults"}, &out, &out))
	require.Contains(t, out.String(), "rehearsals.faults says where they are registered")
	out.Reset()
	config := file(t, fmt.Sprintf("rehearsals: {faults: {directory: %q}}", filepath.Join(t.TempDir(), "faults")))
	require.Zero(t, run([]string{"remove-faults", "--config", config}, &out, &out), out.String())
	require.Equal(t, "no fault is in force\nnone begins for 12h: bakeoff-worker allow-faults lets them\n", out.String())
	out.Reset()
	require.Zero(t, run([]string{"allow-faults", "--config", config}, &out, &out), out.String())
	require.Zero(t, run([]string{"remove-faults", "--hold", "0s", "--config", config}, &out, &out), out.String())
	require.Equal(t, "faults may begin\nno fault is in force\n", out.String())
	require.Equal(t, 2, run([]string{"remove-faults", "x"}, &out, &out))
}

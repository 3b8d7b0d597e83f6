package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// The gauge has the notion of a way back that the gate, the doctor and the report
// have: also a run that failed for something else has shown it.
func TestLastDrills(t *testing.T) {
	now := noon
	server := &visible{runs: []ran{
		{"cart", evidence.Failed, now.Add(-time.Minute), broken},
		{"checkout", evidence.Passed, now.Add(-time.Hour), rehearsal.Status{}},
		{"cart", evidence.Failed, now.Add(-2 * time.Hour), late},
		{"search", evidence.Aborted, now.Add(-3 * time.Hour), rehearsal.Status{}},
		{"cart", evidence.Passed, now.Add(-4 * time.Hour), rehearsal.Status{}},
		{"checkout", evidence.Failed, now.Add(-8 * 24 * time.Hour), late},
	}}
	var log bytes.Buffer
	l := &lastDrills{practice: &practice{server: server}, log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }}
	of := func(service string, at time.Time) string {
		return fmt.Sprintf("bakeoff_rehearsal_last_success_timestamp_seconds{environment=\"staging\",service=%q} %s", service, fmt.Sprint(float64(at.Unix())))
	}
	text := exposition(t, l)
	require.Contains(t, text, of("checkout", noon.Add(-time.Hour)), "the last one")
	require.Contains(t, text, of("cart", noon.Add(-2*time.Hour)))
	require.NotContains(t, text, "search")
	require.Equal(t, 3, server.read, "nothing that is older than the last good one")
	require.Len(t, server.queries, 1)
	exposition(t, l)
	require.Len(t, server.queries, 1, "an answer is used again for a minute")

	now = now.Add(time.Minute)
	exposition(t, l)
	require.Len(t, server.queries, 2)
	require.Equal(t, 3, server.read, "what ended is read once")
	now, server.err = now.Add(time.Minute), errors.New("unavailable")
	require.Contains(t, exposition(t, l), of("checkout", noon.Add(-time.Hour)), "what was known holds")
	require.Contains(t, log.String(), "list rehearsals: unavailable")
}

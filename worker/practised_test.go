package main

import (
	"bytes"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	workflowpb "go.temporal.io/api/workflow/v1"
	"google.golang.org/protobuf/types/known/timestamppb"

	"bakeoff/rollout"
)

func TestLastDrills(t *testing.T) {
	passed := func(service string, at time.Time) *workflowpb.WorkflowExecutionInfo {
		info := running(t, "rehearsal/staging/weekly", map[string]any{rollout.AttributeEnvironment: "staging", rollout.AttributeService: service})
		info.CloseTime = timestamppb.New(at)
		return info
	}
	now := time.Unix(1700000000, 0)
	v := &visibility{running: []*workflowpb.WorkflowExecutionInfo{
		passed("checkout", now.Add(-time.Hour)), passed("checkout", now.Add(-8*24*time.Hour)), passed("cart", now.Add(-2*time.Hour))}}
	var log bytes.Buffer
	l := &lastDrills{server: v, log: slog.New(slog.NewTextHandler(&log, nil)), now: func() time.Time { return now }}
	of := func(service string, at time.Time) string {
		return fmt.Sprintf(`bakeoff_rehearsal_last_success_timestamp_seconds{environment="staging",service=%q} %s`, service, fmt.Sprint(float64(at.Unix())))
	}
	text := exposition(t, l)
	require.Contains(t, text, of("checkout", now.Add(-time.Hour)), "the last one")
	require.Contains(t, text, of("cart", now.Add(-2*time.Hour)))
	require.Equal(t, 1, v.asked)
	exposition(t, l)
	require.Equal(t, 1, v.asked, "an answer is used again for a minute")

	began := now
	now, v.err = now.Add(time.Minute), errors.New("unavailable")
	require.Contains(t, exposition(t, l), of("checkout", began.Add(-time.Hour)), "what was known holds")
	require.Contains(t, log.String(), "list rehearsals: unavailable")
}

package main

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/converter"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// asked is a server that answers queries.
type asked struct {
	client.Client
	why string
	err error
}

func (a asked) QueryWorkflow(_ context.Context, id, run, query string, args ...any) (converter.EncodedValue, error) {
	if id != "fleet/production/checkout" || run != "r1" || query != rollout.LeaveQuery || args[0] != "production/checkout/a" {
		return nil, errors.New("not what was asked")
	}
	payloads, err := converter.GetDefaultDataConverter().ToPayloads(a.why)
	if err != nil {
		return nil, err
	}
	return client.NewValue(payloads), a.err
}

func TestLeave(t *testing.T) {
	for name, tt := range map[string]struct {
		server  asked
		why     string
		unknown bool
	}{
		"it goes forward":           {},
		"it goes back":              {server: asked{why: "it goes back"}, why: "it goes back"},
		"it is run by an older one": {server: asked{err: serviceerror.NewQueryFailed("unknown queryType leave. KnownQueryTypes=[status plan]")}},
		"it is broken":              {server: asked{err: serviceerror.NewQueryFailed("a panic")}, unknown: true},
		"no worker answers":         {server: asked{err: context.DeadlineExceeded}, unknown: true},
	} {
		t.Run(name, func(t *testing.T) {
			why, err := executions{tt.server}.Leave(t.Context(), activities.Unit{WorkflowID: "fleet/production/checkout", RunID: "r1"}, "production/checkout/a")
			require.Equal(t, tt.unknown, err != nil, "%v", err)
			require.Equal(t, tt.why, why)
		})
	}
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	"go.temporal.io/api/serviceerror"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/api/workflowservice/v1"

	"bakeoff/rollout"
)

// signalled is a Temporal that notes what it is told.
type signalled struct {
	running []string // workflows
	visible []string // those that visibility knows
	err     error
	query   string
	got     map[string][]rollout.Breach // by workflow
}

func (s *signalled) ListWorkflow(_ context.Context, q *workflowservice.ListWorkflowExecutionsRequest) (*workflowservice.ListWorkflowExecutionsResponse, error) {
	s.query = q.GetQuery()
	out := &workflowservice.ListWorkflowExecutionsResponse{}
	for _, id := range s.visible {
		out.Executions = append(out.Executions, &workflowpb.WorkflowExecutionInfo{Execution: &commonpb.WorkflowExecution{WorkflowId: id}})
	}
	return out, s.err
}

func (s *signalled) SignalWorkflow(_ context.Context, id, _, _ string, arg any) error {
	for _, one := range s.running {
		if one == id {
			s.got[id] = append(s.got[id], arg.(rollout.Breach))
			return nil
		}
	}
	return serviceerror.NewNotFound("no such workflow")
}

const oneAlert = `{"alerts": [{"status": "firing", "fingerprint": "f1", "startsAt": "2026-11-21T12:00:00Z",
	"labels": {"alertname": "Errors", "environment": "production", "service": "checkout"}, "annotations": {"description": "many"}}]}`

// post posts a body to a worker of that configuration.
func post(t *testing.T, config, token, body string, server breacher) *httptest.ResponseRecorder {
	t.Helper()
	a := &alerts{live: loaded(t, config), log: slog.New(slog.DiscardHandler)}
	if server != nil {
		a.connect(server)
	}
	req := httptest.NewRequest(http.MethodPost, "/alerts", strings.NewReader(body))
	req.Header.Set("Authorization", token)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, req)
	return w
}

func TestAlertsRefused(t *testing.T) {
	t.Setenv("ALERTS_TOKEN", "s3cret")
	const taken, right = "alerts: {bearer: {env: ALERTS_TOKEN}}", "Bearer s3cret"
	away := &signalled{err: errors.New("Temporal is away")}
	for name, row := range map[string]struct {
		config, token, body string
		server              breacher
		code                int
		want                string
	}{
		"no token configured":  {"", right, oneAlert, away, 404, "has no alerts.bearer"},
		"no token":             {taken, "", oneAlert, away, 401, "bearer token"},
		"another token":        {taken, "Bearer x", oneAlert, away, 401, "bearer token"},
		"before Temporal":      {taken, right, oneAlert, nil, 503, "not reached yet"},
		"Temporal is away":     {taken, right, oneAlert, away, 503, "Temporal is away"},
		"no JSON":              {taken, right, "alerts!", away, 400, "not a webhook of Alertmanager"},
		"not what is expected": {taken, right, `{"alerts": [{"startsAt": "yesterday"}]}`, away, 400, "not a webhook of Alertmanager"},
		"no alerts":            {taken, right, `{"status": "firing"}`, away, 400, "it has no alerts"},
		"too large":            {taken, right, `{"alerts": "` + strings.Repeat("x", alertsLimit) + `"}`, away, 413, "larger than 1048576 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(t, row.config, row.token, row.body, row.server)
			require.Equal(t, row.code, w.Code, w.Body)
			require.Contains(t, w.Body.String(), row.want)
			require.NotContains(t, w.Body.String(), "s3cret")
		})
	}
}

func TestAlertsTaken(t *testing.T) {
	t.Setenv("ALERTS_TOKEN", "s3cret")
	const bearer = "bearer: {env: ALERTS_TOKEN}"
	running := []string{"rollout/production/checkout", "rollout/production/checkout/eu"}
	for name, row := range map[string]struct {
		config, body string
		told         []string
		why          string
	}{
		"all units, also one that visibility does not know yet": {body: oneAlert, told: []string{"production/checkout", "production/checkout/eu"}},
		"one unit":                {body: strings.Replace(oneAlert, `"alertname"`, `"unit": "eu", "alertname"`, 1), told: []string{"production/checkout/eu"}},
		"resolved":                {body: strings.Replace(oneAlert, "firing", "resolved", 1), why: "does not fire"},
		"no service":              {body: strings.Replace(oneAlert, `"service"`, `"app"`, 1), why: "name no target"},
		"a label that is no name": {body: strings.Replace(oneAlert, `"checkout"`, `"x' OR 'a"`, 1), why: "name no target"},
		"another service":         {body: strings.Replace(oneAlert, "checkout", "pay", 1), why: "no rollout of production/pay is running"},
		"labels of one's own":     {config: ", labels: {service: app}", body: strings.Replace(oneAlert, `"service"`, `"app"`, 1), told: []string{"production/checkout", "production/checkout/eu"}},
		"not of that severity":    {config: ", match: {severity: [page]}", body: oneAlert, why: `its label severity is ""`},
	} {
		t.Run(name, func(t *testing.T) {
			server := &signalled{running: running, got: map[string][]rollout.Breach{}}
			if !strings.Contains(row.body, "pay") {
				server.visible = running[1:]
			}
			w := post(t, "alerts: {"+bearer+row.config+"}", "Bearer s3cret", row.body, server)
			require.Equal(t, 200, w.Code, w.Body)
			var out struct{ Alerts []heardAlert }
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &out))
			require.Len(t, out.Alerts, 1)
			require.ElementsMatch(t, row.told, out.Alerts[0].Told)
			require.Contains(t, out.Alerts[0].Why, row.why)
			for _, breaches := range server.got {
				require.Equal(t, "f1@2026-11-21T12:00:00Z", breaches[0].ID)
				require.Equal(t, "alert Errors: many", breaches[0].String())
			}
		})
	}
}

// A storm of alerts is cut short: the answer says of which nobody was told.
func TestAlertStorm(t *testing.T) {
	t.Setenv("ALERTS_TOKEN", "s3cret")
	one := func(fingerprint, service string) string {
		return fmt.Sprintf(`{"status": "firing", "fingerprint": %q, "labels": {"alertname": "Errors", "environment": "production", "service": %q}}`, fingerprint, service)
	}
	alerts := []string{}
	for i := range 5000 {
		alerts = append(alerts, one(fmt.Sprint(i), "checkout"))
	}
	alerts = append(alerts, one("last", "pay"))
	server := &signalled{running: []string{"rollout/production/checkout", "rollout/production/pay"}, got: map[string][]rollout.Breach{}}
	w := post(t, "alerts: {bearer: {env: ALERTS_TOKEN}}", "Bearer s3cret", `{"alerts": [`+strings.Join(alerts, ",")+`]}`, server)
	require.Equal(t, 200, w.Code, w.Body)
	require.Len(t, server.got["rollout/production/checkout"], mostAlerts)
	require.Len(t, server.got["rollout/production/pay"], 1, "another target's alert comes through")
	require.Equal(t, len(alerts)-mostAlerts-1, strings.Count(w.Body.String(), "were passed on"))
}

package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// token is what Alertmanager has to show.
const token = "alertmanager's"

// alerted is a town whose worker takes alerts of one severity.
func alerted(t *testing.T) *town {
	c := found(t)
	file := filepath.Join(t.TempDir(), "token")
	require.NoError(t, os.WriteFile(file, []byte(token), 0o600))
	c.worker = procs.StartWorker(t, c.server, fmt.Sprintf("alerts: {bearer: {file: %q}, match: {severity: [critical]}}", file))
	return c
}

// asksFirst asks before anybody gets the candidate.
const asksFirst = "strategy: {" + window + ", canary: [{weight: 10%, bake: 5s, approve: {within: 1h}}], keepBaseline: 2s}"

// fires is what Alertmanager sends of one alert.
func fires(service, severity string) string {
	return fmt.Sprintf(`{"version": "4", "status": "firing", "externalURL": "http://alertmanager:9093",
		"commonLabels": {"alertname": "CheckoutErrors", "environment": "staging", "severity": %q},
		"alerts": [{"status": "firing", "fingerprint": "7d3f", "startsAt": "2026-11-21T12:00:00Z",
			"labels": {"alertname": "CheckoutErrors", "service": %q}, "annotations": {"summary": "too many errors"}},
			{"status": "resolved", "fingerprint": "8a00", "startsAt": "2026-11-21T11:00:00Z", "labels": {"service": %[2]q}}]}`, severity, service)
}

// heard is the answer to alerts.
type heard struct {
	Alerts []struct {
		Name, ID, Why string
		Told          []string
	}
}

// alert posts alerts to the worker.
func (c *town) alert(t *testing.T, bearer, body string) (int, heard) {
	t.Helper()
	req, err := http.NewRequest(http.MethodPost, c.worker.URL(t)+"/alerts", strings.NewReader(body))
	require.NoError(t, err)
	req.Header.Set("Authorization", "Bearer "+bearer)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	said, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	var h heard
	if resp.StatusCode == http.StatusOK {
		require.NoError(t, json.Unmarshal(said, &h), string(said))
	}
	return resp.StatusCode, h
}

// An alert that fires turns its rollout back at once, and only that. What comes
// twice is one breach; what comes after the end finds nobody.
func TestAlert(t *testing.T) {
	c := alerted(t)
	s := c.scene(t)
	s.start(oneLong)
	s.bakes(1000)
	code, _ := c.alert(t, "another", fires(s.name, "critical"))
	require.Equal(t, http.StatusUnauthorized, code)
	code, h := c.alert(t, token, fires("nobody", "critical"))
	require.Equal(t, http.StatusOK, code)
	require.Contains(t, h.Alerts[0].Why, "no rollout of staging/nobody is running")
	_, h = c.alert(t, token, fires(s.name, "warning"))
	require.Contains(t, h.Alerts[0].Why, "severity")
	s.watched(2)
	require.Equal(t, rollout.Weight(1000), s.weight())

	since := time.Now()
	_, h = c.alert(t, token, fires(s.name, "critical"))
	require.Equal(t, []string{s.target()}, h.Alerts[0].Told)
	require.Equal(t, "it does not fire", h.Alerts[1].Why)
	_, h = c.alert(t, token, fires(s.name, "critical"))
	require.Equal(t, []string{s.target()}, h.Alerts[0].Told)
	e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, "alert CheckoutErrors: too many errors at 10%", e.Reason)
	s.wroteBackWithin(2*time.Second, since)
	s.asBefore()
	_, h = c.alert(t, token, fires(s.name, "critical"))
	require.Empty(t, h.Alerts[0].Told)

	told := s.told(rollout.EventBreach)
	require.Len(t, told, 2)
	require.Equal(t, true, told[0].Data["obeyed"])
	require.Equal(t, "alertmanager http://alertmanager:9093", told[0].Data["source"])
	require.Equal(t, "it was heard before", told[1].Data["why"])
}

// An alert without a unit is about all of them; one that comes while nobody has
// the candidate yet changes nothing, and is on record.
func TestAlertOfUnits(t *testing.T) {
	c := alerted(t)
	s := c.scene(t)
	out := s.cli("start", s.file("unit: eu-west-1", asksFirst), "--reason", "a test")
	require.Zero(t, out.Code, out.Stderr)
	target := s.target() + "/eu-west-1"
	until(t, "the approval", func() bool { return s.result("status", target).WaitingFor == rollout.WaitingForApproval })
	until(t, "the unit is found", func() bool {
		_, h := c.alert(t, token, fires(s.name, "critical"))
		return len(h.Alerts[0].Told) == 1 && h.Alerts[0].Told[0] == target
	})
	require.Equal(t, rollout.PhaseWaiting, s.result("status", target).Phase)
	out = s.cli("history", target, "-o", "json")
	require.Contains(t, out.Stdout, "the candidate has no traffic")
	require.Zero(t, s.cli("abort", target, "--reason", "a test").Code)
}

package e2e_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// routes is the configuration of Alertmanager in the docs.
var routes = regexp.MustCompile("(?s)```yaml alertmanager\n(.*?)```")

// A real Alertmanager, configured as the docs say, turns the rollout back that an alert
// is about, and no other one.
func TestAlertmanager(t *testing.T) {
	c := alerted(t)
	docs, err := os.ReadFile("../../docs/operations.md")
	require.NoError(t, err)
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "token"), []byte(token), 0o600))
	config := strings.NewReplacer("http://bakeoff-worker:9464", c.worker.URL(t), "/etc/alertmanager/bakeoff-token", filepath.Join(dir, "token")).
		Replace(string(routes.FindSubmatch(docs)[1]))
	manager := procs.StartAlertmanager(t, dir, config)
	s, other := c.scene(t), c.scene(t)
	other.name += "-other"
	for _, s := range []*scene{s, other} {
		s.start(oneLong)
		s.bakes(1000)
	}
	fire := func(service, severity, summary string) {
		t.Helper()
		alerts, err := json.Marshal([]map[string]any{{
			"labels":      map[string]string{"alertname": "CheckoutErrors", "environment": "staging", "service": service, "severity": severity},
			"annotations": map[string]string{"summary": summary},
		}})
		require.NoError(t, err)
		resp, err := http.Post(manager+"/api/v2/alerts", "application/json", bytes.NewReader(alerts))
		require.NoError(t, err)
		defer resp.Body.Close()
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	fire(other.name, "warning", "not so bad")
	since := time.Now()
	fire(s.name, "critical", "too many errors")
	e := s.ends(10, rollout.RolledBack, rollout.CauseVerdict)
	require.Equal(t, "alert CheckoutErrors: too many errors at 10%", e.Reason)
	s.wroteBackWithin(5*time.Second, since) // Alertmanager takes its time
	s.asBefore()
	require.Equal(t, rollout.Weight(1000), other.weight())
	told := s.told(rollout.EventBreach)
	require.Equal(t, true, told[0].Data["obeyed"])
	require.Contains(t, told[0].Data["source"], "alertmanager http")
	require.Empty(t, other.told(rollout.EventBreach))
}

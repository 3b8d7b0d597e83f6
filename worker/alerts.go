package main

import (
	"context"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"bakeoff/rollout"
)

// alertsConfig says which alerts of Alertmanager are breaches of which rollouts.
type alertsConfig struct {
	Bearer *secretRef          `json:"bearer,omitempty"` // without it no alert is taken
	Labels alertLabels         `json:"labels,omitzero"`
	Match  map[string][]string `json:"match,omitempty"` // label → values; each must match, default all alerts
}

// alertLabels names the labels that say whom an alert is about.
type alertLabels struct {
	Environment string `json:"environment,omitempty"` // default environment
	Service     string `json:"service,omitempty"`     // default service
	Unit        string `json:"unit,omitempty"`        // default unit; an alert without it is about all units
}

// validate says what is wrong with the configuration of alerts.
func (c alertsConfig) validate() []rollout.Problem {
	if c.Bearer == nil {
		return nil
	}
	if _, err := c.Bearer.fetch(); err != nil {
		return []rollout.Problem{{Path: "alerts.bearer", Message: err.Error()}}
	}
	return nil
}

// breacher is what alerts need of Temporal.
type breacher interface {
	lister
	SignalWorkflow(ctx context.Context, workflowID, runID, signal string, arg any) error
}

const (
	alertsLimit  = 1 << 20         // bytes of one request
	alertsWithin = 8 * time.Second // below Alertmanager's own limit of 10 s
)

// alerts takes the webhooks of Alertmanager and turns alerts that fire into
// breaches of the rollouts that they are about.
type alerts struct {
	live   *live
	log    *slog.Logger
	server atomic.Pointer[breacher] // nil until Temporal is reached
}

// connect lets alerts through to rollouts.
func (a *alerts) connect(server breacher) { a.server.Store(&server) }

// ServeHTTP answers 200 with whom each alert reached; a request that comes twice
// changes nothing more. 400, 401, 404, 413: it will never be taken; 503: try
// again.
func (a *alerts) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	c := a.live.config().Alerts
	if code, why := a.refuses(c, req); code != 0 {
		http.Error(w, why, code)
		return
	}
	message, code, err := readAlerts(w, req)
	if err != nil {
		http.Error(w, err.Error(), code)
		return
	}
	ctx, cancel := context.WithTimeout(req.Context(), alertsWithin)
	defer cancel()
	b := breaching{c, *a.server.Load(), map[rollout.Target]int{}}
	answer := []heardAlert{}
	for _, one := range message.Alerts {
		heard, err := b.take(ctx, one)
		if err != nil {
			a.log.Error("an alert was not passed on", "alert", heard.Name, "error", err)
			http.Error(w, err.Error(), http.StatusServiceUnavailable)
			return
		}
		a.log.Info("alert", "name", heard.Name, "id", heard.ID, "told", heard.Told, "why", heard.Why)
		answer = append(answer, heard)
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(map[string]any{"alerts": answer}); err != nil {
		a.log.Warn("an alert's answer was not read", "error", err)
	}
}

// refuses says why a request is not even read; 0 where it is.
func (a *alerts) refuses(c alertsConfig, req *http.Request) (code int, why string) {
	if c.Bearer == nil {
		return http.StatusNotFound, "alerts are not taken: the worker's configuration has no alerts.bearer"
	}
	token, err := c.Bearer.read()
	if err != nil {
		return http.StatusServiceUnavailable, "the token of alerts.bearer cannot be read"
	}
	if subtle.ConstantTimeCompare([]byte(req.Header.Get("Authorization")), []byte("Bearer "+token)) != 1 {
		return http.StatusUnauthorized, "the bearer token is missing, or another one"
	}
	if a.server.Load() == nil {
		return http.StatusServiceUnavailable, "Temporal is not reached yet: try again"
	}
	return 0, ""
}

// alertMessage is what Alertmanager sends, as far as it matters here. Fields
// that are not known are left out: the format is not ours.
type alertMessage struct {
	CommonLabels map[string]string `json:"commonLabels"`
	ExternalURL  string            `json:"externalURL"`
	Alerts       []firedAlert      `json:"alerts"`
}

type firedAlert struct {
	Status      string            `json:"status"`
	Labels      map[string]string `json:"labels"`
	Annotations map[string]string `json:"annotations"`
	StartsAt    time.Time         `json:"startsAt"`
	Fingerprint string            `json:"fingerprint"`

	source string
}

func readAlerts(w http.ResponseWriter, req *http.Request) (m alertMessage, code int, err error) {
	body, err := io.ReadAll(http.MaxBytesReader(w, req.Body, alertsLimit))
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return m, http.StatusRequestEntityTooLarge, fmt.Errorf("the body is larger than %d bytes", alertsLimit)
	}
	if err != nil {
		return m, http.StatusBadRequest, fmt.Errorf("read the body: %w", err)
	}
	if err := json.Unmarshal(body, &m); err != nil {
		return m, http.StatusBadRequest, fmt.Errorf("this is not a webhook of Alertmanager: %w", err)
	}
	if len(m.Alerts) == 0 {
		return m, http.StatusBadRequest, errors.New("this is not a webhook of Alertmanager: it has no alerts")
	}
	for i := range m.Alerts {
		one := &m.Alerts[i]
		one.source = m.ExternalURL
		if one.Labels == nil {
			one.Labels = map[string]string{}
		}
		for label, value := range m.CommonLabels {
			if _, own := one.Labels[label]; !own {
				one.Labels[label] = value
			}
		}
	}
	return m, 0, nil
}

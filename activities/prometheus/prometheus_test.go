package prometheus_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/prometheus"
	"bakeoff/rollout"
)

// errorOf makes a check's error one that require can look at.
func errorOf(r activities.CheckReading) error {
	if r.Error == "" {
		return nil
	}
	return errors.New(r.Error)
}

func isFinal(err error) bool { return errors.Is(err, activities.ErrFinal) }

func TestNew(t *testing.T) {
	s, err := prometheus.New(activities.With{"url": "http://127.0.0.1:9090/prom/"}, prometheus.Bearer{})
	require.NoError(t, err)
	require.Equal(t, 15*time.Second, s.Delay())
	s, err = prometheus.New(activities.With{"url": "https://p", "delay": "0s"}, prometheus.Bearer{})
	require.NoError(t, err)
	require.Zero(t, s.Delay())
	for why, with := range map[string]activities.With{
		`"" is not an http(s) URL`:          {},
		`"ftp://x" is not an http(s) URL`:   {"url": "ftp://x"},
		`must end with its path`:            {"url": "http://x?a=b"},
		`unknown field "token"`:             {"url": "http://x", "token": "secret"},
		`is not a duration`:                 {"url": "http://x", "delay": "soon"},
		`delay must not be negative`:        {"url": "http://x", "deadline": "0s"},
		`url: parse`:                        {"url": "http://[::1"},
		`staleAfter must be positive`:       {"url": "http://x", "staleAfter": "0s"},
		`cannot unmarshal number into Go s`: {"url": 5},
	} {
		_, err := prometheus.New(with, prometheus.Bearer{})
		require.ErrorContains(t, err, why)
	}
}

// The token goes to the URL that it was given for and nowhere else.
func TestToken(t *testing.T) {
	f := newFake(t, nil)
	for _, c := range []struct {
		bearer prometheus.Bearer
		want   string
	}{
		{prometheus.Bearer{}, ""},
		{prometheus.Bearer{URL: f.URL + "/", Token: "abc"}, "Bearer abc"},
		{prometheus.Bearer{URL: "http://prometheus.example", Token: "abc"}, ""},
		{prometheus.Bearer{URL: f.URL + "/other", Token: "abc"}, ""},
		{prometheus.Bearer{Token: "abc"}, ""},
	} {
		s, err := prometheus.New(activities.With{"url": f.URL}, c.bearer)
		require.NoError(t, err)
		_, err = s.Read(t.Context(), activities.MetricsQuery{Checks: []rollout.Check{errorsCheck}, Sides: bothSides(), At: at})
		require.NoError(t, err)
		require.Equal(t, c.want, f.latest.Header.Get("Authorization"))
	}
}

func TestSupports(t *testing.T) {
	s := newFake(t, nil).driver(t, nil)
	for _, check := range []rollout.Check{
		errorsCheck,
		{Histogram: "h"},
		{Query: `sum(rate(x{version="{{.Version}}"}[1m]))`},
	} {
		require.NoError(t, s.Supports(check))
	}
	for why, check := range map[string]rollout.Check{
		"is not a plain selector":     {Failures: "rate(x[1m])", Requests: "x"},
		"only {{.Version}} is replac": {Query: "x{{.Release}}"},
		"unclosed action":             {Query: "x{{.Version"},
		"by: ":                        {Histogram: "h", By: &rollout.By{Baseline: "stable"}},
	} {
		require.ErrorContains(t, s.Supports(check), why)
	}
}

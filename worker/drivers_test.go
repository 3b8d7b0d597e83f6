package main

import (
	"context"
	"net/http"
	"net/http/httptest"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

func TestParametersAreOverlaid(t *testing.T) {
	c := loaded(t, "drivers: {http: {url: http://configured:1, deadline: 2s}}").config()
	with, err := c.parameters("http", activities.With{"url": "http://spec:1"})
	require.NoError(t, err)
	require.Equal(t, activities.With{"url": "http://spec:1", "deadline": "2s"}, with)
	with, err = c.parameters("http", nil)
	require.NoError(t, err)
	require.Equal(t, activities.With{"url": "http://configured:1", "deadline": "2s"}, with)
	require.Equal(t, "http://configured:1", c.Drivers["http"]["url"], "the configuration itself is not written to")
}

func TestEveryDriverIsWired(t *testing.T) {
	r := loaded(t, "").registry()
	url := activities.With{"url": "http://127.0.0.1:1"}
	_, err := r.Deploy["http"](url)
	require.NoError(t, err)
	_, err = r.Deploy["process"](activities.With{"directory": t.TempDir()})
	require.NoError(t, err)
	_, err = r.Traffic["http"](url)
	require.NoError(t, err)
	_, err = r.Traffic["caddy"](nil)
	require.NoError(t, err)
	_, err = r.Flags["http"](url)
	require.NoError(t, err)
	_, err = r.Metrics["prometheus"](url)
	require.NoError(t, err)
	_, err = r.Metrics["scrape"](nil)
	require.NoError(t, err)
	for _, makeWrong := range []func(activities.With) error{
		func(w activities.With) error { _, err := r.Deploy["http"](w); return err },
		func(w activities.With) error { _, err := r.Traffic["caddy"](w); return err },
		func(w activities.With) error { _, err := r.Metrics["prometheus"](w); return err },
	} {
		require.ErrorContains(t, makeWrong(activities.With{"nonsense": 1}), "nonsense")
	}
}

func TestAllowedDrivers(t *testing.T) {
	r := loaded(t, "allow: {drivers: [http, scrape]}").registry()
	_, err := r.Traffic["http"](activities.With{"url": "http://a"})
	require.NoError(t, err)
	_, err = r.Traffic["caddy"](nil)
	require.EqualError(t, err, `driver "caddy" is not allowed: the worker's allow.drivers has http, scrape`)
}

func TestAllowedURLs(t *testing.T) {
	tests := []struct {
		pattern, url string
		want         bool
	}{
		{"http://127.0.0.1:*", "http://127.0.0.1:8080", true},
		{"http://127.0.0.1:*", "http://127.0.0.1:8080/any/path", true},
		{"http://127.0.0.1:*", "HTTP://127.0.0.1:8080", true},
		{"http://127.0.0.1:*", "http://127.0.0.1", false},
		{"http://127.0.0.1:*", "https://127.0.0.1:8080", false},
		{"http://127.0.0.1:*", "http://127.0.0.1:80@evil.example", false},
		{"http://127.0.0.1:*", "http://127.0.0.1:x@evil.example:80/", false},
		{"http://127.0.0.1:*", "http://127.0.0.1.evil.example:80", false},
		{"http://127.0.0.1:*", "127.0.0.1:8080", false},
		{"http://127.0.0.1:*", "", false},
		{"http://*.internal:8080", "http://a.b.internal:8080", true},
		{"http://*.internal:8080", "http://evil.example/x.internal:8080", false},
		{"http://*.internal:8080", "http://evil.example?x.internal:8080", false},
		{"http://*.internal:8080", "http://evil.example#x.internal:8080", false},
		{"http://h/api", "http://h/api/", true},
		{"http://h/api", "http://h/other", false},
		{"http://h/api/*", "http://h/api/v1", true},
		{"http://h/api/*", "http://h/api/../admin", false},
		{"http://h/api/*", "http://h/api/%2e%2e/admin", false},
		{"http://h/api/*", "http://h/admin", false},
		{"http://h", "http://h/anything", true},
		{"*://h:*", "https://h:1", true},
	}
	for _, tt := range tests {
		err := allowConfig{URLs: []string{tt.pattern}}.permitsURL(tt.url)
		require.Equal(t, tt.want, err == nil, "%s of %s: %v", tt.url, tt.pattern, err)
	}
}

func TestAllowListSeesEveryURL(t *testing.T) {
	c := loaded(t, `
drivers: {http: {url: "http://configured.example:1/"}}
allow: {urls: ["http://127.0.0.1:*"]}
`).config()
	tests := []struct {
		name, driver string
		spec         activities.With
		want         string // "": allowed
	}{
		{"allowed", "http", activities.With{"url": "http://127.0.0.1:5"}, ""},
		{"the configuration's own", "http", nil, ""},
		{"the configuration's own, spelt by the spec", "http", activities.With{"url": "http://configured.example:1"}, ""},
		{"foreign", "http", activities.With{"url": "http://foreign:1"}, `url: "http://foreign:1" is not allowed: the worker's allow.urls has http://127.0.0.1:*`},
		{"of another driver", "prometheus", activities.With{"url": "http://configured.example:1"}, "is not allowed"},
		{"admin", "caddy", activities.With{"admin": "http://foreign:2019"}, "admin: "},
		{"without scheme", "caddy", activities.With{"admin": "foreign:2019"}, "is not a URL"},
		{"built-in", "caddy", nil, ""},
		{"deep", "http", activities.With{"url": "http://127.0.0.1:5", "more": []any{map[string]any{"x": "tcp://foreign:1"}}}, "more.0.x: "},
		{"credentials", "http", activities.With{"url": "http://me:pw@127.0.0.1:5"}, "has a user in it"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := c.parameters(tt.driver, tt.spec)
			if tt.want == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.want)
			require.NotContains(t, err.Error(), "pw", "no secret in messages")
		})
	}
	require.ErrorContains(t, func() error {
		_, err := loaded(t, `allow: {urls: ["http://h:1"]}`).config().parameters("caddy", nil)
		return err
	}(), "127.0.0.1:2019", "a built-in place is subject to the list, too")
}

// TestCredentialsGoOnlyWhereTheConfigurationSays drives the real drivers
// against servers that note what they were sent.
func TestCredentialsGoOnlyWhereTheConfigurationSays(t *testing.T) {
	ours, theirs := listening(t), listening(t)
	t.Setenv("BAKEOFF_TEST_TOKEN", "s3cret")
	l := loaded(t, `
drivers:
  http: {url: "`+ours.url+`", bearer: {env: BAKEOFF_TEST_TOKEN}}
  prometheus: {url: "`+ours.url+`", bearer: {env: BAKEOFF_TEST_TOKEN}}
`)
	ask := func(url string) {
		with := activities.With{}
		if url != "" {
			with["url"] = url
		}
		traffic, err := l.registry().Traffic["http"](with)
		require.NoError(t, err)
		_, _ = traffic.Split(context.Background())
		metrics, err := l.registry().Metrics["prometheus"](with)
		require.NoError(t, err)
		_, _ = metrics.Read(context.Background(), query())
	}
	ask("")
	ask(ours.url + "/")
	require.NotEmpty(t, ours.authorizations)
	for _, a := range ours.authorizations {
		require.Equal(t, "Bearer s3cret", a)
	}
	ask(theirs.url)
	ask(ours.url + "/elsewhere")
	require.NotEmpty(t, theirs.authorizations)
	require.NotContains(t, theirs.authorizations, "Bearer s3cret")
	require.Equal(t, "", ours.authorizations[len(ours.authorizations)-1], "another path is another place")

	_, err := l.registry().Traffic["http"](activities.With{"url": theirs.url, "bearer": "mine"})
	require.ErrorContains(t, err, "never a spec's")
}

func TestCredentialFilesAreReadAnew(t *testing.T) {
	path := file(t, "first\n")
	c := loaded(t, "drivers: {http: {url: http://h, bearer: {file: "+path+"}}}").config()
	token, err := c.Drivers["http"].tokenFor(activities.With{"url": "http://h"})
	require.NoError(t, err)
	require.Equal(t, "first", token)
	require.NoError(t, os.WriteFile(path, []byte("second"), 0o600))
	token, err = c.Drivers["http"].tokenFor(activities.With{"url": "http://h"})
	require.NoError(t, err)
	require.Equal(t, "second", token)
	require.NoError(t, os.WriteFile(path, nil, 0o600))
	_, err = c.Drivers["http"].tokenFor(activities.With{"url": "http://h"})
	require.ErrorContains(t, err, "is empty")
	token, err = c.Drivers["http"].tokenFor(activities.With{"url": "http://other"})
	require.NoError(t, err)
	require.Empty(t, token)
}

func TestReloadServesTheNextDriver(t *testing.T) {
	path := file(t, "allow: {drivers: [http]}")
	l, err := newLive(path)
	require.NoError(t, err)
	r := l.registry() // made once, as the activities hold it
	_, err = r.Traffic["caddy"](nil)
	require.Error(t, err)
	require.NoError(t, os.WriteFile(path, []byte("allow: {drivers: [caddy]}"), 0o600))
	_, err = l.reload()
	require.NoError(t, err)
	_, err = r.Traffic["caddy"](nil)
	require.NoError(t, err)
}

func TestAdmitHeedsTheLimitsInForce(t *testing.T) {
	path := file(t, "limits: {production: {requireOwner: true}}")
	l, err := newLive(path)
	require.NoError(t, err)
	a := newActs(l)
	order := activities.AdmitInput{Order: rollout.Order{Spec: rollout.Spec{Kind: "Rollout", Environment: "production", Service: "checkout"}}}
	owner := rollout.Problem{Path: "owner", Message: "production needs an owner"}
	out, err := a.Admit(context.Background(), order)
	require.NoError(t, err)
	require.Contains(t, out.Problems, owner)
	require.NoError(t, os.WriteFile(path, []byte("limits: {}"), 0o600))
	_, err = l.reload()
	require.NoError(t, err)
	out, err = a.Admit(context.Background(), order)
	require.NoError(t, err)
	require.NotContains(t, out.Problems, owner)
}

func TestVault(t *testing.T) {
	ctx := context.Background()
	place, err := vault{loaded(t, "")}.Put(ctx, "a", []byte("x"))
	require.NoError(t, err)
	require.Empty(t, place, "without a directory nothing is kept")

	v := vault{loaded(t, "evidence: {directory: "+t.TempDir()+"}")}
	first, err := v.Put(ctx, "production/checkout/s01.w01.jsonl", []byte("x"))
	require.NoError(t, err)
	again, err := v.Put(ctx, "production/checkout/s01.w01.jsonl", []byte("x"))
	require.NoError(t, err)
	require.Equal(t, first, again)
	other, err := v.Put(ctx, "production/checkout/s01.w01.jsonl", []byte("y"))
	require.NoError(t, err)
	require.NotEqual(t, first, other)
	sameOther, err := v.Put(ctx, "production/checkout/s01.w01.jsonl", []byte("y"))
	require.NoError(t, err)
	require.Equal(t, other, sameOther)
	for path, want := range map[string]string{first: "x", other: "y"} {
		body, err := os.ReadFile(path)
		require.NoError(t, err)
		require.Equal(t, want, string(body), "evidence is never overwritten")
	}
	for _, name := range []string{"../escape", "/etc/passwd", ""} {
		_, err := v.Put(ctx, name, []byte("x"))
		require.ErrorIs(t, err, activities.ErrFinal)
	}
}

// ear is a server that notes the credentials it was sent.
type ear struct {
	url            string
	mu             sync.Mutex
	authorizations []string
}

func listening(t *testing.T) *ear {
	t.Helper()
	e := &ear{}
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		e.mu.Lock()
		defer e.mu.Unlock()
		e.authorizations = append(e.authorizations, r.Header.Get("Authorization"))
		_, _ = w.Write([]byte(`{"weights":{},"status":"success","data":{"resultType":"vector","result":[]}}`))
	}))
	t.Cleanup(s.Close)
	e.url = s.URL
	return e
}

func query() activities.MetricsQuery {
	return activities.MetricsQuery{At: time.Unix(1700000000, 0),
		Checks: []rollout.Check{{Name: "q", Query: "up", By: &rollout.By{Label: "version"}}},
		Sides:  map[activities.Side]activities.Version{activities.Baseline: {Version: "1"}}}
}

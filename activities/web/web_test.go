package web_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/activities/web"
	"bakeoff/rollout"
)

var intent = activities.Write{Intent: "rollout/production/checkout s02", Fence: activities.Fence{Epoch: 1700000000000, Generation: 7}}

// drivers are the three over one server.
type drivers struct {
	*web.Deployer
	*web.Traffic
	flags *web.Flags
}

// against makes drivers for a server that answers every request in one way.
func against(t *testing.T, path string, handler http.HandlerFunc) drivers {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	c := web.Config{URL: s.URL + path, Bearer: "s3cret"}
	var d drivers
	var err error
	d.Deployer, err = web.NewDeployer(c)
	require.NoError(t, err)
	d.Traffic, err = web.NewTraffic(c)
	require.NoError(t, err)
	d.flags, err = web.NewFlags(c)
	require.NoError(t, err)
	return d
}

func answers(status int, body string, headers ...string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i < len(headers); i += 2 {
			w.Header().Set(headers[i], headers[i+1])
		}
		w.WriteHeader(status)
		_, _ = io.WriteString(w, body)
	}
}

func TestRequests(t *testing.T) {
	release := rollout.Release{Version: "2.5.0", Artifact: "registry/checkout@sha256:9f", Flags: map[string]any{"a": nil}}
	tests := map[string]struct {
		do       func(ctx context.Context, d drivers) error
		want     string // method and path
		body     string
		etag     string // If-Match
		isAWrite bool
	}{
		"deploy": {func(ctx context.Context, d drivers) error {
			return d.Deploy(ctx, intent, activities.Deployment{Service: "checkout", Release: release, Replicas: 3})
		}, "PUT /api/versions/2.5.0", `{"release":{"version":"2.5.0","artifact":"registry/checkout@sha256:9f","flags":{"a":null}},"replicas":3}`, "", true},
		"deploy as the platform likes": {func(ctx context.Context, d drivers) error {
			return d.Deploy(ctx, intent, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}})
		}, "PUT /api/versions/2.5.0", `{"release":{"version":"2.5.0"}}`, "", true},
		"strange version": {func(ctx context.Context, d drivers) error {
			_, err := d.Version(ctx, "../a b/c?d#e%2F+1")
			return err
		}, "GET /api/versions/..%2Fa%20b%2Fc%3Fd%23e%252F+1", "", "", false},
		"remove": {func(ctx context.Context, d drivers) error { return d.Remove(ctx, intent, "2.4.1") },
			"DELETE /api/versions/2.4.1", "", "", true},
		"primary": {func(ctx context.Context, d drivers) error { return d.SetPrimary(ctx, intent, "2.5.0") },
			"PUT /api/primary", `{"version":"2.5.0"}`, "", true},
		"no primary": {func(ctx context.Context, d drivers) error { return d.SetPrimary(ctx, intent, "") },
			"PUT /api/primary", `{"version":""}`, "", true},
		"weights": {func(ctx context.Context, d drivers) error {
			return d.Shift(ctx, activities.Shift{Write: intent, Split: rollout.Split{"2.4.1": 10000, "2.5.0": 0}})
		}, "PUT /api/weights", `{"weights":{"2.4.1":10000,"2.5.0":0}}`, "", true},
		"weights by revision": {func(ctx context.Context, d drivers) error {
			return d.Shift(ctx, activities.Shift{Write: intent, Split: rollout.Split{"2.4.1": 9500, "2.5.0": 500}, Revision: `W/"7"`})
		}, "PUT /api/weights", `{"weights":{"2.4.1":9500,"2.5.0":500}}`, `W/"7"`, true},
		"flags": {func(ctx context.Context, d drivers) error {
			return d.flags.SetFlags(ctx, intent, map[string]any{"new-cart": map[string]any{"enabled": true}, "old": nil})
		}, "PATCH /api/flags", `{"flags":{"new-cart":{"enabled":true},"old":null}}`, "", true},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var got *http.Request
			var body []byte
			d := against(t, "/api/", func(w http.ResponseWriter, r *http.Request) {
				got = r
				body, _ = io.ReadAll(r.Body)
				answers(http.StatusAccepted, `{"version":"x","state":"pending"}`)(w, r)
			})
			require.NoError(t, tt.do(t.Context(), d))
			require.Equal(t, tt.want, got.Method+" "+got.URL.EscapedPath())
			require.Equal(t, "Bearer s3cret", got.Header.Get("Authorization"))
			require.Equal(t, tt.etag, got.Header.Get("If-Match"))
			if tt.body == "" {
				require.Empty(t, body)
			} else {
				require.JSONEq(t, tt.body, string(body))
				require.Equal(t, "application/json", got.Header.Get("Content-Type"))
			}
			if tt.isAWrite {
				require.Equal(t, intent.Intent, got.Header.Get("Bakeoff-Intent"))
				require.Equal(t, "1700000000000.7", got.Header.Get("Bakeoff-Fence"))
			} else {
				require.Empty(t, got.Header.Get("Bakeoff-Intent"))
			}
		})
	}
}

func TestRefusedWithoutARequest(t *testing.T) {
	d := against(t, "", func(_ http.ResponseWriter, r *http.Request) { t.Errorf("unexpected %s %s", r.Method, r.URL) })
	for _, version := range []string{"", ".", ".."} {
		require.ErrorIs(t, d.Remove(t.Context(), intent, version), activities.ErrFinal)
		require.ErrorIs(t, d.Deploy(t.Context(), intent, activities.Deployment{Release: rollout.Release{Version: version}}), activities.ErrFinal)
		_, err := d.Version(t.Context(), version)
		require.ErrorIs(t, err, activities.ErrFinal)
		require.NotErrorIs(t, err, activities.ErrNotFound)
	}
	require.ErrorIs(t, d.Shift(t.Context(), activities.Shift{Split: rollout.Split{"": 10000}}), activities.ErrFinal)
	require.NoError(t, d.flags.SetFlags(t.Context(), intent, nil))
	_, err := web.NewDeployer(web.Config{})
	require.ErrorContains(t, err, "url is missing")
}

func TestAnswers(t *testing.T) {
	version := func(d drivers) (any, error) { return d.Version(t.Context(), "2.5.0") }
	primary := func(d drivers) (any, error) { return d.Primary(t.Context()) }
	split := func(d drivers) (any, error) { return d.Split(t.Context()) }
	flags := func(d drivers) (any, error) { return d.flags.Flags(t.Context()) }
	two := 2
	tests := map[string]struct {
		read func(drivers) (any, error)
		body string
		want any    // nil: an error
		says string // part of the error
	}{
		"ready": {version, `{"version":"2.5.0","state":"ready","replicas":{"ready":3,"desired":3},"endpoints":["http://a:1"],"inflight":2,"new":1}`,
			activities.VersionState{Version: "2.5.0", State: "ready", Ready: 3, Desired: 3, Counted: true, Endpoints: []string{"http://a:1"}, Inflight: &two}, ""},
		"least":             {version, `{"version":"2.5.0","state":"pending"}`, activities.VersionState{Version: "2.5.0", State: "pending"}, ""},
		"failed":            {version, `{"version":"2.5.0","state":"failed","message":"crash\n\u001b[31mloop"}`, activities.VersionState{Version: "2.5.0", State: "failed", Message: "crash [31mloop"}, ""},
		"another version":   {version, `{"version":"2.4.1","state":"ready"}`, activities.VersionState{Version: "2.4.1", State: "ready"}, ""},
		"no version":        {version, `{"state":"ready"}`, nil, "no version"},
		"unknown state":     {version, `{"version":"2.5.0","state":"Ready"}`, nil, `state "Ready"`},
		"negative replicas": {version, `{"version":"2.5.0","state":"ready","replicas":{"ready":-1}}`, nil, "replicas -1 of 0"},
		"negative inflight": {version, `{"version":"2.5.0","state":"ready","inflight":-1}`, nil, "inflight -1"},
		"no JSON":           {version, `<html>hello`, nil, "not the JSON expected"},
		"two values":        {version, `{"version":"2.5.0","state":"ready"}{}`, nil, "not the JSON expected"},
		"nothing":           {version, ``, nil, "not the JSON expected"},
		"wrong type":        {version, `{"version":2.5,"state":"ready"}`, nil, "not the JSON expected"},
		"huge":              {flags, `{"flags":{"a":"` + strings.Repeat("x", 1<<20) + `"}}`, nil, "larger than 1048576 bytes"},

		"primary":         {primary, `{"version":"2.4.1"}`, "2.4.1", ""},
		"no primary":      {primary, `{"version":""}`, "", ""},
		"primary missing": {primary, `{}`, nil, "no version"},

		"split":            {split, `{"weights":{"2.4.1":9999,"2.5.0":1}}`, activities.Observation{Split: rollout.Split{"2.4.1": 9999, "2.5.0": 1}, Revision: `"e1"`}, ""},
		"nothing serves":   {split, `{"weights":{}}`, activities.Observation{Split: rollout.Split{}, Revision: `"e1"`}, ""},
		"zeros":            {split, `{"weights":{"2.5.0":0}}`, activities.Observation{Split: rollout.Split{"2.5.0": 0}, Revision: `"e1"`}, ""},
		"weights missing":  {split, `{"error":"db is down"}`, nil, "no weights"},
		"too little":       {split, `{"weights":{"2.4.1":9500,"2.5.0":5}}`, nil, "add up to 9505"},
		"percent":          {split, `{"weights":{"2.4.1":95,"2.5.0":5}}`, nil, "add up to 100, not 10000"},
		"negative":         {split, `{"weights":{"2.4.1":10500,"2.5.0":-500}}`, nil, "of 10000"},
		"overflowing":      {split, `{"weights":{"a":9223372036854775807,"b":9223372036854775807,"c":10002}}`, nil, "of 10000"},
		"fractions":        {split, `{"weights":{"2.4.1":9999.5,"2.5.0":0.5}}`, nil, "not the JSON expected"},
		"weights as texts": {split, `{"weights":{"2.4.1":"95%"}}`, nil, "not the JSON expected"},

		"flags":         {flags, `{"flags":{"a":{"enabled":true},"b":1.5}}`, map[string]any{"a": map[string]any{"enabled": true}, "b": 1.5}, ""},
		"no flags":      {flags, `{"flags":{}}`, map[string]any{}, ""},
		"flags missing": {flags, `{"flags":null}`, nil, "no flags"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			got, err := tt.read(against(t, "", answers(200, tt.body, "ETag", `"e1"`)))
			if tt.want == nil {
				require.ErrorContains(t, err, tt.says)
				require.NotErrorIs(t, err, activities.ErrNotFound)
				require.NotErrorIs(t, err, activities.ErrFinal, "a server may come to its senses")
				require.Less(t, len(err.Error()), 1000)
				return
			}
			require.NoError(t, err)
			require.Equal(t, tt.want, got)
		})
	}
}

func TestNotFound(t *testing.T) {
	d := against(t, "", answers(404, `{"error":"no such thing"}`))
	_, err := d.Version(t.Context(), "2.5.0")
	require.ErrorIs(t, err, activities.ErrNotFound)
	require.NoError(t, d.Remove(t.Context(), intent, "2.5.0"))
	primary, err := d.Primary(t.Context())
	require.NoError(t, err)
	require.Empty(t, primary)
	o, err := d.Split(t.Context())
	require.NoError(t, err)
	require.Equal(t, activities.Observation{Split: rollout.Split{}}, o)
	flags, err := d.flags.Flags(t.Context())
	require.NoError(t, err)
	require.Empty(t, flags)
	for name, err := range map[string]error{
		"deploy":  d.Deploy(t.Context(), intent, activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}),
		"primary": d.SetPrimary(t.Context(), intent, "2.5.0"),
		"weights": d.Shift(t.Context(), activities.Shift{Split: rollout.Split{"2.4.1": rollout.All}}),
		"flags":   d.flags.SetFlags(t.Context(), intent, map[string]any{"a": true}),
	} {
		require.ErrorIs(t, err, activities.ErrFinal, name)
		require.NotErrorIs(t, err, activities.ErrNotFound, name)
		require.ErrorContains(t, err, "no such thing: not found (is the url right?)", name)
	}
}

func TestStatuses(t *testing.T) {
	soon := time.Now().Add(20 * time.Second).UTC().Format(http.TimeFormat)
	long := strings.Repeat("long ", 1000)
	tests := map[string]struct {
		handler http.HandlerFunc
		is      error         // sentinel; nil: worth another try
		after   time.Duration // wish to wait
		says    string
	}{
		"conflict":             {answers(409, `{"error":"fence 3.1 was seen"}`), activities.ErrConflict, 0, "fence 3.1 was seen"},
		"precondition":         {answers(412, ``), activities.ErrConflict, 0, "412 Precondition Failed"},
		"bad request":          {answers(400, `{"error":"replicas: at most 40"}`), activities.ErrFinal, 0, "replicas: at most 40"},
		"unauthorized":         {answers(401, ``), activities.ErrFinal, 0, "401 Unauthorized"},
		"gone":                 {answers(410, `plain words`), activities.ErrFinal, 0, "410 Gone plain words"},
		"a proxy's page":       {answers(403, `<html><body>x</body>`), activities.ErrFinal, 0, "403 Forbidden"},
		"escapes and lines":    {answers(400, `{"error":"a\n\u001b[2Jb"}`), activities.ErrFinal, 0, "a [2Jb"},
		"long words":           {answers(400, `{"error":"`+long+`"}`), activities.ErrFinal, 0, "…"},
		"redirect":             {answers(302, ``, "Location", "/elsewhere"), activities.ErrFinal, 0, "Found to /elsewhere: redirects are not followed"},
		"permanent redirect":   {answers(308, ``, "Location", "https://evil.example/"), activities.ErrFinal, 0, "https://evil.example/"},
		"throttled":            {answers(429, ``, "Retry-After", "7"), nil, 7 * time.Second, "429 Too Many Requests"},
		"throttled, date":      {answers(429, ``, "Retry-After", soon), nil, 20 * time.Second, ""},
		"throttled, for long":  {answers(503, ``, "Retry-After", "86400"), nil, time.Minute, ""},
		"throttled, past date": {answers(503, ``, "Retry-After", "Mon, 02 Jan 2006 15:04:05 GMT"), nil, 0, ""},
		"throttled, no time":   {answers(429, ``, "Retry-After", "soon"), nil, 0, ""},
		"negative time":        {answers(429, ``, "Retry-After", "-5"), nil, 0, ""},
		"internal error":       {answers(500, `{"error":"oops"}`), nil, 0, "500 oops"},
		"bad gateway":          {answers(502, `<html>`), nil, 0, "502 Bad Gateway"},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			d := against(t, "", tt.handler)
			_, readErr := d.Split(t.Context())
			for _, err := range []error{readErr, d.SetPrimary(t.Context(), intent, "2.5.0"), d.Remove(t.Context(), intent, "2.5.0")} {
				require.Error(t, err)
				for _, sentinel := range []error{activities.ErrConflict, activities.ErrFinal, activities.ErrNotFound} {
					require.Equal(t, sentinel == tt.is, errors.Is(err, sentinel), "%v and %v", err, sentinel)
				}
				var later *activities.RetryAfterError
				require.Equal(t, tt.after > 0, errors.As(err, &later))
				if tt.after > 0 {
					require.InDelta(t, tt.after.Seconds(), later.After.Seconds(), 2)
				}
				require.ErrorContains(t, err, tt.says)
				require.Less(t, len(err.Error()), 600)
				require.NotContains(t, err.Error(), "s3cret")
				require.NotContains(t, err.Error(), "\n")
			}
		})
	}
}

func TestRedirectsCarryNothingAway(t *testing.T) {
	other := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
	defer other.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		d := against(t, "", answers(status, "", "Location", other.URL))
		_, err := d.Split(t.Context())
		require.ErrorIs(t, err, activities.ErrFinal)
		require.ErrorIs(t, d.Remove(t.Context(), intent, "2.4.1"), activities.ErrFinal)
	}
}

func TestDeadlineCoversTheWholeAnswer(t *testing.T) {
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.WriteString(w, `{"weights":`)
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	}))
	defer s.Close()
	d, err := web.NewTraffic(web.Config{URL: s.URL, Deadline: rollout.Duration(100 * time.Millisecond)})
	require.NoError(t, err)
	_, err = d.Split(t.Context())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.ErrorContains(t, err, "GET "+s.URL+"/weights: no answer within 100ms")
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = d.Split(ctx)
	require.ErrorIs(t, err, context.Canceled)
}

func TestNobodyListens(t *testing.T) {
	s := httptest.NewServer(nil)
	s.Close()
	d, err := web.NewTraffic(web.Config{URL: s.URL})
	require.NoError(t, err)
	_, err = d.Split(t.Context())
	require.ErrorContains(t, err, "connection refused")
	require.False(t, errors.Is(err, activities.ErrFinal) || errors.Is(err, activities.ErrNotFound))
}

func TestConfig(t *testing.T) {
	tests := map[string]struct {
		with activities.With
		says string // "": accepted
	}{
		"least":          {activities.With{"url": "http://router:8080"}, ""},
		"all":            {activities.With{"url": "https://router/api/", "deadline": "2s"}, ""},
		"no url":         {activities.With{}, "url is missing"},
		"no host":        {activities.With{"url": "http:///x"}, "write http://host:port"},
		"no scheme":      {activities.With{"url": "router:8080"}, "write http://host:port"},
		"file":           {activities.With{"url": "file:///etc/passwd"}, "write http://host:port"},
		"password":       {activities.With{"url": "http://a:hunter2@router"}, "credentials belong to the worker"},
		"query":          {activities.With{"url": "http://router?a=b"}, "query"},
		"unreadable":     {activities.With{"url": "http://a:hunter2@[::1"}, "cannot be read"},
		"long deadline":  {activities.With{"url": "http://router", "deadline": "10s"}, "between 0s and 9s"},
		"unknown name":   {activities.With{"url": "http://router", "uri": "x"}, `"uri"`},
		"bearer in spec": {activities.With{"url": "http://router", "Bearer": "x"}, `"Bearer"`},
	}
	for name, tt := range tests {
		t.Run(name, func(t *testing.T) {
			var c web.Config
			err := tt.with.Decode(&c)
			if err == nil {
				_, err = web.NewTraffic(c)
			}
			if tt.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorContains(t, err, tt.says)
			require.NotContains(t, err.Error(), "hunter2")
		})
	}
}

// A server without cohorts is found before anything is changed; where none is
// configured it is not asked.
func TestServerWithoutCohorts(t *testing.T) {
	asked := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked++
		http.NotFound(w, r)
	}))
	t.Cleanup(s.Close)
	plain, err := web.NewTraffic(web.Config{URL: s.URL})
	require.NoError(t, err)
	rules, err := plain.Cohorts(t.Context())
	require.NoError(t, err)
	require.Empty(t, rules)
	require.Zero(t, asked)
	require.ErrorIs(t, plain.Knows("internal"), activities.ErrFinal)

	registry := activities.Registry{Traffic: map[string]func(activities.With) (activities.Traffic, error){"http": func(with activities.With) (activities.Traffic, error) {
		var c web.Config
		if err := with.Decode(&c); err != nil {
			return nil, err
		}
		return web.NewTraffic(c)
	}}}
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	a := &activities.Activities{Drivers: registry}
	env.RegisterActivity(a)
	value, err := env.ExecuteActivity(a.Preflight, activities.PreflightInput{Cohorts: []string{"internal"}, Job: activities.Job{Drivers: rollout.Drivers{
		Traffic: rollout.Driver{Driver: "http", With: map[string]any{"url": s.URL, "cohorts": map[string]any{"internal": map[string]any{"header": "X-Cohort", "value": "internal"}}}}}}})
	require.NoError(t, err)
	var out activities.PreflightOutput
	require.NoError(t, value.Get(&out))
	require.Len(t, out.Problems, 1)
	require.Contains(t, out.Problems[0], "the router cannot send cohorts to a version: the server does not serve cohorts")
}

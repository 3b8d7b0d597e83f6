package httpworld_test

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

func serve(t *testing.T, w *sim.World) (*httpworld.Handler, string) {
	h := httpworld.New(w)
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return h, s.URL
}

// send sends a request as the driver does and returns status and body.
func send(t *testing.T, method, url, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
	require.NoError(t, err)
	for i := 0; i < len(headers); i += 2 {
		req.Header.Set(headers[i], headers[i+1])
	}
	resp, err := http.DefaultClient.Do(req)
	require.NoError(t, err)
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp, string(text)
}

var intent = []string{"Bakeoff-Intent", "rollout/production/checkout s01", "Bakeoff-Fence", "1700000000000.3"}

// TestProtocol is the table of interface.md, a row a request.
func TestProtocol(t *testing.T) {
	_, url := serve(t, sim.New("2.4.1"))
	rows := []struct {
		method, path, body string
		headers            []string
		status             int
		answer             string // JSON; HOST is the server's
	}{
		{"GET", "/versions/2.5.0", "", nil, 404, ""},
		{"PUT", "/versions/2.5.0", `{"release":{"version":"2.5.0","config":{"CART_V2":"on"}},"replicas":2}`, intent, 202, `{}`},
		{"GET", "/versions/2.5.0", "", nil, 200, `{"version":"2.5.0","state":"ready","replicas":{"ready":2,"desired":2},"endpoints":["HOST/versions/2.5.0"]}`},
		{"GET", "/weights", "", nil, 200, `{"weights":{"2.4.1":10000}}`},
		{"PUT", "/weights", `{"weights":{"2.4.1":9500,"2.5.0":500}}`, intent, 200, `{}`},
		{"GET", "/weights", "", nil, 200, `{"weights":{"2.4.1":9500,"2.5.0":500}}`},
		{"PUT", "/weights", `{"weights":{"2.4.1":9500,"2.5.0":5}}`, intent, 403, ""},
		{"PUT", "/weights", `{"weights":{"2.4.1":0,"2.5.0":10000}}`, append([]string{"If-Match", `"1"`}, intent...), 412, ""},
		{"PUT", "/weights", `{"weights":{"2.4.1":0,"2.5.0":10000}}`, nil, 400, ""},
		{"PATCH", "/flags", `{"flags":{"new-cart":{"enabled":true},"old":null}}`, intent, 200, `{}`},
		{"GET", "/flags", "", nil, 200, `{"flags":{"new-cart":{"enabled":true}}}`},
		{"PUT", "/primary", `{"version":"2.5.0"}`, intent, 200, `{}`},
		{"PUT", "/primary", `{"version":"9.9.9"}`, intent, 403, ""},
		{"GET", "/primary", "", nil, 200, `{"version":"2.5.0"}`},
		{"DELETE", "/versions/9.9.9", "", intent, 200, `{}`},
		{"POST", "/weights", "", nil, 405, ""},
	}
	for _, row := range rows {
		resp, got := send(t, row.method, url+row.path, row.body, row.headers...)
		require.Equal(t, row.status, resp.StatusCode, "%s %s: %s", row.method, row.path, got)
		if row.answer != "" {
			require.JSONEq(t, strings.ReplaceAll(row.answer, "HOST", url), got, "%s %s", row.method, row.path)
		}
		if row.status >= 400 && row.status != 405 {
			var said map[string]string
			require.NoError(t, json.Unmarshal([]byte(got), &said))
			require.NotEmpty(t, said["error"])
		}
	}
}

func TestFirstReleaseHasNoPrimary(t *testing.T) {
	_, url := serve(t, sim.New(""))
	resp, _ := send(t, "GET", url+"/primary", "")
	require.Equal(t, 404, resp.StatusCode)
	_, weights := send(t, "GET", url+"/weights", "")
	require.JSONEq(t, `{"weights":{}}`, weights)
}

func TestFaultsOnTheWire(t *testing.T) {
	w := sim.New("2.4.1")
	h, url := serve(t, w)
	w.Fail(sim.OpSplit, sim.Fault{Err: sim.Throttled(1500 * time.Millisecond), Times: 1})
	resp, _ := send(t, "GET", url+"/weights", "")
	require.Equal(t, 429, resp.StatusCode)
	require.Equal(t, "2", resp.Header.Get("Retry-After"))

	w.Fail(sim.OpShift, sim.Fault{Lost: true, Times: 1})
	req, err := http.NewRequestWithContext(t.Context(), "PUT", url+"/weights", strings.NewReader(`{"weights":{"2.4.1":0,"2.5.0":10000}}`))
	require.NoError(t, err)
	req.Header = http.Header{"Bakeoff-Intent": {"x"}, "Bakeoff-Fence": {"1.1"}}
	_, err = http.DefaultClient.Do(req)
	require.ErrorIs(t, err, io.EOF)
	require.Equal(t, rollout.All, w.State().Weights["2.5.0"], "done, only the answer is lost")

	requests := h.Requests()
	require.Len(t, requests, 2)
	require.Equal(t, "GET /weights 429", requests[0].String())
	require.Equal(t, "PUT /weights 0", requests[1].String())
	require.Equal(t, "1.1", requests[1].Header.Get("Bakeoff-Fence"))
	require.JSONEq(t, `{"weights":{"2.4.1":0,"2.5.0":10000}}`, requests[1].Body)
	require.False(t, requests[1].At.Before(requests[0].At))
}

func TestMetricsPages(t *testing.T) {
	clock := sim.NewClock(time.Unix(1_700_000_000, 0))
	w := sim.New("2.4.1")
	w.SetNow(clock.Now)
	w.Behave("2.4.1", sim.Behaviour{Failures: .125})
	clock.Advance(8 * time.Second)
	h, url := serve(t, w)
	resp, page := send(t, "GET", url+"/versions/2.4.1/metrics", "")
	require.Equal(t, 200, resp.StatusCode)
	require.Contains(t, resp.Header.Get("Content-Type"), "text/plain; version=0.0.4")
	require.Equal(t, `# HELP http_requests_total Requests answered.
# TYPE http_requests_total counter
http_requests_total{version="2.4.1",code="200"} 700
http_requests_total{version="2.4.1",code="500"} 100
# HELP http_request_duration_seconds How long answers took.
# TYPE http_request_duration_seconds histogram
http_request_duration_seconds_bucket{version="2.4.1",le="0.1"} 720
http_request_duration_seconds_bucket{version="2.4.1",le="0.3"} 792
http_request_duration_seconds_bucket{version="2.4.1",le="1"} 800
http_request_duration_seconds_bucket{version="2.4.1",le="+Inf"} 800
http_request_duration_seconds_sum{version="2.4.1"} 101.6
http_request_duration_seconds_count{version="2.4.1"} 800
`, page)
	_, all := send(t, "GET", url+"/metrics", "")
	require.Equal(t, page, all)
	resp, _ = send(t, "GET", url+"/versions/9.9.9/metrics", "")
	require.Equal(t, 404, resp.StatusCode)
	h.ShowPage("2.4.1", "up 1\n")
	_, shown := send(t, "GET", url+"/versions/2.4.1/metrics", "")
	require.Equal(t, "up 1\n", shown)
	h.HealPage("2.4.1")
	_, healed := send(t, "GET", url+"/versions/2.4.1/metrics", "")
	require.Equal(t, page, healed)
	w.Fail(sim.OpRead, sim.Fault{})
	resp, _ = send(t, "GET", url+"/metrics", "")
	require.Equal(t, 500, resp.StatusCode)
}

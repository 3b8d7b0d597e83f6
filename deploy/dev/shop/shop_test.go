package shop

import (
	"context"
	"io"
	"math"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// sample draws latencies and counts failures.
func sample(b Behaviour, n int) (latencies []time.Duration, failures int) {
	r := rand.New(rand.NewPCG(1, 2))
	for range n {
		latencies = append(latencies, b.Latency(r.Float64()))
		if b.Fails(r.Float64()) {
			failures++
		}
	}
	slices.Sort(latencies)
	return latencies, failures
}

func TestVersionsBehaveAsBuiltIn(t *testing.T) {
	const n = 100_000
	tests := []struct {
		version    string
		wantErrors float64
		wantP99    time.Duration
	}{
		{"1.0.0", 0.002, 22600 * time.Microsecond},
		{"1.1.0", 0.002, 22600 * time.Microsecond},
		{"1.2.0", 0.08, 22600 * time.Microsecond},
		{"1.3.0", 0.002, 135500 * time.Microsecond}, // six times as slow
		{"1.4.0", 0.002, 22600 * time.Microsecond},
	}
	for _, tt := range tests {
		t.Run(tt.version, func(t *testing.T) {
			latencies, failures := sample(BehaviourOf(tt.version), n)
			require.InEpsilon(t, tt.wantErrors, float64(failures)/n, 0.25)
			require.InEpsilon(t, 10*time.Millisecond, latencies[n/2], 0.02, "all have the same median")
			require.InEpsilon(t, tt.wantP99, latencies[n*99/100], 0.05)
			require.InEpsilon(t, 14370*time.Microsecond, latencies[n*85/100], 0.02, "the tail begins above p90")
		})
	}
}

func TestLatencyIsBoundedAtTheEdges(t *testing.T) {
	b := BehaviourOf("1.3.0")
	require.Positive(t, b.Latency(0))
	require.Less(t, b.Latency(math.Nextafter(1, 0)), time.Second)
	require.Less(t, b.Latency(1), time.Second)
}

func TestOverride(t *testing.T) {
	env := map[string]string{ErrorsVariable: "5%", MedianVariable: "20ms", SpreadVariable: "0.1", TailVariable: "0.1", TailFactorVariable: "3", LosesVariable: "1%", DoublesVariable: "2%", AltersVariable: "0.03"}
	got, err := BehaviourOf("1.0.0").Override(func(name string) string { return env[name] })
	require.NoError(t, err)
	require.Equal(t, Behaviour{Errors: 0.05, Median: 20 * time.Millisecond, Spread: 0.1, Tail: 0.1, TailFactor: 3, Loses: 0.01, Doubles: 0.02, Alters: 0.03}, got)
	require.Equal(t, "5% errors, median 20ms, the slowest 10% ×3, loses 1% of the orders, doubles 2% of the orders, alters 3% of the orders", got.String())

	for name, value := range map[string]string{ErrorsVariable: "120%", MedianVariable: "fast", SpreadVariable: "NaN", TailVariable: "-1", TailFactorVariable: "0.5", LosesVariable: "some", DoublesVariable: "2", AltersVariable: "-1%"} {
		_, err := BehaviourOf("1.0.0").Override(func(n string) string { return map[string]string{name: value}[n] })
		require.ErrorContains(t, err, name)
	}
}

func get(t *testing.T, url string) (int, http.Header, string) {
	t.Helper()
	resp, err := http.Get(url)
	require.NoError(t, err)
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, resp.Header, string(body)
}

func TestPagesAndMetrics(t *testing.T) {
	s := New("9.9.9", Behaviour{Errors: 0.5, Median: time.Millisecond, TailFactor: 1}, nil)
	s.uniform = func() float64 { return 0.7 }
	server := httptest.NewServer(s)
	defer server.Close()

	code, header, body := get(t, server.URL+"/")
	require.Equal(t, 200, code)
	require.Equal(t, "9.9.9", header.Get(VersionHeader))
	require.Contains(t, body, `"item":"grinder"`)
	s.uniform = func() float64 { return 0.3 }
	code, header, body = get(t, server.URL+"/checkout")
	require.Equal(t, 500, code)
	require.Equal(t, "9.9.9", header.Get(VersionHeader))
	require.Contains(t, body, "error")
	code, _, body = get(t, server.URL+"/healthz")
	require.Equal(t, 200, code)
	require.Equal(t, "ok\n", body)
	code, _, _ = get(t, server.URL+"/nothing")
	require.Equal(t, 404, code)

	_, _, page := get(t, server.URL+"/metrics")
	require.Contains(t, page, `http_requests_total{code="200",version="9.9.9"} 1`+"\n")
	require.Contains(t, page, `http_requests_total{code="500",version="9.9.9"} 1`+"\n")
	require.Contains(t, page, `http_request_duration_seconds_count{version="9.9.9"} 2`+"\n")
	for _, bound := range []string{"0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "+Inf"} {
		require.Contains(t, page, `http_request_duration_seconds_bucket{version="9.9.9",le="`+bound+`"} `)
	}
}

func TestUnusedCountersAreThere(t *testing.T) {
	server := httptest.NewServer(New("1.0.0", BehaviourOf("1.0.0"), nil))
	defer server.Close()
	_, _, page := get(t, server.URL+"/metrics")
	require.Contains(t, page, `http_requests_total{code="500",version="1.0.0"} 0`+"\n")
}

func TestServeAnswersWhoeverIsAsking(t *testing.T) {
	s := New("1.0.0", Behaviour{Median: 300 * time.Millisecond, TailFactor: 1}, nil)
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	ctx, stop := context.WithCancel(t.Context())
	served := make(chan error, 1)
	go func() { served <- Serve(ctx, l, s) }()
	url := "http://" + l.Addr().String()
	get(t, url+"/healthz")

	answered := make(chan string, 1)
	go func() {
		resp, err := http.Get(url + "/")
		if err != nil {
			answered <- err.Error()
			return
		}
		defer resp.Body.Close()
		body, _ := io.ReadAll(resp.Body)
		answered <- resp.Status + " " + string(body)
	}()
	time.Sleep(100 * time.Millisecond)
	stop()
	require.Eventually(t, s.draining.Load, time.Second, time.Millisecond)
	recorder := httptest.NewRecorder()
	s.ServeHTTP(recorder, httptest.NewRequest(http.MethodGet, "/healthz", nil))
	require.Equal(t, 503, recorder.Code)
	require.True(t, strings.HasPrefix(<-answered, "200 OK ["))
	require.NoError(t, <-served)
	_, err = net.Dial("tcp", l.Addr().String())
	require.Error(t, err)
}

//go:build linux

package faults

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// web is a service behind a proxy of Toxiproxy.
func (w *world) web(t *testing.T, name string) (url, upstream string) {
	t.Helper()
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { fmt.Fprint(w, "hello ", r.Host) }))
	t.Cleanup(s.Close)
	return "http://" + w.proxy(t, name, s.Listener.Addr().String()), s.Listener.Addr().String()
}

// get asks over a new connection and returns the status, the body, and how long it took.
func get(url string) (status int, body string, took time.Duration, err error) {
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: 5 * time.Second}
	began := time.Now()
	res, err := client.Get(url)
	if err != nil {
		return 0, "", time.Since(began), err
	}
	defer res.Body.Close()
	b, err := io.ReadAll(res.Body)
	return res.StatusCode, string(b), time.Since(began), err
}

func TestLatency(t *testing.T) {
	w := newWorld(t)
	url, upstream := w.web(t, "db")
	d := w.driver(t)
	o := order("slow", fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second / 2}})
	inject(t, d, o)
	_, _, took, err := get(url)
	require.NoError(t, err)
	require.GreaterOrEqual(t, took, 500*time.Millisecond)
	require.NoError(t, d.Inject(t.Context(), o), "repeating it is success")

	require.NoError(t, d.Remove(t.Context(), o))
	endedBy(t, d, o, "rehearsal")
	require.True(t, w.untouched(t, "db", upstream))
	_, _, took, err = get(url)
	require.NoError(t, err)
	require.Less(t, took, 400*time.Millisecond)
	require.NoError(t, d.Remove(t.Context(), o), "repeating it is success")
}

func TestEveryEffectOfToxiproxy(t *testing.T) {
	w := newWorld(t)
	_, upstream := w.web(t, "db")
	d := w.driver(t)
	o := order("all", fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second, Jitter: second / 10, Bandwidth: 7,
		Timeout: ptr(3 * second), ResetPeer: ptr(0 * second), Toxicity: ptr(rollout.Weight(2500)), Direction: "upstream"}})
	inject(t, d, o)
	p, err := w.toxiproxy.Proxy("db")
	require.NoError(t, err)
	var got []string
	for _, x := range p.ActiveToxics {
		require.Equal(t, "upstream", x.Stream)
		require.InDelta(t, 0.25, x.Toxicity, 1e-6)
		got = append(got, fmt.Sprint(x.Type, x.Attributes))
	}
	require.Equal(t, []string{"latencymap[jitter:100 latency:1000]", "bandwidthmap[rate:7]", "timeoutmap[timeout:3000]", "reset_peermap[timeout:0]"}, got)
	require.NoError(t, d.Remove(t.Context(), o))
	require.True(t, w.untouched(t, "db", upstream))
}

func TestReset(t *testing.T) {
	w := newWorld(t)
	url, _ := w.web(t, "db")
	d := w.driver(t)
	o := order("reset", fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", ResetPeer: ptr(0 * second)}})
	inject(t, d, o)
	_, _, _, err := get(url)
	require.ErrorIs(t, err, syscall.ECONNRESET)
	require.NoError(t, d.Remove(t.Context(), o))
	_, _, _, err = get(url)
	require.NoError(t, err)
}

func TestMetricsOutage(t *testing.T) {
	w := newWorld(t)
	url, upstream := w.web(t, "prometheus")
	d := w.driver(t)
	o := order("blind", fault.Fault{Metrics: &fault.Metrics{Proxy: "prometheus"}})
	inject(t, d, o)
	_, _, _, err := get(url)
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NoError(t, d.Remove(t.Context(), o))
	require.True(t, w.untouched(t, "prometheus", upstream))
	_, _, _, err = get(url)
	require.NoError(t, err)
}

func TestErrorsOfADependency(t *testing.T) {
	w := newWorld(t)
	url, upstream := w.web(t, "pay")
	d := w.driver(t)
	count := func(path string) map[int]int {
		seen := map[int]int{}
		for range 200 {
			status, body, _, err := get(url + path)
			require.NoError(t, err)
			require.True(t, status != 200 || body == "hello "+url[len("http://"):], body)
			seen[status]++
		}
		return seen
	}
	f := fault.Fault{Errors: &fault.Errors{Proxy: "pay", Status: 502, Share: ptr(rollout.Weight(2500)), Path: "/charge"}}
	o := order("errors", f)
	inject(t, d, o)
	first := count("/charge/1")
	require.Equal(t, map[int]int{200: 149, 502: 51}, first, "drawn from the seed: the same in every run")
	require.Equal(t, map[int]int{200: 200}, count("/other"))
	require.NoError(t, d.Remove(t.Context(), o))
	require.True(t, w.untouched(t, "pay", upstream))
	require.Equal(t, map[int]int{200: 200}, count("/charge/1"))
}

// Toxics and a stand-in may lie over each other; each takes away its own.
func TestFaultsOfOneProxy(t *testing.T) {
	w := newWorld(t)
	url, upstream := w.web(t, "pay")
	d := w.driver(t)
	slow := order("slow", fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "pay", Latency: second / 5}})
	errs := order("errors", fault.Fault{Errors: &fault.Errors{Proxy: "pay"}})
	inject(t, d, slow)
	inject(t, d, errs)
	status, _, took, err := get(url)
	require.NoError(t, err)
	require.Equal(t, 503, status)
	require.GreaterOrEqual(t, took, 200*time.Millisecond)
	require.NoError(t, d.Remove(t.Context(), slow))
	status, _, _, err = get(url)
	require.NoError(t, err)
	require.Equal(t, 503, status, "the other fault goes on")
	require.NoError(t, d.Remove(t.Context(), errs))
	require.True(t, w.untouched(t, "pay", upstream))
}

// Toxiproxy keeps nothing: where it is gone, so is the fault.
func TestToxiproxyIsGone(t *testing.T) {
	w := newWorld(t)
	w.web(t, "db")
	d := w.driver(t)
	f := fault.Fault{Toxiproxy: &fault.Toxiproxy{Proxy: "db", Latency: second}}
	proxy, server := order("proxy", f), order("server", f)
	inject(t, d, proxy)
	p, err := w.toxiproxy.Proxy("db")
	require.NoError(t, err)
	require.NoError(t, p.Delete())
	require.NoError(t, d.Remove(t.Context(), proxy))

	w.web(t, "db")
	inject(t, d, server)
	w.api.Close()
	require.NoError(t, d.Remove(t.Context(), server))

	err = d.Inject(t.Context(), order("unreachable", f))
	require.ErrorIs(t, err, syscall.ECONNREFUSED)
	require.NotErrorIs(t, err, activities.ErrFinal)
}

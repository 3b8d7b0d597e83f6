package caddy

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
)

const (
	baseline  = "2.4.1"
	candidate = "2.5.0+b7"
)

func split(w rollout.Weight) rollout.Split {
	return rollout.Split{baseline: rollout.All - w, candidate: w}
}

func shift(w rollout.Weight, generation int, endpoints map[string][]string) activities.Shift {
	return activities.Shift{
		Write: activities.Write{Intent: fmt.Sprint("w", w), Fence: activities.Fence{Epoch: 1700000000000, Generation: generation}},
		Split: split(w), Endpoints: endpoints,
	}
}

func TestConformance(t *testing.T) {
	endpoints := map[string][]string{baseline: {"http://127.0.0.1:18081"}, candidate: {"http://127.0.0.1:18082"}}
	fixture := func(t *testing.T, s server) conform.TrafficFixture {
		return conform.TrafficFixture{
			Server: conform.Server{Faults: s.proxy.faults(), Deadline: 2 * time.Second,
				Effects: func(t *testing.T) []string { return []string{fmt.Sprint(s.handler(t).upstreams, s.handler(t).policy)} }},
			Driver: s.router(t), Baseline: baseline, Candidate: candidate, Endpoints: endpoints,
			Revisions: true, Fences: true,
			Foreign: func(t *testing.T, split rollout.Split) {
				require.Len(t, s.handler(t).upstreams, 2)
				s.patch(t, "/id/bakeoff/load_balancing/selection_policy/weights", []int{int(split[baseline]), int(split[candidate])})
			},
		}
	}
	conform.Traffic(t, func(t *testing.T) conform.TrafficFixture {
		return fixture(t, startCaddy(t, map[string]any{
			"upstreams": []any{map[string]any{"@id": "bakeoff/2.4.1/0", "dial": "127.0.0.1:18081"}}}))
	})
	conform.FirstTraffic(t, func(t *testing.T) conform.TrafficFixture {
		f := fixture(t, startCaddy(t, nil))
		f.NothingServes = true
		return f
	})
}

// TestShares sends real requests: what Split says is what users get.
func TestShares(t *testing.T) {
	all := []rollout.Weight{0, 10, 100, 500, 1000, 1234, 2500, 3333, 5000, 9000, rollout.All, 0}
	for replicas, weights := range map[[2]int][]rollout.Weight{{1, 1}: all, {3, 2}: {0, 10, 500, 3333, 0}} {
		s, endpoints := startCaddy(t, nil), map[string][]string{}
		backends := map[string][]*backend{}
		for i, version := range []string{baseline, candidate} {
			for range replicas[i] {
				b := startBackend(t, version)
				backends[version] = append(backends[version], b)
				endpoints[version] = append(endpoints[version], b.url)
			}
		}
		for i, w := range weights {
			t.Run(fmt.Sprintf("%d to %d endpoints, %s", replicas[0], replicas[1], w), func(t *testing.T) {
				require.NoError(t, s.router(t).Shift(t.Context(), shift(w, i+1, endpoints)))
				o, err := s.router(t).Split(t.Context())
				require.NoError(t, err)
				const n = 2000
				got := s.get(t, n)
				require.Equal(t, n, got[baseline]+got[candidate], "%v", got)
				want := n * float64(o.Split[candidate]) / float64(rollout.All)
				t.Logf("asked %s, promised %s: %d of %d, expected %.1f", w, o.Split[candidate], got[candidate], n, want)
				require.LessOrEqual(t, math.Abs(want-float64(got[candidate])), allowed(w, o.Split[candidate]))
			})
		}
		for _, all := range backends { // each endpoint of a version got its part
			for _, b := range all[1:] {
				require.InEpsilon(t, all[0].count.Load(), b.count.Load(), 0.1)
			}
		}
	}
}

// allowed is by how many of any number of requests a share may be off: not at
// all where a version has none, else less than its block in one cycle.
func allowed(asked, got rollout.Weight) float64 {
	if asked == 0 || asked == rollout.All {
		return 0
	}
	counts, _ := cycle(split(got))
	return float64(min(counts[baseline], counts[candidate]))
}

// TestZeroUnderLoad holds that from the moment Shift returns no request reaches
// a version at 0 %, over connections that were open before, too.
func TestZeroUnderLoad(t *testing.T) {
	s := startCaddy(t, nil)
	b, c := startBackend(t, baseline), startBackend(t, candidate)
	endpoints := map[string][]string{baseline: {b.url}, candidate: {c.url}}
	r := s.router(t)
	require.NoError(t, r.Shift(t.Context(), shift(5000, 1, endpoints)))
	ctx, stop := context.WithCancel(t.Context())
	var load sync.WaitGroup
	for range 8 {
		load.Go(func() {
			client := &http.Client{Transport: &http.Transport{}}
			for ctx.Err() == nil {
				req, _ := http.NewRequestWithContext(ctx, http.MethodGet, s.site, nil)
				if resp, err := client.Do(req); err == nil {
					_ = resp.Body.Close()
				}
			}
			client.CloseIdleConnections()
		})
	}
	served := func(b *backend, more int64) {
		t.Helper()
		target := b.count.Load() + more
		require.Eventually(t, func() bool { return b.count.Load() >= target }, 10*time.Second, time.Millisecond)
	}
	for i := range 10 {
		served(c, 50)
		require.NoError(t, r.Shift(t.Context(), shift(0, 2*i+2, endpoints)))
		done := time.Now()
		served(b, 500)
		late := time.Unix(0, c.last.Load()).Sub(done)
		t.Logf("last request to the candidate %s after Shift returned", late)
		require.Less(t, late, 50*time.Millisecond, "only requests that were under way")
		require.NoError(t, r.Shift(t.Context(), shift(5000, 2*i+3, endpoints)))
	}
	stop()
	load.Wait()
}

func TestFreshWorkerReadsVersions(t *testing.T) {
	s := startCaddy(t, map[string]any{
		"load_balancing": map[string]any{"retries": 2},
		"headers":        map[string]any{"request": map[string]any{"set": map[string]any{"X-A": []string{"b"}}}},
	})
	endpoints := map[string][]string{baseline: {"127.0.0.1:18081", "127.0.0.1:18080"}, candidate: {"http://127.0.0.1:18082/"}}
	require.NoError(t, s.router(t).Shift(t.Context(), shift(500, 3, endpoints)))
	before, err := s.router(t).Split(t.Context())
	require.NoError(t, err)
	require.Equal(t, split(500), before.Split)

	t.Run("what is not ours is kept", func(t *testing.T) {
		h := s.handler(t)
		require.JSONEq(t, `{"request":{"set":{"X-A":["b"]}}}`, string(h.fields["headers"]))
		require.JSONEq(t, `2`, string(h.balancing["retries"]))
	})
	t.Run("the fence is in the configuration", func(t *testing.T) {
		require.Equal(t, activities.Fence{Epoch: 1700000000000, Generation: 3}, s.handler(t).fence())
		require.ErrorIs(t, s.router(t).Shift(t.Context(), shift(2500, 2, endpoints)), activities.ErrConflict)
	})
	t.Run("a way back needs no endpoints", func(t *testing.T) {
		for i, w := range []rollout.Weight{0, 5000, rollout.All, 0} {
			require.NoError(t, s.router(t).Shift(t.Context(), shift(w, 4+i, nil)))
		}
		o, err := s.router(t).Split(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Split{baseline: rollout.All}, o.Split)
		require.Len(t, s.handler(t).upstreams, 3)
	})
	t.Run("a foreign upstream is seen", func(t *testing.T) {
		s.patch(t, "/id/bakeoff/upstreams", []any{map[string]any{"dial": "127.0.0.1:9"}})
		o, err := s.router(t).Split(t.Context())
		require.NoError(t, err)
		require.Equal(t, rollout.Split{"127.0.0.1:9": rollout.All}, o.Split)
	})
}

// TestUnconditional holds that a write without a revision wins over others that
// write all the time, and never over a higher fence.
func TestUnconditional(t *testing.T) {
	s := startCaddy(t, nil)
	endpoints := map[string][]string{baseline: {"127.0.0.1:18081"}, candidate: {"127.0.0.1:18082"}}
	var writers sync.WaitGroup
	errs := make(chan error, 20)
	for i := range 10 {
		writers.Go(func() {
			r, err := New(activities.With{"admin": s.admin})
			for err == nil || isTorn(err) { // as an activity would be tried again
				if err = r.Shift(t.Context(), shift(rollout.Weight(100*(i+1)), i+1, endpoints)); err == nil {
					break
				}
			}
			errs <- err
		})
	}
	writers.Wait()
	close(errs)
	for err := range errs {
		if err != nil {
			require.ErrorIs(t, err, activities.ErrConflict)
			require.ErrorContains(t, err, "older than")
		}
	}
	o, err := s.router(t).Split(t.Context())
	require.NoError(t, err)
	require.Equal(t, split(1000), o.Split, "the highest fence stands")
}

func TestUnknownObject(t *testing.T) {
	s := startCaddy(t, nil)
	r, err := New(activities.With{"admin": s.admin, "id": "nobody"})
	require.NoError(t, err)
	_, err = r.Split(t.Context())
	require.ErrorIs(t, err, activities.ErrNotFound)
	require.ErrorContains(t, err, "unknown object ID 'nobody'")
}

func TestNew(t *testing.T) {
	for name, with := range map[string]activities.With{
		"unknown name": {"adminn": "http://127.0.0.1:2019"},
		"no URL":       {"admin": "127.0.0.1:2019"},
		"unsafe id":    {"id": "a/b"},
		"no deadline":  {"deadline": "0s"},
		"long":         {"deadline": "10s"},
		"credentials":  {"admin": "http://me:secret@127.0.0.1:2019"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(with)
			require.Error(t, err)
		})
	}
	r, err := New(nil)
	require.NoError(t, err)
	require.Contains(t, r.(interface{ Capabilities() string }).Capabilities(), "compare-and-set")
}

// TestSickEndpoint shows why Split cannot tell shares with health checks over
// several endpoints. When it fails, Caddy has changed and split may be lenient.
func TestSickEndpoint(t *testing.T) {
	b, c := []*backend{}, []*backend{}
	for range 3 {
		b, c = append(b, startBackend(t, baseline)), append(c, startBackend(t, candidate))
	}
	var upstreams []any
	for i, one := range append([]*backend{{url: "http://127.0.0.1:1"}}, append(b[:2:2], c...)...) { // the first one refuses connections
		dial, err := dialOf(one.url)
		require.NoError(t, err)
		version := map[bool]string{true: baseline, false: candidate}[i < 3]
		upstreams = append(upstreams, map[string]any{"@id": fmt.Sprintf("bakeoff/%s/%d", version, i), "dial": dial})
	}
	s := startCaddy(t, map[string]any{
		"upstreams":     upstreams,
		"health_checks": map[string]any{"passive": map[string]any{"fail_duration": "1h", "max_fails": 1}},
		"load_balancing": map[string]any{"retries": 3,
			"selection_policy": map[string]any{"policy": weighted, "weights": []int{19, 19, 19, 1, 1, 1}}},
	})
	_, err := s.router(t).Split(t.Context())
	require.ErrorContains(t, err, "remove health_checks")
	got := s.get(t, 600)
	t.Logf("at 5%% with one of three baseline endpoints down the candidate got %d of 600", got[candidate])
	require.Greater(t, got[candidate], 150)
}

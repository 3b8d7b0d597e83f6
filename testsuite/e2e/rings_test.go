package e2e_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/process"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// Rings before a real Caddy and real processes, with users of three kinds all the
// time: who meets the candidate, and when, is what they saw.
func TestRingsOfRealUsers(t *testing.T) {
	c := found(t)
	shop, dir := procs.DevProgram(t, "bakeoff-shop"), t.TempDir()
	admin, site := procs.StartCaddy(t, nil)
	c.worker = procs.StartWorker(t, c.server, fmt.Sprintf(`drivers:
  process: {directory: %q, command: [%q], env: {SHOP_VERSION: "{{.Version}}", PORT: "{{.Port}}", SHOP_ERRORS: "0"}}
  caddy: {admin: "http://%s", cohorts: {internal: {header: X-Cohort, value: internal}, beta: {header: X-Cohort, value: beta}}}
`, dir, shop, admin))
	s := c.scene(t)
	retire(t, dir, shop, baseline, candidate, "2.6.0")
	const target = "target: {deploy: {driver: process}, traffic: {driver: caddy}, metrics: {driver: scrape}}"
	users := visit(t, "http://"+site, "internal", "beta", "")

	s.run(target, "release: {version: "+baseline+"}", "strategy: {window: {first: 1s, poll: 200ms}, allAtOnce: {bake: 2s}, keepBaseline: 0s}", absolute).
		requires(s, 0, rollout.Promoted, "")
	users.all(t, baseline)

	s.run(target, "release: {version: "+candidate+"}", ringed, absolute).requires(s, 0, rollout.Promoted, "")
	users.all(t, candidate)
	internal, beta, everybody := users.first(t, "internal", candidate), users.first(t, "beta", candidate), users.first(t, "", candidate)
	require.GreaterOrEqual(t, beta.Sub(internal), bake, "the first ring has its bake")
	require.GreaterOrEqual(t, everybody.Sub(beta), bake, "the second has its own")
	promoted := users.last(t, "", baseline)
	require.GreaterOrEqual(t, promoted.Sub(everybody), bake, "and the fifth of everybody, too")
	require.Less(t, users.last(t, "internal", baseline).Sub(internal), time.Second, "who is in a ring stays there")
	require.Less(t, users.last(t, "beta", baseline).Sub(beta), time.Second)

	s.start(target, "release: {version: 2.6.0}", "strategy: {"+window+", rings: [{cohort: internal, bake: 1m}, {weight: 20%, bake: 5s}], keepBaseline: 2s}", absolute)
	until(t, "internal users meet 2.6.0", func() bool { return users.meet("internal", "2.6.0") })
	s.order(0, "abort")
	s.ends(11, rollout.Aborted, "")
	users.all(t, candidate)
	require.False(t, users.meet("beta", "2.6.0"), "of another ring")
	require.False(t, users.meet("", "2.6.0"), "of no ring")
}

// retire ends the processes of these versions when the test does: what serves
// outlives its worker.
func retire(t *testing.T, dir, program string, versions ...string) {
	t.Helper()
	d, err := process.New(activities.With{"directory": dir, "command": []any{program}, "stopGrace": "1s"})
	require.NoError(t, err)
	t.Cleanup(func() {
		for _, v := range versions {
			w := activities.Write{Fence: activities.Fence{Epoch: time.Now().UnixMilli(), Generation: 1}}
			require.NoError(t, d.Remove(context.WithoutCancel(t.Context()), w, v)) // the test's own is over
		}
	})
}

// visitors is what users of a site met: by kind, from the first to the last.
type visitors struct {
	kinds []string

	mu  sync.Mutex
	met map[string][]meeting
}

type meeting struct {
	version string
	began   time.Time // of the request
	ended   time.Time
}

// visit lets one user of each kind ask a site fifty times a second until the test
// ends. The kind is in the header X-Cohort; "" has none.
func visit(t *testing.T, site string, kinds ...string) *visitors {
	t.Helper()
	v := &visitors{kinds: kinds, met: map[string][]meeting{}}
	var all sync.WaitGroup
	for _, kind := range kinds {
		all.Go(func() {
			for tick := time.NewTicker(20 * time.Millisecond); ; {
				select {
				case <-t.Context().Done():
					return
				case <-tick.C:
					v.ask(t, site, kind)
				}
			}
		})
	}
	t.Cleanup(all.Wait)
	return v
}

// ask makes one request. Nobody answers before the first release, and Caddy drops
// what waits at its old socket when it is configured anew: that is no meeting.
func (v *visitors) ask(t *testing.T, site, kind string) {
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, site, nil)
	if err != nil {
		return
	}
	if kind != "" {
		req.Header.Set("X-Cohort", kind)
	}
	began := time.Now()
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		return
	}
	_ = resp.Body.Close()
	if version := resp.Header.Get("X-Version"); version != "" {
		v.mu.Lock()
		defer v.mu.Unlock()
		v.met[kind] = append(v.met[kind], meeting{version, began, time.Now()})
	}
}

func (v *visitors) of(kind string) []meeting {
	v.mu.Lock()
	defer v.mu.Unlock()
	return slices.Clone(v.met[kind])
}

// meet reports whether users of a kind ever met a version.
func (v *visitors) meet(kind, version string) bool {
	return slices.ContainsFunc(v.of(kind), func(m meeting) bool { return m.version == version })
}

// first is when users of a kind first met a version.
func (v *visitors) first(t *testing.T, kind, version string) time.Time {
	t.Helper()
	met := v.of(kind)
	i := slices.IndexFunc(met, func(m meeting) bool { return m.version == version })
	require.GreaterOrEqual(t, i, 0, "nobody of %q met %s", kind, version)
	return met[i].ended
}

// last is when the last user of a kind who met a version had asked.
func (v *visitors) last(t *testing.T, kind, version string) time.Time {
	t.Helper()
	for _, m := range slices.Backward(v.of(kind)) {
		if m.version == version {
			return m.began
		}
	}
	require.FailNow(t, "nobody met it", "%q, %s", kind, version)
	return time.Time{}
}

// all requires that everybody who asks from now on meets this version.
func (v *visitors) all(t *testing.T, version string) {
	t.Helper()
	now, enough := time.Now(), 10
	for _, kind := range v.kinds {
		until(t, "users ask", func() bool {
			met := slices.DeleteFunc(v.of(kind), func(m meeting) bool { return m.began.Before(now) })
			for _, m := range met {
				require.Equal(t, version, m.version, "%q", kind)
			}
			return len(met) >= enough
		})
	}
}

package vegeta_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/vegeta"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

const ms = rollout.Duration(time.Millisecond)

func order(url string, change func(*load.Load)) activities.AttackOrder {
	l := load.Load{Name: "browse", URL: url + "/", Rate: 200, For: 1000 * ms}
	if change != nil {
		change(&l)
	}
	return activities.AttackOrder{Seed: 42, Load: l, Shards: 1, Most: 1e5}
}

// table is a file that is read while it is written.
type table struct {
	mu   sync.Mutex
	text []byte
}

func (f *table) Write(text []byte) (int, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.text = append(f.text, text...)
	return len(text), nil
}

// records are the requests that can be read by now.
func (f *table) records(t *testing.T) (start time.Time, all []load.Record) {
	t.Helper()
	f.mu.Lock()
	text := bytes.Clone(f.text)
	f.mu.Unlock()
	start, records, err := load.ReadRaw(bytes.NewReader(text))
	require.NoError(t, err)
	for r, err := range records {
		require.NoError(t, err)
		all = append(all, r)
	}
	return start, all
}

// attack sends an order and returns what came of it, in total and one by one.
func attack(ctx context.Context, t *testing.T, o activities.AttackOrder) (load.Results, []load.Record, error) {
	t.Helper()
	var raw table
	var told load.Results
	results, err := vegeta.Generator{}.Attack(ctx, o, &raw, func(r load.Results) {
		if told.Load == "" {
			told = load.NewResults(r.Load, r.Start, r.Interval)
		}
		require.NoError(t, told.Merge(r))
		_, readable := raw.records(t)
		require.GreaterOrEqual(t, len(readable), told.Total().Sent+told.Total().Missed, "what was told can be read")
	})
	start, all := raw.records(t)
	if told.Load == "" {
		require.Empty(t, results.Buckets)
		return results, nil, err
	}
	require.Equal(t, results.Buckets, told.Buckets, "what progress is told comes to the whole")
	require.True(t, start.Equal(results.Start))
	require.Len(t, all, results.Total().Sent+results.Total().Missed)
	return results, all, err
}

func serve(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	return server.URL
}

func TestEachRequestIsSentWhenItIsDue(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Add(1)
		require.Empty(t, r.Header["X-Vegeta-Seq"], "no trace of the tool")
		w.Header().Set("X-Version", "2.5.0")
	})
	results, records, err := attack(t.Context(), t, order(url, nil))
	require.NoError(t, err)
	require.EqualValues(t, 200, asked.Load())
	require.Len(t, records, 200)
	slices.SortFunc(records, func(a, b load.Record) int { return a.Arrival - b.Arrival })
	for i, r := range records {
		require.Equal(t, time.Duration(i)*5*time.Millisecond, r.Planned)
		require.Equal(t, "2.5.0", r.Version)
		require.Equal(t, 200, r.Status)
		require.True(t, r.Good())
	}
	got := results.Evidence("sha256:x")
	require.Equal(t, 200, got.Sent)
	require.Zero(t, got.Failed+got.Missed)
	require.InDelta(t, 200, got.Rate, 4)
}

// A server that stands still for two seconds answers one request late, as a
// tool sees that waits for it, and makes everybody wait who comes meanwhile.
func TestAStallIsChargedToAllWhoWouldHaveWaited(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1) == 100 {
			time.Sleep(2 * time.Second)
		}
	})
	results, _, err := attack(t.Context(), t, order(url, func(l *load.Load) { l.For, l.Connections = 4000*ms, 1 }))
	require.NoError(t, err)
	got := results.Evidence("")
	require.Equal(t, 800, got.Sent)
	require.Less(t, got.Service.P99, 0.1, "from sending: one of eight hundred")
	require.Greater(t, got.Latency.P99, 1.5, "from the planned moment: half of them waited")
	require.Greater(t, got.Latency.P50, 0.01)
	require.InDelta(t, 2, got.Latency.Max, 0.3)
	require.Zero(t, got.Missed)
}

// With connections enough nobody waits for another's answer.
// A service that stands still keeps every connection. Who waited for one in vain
// is among the errors: the generator was there, and the service was not.
func TestWhoWaitedInVainForAConnectionFailed(t *testing.T) {
	began := time.Now()
	url := serve(t, func(_ http.ResponseWriter, r *http.Request) {
		if time.Since(began) < time.Second {
			<-r.Context().Done()
		}
	})
	o := order(url, func(l *load.Load) {
		l.Rate, l.For, l.Timeout, l.Connections = 50, 2000*ms, 200*ms, 2
	})
	results, records, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	total := results.Total()
	require.Equal(t, 100, total.Sent)
	require.Zero(t, total.Missed)
	require.Greater(t, total.Errors[load.KindStalled], 20)
	require.Equal(t, total.Failed, total.Errors[load.KindStalled]+total.Errors[load.KindTimeout])
	require.Greater(t, total.Latency.Quantile(0.75), 0.2, "they waited at least until their timeout")
	for _, r := range records {
		if r.Kind == load.KindStalled {
			require.True(t, r.Waited() && !r.Good() && r.Latency > 200*time.Millisecond)
		}
	}
}

func TestAStallHoldsUpNoOtherRequest(t *testing.T) {
	var n atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		if n.Add(1)%10 == 0 {
			time.Sleep(500 * time.Millisecond)
		}
	})
	results, _, err := attack(t.Context(), t, order(url, nil))
	require.NoError(t, err)
	require.Less(t, results.Evidence("").ArrivalErrorP99, 0.45, "one connection would be ten seconds late")
	require.Less(t, results.Evidence("").Latency.P50, 0.1)
}

// asked collects what a server was asked.
type asked struct {
	mu    sync.Mutex
	lines []string
}

func (a *asked) ServeHTTP(_ http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.lines = append(a.lines, fmt.Sprintf("%s %s %s %s", r.Method, r.URL, r.Header["A"], body))
}

func (a *asked) sorted() []string { return slices.Sorted(slices.Values(a.lines)) }

func TestShardsTogetherSendTheWhole(t *testing.T) {
	send := func(shards int) []string {
		var got asked
		url := serve(t, got.ServeHTTP)
		var wg sync.WaitGroup
		start := time.Now().Add(50 * time.Millisecond)
		whole := load.NewResults("browse", start, 0)
		var mu sync.Mutex
		for shard := range shards {
			wg.Go(func() {
				o := order(url, func(l *load.Load) {
					l.URL, l.Arrivals, l.Headers = url+"/{{id}}", load.Poisson, map[string]string{"a": "{{payload}}"}
				})
				o.Shard, o.Shards, o.Start = shard, shards, start
				results, err := vegeta.Generator{}.Attack(t.Context(), o, io.Discard, nil)
				mu.Lock()
				defer mu.Unlock()
				require.NoError(t, err)
				require.NoError(t, whole.Merge(results))
			})
		}
		wg.Wait()
		require.Equal(t, len(got.lines), whole.Total().Sent)
		return got.sorted()
	}
	one := send(1)
	require.NotEmpty(t, one)
	require.Equal(t, one, send(3))
}

func TestReplay(t *testing.T) {
	var got asked
	o := order(serve(t, got.ServeHTTP), func(l *load.Load) {
		l.Rate, l.For, l.Replay = 0, 0, &load.Replay{File: "a", Format: load.FormatJSON, Speed: 10}
	})
	o.Recording = []load.Recorded{{Method: "POST", Path: "/a?b=c", Headers: map[string]string{"A": "1"}, Body: "{{x}}"}, {Offset: 3 * time.Second, Method: "GET", Path: "/"}}
	results, records, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	require.Equal(t, []string{"GET / [] ", "POST /a?b=c [1] {{x}}"}, got.sorted())
	require.Equal(t, 300*time.Millisecond, records[1].Planned)
	require.Equal(t, 2, results.Total().Sent)
}

func TestClosedUsersWaitForTheirAnswers(t *testing.T) {
	var open, most atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) {
		most.Store(max(most.Load(), open.Add(1)))
		defer open.Add(-1)
		time.Sleep(20 * time.Millisecond)
	})
	o := order(url, func(l *load.Load) { l.Rate, l.For, l.Closed = 0, 500*ms, &load.Closed{Users: 5, Think: 30 * ms} })
	results, _, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	require.LessOrEqual(t, most.Load(), int32(5))
	require.InDelta(t, 50, results.Total().Sent, 20, "five users, each every 50 ms")
	require.Less(t, results.Evidence("").Latency.P99, 0.2)
}

// The first try of a closed load died, perhaps before it said how far it had
// come. What it wrote is not written again: a service that keeps both is honest.
func TestASecondTryOfAClosedLoadSendsOtherArrivals(t *testing.T) {
	service := &orders{kept: map[string]*kept{}}
	o := order(serve(t, service.ServeHTTP), nil)
	o.Load = shop(o.Load.URL[:len(o.Load.URL)-1])
	o.Load.Rate, o.Load.For, o.Load.Shards, o.Load.Closed = 0, 1000*ms, 2, &load.Closed{Users: 4, Think: 10 * ms}
	o.Start, o.Shards = time.Now(), 2
	died, kill := context.WithTimeout(t.Context(), 300*time.Millisecond)
	defer kill()
	seen := map[int]bool{}
	send := func(ctx context.Context, want error) {
		_, records, err := attack(ctx, t, o)
		require.ErrorIs(t, err, want)
		tried := map[int]bool{}
		for _, r := range records {
			require.Equal(t, o.Shard, r.Arrival%2)
			require.False(t, seen[r.Arrival], "arrival %d is sent again", r.Arrival)
			tried[r.Arrival] = true
		}
		require.Greater(t, len(tried), 10)
		maps.Copy(seen, tried)
	}
	send(died, context.DeadlineExceeded)
	o.Again = true
	send(t.Context(), nil)
}

func TestWithoutKeepAliveEachRequestHasItsConnection(t *testing.T) {
	for _, keep := range []bool{true, false} {
		var opened atomic.Int32
		server := httptest.NewUnstartedServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
			if s == http.StateNew {
				opened.Add(1)
			}
		}
		server.Start()
		_, _, err := attack(t.Context(), t, order(server.URL, func(l *load.Load) { l.KeepAlive = &keep }))
		server.Close()
		require.NoError(t, err)
		if keep {
			require.Less(t, opened.Load(), int32(100))
		} else {
			require.EqualValues(t, 200, opened.Load())
		}
	}
}

// Three and a half seconds late, a first try sends what was due in the last
// second, and a second one nothing of what the first may have sent.
func TestWhatWasDueBeforeIsLeftOutOrMissed(t *testing.T) {
	for _, tt := range []struct {
		from         rollout.Duration
		whole, least int // how many are accounted for, and sent at least
	}{{0, 800, 300}, {1000 * ms, 600, 100}} {
		var got asked
		o := order(serve(t, got.ServeHTTP), func(l *load.Load) { l.For = 4000 * ms })
		o.Start, o.From = time.Now().Add(-3500*time.Millisecond), tt.from
		results, _, err := attack(t.Context(), t, o)
		require.NoError(t, err)
		total := results.Total()
		require.Equal(t, tt.whole, total.Sent+total.Missed)
		require.InDelta(t, tt.least, total.Sent, 10)
		require.Len(t, got.lines, total.Sent)
	}
}

package vegeta_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/vegeta"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// orders is a service that keeps orders, and does wrong on purpose: with the
// n-th order, what the n-th of its faults says.
type orders struct {
	mu     sync.Mutex
	faults map[int]string
	count  int
	kept   map[string]*kept
}

type kept struct {
	ID      string `json:"id"`
	Payload string `json:"payload"`
	Copies  int    `json:"copies"`
}

func (o *orders) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	o.mu.Lock()
	defer o.mu.Unlock()
	if r.Method == http.MethodPost {
		o.write(w, r)
		return
	}
	order := o.kept[r.URL.Path[len("/orders/"):]]
	if order == nil {
		w.WriteHeader(404)
		return
	}
	_ = json.NewEncoder(w).Encode(order)
}

func (o *orders) write(w http.ResponseWriter, r *http.Request) {
	var order kept
	if err := json.NewDecoder(r.Body).Decode(&order); err != nil {
		w.WriteHeader(400)
		return
	}
	o.count++
	order.Copies = 1
	fault := o.faults[o.count]
	switch fault {
	case "double":
		order.Copies = 2
	case "alter":
		order.Payload += "x"
	case "refuse":
		w.WriteHeader(422)
		return
	}
	if fault != "lose" && fault != "fail" {
		o.kept[order.ID] = &order
	}
	if fault == "fail" || fault == "keep and fail" {
		w.WriteHeader(500)
		return
	}
	w.WriteHeader(201)
}

func shop(url string) load.Load {
	return load.Load{Name: "shop", URL: url, Rate: 50, For: 1000 * ms, Journeys: []load.Journey{{Name: "order", Steps: []load.Step{
		{Method: "POST", Path: "/orders", Body: `{"id":"{{id}}","payload":"{{payload}}"}`, Expect: load.Expect{Status: 201}, Ledger: load.LedgerWrite},
		{Path: "/orders/{{id}}", Ledger: load.LedgerRead},
	}}}}
}

// keep sends the shop's load to a service, changes what the service keeps, and
// reads everything back.
func keep(t *testing.T, service *orders, meanwhile func()) (load.Results, evidence.Ledger) {
	t.Helper()
	service.kept = map[string]*kept{}
	o := activities.AttackOrder{Seed: 42, Load: shop(serve(t, service.ServeHTTP)), Shards: 1, Most: 1000}
	s, err := load.New(o.Seed, o.Load, nil)
	require.NoError(t, err)
	ledger := load.NewLedger(s)
	var raw bytes.Buffer
	results, err := vegeta.Generator{}.Attack(t.Context(), o, &raw, nil)
	require.NoError(t, err)
	require.NoError(t, ledger.Read(&raw))
	meanwhile()
	o.ReadBack, o.Transactions = true, ledger.Transactions()
	read, err := vegeta.Generator{}.Attack(t.Context(), o, &raw, nil)
	require.NoError(t, err)
	require.Equal(t, len(o.Transactions), read.Total().Sent, "one read each, and nothing else")
	require.NoError(t, ledger.Read(&raw))
	return results, ledger.Evidence()
}

func TestJourneysWriteAndReadBack(t *testing.T) {
	results, ledger := keep(t, &orders{}, func() {})
	require.Equal(t, evidence.Ledger{Written: 50}, ledger)
	require.Equal(t, 100, results.Total().Sent)
	require.Zero(t, results.Total().Failed)
}

// What one run has left does not hide what the next one of the same seed loses.
func TestRunsDoNotMeet(t *testing.T) {
	service := &orders{kept: map[string]*kept{}}
	o := activities.AttackOrder{Seed: 42, Run: "one", Load: shop(serve(t, service.ServeHTTP)), Shards: 1, Most: 1000}
	_, _, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	service.faults, service.count, o.Run = map[int]string{3: "lose"}, 0, "two"
	results, _, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	require.Equal(t, map[string]int{"lost": 1}, results.Total().Errors)
	require.Len(t, service.kept, 99)
}

// A closed load is read back like any other, with connections of its own.
func TestAClosedLoadIsReadBack(t *testing.T) {
	service := &orders{kept: map[string]*kept{}}
	o := activities.AttackOrder{Seed: 42, Load: shop(serve(t, service.ServeHTTP)), Shards: 1, Most: 1000}
	o.Load.Rate, o.Load.For, o.Load.Closed = 0, 300*ms, &load.Closed{Users: 2, Think: 20 * ms}
	o.Load = o.Load.WithDefaults()
	_, records, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	o.ReadBack, o.Transactions = true, []int{records[0].Arrival}
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Second)
	defer cancel()
	results, _, err := attack(ctx, t, o)
	require.NoError(t, err)
	require.Equal(t, 1, results.Total().Sent)
	require.Zero(t, results.Total().Failed)
}

// With nothing to read back nothing is sent, and surely not the load again.
func TestNothingIsReadBack(t *testing.T) {
	var got asked
	o := activities.AttackOrder{Seed: 42, Load: shop(serve(t, got.ServeHTTP)), Shards: 1, Most: 1000, ReadBack: true}
	_, _, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	require.Empty(t, got.lines)
}

func TestWhatAServiceDoesWrongIsSeen(t *testing.T) {
	service := &orders{faults: map[int]string{3: "lose", 7: "lose", 11: "double", 13: "alter", 17: "fail", 19: "keep and fail", 23: "refuse"}}
	results, ledger := keep(t, service, func() {})
	require.Len(t, ledger.Examples, 4)
	ledger.Examples = nil
	require.Equal(t, evidence.Ledger{Written: 47, Unsure: 2, Lost: 2, Doubled: 1, Altered: 1}, ledger)
	require.Equal(t, map[string]int{"lost": 2, "doubled": 1, "altered": 1, "status 500": 2, "status 422": 1}, results.Total().Errors)
}

// What was there when the journey looked, and is not when all is over, is lost.
func TestWhatIsLostLaterIsSeen(t *testing.T) {
	service := &orders{}
	results, ledger := keep(t, service, func() {
		n := 0
		for id, order := range service.kept {
			switch n++; n {
			case 1:
				delete(service.kept, id)
			case 2:
				order.Copies = 3
			case 3:
				order.Payload = "0"
			case 4:
				order.Copies = 0
			}
		}
	})
	require.Zero(t, results.Total().Failed)
	require.Len(t, ledger.Examples, 4)
	ledger.Examples = nil
	require.Equal(t, evidence.Ledger{Written: 50, Lost: 2, Doubled: 1, Altered: 1}, ledger)
}

func TestJourneysUseWhatTheyCaptured(t *testing.T) {
	url := serve(t, func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/login":
			fmt.Fprintf(w, `{"session":{"token":"t-%s","number":12}}`, r.URL.Query().Get("user"))
		case "/me/12":
			fmt.Fprint(w, r.Header.Get("Authorization"))
		default:
			w.WriteHeader(404)
		}
	})
	send := func(field string) map[string]int {
		o := order(url, func(l *load.Load) {
			l.URL, l.Rate, l.For = url, 50, 200*ms
			l.Journeys = []load.Journey{{Name: "me", Steps: []load.Step{
				{Path: "/login?user={{id}}", Capture: map[string]string{"token": "session." + field, "n": "session.number"}},
				{Path: "/me/{{n}}", Headers: map[string]string{"Authorization": "{{token}}"}, Expect: load.Expect{Body: "t-{{id}}"}},
			}}}
		})
		results, _, err := attack(t.Context(), t, o)
		require.NoError(t, err)
		return results.Total().Errors
	}
	require.Empty(t, send("token"))
	require.Equal(t, map[string]int{load.KindCapture: 10}, send("key"))
}

// Both requests of an order are seen under its trace, once each.
func TestJourneysCarryTheirTrace(t *testing.T) {
	service, seen := &orders{kept: map[string]*kept{}}, map[string]int{}
	o := activities.AttackOrder{Seed: 42, Run: "one", Shards: 1, Most: 1000}
	o.Load = shop(serve(t, func(w http.ResponseWriter, r *http.Request) {
		service.mu.Lock()
		seen[r.Header.Get("traceparent")]++
		service.mu.Unlock()
		service.ServeHTTP(w, r)
	}))
	o.Load.Trace = rollout.All / 5
	_, _, err := attack(t.Context(), t, o)
	require.NoError(t, err)
	s, err := load.New(o.Seed, o.Load, nil)
	require.NoError(t, err)
	traced := 0
	for a := range s.Of("one").Arrivals(0, 1) {
		if s.Of("one").TraceID(a.Index) == "" {
			continue
		}
		for _, r := range s.Of("one").Journey(a) {
			i := slices.IndexFunc(r.Headers, func(h load.Header) bool { return h.Name == "traceparent" })
			require.Equal(t, 1, seen[r.Headers[i].Value])
			traced++
		}
	}
	require.Positive(t, traced)
	require.Equal(t, 100-traced, seen[""])
}

package vegeta_test

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/vegeta"
	"bakeoff/rehearsal/load"
)

func TestFailuresAreDataAndNoErrors(t *testing.T) {
	closed := httptest.NewServer(nil)
	closed.Close()
	tests := []struct {
		name, kind string
		answer     http.HandlerFunc
		change     func(*load.Load)
	}{
		{"a dropped connection", load.KindReset, func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := w.(http.Hijacker).Hijack()
			require.NoError(t, err)
			c.Close()
		}, func(l *load.Load) { no := false; l.KeepAlive = &no }},
		{"half an answer", load.KindReset, func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			fmt.Fprint(w, "half")
		}, nil},
		{"an error", "status 503", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(503) }, nil},
		{"another status", "status 200", func(http.ResponseWriter, *http.Request) {}, func(l *load.Load) { l.Expect.Status = 201 }},
		{"another body", load.KindBody, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, "sorry") }, func(l *load.Load) { l.Expect.Body = "welcome" }},
		{"no answer in time", load.KindTimeout, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, func(l *load.Load) { l.Timeout = 100 * ms }},
		{"nobody there", load.KindRefused, nil, func(l *load.Load) { l.URL = closed.URL + "/" }},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, tt.answer)
			results, _, err := attack(t.Context(), t, order(url, func(l *load.Load) {
				l.Rate, l.For = 50, 200*ms
				if tt.change != nil {
					tt.change(l)
				}
			}))
			require.NoError(t, err)
			total := results.Total()
			require.Equal(t, 10, total.Sent)
			require.Equal(t, map[string]int{tt.kind: 10}, total.Errors)
		})
	}
}

func TestAnOrderThatMayNotBeIsRefusedBeforeAnythingIsSent(t *testing.T) {
	var asked atomic.Int32
	url := serve(t, func(http.ResponseWriter, *http.Request) { asked.Add(1) })
	tests := []struct {
		name, want string
		change     func(*activities.AttackOrder)
	}{
		{"beyond the allowed rate", "it means to send 200 requests a second, and 199/s are allowed", func(o *activities.AttackOrder) { o.Most = 199 }},
		{"nothing allowed", "0/s are allowed", func(o *activities.AttackOrder) { o.Most = 0 }},
		{"closed without thinking", "give closed users time to think", func(o *activities.AttackOrder) { o.Load.Rate, o.Load.Closed = 0, &load.Closed{Users: 1} }},
		{"no such shard", "shard 1 of 1 is none", func(o *activities.AttackOrder) { o.Shard = 1 }},
		{"a load with problems", `load "browse" cannot be sent: rate: is missing`, func(o *activities.AttackOrder) { o.Load.Rate = 0 }},
		{"an empty recording", "nothing of the recording is left", func(o *activities.AttackOrder) {
			o.Load.Rate, o.Load.Replay = 0, &load.Replay{File: "a", Format: load.FormatHAR}
		}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			o := order(url, nil)
			tt.change(&o)
			_, err := vegeta.Generator{}.Attack(t.Context(), o, io.Discard, nil)
			require.ErrorIs(t, err, activities.ErrFinal)
			require.ErrorContains(t, err, tt.want)
		})
	}
	require.Zero(t, asked.Load())
}

func TestTheContextEndsItAtOnce(t *testing.T) {
	for _, tt := range []struct {
		name   string
		change func(*activities.AttackOrder)
	}{
		{"while answers are awaited", nil},
		{"between two requests", func(o *activities.AttackOrder) { o.Load.Rate = 1.0 / 3600; o.Load.For *= 7200 }},
		{"before the start", func(o *activities.AttackOrder) { o.Start = time.Now().Add(time.Hour) }},
		{"while users think", func(o *activities.AttackOrder) {
			o.Load.Rate, o.Load.Timeout, o.Load.Closed = 0, 10*ms, &load.Closed{Users: 2, Think: 1000000 * ms}
		}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			url := serve(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
			ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
			defer cancel()
			o := order(url, func(l *load.Load) { l.For = 60_000 * ms })
			if tt.change != nil {
				tt.change(&o)
			}
			began := time.Now()
			results, _, err := attack(ctx, t, o)
			require.ErrorIs(t, err, context.DeadlineExceeded)
			require.Less(t, time.Since(began), 700*time.Millisecond)
			require.LessOrEqual(t, results.Total().Failed, 2, "what was stopped has not failed")
		})
	}
}

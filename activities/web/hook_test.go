package web_test

import (
	"context"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"bakeoff/activities/web"
)

// What is called by a traced act goes on with its trace, and else with none.
func TestTraceGoesAlong(t *testing.T) {
	got := make(chan http.Header, 1)
	d := against(t, "", func(w http.ResponseWriter, r *http.Request) {
		got <- r.Header
		_, _ = io.WriteString(w, `{"weights":{"1":10000}}`)
	})
	hook := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got <- r.Header }))
	t.Cleanup(hook.Close)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	for want, ctx := range map[string]context.Context{
		"": t.Context(),
		"00-01000000000000000000000000000000-0200000000000000-01": trace.ContextWithSpanContext(t.Context(), span),
	} {
		_, err := d.Split(ctx)
		require.NoError(t, err)
		require.Equal(t, want, (<-got).Get("Traceparent"))
		_, _, err = web.PostHook(ctx, hook.URL, "id", "", nil)
		require.NoError(t, err)
		require.Equal(t, want, (<-got).Get("Traceparent"))
	}
}

func TestPostHook(t *testing.T) {
	elsewhere := 0
	mux := http.NewServeMux()
	mux.HandleFunc("/ok", func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		signed := r.Header.Get(web.HookSignature)
		if err != nil || r.Header.Get(web.HookID) != "id" || signed != "" && signed != web.SignHook("s3cret", r.Header.Get(web.HookTime), body) {
			w.WriteHeader(http.StatusBadRequest)
		}
		if signed == "" {
			w.WriteHeader(http.StatusAccepted)
		}
	})
	mux.HandleFunc("/no", func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusConflict)
		_, _ = io.WriteString(w, `{"error":"CHG-1 is not approved"}`)
	})
	mux.Handle("/moved", http.RedirectHandler("/elsewhere", http.StatusTemporaryRedirect))
	mux.HandleFunc("/elsewhere", func(http.ResponseWriter, *http.Request) { elsewhere++ })
	mux.HandleFunc("/hangs", func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	server := httptest.NewServer(mux)
	t.Cleanup(server.Close)
	post := func(path, secret string) (int, string) {
		status, answer, err := web.PostHook(t.Context(), server.URL+path, "id", secret, []byte(`{"at":"after"}`))
		require.NoError(t, err)
		return status, answer
	}
	status, _ := post("/ok", "s3cret")
	require.Equal(t, 200, status, "signed, and the signature holds")
	status, _ = post("/ok", "")
	require.Equal(t, 202, status, "not signed")
	status, answer := post("/no", "")
	require.Equal(t, 409, status)
	require.Equal(t, "CHG-1 is not approved", answer)
	status, _ = post("/moved", "s3cret")
	require.Equal(t, 307, status)
	require.Zero(t, elsewhere, "a redirect is not followed")
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	_, _, err := web.PostHook(ctx, server.URL+"/hangs", "id", "", nil)
	require.ErrorIs(t, err, context.DeadlineExceeded)
}

package webhook_test

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/otel/trace"

	"bakeoff/activities"
	"bakeoff/activities/webhook"
	"bakeoff/rollout"
)

func message() activities.Message {
	return activities.Message{Notice: rollout.Notice{
		ID: "notify/rollout/production/checkout/r1/3-rolledBack", Event: rollout.OnRolledBack, At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Text: "production/checkout: 2.5.0 is rolled back", Target: "production/checkout", WorkflowID: "rollout/production/checkout"}}
}

// The receiver gets a CloudEvent that it can verify, byte by byte.
func TestNotify(t *testing.T) {
	var got map[string]any
	const parent = "00-01000000000000000000000000000000-0200000000000000-01"
	var traced string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		traced = r.Header.Get("Traceparent")
		if r.Header.Get("Bakeoff-Signature") == webhook.Sign("s3cret", body) && r.Header.Get("Content-Type") == "application/cloudevents+json; charset=utf-8" {
			_ = json.Unmarshal(body, &got)
		}
	}))
	defer server.Close()
	hook, err := webhook.New(server.URL+"/hook", "s3cret")
	require.NoError(t, err)
	require.NoError(t, hook.Notify(t.Context(), message()))
	require.Empty(t, traced)
	span := trace.NewSpanContext(trace.SpanContextConfig{TraceID: trace.TraceID{1}, SpanID: trace.SpanID{2}, TraceFlags: trace.FlagsSampled})
	require.NoError(t, hook.Notify(trace.ContextWithSpanContext(t.Context(), span), message()))
	require.Equal(t, parent, traced)
	require.NotNil(t, got)
	for name, want := range map[string]string{"specversion": "1.0", "id": message().ID, "source": "/rollout/production/checkout",
		"type": "bakeoff.rollout.rolledBack", "subject": "production/checkout", "time": "2026-11-21T12:00:00Z", "datacontenttype": "application/json"} {
		require.Equal(t, want, got[name], name)
	}
	require.NotContains(t, got, "channel")
	aside := message()
	aside.Channel = "web-team"
	require.NoError(t, hook.Notify(t.Context(), aside))
	require.Equal(t, "web-team", got["channel"])
	require.Equal(t, message().Text, got["data"].(map[string]any)["text"])
}

// openssl dgst -sha256 -hmac key, and RFC 4231's second case, say the same.
func TestSign(t *testing.T) {
	require.Equal(t, "sha256=5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843", webhook.Sign("Jefe", []byte("what do ya want for nothing?")))
}

func TestAnswers(t *testing.T) {
	for name, row := range map[string]struct {
		code  int
		after string
		final bool
		wait  time.Duration
	}{
		"will never take it": {code: 400, final: true},
		"is gone":            {code: 410, final: true},
		"is not there now":   {code: 404},
		"is broken":          {code: 500},
		"wants a pause":      {code: 429, after: "30", wait: 30 * time.Second},
		"wants a long pause": {code: 503, after: "86400", wait: 10 * time.Minute},
		"leads elsewhere":    {code: 307},
	} {
		t.Run(name, func(t *testing.T) {
			elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the redirect was followed") }))
			defer elsewhere.Close()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Location", elsewhere.URL)
				w.Header().Set("Retry-After", row.after)
				http.Error(w, "no", row.code)
			}))
			defer server.Close()
			hook, err := webhook.New(server.URL+"/secret-path", "")
			require.NoError(t, err)
			err = hook.Notify(t.Context(), message())
			require.Error(t, err)
			require.NotContains(t, err.Error(), "secret-path")
			require.Equal(t, row.final, errors.Is(err, activities.ErrFinal), err)
			var later *activities.RetryAfterError
			if row.wait > 0 {
				require.ErrorAs(t, err, &later)
				require.Equal(t, row.wait, later.After)
			}
		})
	}
}

// One that hangs costs no more than its caller's patience, and nobody learns the
// URL from the error.
func TestHangs(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.ReadAll(r.Body)
		<-r.Context().Done() // its caller gives up
	}))
	defer server.Close()
	defer server.CloseClientConnections()
	hook, err := webhook.New(server.URL+"/secret-path", "")
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err = hook.Notify(ctx, message())
	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.NotContains(t, err.Error(), "secret-path")
}

func TestWrongURL(t *testing.T) {
	for _, url := range []string{"", "here", "ftp://h", "http://", "https://user:pass@h/", "http://h\x7f"} {
		_, err := webhook.New(url, "")
		require.Error(t, err, url)
		require.NotContains(t, err.Error(), "pass@")
	}
}

package web

import (
	"bytes"
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"bakeoff/activities"
)

// The headers of a signed hook. The signature is "v1=" and the HMAC-SHA256, in
// hex, of the time, a dot and the body, under the secret that both sides know.
const (
	HookID        = "Bakeoff-Hook-Id"
	HookTime      = "Bakeoff-Hook-Time" // seconds since 1970
	HookSignature = "Bakeoff-Hook-Signature"
)

// hookClient follows no redirects: they would take the body, and what it is
// signed with, to somebody who was never named.
var hookClient = &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}

// PostHook posts a body, signed where there is a secret. It is bounded by ctx; of
// the answer a line is returned.
func PostHook(ctx context.Context, url, id, secret string, body []byte) (status int, answer string, err error) {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, url, bytes.NewReader(body))
	if err != nil {
		return 0, "", fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set(HookID, id)
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(req.Header))
	if secret != "" {
		now := strconv.FormatInt(time.Now().Unix(), 10)
		req.Header.Set(HookTime, now)
		req.Header.Set(HookSignature, SignHook(secret, now, body))
	}
	resp, err := hookClient.Do(req)
	if err != nil {
		return 0, "", unwrapURL(err)
	}
	defer resp.Body.Close()
	said, err := io.ReadAll(io.LimitReader(resp.Body, 4*maxText))
	if err != nil {
		return 0, "", fmt.Errorf("read the answer: %w", err)
	}
	return resp.StatusCode, reason(resp.StatusCode, http.Header{}, said), nil
}

// SignHook is the signature of a body that is sent at a time.
func SignHook(secret, at string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write([]byte(at + "."))
	mac.Write(body)
	return "v1=" + hex.EncodeToString(mac.Sum(nil))
}

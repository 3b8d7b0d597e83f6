package webhook

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"go.opentelemetry.io/otel/propagation"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// SignatureHeader holds "sha256=" and, in hex, the HMAC-SHA256 of the exact body
// under the shared secret.
const SignatureHeader = "Bakeoff-Signature"

// Hook is one receiver of CloudEvents 1.0 in structured JSON mode.
type Hook struct{ url, secret string }

var _ activities.Notifier = (*Hook)(nil)

// New makes a receiver. Without a secret nothing is signed.
func New(url, secret string) (*Hook, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	return &Hook{url, secret}, nil
}

// cloudEvent is an envelope of CloudEvents 1.0.
type cloudEvent struct {
	SpecVersion string         `json:"specversion"`
	ID          string         `json:"id"`
	Source      string         `json:"source"`
	Type        string         `json:"type"`
	Subject     string         `json:"subject"`
	Time        time.Time      `json:"time"`
	ContentType string         `json:"datacontenttype"`
	Channel     string         `json:"channel,omitempty"` // an extension attribute
	Data        rollout.Notice `json:"data"`
}

// Notify implements [activities.Notifier]. There is one receiver; whom it should
// pass the event on to is the extension attribute "channel".
func (h *Hook) Notify(ctx context.Context, m activities.Message) error {
	body, err := json.Marshal(cloudEvent{
		SpecVersion: "1.0", ID: m.ID, Source: "/" + m.WorkflowID, Type: "bakeoff.rollout." + string(m.Event), Subject: m.Target,
		Time: m.At.UTC(), ContentType: "application/json", Channel: m.Channel, Data: m.Notice,
	})
	if err != nil {
		return fmt.Errorf("write the event: %w: %w", err, activities.ErrFinal)
	}
	header := http.Header{"Content-Type": {"application/cloudevents+json; charset=utf-8"}}
	propagation.TraceContext{}.Inject(ctx, propagation.HeaderCarrier(header))
	if h.secret != "" {
		header.Set(SignatureHeader, Sign(h.secret, body))
	}
	return post(ctx, h.url, header, body)
}

// Sign is the value of the signature header for a body.
func Sign(secret string, body []byte) string {
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return "sha256=" + hex.EncodeToString(mac.Sum(nil))
}

package webhook

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"

	"bakeoff/activities"
)

// Slack is an incoming webhook of a Slack workspace.
type Slack struct{ url string }

var _ activities.Notifier = (*Slack)(nil)

// NewSlack makes the sink; the webhook's URL is its credential.
func NewSlack(url string) (*Slack, error) {
	if err := checkURL(url); err != nil {
		return nil, err
	}
	return &Slack{url}, nil
}

type slackMessage struct {
	Channel string  `json:"channel,omitempty"` // webhooks of Slack apps have one of their own and ignore it
	Text    string  `json:"text"`
	Blocks  []block `json:"blocks"`
}

type block struct {
	Type     string `json:"type"`
	Text     *text  `json:"text,omitempty"`
	Elements []text `json:"elements,omitempty"`
}

type text struct {
	Type string `json:"type"`
	Text string `json:"text"`
}

// Notify implements [activities.Notifier]. Below the sentence stand the id, by
// which a message that came twice is known, and a link where there is one.
func (s *Slack) Notify(ctx context.Context, m activities.Message) error {
	sentence := escape(m.Text)
	if strings.HasPrefix(m.Channel, "@") { // it may end in the webhook's own channel: say whom it is for
		sentence = escape(m.Channel) + " " + sentence
	}
	below := escape(m.ID)
	if m.UIURL != "" {
		below = fmt.Sprintf("<%s|%s> · %s", m.UIURL, escape(m.Target), below)
	}
	body, err := json.Marshal(slackMessage{Channel: m.Channel, Text: sentence, Blocks: []block{
		{Type: "section", Text: &text{"mrkdwn", shorten(sentence)}},
		{Type: "context", Elements: []text{{"mrkdwn", below}}},
	}})
	if err != nil {
		return fmt.Errorf("write the message: %w: %w", err, activities.ErrFinal)
	}
	return post(ctx, s.url, http.Header{"Content-Type": {"application/json; charset=utf-8"}}, body)
}

// escape keeps Slack from reading marks into plain text.
func escape(s string) string {
	return strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;").Replace(s)
}

// shorten keeps a section within the 3,000 characters that Slack takes.
func shorten(s string) string {
	if runes := []rune(s); len(runes) > 3000 {
		return string(runes[:2999]) + "…"
	}
	return s
}

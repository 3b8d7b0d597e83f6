package webhook_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/webhook"
	"bakeoff/rollout"
)

// sent is what Slack got of a message.
func sent(t *testing.T, m activities.Message) (out struct {
	Channel, Text string
	Blocks        []struct {
		Type     string
		Text     struct{ Text string }
		Elements []struct{ Text string }
	}
}) {
	t.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if err := json.NewDecoder(r.Body).Decode(&out); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	w, err := webhook.NewSlack(server.URL + "/services/T/B/secret")
	require.NoError(t, err)
	require.NoError(t, w.Notify(t.Context(), m))
	return out
}

func TestSlack(t *testing.T) {
	m := activities.Message{Channel: "#releases", Notice: rollout.Notice{ID: "notify/x/1-waiting", Target: "production/checkout",
		Text: "errors < 5 & <!channel>", UIURL: "http://ui/run"}}
	out := sent(t, m)
	require.Equal(t, "#releases", out.Channel)
	require.Equal(t, "errors &lt; 5 &amp; &lt;!channel&gt;", out.Text)
	require.Equal(t, out.Text, out.Blocks[0].Text.Text)
	require.Equal(t, "<http://ui/run|production/checkout> · notify/x/1-waiting", out.Blocks[1].Elements[0].Text)

	m.Channel, m.UIURL, m.Text = "@ana", "", strings.Repeat("é", 4000)
	out = sent(t, m)
	require.True(t, strings.HasPrefix(out.Text, "@ana é"))
	require.Len(t, []rune(out.Blocks[0].Text.Text), 3000)
	require.Equal(t, "notify/x/1-waiting", out.Blocks[1].Elements[0].Text)
}

func TestSlackWrongURL(t *testing.T) {
	_, err := webhook.NewSlack("hooks.slack.com/services/T/B/secret")
	require.ErrorContains(t, err, "https://host/path")
	require.NotContains(t, err.Error(), "secret")
}

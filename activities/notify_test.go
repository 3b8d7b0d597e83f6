package activities_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// ear is a sink that keeps what it hears.
type ear struct{ heard []activities.Message }

func (e *ear) Notify(_ context.Context, m activities.Message) error {
	e.heard = append(e.heard, m)
	return nil
}

func TestRecipients(t *testing.T) {
	now := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
	slack, mail, hook := rollout.Recipient{To: "slack", Channel: "#ops"}, rollout.Recipient{To: "email", Channel: "a@b.c"}, rollout.Recipient{To: "webhook"}
	for name, row := range map[string]struct {
		own  []rollout.Notification
		subs []activities.Subscription
		mute []activities.Mute
		want []rollout.Recipient
	}{
		"nobody":            {},
		"the spec's":        {own: []rollout.Notification{{To: "slack", Channel: "#ops"}}, want: []rollout.Recipient{slack}},
		"not of this event": {own: []rollout.Notification{{To: "slack", Events: []rollout.Occasion{"promoted"}}}},
		"each once": {own: []rollout.Notification{{To: "slack", Channel: "#ops"}, {To: "slack", Channel: "#ops", Events: []rollout.Occasion{"waiting"}}},
			subs: []activities.Subscription{{To: "slack", Channel: "#ops"}, {To: "webhook"}}, want: []rollout.Recipient{slack, hook}},
		"by environment and service": {subs: []activities.Subscription{
			{Environments: []string{"production"}, Services: []string{"pay-*", "check*"}, To: "email", Channel: "a@b.c"},
			{Environments: []string{"staging"}, To: "webhook"}, {Services: []string{"pay-*"}, To: "webhook"}}, want: []rollout.Recipient{mail}},
		"muted": {subs: []activities.Subscription{{To: "webhook"}}, mute: []activities.Mute{{Services: []string{"checkout"}}}},
		"muted for another event": {subs: []activities.Subscription{{To: "webhook"}},
			mute: []activities.Mute{{Events: []rollout.Occasion{"promoted"}}}, want: []rollout.Recipient{hook}},
		"muted until a moment ago": {subs: []activities.Subscription{{To: "webhook"}}, mute: []activities.Mute{{Until: now}}, want: []rollout.Recipient{hook}},
		"muted until soon":         {subs: []activities.Subscription{{To: "webhook"}}, mute: []activities.Mute{{Until: now.Add(time.Second)}}},
	} {
		t.Run(name, func(t *testing.T) {
			a := activities.Activities{Now: func() time.Time { return now }, Notifications: activities.Notifications{Subscriptions: row.subs, Mute: row.mute}}
			out, err := a.Recipients(t.Context(), rollout.Telling{To: row.own,
				Notice: rollout.Notice{Event: rollout.OnWaiting, Environment: "production", Service: "checkout"}})
			require.NoError(t, err)
			require.Equal(t, row.want, out.Recipients)
		})
	}
}

func TestNotifyText(t *testing.T) {
	for name, row := range map[string]struct{ template, want string }{
		"of its own":       {"{{.Candidate}}{{with .Until}} until {{.}}{{end}}", "2.5.0"},
		"none":             {"", "the sentence"},
		"one that fails":   {"{{.Until.Year}}", "the sentence (its template fails: template: waiting:1:8"},
		"one with a range": {"{{printf \"%s!\" .Text}}", "the sentence!"},
	} {
		t.Run(name, func(t *testing.T) {
			heard := &ear{}
			n := activities.Notifications{Sinks: map[string]activities.Notifier{"ear": heard}, UI: "http://ui/", Templates: map[rollout.Occasion]string{"waiting": row.template}}
			if row.template == "" {
				n.Templates = nil
			}
			env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
			env.RegisterActivity(&activities.Activities{Notifications: n})
			_, err := env.ExecuteActivity("Notify", activities.NotifyInput{Recipient: rollout.Recipient{To: "ear", Channel: "left"},
				Notice: rollout.Notice{Event: rollout.OnWaiting, Candidate: "2.5.0", Text: "the sentence", WorkflowID: "rollout/a/b", RunID: "r"}})
			require.NoError(t, err)
			require.Contains(t, heard.heard[0].Text, row.want)
			require.Equal(t, "left", heard.heard[0].Channel)
			require.Equal(t, "http://ui/namespaces/default-test-namespace/workflows/rollout%2Fa%2Fb/r/history", heard.heard[0].UIURL)
		})
	}
}

// A sink that is not configured is no reason to give up: it may be tomorrow.
func TestNotifyWithoutSink(t *testing.T) {
	a := activities.Activities{}
	_, err := a.Notify(t.Context(), activities.NotifyInput{Recipient: rollout.Recipient{To: "pager"}})
	require.EqualError(t, err, `tell pager: this worker has no sink "pager"`)
}

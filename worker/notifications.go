package main

import (
	"context"
	"fmt"
	"maps"
	"path"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/activities/email"
	"bakeoff/activities/webhook"
	"bakeoff/rollout"
)

// notificationsConfig is through what people are told, and who is told of what
// besides those whom a spec names.
type notificationsConfig struct {
	Slack   *slackConfig   `json:"slack,omitempty"`
	Webhook *webhookConfig `json:"webhook,omitempty"`
	Email   *emailConfig   `json:"email,omitempty"`
	UI      string         `json:"ui,omitempty"` // address of the Temporal UI, for links

	Subscriptions []activities.Subscription   `json:"subscriptions,omitempty"`
	Mute          []activities.Mute           `json:"mute,omitempty"`
	Templates     map[rollout.Occasion]string `json:"templates,omitempty"` // of the text
}

type slackConfig struct {
	Webhook secretRef `json:"webhook"` // the URL, which is a credential
}

type webhookConfig struct {
	URL    string     `json:"url"`
	Secret *secretRef `json:"secret,omitempty"` // without it nothing is signed
}

type emailConfig struct {
	SMTP     string     `json:"smtp"` // smtp://host:587 or smtps://host:465
	From     string     `json:"from"`
	User     string     `json:"user,omitempty"`
	Password *secretRef `json:"password,omitempty"`
}

// The names of the sinks.
const (
	sinkSlack   = "slack"
	sinkWebhook = "webhook"
	sinkEmail   = "email"
)

func (s *slackConfig) open() (activities.Notifier, error) {
	url, err := s.Webhook.fetch()
	if err != nil {
		return nil, err
	}
	return webhook.NewSlack(url)
}

func (w *webhookConfig) open() (activities.Notifier, error) {
	secret := ""
	if w.Secret != nil {
		var err error
		if secret, err = w.Secret.fetch(); err != nil {
			return nil, err
		}
	}
	return webhook.New(w.URL, secret)
}

func (e *emailConfig) open() (activities.Notifier, error) {
	c := email.Config{SMTP: e.SMTP, From: e.From, User: e.User}
	if (e.User == "") != (e.Password == nil) {
		return nil, fmt.Errorf("user and password belong together")
	}
	if e.Password != nil {
		var err error
		if c.Password, err = e.Password.fetch(); err != nil {
			return nil, err
		}
	}
	return email.New(c)
}

// opened is what becomes of the configuration of one sink.
func opened(open func() (activities.Notifier, error)) activities.Notifier {
	sink, err := open()
	if err != nil {
		return closed{err}
	}
	return sink
}

// closed is a sink whose credential cannot be read any more.
type closed struct{ err error }

// Notify fails, to be tried again.
func (c closed) Notify(context.Context, activities.Message) error { return c.err }

// openers are the sinks that are configured, by name.
func (n *notificationsConfig) openers() map[string]func() (activities.Notifier, error) {
	out := map[string]func() (activities.Notifier, error){}
	if n.Slack != nil {
		out[sinkSlack] = n.Slack.open
	}
	if n.Webhook != nil {
		out[sinkWebhook] = n.Webhook.open
	}
	if n.Email != nil {
		out[sinkEmail] = n.Email.open
	}
	return out
}

// notifications is what the activities need of the configuration.
func (c *config) notifications() activities.Notifications {
	n := c.Notifications
	sinks := map[string]activities.Notifier{}
	for name, open := range n.openers() {
		sinks[name] = opened(open)
	}
	return activities.Notifications{Sinks: sinks, Subscriptions: n.Subscriptions, Mute: n.Mute,
		Templates: n.Templates, Escalation: c.Escalation, UI: n.UI}
}

// validateNotifications says what is wrong with sinks, with who is told, and
// with texts: found out when something happens, it would be too late.
func (c *config) validateNotifications() []rollout.Problem {
	n := &c.Notifications
	v := notificationsCheck{sinks: n.openers()}
	for name, open := range v.sinks {
		if _, err := open(); err != nil {
			v.add("notifications."+name, "%v", err)
		}
	}
	for i, s := range n.Subscriptions {
		at := fmt.Sprintf("notifications.subscriptions[%d]", i)
		v.choice(at, append(slices.Clone(s.Environments), s.Services...), s.Events)
		v.recipient(at, s.To, s.Channel)
	}
	for i, m := range n.Mute {
		v.choice(fmt.Sprintf("notifications.mute[%d]", i), append(slices.Clone(m.Environments), m.Services...), m.Events)
	}
	for event, text := range n.Templates {
		at := "notifications.templates." + string(event)
		v.events(at, []rollout.Occasion{event})
		if _, err := activities.Fill(string(event), text, rollout.Notice{}); err != nil {
			v.add(at, "%v", err)
		}
	}
	v.escalation(c.Escalation)
	return v.problems
}

// notificationsCheck collects problems.
type notificationsCheck struct {
	sinks    map[string]func() (activities.Notifier, error)
	problems []rollout.Problem
}

func (v *notificationsCheck) add(path, format string, args ...any) {
	v.problems = append(v.problems, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (v *notificationsCheck) choice(at string, patterns []string, events []rollout.Occasion) {
	for _, p := range patterns {
		if _, err := path.Match(p, ""); err != nil {
			v.add(at, "%q is not a pattern: * stands for any text", p)
		} else if !rollout.CanMatch(p) {
			v.add(at, rollout.MatchesNothing, p)
		}
	}
	v.events(at+".events", events)
}

func (v *notificationsCheck) events(at string, events []rollout.Occasion) {
	for _, e := range events {
		if !slices.Contains(rollout.Occasions(), e) {
			v.add(at, "nothing is told as %q: known are %s", e, rollout.OccasionNames())
		}
	}
}

func (v *notificationsCheck) recipient(at, to, channel string) {
	if _, found := v.sinks[to]; !found {
		v.add(at+".to", "no sink %q is configured: there are %s", to, strings.Join(slices.Sorted(maps.Keys(v.sinks)), ", "))
	}
	if to == sinkEmail && channel == "" {
		v.add(at+".channel", "is missing: the address of who is told")
	}
}

// escalation holds that rungs follow one another in time.
func (v *notificationsCheck) escalation(ladders map[string][]rollout.Rung) {
	for environment, rungs := range ladders {
		var last rollout.Duration
		for i, rung := range rungs {
			at := fmt.Sprintf("escalation.%s[%d]", environment, i)
			if rung.After <= last {
				v.add(at+".after", "%s is not later than what is before it", rung.After)
			}
			last = rung.After
			v.recipient(at, rung.To, rung.Channel)
			if _, err := activities.Fill("channel", rung.Channel, rollout.Notice{}); err != nil {
				v.add(at+".channel", "%v", err)
			}
		}
	}
}

package activities

import (
	"bytes"
	"context"
	"fmt"
	"net/url"
	"path"
	"slices"
	"strings"
	"text/template"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// Notifications is who is told of what, how, as the worker's configuration says
// at the moment of sending. The zero value tells nobody.
type Notifications struct {
	Sinks         map[string]Notifier
	Subscriptions []Subscription
	Mute          []Mute
	Escalation    map[string][]rollout.Rung   // by environment; "default" serves the others
	Templates     map[rollout.Occasion]string // of the text; an occasion without one has the workflow's sentence
	UI            string                      // address of the Temporal UI, for links; "": none
}

// Subscription tells one recipient of the rollouts that it chooses, without
// their specs saying so.
type Subscription struct {
	Environments []string           `json:"environments,omitempty"` // patterns as of path.Match; empty: all
	Services     []string           `json:"services,omitempty"`     // the same
	To           string             `json:"to"`
	Channel      string             `json:"channel,omitempty"`
	Events       []rollout.Occasion `json:"events,omitempty"` // empty: all
}

// Mute keeps notices from everybody.
type Mute struct {
	Environments []string           `json:"environments,omitempty"` // patterns as of path.Match; empty: all
	Services     []string           `json:"services,omitempty"`     // the same
	Events       []rollout.Occasion `json:"events,omitempty"`       // empty: all
	Until        time.Time          `json:"until,omitzero"`         // zero: as long as it stands there
}

// covers reports whether the patterns choose the notice's rollout.
func covers(environments, services []string, n rollout.Notice) bool {
	return matchesAny(environments, n.Environment) && matchesAny(services, n.Service)
}

// concerns is covers for those who want to be told: what is of every environment, or
// of every service of one, is of those that they choose, too.
func concerns(environments, services []string, n rollout.Notice) bool {
	return (n.Environment == rollout.EveryEnvironment || matchesAny(environments, n.Environment)) &&
		(n.Service == "" || matchesAny(services, n.Service))
}

func matchesAny(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		is, err := path.Match(pattern, name) // the configuration was checked when it was read
		return err == nil && is
	})
}

func (m Mute) silences(n rollout.Notice, now time.Time) bool {
	return covers(m.Environments, m.Services, n) && n.IsFor(m.Events) && (m.Until.IsZero() || now.Before(m.Until))
}

// rungs are those that are configured for an environment.
func (n Notifications) rungs(environment string) []rollout.Rung {
	if rungs, found := n.Escalation[environment]; found {
		return rungs
	}
	return n.Escalation["default"]
}

// ladder is whom a rollout tells, one after another, when something waits that
// the owner answers for: of a rung, Owner is who answers for what waits.
func (n Notifications) ladder(s rollout.Spec, owner string) ([]rollout.Rung, error) {
	var out []rollout.Rung
	for _, rung := range n.rungs(s.Environment) {
		channel, err := Fill("channel", rung.Channel, rollout.Notice{
			Environment: s.Environment, Service: s.Service, Unit: s.Unit, Owner: owner, StepOwner: owner, Candidate: s.Release.Version})
		if err != nil {
			return nil, fmt.Errorf("escalation to %s: %w", rung.To, err)
		}
		rung.Channel = channel
		out = append(out, rung)
	}
	return out, nil
}

// ownerless warns of the rungs that tell an owner, of whom the spec says nothing.
func (n Notifications) ownerless(s rollout.Spec) (warnings []string) {
	for i, rung := range n.rungs(s.Environment) {
		if s.Owner == "" && strings.Contains(rung.Channel, ".Owner") {
			warnings = append(warnings, fmt.Sprintf("owner: rung %d of the escalation tells %s %s, and the spec names no owner: give it one", i+1, rung.To, rung.Channel))
		}
	}
	return warnings
}

// announce writes into the plan that somebody may want to know, and who when
// something waits for long. Who else is told is decided when it happens.
func (n Notifications) announce(p *rollout.Plan) {
	p.Notifies = n.mayTell(p.Spec)
	ladder, err := n.ladder(p.Spec, p.Spec.Owner)
	if err != nil { // the configuration was checked when it was read
		p.Warnings = append(p.Warnings, err.Error())
	}
	p.Escalation, p.EscalatesWaits = ladder, len(ladder) > 0
	n.announceOwners(p)
	p.Warnings = append(p.Warnings, n.ownerless(p.Spec)...)
	for i, one := range p.Spec.Notify {
		if _, found := n.Sinks[one.To]; !found {
			p.Warnings = append(p.Warnings, fmt.Sprintf("notify[%d].to: this worker has no sink %q: until it has, nobody is told there", i, one.To))
		}
	}
}

// announceOwners writes into the plan who is told of what waits at the steps that
// somebody else answers for than for the rollout, where that makes a difference.
func (n Notifications) announceOwners(p *rollout.Plan) {
	for _, owner := range p.Owners() {
		own, err := n.ladder(p.Spec, owner)
		if err != nil || slices.Equal(own, p.Escalation) { // an error was said of the rollout's
			continue
		}
		if p.StepEscalation == nil {
			p.StepEscalation = map[string][]rollout.Rung{}
		}
		p.StepEscalation[owner] = own
	}
}

// announceFleet is announce for the fleet's own plan: its units have theirs.
func (n Notifications) announceFleet(p *rollout.FleetPlan, s rollout.FleetSpec) {
	own := s.Rollout
	own.Environment, own.Service = s.Environment, s.Service
	if s.Owner != "" {
		own.Owner = s.Owner
	}
	p.Notifies = n.mayTell(own)
	ladder, err := n.ladder(own, own.Owner)
	if err != nil { // the configuration was checked when it was read
		p.Warnings = append(p.Warnings, err.Error())
	}
	p.Escalation = ladder
}

// AnnounceInput is the spec of a rollout whose plan cannot be read.
type AnnounceInput struct {
	Spec rollout.Spec `json:"spec"`
}

// AnnounceOutput is what the plan would say of it.
type AnnounceOutput struct {
	Notifies   bool           `json:"notifies,omitempty"`
	Escalation []rollout.Rung `json:"escalation,omitempty"`
}

// Announce says whether anybody may want to know of a rollout, and who is told one
// after another when something waits, by the configuration in force now.
func (a *Activities) Announce(_ context.Context, in AnnounceInput) (AnnounceOutput, error) {
	p := rollout.Plan{Spec: in.Spec}
	a.Notifications.announce(&p)
	return AnnounceOutput{Notifies: p.Notifies, Escalation: p.Escalation}, nil
}

// mayTell reports whether anybody may want to know of a rollout.
func (n Notifications) mayTell(s rollout.Spec) bool { return len(s.Notify) > 0 || len(n.Sinks) > 0 }

// recipients are all who are told of it, each once.
func (n Notifications) recipients(t rollout.Telling, now time.Time) []rollout.Recipient {
	var out []rollout.Recipient
	if slices.ContainsFunc(n.Mute, func(m Mute) bool { return m.silences(t.Notice, now) }) {
		return nil
	}
	add := func(to, channel string) {
		if r := (rollout.Recipient{To: to, Channel: channel}); !slices.Contains(out, r) {
			out = append(out, r)
		}
	}
	for _, one := range t.To {
		if t.Notice.IsFor(one.Events) {
			add(one.To, one.Channel)
		}
	}
	for _, s := range n.Subscriptions {
		if concerns(s.Environments, s.Services, t.Notice) && t.Notice.IsFor(s.Events) {
			add(s.To, s.Channel)
		}
	}
	return out
}

// RecipientsOutput is who is told.
type RecipientsOutput struct {
	Recipients []rollout.Recipient `json:"recipients,omitempty"`
}

// Recipients says who is told of a notice, by the configuration in force now.
func (a *Activities) Recipients(_ context.Context, in rollout.Telling) (RecipientsOutput, error) {
	return RecipientsOutput{Recipients: a.Notifications.recipients(in, a.now())}, nil
}

// NotifyInput is one notice for one recipient.
type NotifyInput struct {
	Notice    rollout.Notice    `json:"notice"`
	Recipient rollout.Recipient `json:"recipient"`
}

// NotifyOutput says what was sent.
type NotifyOutput struct {
	Text string `json:"text"`
}

// Notify sends a notice to one recipient. A sink that is not configured now may
// be at the next try.
func (a *Activities) Notify(ctx context.Context, in NotifyInput) (NotifyOutput, error) {
	n := a.Notifications
	sink, found := n.Sinks[in.Recipient.To]
	if !found {
		return NotifyOutput{}, fmt.Errorf("tell %s: this worker has no sink %q", in.Recipient, in.Recipient.To)
	}
	if n.UI != "" {
		in.Notice.UIURL = strings.TrimRight(n.UI, "/") + "/namespaces/" + url.PathEscape(activity.GetInfo(ctx).Namespace) +
			"/workflows/" + url.PathEscape(in.Notice.WorkflowID) + "/" + url.PathEscape(in.Notice.RunID) + "/history"
	}
	in.Notice.Text = n.text(in.Notice)
	err := sink.Notify(ctx, Message{Notice: in.Notice, Channel: in.Recipient.Channel})
	return NotifyOutput{Text: in.Notice.Text}, asTemporal("tell "+in.Recipient.String(), err)
}

// text is what the template of the occasion makes of the notice. People are told
// also where it makes nothing of it.
func (n Notifications) text(notice rollout.Notice) string {
	given, found := n.Templates[notice.Event]
	if !found {
		return notice.Text
	}
	text, err := Fill(string(notice.Event), given, notice)
	if err != nil {
		return fmt.Sprintf("%s (its template fails: %v)", notice.Text, err)
	}
	return text
}

// Fill fills a Go template with a notice. A field that a notice does not have
// is an error.
func Fill(name, text string, n rollout.Notice) (string, error) {
	parsed, err := template.New(name).Parse(text)
	if err != nil {
		return "", err
	}
	var out bytes.Buffer
	if err := parsed.Execute(&out, n); err != nil {
		return "", err
	}
	return out.String(), nil
}

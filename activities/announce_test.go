package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// TestAnnounce holds what the plan says of who is told.
func TestAnnounce(t *testing.T) {
	sink := map[string]Notifier{"slack": nil}
	rung := rollout.Rung{After: rollout.Duration(time.Minute), To: "slack", Channel: "@{{.Owner}}"}
	own := rung
	own.Channel = "@team"
	for name, row := range map[string]struct {
		notifications Notifications
		notify        []rollout.Notification
		ownerless     bool
		notifies      bool
		ladder        []rollout.Rung
		warnings      []string
	}{
		"nobody":           {},
		"a sink is enough": {notifications: Notifications{Sinks: sink}, notifies: true},
		"a spec's sink":    {notifications: Notifications{Sinks: sink}, notify: []rollout.Notification{{To: "slack"}}, notifies: true},
		"a sink that is not there": {notifications: Notifications{Sinks: sink}, notify: []rollout.Notification{{To: "slack"}, {To: "pager"}}, notifies: true,
			warnings: []string{`notify[1].to: this worker has no sink "pager": until it has, nobody is told there`}},
		"no sink at all": {notify: []rollout.Notification{{To: "slack"}}, notifies: true,
			warnings: []string{`notify[0].to: this worker has no sink "slack": until it has, nobody is told there`}},
		"its environment's ladder": {notifications: Notifications{Sinks: sink, Escalation: map[string][]rollout.Rung{"production": {rung}, "default": {rung, rung}}},
			notifies: true, ladder: []rollout.Rung{own}},
		"the default ladder": {notifications: Notifications{Sinks: sink, Escalation: map[string][]rollout.Rung{"default": {rung, rung}}},
			notifies: true, ladder: []rollout.Rung{own, own}},
		"a rung for an owner whom nobody named": {notifications: Notifications{Sinks: sink, Escalation: map[string][]rollout.Rung{"production": {rung, {To: "slack", Channel: "#ops"}}}},
			ownerless: true, notifies: true, ladder: []rollout.Rung{{After: rung.After, To: "slack", Channel: "@"}, {To: "slack", Channel: "#ops"}},
			warnings: []string{"owner: rung 1 of the escalation tells slack @{{.Owner}}, and the spec names no owner: give it one"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := rollout.Plan{Spec: rollout.Spec{Environment: "production", Owner: "team", Notify: row.notify}}
			if row.ownerless {
				p.Spec.Owner = ""
			}
			row.notifications.announce(&p)
			require.Equal(t, row.notifies, p.Notifies)
			require.Equal(t, row.ladder, p.Escalation)
			require.Equal(t, row.warnings, p.Warnings)
			require.Empty(t, p.StepEscalation, "everything is the team's")
		})
	}
}

// A rung that names the owner tells the owner of what waits.
func TestAnnounceStepOwners(t *testing.T) {
	owner, backup := rollout.Rung{To: "slack", Channel: "@{{.Owner}}"}, rollout.Rung{To: "slack", Channel: "backup"}
	p := rollout.Plan{Spec: rollout.Spec{Environment: "production", Owner: "team"}, PromoteOwner: "product",
		Steps: []rollout.PlannedStep{{Owner: "web"}, {Owner: "team"}, {Owner: "web"}}}
	both := func(who string) []rollout.Rung { return []rollout.Rung{{To: "slack", Channel: who}, backup} }

	Notifications{Escalation: map[string][]rollout.Rung{"default": {owner, backup}}}.announce(&p)
	require.Equal(t, both("@team"), p.Escalation)
	require.Equal(t, map[string][]rollout.Rung{"web": both("@web"), "product": both("@product")}, p.StepEscalation)

	p.StepEscalation = nil
	Notifications{Escalation: map[string][]rollout.Rung{"default": {backup}}}.announce(&p)
	require.Empty(t, p.StepEscalation, "no rung names the owner")
}

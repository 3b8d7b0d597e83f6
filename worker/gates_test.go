package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A calendar is that of the configuration in force. Who is excepted is so under
// every name, as they are wherever roles decide.
func TestCalendar(t *testing.T) {
	l := loaded(t, `
roles: {on-call: [cy@example.com, dora@laptop]}
members: {cy@example.com: {aliases: [cy@laptop]}, dora@example.com: {aliases: [dora@laptop]}}
freeze:
  - {name: weekends, environments: [production], rrule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0;BYSECOND=0", duration: 64h, zone: Europe/Berlin, except: [on-call]}
  - {name: year end, environments: [production], from: 2026-12-20T00:00:00Z, to: 2027-01-02T00:00:00Z, exposure: finishStep}
`)
	saturday := time.Date(2026, time.November, 21, 12, 0, 0, 0, time.UTC)
	q := rollout.Question{Target: rollout.Target{Environment: "production", Service: "checkout"}, Action: rollout.ActionStart, Actor: "ana@example.com"}
	require.Len(t, calendar{l}.Frozen(q, saturday), 1)
	begin, name, found := calendar{l}.Next(q, saturday)
	require.True(t, found)
	require.Equal(t, "weekends", name)
	require.Equal(t, saturday.AddDate(0, 0, 6).Add(3*time.Hour), begin.UTC())

	for _, q.Actor = range []string{"cy@example.com", "CY@laptop", "dora@laptop", " dora@example.com"} {
		require.Empty(t, calendar{l}.Frozen(q, saturday), q.Actor)
	}
	require.Empty(t, calendar{loaded(t, "")}.Frozen(q, saturday), "without a calendar nothing is frozen")
}

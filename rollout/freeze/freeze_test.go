package freeze_test

import (
	"fmt"
	"runtime"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/rollout/freeze"
)

func at(t *testing.T, text string) time.Time {
	t.Helper()
	moment, err := time.Parse(time.RFC3339, text)
	require.NoError(t, err)
	return moment
}

func hours(n float64) rollout.Duration { return rollout.Duration(n * float64(time.Hour)) }

// has knows one person, under two names.
func has(roles []string, actor string) bool {
	return slices.Contains(roles, "on-call") && (actor == "cy@example.com" || actor == "cy@laptop")
}

func calendar(t *testing.T, windows ...freeze.Window) *freeze.Calendar {
	t.Helper()
	c, problems := freeze.New(windows, has, at(t, "2026-01-01T00:00:00Z"))
	require.Empty(t, problems)
	return c
}

// step asks whether a step of the checkout in production may be taken.
var step = rollout.Question{Target: rollout.Target{Environment: "production", Service: "checkout"}, Action: rollout.ActionStep, Actor: "ana@example.com"}

var weekends = freeze.Window{Name: "weekends", Environments: []string{"production"}, Zone: "Europe/Berlin",
	RRule: "FREQ=WEEKLY;BYDAY=FR;BYHOUR=16;BYMINUTE=0;BYSECOND=0", Duration: hours(64)}

var yearEnd = freeze.Window{Name: "year end", From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z", Exposure: rollout.ExposureFinishStep}

func TestFrozen(t *testing.T) {
	asked := func(change func(*rollout.Question)) rollout.Question { q := step; change(&q); return q }
	berlin := func(rule string, length rollout.Duration) freeze.Window {
		return freeze.Window{Name: "w", Zone: "Europe/Berlin", RRule: rule, Duration: length}
	}
	office := freeze.Window{Name: "office hours", Kind: freeze.Allow, Zone: "Europe/Berlin", RRule: "FREQ=WEEKLY;BYDAY=MO,TU,WE,TH;BYHOUR=9", Duration: hours(8)}
	tests := []struct {
		name    string
		windows []freeze.Window
		q       rollout.Question
		now     string
		until   string // "": open
	}{
		{"before it begins", []freeze.Window{weekends}, step, "2026-11-20T14:59:59Z", ""},
		{"its first moment", []freeze.Window{weekends}, step, "2026-11-20T15:00:00Z", "2026-11-23T07:00:00Z"},
		{"its last moment", []freeze.Window{weekends}, step, "2026-11-23T06:59:59Z", "2026-11-23T07:00:00Z"},
		{"its end is outside", []freeze.Window{weekends}, step, "2026-11-23T07:00:00Z", ""},
		{"summer time comes: elapsed time counts", []freeze.Window{weekends}, step, "2026-03-28T12:00:00Z", "2026-03-30T07:00:00Z"},
		{"winter time comes: elapsed time counts", []freeze.Window{weekends}, step, "2026-10-24T12:00:00Z", "2026-10-26T06:00:00Z"},
		{"another environment", []freeze.Window{weekends}, asked(func(q *rollout.Question) { q.Target.Environment = "staging" }), "2026-11-21T12:00:00Z", ""},
		{"services by a pattern", []freeze.Window{{Name: "w", Environments: []string{"prod*"}, Services: []string{"cart", "check*"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}}, step, "2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z"},
		{"services by another pattern", []freeze.Window{{Name: "w", Services: []string{"*cart"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}}, step, "2026-01-15T00:00:00Z", ""},
		{"another service", []freeze.Window{{Name: "w", Services: []string{"cart"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}}, step, "2026-01-15T00:00:00Z", ""},
		{"another action", []freeze.Window{{Name: "w", Actions: []string{"start"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}}, step, "2026-01-15T00:00:00Z", ""},
		{"a bake is part of steps", []freeze.Window{{Name: "w", Actions: []string{"step"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}},
			asked(func(q *rollout.Question) { q.Action = rollout.ActionBake }), "2026-01-15T00:00:00Z", "2026-02-01T00:00:00Z"},
		{"who is exempt", []freeze.Window{{Name: "w", Except: []string{"on-call"}, From: "2026-01-01T00:00:00Z", To: "2026-02-01T00:00:00Z"}},
			asked(func(q *rollout.Question) { q.Actor = "cy@laptop" }), "2026-01-15T00:00:00Z", ""},
		{"a beginning that spring skips comes as much later", []freeze.Window{berlin("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", hours(1))}, step, "2026-03-29T01:45:00Z", "2026-03-29T02:30:00Z"},
		{"and not before", []freeze.Window{berlin("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", hours(1))}, step, "2026-03-29T01:29:00Z", ""},
		{"a beginning that autumn repeats comes the first time", []freeze.Window{berlin("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", hours(0.5))}, step, "2026-10-25T00:40:00Z", "2026-10-25T01:00:00Z"},
		{"and not the second", []freeze.Window{berlin("FREQ=DAILY;BYHOUR=2;BYMINUTE=30", hours(0.5))}, step, "2026-10-25T01:40:00Z", ""},
		{"overlapping: the last end counts", []freeze.Window{weekends, {Name: "w", From: "2026-11-21T00:00:00Z", To: "2026-11-24T00:00:00Z"}}, step, "2026-11-21T12:00:00Z", "2026-11-24T00:00:00Z"},
		{"occurrences that touch are one", []freeze.Window{berlin("FREQ=DAILY;BYDAY=SA,SU", hours(24))}, step, "2026-11-21T12:00:00Z", "2026-11-22T23:00:00Z"},
		{"every other week, counted from a start", []freeze.Window{{Name: "w", Start: "2026-01-05T00:00", RRule: "FREQ=WEEKLY;INTERVAL=2", Duration: hours(24)}}, step, "2026-01-12T12:00:00Z", ""},
		{"and in the next", []freeze.Window{{Name: "w", Start: "2026-01-05T00:00", RRule: "FREQ=WEEKLY;INTERVAL=2", Duration: hours(24)}}, step, "2026-01-19T12:00:00Z", "2026-01-20T00:00:00Z"},
		{"until a moment", []freeze.Window{{Name: "w", RRule: "FREQ=DAILY;BYHOUR=9;UNTIL=20260601T090000Z", Duration: hours(1)}}, step, "2026-06-02T09:30:00Z", ""},
		{"within what is allowed", []freeze.Window{office}, step, "2026-11-19T10:00:00Z", ""},
		{"outside of what is allowed", []freeze.Window{office}, step, "2026-11-20T10:00:00Z", "2026-11-23T08:00:00Z"},
		{"allowed twice is allowed", []freeze.Window{office, {Name: "once", Kind: freeze.Allow, From: "2026-11-20T00:00:00Z", To: "2026-11-21T00:00:00Z"}}, step, "2026-11-20T10:00:00Z", ""},
		{"deny wins over allow", []freeze.Window{office, {Name: "w", From: "2026-11-19T00:00:00Z", To: "2026-11-19T12:00:00Z"}}, step, "2026-11-19T10:00:00Z", "2026-11-19T12:00:00Z"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			got := rollout.Merge(calendar(t, tt.windows...).Frozen(tt.q, at(t, tt.now)), nil)
			if tt.until == "" {
				require.Nil(t, got)
				return
			}
			require.NotNil(t, got)
			require.Equal(t, tt.until, got.Until.UTC().Format(time.RFC3339), got.Reason)
		})
	}
}

// A moment is told to the second: who comes back a little too early waits again.
func TestReasonWithSeconds(t *testing.T) {
	c := calendar(t, freeze.Window{Name: "w", From: "2026-11-22T07:00:00Z", To: "2026-11-22T07:43:26Z"})
	require.Equal(t, `freeze "w" until Sun 2026-11-22 07:43:26 UTC`, c.Frozen(step, at(t, "2026-11-22T07:30:00Z"))[0].Reason)
}

func TestReason(t *testing.T) {
	c := calendar(t, weekends, yearEnd)
	got := rollout.Merge(c.Frozen(step, at(t, "2026-12-26T12:00:00Z")), nil)
	require.Equal(t, `freeze "weekends" until Mon 2026-12-28 08:00 CET; freeze "year end" until Sat 2027-01-02 00:00 UTC`, got.Reason)
	require.Equal(t, rollout.ExposureHold, got.Exposure, "the strictest")
	require.Equal(t, []string{"freeze/weekends@2026-12-25T15:00:00Z", "freeze/year end@2026-12-20T00:00:00Z"}, got.Keys)
	passed := rollout.Merge(c.Frozen(step, at(t, "2026-12-26T12:00:00Z")), got.Keys)
	require.Nil(t, passed, "what was overridden is open")
	require.NotNil(t, rollout.Merge(c.Frozen(step, at(t, "2027-01-01T16:00:00Z")), got.Keys), "another occurrence is not")
}

func TestNext(t *testing.T) {
	elsewhere := freeze.Window{Name: "elsewhere", Environments: []string{"staging"}, From: "2026-12-17T13:00:00Z", To: "2026-12-17T14:00:00Z"}
	begin, name, found := calendar(t, elsewhere, weekends, yearEnd).Next(step, at(t, "2026-12-17T12:00:00Z"))
	require.True(t, found)
	require.Equal(t, "weekends", name)
	require.Equal(t, at(t, "2026-12-18T15:00:00Z"), begin.UTC())
	_, _, found = calendar(t, yearEnd).Next(step, at(t, "2027-01-17T12:00:00Z"))
	require.False(t, found)
}

func TestWrongWindows(t *testing.T) {
	tests := []struct {
		name   string
		window freeze.Window
		path   string
		want   string
	}{
		{"no name", freeze.Window{From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "name", "needs a name"},
		{"no time", freeze.Window{Name: "w"}, "rrule", "say when"},
		{"from without to", freeze.Window{Name: "w", From: "2026-12-20T00:00:00Z"}, "to", "is not a time"},
		{"to without from", freeze.Window{Name: "w", To: "2026-12-20T00:00:00Z"}, "from", "is not a time"},
		{"to before from", freeze.Window{Name: "w", From: "2027-01-02T00:00:00Z", To: "2026-12-20T00:00:00Z"}, "to", "is not after"},
		{"both", freeze.Window{Name: "w", From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z", RRule: "FREQ=DAILY"}, "rrule", "not both"},
		{"zone of a stretch", freeze.Window{Name: "w", From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z", Zone: "Europe/Berlin"}, "zone", "leave zone out"},
		{"no offset", freeze.Window{Name: "w", From: "2026-10-25T02:30:00", To: "2027-01-02T00:00:00Z"}, "from", `"2026-10-25T02:30:00" has no offset: write it as 2026-10-25T02:30:00Z or, for another zone, 2026-10-25T02:30:00+01:00`},
		{"no moment", freeze.Window{Name: "w", From: "christmas", To: "2027-01-02T00:00:00Z"}, "from", `"christmas" is not a time`},
		{"zone", freeze.Window{Name: "w", RRule: "FREQ=DAILY", Duration: hours(1), Zone: "Europe/Atlantis"}, "zone", "not a time zone"},
		{"rule", freeze.Window{Name: "w", RRule: "every friday", Duration: hours(1)}, "rrule", "FREQ=WEEKLY"},
		{"no duration", freeze.Window{Name: "w", RRule: "FREQ=DAILY"}, "duration", "how long"},
		{"less than no duration", freeze.Window{Name: "w", RRule: "FREQ=DAILY", Duration: -hours(1)}, "duration", "how long"},
		{"never", freeze.Window{Name: "w", RRule: "FREQ=YEARLY;BYMONTH=2;BYMONTHDAY=30", Duration: hours(1)}, "rrule", "does not occur"},
		{"over", freeze.Window{Name: "w", RRule: "FREQ=DAILY;UNTIL=20200101T000000Z", Duration: hours(1)}, "rrule", "does not occur"},
		{"always", freeze.Window{Name: "w", RRule: "FREQ=DAILY", Duration: hours(24)}, "duration", "never ends"},
		{"a week without a day", freeze.Window{Name: "w", RRule: "FREQ=WEEKLY", Duration: hours(1)}, "rrule", "on which day"},
		{"a year without a month", freeze.Window{Name: "w", RRule: "FREQ=YEARLY;BYMONTHDAY=3", Duration: hours(1)}, "rrule", "in which month"},
		{"an interval from nowhere", freeze.Window{Name: "w", RRule: "FREQ=WEEKLY;INTERVAL=2;BYDAY=MO", Duration: hours(1)}, "rrule", "need `start`"},
		{"start", freeze.Window{Name: "w", RRule: "FREQ=WEEKLY", Start: "monday", Duration: hours(1)}, "start", "not a time of the clock"},
		{"DTSTART", freeze.Window{Name: "w", RRule: "DTSTART=20260101T000000Z;FREQ=WEEKLY;BYDAY=MO", Duration: hours(1)}, "rrule", "`start`"},
		{"until a day", freeze.Window{Name: "w", RRule: "FREQ=DAILY;UNTIL=20270101", Duration: hours(1)}, "rrule", "UNTIL needs a time"},
		{"every minute", freeze.Window{Name: "w", RRule: "FREQ=MINUTELY", Duration: hours(1)}, "rrule", "hourly"},
		{"exposure", freeze.Window{Name: "w", Exposure: "stay", From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "exposure", "hold, finishStep, rollback"},
		{"kind", freeze.Window{Name: "w", Kind: "maybe", From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "kind", "deny, allow"},
		{"none of them", freeze.Window{Name: "w", Environments: []string{}, From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "environments", "matches nothing: leave it out for all"},
		{"pattern", freeze.Window{Name: "w", Services: []string{"cart", "froz["}, From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "services[1]", "is not a pattern"},
		{"action", freeze.Window{Name: "w", Actions: []string{"raise"}, From: "2026-12-20T00:00:00Z", To: "2027-01-02T00:00:00Z"}, "actions[0]", "start, step, promote"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := freeze.New([]freeze.Window{tt.window}, has, at(t, "2026-06-01T00:00:00Z"))
			require.Len(t, problems, 1)
			require.Equal(t, "[0]."+tt.path, problems[0].Path, problems[0].Message)
			require.Contains(t, problems[0].Message, tt.want)
		})
	}
	_, problems := freeze.New([]freeze.Window{yearEnd, yearEnd}, has, at(t, "2026-06-01T00:00:00Z"))
	require.Equal(t, "[1].name", problems[0].Path)
}

// many is a year of rules: every day, at another time each.
func many(n int) []freeze.Window {
	var windows []freeze.Window
	for i := range n {
		windows = append(windows, freeze.Window{Name: fmt.Sprint(i), Zone: "America/New_York", Duration: hours(0.1),
			RRule: fmt.Sprintf("FREQ=DAILY;BYHOUR=%d;BYMINUTE=%d", i%24, i%60)})
	}
	return windows
}

// 200 rules are checked in less than 5 ms, from many goroutines at once.
func TestQuick(t *testing.T) {
	c := calendar(t, many(200)...)
	now := at(t, "2026-01-01T00:00:00Z")
	begun := time.Now()
	var all sync.WaitGroup
	for range 4 {
		all.Go(func() {
			for i := range 100 {
				c.Frozen(step, now.Add(time.Duration(i)*time.Hour))
			}
		})
	}
	all.Wait()
	require.Less(t, time.Since(begun)/400, 5*time.Millisecond)
}

// When half of the year is over, no question waits for all of the next one.
func TestTheNextYearComesPiecemeal(t *testing.T) {
	begun := at(t, "2026-01-01T00:00:00Z")
	c := calendar(t, many(200)...)
	c.Frozen(step, begun)
	works := func(what func()) uint64 { // in allocations: time differs
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		what()
		runtime.ReadMemStats(&after)
		return after.Mallocs - before.Mallocs
	}
	one := works(func() { c.Frozen(step, begun.Add(200*24*time.Hour)) })
	all := works(func() { c.Frozen(step, begun.Add(600*24*time.Hour)) })
	require.Less(t, one, all/50)
}

func BenchmarkFrozen(b *testing.B) {
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	c, problems := freeze.New(many(200), has, now)
	require.Empty(b, problems)
	for i := 0; b.Loop(); i++ {
		c.Frozen(step, now.Add(time.Duration(i%4000)*time.Hour))
	}
}

func BenchmarkYear(b *testing.B) {
	now := time.Date(2026, time.January, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		freeze.New(many(200), has, now)
	}
}

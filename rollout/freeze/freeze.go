// Package freeze holds the calendar of a worker: in which stretches of time
// rollouts stay where they are. Windows are what a person writes, New makes a
// Calendar of them, and Frozen is the question that gates ask.
package freeze

import (
	"fmt"
	"path"
	"slices"
	"strings"
	"sync"
	"time"

	"bakeoff/rollout"
)

// Kinds of windows.
const (
	Deny  = "deny"  // nothing goes on inside
	Allow = "allow" // nothing goes on outside of all of them
)

// Window is one entry of a calendar: a rule with a duration, or one stretch of
// time. Empty lists concern all.
type Window struct {
	Name         string   `json:"name"`
	Kind         string   `json:"kind,omitempty"`         // deny (default) | allow
	Environments []string `json:"environments,omitempty"` // patterns as of path.Match
	Services     []string `json:"services,omitempty"`     // the same
	Actions      []string `json:"actions,omitempty"`      // start, step, promote; a rollout that runs is concerned by those for step
	Except       []string `json:"except,omitempty"`       // roles whose rollouts are not concerned
	Exposure     string   `json:"exposure,omitempty"`     // hold (default) | finishStep | rollback

	RRule    string           `json:"rrule,omitempty"`    // RFC 5545, without DTSTART
	Start    string           `json:"start,omitempty"`    // of the rule, in its zone: 2026-01-05T16:00; needed where it counts
	Duration rollout.Duration `json:"duration,omitempty"` // of each occurrence, as time passes: an hour lost to summer time is not given back
	Zone     string           `json:"zone,omitempty"`     // IANA name; default UTC

	From string `json:"from,omitempty"` // RFC 3339
	To   string `json:"to,omitempty"`   // RFC 3339
}

// Calendar answers whether a target is frozen. Safe for concurrent use.
type Calendar struct {
	windows []*window
	has     func(roles []string, actor string) bool
}

// span is a stretch of time, [from, to).
type span struct{ from, to time.Time }

// window is a Window that has been understood. Spans are worked out for a year
// at a time, so that an answer is a search.
type window struct {
	Window
	rule *rule // nil: one stretch

	mu    sync.Mutex
	known span   // where spans are complete
	spans []span // in order, apart from each other
}

// New understands the windows. Has reports whether somebody has one of the roles,
// whatever name they come under. What is wrong is told with the path below the
// list: "[0].rrule".
func New(windows []Window, has func(roles []string, actor string) bool, now time.Time) (*Calendar, []rollout.Problem) {
	c := &Calendar{has: has}
	var problems []rollout.Problem
	for i, given := range windows {
		w, wrong := understand(given, now)
		if slices.ContainsFunc(windows[:i], func(other Window) bool { return other.Name == given.Name }) {
			wrong = append(wrong, rollout.Problem{Path: "name", Message: fmt.Sprintf("two windows are called %q", given.Name)})
		}
		for _, p := range wrong {
			p.Path = fmt.Sprintf("[%d].%s", i, p.Path)
			problems = append(problems, p)
		}
		if len(wrong) == 0 {
			c.windows = append(c.windows, w)
		}
	}
	return c, problems
}

// Frozen lists what closes a target at a moment: each window that denies, and
// one closure where there are windows that allow and none of them is open. A
// window that denies wins over one that allows.
func (c *Calendar) Frozen(q rollout.Question, now time.Time) []rollout.Closure {
	if c == nil {
		return nil
	}
	c.renewOne(now)
	var closures []rollout.Closure
	var outside []*window
	inside := false
	for _, w := range c.windows {
		if !c.concerns(w, q) {
			continue
		}
		current, open := w.at(now)
		switch {
		case w.Kind == Allow:
			inside, outside = inside || open, append(outside, w)
		case open:
			closures = append(closures, w.closure(current))
		}
	}
	if len(outside) > 0 && !inside {
		closures = append(closures, waiting(outside, now))
	}
	return closures
}

// renewOne works out another year for one of the windows of which less than half
// a year is left. One for each question, so that none waits for all of them.
func (c *Calendar) renewOne(now time.Time) {
	for _, w := range c.windows {
		if w.renew(now, year/2) {
			return
		}
	}
}

// Next is the freeze that will close a target soonest after a moment at which it
// is open; found is false where none is known within a year.
func (c *Calendar) Next(q rollout.Question, now time.Time) (begin time.Time, name string, found bool) {
	if c == nil {
		return begin, "", false
	}
	for _, w := range c.windows {
		if w.Kind == Allow || !c.concerns(w, q) {
			continue
		}
		if next, there := w.after(now); there && (!found || next.Before(begin)) {
			begin, name, found = next, w.Name, true
		}
	}
	return begin, name, found
}

// closure is the window's, while the span lasts.
func (w *window) closure(s span) rollout.Closure {
	return rollout.Closure{
		Gate: rollout.GateFreeze, Name: w.Name, Until: &s.to, Exposure: w.Exposure,
		Reason: fmt.Sprintf("freeze %q until %s", w.Name, w.clock(s.to)),
		Keys:   []string{fmt.Sprintf("freeze/%s@%s", w.Name, s.from.UTC().Format(time.RFC3339))},
	}
}

// waiting is the closure outside of windows that allow: it ends with the
// beginning of the first of them.
func waiting(outside []*window, now time.Time) rollout.Closure {
	var all []rollout.Closure
	var names []string
	var first *time.Time
	zone := outside[0]
	for _, w := range outside {
		names = append(names, fmt.Sprintf("%q", w.Name))
		all = append(all, rollout.Closure{Exposure: w.Exposure})
		if next, there := w.after(now); there && (first == nil || next.Before(*first)) {
			first, zone = &next, w
		}
	}
	name := strings.Join(names, ", ")
	c := rollout.Closure{Gate: rollout.GateFreeze, Name: "outside of " + name, Until: first, Exposure: rollout.Merge(all, nil).Exposure,
		Reason: fmt.Sprintf("outside of %s, which is not expected to come again", name), Keys: []string{"freeze/outside of " + name}}
	if first != nil {
		c.Reason = fmt.Sprintf("outside of %s until %s", name, zone.clock(*first))
		c.Keys[0] += "@" + first.UTC().Format(time.RFC3339)
	}
	return c
}

// clock writes a moment in the window's zone.
func (w *window) clock(t time.Time) string {
	if w.rule != nil {
		t = t.In(w.rule.zone)
	} else {
		t = t.UTC()
	}
	return t.Format("Mon ") + rollout.Clock(t)
}

// concerns reports whether a window is about the question. Going on at a weight is
// part of taking steps.
func (c *Calendar) concerns(w *window, q rollout.Question) bool {
	action := q.Action
	if action == rollout.ActionBake {
		action = rollout.ActionStep
	}
	return among(w.Environments, q.Target.Environment) && among(w.Services, q.Target.Service) && among(w.Actions, action) &&
		!(len(w.Except) > 0 && c.has(w.Except, q.Actor))
}

// among reports whether one of the patterns chooses a name; without any all do.
func among(patterns []string, name string) bool {
	return len(patterns) == 0 || slices.ContainsFunc(patterns, func(pattern string) bool {
		is, err := path.Match(pattern, name) // patterns were checked when they were read
		return err == nil && is
	})
}

// at is the window's span around a moment, if there is one.
func (w *window) at(now time.Time) (span, bool) {
	spans := w.around(now)
	i, _ := slices.BinarySearchFunc(spans, now, func(s span, t time.Time) int {
		if s.to.After(t) {
			return 1
		}
		return -1
	})
	if i < len(spans) && !spans[i].from.After(now) {
		return spans[i], true
	}
	return span{}, false
}

// after is the next beginning after a moment.
func (w *window) after(now time.Time) (time.Time, bool) {
	for _, s := range w.around(now) {
		if s.from.After(now) {
			return s.from, true
		}
	}
	return time.Time{}, false
}

const year = 366 * 24 * time.Hour

// around returns spans that are complete from the moment to a year after it, at
// least to a quarter of one.
func (w *window) around(now time.Time) []span {
	w.renew(now, year/4)
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.spans
}

// renew works out the spans of a year where less than so much of it is left, and
// reports whether it was.
func (w *window) renew(now time.Time, left time.Duration) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.rule == nil || !now.Before(w.known.from) && !now.Add(left).After(w.known.to) {
		return false
	}
	w.known = span{now, now.Add(year)}
	w.spans = w.rule.spans(w.known, w.Duration.Std())
	return true
}

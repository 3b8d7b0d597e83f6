package main

import (
	"fmt"
	"slices"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/freeze"
)

// freezes is the calendar of the configuration, nil where it has none, and what
// is wrong with it.
func (c *config) freezes() (*freeze.Calendar, []rollout.Problem) {
	if len(c.Freeze) == 0 {
		return nil, nil
	}
	calendar, problems := freeze.New(c.Freeze, c.members, time.Now())
	for i := range problems {
		problems[i].Path = "freeze" + problems[i].Path
	}
	for i, w := range c.Freeze {
		for j, role := range w.Except {
			if _, known := c.Roles[role]; !known {
				problems = append(problems, rollout.Problem{Path: fmt.Sprintf("freeze[%d].except[%d]", i, j), Message: fmt.Sprintf("no such role: %q", role)})
			}
		}
	}
	return calendar, problems
}

// members are those of all of the roles.
func (c *config) members(roles []string) []string {
	var out []string
	for _, role := range roles {
		out = append(out, c.Roles[role]...)
	}
	return slices.Clip(out)
}

// calendar is that of the configuration in force at the moment of the question.
type calendar struct{ live *live }

var _ activities.Calendar = calendar{}

// Frozen implements [activities.Calendar].
func (c calendar) Frozen(q rollout.Question, now time.Time) []rollout.Closure {
	return c.live.config().calendar.Frozen(q, now)
}

// Next implements [activities.Calendar].
func (c calendar) Next(q rollout.Question, now time.Time) (time.Time, string, bool) {
	return c.live.config().calendar.Next(q, now)
}

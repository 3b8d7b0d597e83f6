package main

import (
	"fmt"
	"time"

	"bakeoff/activities"
	"bakeoff/activities/selector"
	"bakeoff/rollout"
	"bakeoff/rollout/freeze"
)

// freezes is the calendar of the configuration, nil where it has none, and what
// is wrong with it.
func (c *config) freezes() (*freeze.Calendar, []rollout.Problem) {
	if len(c.Freeze) == 0 {
		return nil, nil
	}
	calendar, problems := freeze.New(c.Freeze, c.rules().Has, time.Now())
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

// validateBudgets says what is wrong with the error budgets.
func (c *config) validateBudgets() []rollout.Problem {
	var out []rollout.Problem
	for name, b := range c.ErrorBudgets {
		path := "errorBudgets." + name
		if t, err := rollout.ParseTarget(name); err != nil || t.Unit != "" {
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf("%q is not a service: write environment/service; its units share it", name)})
		}
		for _, p := range b.Validate() {
			out = append(out, rollout.Problem{Path: path + "." + p.Path, Message: p.Message})
		}
		for field, text := range map[string]string{"failures": b.Failures, "requests": b.Requests} {
			if _, err := selector.Parse(text); err != nil && text != "" {
				out = append(out, rollout.Problem{Path: path + "." + field, Message: err.Error()})
			}
		}
	}
	return out
}

// budgets are those of the configuration in force at the moment of the question.
type budgets struct{ live *live }

var _ activities.Budgets = budgets{}

// Budget implements [activities.Budgets].
func (b budgets) Budget(t rollout.Target) *rollout.ErrorBudget {
	found, there := b.live.config().ErrorBudgets[t.Environment+"/"+t.Service]
	if !there {
		return nil
	}
	found = found.WithDefaults()
	return &found
}

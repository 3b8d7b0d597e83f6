package demo

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// event is the part of a line of history that the demonstration tells of.
type event struct {
	Kind string
	Step int
	Time time.Time
	Data struct {
		Weight, Unit                         string
		Answer, Statement, Signature, Signer string // of a command
		Verified                             bool
	}
}

// history is the audit story of a rollout or a fleet: of this run, "" is the
// last one.
func (c cli) history(ctx context.Context, target, run string) ([]event, error) {
	args := []string{"history", target, "-o", "json"}
	if run != "" {
		args = append(args, "--run", run)
	}
	out, code, err := c.Call(ctx, func(string) {}, args...)
	if err == nil && code != 0 {
		err = fmt.Errorf("bakeoff history %s exits %d", target, code)
	}
	if err != nil {
		return nil, err
	}
	return parseHistory(out)
}

// parseHistory reads one JSON object a line.
func parseHistory(text []byte) ([]event, error) {
	var events []event
	var errs []error
	for line := range bytes.Lines(text) {
		var e event
		errs = append(errs, json.Unmarshal(line, &e))
		events = append(events, e)
	}
	return events, errors.Join(errs...)
}

// reached is the highest weight that the rollout was observed at.
func (c chapter) reached() string {
	best, most := "0%", 0.0
	for _, e := range c.story {
		if e.Kind != "WeightObserved" {
			continue
		}
		if w, err := strconv.ParseFloat(strings.TrimSuffix(e.Data.Weight, "%"), 64); err == nil && w > most {
			best, most = e.Data.Weight, w
		}
	}
	return best
}

// baked is a step that was passed: its weight, and how long it was in force.
type baked struct {
	weight string
	took   time.Duration
}

// bakes are the steps that were passed.
func bakes(story []event) []baked {
	var passed []baked
	raised := map[int]event{}
	for _, e := range story {
		switch e.Kind {
		case "WeightObserved":
			raised[e.Step] = e
		case "StepPassed":
			at := raised[e.Step]
			passed = append(passed, baked{at.Data.Weight, e.Time.Sub(at.Time)})
		}
	}
	return passed
}

// early says how long the steps were to bake and how long they did; "" where
// they had to bake to the end.
func (c chapter) early() string {
	if c.bake == "" {
		return ""
	}
	var steps []string
	for _, b := range bakes(c.story) {
		steps = append(steps, fmt.Sprintf("at %s after %s of a bake of %s", b.weight, brief(b.took), c.bake))
	}
	return "proved " + strings.Join(steps, ", ")
}

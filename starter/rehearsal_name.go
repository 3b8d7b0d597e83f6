package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"regexp"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// practiceTypes is the visibility query for rehearsals and suites.
const practiceTypes = "WorkflowType IN ('" + rehearsal.WorkflowType + "', '" + rehearsal.SuiteType + "')"

// suitePrefix and rehearsalPrefix are what their ids begin with.
var suitePrefix, rehearsalPrefix = rollout.SuiteID(""), strings.TrimSuffix(rollout.RehearsalID("", ""), "/")

// aName is how a rehearsal or a suite is written: environment/name, suite/name, or
// the id of a workflow.
var aName = regexp.MustCompile(`^(?:rehearsal/)?[A-Za-z0-9._-]+/[A-Za-z0-9._-]+$`)

// named is the id of the rehearsal, or the suite, that is meant where a name does
// for a file; "" where a file is meant.
func (r rehearsing) named(text string) string {
	text = rehearsalOf(text)
	isFile := strings.HasSuffix(text, ".yaml") || strings.HasSuffix(text, ".yml") || strings.HasSuffix(text, ".json")
	if !r.stop && !r.wait && !r.unschedule || isFile || !aName.MatchString(text) {
		return ""
	}
	if _, err := os.Stat(text); err == nil {
		return ""
	}
	if !strings.HasPrefix(text, suitePrefix) && !strings.HasPrefix(text, rehearsalPrefix) {
		text = rehearsalPrefix + text
	}
	return text
}

// nameOf is how people write what has an id.
func nameOf(workflowID string) string {
	return strings.TrimPrefix(rehearsalOf(workflowID), rehearsalPrefix)
}

// rehearsalNamed stops, waits for or schedules no longer what is there, without
// its file.
func (c *cli) rehearsalNamed(ctx context.Context, id string, by rehearsing) error {
	svc, err := c.connect(ctx)
	if err != nil {
		return err
	}
	defer svc.Close()
	b, suite := beginning{id: id}, strings.HasPrefix(id, suitePrefix)
	if by.unschedule {
		return c.unscheduleRehearsal(ctx, svc, b)
	}
	known, err := svc.Latest(ctx, id)
	switch {
	case errors.Is(err, errNotFound):
		return fmt.Errorf("%s: no such rehearsal or suite has run: bakeoff list --rehearsals", nameOf(id))
	case err != nil:
		return fmt.Errorf("look for %s: %w", id, err)
	case by.stop:
		return c.haltRehearsal(ctx, svc, b, by, suite)
	}
	return c.seeRehearsal(ctx, svc, known.run, by.timeout.Std(), suite)
}

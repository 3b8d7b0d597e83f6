package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// tooling looks at what rehearsals work with: what Temporal remembers of them,
// and the library of a worker.
type tooling struct {
	svc   service
	now   time.Time
	older time.Duration // what is older than this is too old
	newID func() string

	runs     []execution          // every rehearsal that is known
	last     []practised          // the newest of each, by id
	drilled  map[string]execution // service → the last rehearsal that shows that it can go back
	promoted map[string]execution // service → its last promotion, by users' rollouts
	findings []finding
}

// practised is a rehearsal with what it was made of.
type practised struct {
	execution
	manifest rehearsal.Manifest
}

func (t *tooling) found(kind string, e execution, advice, format string, args ...any) {
	t.findings = append(t.findings, finding{Kind: kind, Target: e.Target, WorkflowID: e.WorkflowID, RunID: e.RunID, Text: fmt.Sprintf(format, args...), Advice: advice})
}

// examine looks at one thing after the other.
func (t *tooling) examine(ctx context.Context) error {
	if err := t.readRehearsals(ctx); err != nil {
		return err
	}
	if err := t.readRollouts(ctx); err != nil {
		return err
	}
	t.drills()
	for _, p := range t.last {
		t.ages(p)
	}
	for _, look := range []func(context.Context) error{t.versions, t.pins, t.templates, t.schedules} {
		if err := look(ctx); err != nil {
			return err
		}
	}
	return nil
}

// readRehearsals finds the newest of each, and the last good drill of each
// service.
func (t *tooling) readRehearsals(ctx context.Context) error {
	t.drilled = map[string]execution{}
	newest := map[string]execution{}
	for e, err := range t.svc.List(ctx, "WorkflowType = '"+rehearsal.WorkflowType+"'") {
		if err != nil {
			return fmt.Errorf("list rehearsals: %w", err)
		}
		t.runs = append(t.runs, e)
		if id := rehearsalOf(e.WorkflowID); e.Started.After(newest[id].Started) {
			newest[id] = e
		}
		if before, known := t.drilled[e.Service]; passed(e) && (!known || e.Closed.After(*before.Closed)) {
			t.drilled[e.Service] = e
		}
	}
	if err := t.readRed(ctx); err != nil {
		return err
	}
	for _, id := range slices.Sorted(maps.Keys(newest)) {
		p, err := t.read(ctx, newest[id])
		if err != nil {
			return err
		}
		t.last = append(t.last, p)
	}
	return nil
}

// passed reports whether a rehearsal passed that had drills.
func passed(e execution) bool {
	return e.Closed != nil && string(e.Outcome) == string(evidence.Passed) && e.Step > 0
}

// readRed looks into the rehearsals that did not pass, and ended after the last that
// did: what they failed for may be something else than the way back.
func (t *tooling) readRed(ctx context.Context) error {
	red := slices.DeleteFunc(slices.Clone(t.runs), func(e execution) bool {
		return e.Status != enumspb.WORKFLOW_EXECUTION_STATUS_COMPLETED || e.Closed == nil || e.Step == 0 || passed(e) || e.Outcome == rehearsal.OutcomeOfControl
	})
	slices.SortStableFunc(red, func(a, b execution) int { return b.Closed.Compare(*a.Closed) })
	for _, e := range red {
		if last, known := t.drilled[e.Service]; known && !e.Closed.After(*last.Closed) {
			continue
		}
		var status rehearsal.Status
		end, err := t.svc.End(ctx, e.run)
		if err == nil {
			err = decode(t.svc.Converter(), end.GetWorkflowExecutionCompletedEventAttributes().GetResult(), &status)
		}
		if err != nil {
			return fmt.Errorf("read how %s ended: %w", e.WorkflowID, err)
		}
		if status.ShowsWayBack() {
			t.drilled[e.Service] = e
		}
	}
	return nil
}

// read reads the manifest of a rehearsal: it is the first thing that its history
// holds.
func (t *tooling) read(ctx context.Context, e execution) (practised, error) {
	p := practised{execution: e}
	for event, err := range t.svc.Events(ctx, e.run) {
		var order rehearsal.Order
		if err == nil {
			err = decode(t.svc.Converter(), event.GetWorkflowExecutionStartedEventAttributes().GetInput(), &order)
		}
		if err != nil {
			return p, fmt.Errorf("read the manifest of %s: %w", e.WorkflowID, err)
		}
		p.manifest = order.Manifest
		break
	}
	return p, nil
}

// readRollouts finds the last promotion of each service. What a rehearsal rolled
// out served nobody.
func (t *tooling) readRollouts(ctx context.Context) error {
	t.promoted = map[string]execution{}
	for e, err := range t.svc.List(ctx, "WorkflowType = '"+rollout.WorkflowType+"'") {
		if err != nil {
			return fmt.Errorf("list rollouts: %w", err)
		}
		if rollout.IsRehearsalID(e.Parent.WorkflowID) {
			continue
		}
		before, known := t.promoted[e.Service]
		if !known {
			t.promoted[e.Service] = execution{}
		}
		if e.Outcome == rollout.Promoted && e.Closed != nil && (before.Closed == nil || e.Closed.After(*before.Closed)) {
			t.promoted[e.Service] = e
		}
	}
	return nil
}

// drills looks for services whose way back nobody has practised lately.
func (t *tooling) drills() {
	services := slices.Collect(maps.Keys(t.promoted))
	for _, e := range t.runs {
		services = append(services, e.Service)
	}
	slices.Sort(services)
	for _, service := range slices.Compact(services) {
		const advice = "rehearse it, with drills: bakeoff rehearse FILE, or repeat that with --schedule"
		last, known := t.drilled[service]
		switch {
		case service == "":
		case !known:
			t.found("drillOverdue", execution{}, advice, "no drill of the way back of %s is known to have passed", service)
		case t.isOld(*last.Closed):
			t.found("drillOverdue", last, advice, "the way back of %s was practised last %s ago", service, t.age(*last.Closed))
		}
	}
}

// ages looks at the snapshots that a rehearsal starts from.
func (t *tooling) ages(p practised) {
	look := func(kind string, s data.Snapshot) {
		switch {
		case s.File == "":
		case s.TakenAt == nil:
			t.found(kind, p.execution, "say takenAt in its manifest", "nobody says when snapshot %s of rehearsal %s was taken", s.Name, p.manifest.Name)
		case t.isOld(*s.TakenAt):
			t.found(kind, p.execution, "take a new one, and lock its digest in the manifest", "snapshot %s of rehearsal %s was taken %s ago", s.Name, p.manifest.Name, t.age(*s.TakenAt))
		}
	}
	for _, s := range p.manifest.Baseline.Data {
		look("staleBaseline", s)
	}
	for _, s := range p.manifest.Data {
		look("staleSnapshot", s.Snapshot)
	}
}

// versions looks for services that were promoted since their last good drill.
func (t *tooling) versions(ctx context.Context) error {
	for _, service := range slices.Sorted(maps.Keys(t.drilled)) {
		drill, release := t.drilled[service], t.promoted[service]
		if release.Closed == nil || !release.Closed.After(*drill.Closed) {
			continue
		}
		p, err := t.read(ctx, drill)
		if err != nil {
			return err
		}
		if version := p.manifest.Rollout.Release.Version; version != release.Candidate {
			t.found("practisedOlder", drill, "rehearse the way back of "+release.Candidate,
				"%s was practised with %s, and %s was promoted in %s since", service, version, release.Candidate, release.Environment)
		}
	}
	return nil
}

// pins looks for baselines that lock what serves nowhere any more. A target whose
// worker does not answer, or that knows no artifact, says nothing.
func (t *tooling) pins(ctx context.Context) error {
	serves := map[string][]string{} // service → artifacts
	all, err := askTargets(ctx, t.svc, "ExecutionStatus = 'Running'", func(target rollout.Target) bool {
		return slices.ContainsFunc(t.last, func(p practised) bool { return p.Service == target.Service && p.manifest.Baseline.Artifact != "" })
	})
	if err != nil {
		return err
	}
	for _, one := range all {
		if good := one.known.Good; one.err == nil && len(good) > 0 && good[0].Release.Artifact != "" {
			serves[one.target.Service] = append(serves[one.target.Service], good[0].Release.Artifact)
		}
	}
	for _, p := range t.last {
		pinned, now := p.manifest.Baseline.Artifact, serves[p.Service]
		if pinned != "" && len(now) > 0 && !slices.Contains(now, pinned) {
			t.found("practisedOlder", p.execution, "lock the artifact that serves in its manifest",
				"rehearsal %s starts from %s, and %s serves", p.manifest.Name, pinned, strings.Join(slices.Compact(now), ", "))
		}
	}
	return nil
}

// schedules looks for rehearsals that are not repeated any more.
func (t *tooling) schedules(ctx context.Context) error {
	for s, err := range t.svc.Schedules(ctx) {
		if err != nil {
			return fmt.Errorf("list schedules: %w", err)
		}
		if s.paused {
			t.found("schedulePaused", execution{}, "look why, and let it go on: temporal schedule toggle --unpause --schedule-id "+s.id,
				"%s is paused: %s", s.id, orElse(s.note, "nobody says why"))
		}
	}
	return nil
}

func (t *tooling) isOld(at time.Time) bool { return t.now.Sub(at) > t.older }

// age is how long ago something was, in whole days where that is not less than
// one.
func (t *tooling) age(at time.Time) rollout.Duration {
	age := t.now.Sub(at)
	if day := 24 * time.Hour; age >= day {
		return rollout.Duration(age.Truncate(day))
	}
	return rollout.Duration(age.Round(time.Second))
}

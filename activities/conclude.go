package activities

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/report"
	"bakeoff/rehearsal/scaling"
)

// ConcludeRehearsal reads what was measured, judges it, and writes the evidence
// and its reports. The same files lead to the same verdicts.
func (a *Activities) ConcludeRehearsal(ctx context.Context, in ConcludeRehearsalInput) (ConcludeRehearsalOutput, error) {
	defer keepAlive(ctx)()
	m := in.Order.Manifest
	seen, err := a.usersOf(ctx, in)
	if err != nil {
		return ConcludeRehearsalOutput{}, asTemporal("read what was measured", err)
	}
	facts := factsOf(in, seen)
	if facts.Signals, err = a.signalsSeen(ctx, in); err != nil {
		return ConcludeRehearsalOutput{}, asTemporal("read the signals of the service", err)
	}
	m.Review(facts)
	rolled := m.RolledOut(facts)
	if err := a.addContinuity(ctx, in.Plan.Run, m, facts, rolled); err != nil {
		return ConcludeRehearsalOutput{}, asTemporal("read what users noticed", err)
	}
	past, err := a.pastActions(ctx, in.Plan.Run, m)
	if err != nil {
		return ConcludeRehearsalOutput{}, asTemporal("read the runs before", err)
	}
	run := runOf(in, facts, seen, rolled)
	run.Criteria = m.Judge(facts)
	practised := run.Criteria // a control has to be red by these
	run.Criteria = slices.Concat(run.Criteria, retrospect(past, &run, run.StartedAt))
	if !m.Negative {
		practised = run.Criteria
	}
	run.Outcome, run.Reason = m.Verdict(practised, facts)
	addFindings(m, &run)
	out := ConcludeRehearsalOutput{Outcome: run.Outcome, Reason: run.Reason, Criteria: run.Criteria, Left: run.Residue}
	for _, d := range run.Drills { // of the drill that was made most often
		if d.Restore != nil && (out.Restore == nil || d.Restore.N > out.Restore.N) {
			out.Restore = d.Restore
		}
	}
	if err := a.keepWindows(ctx, in); err != nil {
		return out, asTemporal("keep the windows of its rollouts", err)
	}
	return out, asTemporal("write the evidence", a.write(ctx, run))
}

// factsOf puts what the workflow knows beside what was measured.
func factsOf(in ConcludeRehearsalInput, seen users) rehearsal.Facts {
	f := in.Facts
	out := rehearsal.Facts{
		Zero: f.Zero, End: f.End, Requests: seen.requests, Loads: seen.loads, Faults: f.Faults, Drills: f.Drills, Rollout: f.Rollout, Back: f.Back,
		Sampled: sampledOf(in, seen), Ledger: seen.ledger, Bad: seen.bad, Before: f.Before, After: f.After, Aborted: f.Aborted, Broken: f.Broken,
		Unsent: map[string]string{}, Gone: seen.gone, Away: seen.away, Probes: f.Probes, Halted: f.Halted,
	}
	out.Halted = out.Halt()
	for _, part := range f.Attacks {
		if part.Error != "" {
			out.Unsent[part.Load] = part.Error
		}
	}
	if len(f.Tables) > 0 {
		if out.Ledger == nil {
			out.Ledger = &evidence.Ledger{}
		}
		out.Ledger.Tables = f.Tables
	}
	if f.NotBack != "" {
		out.After.Extra = append(out.After.Extra, f.NotBack)
	}
	out.After.Extra = append(out.After.Extra, leftOfTasks(in)...)
	if e := in.Order.Manifest.Scaling; e != nil {
		judged := scaling.Judge(*e, out.Sampled)
		out.Scaling = &judged
	}
	return out
}

// sampledOf is what was seen of an autoscaler. Where its arrivals are not read,
// they are what all loads sent.
func sampledOf(in ConcludeRehearsalInput, seen users) scaling.Seen {
	f, e := in.Facts, in.Order.Manifest.Scaling
	out := scaling.Seen{Samples: f.Scaling.Samples, Unread: f.Scaling.Unread, Error: f.ScalingError}
	if e == nil || !e.Signals.Rate.IsZero() {
		return out
	}
	arrivals := make([]time.Time, len(seen.requests))
	for i, r := range seen.requests {
		arrivals[i] = f.Zero.Add(r.At)
	}
	out.Samples = scaling.WithRate(out.Samples, arrivals)
	return out
}

// addContinuity says of every drill, and of the way back of the rollout itself,
// what users noticed of it: from the breach until the baseline was well. Of one that
// no load was there for it says nothing. However many there were, every request is
// read once.
func (a *Activities) addContinuity(ctx context.Context, run string, m rehearsal.Manifest, f rehearsal.Facts, rolled *evidence.Rollout) error {
	noticed := map[**evidence.Continuity]*load.Noticed{}
	watch := func(from, to *time.Time, users **evidence.Continuity) error {
		if from == nil || to == nil || !from.Before(*to) || !m.Sends(f, *from, *to) {
			return nil
		}
		n, err := load.NewNoticed(*from, *to)
		noticed[users] = n
		return err
	}
	for i := range f.Drills {
		repeats := f.Drills[i].Repeats
		for k := range repeats {
			r := &repeats[k]
			if err := watch(r.BreachAt, r.HealthyAt, &r.Users); err != nil {
				return err
			}
		}
		if times := rehearsal.RestoreTimes(repeats); len(times) > 0 {
			d := report.Distribution(times, 0.95)
			d.Unit = rehearsal.UnitSeconds
			f.Drills[i].Restore = &d
		}
	}
	if rolled != nil {
		if err := watch(rolled.BreachAt, rolled.HealthyAt, &rolled.Users); err != nil {
			return err
		}
	}
	all := slices.Collect(maps.Values(noticed))
	if len(all) == 0 {
		return nil
	}
	for _, l := range m.Load {
		err := a.readRaws(ctx, run, rawPrefix, l.Name, func(raw io.Reader) error { return load.Notice(raw, all...) })
		if err != nil {
			return err
		}
	}
	for users, n := range noticed {
		if c := n.Continuity(); c.Requests > 0 {
			*users = &c
		}
	}
	return nil
}

// write keeps the evidence, and the reports that are made of it.
func (a *Activities) write(ctx context.Context, run evidence.Run) error {
	files, err := a.Archive.Files(ctx, run.ID)
	if err != nil {
		return fmt.Errorf("list the files of %s: %w", run.ID, err)
	}
	for _, f := range files {
		if !slices.Contains(reports, f.Name) {
			run.Files = append(run.Files, f)
		}
	}
	for _, r := range []struct {
		name  string
		write func(io.Writer, evidence.Run) error
	}{{evidenceFile, report.JSON}, {"report.html", report.HTML}, {"report.md", report.Markdown}} {
		var body bytes.Buffer
		if err := r.write(&body, run); err != nil {
			return fmt.Errorf("write %s: %w", r.name, err)
		}
		if err := a.keep(ctx, run.ID, r.name, body.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

// evidenceFile holds the evidence; the other reports are made of it.
const evidenceFile = "evidence.json"

var reports = []string{evidenceFile, "report.html", "report.md"}

// evidenceOf reads the evidence of a run.
func (a *Activities) evidenceOf(ctx context.Context, run string) (evidence.Run, error) {
	var out evidence.Run
	from, err := a.Archive.Open(ctx, run, evidenceFile)
	if err != nil {
		return out, err
	}
	defer func() { _ = from.Close() }() // it was only read
	if err := json.NewDecoder(from).Decode(&out); err != nil {
		return out, fmt.Errorf("read the evidence of %s: %w", run, err)
	}
	return out, nil
}

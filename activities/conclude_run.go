package activities

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rehearsal/scaling"
)

// runOf is the evidence, but for its verdict.
func runOf(in ConcludeRehearsalInput, f rehearsal.Facts, seen users, rolled *evidence.Rollout) evidence.Run {
	m := in.Order.Manifest
	text, _ := m.Locked(in.Plan.Inputs).Text() // it was written when the run began
	run := evidence.Run{
		Version: evidence.Version, ID: in.Plan.Run, Name: m.Name, Suite: in.Order.Suite, Environment: m.Environment, Service: m.Rollout.Service,
		Baseline: f.Before.Version, Candidate: m.Rollout.Release.Version,
		StartedBy: in.Order.Actor, Why: in.Order.Reason, StartedAt: f.Zero, EndedAt: f.End, Tool: in.Plan.Tool, Seed: m.Seed, Negative: m.Negative,
		WorkflowID: in.Status.WorkflowID, RunID: in.Status.RunID, Fingerprint: in.Plan.Fingerprint, Manifest: string(text),
		Inputs: in.Plan.Inputs, Load: f.Loads, Faults: f.Faults, Probes: f.Probes, Halt: f.Halted, Drills: f.Drills, Ledger: f.Ledger, Scaling: f.Scaling, Residue: f.Left(),
		Series: append(seen.series, scaling.Series(f.Sampled.Samples, f.Zero)...), Timeline: timeline(f, rolled), Rollout: rolled,
	}
	if run.StartedAt.IsZero() { // it never began
		run.StartedAt, run.EndedAt = in.Status.StartedAt, in.Status.StartedAt
	}
	if _, uncalled := m.Rollout.Practised(m.Hooks); len(uncalled) > 0 && (len(f.Drills) > 0 || rolled != nil) {
		note := evidence.Moment{Time: run.StartedAt, Kind: evidence.MomentNote, Name: "hooks",
			Text: fmt.Sprintf("hooks of the spec at %s are not called: hooks of the manifest do not name them", strings.Join(uncalled, ", "))}
		run.Timeline = slices.Insert(run.Timeline, 0, note)
	}
	run.Series = slices.Concat(run.Series, f.SignalSeries(), sides(m, f))
	for _, w := range []evidence.Series{weights(f, rolled), met(m, f)} {
		if len(w.Seconds) > 0 {
			run.Series = append(run.Series, w)
		}
	}
	return run
}

// leftOfTasks are the faults of somebody else's activities that were not seen to be
// gone. No sweep finds them: nothing of them is on this machine.
func leftOfTasks(in ConcludeRehearsalInput) []string {
	var left []string
	for _, f := range in.Order.Manifest.Faults {
		for _, x := range in.Facts.Faults {
			if f.Task != nil && x.Name == f.Name && x.Unverified() {
				left = append(left, fmt.Sprintf("fault %s (%s): %s", x.Name, x.What, x.Error))
			}
		}
	}
	return left
}

// sides are the errors and latencies of the candidate and of the baseline, each
// second, by the answers that name the version that gave them; none where not both
// did. What nobody answered is in neither.
func sides(m rehearsal.Manifest, f rehearsal.Facts) []evidence.Series {
	names := map[string]string{"baseline": load.Plain(f.Before.Version), "candidate": load.Plain(m.Rollout.Release.Version)}
	if names["baseline"] == names["candidate"] || slices.ContainsFunc(m.Load, func(l load.Load) bool { return names[l.Name] != "" }) {
		return nil // they cannot be told apart, or are the names of loads
	}
	var out []evidence.Series
	for _, signal := range []string{rehearsal.SignalErrors, rehearsal.SignalP99} {
		for _, of := range []string{"baseline", "candidate"} {
			answered := rehearsal.Facts{Requests: slices.DeleteFunc(slices.Clone(f.Requests), func(r rehearsal.Request) bool {
				return r.Version == "" || r.Version != names[of]
			})}
			s := answered.BySecond(signal, "")
			if s.Of = of; len(s.Seconds) == 0 {
				return nil
			}
			out = append(out, s)
		}
	}
	return out
}

// stretches are when a fault was in force or, of one that never was for a while, the
// moment of which something is known.
func stretches(x evidence.Fault) []evidence.Stretch {
	if in := x.InForce(); len(in) > 0 {
		return in
	}
	return []evidence.Stretch{{From: x.StartedAt, To: x.EndedAt}}
}

// timeline is what happened when, oldest first.
func timeline(f rehearsal.Facts, rolled *evidence.Rollout) []evidence.Moment {
	var out []evidence.Moment
	span := func(kind, name, text string, from, to time.Time) {
		if !from.IsZero() {
			out = append(out, evidence.Moment{Time: from, Until: &to, Kind: kind, Name: name, Text: text})
		}
	}
	for _, l := range f.Loads {
		span(evidence.MomentLoad, l.Name, fmt.Sprintf("load %s: %d requests", l.Name, l.Sent), l.StartedAt, l.EndedAt)
	}
	for _, x := range f.Faults {
		for i, s := range stretches(x) {
			text := "fault " + x.What
			if i > 0 {
				text += ", again"
			}
			span(evidence.MomentFault, x.Name, text, s.From, s.To)
		}
	}
	for _, p := range f.Probes {
		for _, bad := range p.Bad {
			span(evidence.MomentProbe, p.Name, fmt.Sprintf("%s %s: %d bad, the last: %s", p.Name, p.When, bad.Answers, bad.Said), bad.From, bad.To)
		}
	}
	if h := f.Halted; h != nil {
		out = append(out, evidence.Moment{Time: h.DecidedAt, Kind: evidence.MomentHalt, Name: h.Probe, Text: h.Probe + " halts the rehearsal: " + h.Said})
	}
	for _, d := range f.Drills {
		for _, r := range d.Repeats {
			span(evidence.MomentDrill, d.Name, fmt.Sprintf("%s, %d: %s", d.Name, r.Number, r.Reason), r.StartedAt, r.EndedAt)
			out = append(out, momentsOf(d, r)...)
		}
	}
	out = append(out, momentsOfRollout(rolled)...)
	slices.SortStableFunc(out, func(a, b evidence.Moment) int { return a.Time.Compare(b.Time) })
	return out
}

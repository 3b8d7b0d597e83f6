package activities

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// AdmitRehearsal looks at everything that a rehearsal starts from, before anything
// is done: the manifest, what the worker's policy lets it do, the baseline and
// the data by their digests, the schedules of load and faults. A refusal is a
// result, not an error.
func (a *Activities) AdmitRehearsal(ctx context.Context, in AdmitRehearsalInput) (AdmitRehearsalOutput, error) {
	defer keepAlive(ctx)()
	m := in.Order.Manifest
	if problems := a.impracticable(m); len(problems) > 0 {
		return AdmitRehearsalOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	if why := a.mayRehearse(in.Order); why != "" {
		return refusedForNow(why), nil
	}
	plan := RehearsalPlan{Run: runName(m, in), Tool: a.Practice.Version, Drills: m.PlannedDrills(), Faults: fault.Schedule(m.Seed, m.Faults),
		Loads: map[string]string{}, Apart: m.Outcome != "", Asks: true, Longest: a.Practice.longest(m), AsksLine: true, HandsOn: true, Watched: true}
	plan.Probes = m.PlannedProbes(plan.Longest)
	from := a.sourcesOf(m)
	schedules, recordings, problems := a.schedules(ctx, m, from, plan.Loads)
	var unread []rollout.Problem
	plan.Sampling, unread = a.sampling(m, schedules)
	plan.Signals = m.PlannedSignals()
	problems = slices.Concat(problems, a.Practice.ratesOf(m, schedules), a.Practice.lengthOf(m, schedules), unread, a.probeProblems(m), a.unreadSignals(m))
	if len(problems) == 0 {
		problems = a.refusedSignals(ctx, m, plan.Sampling)
	}
	if in.Preview {
		return a.preview(ctx, m, problems)
	}
	if why, err := a.closedToPractice(ctx, m); err != nil || why != "" && len(problems) == 0 {
		return refusedForNow(why), asTemporal("ask whether the line is stopped", err)
	}
	if away, err := a.impossibleFaults(ctx, m); err != nil || len(away) > 0 && len(problems) == 0 {
		return AdmitRehearsalOutput{Cause: rollout.CausePolicy, Problems: away}, asTemporal("ask who would make the faults", err)
	}
	prepared, wrong, err := a.prepareData(ctx, m, from)
	if err != nil {
		return AdmitRehearsalOutput{}, asTemporal("prepare the data", err)
	}
	locked, changed := a.lockedBaseline(ctx, m, from)
	if problems = slices.Concat(problems, wrong, changed, a.comesBack(ctx, m)); len(problems) > 0 { // and nothing is kept of it
		return AdmitRehearsalOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	inputs, err := a.keepData(ctx, plan.Run, m, prepared, from)
	if err != nil {
		return refusedForNow(err.Error()), nil
	}
	if plan.Fingerprint, err = m.Fingerprint(plan.Loads, inputs, a.Practice.Version); err != nil {
		return AdmitRehearsalOutput{}, asTemporal("make the fingerprint", err)
	}
	plan.Inputs = slices.Concat(inputs, recordings, locked)
	if plan.Place, err = a.begin(ctx, plan.Run, m.Locked(plan.Inputs)); err != nil {
		return refusedForNow(err.Error()), nil
	}
	return AdmitRehearsalOutput{Plan: plan}, nil
}

// impracticable says what is wrong with a manifest, or with this worker for it,
// before anything is read.
func (a *Activities) impracticable(m rehearsal.Manifest) []rollout.Problem {
	problems := m.NotPutIn()
	if len(problems) == 0 {
		problems = m.Validate()
	}
	if len(problems) == 0 {
		problems = append(a.Practice.problems(m), a.Practice.unknownDatabases(m)...)
	}
	if a.Archive == nil {
		problems = append(problems, rollout.Problem{Message: "this worker keeps no evidence: configure evidence.directory"})
	}
	return problems
}

// preview is the answer to who only asks, because it is to begin another day: a line
// that is stopped, or faults that are held back, may be open then, and are told of,
// but a fault that could not begin is refused at once.
func (a *Activities) preview(ctx context.Context, m rehearsal.Manifest, problems []rollout.Problem) (out AdmitRehearsalOutput, err error) {
	if len(problems) > 0 {
		return AdmitRehearsalOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	if out.Problems, err = a.impossibleFaults(ctx, m); err != nil {
		return out, asTemporal("ask who would make the faults", err)
	}
	if len(out.Problems) > 0 {
		out.Cause = rollout.CausePolicy
		return out, nil
	}
	out.Closed, err = a.closedToPractice(ctx, m)
	return out, asTemporal("ask whether the line is stopped", err)
}

// refusedForNow refuses what another day, or another worker, may allow.
func refusedForNow(why string) AdmitRehearsalOutput {
	return AdmitRehearsalOutput{Cause: rollout.CausePolicy, Problems: []rollout.Problem{{Message: why}}}
}

// mayRehearse says why somebody may not rehearse in an environment; "" when they
// may: who may rehearse there or, where that is not named, start rollouts. A
// rehearsal has no signature, so that it is not for environments in which a start
// needs one.
func (a *Activities) mayRehearse(o rehearsal.Order) string {
	environment := o.Manifest.Environment
	if may, why := a.Rules.May(environment, ActRehearse, o.Actor); !may {
		return why
	}
	if a.Rules.Signing.requires(environment, ActStart) {
		return "a start needs a signature in " + environment + ", and a rehearsal has none: practise in an environment that asks for none"
	}
	return ""
}

// closedToPractice says why nothing is begun in an environment now, or, of what
// would make faults, none of these; "" when it may be.
func (a *Activities) closedToPractice(ctx context.Context, m rehearsal.Manifest) (string, error) {
	if len(m.Faults) > 0 {
		return a.mayNotBreak(ctx, m.Environment)
	}
	return a.lineStopped(ctx, m.Environment, a.now())
}

// runName is the id of a run's evidence. The same run has the same, however often
// it is admitted.
func runName(m rehearsal.Manifest, in AdmitRehearsalInput) string {
	end := max(len(in.RunID)-4, 0) // its first characters are the time
	return fmt.Sprintf("%s/%s/%s-%s", m.Environment, m.Name, in.StartedAt.UTC().Format("20060102T150405Z"), in.RunID[end:])
}

// schedules works every load out, and notes its digest, and where it is from.
func (a *Activities) schedules(ctx context.Context, m rehearsal.Manifest, from *sources, digests map[string]string) (out []*load.Schedule, inputs []evidence.Input, problems []rollout.Problem) {
	for i, l := range m.Load {
		recording, digest, err := from.recording(ctx, l)
		var s *load.Schedule
		if err == nil {
			s, err = load.New(m.Seed, l, recording)
		}
		if err != nil {
			problems = append(problems, rollout.Problem{Path: fmt.Sprintf("load[%d]", i), Message: said(err)})
			continue
		}
		digests[l.Name] = s.Digest()
		out = append(out, s)
		if l.Replay != nil {
			inputs = append(inputs, from.lineage(m, l, digest, len(recording), digests[l.Name]))
		}
	}
	return out, inputs, problems
}

// lockedBaseline holds the artifact and the parts of the baseline to what the
// manifest locks.
func (a *Activities) lockedBaseline(ctx context.Context, m rehearsal.Manifest, from *sources) ([]evidence.Input, []rollout.Problem) {
	parts, wrong := a.lockedParts(ctx, m, from)
	artifact, changed := a.lockedArtifact(ctx, m)
	return append(parts, artifact...), append(wrong, changed...)
}

// begin writes what the run is made of, before anything happens.
func (a *Activities) begin(ctx context.Context, run string, m rehearsal.Manifest) (place string, err error) {
	text, err := m.Text()
	if err != nil {
		return "", err
	}
	if err := a.keep(ctx, run, "manifest.json", text); err != nil {
		return "", err
	}
	return a.Practice.Place(run), nil
}

// errUnkept is evidence that cannot be written. A rehearsal does not begin without.
var errUnkept = errors.New("the evidence cannot be written: see evidence.directory of the worker")

// keep writes a small file of a run.
func (a *Activities) keep(ctx context.Context, run, name string, body []byte) error {
	file, err := a.Archive.Create(ctx, run, name)
	if err != nil {
		return fmt.Errorf("%w: %s: %w", errUnkept, name, err)
	}
	_, err = file.Write(body)
	if err = errors.Join(err, file.Close()); err != nil {
		return fmt.Errorf("%w: %s: %w", errUnkept, name, err)
	}
	return nil
}

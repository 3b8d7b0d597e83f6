package rehearsal

import (
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// SharesOf is what the candidate of a rollout had, and since when; none of one
// that an older worker made.
func SharesOf(s rollout.Status) []evidence.Share {
	if s.Rehearsed == nil {
		return nil
	}
	var out []evidence.Share
	for _, x := range s.Rehearsed.Shares {
		out = append(out, evidence.Share{At: x.At, Step: x.Step, Share: ratio(x.Weight), Cohorts: x.Cohorts})
	}
	return out
}

func ratio(w rollout.Weight) float64 { return float64(w) / float64(rollout.All) }

// RolledOut is the rollout itself as evidence; nil where none was made.
func (m Manifest) RolledOut(f Facts) *evidence.Rollout {
	s := f.Rollout
	if s == nil {
		return nil
	}
	out := &evidence.Rollout{
		Outcome: s.Outcome, Cause: s.Cause, Reason: s.Reason, WorkflowID: rollout.WorkflowID(m.Target()), RunID: s.RunID,
		Baseline: s.Baseline, Candidate: m.Rollout.Release.Version, StartedAt: s.StartedAt, EndedAt: s.EndedAt, Step: s.Step, Steps: s.Steps,
		Shares: SharesOf(*s), Restore: s.TimeToRestore, Checks: s.Checks,
	}
	for _, x := range out.Shares {
		if x.Share > 0 || len(x.Cohorts) > 0 {
			out.MetAt = &x.At
			break
		}
	}
	if b := f.Back; b != nil && !b.StartedAt.IsZero() {
		out.BackAt, out.BackUntil = &b.StartedAt, b.EndedAt
		for _, x := range SharesOf(*b) {
			x.Share, x.Step = 1-x.Share, 0 // it is the other version that is raised
			out.Shares = append(out.Shares, x)
		}
	}
	if c := s.Rehearsed; c != nil {
		out.Human = c.Human
		out.RestoredAt = c.Traffic
		f.timeBreach(out, *c)
	}
	return out
}

// timeBreach notes when what is bad began, was seen, and was gone. One that a
// person sent back saw nothing, and nobody knows when a baseline was well whose
// checks could not be judged.
func (f Facts) timeBreach(out *evidence.Rollout, c rollout.Rehearsed) {
	if out.Outcome == rollout.Promoted || c.Seen == nil {
		return
	}
	out.DecidedAt = c.Decided
	if c.Unjudged == "" {
		out.HealthyAt = c.Healthy
	}
	if out.MetAt != nil && c.Traffic != nil {
		out.MetUntil = f.metAfter(*c.Traffic, out.Candidate)
	}
	if out.Outcome != rollout.RolledBack && out.Outcome != rollout.PlatformRolledBack {
		return
	}
	out.BreachAt = c.Seen
	for _, x := range f.Faults {
		for _, during := range x.InForce() {
			later := out.MetAt != nil && during.From.After(*out.MetAt) && (out.FaultAt == nil || during.From.After(*out.FaultAt))
			if later && !during.From.After(*c.Seen) && during.To.After(*c.Seen) {
				out.FaultAt, out.Fault = &during.From, x.Name
			}
		}
	}
}

// metAfter is when users met a version for the last time after the router had
// said that it has nothing; nil where they did not.
func (f Facts) metAfter(restored time.Time, version string) *time.Time {
	last, met := f.answers(restored.Add(clocksApart), f.End).last[load.Plain(version)]
	if !met {
		return nil
	}
	return &last
}

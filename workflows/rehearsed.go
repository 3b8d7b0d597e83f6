package workflows

import (
	"slices"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// noteShare notes for a rehearsal what the candidate has from now on.
func (r *run) noteShare(step int, w rollout.Weight, cohorts []string) {
	c := r.status.Rehearsed
	if c == nil {
		return
	}
	if last := len(c.Shares) - 1; last >= 0 && c.Shares[last].Weight == w && slices.Equal(c.Shares[last].Cohorts, cohorts) && c.Shares[last].Step == step {
		return
	}
	c.Shares = append(c.Shares, rollout.Share{At: r.now(), Step: step, Weight: w, Cohorts: slices.Clone(cohorts)})
}

// timeReturn notes for a rehearsal the moments of the way back, and those of a
// drill. One that went back before the injection, because somebody aborted it, was
// no drill.
func (r *run) timeReturn(seen, decided, traffic, healthy time.Time) {
	if c := r.status.Rehearsed; c != nil {
		c.Seen, c.Decided, c.Traffic, c.Healthy = &seen, &decided, &traffic, &healthy
	}
	if d := r.status.Drilled; d != nil && !decided.Before(d.Injected) {
		d.Seen, d.Decided, d.Traffic, d.Healthy = &seen, &decided, &traffic, &healthy
	}
}

// timeAgain has the way back of a rehearsed rollout last until now: what had been
// put back was changed again, and users are back only now.
func (r *run) timeAgain() {
	c, took := r.status.Rehearsed, r.status.TimeToRestore
	if c == nil || c.Healthy == nil || took == nil {
		return
	}
	now := r.now()
	took.Health += rollout.Duration(now.Sub(*c.Healthy))
	took.Total += rollout.Duration(now.Sub(*c.Healthy))
	c.Healthy = &now
	if d := r.status.Drilled; d != nil && d.Healthy != nil {
		d.Healthy = &now
	}
}

// noteHuman keeps why a rehearsed rollout needed a person.
func (r *run) noteHuman(reason string) {
	if c := r.status.Rehearsed; c != nil && c.Human == "" {
		c.Human = reason
	}
	if d := r.status.Drilled; d != nil && d.Human == "" {
		d.Human = reason
	}
}

// noteHealth keeps on what the health of a rehearsed rollout's baseline rests.
func (r *run) noteHealth(out activities.VerifyHealthOutput) {
	if c := r.status.Rehearsed; c != nil {
		c.Unjudged = out.Unjudged
	}
	if d := r.status.Drilled; d != nil {
		d.Unjudged = out.Unjudged
	}
}

package workflows

import (
	"fmt"
	"slices"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// learn keeps what a rollout's end says of its release.
func (t *target) learn(ended rollout.Course, s rollout.Status) {
	release := ended.Submit.Order.Spec.Release
	if release.Version == "" { // it was not started here
		release.Version = s.Candidate
	}
	now := workflow.Now(t.ctx)
	switch s.Outcome {
	case rollout.Promoted:
		if ended.Submit.Order.Back {
			t.leave(release, ended.RunID, s)
		} else if spec := ended.Submit.Order.Spec; spec.Kind != "" {
			t.status.Last = &spec
		}
		t.promoted(rollout.Known{Release: release, RunID: ended.RunID, By: s.StartedBy, At: now}, s.Baseline)
	case rollout.Aborted, rollout.Rejected, rollout.RolledBack, rollout.PlatformRolledBack:
		if t.isToBlame(s) && !t.staysGood(ended) {
			t.quarantine(release, ended.RunID, s.Reason)
		}
	}
	if len(t.status.Queue) > 0 && t.wantsPerson(s) {
		t.stand(s.Reason)
	}
}

// isToBlame reports whether a release that went back belongs into quarantine: people
// or checks refused it, it was never ready, or its platform replaced it. An approval
// that nobody gave, a hook, a freeze or the router says nothing about the release.
// Under older workers a release that was never ready was not quarantined.
func (t *target) isToBlame(s rollout.Status) bool {
	switch {
	case s.Outcome == rollout.Aborted, s.Outcome == rollout.Rejected, s.Cause == rollout.CauseVerdict, s.Cause == rollout.CauseConcern:
		return true
	case s.Outcome == rollout.PlatformRolledBack, s.Cause == rollout.CauseDeploy:
		return workflow.GetVersion(t.ctx, "never-ready-is-refused", workflow.DefaultVersion, 1) == 1
	}
	return false
}

// wantsPerson reports whether a person has to look at how a rollout ended before the
// next begins. Under older workers a way back that had needed a person, and then
// succeeded, did not count.
func (t *target) wantsPerson(s rollout.Status) bool {
	if s.Outcome == rollout.Aborted || s.Outcome == rollout.Failed {
		return true
	}
	return s.NeededHuman && s.Outcome != rollout.Promoted && workflow.GetVersion(t.ctx, "queue-stands-after-human", workflow.DefaultVersion, 1) == 1
}

// staysGood reports whether a release that did not come through stays good, because
// this was a rollback to it: it was good before. Under older workers it went into
// quarantine all the same.
func (t *target) staysGood(ended rollout.Course) bool {
	return ended.Submit.Order.Back && workflow.GetVersion(t.ctx, "way-back-stays-good", workflow.DefaultVersion, 1) == 1
}

// promoted puts a release on top of the good ones. Of what served before the first
// rollout, only the version is known.
func (t *target) promoted(k rollout.Known, baseline string) {
	isIt := func(other rollout.Known) bool { return other.Release.Version == k.Release.Version }
	if len(t.status.Good) == 0 && baseline != "" {
		t.status.Good = []rollout.Known{{Release: rollout.Release{Version: baseline}, At: k.At}}
	}
	t.status.Good = append([]rollout.Known{k}, slices.DeleteFunc(slices.Clone(t.status.Good), isIt)...)
	t.status.Good = t.status.Good[:min(len(t.status.Good), rollout.MostGood)]
	t.status.Quarantine = slices.DeleteFunc(slices.Clone(t.status.Quarantine), func(q rollout.Quarantined) bool { return q.Is(k.Release) })
}

// leave puts the release that a rollback left into quarantine, and takes it off the
// good ones.
func (t *target) leave(to rollout.Release, run string, s rollout.Status) {
	left, known := t.status.Serving()
	if !known || left.Release.Version == to.Version {
		return
	}
	t.status.Good = slices.Clone(t.status.Good[1:])
	t.quarantine(left.Release, run, fmt.Sprintf("%s rolled back to %s", s.StartedBy, to.Version))
}

// quarantine keeps a release from being tried again without a reason.
func (t *target) quarantine(release rollout.Release, run, reason string) {
	q := rollout.Quarantined{Version: release.Version, Artifact: release.Artifact, Reason: reason, RunID: run, At: workflow.Now(t.ctx)}
	kept := slices.DeleteFunc(slices.Clone(t.status.Quarantine), func(old rollout.Quarantined) bool { return old.Is(release) })
	kept = append(kept, q)
	t.status.Quarantine = kept[max(len(kept)-rollout.MostQuarantined, 0):]
}

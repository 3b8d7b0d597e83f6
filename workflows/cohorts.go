package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// sendCohort gives the candidate to the step's cohort, if it has one. The rule
// stays for the steps that follow, until the rollout is over.
func (r *run) sendCohort(step rollout.PlannedStep) *setback {
	if step.Cohort == "" {
		return nil
	}
	id := rollout.StepID(step.Number) + ".cohort"
	r.record(id)
	r.asksFor = rollout.ActionStep
	defer func() { r.asksFor = "" }()
	for {
		if s := r.heedPause(); s != nil {
			return s
		}
		out, s := r.setCohort(id, step)
		if s == nil && out.Closed != nil {
			s = r.waitOut(out.Closed, rollout.StepID(step.Number))
		}
		if s != nil {
			return s
		}
		if out.Closed == nil {
			r.cohorts = append(r.cohorts, step.Cohort)
			r.noteShare(step.Number, r.status.Weight, r.cohorts)
			r.enter(rollout.PhaseRunning, "", fmt.Sprintf("%s has %s", rollout.Audience(r.status.Weight, step.Apart, r.cohorts...), r.plan.Candidate))
			r.showPause()
			return nil
		}
	}
}

func (r *run) setCohort(id string, step rollout.PlannedStep) (activities.SetCohortOutput, *setback) {
	act := r.act(id, fmt.Sprintf("send cohort %s to %s", step.Cohort, r.plan.Candidate))
	act.queue, act.limit, act.priority = rollout.QueueControl, writeLimit, 2
	act.within, act.cause = r.plan.Spec.SettleWithin.Std(), rollout.CauseTraffic
	return watchedAct(r, act, id, a.SetCohort, activities.SetCohortInput{Job: r.write(id), Step: step.Number, Cohort: step.Cohort, Ask: r.ask()})
}

// restoreCohorts removes the rules of all cohorts of the plan.
func (r *run) restoreCohorts(id, because string) retried {
	return r.insist("remove the rules of the cohorts", func() (workflow.Future, workflow.CancelFunc) {
		return startRestore(r, id, "remove the rules of the cohorts"+because, a.RestoreCohorts,
			activities.RestoreCohortsInput{Job: r.write(id), Cohorts: r.plan.Cohorts()})
	})
}

// cleanUpCohorts removes the rules of cohorts after promotion: everybody has the
// candidate then, so nobody needs them.
func (r *run) cleanUpCohorts() {
	if !r.begun(rollout.RestoreCohorts) {
		return
	}
	alarm := r.alarm("the rules of the cohorts cannot be removed", nil)
	defer alarm()
	r.finishAct(r.restoreCohorts("cleanup.cohorts", ": everybody has "+r.plan.Candidate), nil)
}

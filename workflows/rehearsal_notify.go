package workflows

import (
	"cmp"
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// tell counts the end of a rehearsal, and tells people of it: those whom the
// practised spec names, and subscribers. What it left behind is told of before, as
// what needs a person.
func (r *rehearsing) tell() {
	m, s := r.order.Manifest, r.status
	workflow.GetMetricsHandler(r.ctx).WithTags(map[string]string{
		"environment": m.Environment, "service": m.Rollout.Service, "outcome": string(s.Outcome)}).Counter("bakeoff_rehearsals_completed").Inc(1)
	who := fmt.Sprintf("rehearsal %s of %s", s.Name, s.Target)
	if r.order.Suite != "" {
		who += ", of suite " + r.order.Suite
	}
	about := rollout.Notice{Target: s.Target, Environment: m.Environment, Service: m.Rollout.Service, Unit: m.Rollout.Unit,
		Owner: cmp.Or(m.Owner, m.Rollout.Owner), Baseline: r.facts.Before.Version, Candidate: m.Rollout.Release.Version,
		Cause: s.Cause, Reason: s.Reason, StartedBy: s.StartedBy}
	var all []rollout.Notice
	if len(s.Left) > 0 {
		left := about
		left.Event, left.Reason = rollout.OnNeedsHuman, list(s.Left)
		left.Text = fmt.Sprintf("%s: a person is needed: it has left behind: %s", who, left.Reason)
		all = append(all, left)
	}
	about.Event = occasionOf(s.Outcome, rollout.OnRehearsalPassed, rollout.OnRehearsalFailed, rollout.OnRehearsalAborted)
	control := ""
	if s.Negative {
		control = " (negative control)"
	}
	about.Text = fmt.Sprintf("%s is %s%s: %s", who, s.Outcome, control, s.Reason)
	if s.Place != "" {
		about.Text += "; its evidence is in " + s.Place
	}
	tellOfPractice(r.ctx, append(all, about), m.Rollout.Notify)
}

// tell tells subscribers how a suite has ended. Its rehearsals tell of themselves.
func (s *suite) tell() {
	n := s.about()
	n.Event, n.Reason = occasionOf(s.status.Outcome, rollout.OnSuitePassed, rollout.OnSuiteFailed, rollout.OnSuiteAborted), s.status.Reason
	n.Text = fmt.Sprintf("suite %s is %s: %s", s.status.Name, s.status.Outcome, s.status.Reason)
	tellOfPractice(s.ctx, []rollout.Notice{n}, nil)
}

// about is a notice of a suite that says nothing yet. It is of the environment and the
// service that all of its rehearsals share, if they do.
func (s *suite) about() rollout.Notice {
	n := rollout.Notice{Target: rollout.SuiteID(s.status.Name), StartedBy: s.status.StartedBy}
	for i, m := range s.order.Suite.Rehearsals {
		if i == 0 {
			n.Environment, n.Service = m.Environment, m.Rollout.Service
		}
		if m.Environment != n.Environment {
			n.Environment = ""
		}
		if m.Rollout.Service != n.Service {
			n.Service = ""
		}
	}
	return n
}

// occasionOf chooses among the ends of what is practised.
func occasionOf(o evidence.Outcome, passed, failed, aborted rollout.Occasion) rollout.Occasion {
	switch o {
	case evidence.Passed:
		return passed
	case evidence.Aborted:
		return aborted
	default:
		return failed
	}
}

// tellOfPractice has people told, and waits until workflows of their own have
// taken over: that takes the server's time, never a receiver's. Whether anybody
// wants to know is found out there, because the worker of rehearsals may know of no
// sinks. Those of before told nobody.
func tellOfPractice(ctx workflow.Context, all []rollout.Notice, to []rollout.Notification) {
	if workflow.GetVersion(ctx, "tell-of-practice", workflow.DefaultVersion, 1) != 1 {
		return
	}
	info := workflow.GetInfo(ctx)
	var started []workflow.Future
	for i, n := range all {
		n.ID = rollout.NoticeID(info.WorkflowExecution.ID, info.OriginalRunID, i+1, n.Event)
		n.At, n.WorkflowID, n.RunID, n.Rehearsal = workflow.Now(ctx), info.WorkflowExecution.ID, info.WorkflowExecution.RunID, info.WorkflowExecution.ID
		started = append(started, startNotify(ctx, n, to))
	}
	awaitTold(ctx, started...)
}

package workflows

import (
	"fmt"
	"strings"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// removing is one version on its way out, for as long as that takes.
type removing struct {
	*run
	version string
	split   rollout.Split // that is to be in force meanwhile
	wrote   bool          // by this rollout: another one is told, and written over
	since   time.Time     // when another one was first found in force; zero: never
	found   int           // how often
	drift   rollout.Split // the last one; empty: the right one was in force
	primary string        // that is to be the primary version; "": not asked
	other   string        // the one that was, the last time; "": the right one
	differs bool          // something else that was put back is lost: the version stays until it is back
	insists bool          // a person is needed until the version is gone
	ordered bool          // the platform was told to remove it: it is going, or gone

	asBefore *activities.Snapshot // what is to be in force when the version goes; nil: not asked

	decision *rollout.Decision // what the policy makes of drift, where it is asked
}

// removeLimit is the room for what a removal does beside draining, where nothing fails.
const removeLimit = 10 * time.Second

// removeBack removes a version on the way back. Where the router loses the baseline's
// split before the version is gone, or because it goes, as one that starts from its old
// file does, or a raise comes so late, users are put back again: the way back is not over.
func (r *run) removeBack(version string) {
	m := &removing{run: r, version: version, split: r.snapshot.Split, wrote: r.begun(rollout.RestoreTraffic)}
	if r.begun(rollout.RestoreTraffic) || r.begun(rollout.RestoreFlags) {
		m.asBefore = &r.snapshot
	}
	for m.try(nil) {
		if m.differs {
			r.compare()
			continue
		}
		m.putBackAgain()
	}
	r.leaveNeedsHuman()
}

// removeServed removes a version that the candidate has taken the place of. Where
// the router has lost the candidate's split by then, or the platform has gone back to
// another primary version, the version may be what serves, and the policy for drift is
// followed: what is lost is put back once, or a person says. Once the platform was told
// to remove it, it is put back once whatever the policy. It returns what the policy says
// where the version stays because of that.
func (r *run) removeServed(version string) *rollout.Decision {
	m := &removing{run: r, version: version, split: r.plan.Split(r.job.Baseline, rollout.All), wrote: true, primary: r.plan.Candidate}
	for m.try(&r.plan.Spec.Policy) {
		m.awaitForward()
	}
	r.leaveNeedsHuman()
	return m.decision
}

// try drains the version and removes it, if the split is in force all the time, until
// the version is gone. It reports whether another one was found, or another primary
// version, or something else that was put back is lost: then that is put back, and it is
// tried again. It begins only when every forward act has answered.
func (m *removing) try(policy *rollout.Policy) (drifted bool) {
	if m.acknowledged != nil {
		return false
	}
	out, alarm := m.attempt(policy, false)
	if out.Busy {
		alarm()
		out, alarm = m.attempt(policy, true)
	}
	defer alarm()
	if m.acknowledged != nil {
		return false
	}
	m.decision, m.differs = out.Decision, len(out.Differences) > 0
	m.ordered = m.ordered || out.Ordered
	switch {
	case m.differs:
		m.status.Problems = out.Differences
	case len(out.Drift) > 0 || out.Primary != "":
		m.note(out)
	default:
		if len(m.drift) > 0 { // somebody has seen to it
			m.status.Weight = m.split[m.plan.Candidate]
			m.noteShare(0, m.status.Weight, nil)
		}
		m.status.Problems = nil
		return false
	}
	return true
}

// attempt drains the version and removes it. Where it is drained, and busy with requests
// in flight, these have their own time before a person is asked for. Under older workers
// they had it whether there were any or not. The returned function ends the alarm.
func (m *removing) attempt(policy *rollout.Policy, busy bool) (out activities.RemoveOutput, alarm func()) {
	drain := m.plan.Spec.Drain
	allowed := drain.Std() + removeLimit
	if busy {
		allowed = activities.InflightLimit(drain).Std()
	}
	alarm = func() {}
	if !m.insists {
		alarm = m.alarmAfter(m.plan.Spec.NeedsHumanAfter.Std()+allowed, m.version+" cannot be removed", nil)
	}
	m.finishAct(m.insist("remove "+m.version, func() (workflow.Future, workflow.CancelFunc) {
		o := m.act("cleanup.remove", fmt.Sprintf("drain %s for %s and remove it", m.version, drain))
		o.limit, o.heartbeat = (m.plan.Spec.ReadyWithin + 10*drain).Std(), heartbeat
		ctx, cancel := workflow.WithCancel(m.ctx)
		return start(ctx, o, a.Remove, activities.RemoveInput{Job: m.write("cleanup.remove/" + m.version), Version: m.version, Drain: drain,
			TellDrift: m.wrote, Split: m.split, Policy: policy, PutBacks: m.putBacks,
			Primary: m.primary, PrimaryAgain: m.primaryAgain, Ordered: m.ordered, Snapshot: m.asBefore,
			TellBusy: !busy, Drained: busy}), cancel
	}), &out)
	return out, alarm
}

// note says that another split is in force, or another version primary, where that is
// news.
func (m *removing) note(out activities.RemoveOutput) {
	if m.since.IsZero() {
		m.since = m.now()
	}
	if m.found++; !out.Drift.Equal(m.drift) || out.Primary != m.other {
		m.count("drift")
	}
	m.drift, m.other, m.status.Problems = out.Drift, out.Primary, []string{out.Reason}
	if len(out.Drift) > 0 {
		m.status.Weight = out.Drift[m.plan.Candidate]
		m.noteShare(0, m.status.Weight, nil)
	}
	m.describe()
	m.publish()
}

// putBackAgain puts users back once more, and has the time to restore go on until
// they are. A router that loses the split again and again needs a person; it is
// written less often then, so that history grows slowly.
func (m *removing) putBackAgain() {
	why := fmt.Sprintf("%s has traffic again: the router has %s", m.version, m.drift)
	after := m.plan.Spec.NeedsHumanAfter.Std()
	switch {
	case m.insists:
	case m.found > 1 && after > 0 && m.now().Sub(m.since) >= after:
		m.insists = true
		m.needHuman("the baseline's weights do not last: " + why)
	default:
		defer m.alarm("the baseline is not back again: "+why, nil)()
	}
	m.putUsersBackAgain(m.drift, why, m.found)
}

// awaitForward waits until the candidate has everything again, and is the primary
// version: written once where the policy says so, and else when a person says `retry`,
// or has seen to it.
func (m *removing) awaitForward() {
	if m.decision.Action == rollout.PutBack {
		m.countPutBack()
		m.putForward(m.decision.Reason)
		return
	}
	if !m.insists {
		m.insists = true
		fate := "is not removed"
		if m.ordered {
			fate = "is going, or gone"
		}
		m.needHuman(fmt.Sprintf("%s %s: %s; retry %s", m.version, fate, m.decision.Reason, m.againText()))
	}
	timer := m.timer(m.lookText(), slower(firstLook, m.now().Sub(m.since)))
	_ = workflow.Await(m.ctx, func() bool { return timer.IsReady() || m.retry || m.acknowledged != nil })
	timer.cancel()
	if m.retry && m.acknowledged == nil {
		m.retry = false
		m.putForward("a person wants it tried again")
	}
}

// againText is what puts back what was lost: "sends everything to 2.5.0 again".
func (m *removing) againText() string {
	var texts []string
	if len(m.drift) > 0 {
		texts = append(texts, "sends everything to "+m.plan.Candidate+" again")
	}
	if m.other != "" {
		texts = append(texts, "makes "+m.plan.Candidate+" the primary version again")
	}
	return strings.Join(texts, " and ")
}

// lookText is what is looked at again after a while.
func (m *removing) lookText() string {
	if len(m.drift) > 0 {
		return "look again at the weights that somebody changed"
	}
	return "look again at the primary version"
}

func (m *removing) countPutBack() {
	if len(m.drift) > 0 {
		m.putBacks++
	}
	if m.other != "" {
		m.primaryAgain++
	}
}

// putForward gives the candidate back what it has lost. What comes of it is seen when
// the removal is tried anew.
func (m *removing) putForward(why string) {
	sent := len(m.drift) == 0 || m.sendForward(why)
	if primary := m.other == "" || m.makePrimaryAgain(why); sent && primary {
		m.status.Problems, m.decision = nil, nil
		m.publish()
	}
}

// makePrimaryAgain makes the candidate the primary version again, and reports whether
// the platform says so then.
func (m *removing) makePrimaryAgain(why string) bool {
	what := "make " + m.plan.Candidate + " the primary version again"
	if !m.insists {
		defer m.alarm(m.plan.Candidate+" is not the primary version again", nil)()
	}
	var out activities.PromoteOutput
	if !m.finishAct(m.insist(what, func() (workflow.Future, workflow.CancelFunc) {
		within := m.plan.Spec.ReadyWithin
		o := m.act("cleanup.primary", sentence(what, why))
		o.limit, o.heartbeat = within.Std()+time.Minute, heartbeat
		ctx, cancel := workflow.WithCancel(m.ctx)
		return start(ctx, o, a.Promote, activities.PromoteInput{Job: m.write("cleanup.primary"), Within: within}), cancel
	}), &out) || out.PlatformRolledBack {
		return false
	}
	m.other = ""
	return true
}

// sendForward sends everything to the candidate again, and reports whether that was
// seen in force. Under older plans nobody was asked for where it is refused.
func (m *removing) sendForward(why string) bool {
	if !m.insists && m.plan.Revision >= 2 {
		defer m.alarm(m.plan.Candidate+" does not have everything again", nil)()
	}
	var out activities.SetTrafficOutput
	if !m.finishAct(m.insist("send everything to "+m.plan.Candidate+" again", func() (workflow.Future, workflow.CancelFunc) {
		o := m.act("cleanup.traffic", sentence("send everything to "+m.plan.Candidate+" again", why))
		o.queue, o.limit, o.priority = rollout.QueueControl, writeLimit, 1
		ctx, cancel := workflow.WithCancel(m.ctx)
		return start(ctx, o, a.SetTraffic, activities.SetTrafficInput{
			Job: m.write("cleanup.traffic"), Why: why, Split: m.split, Force: true, Policy: m.plan.Spec.Policy}), cancel
	}), &out) {
		return false
	}
	var seen activities.VerifyTrafficOutput
	within := m.plan.Spec.SettleWithin
	if !m.finishAct(m.insist("verify that "+m.plan.Candidate+" has everything again", func() (workflow.Future, workflow.CancelFunc) {
		o := m.act("cleanup.verify", fmt.Sprintf("verify that the router has %s", m.split))
		o.queue, o.limit, o.heartbeat = rollout.QueueAnalysis, within.Std()+time.Minute, heartbeat
		ctx, cancel := workflow.WithCancel(m.ctx)
		return start(ctx, o, a.VerifyTraffic, activities.VerifyTrafficInput{Job: m.job, Split: m.split, Within: within, Restoring: true}), cancel
	}), &seen) || !seen.Verified {
		return false
	}
	m.status.Weight, m.drift = rollout.All, nil
	m.noteShare(0, rollout.All, nil)
	return true
}

package workflows

import (
	"fmt"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

func (r *run) deploy() *setback {
	r.enter(rollout.PhaseRunning, "", "deploying "+r.plan.Candidate)
	r.publish()
	if !r.snapshot.Present {
		r.record("deploy")
	}
	in := activities.DeployInput{Job: r.write("deploy"), Service: r.plan.Spec.Service,
		Release: r.plan.Spec.Release, Replicas: r.replicas()}
	act := r.patient("deploy", "deploy "+r.plan.Candidate, r.plan.Spec.ReadyWithin)
	future := startForward(r, act, a.Deploy, in)
	awaitCopy := r.deployCopy()
	if s := r.deployed(future, act); s != nil {
		return s
	}
	return awaitCopy()
}

// deployed waits until a version is ready, and notes where it answers.
func (r *run) deployed(future workflow.Future, o act) *setback {
	var out activities.DeployOutput
	if s := r.result(future, o, &out); s != nil {
		return s
	}
	if out.Platform != "" {
		return &setback{outcome: rollout.PlatformRolledBack, reason: out.Platform}
	}
	version := r.plan.Candidate
	if o.id == copyAct {
		version = r.plan.Copy
	}
	r.job.Endpoints[version] = out.Endpoints
	return nil
}

const copyAct = "deploy.baseline"

// deployCopy deploys the baseline once more, together with the candidate, if the
// candidate is to be compared with a baseline of its own age and size. The returned
// function waits until the copy is ready.
func (r *run) deployCopy() (await func() *setback) {
	if r.plan.Copy == "" {
		return func() *setback { return nil }
	}
	r.record(copyAct)
	b := r.plan.Spec.Baseline
	in := activities.DeployInput{Job: r.beside(copyAct), Service: r.plan.Spec.Service, Replicas: r.replicas(),
		Release: rollout.Release{Version: r.plan.Copy, Artifact: b.Artifact, Config: b.Config, Model: b.Model}}
	in.Candidate = r.plan.Copy
	act := r.patient(copyAct, fmt.Sprintf("deploy %s, a copy of the baseline", r.plan.Copy), r.plan.Spec.ReadyWithin)
	future := startForward(r, act, a.Deploy, in)
	return func() *setback { return r.deployed(future, act) }
}

// replicas is how many the candidate is asked to have.
func (r *run) replicas() int {
	n := 0
	if _, err := fmt.Sscan(r.plan.Spec.Target.Replicas, &n); err == nil {
		return n
	}
	return r.snapshot.Replicas
}

func (r *run) setFlags() *setback {
	if len(r.plan.Spec.Release.Flags) == 0 {
		return nil
	}
	r.record("flags")
	r.wants(rollout.ActionStep)
	defer func() { r.asksFor = "" }()
	for {
		if s := r.heedPause(); s != nil {
			return s
		}
		out, s := r.writeFlags()
		if s == nil && out.Closed != nil {
			s = r.waitOut(out.Closed, "flags")
		}
		if s != nil || out.Closed == nil {
			return s
		}
	}
}

func (r *run) writeFlags() (activities.SetFlagsOutput, *setback) {
	act := r.act("flags", "set the flags of "+r.plan.Candidate)
	act.queue, act.limit, act.cause = rollout.QueueControl, writeLimit, rollout.CauseTraffic
	act.within = r.plan.Spec.SettleWithin.Std() + writeLimit // of a worker that was lost
	return forwardAct(r, act, a.SetFlags, activities.SetFlagsInput{Job: r.write("flags"), Flags: r.plan.Spec.Release.Flags, Ask: r.ask()})
}

// waitUntilReady waits for a candidate that was not ready when it was last looked at:
// until it is, it gets no more traffic.
func (r *run) waitUntilReady(what string) *setback {
	if r.unready == "" {
		return nil
	}
	reason := fmt.Sprintf("%s is %s: %s waits", r.plan.Candidate, r.unready, what)
	if r.enter(rollout.PhaseRunning, "", reason); r.plan.Gated {
		r.enter(rollout.PhaseWaiting, rollout.WaitingForCapacity, reason)
		r.publish()
	}
	act := r.patient("ready", fmt.Sprintf("wait until %s is ready, before %s", r.plan.Candidate, what), r.plan.Spec.ReadyWithin)
	future := startForward(r, act, a.VerifyReady, activities.VerifyReadyInput{Job: r.job, Replicas: r.replicas()})
	if s := r.watchWhile(future, "ready"); s != nil {
		return s
	}
	if s := r.result(future, act, nil); s != nil || !r.plan.Gated {
		return s
	}
	r.enter(rollout.PhaseRunning, "", r.plan.Candidate+" is ready")
	r.publish()
	return nil
}

package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// firstLook is how long the first verification of a weight may take before a
// watch is opened beside it.
const firstLook = 10 * time.Second

// written is what the rollout wrote to the router, and what may still come of it.
type written struct {
	ours       []rollout.Split // splits in force that are not drift: the snapshot's, and those written here
	generation int             // counts writes, for the fence
	writes     map[string]int  // how often each write was made, for its intent
	writing    bool            // a weight is being written: it may come into force at any moment
	landed     rollout.Split   // what the router was seen to make of a write that is not in force yet
	putBacks   int             // how often weights that somebody else wrote were overwritten
	served     bool            // the candidate may have traffic
	weight     rollout.Weight  // the candidate's, when that was verified last
	foreign    rollout.Split   // somebody else's that was in force when it was last seen; nil: none was
	overrules  bool            // a hold was ended while it was in force: the next weight is written over it
	cohorts    []string        // those that have the candidate
	unready    string          // why the candidate was not ready when it was last looked at; "": it was

	primaryAgain int // how often the candidate was made the primary version again
}

// shift raises the candidate to w and returns when that is what the router
// really does. Half-way through settleWithin it writes once more.
func (r *run) shift(id string, step int, w rollout.Weight) *setback {
	within := r.plan.Spec.SettleWithin.Std()
	look := min(firstLook, within/4)
	r.wantsRaise(step, w)
	want, s := r.setTraffic(id, step, w, false)
	r.asksFor = ""
	if s != nil {
		return s
	}
	verified, s := r.verify(id, step, want, look, false)
	if s != nil || verified {
		return s
	}
	if verified, s = r.verify(id, step, want, within/2-look, true); s != nil || verified {
		return s
	}
	// What the router made of the first write is not somebody else's.
	if want, s = r.setTraffic(id, step, w, false); s != nil {
		return s
	}
	if verified, s = r.verify(id, step, want, within/2, true); s != nil || verified {
		return s
	}
	return &setback{outcome: rollout.RolledBack, cause: rollout.CauseTraffic,
		reason: fmt.Sprintf("%s was written twice but is not in force after %s", w, r.plan.Spec.SettleWithin)}
}

// wantsRaise asks, before the weight is written, what closes the target. Less
// traffic is never closed.
func (r *run) wantsRaise(step int, w rollout.Weight) {
	action := rollout.ActionStep
	if step == 0 {
		action = rollout.ActionPromote
	}
	if r.wants(action); w < r.weight {
		r.asksFor = ""
	}
}

// setTraffic writes the weight. Where somebody else's split is in force, the
// policy's decision is followed: hold until it is gone, put back, or go back.
func (r *run) setTraffic(id string, step int, w rollout.Weight, force bool) (rollout.Split, *setback) {
	served := r.served
	r.record(id + ".traffic")
	for why := r.why(w); ; {
		if w > r.weight {
			if s := r.heedPause(); s != nil {
				return nil, s
			}
		}
		r.served = true
		asks := r.asksFor != "" && r.plan.Gated
		out, s := r.writeTraffic(id, step, w, why, force || r.overrules)
		if s != nil {
			return nil, s
		}
		waits := out.Closed != nil || out.Unready != ""
		if r.served = served || out.Tried || !waits; waits {
			if s := r.waitUntilMay(out, id, w); s != nil {
				return nil, s
			}
			continue
		}
		if asks {
			r.mind(nil)
		}
		r.overrules = false
		if !out.Conflict {
			r.release()
			r.ours = []rollout.Split{r.ours[len(r.ours)-1], out.Split}
			return out.Split, nil
		}
		if out.Refused == "" {
			r.count("drift")
			r.foreign = activities.Named(out.Observed, r.plan.Candidate)
			r.showWeight()
		}
		switch out.Decision.Action {
		case rollout.RollBack:
			return nil, &setback{outcome: rollout.RolledBack, cause: rollout.CauseTraffic, reason: out.Decision.Reason}
		case rollout.PutBack:
			r.putBacks, force = r.putBacks+1, true
		case rollout.GoOn: // a hold that ended as `otherwise: promote`
			force, why = true, out.Decision.Reason
		default:
			if s := r.waitOutDrift(id, out.Decision.Reason); s != nil {
				return nil, s
			}
			force = r.skip // an operator overrides the hold
		}
	}
}

// waitUntilMay waits until what kept the weight from being written is over.
func (r *run) waitUntilMay(out activities.SetTrafficOutput, id string, w rollout.Weight) *setback {
	if out.Closed != nil {
		return r.waitOut(out.Closed, id)
	}
	r.unready = out.Unready
	s := r.waitUntilReady(fmt.Sprintf("the raise to %s", w))
	r.unready = ""
	return s
}

// writeTraffic writes the weight once, where the policy allows.
func (r *run) writeTraffic(id string, step int, w rollout.Weight, why string, force bool) (activities.SetTrafficOutput, *setback) {
	act := r.act(id+".traffic", sentence(fmt.Sprintf("send %s to %s", w, r.plan.Candidate), why))
	act.queue, act.limit, act.priority = rollout.QueueControl, writeLimit, 2
	act.within, act.cause = r.plan.Spec.SettleWithin.Std(), rollout.CauseTraffic
	in := activities.SetTrafficInput{
		Job: r.write(id + ".traffic"), Step: step, Why: why, Split: r.plan.Split(r.job.Baseline, w), Ours: r.ours,
		Force: force, Policy: r.plan.Spec.Policy, PutBacks: r.putBacks, Landed: r.landed,
	}
	if !r.heldSince.IsZero() {
		in.HeldFor = rollout.Duration(r.now().Sub(r.heldSince))
	}
	if r.asksFor != "" {
		in.Ask = r.ask()
	}
	if replicas := r.replicas(); r.plan.ReadyFirst && w > r.weight {
		in.Replicas = &replicas
	}
	before, begun := r.unseen, len(r.pending)
	if r.weight == 0 {
		r.unseen = w
	}
	r.writing = true
	out, s := watchedAct(r, act, id+".traffic", a.SetTraffic, in)
	r.writing = false
	if r.raises = r.pending[begun:]; !r.mayHaveRaised() {
		r.unseen = before
	}
	r.see(out.Observed)
	return out, s
}

// waitOutDrift holds for a while before the weights are looked at again, or
// until an operator overrides it.
func (r *run) waitOutDrift(id, reason string) *setback {
	r.skip = false
	r.hold(reason)
	timer := r.timer("look again at the weights that somebody changed", min(time.Minute, r.plan.Spec.Policy.HoldFor.Std()))
	defer timer.cancel()
	return r.watchUntil(func() bool { return timer.IsReady() || r.skip }, id)
}

// noteForeign keeps whether a window saw somebody else's split in force. An order to
// write over one counts for the one that was seen when it was given.
func (r *run) noteForeign(in activities.ObserveInput, out activities.ObserveOutput) {
	was := r.foreign
	r.foreign = in.ForeignIn(out.Split, out.Drift, was)
	r.overrules = r.overrules && r.foreign.Equal(was)
	r.showWeight()
}

// showWeight shows what the candidate has: what was verified, or what somebody else
// gave it since. Under older plans only the first was shown.
func (r *run) showWeight() {
	switch {
	case !r.plan.HeedsDrift:
	case r.foreign != nil:
		r.status.Weight = r.foreign[r.plan.Candidate]
	default:
		r.status.Weight = r.weight
	}
}

// overrule has the next weight written over somebody else's, where that is in force
// when a hold is ended without it being gone.
func (r *run) overrule() { r.overrules = r.holding() && r.foreign != nil }

// writeOver sends the weight again over somebody else's, where a hold was ended that
// was the last before something else than a raise. Under older plans it was left.
func (r *run) writeOver(id string, step int, w rollout.Weight) *setback {
	if !r.overrules || !r.plan.HeedsDrift {
		return nil
	}
	return r.putBack(id, step, w)
}

// verify reads until the split is in force. With watched, an Observe stays open
// beside it, because users may already meet the candidate.
func (r *run) verify(id string, step int, want rollout.Split, within time.Duration, watched bool) (bool, *setback) {
	act := r.patient(id+".verify", fmt.Sprintf("verify that the router has %s", want), rollout.Duration(within+5*time.Minute))
	act.queue, act.cause = rollout.QueueAnalysis, rollout.CauseTraffic
	in := activities.VerifyTrafficInput{Job: r.job, Step: step, Split: want, Within: rollout.Duration(within)}
	future := startForward(r, act, a.VerifyTraffic, in)
	if watched {
		if s := r.watchWhile(future, id); s != nil {
			return false, s
		}
	}
	var out activities.VerifyTrafficOutput
	if s := r.result(future, act, &out); s != nil {
		return false, s
	}
	if r.landed == nil { // after the first look; what comes later may be somebody else's
		r.landed = out.Observed
	}
	r.see(out.Observed)
	if len(out.Observed) > 0 {
		r.weight = out.Observed[r.plan.Candidate]
		r.status.Weight = r.weight
		r.noteShare(step, r.status.Weight, r.cohorts)
	}
	if out.Verified {
		r.ours, r.landed, r.foreign = []rollout.Split{want}, nil, nil
		r.enter(rollout.PhaseRunning, "", fmt.Sprintf("%s gets %s", r.plan.Candidate, r.status.Weight))
		if r.closure != nil {
			r.refresh()
		}
		r.showPause()
		r.publish()
	}
	return out.Verified, nil
}

// putBack writes the weights again that somebody changed.
func (r *run) putBack(id string, step int, w rollout.Weight) *setback {
	r.putBacks++
	wanted := r.asksFor
	r.asksFor = "" // what is put back is no raise
	want, s := r.setTraffic(id, step, w, true)
	r.asksFor = wanted
	if s != nil {
		return s
	}
	verified, s := r.verify(id, step, want, r.plan.Spec.SettleWithin.Std(), true)
	if s == nil && !verified {
		s = &setback{outcome: rollout.RolledBack, cause: rollout.CauseTraffic, reason: "the weights could not be put back"}
	}
	return s
}

// timer is one durable timer with a sentence.
type timer struct {
	workflow.Future
	cancel workflow.CancelFunc
}

func (r *run) timer(summary string, d time.Duration) timer { return startTimer(r.ctx, summary, d) }

func startTimer(ctx workflow.Context, summary string, d time.Duration) timer {
	ctx, cancel := workflow.WithCancel(ctx)
	return timer{workflow.NewTimerWithOptions(ctx, d, workflow.TimerOptions{Summary: summary}), cancel}
}

func (r *run) now() time.Time { return workflow.Now(r.ctx) }

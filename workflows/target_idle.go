package workflows

import (
	"fmt"
	"time"

	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// idleFor bounds one look at a target while nothing runs; another follows.
const idleFor = 12 * time.Hour

// isIdle reports whether the target is to be looked at, because nothing runs and
// the release that was promoted last asks for it.
func (t *target) isIdle() bool {
	_, known := t.status.Serving()
	return t.status.Running == nil && known && t.status.Last != nil && t.status.Last.Policy.WatchIdle > 0
}

// watchIdle opens the look at an idle target, and ends it when a rollout begins.
func (t *target) watchIdle() {
	switch {
	case t.idle != nil && !t.isIdle():
		t.stopIdle()
		t.idle = nil
	case t.idle == nil && t.isIdle():
		serving, _ := t.status.Serving()
		version := serving.Release.Version
		ctx, stop := workflow.WithCancel(t.ctx)
		act := t.act("idle", fmt.Sprintf("check that %s still serves everything while nothing runs", version))
		act.limit, act.heartbeat = idleFor+time.Minute, heartbeat
		t.stopIdle = stop
		t.idle = start(ctx, act, a.WatchIdle, activities.WatchIdleInput{
			Job:     activities.Job{Target: t.status.Target.String(), Drivers: t.status.Last.Target, Candidate: version},
			Version: version, Every: t.status.Last.Policy.WatchIdle, For: rollout.Duration(idleFor), Known: t.status.Drift,
		})
	}
}

func (t *target) isSeen() bool { return t.idle != nil && t.idle.IsReady() }

// takeIdle notes what somebody changed while nothing ran. Nothing is put back: no
// rollout knows what it would restore.
func (t *target) takeIdle() {
	var out activities.WatchIdleOutput
	err := t.idle.Get(t.ctx, &out)
	t.idle = nil
	if err != nil || out.Drift == t.status.Drift {
		return
	}
	t.status.Drift = out.Drift
	if out.Drift != "" {
		t.metrics().Counter("bakeoff_drift").Inc(1)
		t.tellOfDrift()
	}
	t.describe()
}

// tellOfDrift tells people what somebody changed, once; that it is gone is told to
// nobody. Under older workers nobody was told.
func (t *target) tellOfDrift() {
	if workflow.GetVersion(t.ctx, "idle-drift-is-told", workflow.DefaultVersion, 1) < 1 {
		return
	}
	serving, _ := t.status.Serving()
	drift, last := t.status.Drift, *t.status.Last
	act := t.act("announce", "find out who is told what somebody changed")
	asked := start(t.ctx, act, a.Announce, activities.AnnounceInput{Spec: last})
	t.deciding++ // a new run would not tell anybody
	workflow.Go(t.ctx, func(ctx workflow.Context) {
		defer func() { t.deciding-- }()
		var out activities.AnnounceOutput
		if err := asked.Get(ctx, &out); err != nil || !out.Notifies || t.status.Drift != drift {
			return
		}
		t.notify(rollout.Notice{Event: rollout.OnDrifted, Reason: drift, Candidate: serving.Release.Version, Owner: last.Owner,
			Text: "somebody changed it while nothing ran: " + drift})
	})
}

func (t *target) metrics() client.MetricsHandler {
	return workflow.GetMetricsHandler(t.ctx).WithTags(map[string]string{
		"environment": t.status.Target.Environment, "service": t.status.Target.Service})
}

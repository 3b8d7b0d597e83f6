package workflows

import (
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/temporal"
	"go.temporal.io/sdk/workflow"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// generatorBeat bounds how long a generator, or who holds a fault, may be silent:
// so long it takes at most until one that was cancelled stops.
const generatorBeat = 3 * time.Second

// startLoad starts every part of every load. They begin together.
func (r *rehearsing) startLoad() {
	r.begins(rehearsal.BegunLoad)
	for _, l := range r.order.Manifest.Load {
		l = l.WithDefaults()
		for shard := range l.Shards {
			id, summary := "load."+l.Name, fmt.Sprintf("send %s to %s for %s", l.Name, l.URL, l.For)
			if l.Shards > 1 {
				id, summary = fmt.Sprintf("%s.%d", id, shard+1), fmt.Sprintf("%s, part %d of %d", summary, shard+1, l.Shards)
			}
			act := r.act(id, summary)
			act.limit, act.heartbeat = r.order.Manifest.Longest().Std(), generatorBeat
			act.within = act.limit
			future := start(r.going, act, a.Attack, activities.AttackInput{Run: r.plan.Run, Seed: r.order.Manifest.Seed, Load: l, Shard: shard, Start: r.zero,
				Lately: r.order.Manifest.Lately(l.Name)})
			r.await(future, func(ctx workflow.Context) {
				out := activities.AttackOutput{Load: l.Name, Shard: shard}
				if err := future.Get(ctx, &out); err != nil {
					out.Error = rootCause(err)
				}
				r.facts.Attacks = append(r.facts.Attacks, out)
			})
		}
	}
}

// startFaults has each fault come at its time, and go at its end.
func (r *rehearsing) startFaults() {
	for _, p := range r.plan.Faults {
		r.open++
		workflow.Go(r.ctx, func(ctx workflow.Context) {
			defer func() { r.open-- }()
			from := r.zero.Add(p.From.Std())
			r.sleep(ctx, fmt.Sprintf("wait until %s begins", p.Fault.Name), from.Sub(r.now()))
			if r.stopped == "" {
				r.begins(rehearsal.BegunFaults)
				r.facts.Faults = append(r.facts.Faults, r.hold(ctx, p, from))
				r.askAfter(ctx, p.Fault.Name)
			}
		})
	}
}

// hold keeps a fault in force until its end.
func (r *rehearsing) hold(ctx workflow.Context, p fault.Planned, from time.Time) evidence.Fault {
	if p.Fault.Task != nil {
		return r.holdTask(ctx, p, from)
	}
	length := p.Fault.For.Std()
	act := r.act("fault."+p.Fault.Name, fmt.Sprintf("%s for %s", p.Fault, p.Fault.For))
	act.limit, act.heartbeat = length+2*time.Minute, generatorBeat
	act.within = act.limit
	out := activities.HoldFaultOutput{Fault: evidence.Fault{Name: p.Fault.Name, What: p.Fault.String()}}
	err := start(r.going, act, a.HoldFault, activities.HoldFaultInput{Run: r.plan.Run, Seed: r.order.Manifest.Seed, Fault: p.Fault, Until: from.Add(length), Environment: r.status.Environment}).Get(ctx, &out)
	if err != nil {
		out.Fault.Error = rootCause(err)
	}
	return out.Fault
}

// untold are the faults of which nobody has said how they ended: who held them was
// gone, or could not take them back.
func (r *rehearsing) untold() (names []string) {
	for _, f := range r.facts.Faults {
		if f.EndedAt.IsZero() {
			names = append(names, f.Name)
		}
	}
	return names
}

// amend puts what the machine has written down of faults in the place of what is known
// of them here.
func (r *rehearsing) amend(were []evidence.Fault) {
	for _, was := range were {
		for i, f := range r.facts.Faults {
			if f.Name == was.Name {
				r.facts.Faults[i] = was
			}
		}
	}
}

// startSampling reads the signals of scaling until the autoscaler must have come
// down after the load. The practice does not end before.
func (r *rehearsing) startSampling() {
	p := r.plan.Sampling
	if p == nil {
		return
	}
	act := r.act("scaling", "read replicas, queue and latency while the load goes on")
	act.limit, act.heartbeat = r.order.Manifest.Longest().Std(), 10*time.Second
	act.within = act.limit
	in := activities.SampleScalingInput{Expect: p.Expect, Drivers: r.order.Manifest.Rollout.Target, Version: r.job.Candidate, Until: r.zero.Add(p.For.Std())}
	future := start(r.going, act, a.SampleScaling, in)
	r.await(future, func(ctx workflow.Context) {
		if err := future.Get(ctx, &r.facts.Scaling); err != nil {
			r.keepSamples(err)
		}
	})
}

// startSignals reads the signals of the service until everything else is over.
func (r *rehearsing) startSignals() {
	for _, s := range r.plan.Signals {
		act := r.act("signal."+s.Name, "read "+s.Name+" while the practice goes on")
		act.limit, act.heartbeat = r.order.Manifest.Longest().Std()+time.Hour, 10*time.Second
		act.within = act.limit
		in := activities.SampleSignalInput{Run: r.plan.Run, Signal: s, Drivers: r.order.Manifest.Rollout.Target, Version: r.job.Candidate,
			Until: r.zero.Add(r.order.Manifest.Longest().Std())}
		future := start(r.going, act, a.SampleSignal, in)
		r.reading++
		workflow.Go(r.ctx, func(ctx workflow.Context) {
			defer func() { r.reading-- }()
			out := activities.SampleSignalOutput{Signal: s.Name}
			if err := future.Get(ctx, &out); err != nil && !temporal.IsCanceledError(err) {
				out.Error = rootCause(err)
			}
			r.facts.Signals = append(r.facts.Signals, out)
		})
	}
}

// keepSamples takes what was sampled before sampling was stopped, or broke off.
func (r *rehearsing) keepSamples(err error) {
	r.facts.ScalingError = rootCause(err)
	var stopped *temporal.CanceledError
	var silent *temporal.TimeoutError
	var unreadable error
	switch {
	case errors.As(err, &stopped):
		r.facts.ScalingError = "the rehearsal was stopped"
		if stopped.HasDetails() {
			unreadable = stopped.Details(&r.facts.Scaling)
		}
	case errors.As(err, &silent) && silent.HasLastHeartbeatDetails():
		unreadable = silent.LastHeartbeatDetails(&r.facts.Scaling)
	}
	if unreadable != nil {
		r.facts.ScalingError += ", and the samples before cannot be read: " + unreadable.Error()
	}
}

// await has an act's end taken in, whenever it comes.
func (r *rehearsing) await(future workflow.Future, take func(workflow.Context)) {
	r.open++
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		defer func() { r.open-- }()
		_ = workflow.Await(ctx, future.IsReady)
		take(ctx)
	})
}

// readBack reads the synthetic transactions back, when nothing disturbs that any
// more.
func (r *rehearsing) readBack() {
	for _, l := range r.order.Manifest.Load {
		if !l.HasLedger() {
			continue
		}
		act := r.act("readback."+l.Name, "read the transactions of "+l.Name+" back")
		act.limit, act.within, act.heartbeat = time.Hour, 2*time.Hour, heartbeat
		in := activities.AttackInput{Run: r.plan.Run, Seed: r.order.Manifest.Seed, Load: l.WithDefaults()}
		_ = start(r.ctx, act, a.ReadBack, in).Get(r.ctx, nil) // what could not be read back counts as unread
	}
}

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
)

// probing is a probe that is being asked.
type probing struct {
	planned rehearsal.PlannedProbe
	when    string
	future  workflow.Future
}

// askProbe has a probe asked.
func (r *rehearsing) askProbe(p rehearsal.PlannedProbe, when string, within time.Duration, in activities.ProbeInput) probing {
	act := r.act("probe."+p.Probe.Name, fmt.Sprintf("ask %s %s: %s", p.Probe.Name, when, p.Probe))
	act.limit, act.heartbeat = within+time.Minute, generatorBeat
	act.within = act.limit
	in.Probe, in.When, in.Drivers, in.Version = p.Probe, when, r.job.Drivers, r.job.Candidate
	return probing{p, when, start(r.going, act, a.Probe, in)}
}

// askBefore asks whether the service is well, before anything is done to it. It
// reports whether the rehearsal may begin.
func (r *rehearsing) askBefore() bool {
	var open []probing
	for _, p := range r.plan.Probes {
		if p.Before {
			within := time.Duration(p.Probe.Failures) * (p.Probe.Every + p.Probe.Timeout).Std()
			open = append(open, r.askProbe(p, rehearsal.WhenBefore, within, activities.ProbeInput{
				During: []evidence.Stretch{{From: r.now(), To: r.now().Add(within + time.Minute/2)}}, UntilGood: true, UntilBad: true}))
		}
	}
	for _, p := range open {
		r.heed(r.ctx, p)
	}
	return len(open) == 0 || r.stopped == "" // without probes it goes on as histories have it
}

// startProbes has the continuous probes asked while things go wrong.
func (r *rehearsing) startProbes() {
	for _, p := range r.plan.Probes {
		if len(p.During) == 0 {
			continue
		}
		in := activities.ProbeInput{UntilBad: p.Probe.Halts()}
		for _, s := range p.During {
			in.During = append(in.During, evidence.Stretch{From: r.zero.Add(s.From.Std()), To: r.zero.Add(s.Until.Std())})
		}
		asked := r.askProbe(p, p.When, p.During[len(p.During)-1].Until.Std()+leadTime, in)
		r.watching++
		workflow.Go(r.ctx, func(ctx workflow.Context) {
			defer func() { r.watching-- }()
			r.heed(ctx, asked)
		})
	}
}

// askAfter asks until the service is well again after a fault.
func (r *rehearsing) askAfter(ctx workflow.Context, fault string) {
	var open []probing
	for _, p := range r.plan.Probes {
		for _, name := range p.After {
			if name == fault && r.stopped == "" {
				within := p.Probe.Within.Std()
				open = append(open, r.askProbe(p, rehearsal.WhenAfter(fault), within, activities.ProbeInput{
					During: []evidence.Stretch{{From: r.now(), To: r.now().Add(within)}}, UntilGood: true}))
			}
		}
	}
	for _, p := range open {
		r.heed(ctx, p)
	}
}

// heed takes in what a probe was answered, and halts the rehearsal where it says so.
// One that nobody asks any more keeps nobody from harm: then it cannot go on, either.
func (r *rehearsing) heed(ctx workflow.Context, p probing) {
	var out activities.ProbeOutput
	name := p.planned.Probe.Name
	if err := p.future.Get(ctx, &out); err != nil {
		out.Answers = answersBefore(err)
		out.Answers.Name, out.Answers.What, out.Answers.When = name, p.planned.Probe.String(), p.when
		out.Answers.Error = rootCause(err)
		if p.planned.Probe.Halts() && (p.when == rehearsal.WhenBefore || len(p.planned.During) > 0) {
			r.breakOff(fmt.Sprintf("%s could not be asked %s: %s", name, p.when, rootCause(err)))
		}
	}
	r.facts.Probes = append(r.facts.Probes, out.Answers.Probe)
	if said := out.Answers; said.Failed == said.Asked && !out.Unhealthy && p.when == rehearsal.WhenBefore && p.planned.Probe.Halts() {
		r.breakOff(fmt.Sprintf("%s did not say whether the service is well: %s", name, said.Unread))
	}
	if out.Unhealthy && p.planned.Probe.Halts() && r.stoppable() {
		r.haltBy(out.Answers, p.when)
	}
}

// answersBefore are those of a probe that nobody asks any more.
func answersBefore(err error) (out rehearsal.Answers) {
	var silent *temporal.TimeoutError
	if errors.As(err, &silent) && silent.HasLastHeartbeatDetails() && silent.LastHeartbeatDetails(&out) != nil {
		return rehearsal.Answers{} // what cannot be read was not answered
	}
	return out
}

// haltBy ends the practice because the service is not well. Faults are removed at
// once: who holds them learns later that it is over.
func (r *rehearsing) haltBy(seen rehearsal.Answers, when string) {
	r.facts.Halted = &evidence.Halt{Probe: seen.Name, Before: when == rehearsal.WhenBefore, Said: seen.Said, Answers: seen.Row, FailedAt: seen.RowFrom, DecidedAt: seen.To}
	why := fmt.Sprintf("halted by %s: %s", seen.Name, seen.Said)
	r.stop(why, r.itself(why))
	if len(r.plan.Faults) == 0 || r.facts.Halted.Before {
		return
	}
	r.open++
	workflow.Go(r.ctx, func(ctx workflow.Context) {
		defer func() { r.open-- }()
		act := r.act("halt", "remove every fault: "+seen.Name+" says "+seen.Said)
		act.limit, act.within, act.heartbeat, act.priority = time.Minute, 10*time.Minute, lookHeartbeat, 1
		_ = start(r.ctx, act, a.SweepFaults, activities.SweepFaultsInput{Run: r.plan.Run}).Get(ctx, nil) // it is swept again in the end
	})
}

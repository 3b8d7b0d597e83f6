package activities

import (
	"context"
	"fmt"
	"sync"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Prober asks services whether they are well.
type Prober interface {
	// Ask sends GET and returns the answer, with as much of its body as may be
	// looked at. It follows no redirect. An error is that there was none.
	Ask(ctx context.Context, url string) (status int, body []byte, err error)
}

// ProbeInput says what is asked, and when.
type ProbeInput struct {
	Probe     rehearsal.Probe    `json:"probe"` // every default written out
	When      string             `json:"when"`  // in words, as in the evidence
	During    []evidence.Stretch `json:"during"`
	Drivers   rollout.Drivers    `json:"drivers,omitzero"`    // its metrics are asked where the probe names none
	Version   string             `json:"version,omitempty"`   // what {{.Version}} of queries stands for
	UntilGood bool               `json:"untilGood,omitempty"` // the first good answer ends it
	UntilBad  bool               `json:"untilBad,omitempty"`  // Probe.Failures bad ones one after another do
}

// ProbeOutput is what was answered. One that ended by bad answers is unhealthy.
type ProbeOutput struct {
	Answers   rehearsal.Answers `json:"answers"`
	Unhealthy bool              `json:"unhealthy,omitempty"`
}

// Probe asks a service whether it is well, again and again in the times given, or
// until it is known. Answers travel in heartbeats, so that a new worker goes on where
// a dead one stopped; how long nobody asked is noted. One that is stopped returns what
// it was answered until then.
func (a *Activities) Probe(ctx context.Context, in ProbeInput) (ProbeOutput, error) {
	doing := "ask " + in.Probe.Name
	ask, err := a.asker(in)
	if err != nil {
		return ProbeOutput{}, asTemporal(doing, err)
	}
	p := probing{a: a, in: in, asker: ask}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &p.out.Answers); err != nil {
			return p.out, asTemporal("resume "+doing, err)
		}
	}
	p.out.Answers.Name, p.out.Answers.What, p.out.Answers.When = in.Probe.Name, in.Probe.String(), in.When
	asking, done := untilStop(ctx)
	defer done()
	defer p.beat(ctx)()
	for !p.over() {
		at, due, more := p.next(a.now())
		if !more {
			break
		}
		if sleep(asking, at.Sub(a.now())) != nil || !p.ask(asking, due) {
			break
		}
	}
	if isStopping(ctx) && !p.over() {
		return p.out, temporal.NewApplicationErrorWithOptions("this worker stops: another one goes on asking", "WorkerStops",
			temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})
	}
	return p.end(), nil
}

// probing is one probe that is being asked.
type probing struct {
	a     *Activities
	in    ProbeInput
	asker asker
	last  time.Time // it was asked, whatever came of that

	mu  sync.Mutex
	out ProbeOutput
}

// beat shows, often enough for a short heartbeat, that it lives, and what was
// answered, until the returned function is called, and then once more.
func (p *probing) beat(ctx context.Context) (stop func()) {
	say := func() {
		p.mu.Lock()
		defer p.mu.Unlock()
		activity.RecordHeartbeat(ctx, p.out.Answers)
	}
	beating, cancel := context.WithCancel(ctx)
	go func() {
		for sleep(beating, 300*time.Millisecond) == nil {
			say()
		}
	}()
	return func() { cancel(); say() }
}

// over reports whether the answers say enough.
func (p *probing) over() bool {
	said := p.out.Answers
	p.out.Unhealthy = p.in.UntilBad && said.Row >= p.in.Probe.Failures
	return p.out.Unhealthy || p.in.UntilGood && said.Asked > said.Failed
}

// next is when it is asked the next time, and since when it was to be. What was
// missed is not made up for.
func (p *probing) next(now time.Time) (at, due time.Time, more bool) {
	at = now
	if last := later(p.out.Answers.Last, p.last); !last.IsZero() {
		at = later(now, last.Add(p.in.Probe.Every.Std()))
	}
	for _, d := range p.in.During {
		if at.Before(d.To) {
			return later(at, d.From), d.From, true
		}
	}
	return at, due, false
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// stoodStill is how much later than its timeout an answer is that this process, and
// not the service, is late with.
const stoodStill = time.Second

// ask asks once, and reports whether it may be asked again. A question that was cut
// off by a stop, or by a process that stood still, says nothing.
func (p *probing) ask(ctx context.Context, due time.Time) bool {
	timeout := p.in.Probe.Timeout.Std()
	within, done := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", p.in.Probe.Timeout))
	defer done()
	asked := p.a.now()
	wrong, err := p.asker(within)
	came := p.a.now()
	if ctx.Err() != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	switch p.last = asked; {
	case err != nil:
		p.out.Answers.Unread = said(err)
	case wrong == "" || came.Sub(asked) < timeout+stoodStill:
		p.out.Answers.Take(due, asked, came, wrong)
	}
	return true
}

// end is what was answered, with what was not asked any more until now.
func (p *probing) end() ProbeOutput {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.over() {
		return p.out
	}
	now := p.a.now()
	for _, d := range p.in.During {
		if until := d.To; d.From.Before(now) {
			if now.Before(until) {
				until = now
			}
			p.out.Answers.Miss(d.From, until)
		}
	}
	return p.out
}

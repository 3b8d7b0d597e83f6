package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// Drills knows how lately the way back of a service was practised.
type Drills interface {
	// Required is how old the last practice may be where a rollout starts in an
	// environment; 0: none is asked for.
	Required(environment string) time.Duration
	// Practised is when the last rehearsal with drills of a service passed, in
	// whatever environment; the zero time: none is known. An error means that it
	// could not be found out, which is never taken for practised.
	Practised(ctx context.Context, service string) (time.Time, error)
}

// unpractised closes the start of a service whose way back was not practised as
// lately as its environment asks for; none where it was.
func (a *Activities) unpractised(ctx context.Context, t rollout.Target) []rollout.Closure {
	if a.Gates.Drills == nil {
		return nil
	}
	most := a.Gates.Drills.Required(t.Environment)
	if most == 0 {
		return nil
	}
	c := rollout.Closure{Gate: rollout.GateRehearsal, Name: t.Service, Exposure: rollout.ExposureHold}
	last, err := a.Gates.Drills.Practised(ctx, t.Service)
	switch {
	case err != nil:
		c.Keys = []string{"rehearsal/" + t.Service + "@unknown"}
		c.Reason = fmt.Sprintf("whether the way back of %s was practised could not be found out: %v", t.Service, err)
	case last.IsZero():
		c.Keys = []string{"rehearsal/" + t.Service + "@never"}
		c.Reason = fmt.Sprintf("no drill of the way back of %s is known to have passed: rehearse it", t.Service)
	case a.now().Sub(last) > most:
		at := last.UTC().Format(time.RFC3339)
		c.Keys = []string{"rehearsal/" + t.Service + "@" + at}
		c.Reason = fmt.Sprintf("the way back of %s was practised last at %s, and %s asks for that every %s: rehearse it", t.Service, at, t.Environment, rollout.Duration(most))
	default:
		return nil
	}
	return []rollout.Closure{c}
}

package main

import (
	"context"
	"time"

	"bakeoff/rollout"
)

// turningPoints are the events between which the time to restore is measured.
type turningPoints struct {
	ordered   time.Time // the breach was seen, or the order arrived
	restoring time.Time // the first restoring act was scheduled
	traffic   time.Time // baseline traffic was verified
	health    time.Time // its health was verified
}

// turn notes what turned the rollout back: the first that did.
func (p *turningPoints) turn(at time.Time) {
	if p.ordered.IsZero() {
		p.ordered = at
	}
}

// timed measures a way back in differences of event times. A rollout that was
// not put back, or not to its end, keeps what it says itself.
func (p turningPoints) timed(said *rollout.TimeToRestore) *rollout.TimeToRestore {
	if said == nil || p.restoring.IsZero() || p.traffic.Before(p.restoring) || p.health.Before(p.traffic) {
		return said
	}
	if p.ordered.IsZero() || p.ordered.After(p.restoring) {
		p.ordered = p.restoring
	}
	between := func(a, b time.Time) rollout.Duration { return rollout.Duration(b.Sub(a)) }
	return &rollout.TimeToRestore{
		Decide: between(p.ordered, p.restoring), Traffic: between(p.restoring, p.traffic),
		Health: between(p.traffic, p.health), Total: between(p.ordered, p.health),
	}
}

// retimed replaces the time to restore that a rollout measured itself, from
// when a worker took the order up, with that of the events: an order may have
// waited for a worker.
func retimed(ctx context.Context, svc service, r run, s rollout.Status) rollout.Status {
	if s.TimeToRestore == nil {
		return s
	}
	told, err := readStory(svc.Converter(), r, svc.Events(ctx, r))
	if err == nil { // otherwise what the rollout says is good enough
		s.TimeToRestore = told.points.timed(s.TimeToRestore)
	}
	return s
}

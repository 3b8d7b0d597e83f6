package scaled

import (
	"errors"
	"fmt"
	"math"
	"time"
)

// tolerance is how far a metric may be from its target before anything is done
// about it, as in Kubernetes.
const tolerance = 0.1

// Policy is how the autoscaler is set.
type Policy struct {
	Min, Max          int
	TargetQueue       float64       // requests that wait, for each replica
	TargetUtilisation float64       // share of the time that a replica is busy
	Interval          time.Duration // between decisions
	CooldownUp        time.Duration // least time from a rise to the next rise
	CooldownDown      time.Duration // least time from a fall to the next fall
	Stabilisation     time.Duration // least time from a rise to a fall; the highest wish of that time counts
}

// Validate says what is wrong, and what to do.
func (p Policy) Validate() error {
	switch {
	case p.Min < 0 || p.Max < 1 || p.Min > p.Max:
		return fmt.Errorf("min %d and max %d: min must not be negative, and max at least 1 and not below min", p.Min, p.Max)
	case !(p.TargetQueue > 0):
		return errors.New("target-queue: must be positive")
	case !(p.TargetUtilisation > 0 && p.TargetUtilisation <= 1):
		return errors.New("target-utilisation: must be above 0 and at most 1, such as 0.8")
	case p.Interval < 10*time.Millisecond:
		return errors.New("interval: at least 10ms")
	case p.CooldownUp < 0 || p.CooldownDown < 0 || p.Stabilisation < 0:
		return errors.New("cooldowns must not be negative")
	}
	return nil
}

// load is what the replicas had to do since the last decision.
type load struct {
	ready       int
	queue       float64 // requests that wait
	utilisation float64 // mean of the ready ones, 0 to 1
}

// autoscaler decides how many replicas there should be, as the one of
// Kubernetes does: for each metric ⌈ready × metric ÷ target⌉, of which the
// highest counts.
type autoscaler struct {
	policy     Policy
	wanted     int
	rose, fell time.Time
	wishes     []wish // of the last Stabilisation, oldest first
}

type wish struct {
	at       time.Time
	replicas int
}

func newAutoscaler(p Policy) *autoscaler { return &autoscaler{policy: p, wanted: p.Min} }

// decide returns how many replicas are wanted now.
func (a *autoscaler) decide(now time.Time, l load) int {
	p := a.policy
	highest := a.wish(now, p.desired(l))
	latest := a.wishes[len(a.wishes)-1].replicas
	switch {
	case latest > a.wanted && now.Sub(a.rose) >= p.CooldownUp:
		a.wanted, a.rose = latest, now
	case highest < a.wanted && now.Sub(a.rose) >= p.Stabilisation && now.Sub(a.fell) >= p.CooldownDown:
		a.wanted, a.fell = highest, now
	}
	return a.wanted
}

// wish remembers a wish, and returns the highest of those that still count.
func (a *autoscaler) wish(now time.Time, replicas int) (highest int) {
	a.wishes = append(a.wishes, wish{now, replicas})
	for now.Sub(a.wishes[0].at) > a.policy.Stabilisation {
		a.wishes = a.wishes[1:]
	}
	for _, w := range a.wishes {
		highest = max(highest, w.replicas)
	}
	return highest
}

func (p Policy) desired(l load) int {
	if l.ready == 0 { // nobody is busy: the queue alone tells
		return p.clamp(math.Ceil(l.queue / p.TargetQueue))
	}
	byQueue := l.queue / float64(l.ready) / p.TargetQueue
	ratio := max(byQueue, l.utilisation/p.TargetUtilisation)
	if math.Abs(ratio-1) <= tolerance {
		return p.clamp(float64(l.ready))
	}
	return p.clamp(math.Ceil(float64(l.ready) * ratio))
}

func (p Policy) clamp(replicas float64) int {
	return int(min(max(replicas, float64(p.Min)), float64(p.Max)))
}

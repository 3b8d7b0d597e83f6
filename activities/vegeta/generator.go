// Package vegeta sends load with vegeta (github.com/tsenart/vegeta), as a
// library. Its attacker runs the workers, as many as are needed so that a slow
// answer holds up no other request. When to send, and what, is the schedule's:
// see [Generator.Attack].
package vegeta

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bakeoff/activities"
	"bakeoff/rehearsal/load"
)

// Generator implements activities.Load.
type Generator struct{}

var _ activities.Load = Generator{}

// readingBack is the highest rate at which transactions are read back.
const readingBack load.Rate = 200

// Attack implements activities.Load. An order that asks for more than it may,
// or that makes no sense, is refused before anything is sent.
//
// Vegeta's own figures are not used: it measures from the moment at which a
// worker was free, and so does not see who would have waited for one.
func (Generator) Attack(ctx context.Context, o activities.AttackOrder, raw io.Writer, progress func(load.Results)) (load.Results, error) {
	s, err := scheduleOf(o)
	if err != nil {
		return load.Results{}, fmt.Errorf("load %s: %w: %w", o.Load.Name, activities.ErrFinal, err)
	}
	a := newAttack(ctx, s, o)
	defer a.close()
	a.tally = newTally(o, a.start, raw)
	if !a.waitUntil(0) {
		return a.tally.whole(), errors.Join(ctx.Err(), a.tally.close())
	}
	stopTelling := a.tally.tell(progress)
	a.run()
	stopTelling()
	return a.tally.whole(), errors.Join(ctx.Err(), a.tally.close())
}

// scheduleOf is what is to be sent, if that may be sent.
func scheduleOf(o activities.AttackOrder) (*load.Schedule, error) {
	if o.Shard < 0 || o.Shard >= o.Shards {
		return nil, fmt.Errorf("shard %d of %d is none: count from 0", o.Shard, o.Shards)
	}
	s, err := load.New(o.Seed, o.Load, o.Recording)
	if err != nil {
		return nil, err
	}
	s = s.Of(o.Run)
	if peak := s.Peak(); !(peak <= float64(o.Most)) {
		return nil, fmt.Errorf("it means to send %.6g requests a second, and %s are allowed: lower its rate, or give closed users time to think", peak, o.Most)
	}
	if o.ReadBack {
		s = s.ReadBack(o.Transactions, min(readingBack, o.Most))
	}
	return s, nil
}

// run lets vegeta's attacker send, until the schedule or the context ends.
func (a *attack) run() {
	most := a.load.Connections
	if a.users > 0 {
		most = a.users
	}
	attacker := vegeta.NewAttacker(vegeta.Client(&http.Client{Transport: a}), vegeta.MaxWorkers(uint64(most)))
	for range attacker.Attack(nextArrival, a, 0, "") {
		continue // everything is in the tally
	}
}

// nextArrival tells the attacker to send. What, is known to the attack alone.
func nextArrival(t *vegeta.Target) error {
	t.Method, t.URL = http.MethodGet, "http://next.arrival/"
	return nil
}

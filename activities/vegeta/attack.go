package vegeta

import (
	"context"
	"iter"
	"net"
	"net/http"
	"time"

	"bakeoff/activities"
	"bakeoff/rehearsal/load"
)

// attack is one generator at work. To vegeta's attacker it is two things. As
// its pacer, it says when the next arrival is due, and hands that over. As the
// transport of its workers' client it takes the arrival, and does the whole
// journey: what vegeta takes for one hit is one arrival.
type attack struct {
	ctx       context.Context
	schedule  *load.Schedule
	load      load.Load
	start     time.Time // by this process's own clock, which nobody turns back
	from      time.Duration
	began     time.Duration // on the load's clock: below 0 when it is early
	next      func() (load.Arrival, bool)
	stop      func() // no next any more
	due       chan load.Arrival
	users     int // of a closed load; else 0
	first     int // arrival of a closed load that is sent
	transport *http.Transport
	timer     *time.Timer
	tally     *tally
	waits     []wait // in which no connection was free, as long as somebody who came in them still waits
	returned  time.Duration
}

// wait is a time on the load's clock.
type wait struct{ from, to time.Duration }

func newAttack(ctx context.Context, s *load.Schedule, o activities.AttackOrder) *attack {
	l, now := s.Load(), time.Now()
	a := &attack{ctx: ctx, schedule: s, load: l, start: now, from: o.From.Std(), due: make(chan load.Arrival, 1), timer: time.NewTimer(0)}
	if !o.Start.IsZero() {
		a.start = now.Add(o.Start.Round(0).Sub(now)) // by the wall clock, which shards share
	}
	if l.Closed != nil {
		a.users = l.Closed.Users / o.Shards
		if o.Shard < l.Closed.Users%o.Shards {
			a.users++
		}
	}
	a.began = a.since()
	if o.Again && a.users > 0 {
		a.first = a.beyond() * o.Shards
	}
	a.next, a.stop = iter.Pull(s.Arrivals(o.Shard, o.Shards))
	a.transport = &http.Transport{
		DialContext:         (&net.Dialer{KeepAlive: -1}).DialContext,
		DisableKeepAlives:   !*l.KeepAlive,
		DisableCompression:  true,
		ForceAttemptHTTP2:   true,
		MaxIdleConnsPerHost: max(l.Connections, a.users),
	}
	return a
}

// beyond is more arrivals than the users of this generator can have come to by
// now: each thinks after every one, and one more waits for a user. Whoever sends
// what a try before has sent writes its transactions twice.
func (a *attack) beyond() int {
	each := 2 + max(0, a.began)/max(a.load.Closed.Think.Std(), 1)
	return a.users*int(each) + 2
}

func (a *attack) close() {
	a.stop()
	a.transport.CloseIdleConnections()
}

// since is the time on the load's clock.
func (a *attack) since() time.Duration { return time.Since(a.start) }

// Pace waits until the next arrival is due and hands it to the workers. It
// waits itself, and so ends with the context, as vegeta's own sleep would not.
func (a *attack) Pace(time.Duration, uint64) (wait time.Duration, stop bool) {
	a.noteWait()
	defer func() { a.returned = a.since() }()
	for a.ctx.Err() == nil {
		arrival, more := a.next()
		if !more || a.users > 0 && a.since() >= a.schedule.Length() {
			break
		}
		if a.users > 0 && arrival.Index < a.first || a.users == 0 && arrival.Offset < a.from {
			continue
		}
		if a.users == 0 && a.tooLate(arrival.Offset) {
			a.tally.add(a.unsent(arrival))
			continue
		}
		if !a.waitUntil(arrival.Offset) {
			break
		}
		select {
		case a.due <- arrival:
			return 0, false
		case <-a.ctx.Done():
		}
	}
	return 0, true
}

// noteWait notes how long the attacker took to come back: it does so at once,
// unless every worker it may have waits for an answer.
func (a *attack) noteWait() {
	const chance = time.Millisecond
	now, last := a.since(), len(a.waits)-1
	switch {
	case a.returned == 0 || now-a.returned < chance:
	case last >= 0 && a.returned-a.waits[last].to < chance:
		a.waits[last].to = now
	default:
		a.waits = append(a.waits, wait{a.returned, now})
	}
}

// unsent is an arrival of whom nobody waits any more. Where the service kept all
// connections busy for most of the time that an answer may take, that is an error of
// the service, as its user met it; else the generator missed it.
func (a *attack) unsent(arrival load.Arrival) load.Record {
	out := load.Record{Arrival: arrival.Index, Planned: arrival.Offset, Kind: load.KindMissed}
	for len(a.waits) > 0 && a.waits[0].to < arrival.Offset {
		a.waits = a.waits[1:]
	}
	stalled := time.Duration(0)
	for _, w := range a.waits {
		stalled += w.to - max(w.from, arrival.Offset)
	}
	if 2*stalled > a.load.Timeout.Std() {
		out.Kind, out.Latency = load.KindStalled, a.since()-arrival.Offset
	}
	return out
}

// tardiness is how late a generator may begin and still send what was due.
const tardiness = time.Second

// tooLate reports whether nobody waits any more: for as long as an answer may
// take, the request could not be sent. What was due before the generator began
// is not sent all at once, and by a second try not at all: the first may have.
func (a *attack) tooLate(offset time.Duration) bool {
	grace := tardiness
	if a.from > 0 {
		grace = 0
	}
	return a.since()-offset > a.load.Timeout.Std() || offset < a.began-grace
}

// Rate is part of vegeta's Pacer, and asked by nobody.
func (a *attack) Rate(time.Duration) float64 { return a.schedule.Peak() }

// lastStretch is slept through, because Go's timers may be a millisecond late.
const lastStretch = 2 * time.Millisecond

// waitUntil reports false when the context ended first.
func (a *attack) waitUntil(offset time.Duration) bool {
	if wait := offset - a.since(); wait > lastStretch {
		a.timer.Reset(wait - lastStretch)
		select {
		case <-a.timer.C:
		case <-a.ctx.Done():
			return false
		}
	}
	for wait := offset - a.since(); wait > 0; wait = offset - a.since() {
		sleep(wait)
	}
	return a.ctx.Err() == nil
}

// RoundTrip does one arrival. The request and the answer are only vegeta's.
func (a *attack) RoundTrip(*http.Request) (*http.Response, error) {
	if arrival := <-a.due; a.ctx.Err() == nil {
		a.journey(arrival)
	}
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody}, nil
}

// journey sends the requests of an arrival, up to the first that fails. The
// first is due at the arrival's moment, the others as soon as the one before
// is answered. A closed load's users come when they can, and think afterwards.
func (a *attack) journey(arrival load.Arrival) {
	planned := arrival.Offset
	if a.users > 0 {
		planned = a.since()
	}
	var captured map[string]string
	for step, request := range a.schedule.Journey(arrival) {
		if len(captured) > 0 {
			request = request.Fill(captured)
		}
		record := load.Record{Arrival: arrival.Index, Step: step, Ledger: request.Ledger, Planned: planned, Late: a.since() - planned}
		got := a.send(request)
		record.Status, record.Version, record.Kind = got.status, got.version, got.kind
		record.Latency = a.since() - planned
		a.tally.add(record)
		if !record.Good() {
			break
		}
		for name, value := range got.captured {
			if captured == nil {
				captured = map[string]string{}
			}
			captured[name] = value
		}
		planned += record.Latency
	}
	if a.users > 0 && a.load.Closed.Think > 0 {
		a.think()
	}
}

func (a *attack) think() {
	select {
	case <-time.After(a.load.Closed.Think.Std()):
	case <-a.ctx.Done():
	}
}

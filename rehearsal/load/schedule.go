package load

import (
	"errors"
	"fmt"
	"iter"
	"math"
	"slices"
	"time"

	"bakeoff/rehearsal/seed"
)

// Schedule is a load made ready: which request is due when. It does not change,
// and may be used by several goroutines.
type Schedule struct {
	seed    int64
	run     string // whose ids it sends; "": those that are the same in every run
	load    Load
	scripts []script        // journeys, or the one request, or each request of a recording
	shares  []float64       // of scripts before and with each one; nil: the arrival's number picks
	pieces  []piece         // of an open load
	offsets []time.Duration // of a replay
	back    []Arrival       // of reading back
}

// Arrival is one user who comes: the moment at which the first request of a
// script is due. Further requests follow each answer at once.
type Arrival struct {
	Index  int           // from 0, in the order of Offset, over all shards
	Offset time.Duration // since the load's start, whole microseconds; 0 in a closed load
	Script int           // which journey, or recorded request
}

// New makes a load ready. The recording is that of load.replay, and nil without
// it. A load with problems, and a recording of which nothing is left to be
// sent, are refused.
func New(seed int64, l Load, recording []Recorded) (*Schedule, error) {
	if problems := l.Problems(""); len(problems) > 0 {
		return nil, fmt.Errorf("load %q cannot be sent: %s", l.Name, problems[0])
	}
	l = l.WithDefaults()
	s := &Schedule{seed: seed, load: l}
	if l.Replay != nil {
		return s, s.replay(recording)
	}
	journeys := l.Journeys
	if len(journeys) == 0 {
		journeys = []Journey{{Steps: []Step{{Method: l.Method, Body: l.Body}}}}
	}
	sum := 0.0
	for _, j := range journeys {
		script, err := l.compile(j)
		if err != nil {
			return nil, err
		}
		if j.Weight != nil {
			sum += *j.Weight
		}
		s.scripts, s.shares = append(s.scripts, script), append(s.shares, sum)
	}
	if l.Closed == nil {
		s.pieces = l.pieces()
	}
	return s, nil
}

// replay takes the sample of a recording that is to be sent.
func (s *Schedule) replay(recording []Recorded) error {
	r, draws := s.load.Replay, seed.For(s.seed, "load", s.load.Name, "sample")
	for _, rec := range recording {
		if draws.IntN(int(fullShare)) >= int(*r.Sample) {
			continue
		}
		offset := time.Duration(float64(rec.Offset) / r.Speed).Round(time.Microsecond)
		if s.load.For > 0 && offset >= s.load.For.Std() {
			break
		}
		s.offsets = append(s.offsets, offset)
		s.scripts = append(s.scripts, s.load.recorded(rec))
	}
	if len(s.offsets) == 0 {
		return errors.New("nothing of the recording is left to be sent: take a larger sample, or a longer load")
	}
	return nil
}

// Of is the schedule of one run. It differs in ids and payloads alone, so that what
// an earlier run of the same seed has left is not taken for what this one wrote.
// Its digest is the same.
func (s *Schedule) Of(run string) *Schedule {
	out := *s
	out.run = run
	return &out
}

// ReadBack is a schedule that only reads back the transactions of some arrivals
// (see [Ledger.Transactions]), one after the other at a rate. It is open, with the
// connections of an open load, also where the load itself is closed.
func (s *Schedule) ReadBack(arrivals []int, rate Rate) *Schedule {
	out := *s
	out.load.Closed, out.offsets, out.back, out.scripts = nil, nil, []Arrival{}, nil
	out.load.Trace = 0 // no user waits for this
	out.load = out.load.WithDefaults()
	for _, script := range s.scripts {
		out.scripts = append(out.scripts, script.reading())
	}
	wanted, last := map[int]bool{}, -1
	for _, arrival := range arrivals {
		wanted[arrival], last = true, max(last, arrival)
	}
	for a := range s.all() {
		if a.Index > last {
			break
		}
		if wanted[a.Index] {
			a.Offset = micros(float64(len(out.back)) / float64(rate))
			out.back = append(out.back, a)
		}
	}
	return &out
}

// Load is the load of the schedule, every default written out.
func (s *Schedule) Load() Load { return s.load }

// Length is how long the load lasts. A replay without `for` ends right after
// its last request.
func (s *Schedule) Length() time.Duration {
	if n := len(s.back); n > 0 {
		return s.back[n-1].Offset + time.Microsecond
	}
	if n := len(s.offsets); n > 0 && s.load.For == 0 {
		return s.offsets[n-1] + time.Microsecond
	}
	return s.load.For.Std()
}

// Peak is the most requests a second: [Load.Peak], and of a replay the most in
// any one second.
func (s *Schedule) Peak() float64 {
	if s.offsets == nil {
		return s.load.Peak()
	}
	most, first := 0, 0
	for last, offset := range s.offsets {
		for offset-s.offsets[first] >= time.Second {
			first++
		}
		most = max(most, last-first+1)
	}
	return float64(most)
}

// Arrivals yields the arrivals of one of several generators, in their order.
// Together the generators have each arrival once, whatever their number. Those
// of a closed load never end.
func (s *Schedule) Arrivals(shard, shards int) iter.Seq[Arrival] {
	return func(yield func(Arrival) bool) {
		for a := range s.all() {
			if a.Index%shards == shard && !yield(a) {
				return
			}
		}
	}
}

func (s *Schedule) all() iter.Seq[Arrival] {
	if s.back != nil {
		return slices.Values(s.back)
	}
	return func(yield func(Arrival) bool) {
		which, index := seed.For(s.seed, "load", s.load.Name, "journeys"), 0
		for offset := range s.moments() {
			a := Arrival{Index: index, Offset: offset, Script: index}
			if s.shares != nil {
				a.Script = pick(s.shares, which.Float64())
			}
			if !yield(a) {
				return
			}
			index++
		}
	}
}

// pick is the first share that is above the drawn part of the last one.
func pick(shares []float64, drawn float64) int {
	point := drawn * shares[len(shares)-1]
	for i, share := range shares {
		if point < share {
			return i
		}
	}
	return len(shares) - 1
}

// slack keeps an arrival that is due exactly at the end, but for rounding, out.
const slack = 1e-6

// moments yields when arrivals are due. Where the rate changes, time is
// rescaled: the n-th comes when n arrivals are expected for even ones, and for
// a Poisson process when as many are expected as the n-th arrival of one with
// rate 1 would have come at (Çinlar, Introduction to Stochastic Processes,
// 1975, ch. 4, sec. 7).
func (s *Schedule) moments() iter.Seq[time.Duration] {
	switch {
	case s.load.Closed != nil:
		return func(yield func(time.Duration) bool) {
			for yield(0) {
			}
		}
	case s.offsets != nil:
		return func(yield func(time.Duration) bool) {
			for _, offset := range s.offsets {
				if !yield(offset) {
					return
				}
			}
		}
	}
	return func(yield func(time.Duration) bool) {
		next := s.unitArrivals()
		before, due := 0.0, next()
		for _, p := range s.pieces {
			inside := p.expected()
			for ; due < before+inside-slack; due = next() {
				if !yield(micros(p.at(max(0, due-before)))) {
					return
				}
			}
			before += inside
		}
	}
}

// unitArrivals returns a source of the arrivals of a process with rate 1.
func (s *Schedule) unitArrivals() func() float64 {
	if s.load.Arrivals != Poisson {
		count := -1.0
		return func() float64 { count++; return count }
	}
	gaps, sum := seed.For(s.seed, "load", s.load.Name, "arrivals"), 0.0
	return func() float64 { sum += gaps.ExpFloat64(); return sum }
}

func micros(seconds float64) time.Duration {
	return time.Duration(math.Round(seconds*1e6)) * time.Microsecond
}

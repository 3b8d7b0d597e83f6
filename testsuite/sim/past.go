package sim

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"bakeoff/activities"
)

var (
	_ activities.Historian = (*World)(nil)
	_ activities.Tallier   = (*World)(nil)
)

// SetPast gives a version a past: how each of its instances answered in
// stretches of the given length, the last of which ends now. Rate is that of
// one instance. Only History tells of it; without a past there is none.
func (w *World) SetPast(version string, length time.Duration, instances map[string][]Behaviour) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.past[version] = map[string][]stretch{}
	for name, behaved := range instances {
		var all []stretch
		s := stretch{from: w.passed - time.Duration(len(behaved))*length}
		for _, b := range behaved {
			b = b.withDefaults()
			s.behave, s.rate = b, b.Rate
			all = append(all, s)
			s = stretch{from: s.from + length, counters: s.upTo(s.from + length)}
		}
		w.past[version][name] = append(all, s)
	}
}

// SetIncrease says by how much the series of a selector have grown, within
// whatever stretch is asked for. A negative number cannot be read.
func (w *World) SetIncrease(selector string, n float64) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.increase[selector] = n
}

// Increase implements [activities.Tallier].
func (w *World) Increase(_ context.Context, selector string, _ time.Duration, _ time.Time) (n float64, found bool, err error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if n, found = w.increase[selector]; n < 0 {
		return 0, false, errors.New("503 Service Unavailable")
	}
	return n, found, nil
}

// History implements [activities.Historian]. There is one series for each
// instance, named like it.
func (w *World) History(ctx context.Context, q activities.HistoryQuery) ([]activities.Moment, error) {
	if q.Check.Query != "" {
		return nil, errors.New("history: a query has none")
	}
	var moments []activities.Moment
	err := w.call(ctx, OpHistory, func() error {
		past := w.past[q.Version.Version]
		if len(past) == 0 {
			return nil
		}
		for t := q.From; !t.After(q.To); t = t.Add(q.Step) {
			m := activities.Moment{At: t, Instances: map[string]activities.SideReading{}}
			for _, name := range slices.Sorted(maps.Keys(past)) {
				if c, seen := countedAt(past[name], w.at(t)); seen {
					m.Instances[name] = counted(q.Check, name, c)
				}
			}
			moments = append(moments, m)
		}
		return nil
	})
	return moments, err
}

// countedAt is what an instance had counted at a moment of its past.
func countedAt(past []stretch, at time.Duration) (Counters, bool) {
	for _, s := range slices.Backward(past) {
		if s.from <= at {
			return s.upTo(at), true
		}
	}
	return Counters{}, false
}

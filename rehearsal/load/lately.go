package load

import (
	"slices"
	"sync"
	"time"

	"bakeoff/rollout"
)

// Window is what came of the requests of a load, or of one generator's part of it, in
// the last moments: of those that ended then, whenever they were due.
type Window struct {
	Load  string           `json:"load"`
	Over  rollout.Duration `json:"over"`  // so far it reaches back
	Until time.Time        `json:"until"` // from here
	Seen  Bucket           `json:"seen"`
}

// Lately keeps what came of the requests of one generator for as long as its windows
// reach back. It is safe for concurrent use.
type Lately struct {
	load  string
	overs []rollout.Duration

	mu      sync.Mutex
	since   time.Time // it is told from here on
	bits    []bit     // oldest first
	windows []Window
}

// bit is what ended until a moment, and after that of the bit before.
type bit struct {
	until time.Time
	seen  Bucket
}

// NewLately keeps windows of these lengths.
func NewLately(load string, overs []rollout.Duration) *Lately {
	return &Lately{load: load, overs: overs}
}

// Take takes in what ended since it was told last. Nothing is said of a window that
// reaches back further than the first time that it was told.
func (l *Lately) Take(now time.Time, fresh Results) {
	if len(l.overs) == 0 {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.since.IsZero() {
		l.since = now
	}
	l.bits = append(l.bits, bit{now, fresh.Total()})
	longest := slices.Max(l.overs).Std()
	l.bits = slices.DeleteFunc(l.bits, func(b bit) bool { return now.Sub(b.until) >= longest })
	l.windows = nil
	for _, over := range l.overs {
		if now.Sub(l.since) < over.Std() {
			continue
		}
		w := Window{Load: l.load, Over: over, Until: now}
		for _, b := range l.bits {
			if now.Sub(b.until) < over.Std() {
				w.Seen.merge(&b.seen)
			}
		}
		l.windows = append(l.windows, w)
	}
}

// Windows are those of the last moment that was told.
func (l *Lately) Windows() []Window {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.windows
}

// InOne is what all windows saw.
func InOne(windows []Window) Bucket {
	var all Bucket
	for _, w := range windows {
		all.merge(&w.Seen)
	}
	return all
}

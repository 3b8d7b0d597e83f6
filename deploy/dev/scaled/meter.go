package scaled

import (
	"sync"
	"time"
)

// recent is the weight of the last interval in the utilisation: what a few
// requests that come together make of one interval is no reason to scale.
const recent = 0.4

// meter counts replicas, and how much of their time they are busy. It is safe
// for concurrent use.
type meter struct {
	mu              sync.Mutex
	ready, busy     int
	at              time.Time // of the last change
	readyFor, timed time.Duration
	utilisation     float64 // of the last intervals, exponentially weighted
}

func newMeter() *meter { return &meter{at: time.Now()} }

func (m *meter) changeReady(by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pass()
	m.ready += by
}

func (m *meter) changeBusy(by int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pass()
	m.busy += by
}

// pass takes the time since the last change into account.
func (m *meter) pass() {
	now := time.Now()
	m.readyFor += now.Sub(m.at) * time.Duration(m.ready)
	m.timed += now.Sub(m.at) * time.Duration(m.busy)
	m.at = now
}

// read begins a new interval, and returns how many replicas are ready and what
// share of their time they were busy in those before.
func (m *meter) read() (ready int, utilisation float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pass()
	now := 0.0
	if m.readyFor > 0 {
		now = m.timed.Seconds() / m.readyFor.Seconds()
	}
	m.utilisation += recent * (now - m.utilisation)
	m.readyFor, m.timed = 0, 0
	return m.ready, m.utilisation
}

// last returns the same without a new interval.
func (m *meter) last() (ready int, utilisation float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ready, m.utilisation
}

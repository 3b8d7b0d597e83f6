package scaled

import (
	"sync"
	"time"
)

// meter counts replicas, and how much of their time they are busy. It is safe
// for concurrent use.
type meter struct {
	mu              sync.Mutex
	ready, busy     int
	at              time.Time // of the last change
	readyFor, timed time.Duration
	utilisation     float64 // of the last interval
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
// share of their time they were busy in the one before.
func (m *meter) read() (ready int, utilisation float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.pass()
	m.utilisation = 0
	if m.readyFor > 0 {
		m.utilisation = m.timed.Seconds() / m.readyFor.Seconds()
	}
	m.readyFor, m.timed = 0, 0
	return m.ready, m.utilisation
}

// last returns the same without a new interval.
func (m *meter) last() (ready int, utilisation float64) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.ready, m.utilisation
}

package main

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"bakeoff/rollout"
)

// practisedFor is how long an answer about rehearsals is used again: what matters
// of it are days.
const practisedFor = time.Minute

var lastDrillDesc = prometheus.NewDesc("bakeoff_rehearsal_last_success_timestamp_seconds",
	"When a rehearsal last showed that the service can go back.", []string{"environment", "service"}, nil)

// lastDrills reports when each service last showed its way back. It asks Temporal
// when it is scraped, so that it is right after any restart; every control worker
// reports the same. Where Temporal does not answer, what was known holds.
type lastDrills struct {
	practice *practice
	log      *slog.Logger
	now      func() time.Time

	mu    sync.Mutex
	asked time.Time
	known map[[2]string]time.Time // by environment and service
}

var _ prometheus.Collector = (*lastDrills)(nil)

// Describe names the gauge.
func (l *lastDrills) Describe(out chan<- *prometheus.Desc) { out <- lastDrillDesc }

// Collect sends it, as of at most practisedFor ago.
func (l *lastDrills) Collect(out chan<- prometheus.Metric) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now := l.now(); l.asked.IsZero() || now.Sub(l.asked) >= practisedFor {
		l.asked = now
		if last, err := l.ask(); err != nil {
			l.log.Warn("rehearsals cannot be looked for", "error", err)
		} else {
			l.known = last
		}
	}
	for k, at := range l.known {
		send(out, lastDrillDesc, float64(at.Unix()), k[:]...)
	}
}

func (l *lastDrills) ask() (map[[2]string]time.Time, error) {
	ctx, cancel := context.WithTimeout(context.Background(), openWithin)
	defer cancel()
	last := map[[2]string]time.Time{}
	for e, err := range l.practice.ended(ctx, practiceQuery) {
		if err != nil {
			return nil, fmt.Errorf("list rehearsals: %w", err)
		}
		attributes := e.GetSearchAttributes().GetIndexedFields()
		key := [2]string{attribute[string](attributes, rollout.AttributeEnvironment), attribute[string](attributes, rollout.AttributeService)}
		if _, newer := last[key]; newer {
			continue
		}
		is, err := l.practice.shows(ctx, e)
		if err != nil {
			return nil, err
		}
		if is {
			last[key] = e.GetCloseTime().AsTime()
		}
	}
	return last, nil
}

package activities

import (
	"context"
	"fmt"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// refusesWithin bounds how long metrics are asked, before anything starts, whether they
// refuse any signal: those that do not answer are no reason not to begin.
const refusesWithin = 10 * time.Second

// refusedSignals says which signals their metrics refuse, as they answer now: a query
// that they do not understand, or that gives several series.
func (a *Activities) refusedSignals(ctx context.Context, m rehearsal.Manifest, sampling *rehearsal.PlannedSampling) (out []rollout.Problem) {
	ctx, done := context.WithTimeout(ctx, refusesWithin)
	defer done()
	candidate := m.Rollout.Release.Version
	add := func(path string, reader *signalReader, i int) {
		if why := reader.refused(ctx, a.now(), i); why != "" {
			out = append(out, rollout.Problem{Path: path + ".query", Message: why})
		}
	}
	for i, s := range m.PlannedSignals() {
		if reader, err := a.signalReaderOf(s, m.Rollout.Target, candidate); err == nil { // unreadSignals has it
			add(fmt.Sprintf("signals[%d]", i), reader, 0)
		}
	}
	if sampling == nil {
		return out
	}
	e := sampling.Expect
	reader, err := a.newSignalReader(metricsOf(e, m.Rollout.Target), Version{Version: candidate, Endpoints: e.Endpoints}, signalsOf(e.Signals))
	if err != nil { // sampling has it
		return out
	}
	for i, s := range reader.signals {
		add("scaling.signals."+s.name, reader, i)
	}
	return out
}

// refused says why the metrics refuse a signal as they answer now, by its place among
// those that are read; "" where nothing is known against it.
func (s *signalReader) refused(ctx context.Context, now time.Time, i int) string {
	server, asks := s.metrics.(interface {
		Refuses(ctx context.Context, check rollout.Check, version string, at time.Time) string
	})
	if !asks {
		return ""
	}
	return server.Refuses(ctx, s.signals[i].check(), s.side.Version, now.Add(-s.metrics.Delay()))
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// mostSamples is how many samples one run has at most: as many as go into
// history without harm.
const mostSamples = 1000

// While sampling waits, it shows that it lives this often; no reading takes
// longer than readWithin, for the same reason.
const (
	liveEvery  = 2 * time.Second
	readWithin = 5 * time.Second
)

// SampleScalingInput asks for samples of an autoscaled service.
type SampleScalingInput struct {
	Expect  scaling.Expect  `json:"expect"`
	Drivers rollout.Drivers `json:"drivers"`           // its metrics serve where Expect names none
	Version string          `json:"version,omitempty"` // what {{.Version}} of queries stands for
	Until   time.Time       `json:"until"`             // of what is read: metrics that are late are read later
}

// SampleScalingOutput is what was read, oldest first.
type SampleScalingOutput struct {
	Samples []scaling.Sample  `json:"samples"`
	Every   rollout.Duration  `json:"every"`            // how often
	Unread  map[string]string `json:"unread,omitempty"` // signal → why it could not be read, the last time
}

// SampleScaling reads the signals of an autoscaled service until a moment. It
// polls as often as Expect says, and less often where that would be more than a
// thousand times. What cannot be read is missing from its sample, and says why
// in Unread; a signal that the metrics driver can never read is a final error.
//
// Samples travel in heartbeats, so that a new worker goes on where a dead one
// stopped; nothing is made up for the time in between. When it is cancelled,
// the samples go into the cancellation's details.
func (a *Activities) SampleScaling(ctx context.Context, in SampleScalingInput) (SampleScalingOutput, error) {
	s, err := a.newSampler(in)
	if err != nil {
		return SampleScalingOutput{}, asTemporal("sample scaling", err)
	}
	if activity.HasHeartbeatDetails(ctx) {
		if err := activity.GetHeartbeatDetails(ctx, &s.SampleScalingOutput); err != nil {
			return SampleScalingOutput{}, asTemporal("resume the samples", err)
		}
	}
	watching, done := untilStop(ctx)
	defer done()
	for next := a.now(); ; next = s.next(next) {
		if s.await(watching, next) != nil {
			break
		}
		s.poll(watching, a.now())
		if watching.Err() != nil {
			break
		}
		activity.RecordHeartbeat(ctx, s.SampleScalingOutput)
		if !next.Before(s.in.Until) {
			return s.SampleScalingOutput, nil
		}
	}
	if isStopping(ctx) {
		activity.RecordHeartbeat(ctx, s.SampleScalingOutput)
		return SampleScalingOutput{}, errHandOver
	}
	return s.SampleScalingOutput, temporal.NewCanceledError(s.SampleScalingOutput)
}

// errHandOver ends sampling by a worker that stops.
var errHandOver = temporal.NewApplicationErrorWithOptions("this worker stops: another one goes on sampling",
	"WorkerStops", temporal.ApplicationErrorOptions{Category: temporal.ApplicationErrorCategoryBenign})

// sampler is one autoscaled service being watched.
type sampler struct {
	*signalReader
	a  *Activities
	in SampleScalingInput

	SampleScalingOutput
}

func (a *Activities) newSampler(in SampleScalingInput) (*sampler, error) {
	in.Expect = in.Expect.WithDefaults()
	side := Version{Version: in.Version, Endpoints: in.Expect.Endpoints}
	reader, err := a.newSignalReader(metricsOf(in.Expect, in.Drivers), side, signalsOf(in.Expect.Signals))
	if err != nil {
		return nil, err
	}
	s := &sampler{signalReader: reader, a: a, in: in}
	s.in.Until = in.Until.Add(s.metrics.Delay()) // when that moment can be read
	for _, p := range scalingProblems(in.Expect, s.metrics, "scaling") {
		return nil, fmt.Errorf("%s: %w", p, ErrFinal)
	}
	s.Every = max(in.Expect.Poll, rollout.Duration(in.Until.Sub(a.now())/mostSamples))
	return s, nil
}

// metricsOf is the driver that reads the signals; nil where there is none.
func metricsOf(e scaling.Expect, of rollout.Drivers) *rollout.Driver {
	if e.Metrics != nil {
		return e.Metrics
	}
	return of.Metrics
}

// scalingProblems asks the metrics driver whether it can read each signal.
func scalingProblems(e scaling.Expect, metrics Metrics, path string) []rollout.Problem {
	var out []rollout.Problem
	for _, s := range signalsOf(e.Signals) {
		if why := neverRead(s, metrics); why != "" {
			out = append(out, rollout.Problem{Path: path + ".signals." + s.name, Message: why})
		}
	}
	return out
}

// next is when the next poll is due, or the last one. Polls that were missed
// are not made up for.
func (s *sampler) next(last time.Time) time.Time {
	next, every := last.Add(s.Every.Std()), s.Every.Std()
	if late := s.a.now().Sub(next); late > 0 {
		next = next.Add(late.Truncate(every) + every)
	}
	if last.Before(s.in.Until) && next.After(s.in.Until) {
		return s.in.Until
	}
	return next
}

// await returns at the time given, with an error when the sampling is over before.
func (s *sampler) await(ctx context.Context, at time.Time) error {
	for {
		left := at.Sub(s.a.now())
		if err := sleep(ctx, min(left, liveEvery)); err != nil || left <= liveEvery {
			return err
		}
		activity.RecordHeartbeat(ctx, s.SampleScalingOutput)
	}
}

// poll reads all signals once.
func (s *sampler) poll(ctx context.Context, at time.Time) {
	at, values := s.read(ctx, at)
	if ctx.Err() != nil {
		return
	}
	sample := scaling.Sample{At: at}
	for i, signal := range s.signals {
		v, why := values[i].number, values[i].why
		switch {
		case why == nil:
			*signal.field(&sample) = &v
		case !errors.Is(why, errFirst):
			s.unread(signal.name, why.Error())
		}
	}
	s.Samples = append(s.Samples, sample)
}

func (s *sampler) unread(signal, why string) {
	if s.Unread == nil {
		s.Unread = map[string]string{}
	}
	s.Unread[signal] = why
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"math"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// asker asks once, and says what is wrong with the answer; "" when nothing is. An
// error is that nobody knows.
type asker func(ctx context.Context) (wrong string, err error)

// asker is who asks for a probe.
func (a *Activities) asker(in ProbeInput) (asker, error) {
	if in.Probe.Query != "" {
		return a.queries(in)
	}
	switch {
	case in.Probe.Signal != "":
		return a.users(in.Probe), nil
	case a.Prober == nil:
		return nil, fmt.Errorf("this worker asks nobody: %w", ErrFinal)
	case a.Practice.Reaches != nil && !a.Practice.Reaches(in.Probe.URL):
		return nil, fmt.Errorf("%s is not named by this worker's rehearsals.urls: %w", in.Probe.URL, ErrFinal)
	}
	return func(ctx context.Context) (string, error) {
		status, body, err := a.Prober.Ask(ctx, in.Probe.URL)
		wrong := in.Probe.Judge(status, body)
		if err != nil { // who does not answer is not well
			wrong = err.Error()
		}
		if cause := context.Cause(ctx); cause != nil && err != nil {
			wrong = cause.Error()
		}
		return wrong, nil
	}, nil
}

// queries asks the metrics. What they say is as old as they are late.
func (a *Activities) queries(in ProbeInput) (asker, error) {
	metrics, err := a.Drivers.metrics(metricsOfProbe(in.Probe, in.Drivers))
	if err != nil {
		return nil, err
	}
	check := queryOf(in.Probe)
	return func(ctx context.Context) (string, error) {
		reading, err := metrics.Read(ctx, MetricsQuery{Checks: []rollout.Check{check}, Sides: map[Side]Version{Candidate: {Version: in.Version}}, At: a.now().Add(-metrics.Delay())})
		if err != nil {
			return "", err
		}
		read := reading.Checks[check.Name]
		value := read.Sides[Candidate].Value
		switch {
		case read.Error != "":
			return "", errors.New(read.Error)
		case value == nil || math.IsNaN(*value):
			return "", errors.New("the query gave no number")
		}
		return in.Probe.JudgeValue(*value), nil
	}, nil
}

func queryOf(p rehearsal.Probe) rollout.Check {
	return rollout.Check{Name: p.Name, Query: p.Query, By: everything}
}

// metricsOfProbe is the driver that evaluates a query; nil where there is none.
func metricsOfProbe(p rehearsal.Probe, of rollout.Drivers) *rollout.Driver {
	if p.Metrics != nil {
		return p.Metrics
	}
	return of.Metrics
}

// probeProblems says which probes this worker cannot ask.
func (a *Activities) probeProblems(m rehearsal.Manifest) []rollout.Problem {
	var out []rollout.Problem
	for i, p := range m.Probes {
		refuse := func(field, why string) {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("probes[%d].%s", i, field), Message: why})
		}
		if p.Signal != "" {
			continue
		}
		if p.Query == "" {
			if a.Practice.Reaches != nil && !a.Practice.Reaches(p.URL) {
				refuse("url", fmt.Sprintf("probes may not ask %s: this worker's rehearsals.urls does not name it", p.URL))
			}
			continue
		}
		metrics, err := a.Drivers.metrics(metricsOfProbe(p, m.Rollout.Target))
		if err != nil {
			refuse("query", said(err))
			continue
		}
		if reader, asks := metrics.(interface{ Supports(rollout.Check) error }); asks {
			if err := reader.Supports(queryOf(p)); err != nil {
				refuse("query", said(err))
			}
		}
	}
	return out
}

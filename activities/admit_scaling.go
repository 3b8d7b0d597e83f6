package activities

import (
	"fmt"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// sampling works out how an autoscaler is watched, and says why it cannot be. It
// asks no outside system. The driver is made as SampleScaling will make it: both
// run on the rehearsal queue, so a worker that lacks the driver, or its
// configuration, says so before anything starts.
func (a *Activities) sampling(m rehearsal.Manifest, schedules []*load.Schedule) (*rehearsal.PlannedSampling, []rollout.Problem) {
	lasts := loadEnds(schedules)
	p := m.PlannedSampling(lasts)
	if p == nil {
		return nil, nil
	}
	var out []rollout.Problem
	refuse := func(broken bool, path, format string, args ...any) {
		if broken {
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
		}
	}
	e := p.Expect
	refuse(lasts < e.UpWithin, "scaling.upWithin", "%s is longer than the load (%s): whether it is kept could not be seen; let the load last longer", e.UpWithin, lasts)
	longest := a.Practice.longest(m)
	refuse(p.For > longest, "scaling.downWithin", "the load and the way down take %s, and the run may take %s: see quotas.for", p.For, longest)
	for i, endpoint := range m.Scaling.Endpoints {
		refuse(a.Practice.Reaches != nil && !a.Practice.Reaches(endpoint), fmt.Sprintf("scaling.endpoints[%d]", i),
			"%s is not read: this worker's rehearsals.urls does not name it", endpoint)
	}
	metrics, err := a.Drivers.metrics(metricsOf(e, m.Rollout.Target))
	if err != nil {
		refuse(true, "scaling.metrics", "%s", said(err))
		return p, out
	}
	return p, append(out, scalingProblems(e, metrics, "scaling")...)
}

// loadEnds is when the last load ends, from the beginning of the first.
func loadEnds(schedules []*load.Schedule) rollout.Duration {
	var end rollout.Duration
	for _, s := range schedules {
		end = max(end, endOf(s))
	}
	return end
}

func endOf(s *load.Schedule) rollout.Duration { return s.Load().At + rollout.Duration(s.Length()) }

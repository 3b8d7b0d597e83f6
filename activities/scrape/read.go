package scrape

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"bakeoff/activities"
	"bakeoff/activities/selector"
	"bakeoff/rollout"
)

// parallel bounds the pages that one Read has open.
const parallel = 16

// patience bounds a whole Read, in deadlines of one request.
const patience = 4

// Read returns the present state of every check; q.At is not used, the
// reading's At is when the reading began. Each page is read once, whatever the
// number of checks. An endpoint that does not answer with a readable page, a
// side without endpoints and an endpoint that answers only for another version
// are Errors of the check. When no endpoint at all could be read, that is an
// error of the call: ErrFinal only where trying again helps with none of them.
func (e *Endpoints) Read(ctx context.Context, q activities.MetricsQuery) (activities.Reading, error) {
	reading := activities.Reading{At: time.Now(), Checks: map[string]activities.CheckReading{}}
	pages := e.readAll(ctx, q.Sides)
	if err := ctx.Err(); err != nil {
		return activities.Reading{}, fmt.Errorf("scrape: %w", err)
	}
	if err := allFailed(pages); err != nil {
		return activities.Reading{}, fmt.Errorf("scrape: %w", err)
	}
	for _, check := range q.Checks {
		reading.Checks[check.Name] = e.check(check, q, pages)
	}
	return reading, nil
}

// readAll reads the page of every endpoint.
func (e *Endpoints) readAll(ctx context.Context, sides map[activities.Side]activities.Version) map[string]page {
	ctx, cancel := context.WithTimeout(ctx, patience*e.deadline)
	defer cancel()
	var group errgroup.Group
	var mu sync.Mutex
	pages := map[string]page{}
	group.SetLimit(parallel)
	for _, endpoint := range endpoints(sides) {
		group.Go(func() error {
			p := e.read(ctx, endpoint)
			mu.Lock()
			defer mu.Unlock()
			pages[endpoint] = p
			return nil
		})
	}
	_ = group.Wait() // pages carry their own errors
	return pages
}

// allFailed returns an error when no page could be read: one that may pass,
// if there is such.
func allFailed(pages map[string]page) error {
	var failed error
	for _, endpoint := range slices.Sorted(maps.Keys(pages)) {
		err := pages[endpoint].err
		if err == nil {
			return nil
		}
		if failed == nil || errors.Is(failed, activities.ErrFinal) && !errors.Is(err, activities.ErrFinal) {
			failed = fmt.Errorf("endpoint %s: %w", endpoint, err)
		}
	}
	return failed
}

// endpoints returns each endpoint once.
func endpoints(sides map[activities.Side]activities.Version) []string {
	var all []string
	for _, version := range sides {
		all = append(all, version.Endpoints...)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func (e *Endpoints) check(check rollout.Check, q activities.MetricsQuery, pages map[string]page) activities.CheckReading {
	if err := e.Supports(check); err != nil {
		return activities.CheckReading{Error: err.Error()}
	}
	sides := map[activities.Side]activities.SideReading{}
	for _, name := range []activities.Side{activities.Baseline, activities.Candidate} {
		if !q.Wants(check, name) {
			continue
		}
		s, err := newSide(check, name, q.Sides[name])
		if err == nil {
			err = s.readPages(pages)
		}
		if err != nil {
			return activities.CheckReading{Error: fmt.Sprintf("%s: %v", name, err)}
		}
		if reading, ok := s.reading(); ok {
			sides[name] = reading
		}
	}
	return activities.CheckReading{Sides: sides}
}

// side gathers what one version's endpoints say about one check.
type side struct {
	version  activities.Version
	sources  selector.Sources
	matchers []selector.Matcher // which series are this version's
	requests map[string]float64
	failures map[string]float64
	buckets  map[string]map[string]float64
	foreign  string // what another version's series said instead, such as "1.0" (label version)
}

func newSide(check rollout.Check, name activities.Side, version activities.Version) (*side, error) {
	sources, err := selector.ForCheck(check)
	if err != nil {
		return nil, err
	}
	matchers, err := selector.ForSide(check.By, name == activities.Baseline, version.Version)
	if err != nil {
		return nil, err
	}
	if len(version.Endpoints) == 0 {
		return nil, fmt.Errorf("version %s has no endpoints: the deploy driver names none", version.Version)
	}
	return &side{version: version, sources: sources, matchers: matchers,
		requests: map[string]float64{}, failures: map[string]float64{}, buckets: map[string]map[string]float64{}}, nil
}

// readPages adds every endpoint's series, each endpoint once.
func (s *side) readPages(pages map[string]page) error {
	all := slices.Clone(s.version.Endpoints)
	slices.Sort(all)
	for _, endpoint := range slices.Compact(all) {
		if err := pages[endpoint].err; err != nil {
			return fmt.Errorf("endpoint %s: %w", endpoint, err)
		}
		before := s.series()
		s.foreign = ""
		if err := s.add(endpoint, pages[endpoint]); err != nil {
			return err
		}
		if s.foreign != "" && s.series() == before {
			return fmt.Errorf("endpoint %s of version %s answers for version %s", endpoint, s.version.Version, s.foreign)
		}
	}
	return nil
}

func (s *side) series() int { return len(s.requests) + len(s.failures) + len(s.buckets) }

func (s *side) add(endpoint string, p page) error {
	keys := selector.Keys{Source: endpoint, Sides: s.matchers}
	if s.sources.Histogram.Name != "" {
		return keys.Buckets(s.buckets, s.own(p, s.sources.Buckets()))
	}
	if err := keys.Counters(s.requests, s.own(p, s.sources.Requests)); err != nil {
		return fmt.Errorf("requests: %w", err)
	}
	if err := keys.Counters(s.failures, s.own(p, s.sources.Failures)); err != nil {
		return fmt.Errorf("failures: %w", err)
	}
	return nil
}

// own returns the selected samples that are not another version's. Most pages
// do not have the label that tells versions apart: the endpoint tells.
func (s *side) own(p page, what selector.Selector) []selector.Sample {
	var own []selector.Sample
	for _, sample := range p.samples[what.Name] {
		if !what.Accepts(sample.Name, sample.Labels) {
			continue
		}
		if other := s.other(sample.Labels); other != "" {
			s.foreign = other
			continue
		}
		own = append(own, sample)
	}
	return own
}

func (s *side) other(labels map[string]string) string {
	for _, m := range s.matchers {
		if value, ok := labels[m.Label]; ok && !m.Accepts(value) {
			return strconv.Quote(value) + " (label " + m.Label + ")"
		}
	}
	return ""
}

// reading returns what was gathered; false where the side has no series.
func (s *side) reading() (activities.SideReading, bool) {
	if s.sources.Histogram.Name != "" {
		return activities.SideReading{Buckets: s.buckets}, s.series() > 0
	}
	return activities.SideReading{Requests: s.requests, Failures: s.failures}, s.series() > 0
}

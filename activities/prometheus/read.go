package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"strconv"
	"strings"
	"text/template"
	"time"

	v1 "github.com/prometheus/client_golang/api/prometheus/v1"
	"github.com/prometheus/common/model"
	"golang.org/x/sync/errgroup"

	"bakeoff/activities"
	"bakeoff/activities/selector"
	"bakeoff/rollout"
)

// parallel bounds the queries that one Read has open.
const parallel = 4

// patience bounds a whole Read, in deadlines of one request.
const patience = 6

var sides = [...]activities.Side{activities.Baseline, activities.Candidate}

// outcome is what one side of one check gave; a nil reading is an absent side.
type outcome struct {
	reading *activities.SideReading
	err     *checkError
}

// Read returns the state of every check at q.At. A query that the server
// refuses, warns about or cannot finish in time, and a value that no counter
// can have, are that check's Error. A server that cannot answer (429, 5xx, no
// connection, no answer within the deadline, every query timed out) is an
// error of the call, a *activities.RetryAfterError where it says when to come
// back; other statuses are ErrFinal.
func (s *Server) Read(ctx context.Context, q activities.MetricsQuery) (activities.Reading, error) {
	if q.At.IsZero() {
		return activities.Reading{}, fmt.Errorf("read metrics: no moment given: %w", activities.ErrFinal)
	}
	ctx, cancel := context.WithTimeout(ctx, patience*s.deadline)
	defer cancel()
	outcomes := make([][len(sides)]outcome, len(q.Checks))
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for i, check := range q.Checks {
		for j, side := range sides {
			if !q.Wants(check, side) {
				continue
			}
			group.Go(func() error {
				reading, err := s.side(ctx, check, side, q)
				if errors.As(err, &outcomes[i][j].err) {
					outcomes[i][j].err = &checkError{err: fmt.Errorf("%s: %w", side, err), slow: outcomes[i][j].err.slow}
					return nil
				}
				outcomes[i][j].reading = reading
				return err
			})
		}
	}
	if err := group.Wait(); err != nil {
		return activities.Reading{}, fmt.Errorf("query prometheus: %w", err)
	}
	return collect(q, outcomes)
}

// collect puts the sides together. When there is no check that did not time
// out, the server is to blame.
func collect(q activities.MetricsQuery, outcomes [][len(sides)]outcome) (activities.Reading, error) {
	reading := activities.Reading{At: q.At, Checks: map[string]activities.CheckReading{}}
	var slow error
	slowChecks := 0
	for i, check := range q.Checks {
		read := activities.CheckReading{Sides: map[activities.Side]activities.SideReading{}}
		for j, side := range sides {
			switch o := outcomes[i][j]; {
			case o.err != nil && read.Error == "":
				read = activities.CheckReading{Error: o.err.Error()}
				if o.err.slow {
					slow = o.err.err
					slowChecks++
				}
			case o.reading != nil && read.Error == "":
				read.Sides[side] = *o.reading
			}
		}
		reading.Checks[check.Name] = read
	}
	if slow != nil && slowChecks == len(q.Checks) {
		return activities.Reading{}, fmt.Errorf("query prometheus: every query timed out: %w", slow)
	}
	return reading, nil
}

// side reads one side of one check; nil when it has no series.
func (s *Server) side(ctx context.Context, check rollout.Check, side activities.Side, q activities.MetricsQuery) (*activities.SideReading, error) {
	version := q.Sides[side].Version
	sources, err := selector.ForCheck(check)
	if err != nil {
		return nil, &checkError{err: err}
	}
	if check.Query != "" {
		return s.value(ctx, check.Query, version, q.At)
	}
	matchers, err := selector.ForSide(check.By, side == activities.Baseline, version)
	if err != nil {
		return nil, &checkError{err: err}
	}
	keys := selector.Keys{Sides: matchers}
	if check.Histogram != "" {
		return s.histogram(ctx, sources, keys, q.At)
	}
	return s.counters(ctx, sources, keys, q.At)
}

// counters reads failures and requests, in this order: what is scraped between
// the two queries can then add requests without failures, never the reverse. A
// side that has served but never failed may have no series of failures: they
// are empty then, not nil.
func (s *Server) counters(ctx context.Context, from selector.Sources, keys selector.Keys, at time.Time) (*activities.SideReading, error) {
	reading := &activities.SideReading{Requests: map[string]float64{}, Failures: map[string]float64{}}
	for _, part := range []struct {
		name string
		what selector.Selector
		into map[string]float64
	}{{"failures", from.Failures, reading.Failures}, {"requests", from.Requests, reading.Requests}} {
		vector, err := s.fresh(ctx, part.what.With(keys.Sides...), at)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		samples, err := floats(vector)
		if err == nil {
			err = keys.Counters(part.into, samples)
		}
		if err != nil {
			return nil, &checkError{err: fmt.Errorf("%s: %w", part.name, err)}
		}
	}
	if len(reading.Requests)+len(reading.Failures) == 0 {
		return nil, nil
	}
	return reading, nil
}

// histogram reads a classic histogram's buckets and, where there are none,
// the native histogram of that name.
func (s *Server) histogram(ctx context.Context, from selector.Sources, keys selector.Keys, at time.Time) (*activities.SideReading, error) {
	buckets := map[string]map[string]float64{}
	vector, err := s.fresh(ctx, from.Buckets().With(keys.Sides...), at)
	if err != nil {
		return nil, err
	}
	if len(vector) > 0 {
		samples, err := floats(vector)
		if err == nil {
			err = keys.Buckets(buckets, samples)
		}
		if err != nil {
			return nil, &checkError{err: err}
		}
		if len(buckets) == 0 {
			return nil, nil
		}
		return &activities.SideReading{Buckets: buckets}, nil
	}
	if vector, err = s.fresh(ctx, from.Histogram.With(keys.Sides...), at); err != nil || len(vector) == 0 {
		return nil, err
	}
	for _, sample := range vector {
		name, labels := series(sample.Metric)
		key := keys.Of(name, labels)
		if buckets[key], err = native(sample.Histogram); err != nil {
			return nil, &checkError{err: fmt.Errorf("%s: %w", key, err)}
		}
	}
	return &activities.SideReading{Buckets: buckets}, nil
}

// value evaluates a query, which must give one number. A negative one is as
// good as any: a query need not be a counter.
func (s *Server) value(ctx context.Context, query, version string, at time.Time) (*activities.SideReading, error) {
	expr, err := expression(query, version)
	if err != nil {
		return nil, &checkError{err: err, never: true}
	}
	answer, err := s.query(ctx, expr, at)
	if err != nil {
		return nil, err
	}
	var v float64
	switch answer := answer.(type) {
	case nil:
		return nil, &checkError{err: errors.New("the server's answer holds no data")}
	case *model.Scalar:
		v = float64(answer.Value)
	case model.Vector:
		switch {
		case len(answer) == 0:
			return nil, nil
		case len(answer) > 1:
			return nil, &checkError{err: fmt.Errorf("query gives %d series, expected one", len(answer)), never: true}
		case answer[0].Histogram != nil:
			return nil, &checkError{err: errors.New("query gives a histogram, expected one number"), never: true}
		}
		v = float64(answer[0].Value)
	default:
		return nil, &checkError{err: fmt.Errorf("query gives a %s, expected a scalar or a vector of one series", answer.Type()), never: true}
	}
	switch {
	case math.IsNaN(v): // 0/0: nothing was there to divide
		return nil, nil
	case math.IsInf(v, 0):
		return nil, &checkError{err: fmt.Errorf("query is %v", v)}
	}
	return &activities.SideReading{Value: &v}, nil
}

// Refuses says why a query of a version can give no number, as the server answers it
// at a moment: it is not understood, or gives several series. "" where nothing is known
// against it, because it has no query, or nobody answers, or there is nothing yet.
func (s *Server) Refuses(ctx context.Context, check rollout.Check, version string, at time.Time) string {
	if check.Query == "" {
		return ""
	}
	var wrong *checkError
	if _, err := s.value(ctx, check.Query, version, at); errors.As(err, &wrong) && wrong.never {
		return err.Error()
	}
	return ""
}

// expression fills in {{.Version}}, escaped for the inside of a string.
func expression(query, version string) (string, error) {
	t, err := template.New("query").Parse(query)
	if err != nil {
		return "", fmt.Errorf("query: %w", err)
	}
	quoted := strconv.Quote(version)
	var b strings.Builder
	if err := t.Execute(&b, struct{ Version string }{quoted[1 : len(quoted)-1]}); err != nil {
		return "", fmt.Errorf("query: only {{.Version}} is replaced: %w", err)
	}
	return b.String(), nil
}

// query evaluates one expression at one moment.
func (s *Server) query(ctx context.Context, expr string, at time.Time) (model.Value, error) {
	return s.ask(ctx, expr, func(ctx context.Context, timeout v1.Option) (model.Value, v1.Warnings, v1.Infos, error) {
		return s.api.Query(ctx, expr, at, timeout)
	})
}

// asking is one call of the query API.
type asking func(ctx context.Context, timeout v1.Option) (model.Value, v1.Warnings, v1.Infos, error)

// ask has one expression evaluated. The server is told to give up a little
// earlier than the deadline, so that it can say that the query was too slow. A
// warning means that the answer may not be whole.
func (s *Server) ask(ctx context.Context, expr string, do asking) (model.Value, error) {
	inTime, cancel := context.WithTimeout(ctx, s.deadline)
	defer cancel()
	answer, warnings, _, err := do(inTime, v1.WithTimeout(wholeSeconds(s.deadline*4/5)))
	switch {
	case err != nil && ctx.Err() == nil && inTime.Err() != nil:
		return nil, fmt.Errorf("no answer within %s to %s: %w", s.deadline, expr, err)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", expr, classify(err))
	case len(warnings) > 0:
		return nil, &checkError{err: fmt.Errorf("%s: the server warns: %s", expr, strings.Join(warnings, "; "))}
	case answer == nil: // what is JSON and no answer is none of the library's errors
		return nil, &checkError{err: errors.New(expr + ": the server's answer holds no data")}
	}
	return answer, nil
}

// wholeSeconds makes a duration that Prometheus can read: it takes no 1.5s.
func wholeSeconds(d time.Duration) time.Duration {
	if d < time.Second {
		return d.Truncate(time.Millisecond)
	}
	return d.Truncate(time.Second)
}

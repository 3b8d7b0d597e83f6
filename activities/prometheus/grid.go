package prometheus

import (
	"context"
	"errors"
	"fmt"
	"math"
	"time"

	"github.com/prometheus/common/model"

	"bakeoff/activities"
	"bakeoff/activities/selector"
)

// What may be asked of the past, in numbers: series × moments. The server looks
// at as many as for a large dashboard; the answer takes about 120 MB here, for a moment.
const (
	mostLookedAt = 2_000_000
	mostAnswered = 200_000
	mostPoints   = 10_000          // Prometheus refuses more than 11,000 a series
	coarsest     = 5 * time.Minute // a longer step only where series are sampled as seldom
	nativeWeight = 50              // numbers of one native histogram
)

// grid is the moments of a history. They are multiples of the step, because
// that is where VictoriaMetrics and Mimir answer, wherever they are asked.
type grid struct {
	start  time.Time
	step   time.Duration // whole seconds
	points int
}

// grid chooses the moments: never closer together than two samples, and the
// further apart the more series there are, up to coarsest. Without series, or
// time, it has no points.
func (s *Server) grid(ctx context.Context, what selector.Selector, q activities.HistoryQuery, weight float64) (grid, error) {
	count, err := s.number(ctx, "count("+what.String()+")", q.To)
	if err != nil || count < 1 {
		return grid{}, err
	}
	answered, err := s.number(ctx, "count("+byInstance(what)+")", q.To)
	if err != nil || answered < 1 {
		return grid{}, err
	}
	samples, err := s.number(ctx, "quantile(0.5, count_over_time("+overGaps(what)+"))", q.To)
	if err != nil || samples < 2 {
		return grid{}, err
	}
	interval := time.Duration(float64(gapsOver) / (samples - 1)).Round(time.Second)
	span := q.To.Sub(q.From)
	finest := max(q.Step, 2*interval, span/mostPoints)
	most := max(finest, coarsest)
	wanted := span.Seconds() * weight * max(count/mostLookedAt, answered/mostAnswered)
	if wanted > most.Seconds() {
		return grid{}, fmt.Errorf("%s has %.0f series, too many to look back upon (at most %.0f): %w",
			what, count, math.Floor(count*most.Seconds()/wanted), activities.ErrPast)
	}
	return newGrid(q.From, q.To, max(finest, time.Duration(wanted*float64(time.Second)))), nil
}

func newGrid(from, to time.Time, step time.Duration) grid {
	seconds := max(int64(math.Ceil(step.Seconds())), 1)
	first, last := (from.Unix()+seconds)/seconds, to.Unix()/seconds
	return grid{start: time.Unix(first*seconds, 0), step: time.Duration(seconds) * time.Second, points: int(max(last-first+1, 0))}
}

func (g grid) end() time.Time { return g.start.Add(time.Duration(g.points-1) * g.step) }

// index is the number of the moment, false for one that is not on the grid.
func (g grid) index(at model.Time) (int, bool) {
	since := at.Time().Sub(g.start)
	i := int(since / g.step)
	return i, since >= 0 && since%g.step == 0 && i < g.points
}

func (g grid) moments() []activities.Moment {
	moments := make([]activities.Moment, g.points)
	for i := range moments {
		moments[i] = activities.Moment{At: g.start.Add(time.Duration(i) * g.step), Instances: map[string]activities.SideReading{}}
	}
	return moments
}

// number evaluates an expression that gives one finite number; 0 where it
// gives none.
func (s *Server) number(ctx context.Context, expr string, at time.Time) (float64, error) {
	vector, err := s.vector(ctx, expr, at)
	switch {
	case err != nil:
		return 0, fmt.Errorf("history: %w", err)
	case len(vector) == 0:
		return 0, nil
	case len(vector) > 1 || vector[0].Histogram != nil:
		return 0, errors.New("history: " + expr + " gives more than one number")
	case math.IsNaN(float64(vector[0].Value)) || math.IsInf(float64(vector[0].Value), 0):
		return 0, fmt.Errorf("history: %s is %v", expr, vector[0].Value)
	}
	return float64(vector[0].Value), nil
}

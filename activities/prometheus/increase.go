package prometheus

import (
	"context"
	"fmt"
	"math"
	"time"

	"bakeoff/activities"
	"bakeoff/activities/selector"
)

var _ activities.Tallier = (*Server)(nil)

// Increase implements [activities.Tallier] by PromQL's increase, summed over all
// series: it sees resets, and extrapolates to the ends of the stretch.
func (s *Server) Increase(ctx context.Context, counter string, within time.Duration, at time.Time) (n float64, found bool, err error) {
	what, err := selector.Parse(counter)
	if err != nil {
		return 0, false, fmt.Errorf("increase: %w", err)
	}
	expr := fmt.Sprintf("sum(increase(%s[%ds]))", what, int64(math.Ceil(within.Seconds())))
	vector, err := s.vector(ctx, expr, at)
	if err != nil {
		return 0, false, fmt.Errorf("increase: %w", err)
	}
	if len(vector) == 0 {
		return 0, false, nil
	}
	n = float64(vector[0].Value)
	if math.IsNaN(n) || math.IsInf(n, 0) {
		return 0, false, fmt.Errorf("increase: %s is %v", expr, n)
	}
	return n, true, nil
}

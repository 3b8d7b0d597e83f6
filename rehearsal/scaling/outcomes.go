package scaling

import (
	"fmt"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

func passed(c evidence.Criterion, format string, args ...any) evidence.Criterion {
	c.Outcome, c.Reason = evidence.Passed, fmt.Sprintf(format, args...)
	return c
}

func unmeasured(c evidence.Criterion, format string, args ...any) evidence.Criterion {
	c.Outcome, c.Reason = evidence.Unmeasured, fmt.Sprintf(format, args...)
	return c
}

func failed(c evidence.Criterion, from time.Time, format string, args ...any) evidence.Criterion {
	c.Outcome, c.Reason, c.From = evidence.Failed, fmt.Sprintf(format, args...), &from
	return c
}

func pointer(v float64) *float64 { return &v }

// round leaves what people read: 12.3s, 340ms.
func round(d time.Duration) rollout.Duration {
	return rollout.Duration(d.Round(10 * time.Millisecond))
}

package activities

import (
	"context"
	"fmt"
	"time"

	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// users asks those who send the load of the rehearsal that a probe is a part of. What
// came of their last requests stands in their heartbeats, which Temporal shows.
func (a *Activities) users(p rehearsal.Probe) asker {
	return func(ctx context.Context) (string, error) {
		of := activity.GetInfo(ctx).WorkflowExecution
		d, err := activity.GetClient(ctx).DescribeWorkflowExecution(ctx, of.ID, of.RunID)
		if err != nil {
			return "", fmt.Errorf("look at the generators: %w", err)
		}
		windows, err := lastWindows(d.GetPendingActivities(), p, a.now())
		if err != nil {
			return "", err
		}
		value, known := p.Measure(load.InOne(windows))
		if !known {
			return "", fmt.Errorf("nobody was answered in the last %s", p.Over)
		}
		return p.JudgeValue(value), nil
	}
}

// silentFor is how long a generator may not be heard of until its figures are too old.
const silentFor = 5 * time.Second

// lastWindows are those of the generators that a probe asks. One that is silent
// says nothing of the service.
func lastWindows(pending []*workflowpb.PendingActivityInfo, p rehearsal.Probe, now time.Time) ([]load.Window, error) {
	var out []load.Window
	for _, one := range pending {
		var sent rollout.Duration
		var windows []load.Window
		if one.GetActivityType().GetName() != "Attack" ||
			converter.GetDefaultDataConverter().FromPayloads(one.GetHeartbeatDetails(), &sent, &windows) != nil {
			continue
		}
		for _, w := range windows {
			if w.Over != p.Over || p.Of != "" && w.Load != p.Of {
				continue
			}
			if age := now.Sub(w.Until); age > silentFor {
				return nil, fmt.Errorf("the generator of %s was heard last %s ago", w.Load, age.Round(time.Second))
			}
			out = append(out, w)
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no generator has sent for %s", p.Over)
	}
	return out, nil
}

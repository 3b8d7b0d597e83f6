package activities

import (
	"context"
	"fmt"
	"strings"
	"sync"

	"bakeoff/rollout"
)

// How many Targets are asked at once, and how many of those that hold a release in
// quarantine a refusal names.
const (
	targetsAtOnce = 16
	targetsNamed  = 5
)

// quarantined refuses a fleet whose release is in quarantine in one of its units,
// before any of them begins, unless the order says why it is tried again and its
// actor may: as each unit's Target does with an order of its own.
func (a *Activities) quarantined(ctx context.Context, o rollout.FleetOrder, p rollout.FleetPlan) (AdmitFleetOutput, error) {
	if a.Gates.Targets == nil || o.Override {
		return AdmitFleetOutput{}, nil
	}
	advice := rollout.TryAgain
	if strings.TrimSpace(o.Reason) != "" {
		may, why := a.Rules.May(o.Spec.Environment, ActRetryRefused, o.Actor)
		if may {
			return AdmitFleetOutput{}, nil
		}
		advice = why
	}
	found, err := a.quarantines(ctx, o.Spec, p)
	if err != nil {
		return AdmitFleetOutput{}, err
	}
	var out AdmitFleetOutput
	more := 0
	for i, q := range found {
		switch {
		case q == nil:
		case len(out.Problems) == targetsNamed:
			more++
		default:
			out.Cause = rollout.CauseQuarantine
			out.Problems = append(out.Problems, rollout.Problem{Path: "units." + p.Units[i].Unit, Message: q.String()})
		}
	}
	if more > 0 {
		advice = fmt.Sprintf("and in %d more units; %s", more, advice)
	}
	if out.Cause != "" {
		out.Problems = append(out.Problems, rollout.Problem{Message: advice})
	}
	return out, nil
}

// quarantines asks the Target of every unit, in the order of the plan.
func (a *Activities) quarantines(ctx context.Context, s rollout.FleetSpec, p rollout.FleetPlan) ([]*rollout.Quarantined, error) {
	found, failed := make([]*rollout.Quarantined, len(p.Units)), make([]error, len(p.Units))
	var all sync.WaitGroup
	places := make(chan struct{}, targetsAtOnce)
	for i, unit := range p.Units {
		places <- struct{}{}
		all.Go(func() {
			defer func() { <-places }()
			spec := s.Unit(unit.Unit)
			if found[i], failed[i] = a.Gates.Targets.Quarantined(ctx, spec.Key(), spec.Release); failed[i] != nil {
				failed[i] = fmt.Errorf("ask what %s refused: %w", unit.Target, failed[i])
			}
		})
	}
	all.Wait()
	for _, err := range failed { // where one cannot be asked, mostly none can
		if err != nil {
			return nil, err
		}
	}
	return found, nil
}

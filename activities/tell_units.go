package activities

import (
	"context"
	"errors"
	"fmt"
	"sync"

	"bakeoff/rollout"
)

// Executions knows which workflows run, and reaches them.
type Executions interface {
	// Holder returns the run that is open under a workflow id, "" when none is, and
	// whether it has begun: an order that is only looked at, or was refused, has not.
	Holder(ctx context.Context, workflowID string) (runID string, begun bool, err error)
	// Tell signals a word to the rollout of a unit. One that is over needs none.
	Tell(ctx context.Context, to Unit, w rollout.Word) error
	// Enter tells the Target of a rollout that was not started through it, and starts
	// that Target where there is none.
	Enter(ctx context.Context, c rollout.Course) error
	// Leave asks a fleet why the unit of a target is not to raise; "": it may. An
	// order that the fleet's run has by then is in the answer.
	Leave(ctx context.Context, fleet Unit, target string) (why string, err error)
}

// Unit names one run: the rollout of a unit of a fleet, or the fleet's own.
type Unit struct {
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
}

// TellUnitsInput says what is told, and to whom.
type TellUnitsInput struct {
	Word  rollout.Word `json:"word"`
	Units []Unit       `json:"units"`
}

// TellUnitsOutput is empty.
type TellUnitsOutput struct{}

// unitsAtOnce bounds how many units are told at the same time.
const unitsAtOnce = 16

// TellUnits says a word to units. Signals of the fleet's own workflow would wait
// for one another: each is written into its history, too. A unit that hears it
// twice does nothing more.
func (a *Activities) TellUnits(ctx context.Context, in TellUnitsInput) (TellUnitsOutput, error) {
	if a.Executions == nil {
		return TellUnitsOutput{}, errors.New("tell units: this worker reaches no workflows")
	}
	var all sync.WaitGroup
	slots, failed := make(chan struct{}, unitsAtOnce), make([]error, len(in.Units))
	for i, unit := range in.Units {
		slots <- struct{}{}
		all.Go(func() {
			defer func() { <-slots }()
			if err := a.Executions.Tell(ctx, unit, in.Word); err != nil {
				failed[i] = fmt.Errorf("tell %s to %s: %w", unit.WorkflowID, in.Word.Say, err)
			}
		})
	}
	all.Wait()
	return TellUnitsOutput{}, errors.Join(failed...)
}

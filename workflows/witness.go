package workflows

import (
	"go.temporal.io/sdk/workflow"

	"bakeoff/rollout"
)

// hearWitnesses takes the signals that stand behind updates, and those that tell of
// a break-glass restore. They are for history:
// left alone, the worker would warn of them.
func hearWitnesses(ctx workflow.Context) {
	hearAll(ctx, workflow.GetSignalChannel(ctx, rollout.SignalRestored), func(rollout.Restored) {})
	hearAll(ctx, workflow.GetSignalChannel(ctx, rollout.SignalWitness), func(rollout.Witness) {})
}

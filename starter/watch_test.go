package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// cutOffBelow is a fake whose rollout was terminated below a Target that runs. A worker
// would tell that it goes on.
func cutOffBelow(t *testing.T) (f *fake, target *tape) {
	f, target = running(t), aboveTape(t, "")
	f.tape.terminated("eve", "oops")
	f.execution.Status = enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED
	close(f.ended)
	f.others = map[string]execution{targetRun.WorkflowID: {run: targetRun, Status: enumspb.WORKFLOW_EXECUTION_STATUS_RUNNING}}
	f.tapes = map[string]*tape{targetRun.RunID: target}
	return f, target
}

// Wait says of a rollout that was cut off what status says, not where it stood then:
// also while somebody may still take over, and once a break-glass restore was done.
func TestWaitForARolloutThatWasCutOff(t *testing.T) {
	t.Parallel()
	for name, restored := range map[string]bool{"nothing was put back": false, "since then traffic is back on 2.4.1, put there without the workflow by cy: slow": true} {
		for _, worker := range []bool{true, false} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				f, target := cutOffBelow(t)
				if !worker {
					f.status = nil
				}
				args := []string{"wait", "production/checkout", "-o", "json"}
				if restored {
					target.signalled(rollout.SignalRestored, rollout.Restored{RunID: checkout.RunID, Baseline: "2.4.1",
						Command: rollout.Command{Name: commandRestore, Actor: "cy", Reason: "slow"}})
				} else {
					args = append(args, "--timeout", "300ms") // it would wait for who takes over
				}
				got := bakeoff(t.Context(), f, args...)
				require.Equal(t, 14, got.code, got.err)
				said, status := decodeLine(t, got.out), decodeLine(t, bakeoff(t.Context(), f, "status", "production/checkout", "-o", "json").out)
				for _, field := range []string{"phase", "outcome", "weight", "reason"} {
					require.Equal(t, status[field], said[field], field)
				}
				require.Equal(t, "Completed", said["phase"])
				require.Contains(t, said["reason"], name)
				require.NotContains(t, got.err, "Running")
			})
		}
	}
}

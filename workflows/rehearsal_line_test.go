package workflows_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// While the line is stopped nobody else's activity is called to break anything.
func TestTaskFaultOfAStoppedLine(t *testing.T) {
	p := newPractice(t)
	p.mayNot = "the line of staging is stopped by bo: INC-12"
	p.m.Faults = []fault.Fault{{Name: "chaos", For: rollout.Duration(5 * time.Second), Task: &fault.Task{TaskQueue: "chaos", Activity: "PodKill"}}}
	called := false
	p.task = func(fault.TaskInput) (fault.TaskOutput, error) {
		called = true
		return fault.TaskOutput{}, errors.New("no")
	}
	p.run()
	require.False(t, called)
	f := p.facts.Faults[0]
	require.False(t, f.Unverified(), "nothing is left behind")
	require.Equal(t, "not begun: the line of staging is stopped by bo: INC-12", f.Error)
}

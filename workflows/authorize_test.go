package workflows

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// What history asks of the rules has what the giver says of it.
func TestMayAct(t *testing.T) {
	require.Equal(t, "may ana approve? CHG-1234", mayAct(rollout.Command{Name: rollout.CommandApprove, Actor: "ana", Reason: "CHG-1234"}))
	require.Equal(t, "may ci retryRefused?", mayAct(rollout.Command{Name: "retryRefused", Actor: "ci"}))
}

package workflows

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// A Target forgets orders that are settled, oldest first, and no other.
func TestForget(t *testing.T) {
	var one target
	for i := range rollout.MostFates + 3 {
		fate := rollout.FateRefused
		if i < 2 {
			fate = rollout.FateQueued
		}
		one.status.Fates = append(one.status.Fates, rollout.Submission{ID: fmt.Sprint(i), Fate: fate})
	}
	one.forget()
	require.Len(t, one.status.Fates, rollout.MostFates)
	var ids []string
	for _, f := range one.status.Fates[:3] {
		ids = append(ids, f.ID)
	}
	require.Equal(t, []string{"0", "1", "5"}, ids)

	for i := range one.status.Fates {
		one.status.Fates[i].Fate = rollout.FateStarting
	}
	one.status.Fates = append(one.status.Fates, rollout.Submission{ID: "last", Fate: rollout.FateStarting})
	one.forget()
	require.Len(t, one.status.Fates, rollout.MostFates+1, "none of them is settled")
}

package demo

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/deploy/dev/town"
)

// heldShop is a bakeoff whose rollout is held for this reason and then rejected.
func heldShop(reason string) string {
	return `case "$1 $3" in
"start --reason") ;;
"status -o") echo '{"phase":"Waiting","waitingFor":"hold","reason":"` + reason + `"}' ;;
"wait --timeout") echo '{"phase":"Waiting"}'; exit 21 ;;
"wait -o") until [ -e rejected ]; do sleep 0.01; done; echo '{"outcome":"Rejected"}'; exit 11 ;;
"reject --reason") touch rejected ;;
*) exit 2 ;;
esac`
}

func TestAHeldReleaseIsRejected(t *testing.T) {
	var out bytes.Buffer
	d := fakeTown(t, heldShop("Inconclusive at the end of the bake: errors: none on either side"))
	d.story = town.NewStory(&out)
	c := chapter{release: releases[5]}
	require.NoError(t, d.rollAndAct(t.Context(), &c, func(string) {}))
	require.Equal(t, "Rejected", c.result.Outcome)
	require.Equal(t, exitAborted, c.code)
	require.Equal(t, "Inconclusive at the end of the bake: errors: none on either side", c.held)
	require.Contains(t, out.String(), "exit 21, held: Inconclusive")
	require.Contains(t, out.String(), "$ bakeoff reject demo/shop --reason")
}

func TestAHoldForAnotherReasonIsAnError(t *testing.T) {
	d := fakeTown(t, heldShop("NoData at the end of the bake"))
	c := chapter{release: releases[5]}
	require.ErrorContains(t, d.rollAndAct(t.Context(), &c, func(string) {}), "held for another reason: NoData")
}

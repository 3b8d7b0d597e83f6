package rehearsal_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/load"
)

func TestFiles(t *testing.T) {
	m := rehearsal.Manifest{
		Baseline: data.Baseline{Data: []data.Snapshot{{File: "orders.dump"}}},
		Data:     []data.Set{{Template: "carts.yaml"}, {Snapshot: data.Snapshot{File: "orders.dump"}}},
		Load:     []load.Load{{}, {Replay: &load.Replay{File: "friday.har"}}},
	}
	require.Equal(t, []string{"carts.yaml", "friday.har", "orders.dump"}, m.Files())
	require.Equal(t, []string{"carts.yaml", "friday.har"}, m.Kept())
	m.Load[1].Replay.File = "orders.dump"
	require.Equal(t, []string{"carts.yaml"}, m.Kept(), "a snapshot is not kept as it is")
	require.Equal(t, []string{"carts.yaml", "orders.dump"}, m.Files())
	require.Empty(t, rehearsal.Manifest{}.Files())
}

package main

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func TestTimeToRestoreIsMeasuredBetweenEvents(t *testing.T) {
	t.Parallel()
	at := func(s int) time.Time { return time.Unix(1_800_000_000+int64(s), 0) }
	sec := func(s int) rollout.Duration { return rollout.Duration(time.Duration(s) * time.Second) }
	said := &rollout.TimeToRestore{Total: sec(1)}
	measured := func(d, tr, h int) *rollout.TimeToRestore {
		return &rollout.TimeToRestore{Decide: sec(d), Traffic: sec(tr), Health: sec(h), Total: sec(d + tr + h)}
	}
	tests := map[string]struct {
		points turningPoints
		said   *rollout.TimeToRestore
		want   *rollout.TimeToRestore
	}{
		"an order that waited for a worker": {turningPoints{at(0), at(20), at(21), at(23)}, said, measured(20, 1, 2)},
		"nothing ordered it":                {turningPoints{time.Time{}, at(20), at(21), at(23)}, said, measured(0, 1, 2)},
		"never verified":                    {turningPoints{at(0), at(20), time.Time{}, time.Time{}}, said, said},
		"health not verified":               {turningPoints{at(0), at(20), at(21), time.Time{}}, said, said},
		"nothing was restored":              {turningPoints{at(0), at(20), at(21), at(23)}, nil, nil},
	}
	for name, tt := range tests {
		require.Equal(t, tt.want, tt.points.timed(tt.said), name)
	}
	p := turningPoints{}
	p.turn(at(3))
	p.turn(at(5))
	require.Equal(t, at(3), p.ordered, "the first wins")
}

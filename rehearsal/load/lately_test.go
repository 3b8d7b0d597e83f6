package load_test

import (
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// What is told lately is what ended in a window, whenever it was due, and nothing
// before that is told for as long as the window reaches back.
func TestLately(t *testing.T) {
	start := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	fresh := func(planned, latency time.Duration, kind string) load.Results {
		r := load.NewResults("browse", start, 0)
		r.Add(load.Record{Planned: planned, Latency: latency, Status: 200, Kind: kind})
		return r
	}
	l := load.NewLately("browse", []rollout.Duration{rollout.Duration(2 * time.Second), rollout.Duration(4 * time.Second)})
	at := func(second int) time.Time { return start.Add(time.Duration(second) * time.Second) }
	l.Take(at(1), fresh(0, time.Second, load.KindTimeout))
	l.Take(at(2), fresh(time.Second, time.Millisecond, ""))
	require.Empty(t, l.Windows(), "neither has passed")
	l.Take(at(3), fresh(0, 3*time.Second, load.KindTimeout))
	windows := l.Windows()
	require.Len(t, windows, 1)
	require.Equal(t, at(3), windows[0].Until)
	require.Equal(t, 2, windows[0].Seen.Sent)
	require.Equal(t, 1, windows[0].Seen.Failed, "the first ended before")
	l.Take(at(4), load.NewResults("browse", start, 0))
	l.Take(at(5), fresh(4*time.Second, time.Millisecond, ""))
	require.Len(t, l.Windows(), 2)
	require.Equal(t, []int{1, 0}, []int{l.Windows()[0].Seen.Sent, l.Windows()[0].Seen.Failed})
	require.Equal(t, []int{3, 1}, []int{l.Windows()[1].Seen.Sent, l.Windows()[1].Seen.Failed})

	body, err := json.Marshal(l.Windows()[1:]) // by heartbeats
	require.NoError(t, err)
	var told []load.Window
	require.NoError(t, json.Unmarshal(body, &told))
	both := load.InOne(append(told, l.Windows()[0]))
	require.Equal(t, 4, both.Sent)
	require.InEpsilon(t, 3, both.Latency.Quantile(1), 0.05)
}

func TestLatelyOfNobody(t *testing.T) {
	l := load.NewLately("browse", nil)
	l.Take(time.Now(), load.NewResults("browse", time.Now(), 0))
	require.Empty(t, l.Windows())
}

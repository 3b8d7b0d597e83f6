package activities

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	commonpb "go.temporal.io/api/common/v1"
	workflowpb "go.temporal.io/api/workflow/v1"
	"go.temporal.io/sdk/converter"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// Generators are heard by what they told last. Those of other loads, of other acts and
// of older workers say nothing, and a silent one is not taken for the service.
func TestLastWindows(t *testing.T) {
	now, over := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC), rollout.Duration(10*time.Second)
	act := func(kind string, details ...any) *workflowpb.PendingActivityInfo {
		said, err := converter.GetDefaultDataConverter().ToPayloads(details...)
		require.NoError(t, err)
		return &workflowpb.PendingActivityInfo{ActivityType: &commonpb.ActivityType{Name: kind}, HeartbeatDetails: said}
	}
	sends := func(name string, age time.Duration, sent int) *workflowpb.PendingActivityInfo {
		return act("Attack", rollout.Duration(0), []load.Window{{Load: name, Over: over, Until: now.Add(-age), Seen: load.Bucket{Sent: sent}},
			{Load: name, Over: 2 * over, Until: now.Add(-age), Seen: load.Bucket{Sent: 1000}}})
	}
	for name, c := range map[string]struct {
		pending []*workflowpb.PendingActivityInfo
		of      string
		want    int
		wrong   string
	}{
		"two shards":                      {pending: []*workflowpb.PendingActivityInfo{sends("browse", time.Second, 3), sends("browse", 0, 4)}, of: "browse", want: 7},
		"all loads":                       {pending: []*workflowpb.PendingActivityInfo{sends("browse", 0, 3), sends("sale", 0, 4)}, want: 7},
		"one of two":                      {pending: []*workflowpb.PendingActivityInfo{sends("browse", 0, 3), sends("sale", 0, 4)}, of: "sale", want: 4},
		"another act":                     {pending: []*workflowpb.PendingActivityInfo{act("Probe", rollout.Duration(0), []load.Window{{Over: over}})}, wrong: "no generator has sent for 10s"},
		"one that has told nothing":       {pending: []*workflowpb.PendingActivityInfo{act("Attack"), act("Attack", rollout.Duration(1)), sends("browse", 0, 3)}, want: 3},
		"one that is silent":              {pending: []*workflowpb.PendingActivityInfo{sends("browse", 0, 3), sends("browse", time.Minute, 4)}, wrong: "the generator of browse was heard last 1m0s ago"},
		"a silent one of somebody else's": {pending: []*workflowpb.PendingActivityInfo{sends("browse", 0, 3), sends("sale", time.Minute, 4)}, of: "browse", want: 3},
	} {
		t.Run(name, func(t *testing.T) {
			windows, err := lastWindows(c.pending, rehearsal.Probe{Signal: "errors", Of: c.of, Over: over}, now)
			if c.wrong != "" {
				require.EqualError(t, err, c.wrong)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.want, load.InOne(windows).Sent)
		})
	}
}

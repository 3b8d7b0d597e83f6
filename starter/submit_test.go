package main

import (
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
)

// Who waits for the turn of an order is told when nothing holds it any more.
func TestAnOrderThatIsLost(t *testing.T) {
	t.Parallel()
	waits := rollout.Submission{ID: "id-1", Version: "2.5.0", Fate: rollout.FateQueued, Why: "held by 2.4.9"}
	for name, change := range map[string]func(*fake){
		"another Target came": func(f *fake) {
			f.onTarget = func(n int) rollout.TargetStatus {
				if n < 3 {
					return rollout.TargetStatus{Fates: []rollout.Submission{waits}}
				}
				return rollout.TargetStatus{Fates: []rollout.Submission{{ID: "other"}}}
			}
		},
		"none came": func(f *fake) {
			f.onTarget = func(int) rollout.TargetStatus { return rollout.TargetStatus{Fates: []rollout.Submission{waits}} }
			f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED}}
		},
		"none came, and no worker answers": func(f *fake) {
			f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.fate = &waits
			change(f)
			got := bakeoff(t.Context(), f, "run", file(t, smallest))
			require.Equal(t, 1, got.code, got.err)
			require.Contains(t, got.err, "the order of 2.5.0 is lost: the workflow that held it, target/production/checkout, was ended from outside\n  give it again")
		})
	}
}

// An order goes to the Target wherever a worker polls: it asks who holds the
// target, fleets, too. Only where none does it begins beside it.
func TestWhoTakesAnOrderIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		planErr error
		pollers int
		beside  bool
	}{
		"a worker answers":           {pollers: 1},
		"a worker is slow to answer": {planErr: errNoWorker, pollers: 1},
		"there is no worker":         {planErr: errNoWorker, beside: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{planErr: tt.planErr, pollers: map[string]int{rollout.QueueControl: tt.pollers}}
			require.Zero(t, bakeoff(t.Context(), f, "start", file(t, smallest)).code)
			if tt.beside {
				require.Len(t, f.beside, 1)
				require.Empty(t, f.submitted)
				return
			}
			require.Empty(t, f.beside)
			require.Len(t, f.submitted, 1)
			require.True(t, f.submitted[0].AskFleet)
		})
	}
}

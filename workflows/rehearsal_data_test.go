package workflows_test

import (
	"context"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/activity"
	"go.temporal.io/sdk/converter"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
)

// A table that could not be read after is not one that has changed.
func TestTablesThatCannotBeReadAfter(t *testing.T) {
	p := newPractice(t)
	p.m.Drills[0].Repeat = 1
	p.m.Baseline.Data = []data.Snapshot{{Name: "shop", Into: &data.Into{Database: "shop", Unchanged: []string{"stock"}}}}
	var a *activities.Activities
	p.env.OnActivity(a.RestoreData, mock.Anything, mock.Anything).Return(activities.RestoreDataOutput{}, nil)
	read := false
	p.env.OnActivity(a.ReadTables, mock.Anything, mock.Anything).Return(func(context.Context, activities.ReadTablesInput) (activities.ReadTablesOutput, error) {
		if read {
			return activities.ReadTablesOutput{}, temporal.NewNonRetryableApplicationError("the database is gone", "Gone", nil)
		}
		read = true
		return activities.ReadTablesOutput{Tables: []evidence.Table{{Name: "stock", Before: "sha256:aa"}}}, nil
	})
	p.run()
	require.Equal(t, []evidence.Table{{Name: "stock", Before: "sha256:aa"}}, p.facts.Tables)
}

// A stop is obeyed while the reference tables cannot be read.
func TestStoppedWhileTablesAreRead(t *testing.T) {
	p := newPractice(t)
	p.m.Baseline.Data = []data.Snapshot{{Name: "shop", Into: &data.Into{Database: "shop", Unchanged: []string{"stock"}}}}
	var a *activities.Activities
	p.env.OnActivity(a.RestoreData, mock.Anything, mock.Anything).Return(activities.RestoreDataOutput{}, nil)
	p.env.OnActivity(a.ReadTables, mock.Anything, mock.Anything).Return(activities.ReadTablesOutput{}, errors.New("connection refused"))
	p.env.RegisterDelayedCallback(func() { p.env.SignalWorkflow(rehearsal.SignalStop, rehearsal.Stop{Actor: "bo", Reason: "not now"}) }, 20*time.Second)
	s := p.run()
	require.Less(t, s.EndedAt.Sub(s.StartedAt), 2*time.Minute)
	require.Equal(t, "stopped by bo: not now", p.facts.Aborted)
	require.NotEmpty(t, p.facts.After.Digest, "it is looked whether anything is left")
	require.Empty(t, p.orders)
}

// Rows that have to be as before are put back at the end, however it came, also
// where they were replaced in part; what could not be put back is left behind.
func TestDataIsPutBack(t *testing.T) {
	for name, tt := range map[string]struct {
		after             string
		restoring, broken error
		back              int
		left              []string
	}{
		"kept":             {},
		"put back":         {after: data.Restored, back: 1},
		"replaced in part": {after: data.Restored, restoring: temporal.NewNonRetryableApplicationError("no such column", "Final", nil), back: 1},
		"cannot be":        {after: data.Restored, broken: temporal.NewNonRetryableApplicationError("the database is gone", "Gone", nil), back: 1, left: []string{"the rows of its data: the database is gone"}},
	} {
		t.Run(name, func(t *testing.T) {
			p := newPractice(t)
			p.m.Drills[0].Repeat = 1
			p.m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "orders", Into: &data.Into{Database: "shop", Table: "orders", After: tt.after}}}}
			var a *activities.Activities
			p.env.OnActivity(a.RestoreData, mock.Anything, mock.Anything).Return(activities.RestoreDataOutput{}, tt.restoring)
			back := 0
			p.env.OnActivity(a.PutDataBack, mock.Anything, mock.Anything).Return(func(_ context.Context, in activities.PutDataBackInput) (activities.PutDataBackOutput, error) {
				require.Len(t, in.Manifest.PutBack(), 1)
				back++
				return activities.PutDataBackOutput{}, tt.broken
			}).Maybe()
			var begun []string
			p.env.SetOnActivityStartedListener(func(info *activity.Info, _ context.Context, _ converter.EncodedValues) {
				if info.ActivityType.Name == "RestoreData" {
					value, err := p.env.QueryWorkflow(rehearsal.StatusQuery)
					require.NoError(t, err)
					var s rehearsal.Status
					require.NoError(t, value.Get(&s))
					begun = s.Begun
				}
			})
			p.run()
			require.Equal(t, tt.after == data.Restored, slices.Contains(begun, rehearsal.BegunData))
			require.Equal(t, tt.back, back)
			require.Equal(t, tt.left, p.facts.After.Extra)
		})
	}
}

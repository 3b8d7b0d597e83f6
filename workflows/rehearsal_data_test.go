package workflows_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/mock"
	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
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

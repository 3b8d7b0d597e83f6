package activities_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/temporal"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
)

// shelf is a database that puts its tables back as the test says.
type shelf struct {
	activities.Database
	says map[string]error
}

func (s shelf) Keep(context.Context, string, string, string) (string, error) { return "", nil }

func (s shelf) PutBack(_ context.Context, _, table, _ string) error { return s.says[table] }

// A table whose rows no try can put back ends the tries, unless there is another
// that may yet be put back; each is named.
func TestDataThatCannotBePutBack(t *testing.T) {
	gone, away := fmt.Errorf("its copy is gone: %w", activities.ErrFinal), errors.New("connection refused")
	for name, tt := range map[string]struct {
		orders, stock error
		final         bool
		says          []string
	}{
		"back":              {},
		"a copy is gone":    {orders: gone, final: true, says: []string{"put back shop/orders: its copy is gone"}},
		"both copies":       {orders: gone, stock: gone, final: true, says: []string{"put back shop/orders: its copy is gone", "put back shop/stock: its copy is gone"}},
		"one may come back": {orders: gone, stock: away, says: []string{"put back shop/orders: its copy is gone", "put back shop/stock: connection refused"}},
	} {
		t.Run(name, func(t *testing.T) {
			acts := &activities.Activities{Archive: store.NewArchive(t.TempDir()), Practice: activities.Practice{
				Database: func(string) (activities.Database, error) {
					return shelf{says: map[string]error{"orders": tt.orders, "stock": tt.stock}}, nil
				},
			}}
			var m rehearsal.Manifest
			for _, table := range []string{"orders", "stock"} {
				m.Data = append(m.Data, data.Set{Snapshot: data.Snapshot{Name: table, Into: &data.Into{Database: "shop", Table: table, After: data.Restored}}})
			}
			_, err := did(t, acts.PutDataBack, activities.PutDataBackInput{Run: "staging/weekly/1", Manifest: m})
			if tt.says == nil {
				require.NoError(t, err)
				return
			}
			var failed *temporal.ApplicationError
			require.ErrorAs(t, err, &failed)
			require.Equal(t, tt.final, failed.NonRetryable(), "%v", err)
			for _, says := range tt.says {
				require.ErrorContains(t, err, says)
			}
		})
	}
}

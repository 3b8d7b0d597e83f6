package activities_test

import (
	"context"
	"errors"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
)

// taciturn is a service that does not tell of so many transactions when it is asked
// for the first time.
type taciturn struct {
	untold int
	asked  [][]int
}

func (f *taciturn) Attack(_ context.Context, o activities.AttackOrder, to io.Writer, _ func(load.Results)) (load.Results, error) {
	raw := load.NewRawWriter(to, time.Time{})
	for i, arrival := range o.Transactions {
		r := load.Record{Arrival: arrival, Step: 1, Ledger: load.LedgerRead, Status: 200}
		if len(f.asked) == 0 && i < f.untold {
			r.Status, r.Kind = 500, "status 500"
		}
		raw.Write(r)
	}
	f.asked = append(f.asked, o.Transactions)
	return load.Results{}, raw.Close()
}

// What a service did not tell when it was read back is asked again, unless it tells
// nothing at all.
func TestReadBackAsksAgain(t *testing.T) {
	orders := load.Load{Name: "orders", URL: "http://127.0.0.1:1/", Rate: 10, For: rollout.Duration(time.Second), Journeys: []load.Journey{{Name: "order", Steps: []load.Step{
		{Method: "POST", Path: "/orders", Body: `{"id":"{{id}}","payload":"{{payload}}"}`, Ledger: load.LedgerWrite}, {Path: "/orders/{{id}}", Ledger: load.LedgerRead}}}}}.WithDefaults()
	for name, tt := range map[string]struct {
		service taciturn
		asked   [][]int
	}{
		"all is told":     {taciturn{}, [][]int{{0, 1, 2}}},
		"one is not":      {taciturn{untold: 1}, [][]int{{0, 1, 2}, {0}}},
		"nothing is told": {taciturn{untold: 3}, [][]int{{0, 1, 2}}},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRoom(t)
			service := tt.service
			r.acts.Load = &service
			to, err := r.acts.Archive.Create(t.Context(), r.in.Plan.Run, "load-orders.1.1.csv.gz")
			require.NoError(t, err)
			raw := load.NewRawWriter(to, time.Time{})
			for i := range 3 {
				raw.Write(load.Record{Arrival: i, Ledger: load.LedgerWrite, Status: 201})
			}
			require.NoError(t, errors.Join(raw.Close(), to.Close()))
			_, err = did(t, r.acts.ReadBack, activities.AttackInput{Run: r.in.Plan.Run, Load: orders})
			require.NoError(t, err)
			require.Equal(t, tt.asked, service.asked)
		})
	}
}

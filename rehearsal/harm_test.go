package rehearsal_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
)

// Transactions that are not whole stand with the drill in whose time they were written,
// each once, and the criterion names these drills.
func TestDataOfDrills(t *testing.T) {
	m, _ := parse(t)
	zero := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	drills := func(n int) evidence.Drill {
		d := evidence.Drill{Name: m.Drills[0].Title()}
		for i := range n { // ten seconds each, one after another, from the tenth on
			d.Repeats = append(d.Repeats, evidence.Repeat{Number: i + 1, Outcome: evidence.Passed,
				StartedAt: zero.Add(time.Duration(10*i+10) * time.Second), EndedAt: zero.Add(time.Duration(10*i+20) * time.Second)})
		}
		return d
	}
	wrote := func(what string, from, to float64) load.Bad {
		return load.Bad{What: what, From: seconds(from).Std(), To: seconds(to).Std()}
	}
	f := rehearsal.Facts{Zero: zero, Drills: []evidence.Drill{drills(2)}, Ledger: &evidence.Ledger{Written: 90, Lost: 3, Doubled: 1, Unread: 1}, Bad: []load.Bad{
		wrote(load.KindLost, 5, 6), wrote(load.KindLost, 9, 11), wrote(load.KindDoubled, 19, 21), wrote(load.KindLost, 25, 25.1), wrote("unread (status 503)", 45, 46)}}
	m.Review(f)
	require.Equal(t, &evidence.Harm{Lost: 1, Doubled: 1}, f.Drills[0].Repeats[0].Data)
	require.Equal(t, &evidence.Harm{Lost: 1}, f.Drills[0].Repeats[1].Data)
	c := named(t, m.Judge(f), "data is whole")
	require.Equal(t, evidence.Failed, c.Outcome)
	require.Equal(t, "of 90 transactions 3 lost, 1 doubled, 0 altered; 1 could not be read back; written during drill from step 1, 1: 1 lost, 1 doubled; "+
		"written during drill from step 1, 2: 1 lost; written during none: 1 lost, 1 unread", c.Reason)

	f = rehearsal.Facts{Zero: zero, Drills: []evidence.Drill{drills(7)}, Ledger: &evidence.Ledger{Written: 90, Lost: 7}}
	for i := range 7 {
		f.Bad = append(f.Bad, wrote(load.KindLost, float64(10*i+15), float64(10*i+16)))
	}
	m.Review(f)
	require.Contains(t, named(t, m.Judge(f), "data is whole").Reason, "drill from step 1, 5: 1 lost; and so during 2 drills more")

	f = rehearsal.Facts{Zero: zero, Drills: []evidence.Drill{drills(1)}, Ledger: &evidence.Ledger{Tables: []evidence.Table{{Name: "prices", Before: "a", After: "b"}}}}
	m.Review(f)
	require.Nil(t, f.Drills[0].Repeats[0].Data, "a table says nothing of a drill")
	f.Ledger = &evidence.Ledger{Written: 9}
	m.Review(f)
	require.Equal(t, "whole", f.Drills[0].Repeats[0].Data.String())
	require.Equal(t, "of 9 transactions 0 lost, 0 doubled, 0 altered", named(t, m.Judge(f), "data is whole").Reason)
}

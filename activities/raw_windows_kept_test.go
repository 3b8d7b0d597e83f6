package activities_test

import (
	"errors"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// What the rollouts of a run were judged by is among its files, each with its digest;
// what others were judged by is not.
func TestWindowsOfDrillsAreEvidence(t *testing.T) {
	r := newRoom(t)
	r.began(browse)
	r.sent("browse", "load-browse.1.1.csv.gz", 10)
	m := &r.in.Order.Manifest
	m.Rollout.Service = "shop" // which is what the rehearsal is called, too
	at := func(second int) time.Time { return r.in.Facts.Zero.Add(time.Duration(second) * time.Second) }
	ended := at(40)
	r.in.Facts.Drills = []evidence.Drill{{Name: "drill", Repeats: []evidence.Repeat{
		{Number: 1, RunID: "a", StartedAt: at(1).Add(300 * time.Microsecond), EndedAt: at(9)}, {Number: 2, StartedAt: at(10), EndedAt: at(12)}}}}
	r.in.Facts.Rollout = &rollout.Status{StartedAt: at(20), EndedAt: &ended, Outcome: rollout.Promoted}
	r.in.Facts.End = at(60)
	for _, one := range []time.Time{at(-3600), at(1), at(11), at(20), at(50)} {
		to, err := r.acts.Archive.Create(t.Context(), "staging/shop/"+epoch(one), "1.s01.w01.jsonl")
		require.NoError(t, err)
		_, err = to.Write([]byte("{}\n"))
		require.NoError(t, errors.Join(err, to.Close()))
	}
	var kept []string
	for _, f := range r.conclude().Files {
		if strings.HasPrefix(f.Name, "windows/") {
			kept = append(kept, f.Name)
			require.Equal(t, data.Digest([]byte("{}\n")), f.Digest)
		}
	}
	require.Equal(t, []string{"windows/" + epoch(at(1)) + "/1.s01.w01.jsonl", "windows/" + epoch(at(20)) + "/1.s01.w01.jsonl"}, kept)
}

func epoch(began time.Time) string { return strconv.FormatInt(began.UnixMilli(), 10) }

package rollout_test

import (
	"math/rand/v2"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

func TestTally(t *testing.T) {
	vote := func(member string, roles ...string) rollout.Vote { return rollout.Vote{Member: member, Roles: roles} }
	both := map[string]int{"engineering": 1, "security": 1}
	for name, tt := range map[string]struct {
		ask    rollout.Approval
		votes  []rollout.Vote
		want   string
		filled bool
	}{
		"a quorum":                {rollout.Approval{Quorum: 2}, []rollout.Vote{vote("ana")}, "1 of 2", false},
		"a quorum that is there":  {rollout.Approval{Quorum: 2}, []rollout.Vote{vote("ana"), vote("bo")}, "2 of 2", true},
		"nobody yet":              {rollout.Approval{Quorum: 2, Each: both}, nil, "0 of 2; still wanted: engineering, security", false},
		"one role":                {rollout.Approval{Quorum: 2, Each: both}, []rollout.Vote{vote("ana", "engineering")}, "1 of 2; still wanted: security", false},
		"two of one role":         {rollout.Approval{Quorum: 2, Each: both}, []rollout.Vote{vote("ana", "engineering"), vote("bo", "engineering")}, "1 of 2; still wanted: security", false},
		"both roles in one":       {rollout.Approval{Quorum: 2, Each: both}, []rollout.Vote{vote("ana", "engineering", "security")}, "1 of 2; still wanted: security", false},
		"the other one moves":     {rollout.Approval{Quorum: 2, Each: both}, []rollout.Vote{vote("ana", "engineering", "security"), vote("bo", "engineering")}, "2 of 2", true},
		"whichever came first":    {rollout.Approval{Quorum: 2, Each: both}, []rollout.Vote{vote("bo", "engineering"), vote("ana", "engineering", "security")}, "2 of 2", true},
		"two of one, one of both": {rollout.Approval{Quorum: 3, Each: map[string]int{"engineering": 2, "security": 1}}, []rollout.Vote{vote("ana", "engineering", "security")}, "1 of 3; still wanted: engineering, security", false},
		"two are wanted":          {rollout.Approval{Quorum: 3, Each: map[string]int{"engineering": 2, "security": 1}}, []rollout.Vote{vote("ana", "security")}, "1 of 3; still wanted: 2 of engineering", false},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, tt.want, tt.ask.WithDefaults().Tally(tt.votes))
			require.Equal(t, tt.filled, tt.ask.WithDefaults().IsFilled(tt.votes))
		})
	}
	require.Equal(t, map[string]int{"engineering": 1, "security": 1}, both, "counting changes nothing")
}

// The count is the most that any placing of the votes comes to, and the order in
// which they came does not matter.
func TestCountIsTheBestPlacing(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	names := []string{"a", "b", "c"}
	for range 500 {
		ask := rollout.Approval{Each: map[string]int{}}
		for _, role := range names {
			if n := r.IntN(3); n > 0 {
				ask.Each[role], ask.Quorum = n, ask.Quorum+n
			}
		}
		if ask.Quorum == 0 {
			continue
		}
		var votes []rollout.Vote
		for range r.IntN(6) {
			var v rollout.Vote
			for _, role := range names {
				if r.IntN(2) == 0 {
					v.Roles = append(v.Roles, role)
				}
			}
			votes = append(votes, v)
		}
		left := map[string]int{}
		for role, n := range ask.Each {
			left[role] = n
		}
		ask = ask.WithDefaults()
		filled, _ := ask.Count(votes)
		require.Equal(t, best(votes, left), filled, "%v %v", ask.Each, votes)
		r.Shuffle(len(votes), func(i, j int) { votes[i], votes[j] = votes[j], votes[i] })
		again, _ := ask.Count(votes)
		require.Equal(t, filled, again)
	}
}

// best tries every placing.
func best(votes []rollout.Vote, left map[string]int) int {
	if len(votes) == 0 {
		return 0
	}
	most := best(votes[1:], left)
	for _, role := range votes[0].Roles {
		if left[role] > 0 {
			left[role]--
			most = max(most, 1+best(votes[1:], left))
			left[role]++
		}
	}
	return most
}

package rollout_test

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

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

func TestIsAsStrictAs(t *testing.T) {
	from := func(quorum int, roles ...string) rollout.Approval {
		return rollout.Approval{From: roles, Quorum: quorum}
	}
	each := func(engineering, security int) rollout.Approval {
		return rollout.Approval{Each: map[string]int{"engineering": engineering, "security": security}}
	}
	with := func(q rollout.Approval, within time.Duration, otherwise string) rollout.Approval {
		q.Within, q.Otherwise = rollout.Duration(within), otherwise
		return q
	}
	for name, tt := range map[string]struct {
		own, policy rollout.Approval
		want        bool
	}{
		"the same":                     {from(2, "managers"), from(2, "managers"), true},
		"more votes":                   {from(3, "managers"), from(2, "managers"), true},
		"fewer votes":                  {from(1, "managers"), from(2, "managers"), false},
		"fewer roles":                  {from(2, "a"), from(2, "a", "b"), true},
		"another role":                 {from(2, "on-call"), from(2, "managers"), false},
		"one role more":                {from(2, "managers", "on-call"), from(2, "managers"), false},
		"whoever may":                  {rollout.Approval{}, from(1, "managers"), false},
		"anyone":                       {from(2, "anyone"), from(2, "managers"), false},
		"a role, where whoever may":    {from(1, "on-call"), rollout.Approval{}, true},
		"a role, where anyone":         {from(2, "on-call"), from(2, "anyone"), true},
		"side by side":                 {each(2, 1), each(1, 1), true},
		"none of a side":               {from(2, "engineering", "security"), each(1, 1), false},
		"one side is less":             {each(3, 1), each(1, 2), false},
		"sides, where a role":          {each(2, 1), from(2, "engineering"), true},
		"sides, where a role has less": {each(1, 2), from(2, "engineering"), false},
		"sides, where both":            {each(1, 1), from(2, "engineering", "security"), true},
		"it goes on by itself":         {with(from(2, "a"), time.Hour, "promote"), from(2, "a"), false},
		"so does the policy":           {with(from(2, "a"), time.Hour, "promote"), with(from(2, "a"), time.Hour, "promote"), true},
		"but later":                    {with(from(2, "a"), time.Second, "promote"), with(from(2, "a"), time.Hour, "promote"), false},
		"it goes back sooner":          {with(from(2, "a"), time.Second, "rollback"), with(from(2, "a"), time.Hour, "promote"), true},
	} {
		require.Equal(t, tt.want, tt.own.WithDefaults().IsAsStrictAs(tt.policy.WithDefaults()), name)
	}
}

// Whatever votes pass an approval that is as strict pass the other one, too.
func TestIsAsStrictAsHolds(t *testing.T) {
	names := []string{"a", "b", "c"}
	random := rand.New(rand.NewPCG(1, 2))
	some := func() (roles []string) {
		for _, role := range names {
			if random.IntN(2) == 0 {
				roles = append(roles, role)
			}
		}
		return roles
	}
	approval := func() rollout.Approval {
		q := rollout.Approval{From: some(), Quorum: 1}
		switch {
		case len(q.From) > 0 && random.IntN(2) == 0:
			q.Each, q.Quorum = map[string]int{}, 0
			for _, role := range q.From {
				q.Each[role] = 1 + random.IntN(2)
			}
		case len(q.From) > 0:
			q.Quorum = 1 + random.IntN(3)
		}
		return q.WithDefaults()
	}
	counted := func(q rollout.Approval, people [][]string) (votes []rollout.Vote) {
		for _, roles := range people {
			if len(q.From) == 0 || slices.ContainsFunc(roles, func(role string) bool { return slices.Contains(q.From, role) }) {
				votes = append(votes, rollout.Vote{Roles: roles})
			}
		}
		return votes
	}
	strict := 0
	for range 20_000 {
		own, policy, people := approval(), approval(), make([][]string, random.IntN(6))
		for i := range people {
			people[i] = some()
		}
		if votes := counted(own, people); own.IsAsStrictAs(policy) && own.IsFilled(votes) {
			strict++
			require.True(t, policy.IsFilled(counted(policy, people)), "%+v %+v %v", own, policy, people)
		}
	}
	require.Greater(t, strict, 1000)
}

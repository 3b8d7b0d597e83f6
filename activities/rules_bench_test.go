package activities

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// crowd is rules of 200 roles with 500 members each, of 2,000 people who have three
// names; everybody's permission is the last that is looked for.
func crowd() Rules {
	person := func(i int) string { return fmt.Sprintf("person%d@example.com", i%2000) }
	r := Rules{Roles: map[string][]string{}, Members: map[string]Member{}, Permissions: map[string]map[string][]string{"production": {}},
		Approvals: map[string]Approvals{"production": {Each: map[string]int{"role0": 1, "role199": 1}}}}
	for i := range 2000 {
		r.Members[person(i)] = Member{Aliases: []string{fmt.Sprintf("p%d@laptop", i), fmt.Sprintf("P.%d@Example.com", i)}}
	}
	var all []string
	for i := range 200 {
		role := fmt.Sprintf("role%d", i)
		all = append(all, role)
		for j := range 500 {
			r.Roles[role] = append(r.Roles[role], person(10*i+j))
		}
	}
	for _, act := range []string{ActStart, rollout.CommandApprove, rollout.CommandPromote, ActOverride} {
		r.Permissions["production"][act] = all
	}
	return r.Indexed()
}

// decisions are one of each kind, of the first, the last and nobody of a crowd.
func decisions(r Rules) (n int) {
	for _, actor := range []string{"person3@example.com", "P.1999@example.com", "nobody@example.com"} {
		for _, command := range []string{rollout.CommandApprove, rollout.CommandPromote, rollout.CommandExtend, rollout.CommandPause} {
			in := AuthorizeInput{Environment: "production", Command: command, Actor: actor, StartedBy: "p7@laptop", From: []string{"role0", "role199"}}
			r.mayGive(in)
			r.vote(actor, in.From)
			n++
		}
	}
	return n
}

// plan is one that the crowd is asked of.
func (r Rules) crowdsPlan() rollout.Plan {
	return r.asked(rollout.NewPlan(rollout.Spec{Kind: "Rollout", Service: "checkout", Environment: "production", Release: rollout.Release{Version: "2.5.0"},
		Strategy: rollout.Strategy{Canary: []rollout.Step{{Weight: 500, Bake: rollout.Duration(time.Minute)}}}}))
}

// A decision takes less than 1 ms, however many people there are.
func TestQuickDecisions(t *testing.T) {
	r := crowd()
	begun, n := time.Now(), 0
	for range 20 {
		n += decisions(r)
	}
	require.Less(t, time.Since(begun)/time.Duration(n), time.Millisecond)
}

// Signatures are held against every name of who signs.
func TestQuickNames(t *testing.T) {
	r := crowd()
	begun := time.Now()
	for range 100 {
		require.Len(t, r.names("p7@laptop"), 3)
	}
	require.Less(t, time.Since(begun)/100, time.Millisecond)
}

func BenchmarkDecision(b *testing.B) {
	r := crowd()
	for n := 0; n < b.N; {
		n += decisions(r)
	}
}

func BenchmarkSatisfiable(b *testing.B) {
	r := crowd()
	p := r.crowdsPlan()
	for b.Loop() {
		if len(r.check(p)) > 0 || r.lockedOut(p, "p7@laptop") != "" {
			b.Fatal("two of the crowd can approve it")
		}
	}
}

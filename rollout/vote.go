package rollout

import (
	"fmt"
	"slices"
	"strings"
)

// Whose an approval is, where the environment and the spec both ask for one before
// a step.
const (
	AskedByEnvironment = "environment"
	AskedBySpec        = "spec"
)

// Anyone is the role that everybody has.
const Anyone = "anyone"

// Vote is one member's yes, and which of the roles that were asked the member
// had when it was given. It stands, whatever becomes of the member afterwards.
type Vote struct {
	Member string   `json:"member"`
	Roles  []string `json:"roles,omitempty"`
	Reason string   `json:"reason,omitempty"` // that was given with it
}

// sides are the roles side by side, in order, and how many votes they make. The
// order of the map does not matter.
//
//workflowcheck:ignore
func (a Approval) sides() (roles []string, votes int) {
	for _, n := range a.Each {
		votes += n
	}
	return sortedKeys(a.Each), votes
}

// Count says how many of the votes fill a place, and which roles still lack votes.
// The approval has its defaults. One vote fills one place; the vote of a member with
// two roles counts for the role that lets all the votes together fill most places.
func (a Approval) Count(votes []Vote) (filled int, wanted []string) {
	if len(a.Each) == 0 {
		return min(len(votes), a.Quorum), nil
	}
	b := ballot{left: map[string]int{}, votes: votes, fills: make([]string, len(votes))}
	for _, role := range a.From {
		b.left[role] = a.Each[role]
	}
	for i := range votes {
		if b.place(i, map[string]bool{}) {
			filled++
		}
	}
	for _, role := range a.From {
		switch n := b.left[role]; {
		case n == 1:
			wanted = append(wanted, role)
		case n > 1:
			wanted = append(wanted, fmt.Sprintf("%d of %s", n, role))
		}
	}
	return filled, wanted
}

// Tally is what Count says, for people: "1 of 2; still wanted: security".
func (a Approval) Tally(votes []Vote) string {
	filled, wanted := a.Count(votes)
	text := fmt.Sprintf("%d of %d", filled, a.Quorum)
	if len(wanted) > 0 {
		text += "; still wanted: " + strings.Join(wanted, ", ")
	}
	return text
}

// IsFilled reports whether no vote is missing any more.
func (a Approval) IsFilled(votes []Vote) bool {
	filled, _ := a.Count(votes)
	return filled >= a.Quorum
}

// IsAsStrictAs reports whether whatever passes this approval would also pass the
// other: it needs at least as many votes, only from the other's roles, and does not go
// on without them where the other would not. Both have their defaults. Roles are
// compared by name, so the answer stays true whoever has them later.
func (a Approval) IsAsStrictAs(b Approval) bool {
	if a.Otherwise == RulePromote && (b.Otherwise != RulePromote || a.Within < b.Within) {
		return false
	}
	if len(b.Each) > 0 {
		for role, votes := range b.Each {
			if a.Each[role] < votes {
				return false
			}
		}
		return true
	}
	return a.votesOf(b.From) >= b.Quorum
}

// votesOf is how many votes of these roles the approval cannot pass without. None
// of them, and the role that everybody has, are whoever votes.
func (a Approval) votesOf(roles []string) int {
	counts := func(role string) bool { return slices.Contains(roles, role) }
	switch {
	case len(roles) == 0 || counts(Anyone):
		return a.Quorum
	case len(a.Each) > 0:
		sum := 0
		for role, votes := range a.Each {
			if counts(role) {
				sum += votes
			}
		}
		return sum
	case len(a.From) == 0 || slices.ContainsFunc(a.From, func(role string) bool { return !counts(role) }):
		return 0
	}
	return a.Quorum
}

// ballot places votes: a maximum matching of votes and roles, by augmenting
// paths (Kuhn 1955).
type ballot struct {
	left  map[string]int // free places by role
	votes []Vote
	fills []string // role by vote; "": none
}

// place finds a place for a vote, moving others to another role of theirs where
// it must. Each role is tried once.
func (b ballot) place(vote int, tried map[string]bool) bool {
	for _, role := range b.votes[vote].Roles {
		places, asked := b.left[role]
		if !asked || tried[role] {
			continue
		}
		tried[role] = true
		if places > 0 {
			b.left[role]--
			b.fills[vote] = role
			return true
		}
		for other, filled := range b.fills {
			if filled == role && b.place(other, tried) {
				b.fills[vote] = role
				return true
			}
		}
	}
	return false
}

package main

import (
	"slices"
	"strings"

	"bakeoff/rehearsal"
)

// What is said of a rehearsal that was ended from outside follows from what it had
// begun. Of one that noted nothing, or cannot be asked, anything may be so.

func mayHaveBegun(s rehearsal.Status, what string) bool {
	return s.Begun == nil || slices.Contains(s.Begun, what)
}

// unseenOf is what nobody has looked after since. Its load ends by itself, and its
// rollout is found with the others.
func unseenOf(s rehearsal.Status) (unseen []string) {
	if mayHaveBegun(s, rehearsal.BegunFaults) {
		unseen = append(unseen, "nobody has looked whether its faults are gone")
	}
	if mayHaveBegun(s, rehearsal.BegunData) {
		unseen = append(unseen, "rows that it replaced were not put back")
	}
	return unseen
}

// afterCut is what becomes of it, for who waited for its end.
func afterCut(s rehearsal.Status) string {
	var itself, left, said []string
	if mayHaveBegun(s, rehearsal.BegunRollout) {
		itself = append(itself, "its rollout puts the baseline back by itself")
	}
	if mayHaveBegun(s, rehearsal.BegunLoad) {
		itself = append(itself, "its load ends by itself")
	}
	if mayHaveBegun(s, rehearsal.BegunFaults) {
		left = append(left, "faults")
	}
	if mayHaveBegun(s, rehearsal.BegunData) {
		left = append(left, "rows that it replaced")
	}
	if len(itself) > 0 {
		said = append(said, strings.Join(itself, ", and "))
	}
	if len(left) > 0 {
		said = append(said, strings.Join(left, " and ")+" may be left: see bakeoff doctor")
	}
	if len(said) == 0 {
		return "nothing had begun that could be left"
	}
	return strings.Join(said, ", but ")
}

package evidence

import (
	"slices"
	"strings"
)

// restoredWithin stands in the name of a criterion that every kind of drill has,
// between the name of the drill and its limit.
const restoredWithin = ": restored within "

// RestoredWithin names the criterion that the baseline was restored in time, in
// every drill of a kind.
func RestoredWithin(drill, limit string) string { return drill + restoredWithin + limit }

// ofAllDrills are the criteria that every drill of a run rests on.
var ofAllDrills = []string{DataIsWhole, NothingIsLeft}

// Proved is the worst of the criteria that a kind of drill rests on, by its name: its
// own, and whether the data is whole and nothing is left. Those of the run besides,
// such as what users met outside the drills, or the actions of earlier runs, say nothing
// of the way back.
func Proved(criteria []Criterion, drill string) Outcome {
	worst := Passed
	for _, c := range criteria {
		if !strings.HasPrefix(c.Name, drill+": ") && !slices.Contains(ofAllDrills, c.Name) {
			continue
		}
		if c.Outcome != Passed && worst != Failed {
			worst = c.Outcome
		}
	}
	return worst
}

// ShowsWayBack reports whether a run with these criteria, which is no control, shows
// that its target can go back: one of its kinds of drills has [Proved] it. The run as
// a whole may have failed for something else.
func ShowsWayBack(criteria []Criterion) bool {
	return slices.ContainsFunc(criteria, func(c Criterion) bool {
		drill, _, is := strings.Cut(c.Name, restoredWithin)
		return is && c.Signal == "" && Proved(criteria, drill) == Passed
	})
}

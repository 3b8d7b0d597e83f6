package main

import (
	"cmp"
	"slices"

	"bakeoff/analysis"
)

// against is another run that takes the baseline's place: that of the release
// before, or a frozen baseline's. Its n-th window of a series and check stands
// beside the n-th one that is judged.
type against map[part][]analysis.Window

// readAgainst reads the other run. What it says of its candidate counts, or of
// its baseline where it had no candidate.
func readAgainst(file string) (against, error) {
	if file == "" {
		return nil, nil
	}
	run, err := readWindows(file)
	if err != nil {
		return nil, err
	}
	for at, windows := range run {
		slices.SortFunc(windows, func(a, b analysis.Window) int {
			return cmp.Or(cmp.Compare(a.Start, b.Start), cmp.Compare(b.End, a.End))
		})
		run[at] = slices.CompactFunc(windows, func(a, b analysis.Window) bool { return a.Start == b.Start }) // the same window twice counts once
	}
	return run, nil
}

// beside returns the window with the other run's n-th for its baseline. There
// is none where the other run was shorter, or did not know the series.
func (a against) beside(w analysis.Window, n int) analysis.Window {
	if a == nil {
		return w
	}
	w.Baseline, w.Share = nil, 0 // no router has divided these requests
	if other := a[part{series: w.Series, check: w.Check}]; n < len(other) {
		if w.Baseline = other[n].Candidate; w.Baseline == nil {
			w.Baseline = other[n].Baseline
		}
	}
	return w
}

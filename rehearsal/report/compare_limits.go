package report

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
)

// limitsOf says in which limits runs differ in a part of their fingerprints, where
// they differ in nothing else of it: "drills[0].restoreWithin: 10s, 12s". It looks
// into the manifests that the evidence holds. None: they differ in what was done, or
// that cannot be told.
func limitsOf(runs []evidence.Run, part string) []string {
	var all []rehearsal.Asked
	paths := map[string]bool{}
	for _, run := range runs {
		asked, known := askedOf(run, part)
		if !known || len(all) > 0 && asked.Done != all[0].Done {
			return nil
		}
		for path := range asked.Limits {
			paths[path] = true
		}
		all = append(all, asked)
	}
	var out []string
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		var values []string
		for _, asked := range all {
			value, given := asked.Limits[path]
			if !given {
				value = "none"
			}
			values = append(values, value)
		}
		if values = slices.Compact(values); len(values) > 1 {
			out = append(out, path+": "+strings.Join(values, ", "))
		}
	}
	return out
}

// askedOf takes a part of a run's fingerprint apart.
func askedOf(run evidence.Run, part string) (rehearsal.Asked, bool) {
	var m rehearsal.Manifest
	i := slices.IndexFunc(run.Fingerprint.Parts, func(p evidence.Part) bool { return p.Name == part })
	if i < 0 || json.Unmarshal([]byte(run.Manifest), &m) != nil {
		return rehearsal.Asked{}, false
	}
	return m.Asked(run.Fingerprint.Parts[i])
}

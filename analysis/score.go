package analysis

// Scored is one check as far as the reported score goes.
type Scored struct {
	Verdict Verdict
	Judge   string  // its name in a spec
	Group   string  // "": of none
	Weight  float64 // 0: 1
}

// Scores is what checks come to in one number. It is for people and
// dashboards that are used to one, and never decides: a score of 99 may be a
// Fail.
type Scores struct {
	Score     *float64           `json:"score,omitempty"`     // 0 to 100; nil: nothing is decided
	Groups    map[string]float64 `json:"groups,omitempty"`    // alike, of those where something is
	Uncounted int                `json:"uncounted,omitempty"` // checks that are not decided
}

// Score returns 100·Pass/(Pass+Fail) by weight, over all checks, gating and
// advisory, and over those of each group. Checks that are neither Pass nor Fail
// are not counted, nor are those of meanCs, which cannot fail: their number is
// Uncounted. The score of all is so the mean of the groups, each by the weight
// of what is counted in it.
func Score(checks []Scored) Scores {
	var out Scores
	passed, counted := map[string]float64{}, map[string]float64{}
	pass, all := 0.0, 0.0
	for _, c := range checks {
		if c.Verdict != Pass && c.Verdict != Fail || c.Judge == "meanCs" {
			out.Uncounted++
			continue
		}
		weight := or(c.Weight, 1)
		all += weight
		counted[c.Group] += weight
		if c.Verdict == Pass {
			pass += weight
			passed[c.Group] += weight
		}
	}
	if all == 0 {
		return out
	}
	score := 100 * pass / all
	out.Score = &score
	for group, weight := range counted {
		if group == "" {
			continue
		}
		if out.Groups == nil {
			out.Groups = map[string]float64{}
		}
		out.Groups[group] = 100 * passed[group] / weight
	}
	return out
}

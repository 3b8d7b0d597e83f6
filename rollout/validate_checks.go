package rollout

import (
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

func (s Spec) validateChecks(v *validation) {
	seen := map[string]bool{}
	for i, c := range s.Checks {
		path := fmt.Sprintf("checks[%d]", i)
		v.name(c.Name, path+".name")
		v.require(c.Name == "" || !seen[c.Name], path+".name", "%q stands twice", c.Name)
		seen[c.Name] = true
		c.validate(v, path)
	}
	if s.Strategy.Adaptive != nil {
		v.require(slices.ContainsFunc(s.Checks, Check.CountsExcess), "strategy.adaptive",
			"no gating check compares failures (judge rateRatio, direction increase): nothing says how many the candidate costs")
	}
	if s.Policy.Absolute == RuleRequired {
		absolute := false
		for _, c := range s.Checks {
			absolute = absolute || c.IsAbsolute() && c.IsGating()
		}
		v.require(absolute, "policy.absolute", "required, but no gating check is absolute (sloRate, threshold, burnRate)")
	}
}

func (c Check) validate(v *validation, path string) {
	sources := 0
	for _, given := range []bool{c.Failures != "" || c.Requests != "", c.Histogram != "", c.Query != ""} {
		if given {
			sources++
		}
	}
	v.require(sources == 1, path, "exactly one of failures+requests, histogram and query says what is measured")
	v.require((c.Failures == "") == (c.Requests == ""), path, "failures and requests go together")
	v.require(c.MinRequests >= 0, path+".minRequests", "%d is negative", c.MinRequests)
	v.require(c.Weight >= 0, path+".weight", "%v is negative", c.Weight)
	if c.By != nil && c.By.Label == "" {
		v.require(c.By.Baseline != "" && c.By.Candidate != "", path+".by", "give a matcher for baseline and one for candidate")
	}
	c.validateJudge(v, path+".judge")
}

func (c Check) validateJudge(v *validation, path string) {
	if c.Judge == nil {
		return
	}
	given := c.Judge.given()
	if len(given) != 1 {
		v.add(path, "exactly one judge is needed, found %d", len(given))
		return
	}
	counted := c.Failures != ""
	switch given[0] {
	case "rateRatio":
		v.require(counted, path, "rateRatio needs failures and requests")
		v.oneOf(c.Judge.RateRatio.Direction, path+".rateRatio.direction", "increase", "decrease")
		validateMargins(v, path+".rateRatio", c.Judge.RateRatio.HarmMargin, c.Judge.RateRatio.SafeMargin, c.Judge.RateRatio.Beta)
	case "tailLadder":
		v.require(c.Histogram != "", path, "tailLadder needs a histogram")
		validateMargins(v, path+".tailLadder", c.Judge.TailLadder.HarmMargin, c.Judge.TailLadder.SafeMargin, c.Judge.TailLadder.Beta)
		for i, q := range c.Judge.TailLadder.Quantiles {
			v.require(q >= 0.01 && q <= 0.99999, fmt.Sprintf("%s.tailLadder.quantiles[%d]", path, i), "%v is not a quantile: it must be between 0.01 and 0.99999", q)
		}
	case "sloRate":
		v.require(counted || c.Histogram != "" && c.SLO > 0, path, "sloRate needs failures and requests, or a histogram with slo")
		v.require(isObjective(c.Judge.SLORate.Objective), path+".sloRate.objective",
			"%q is not an objective: the share that must succeed, such as 99.9%%, from 50%% to below 100%%", c.Judge.SLORate.Objective)
		v.beta(c.Judge.SLORate.Beta, path+".sloRate")
	case "threshold":
		v.require(c.Judge.Threshold.Success != "" || c.Judge.Threshold.Failure != "", path+".threshold", "give a success or a failure condition")
		v.require(c.Histogram == "" || c.SLO > 0, path, "threshold of a histogram needs its slo: what is slower has failed")
	case "points":
		v.require(c.Query != "", path, "points needs a query")
		c.Judge.Points.validate(v, path+".points")
	case "burnRate":
		v.require(counted || c.Histogram != "" && c.SLO > 0, path, "burnRate needs failures and requests, or a histogram with slo")
		c.Judge.BurnRate.validate(v, path+".burnRate")
	case "meanCs":
		v.require(c.Query != "", path, "meanCs needs a query")
		v.require(c.Gates == nil || !*c.Gates, strings.TrimSuffix(path, "judge")+"gates", "meanCs only reports and never decides: gates: false, or nothing")
		c.Judge.MeanCS.validate(v, path+".meanCs")
	}
}

// given names the judges that are set.
func (j Judge) given() []string {
	var names []string
	for _, one := range []struct {
		name string
		set  bool
	}{{"rateRatio", j.RateRatio != nil}, {"tailLadder", j.TailLadder != nil}, {"sloRate", j.SLORate != nil}, {"threshold", j.Threshold != nil},
		{"points", j.Points != nil}, {"burnRate", j.BurnRate != nil}, {"meanCs", j.MeanCS != nil}} {
		if one.set {
			names = append(names, one.name)
		}
	}
	return names
}

func (p Points) validate(v *validation, path string) {
	v.oneOf(p.Direction, path+".direction", "increase", "decrease")
	v.oneOf(p.Transform, path+".transform", "log", "diff")
	v.points(p.MinPoints, p.Step, path)
	validateMargins(v, path, p.HarmMargin, p.SafeMargin, p.Beta)
	v.require(p.HarmMargin == 0 || p.HarmMargin == 1 || p.Transform == "log", path+".harmMargin", "is a ratio, and needs transform: log")
}

func (m MeanCS) validate(v *validation, path string) {
	v.oneOf(m.Transform, path+".transform", "log", "diff")
	v.points(m.MinPoints, m.Step, path)
	v.require(m.TOpt == 0 || m.TOpt >= 1 && m.TOpt <= 1e9, path+".tOpt", "%v lies outside 1 to 1e9", m.TOpt)
	v.require(m.BurnIn == 0 || m.BurnIn >= 2 && m.BurnIn <= 1e6, path+".burnIn", "%d lies outside 2 to 1000000", m.BurnIn)
	v.require(m.Level == 0 || m.Level >= 0.5 && m.Level <= 0.999999, path+".level", "%v lies outside 0.5 to 0.999999", m.Level)
}

func (v *validation) points(least int, step Duration, path string) {
	v.require(least >= 0 && least <= 1e6, path+".minPoints", "%d lies outside 0 to 1000000", least)
	v.require(step >= 0 && step.Std() <= 24*time.Hour, path+".step", "%s is more than a day", step)
}

func (b BurnRate) validate(v *validation, path string) {
	v.require(isObjective(b.Objective), path+".objective",
		"%q is not an objective: the share that must succeed, such as 99.9%%, from 50%% to below 100%%", b.Objective)
	v.require(b.MinEvents == 0 || b.MinEvents >= 1 && b.MinEvents <= 1e6, path+".minEvents", "%v lies outside 1 to 1e6", b.MinEvents)
	v.require(len(b.Windows) <= 4, path+".windows", "%d pairs: at most 4", len(b.Windows))
	for i, w := range b.Windows {
		at := fmt.Sprintf("%s.windows[%d]", path, i)
		v.require(w.Long.Std() >= time.Second && w.Long.Std() <= 366*24*time.Hour, at+".long", "%s lies outside 1s to 366d", w.Long)
		v.require(w.Short >= w.Long/24 && w.Short <= w.Long/2, at+".short", "%s: from a 24th of long to half of it", w.Short)
		v.require(w.Factor >= 1 && w.Factor <= 1e6, at+".factor", "%v lies outside 1 to 1e6", w.Factor)
	}
}

// isObjective reports whether s is a share such as "99.9%", as fine as anyone
// likes: from half to less than all.
func isObjective(s string) bool {
	digits, found := strings.CutSuffix(strings.TrimSpace(s), "%")
	share, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	return found && err == nil && share >= 50 && share < 100
}

func validateMargins(v *validation, path string, harm, safe, beta float64) {
	v.require(harm == 0 || harm >= 1 && harm <= 10, path+".harmMargin", "%v lies outside 1 to 10", harm)
	v.require(safe == 0 || safe >= 1.01 && safe <= 10, path+".safeMargin", "%v lies outside 1.01 to 10", safe)
	v.beta(beta, path)
}

func (v *validation) beta(beta float64, path string) {
	v.require(beta >= 0 && beta <= 0.5, path+".beta", "%v is not an error rate: it must be between 0 and 0.5", beta)
}

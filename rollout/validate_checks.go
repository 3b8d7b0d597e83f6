package rollout

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strconv"
	"strings"
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
	if s.Policy.Absolute == "required" {
		absolute := false
		for _, c := range s.Checks {
			absolute = absolute || c.IsAbsolute() && c.IsGating()
		}
		v.require(absolute, "policy.absolute", "required, but no gating check is absolute (sloRate, threshold)")
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
		v.require(c.Query == "", path, "a query needs judge: {threshold: …}")
		return
	}
	given := []string{}
	for name, set := range map[string]bool{"rateRatio": c.Judge.RateRatio != nil, "tailLadder": c.Judge.TailLadder != nil,
		"sloRate": c.Judge.SLORate != nil, "threshold": c.Judge.Threshold != nil} {
		if set {
			given = append(given, name)
		}
	}
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
			v.require(q >= 0.01 && q <= 0.99999, fmt.Sprintf("%s.tailLadder.quantiles[%d]", path, i), "%v is no quantile: between 0.01 and 0.99999", q)
		}
	case "sloRate":
		v.require(counted || c.Histogram != "" && c.SLO > 0, path, "sloRate needs failures and requests, or a histogram with slo")
		v.require(isObjective(c.Judge.SLORate.Objective), path+".sloRate.objective",
			"%q is no objective: the share that must succeed, such as 99.9%%, from 50%% to below 100%%", c.Judge.SLORate.Objective)
		v.beta(c.Judge.SLORate.Beta, path+".sloRate")
	case "threshold":
		v.require(c.Judge.Threshold.Success != "" || c.Judge.Threshold.Failure != "", path+".threshold", "give a success or a failure condition")
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
	v.require(beta >= 0 && beta <= 0.5, path+".beta", "%v is no error rate: between 0 and 0.5", beta)
}

// A spec is in history for good, so nothing in it may look like a secret.
var (
	secretValue = regexp.MustCompile(strings.Join([]string{
		`-----BEGIN [A-Z ]*PRIVATE KEY`,
		`\b(AKIA|ASIA)[0-9A-Z]{16}\b`, // AWS
		`\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}`,
		`\bxox[abeprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{10,}`,
		`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`, // JWT
		`\b[srp]k[-_](live_|test_)?[A-Za-z0-9_-]{20,}`,  // Stripe and its kind
		`\bnpm_[A-Za-z0-9]{20,}|\bpypi-[A-Za-z0-9_-]{20,}|\bdop_v1_[a-f0-9]{20,}`,
		`\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}`, // Google
		`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`,        // SendGrid
		`\bhv[sb]\.[A-Za-z0-9_-]{20,}`,                        // Vault
		`(?i)\b(bearer|basic) [A-Za-z0-9._~+/-]{8,}`,
		`://[^/\s:@]*:[^/\s:@]+@`,
		`(?i)[?&](access_?token|token|api_?key|key|sig|signature|secret|password)=[^&\s]{6,}`,
		`(?i)\b(password|passwd|pwd|secret|accountkey|sharedaccesskey|token|api_?key)\s*=\s*[^\s;,"'~${]{6,}`,
	}, "|"))
	secretKey = regexp.MustCompile(`(?i)(passw(or)?d|passphrase|(^|[_-])(pass|pw)|pwd|secret|token|(api|access|private|signing|encryption|account|master|ssh)[_-]?key|credential|authorization)s?$`)
)

// secrets finds values that look like credentials, anywhere in the spec.
func (s Spec) secrets() []Problem {
	body, err := json.Marshal(s)
	if err != nil {
		return []Problem{{Message: fmt.Sprintf("cannot be written as JSON: %v", err)}}
	}
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		return []Problem{{Message: fmt.Sprintf("cannot be read as JSON: %v", err)}}
	}
	var v validation
	for _, k := range sortedKeys(all) {
		v.lookForSecret(k, k, all[k])
	}
	return v
}

func (v *validation) lookForSecret(path, key string, value any) {
	switch value := value.(type) {
	case string:
		named := value != "" && secretKey.MatchString(key) && !strings.HasPrefix(value, "{{")
		v.require(!named && !secretValue.MatchString(value), path,
			"looks like a secret, and a spec is kept in history for good: put it into the worker's configuration")
	case map[string]any:
		for _, k := range sortedKeys(value) {
			v.lookForSecret(path+"."+k, k, value[k])
		}
	case []any:
		for i, item := range value {
			v.lookForSecret(fmt.Sprintf("%s[%d]", path, i), key, item)
		}
	}
}

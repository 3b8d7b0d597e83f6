package rollout

import (
	"errors"
	"fmt"
	"math"
	"path"
	"strconv"
	"strings"
	"time"
)

// Weight is a share of traffic in basis points: 1 is 0.01 %, 10,000 is all of
// it. It is written "5%" or "0.1%"; JSON and YAML hold that string.
type Weight int

// All is the whole of the traffic.
const All Weight = 10000

// ParseWeight reads "5%", "0.1%" or "12.34%": 0 to 100 with two decimals at
// most, the percent sign included.
func ParseWeight(s string) (Weight, error) {
	digits, found := strings.CutSuffix(strings.TrimSpace(s), "%")
	if !found {
		return 0, fmt.Errorf("%q is not a percentage: write one such as 5%% or 0.1%%", s)
	}
	f, err := strconv.ParseFloat(strings.TrimSpace(digits), 64)
	if err != nil || math.IsNaN(f) {
		return 0, fmt.Errorf("%q is not a percentage: write one such as 5%% or 0.1%%", s)
	}
	if f < 0 || f > 100 {
		return 0, fmt.Errorf("%q is no share: it must lie between 0%% and 100%%", s)
	}
	points := math.Round(f * 100)
	if math.Abs(points-f*100) > 1e-6 {
		return 0, fmt.Errorf("%q is too fine: the smallest part is 0.01%%", s)
	}
	return Weight(points), nil
}

// String writes the weight as people do: "5%", "0.1%".
func (w Weight) String() string {
	return strconv.FormatFloat(float64(w)/100, 'f', -1, 64) + "%"
}

// MarshalText writes the weight as String does.
func (w Weight) MarshalText() ([]byte, error) { return []byte(w.String()), nil }

// UnmarshalText reads the weight as ParseWeight does.
func (w *Weight) UnmarshalText(b []byte) error {
	v, err := ParseWeight(string(b))
	if err == nil {
		*w = v
	}
	return err
}

// Duration is a length of time, written "30s", "10m", "1h30m" or "7d".
type Duration time.Duration

const day = 24 * time.Hour

// longest is the longest Duration that anybody may write: a hundred years.
const longest = 36500 * day

// ParseDuration reads what time.ParseDuration reads, and days: "7d", "1d12h".
// It refuses negative lengths and those over a hundred years.
func ParseDuration(s string) (Duration, error) {
	d, err := readDuration(s)
	switch {
	case err != nil:
		return 0, err
	case d < 0:
		return 0, fmt.Errorf("%q is not a duration: it must not be negative", s)
	case d > Duration(longest):
		return 0, fmt.Errorf("%q is not a duration: it is longer than a hundred years", s)
	}
	return d, nil
}

// readDuration reads every Duration that String writes, whatever its length.
func readDuration(s string) (Duration, error) {
	bad := fmt.Errorf("%q is not a duration: write 30s, 10m, 2h or 7d", s)
	text, days := strings.TrimSpace(s), 0.0
	head, rest, hasDays := strings.Cut(text, "d")
	if hasDays {
		var err error
		if days, err = strconv.ParseFloat(head, 64); err != nil || !(math.Abs(days) <= math.MaxInt64/float64(day)) {
			return 0, bad
		}
		text = rest
	}
	var clock time.Duration
	if text != "" || !hasDays {
		var err error
		if clock, err = time.ParseDuration(text); err != nil || hasDays && min(days, float64(clock)) < 0 {
			return 0, bad
		}
	}
	whole := time.Duration(days * float64(day))
	if whole > 0 && clock > math.MaxInt64-whole {
		return 0, bad
	}
	return Duration(whole + clock), nil
}

// Std returns d as the standard library's type.
func (d Duration) Std() time.Duration { return time.Duration(d) }

// String writes the shortest form that ParseDuration reads back: "10m", "7d".
func (d Duration) String() string {
	t := time.Duration(d)
	if t != 0 && t%day == 0 {
		return strconv.FormatInt(int64(t/day), 10) + "d"
	}
	s := t.String()
	if strings.HasSuffix(s, "m0s") {
		s = strings.TrimSuffix(s, "0s")
	}
	if strings.HasSuffix(s, "h0m") {
		s = strings.TrimSuffix(s, "0m")
	}
	return s
}

// MarshalText writes the duration as String does.
func (d Duration) MarshalText() ([]byte, error) { return []byte(d.String()), nil }

// UnmarshalText reads whatever String writes: what was stored can be read. What
// people write is bounded by ParseDuration, and specs by Validate.
func (d *Duration) UnmarshalText(b []byte) error {
	v, err := readDuration(string(b))
	if err == nil {
		*d = v
	}
	return err
}

// Target names one service in one environment, optionally one unit of it. It
// is written environment/service[/unit].
type Target struct {
	Environment string `json:"environment"`
	Service     string `json:"service"`
	Unit        string `json:"unit,omitempty"`
}

// ParseTarget reads environment/service[/unit].
func ParseTarget(s string) (Target, error) {
	parts := strings.Split(s, "/")
	if len(parts) < 2 || len(parts) > 3 {
		return Target{}, fmt.Errorf("%q is not a target: write environment/service or environment/service/unit", s)
	}
	t := Target{Environment: parts[0], Service: parts[1]}
	if len(parts) == 3 {
		t.Unit = parts[2]
	}
	for _, p := range parts {
		if !nameIsSafe(p) {
			return Target{}, fmt.Errorf("%q is not a target: each part needs letters, digits, '.', '_' or '-', %d at most", s, longestName)
		}
	}
	return t, nil
}

// String writes the target as ParseTarget reads it.
func (t Target) String() string {
	s := t.Environment + "/" + t.Service
	if t.Unit != "" {
		s += "/" + t.Unit
	}
	return s
}

// versionIsSafe is nameIsSafe for versions, which may hold a '+' as well.
func versionIsSafe(s string) bool { return nameIsSafe(strings.ReplaceAll(s, "+", "-")) }

// longestName bounds a name: a workflow id, and a path, is made of several.
const longestName = 100

// nameIsSafe reports whether s may be part of a workflow id, a path or a URL.
func nameIsSafe(s string) bool {
	if s == "" || len(s) > longestName || s == "." || s == ".." {
		return false
	}
	return strings.IndexFunc(s, isUnsafe) < 0
}

func isUnsafe(r rune) bool {
	return !(r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '_' || r == '-')
}

// CanName reports whether an environment or a service may have this name.
func CanName(s string) bool { return nameIsSafe(s) }

// What is wrong with a name, or a pattern of names, that there cannot be.
const (
	NamesNothing   = "%q is no name that there can be: write letters, digits, '.', '_' or '-', 100 at most"
	MatchesNothing = "%q matches no name that there can be: names have letters, digits, '.', '_' and '-', and * stands for any text"
)

// patternSigns are those of path.Match.
var patternSigns = strings.NewReplacer("*", "", "?", "", "[", "", "]", "", "^", "", `\`, "")

// CanMatch reports whether a pattern as of path.Match may match the name of an
// environment or a service.
func CanMatch(pattern string) bool {
	if _, err := path.Match(pattern, ""); err != nil {
		return false
	}
	return pattern != "" && strings.IndexFunc(patternSigns.Replace(pattern), isUnsafe) < 0
}

// Split is who gets which share of the traffic: version → weight. A version
// that is not named has none. A nil or empty Split means that nothing serves.
type Split map[string]Weight

// Equal reports whether both splits send the same share to each version; a
// version at 0% and one not named are the same. In which order they are looked at,
// which the checker of workflows fears, makes no difference.
//
//workflowcheck:ignore
func (s Split) Equal(t Split) bool {
	for v, w := range s {
		if t[v] != w {
			return false
		}
	}
	for v, w := range t {
		if s[v] != w {
			return false
		}
	}
	return true
}

// Sole returns the version that has all of the traffic. It is an error when
// several share it; with no traffic at all the version is "".
func (s Split) Sole() (string, error) {
	sole := ""
	for v, w := range s {
		switch {
		case w == 0:
		case w == All && sole == "":
			sole = v
		default:
			return "", errors.New("several versions have traffic: " + s.String())
		}
	}
	return sole, nil
}

// String lists the shares, versions in order: "2.4.1 95%, 2.5.0 5%".
func (s Split) String() string {
	if len(s) == 0 {
		return "nothing"
	}
	var parts []string
	for _, v := range sortedKeys(s) {
		parts = append(parts, v+" "+s[v].String())
	}
	return strings.Join(parts, ", ")
}

package activities

import (
	"fmt"
	"maps"
	"reflect"
	"regexp"
	"slices"
	"strings"
)

// Headers says by cohort which request header makes a user one of it, or which flag
// does. It is a parameter of drivers that send cohorts.
type Headers map[string]HeaderRule

// HeaderRule is one header and the value that it has to have, or a flag.
type HeaderRule struct {
	Header string    `json:"header,omitempty"`
	Value  string    `json:"value,omitempty"`
	Flag   *FlagRule `json:"flag,omitempty"` // instead of a header: the flag system tells who is of the cohort
}

var (
	headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")
	cohortName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)
)

// Validate says what is wrong with the rules, the first by name.
func (h Headers) Validate() error {
	for _, cohort := range slices.Sorted(maps.Keys(h)) {
		rule := h[cohort]
		switch {
		case !cohortName.MatchString(cohort):
			return fmt.Errorf("cohorts: %q needs letters, digits, '.', '_' or '-'", cohort)
		case rule.Flag != nil:
		case !headerName.MatchString(rule.Header):
			return fmt.Errorf("cohorts.%s.header: %q is not a name of a header: write one such as X-Cohort", cohort, rule.Header)
		case rule.Value == "" || strings.ContainsAny(rule.Value, "\r\n*{}"):
			return fmt.Errorf("cohorts.%s.value: %q is not possible: one exact value, without wildcards", cohort, rule.Value)
		}
	}
	return h.validateFlags()
}

// Knows returns an error when a cohort is not configured.
func (h Headers) Knows(cohort string) error {
	if _, known := h[cohort]; known {
		return nil
	}
	if len(h) == 0 {
		return fmt.Errorf("cohort %s is not known: the traffic driver has no cohorts configured: %w", cohort, ErrFinal)
	}
	return fmt.Errorf("cohort %s is not known: the traffic driver has %s: %w", cohort, strings.Join(slices.Sorted(maps.Keys(h)), ", "), ErrFinal)
}

// validateFlags says what is wrong with the rules that are flags.
func (h Headers) validateFlags() error {
	by := map[string]string{}
	for _, cohort := range slices.Sorted(maps.Keys(h)) {
		rule := h[cohort]
		switch f := rule.Flag; {
		case f == nil:
		case rule.Header != "" || rule.Value != "":
			return fmt.Errorf("cohorts.%s: a cohort is made by a header or by a flag, not by both", cohort)
		case f.Key == "":
			return fmt.Errorf("cohorts.%s.flag.key: is missing: write the name of the flag", cohort)
		case f.Value == nil || reflect.DeepEqual(f.Value, f.Off):
			return fmt.Errorf("cohorts.%s.flag.value: is missing, or the same as off: write what the flag says while the cohort has the candidate", cohort)
		case by[f.Key] != "":
			return fmt.Errorf("cohorts.%s.flag.key: %s makes cohort %s already: each needs a flag of its own", cohort, f.Key, by[f.Key])
		default:
			by[f.Key] = cohort
		}
	}
	return nil
}

// ByFlag are the rules that are flags.
func (h Headers) ByFlag() map[string]FlagRule {
	out := map[string]FlagRule{}
	for cohort, rule := range h {
		if rule.Flag != nil {
			out[cohort] = *rule.Flag
		}
	}
	return out
}

// ByHeader are the others.
func (h Headers) ByHeader() Headers {
	out := Headers{}
	for cohort, rule := range h {
		if rule.Flag == nil {
			out[cohort] = rule
		}
	}
	return out
}

package activities

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
)

// Headers says by cohort which request header makes a user one of it. It is a
// parameter of traffic drivers that send cohorts by headers.
type Headers map[string]HeaderRule

// HeaderRule is one header and the value that it has to have.
type HeaderRule struct {
	Header string `json:"header"`
	Value  string `json:"value"`
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
		case !headerName.MatchString(rule.Header):
			return fmt.Errorf("cohorts.%s.header: %q is no name of a header: write one such as X-Cohort", cohort, rule.Header)
		case rule.Value == "" || strings.ContainsAny(rule.Value, "\r\n*{}"):
			return fmt.Errorf("cohorts.%s.value: %q is not possible: one exact value, without wildcards", cohort, rule.Value)
		}
	}
	return nil
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

package rehearsal

import (
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
)

// Fingerprint says what a run was made of, part by part: with the schedules of
// its loads and its data, by their digests, and the version of Bakeoff. Names,
// owners and purposes are not in it.
func (m Manifest) Fingerprint(loads map[string]string, inputs []evidence.Input, tool string) (evidence.Fingerprint, error) {
	faults, err := fault.Digest(fault.Schedule(m.Seed, m.Faults))
	if err != nil {
		return evidence.Fingerprint{}, err
	}
	parts := []evidence.Part{{Name: "faults", Digest: faults}}
	for name, digest := range loads {
		parts = append(parts, evidence.Part{Name: "load/" + name, Digest: digest})
	}
	for _, in := range inputs {
		parts = append(parts, evidence.Part{Name: "data/" + in.Name, Digest: in.Digest})
	}
	for name, value := range map[string]any{
		"seed": m.Seed, "rollout": m.Rollout.Spec, "baseline": m.Baseline, "drills": m.Drills, "expect": m.Expect, "scaling": m.Scaling,
		"outcome": m.Outcome, "variables": m.Variables, "environment": m.Environment, "tool": tool,
	} {
		digest, err := digestOf(value)
		if err != nil {
			return evidence.Fingerprint{}, fmt.Errorf("digest of %s: %w", name, err)
		}
		parts = append(parts, evidence.Part{Name: name, Digest: digest})
	}
	slices.SortFunc(parts, func(a, b evidence.Part) int { return strings.Compare(a.Name, b.Name) })
	whole, err := digestOf(parts)
	return evidence.Fingerprint{Digest: whole, Parts: parts}, err
}

// digestOf is "sha256:…" over a value as JSON, whose maps are sorted.
func digestOf(value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(body)), nil
}

// Text is the manifest with everything in it, as JSON, which is YAML, too: the
// run can be repeated from it.
func (m Manifest) Text() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest as JSON: %w", err)
	}
	return append(body, '\n'), nil
}

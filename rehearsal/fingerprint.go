package rehearsal

import (
	"cmp"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"slices"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/scaling"
)

// Fingerprint says what a run was made of, part by part: with the schedules of
// its loads and its data, by their digests, and the version of Bakeoff. A default
// is the same whether it is written or not. Names, owners, purposes, actions, and
// how many generators share a load, are not in it.
func (m Manifest) Fingerprint(loads map[string]string, inputs []evidence.Input, tool string) (evidence.Fingerprint, error) {
	parts := map[string]any{
		"seed": m.Seed, "rollout": m.Rollout.Spec, "baseline": m.Baseline, "faults": fault.Schedule(m.Seed, m.Faults), "drills": m.drills(),
		"expect": m.Expect, "scaling": m.scaling(), "outcome": m.Outcome, "negative": m.Negative, "variables": m.Variables,
		"environment": []string{m.Environment, cmp.Or(m.Isolation, IsolationOwn)}, "quotas": m.quotas(), "tool": tool,
	}
	if len(m.Signals) > 0 {
		parts["signals"] = m.PlannedSignals()
	}
	if len(m.Hooks) > 0 {
		parts["hooks"] = m.Hooks
	}
	if len(m.Probes) > 0 { // a manifest without has the fingerprint that it had before there were any
		parts["probes"] = m.probes()
	}
	for _, l := range m.Load {
		l = l.WithDefaults()
		l.Shards = 1
		if l.Replay != nil { // what it sends is in the digest of the load
			unlocked := *l.Replay
			unlocked.Digest = ""
			l.Replay = &unlocked
		}
		parts["load/"+l.Name] = []any{loads[l.Name], l}
	}
	for _, in := range inputs {
		parts["data/"+in.Name] = []any{in.Digest, m.into(in.Name)}
	}
	var out evidence.Fingerprint
	for _, name := range slices.Sorted(maps.Keys(parts)) {
		digest, err := digestOf(parts[name])
		if err != nil {
			return evidence.Fingerprint{}, fmt.Errorf("digest of %s: %w", name, err)
		}
		out.Parts = append(out.Parts, evidence.Part{Name: name, Digest: digest})
	}
	var err error
	out.Digest, err = digestOf(out.Parts)
	return out, err
}

// drills are those of the manifest with their defaults.
func (m Manifest) drills() []Drill {
	var out []Drill
	for _, d := range m.Drills {
		out = append(out, d.withDefaults(m.Rollout.Spec))
	}
	return out
}

// probes are those of the manifest with their defaults.
func (m Manifest) probes() []Probe {
	var out []Probe
	for _, p := range m.Probes {
		out = append(out, p.withDefaults())
	}
	return out
}

func (m Manifest) scaling() *scaling.Expect {
	if m.Scaling == nil {
		return nil
	}
	e := m.Scaling.WithDefaults()
	return &e
}

func (m Manifest) quotas() Quotas {
	q := m.Quotas
	q.For = m.Longest()
	return q
}

// into is where a set is restored, without defaults; nil: nowhere.
func (m Manifest) into(name string) *data.Into {
	for _, s := range m.Sets() {
		if s.Name == name && s.Into != nil {
			into := *s.Into
			if into.After == data.Kept {
				into.After = ""
			}
			return &into
		}
	}
	return nil
}

// digestOf is "sha256:…" over a value as JSON, whose maps are sorted.
func digestOf(value any) (string, error) {
	body, err := json.Marshal(value)
	if err != nil {
		return "", err
	}
	return fmt.Sprintf("sha256:%x", sha256.Sum256(body)), nil
}

// Text is the manifest as JSON, which is YAML, too: the run can be repeated from
// it, where it is [Manifest.Locked].
func (m Manifest) Text() ([]byte, error) {
	body, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the manifest as JSON: %w", err)
	}
	return append(body, '\n'), nil
}

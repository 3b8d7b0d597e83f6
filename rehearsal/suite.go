package rehearsal

import (
	"cmp"
	"fmt"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// SuiteKind is what a suite's file says that it is.
const SuiteKind = "RehearsalSuite"

// Suite is a choice of rehearsals that belong together: scenarios from healthy to
// cascading, and controls that have to go red.
type Suite struct {
	Kind       string   `json:"kind"`
	Name       string   `json:"name"`
	Purpose    string   `json:"purpose,omitempty"`
	Parallel   int      `json:"parallel,omitempty"` // how many at once; default 1. Those of the same target run one after another
	Rehearsals []Member `json:"rehearsals"`         // in their order
}

// Member is one rehearsal of a suite: in a file the name of its file, or itself.
type Member struct {
	File string `json:"-"`
	Manifest
}

// UnmarshalJSON reads the manifest, or the name of its file.
func (m *Member) UnmarshalJSON(body []byte) error { return fileOr(body, &m.File, &m.Manifest) }

// Validate says everything that is wrong with the suite. Rehearsals that are only
// names of files are looked at where they are read.
func (s *Suite) Validate() []rollout.Problem {
	v := validation{}
	v.require(s.Kind == SuiteKind, "kind", "expected kind: %s", SuiteKind)
	v.name(s.Name, "name")
	v.require(len(s.Rehearsals) > 0, "rehearsals", "is empty: name at least one")
	v.require(s.Parallel >= 0 && s.Parallel <= 16, "parallel", "%d is not from 1 to 16", s.Parallel)
	seen := map[string]bool{}
	for i := range s.Rehearsals {
		m := &s.Rehearsals[i]
		if m.File != "" && m.Name == "" {
			continue
		}
		path := fmt.Sprintf("rehearsals[%d]", i)
		for _, p := range m.Validate() {
			p.Path = strings.TrimSuffix(path+"."+p.Path, ".")
			v.problems = append(v.problems, p)
		}
		key := keyOf(m.Manifest)
		v.require(!seen[key], path+".name", "%s is there twice", key)
		seen[key] = true
	}
	return v.problems
}

// keyOf tells rehearsals apart: environment/name.
func keyOf(m Manifest) string { return m.Environment + "/" + m.Name }

// SuiteOrder is the input of the RehearsalSuite workflow.
type SuiteOrder struct {
	Actor  string `json:"actor,omitempty"`
	Reason string `json:"reason,omitempty"`
	Suite  Suite  `json:"suite"`
}

// SuiteStatus is where a suite stands and, at its end, its result.
type SuiteStatus struct {
	Name       string           `json:"name"`
	Outcome    evidence.Outcome `json:"outcome"` // "" while it runs
	Reason     string           `json:"reason"`
	Rehearsals []Status         `json:"rehearsals"` // in the order of the suite; those that have not begun have no phase, and are Unmeasured at the end
	StartedBy  string           `json:"startedBy,omitempty"`
	StartedAt  time.Time        `json:"startedAt"`
	EndedAt    *time.Time       `json:"endedAt,omitempty"`
	WorkflowID string           `json:"workflowId"`
	RunID      string           `json:"runId"`
	UIURL      string           `json:"uiUrl,omitempty"` // filled in by the CLI
}

// Conclude works out the outcome of a suite: all of it passed, or what did not.
func (s *SuiteStatus) Conclude() {
	s.Outcome = evidence.Passed
	var against []string
	for _, r := range s.Rehearsals {
		if r.Outcome == evidence.Passed {
			continue
		}
		outcome := cmp.Or(r.Outcome, evidence.Unmeasured) // it did not begin, and ended under an older worker
		if s.Outcome != evidence.Failed {
			s.Outcome = outcome
		}
		against = append(against, fmt.Sprintf("%s %s", r.Name, outcome))
	}
	s.Reason = "the one rehearsal passed"
	if n := len(s.Rehearsals); n != 1 {
		s.Reason = fmt.Sprintf("all %d rehearsals passed", n)
	}
	if len(against) > 0 {
		s.Reason = fmt.Sprintf("%d of %d did not pass: %s", len(against), len(s.Rehearsals), strings.Join(against, ", "))
	}
}

package rehearsals

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// outcome is the part of a rehearsal's result that is told of.
type outcome struct {
	Name        string      `json:"name"`
	Outcome     string      `json:"outcome"`
	Reason      string      `json:"reason"`
	Negative    bool        `json:"negative"`
	Criteria    []criterion `json:"criteria"`
	Drills      int         `json:"drills"`
	Planned     int         `json:"planned"`
	Restore     *restore    `json:"restore"`
	Left        []string    `json:"left"`
	Place       string      `json:"place"`
	Fingerprint string      `json:"fingerprint"`
	StartedAt   time.Time   `json:"startedAt"`
	EndedAt     time.Time   `json:"endedAt"`
	UIURL       string      `json:"uiUrl"`

	loads  map[string]string // name → digest of what was sent when
	poll   time.Duration     // how often the drilled step was looked at
	backIn []time.Duration   // from the breach until the baseline had all traffic, of each drill in which it came to that
}

type criterion struct {
	Name    string `json:"name"`
	Outcome string `json:"outcome"`
	Reason  string `json:"reason"`
}

// restore is the time to restore, of all drills of a rehearsal, in seconds.
type restore struct {
	N          int     `json:"n"`
	Median     float64 `json:"median"`
	P90        float64 `json:"p90"`
	Max        float64 `json:"max"`
	Confidence float64 `json:"confidence"`
	Coverage   float64 `json:"coverage"`
}

// rehearse runs a rehearsal or a suite, and returns what became of each.
func (h *hall) rehearse(ctx context.Context, file string) ([]outcome, error) {
	h.story.Print("\n")
	h.story.Say("$ bakeoff rehearse %s", file)
	var result struct {
		outcome
		Rehearsals []outcome `json:"rehearsals"`
	}
	began := time.Now()
	code, err := h.town.CLI.Result(ctx, func(line string) { h.story.Say("│ %s", line) }, &result, "rehearse", file, "--reason", "make rehearse")
	if ctx.Err() != nil {
		return nil, context.Cause(ctx)
	}
	if err != nil {
		return nil, err
	}
	h.story.Say("exit %d after %s", code, time.Since(began).Round(100*time.Millisecond))
	all := result.Rehearsals
	if all == nil {
		all = []outcome{result.outcome}
	}
	for i := range all {
		if err := all[i].readEvidence(); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// readEvidence reads from the evidence what was sent, and how long each drill took
// to lead traffic back.
func (o *outcome) readEvidence() error {
	if o.Place == "" {
		return nil
	}
	body, err := os.ReadFile(filepath.Join(o.Place, "evidence.json"))
	if err != nil {
		return fmt.Errorf("the evidence of %s: %w", o.Name, err)
	}
	var run struct {
		Load   []struct{ Name, Digest string }
		Drills []struct {
			Poll    string
			Repeats []struct{ BreachAt, RestoredAt *time.Time }
		}
	}
	if err := json.Unmarshal(body, &run); err != nil {
		return fmt.Errorf("the evidence of %s: %w", o.Name, err)
	}
	o.loads = map[string]string{}
	for _, l := range run.Load {
		o.loads[l.Name] = l.Digest
	}
	for _, d := range run.Drills {
		if o.poll, err = time.ParseDuration(d.Poll); err != nil {
			return fmt.Errorf("the evidence of %s: how often its step was looked at: %w", o.Name, err)
		}
		for _, r := range d.Repeats {
			if r.BreachAt != nil && r.RestoredAt != nil {
				o.backIn = append(o.backIn, r.RestoredAt.Sub(*r.BreachAt))
			}
		}
	}
	return nil
}

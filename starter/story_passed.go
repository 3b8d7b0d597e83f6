package main

import (
	"strings"
	"time"

	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// passing is a step of which a window said to go on. That does not end its bake
// where part of it was paused or not watched, or where it was lengthened.
type passing struct {
	step int
	end  time.Time // of the window
	text string
	data map[string]any
}

// begins tells that a step is passed when what the rollout does next shows it:
// neither the next window of the same bake, which begins where the last one
// ended, nor the way back. Who may give an order is asked at any time.
func (s *story) begins(e *historypb.HistoryEvent, one act) error {
	if s.passing == nil || one.Type == "Authorize" {
		return nil
	}
	var in observeInput
	if one.Type == "Observe" {
		if err := s.decode(one.Input, &in); err != nil {
			return err
		}
	}
	bakesOn := stepOf(one.ID) == s.passing.step && in.Start.Equal(s.passing.end)
	if bakesOn || strings.HasPrefix(one.ID, "restore.") {
		s.passing = nil
		return nil
	}
	s.leaves(e)
	return nil
}

// leaves tells that the rollout has left the bake of a step, if it was about to.
func (s *story) leaves(e *historypb.HistoryEvent) {
	if p := s.passing; p != nil {
		s.passing, s.passed = nil, p.step
		s.add(e, rollout.EventStepPassed, p.step, p.text, p.data)
	}
}

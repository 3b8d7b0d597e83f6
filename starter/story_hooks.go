package main

import (
	"regexp"

	commonpb "go.temporal.io/api/common/v1"
	historypb "go.temporal.io/api/history/v1"

	"bakeoff/rollout"
)

// hookID matches the ids of calls of hooks: "s02.hook1.beforeStep".
var hookID = regexp.MustCompile(`(?:^|\.)hook\d+\.([A-Za-z]+)`)

// hooked tells what a hook answered. One that is only told of something cannot
// refuse.
func (s *story) hooked(e *historypb.HistoryEvent, one act, result *commonpb.Payloads) error {
	var out hookOutput
	if one.Type == "Hook" { // what somebody's own activity returns is not ours to read
		if err := s.decode(result, &out); err != nil {
			return err
		}
	}
	kind, text := rollout.EventGatePassed, one.Summary+": passes"
	switch {
	case isTold(one):
		kind, text = rollout.EventNotified, one.Summary+": told"
	case out.Refused != "":
		kind, text = rollout.EventGateRefused, one.Summary+": refuses: "+out.Refused
		s.back = true
	}
	s.add(e, kind, stepOf(one.ID), text, map[string]any{"gate": "hook", "act": one.ID})
	return nil
}

// hookLost tells of a hook that refused as an activity does, or did not answer. One
// that was asked on the way forward is not waited for on the way back.
func (s *story) hookLost(e *historypb.HistoryEvent, one act, reason string) {
	kind := rollout.EventGateRefused
	switch {
	case isTold(one):
		kind = rollout.EventNotified
	case s.back:
		return
	}
	s.add(e, kind, stepOf(one.ID), one.Summary+": no answer: "+reason, map[string]any{"gate": "hook", "act": one.ID, "reason": reason})
}

// isTold reports whether a hook hears of something and is not asked.
func isTold(one act) bool {
	at := hookID.FindStringSubmatch(one.ID)[1]
	return at == rollout.HookOnRollback || at == rollout.HookAfter
}

package report

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	"bakeoff/rehearsal/evidence"
)

// fortnight is how long a proposed action has, from the end of the run.
const fortnight = 14 * 24 * time.Hour

// Findings proposes an action for everything that a run found wrong, in the
// order of the report, each with the criterion by which the next run tells whether
// it helped. The owner is who started the run, and it is due after two
// weeks: people give it to whom it belongs. A run in which all was well has none,
// and what a control was made to find is none, either.
func Findings(run evidence.Run) []evidence.Action {
	var out []evidence.Action
	add := func(criterion, finding, do string) {
		out = append(out, evidence.Action{Finding: finding, Do: do, Owner: run.StartedBy, Due: run.EndedAt.Add(fortnight), From: run.ID, Criterion: criterion})
	}
	asked := run
	if run.Negative {
		asked.Criteria, asked.Ledger, asked.Scaling = nil, nil, nil
	}
	for _, c := range asked.Criteria {
		if c.Name == evidence.ActionsInTime { // those actions are what is to be done
			continue
		}
		switch c.Outcome {
		case evidence.Failed:
			add(c.Name, c.Name+": "+c.Reason, "find out why, and mend it or change the limit with a reason")
		case evidence.Unmeasured:
			if run.Halt != nil || run.Outcome == evidence.Aborted { // it was ended before: by a probe, which is the finding, or a person
				continue
			}
			add(c.Name, c.Name+": "+c.Reason, "make it measurable: what is not measured never passes")
		}
	}
	for _, d := range run.Drills {
		for _, r := range d.Repeats {
			if left := slices.Concat(r.Differences, r.Residue); len(left) > 0 {
				add(d.Name+evidence.AsBefore, fmt.Sprintf("%s, %d: not as before: %s", d.Name, r.Number, strings.Join(left, "; ")), "let the way back restore this, too")
			}
		}
	}
	if l := asked.Ledger; l != nil && l.Lost+l.Doubled+l.Altered > 0 {
		add(evidence.DataIsWhole, fmt.Sprintf("transactions: %d lost, %d doubled, %d altered", l.Lost, l.Doubled, l.Altered), "find the writes that do not survive the switch")
	}
	for _, f := range run.Faults {
		if !f.Verified {
			add(f.Name+evidence.CameAndWent, "fault "+f.Name+" was not seen to be gone", "look whether it still is there, and why its removal was not confirmed")
		}
	}
	for _, r := range run.Residue {
		add(evidence.NothingIsLeft, "left behind: "+r, "remove it, and let the rehearsal do so the next time")
	}
	if i := slices.IndexFunc(asked.Criteria, isFailedScaling); asked.Scaling != nil && i >= 0 {
		for _, advice := range asked.Scaling.Advice {
			add(asked.Criteria[i].Name, advised+asked.Scaling.Reason, advice)
		}
	}
	return out
}

// advised begins the finding of an action that an autoscaler's figures advise.
const advised = "autoscaling: "

// isFailedScaling tells the criteria of an autoscaler that failed. Where all hold,
// advice is to be read, and not to be done.
func isFailedScaling(c evidence.Criterion) bool {
	return c.Outcome == evidence.Failed && strings.HasPrefix(c.Name, "scaling ")
}

// Merged are the actions of a manifest together with those that the last run left,
// whoever wrote them: to leave one out of the manifest does not do it. Of the same
// action that of the manifest stands: there people say that it is done.
func Merged(manifest, left []evidence.Action) []evidence.Action {
	out := slices.Clone(manifest)
	for i, said := range out {
		for _, a := range left {
			if isSame(said, a) {
				out[i].Finding, out[i].From = cmp.Or(said.Finding, a.Finding), cmp.Or(said.From, a.From)
			}
		}
	}
	for _, a := range left {
		isIt := func(b evidence.Action) bool { return isSame(b, a) }
		if isEndless(a) || slices.ContainsFunc(out, isIt) {
			continue
		}
		out = append(out, a)
	}
	return out
}

// isEndless tells actions that older runs left, and that nothing could ever end: an
// autoscaler's advice while all was well, and to be in time with the others.
func isEndless(a evidence.Action) bool {
	return a.Criterion == evidence.ActionsInTime || a.Criterion == "" && strings.HasPrefix(a.Finding, advised)
}

// isSame reports whether an action of a manifest is the one that a run left. Whoever
// writes it down may leave out what was found.
func isSame(said, left evidence.Action) bool {
	return said.Do == left.Do && said.Criterion == left.Criterion && (said.Finding == "" || said.Finding == left.Finding)
}

// ActionState is where an action stands.
type ActionState string

// The states. Again: it was said to be done, and its criterion fails anew.
// Mended: nobody said so, but its criterion passes now.
const (
	ActionDone    ActionState = "done"
	ActionAgain   ActionState = "again"
	ActionMended  ActionState = "mended"
	ActionOpen    ActionState = "open"
	ActionOverdue ActionState = "overdue"
)

// Checked is an action of an earlier run as the next one finds it.
type Checked struct {
	evidence.Action
	State ActionState `json:"state"`
}

// Check looks whether the actions of earlier runs were done: by what was said,
// and by the criteria of this run, by name. Criteria may be nil. Who says that it will
// be done says that it is not.
func Check(previous []evidence.Action, now time.Time, criteria []evidence.Criterion) []Checked {
	outcomes := map[string]evidence.Outcome{}
	for _, c := range criteria {
		outcomes[c.Name] = c.Outcome
	}
	var out []Checked
	for _, a := range previous {
		outcome := evidence.Outcome("")
		if a.Criterion != "" {
			outcome = outcomes[a.Criterion]
		}
		out = append(out, Checked{a, stateOf(a, now, outcome)})
	}
	return out
}

func stateOf(a evidence.Action, now time.Time, outcome evidence.Outcome) ActionState {
	done := a.Done != nil && !a.Done.After(now)
	switch {
	case done && (outcome == evidence.Failed || outcome == evidence.Unmeasured):
		return ActionAgain
	case done:
		return ActionDone
	case outcome == evidence.Passed:
		return ActionMended
	case !a.Due.IsZero() && now.After(a.Due):
		return ActionOverdue
	default:
		return ActionOpen
	}
}

package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/temporal"

	"bakeoff/rollout"
)

// startOptions says how a rollout starts. Its id is the lock of the target: a
// second start is refused while one runs. No timeout is set, because a rollout
// that is cut off could not put anything back.
func startOptions(o rollout.Submit) client.StartWorkflowOptions {
	s := o.Order.Spec
	return optionsOf(rollout.WorkflowID(s.Key()), s.Key(), s.Release.Version, described{o.Summary, o.Details})
}

// described is what the Temporal UI shows of a workflow from its start.
type described struct{ summary, details string }

// optionsOf says how a rollout or a fleet starts.
func optionsOf(id string, of rollout.Target, candidate string, as described) client.StartWorkflowOptions {
	keyword := func(name, value string) temporal.SearchAttributeUpdate {
		return temporal.NewSearchAttributeKeyKeyword(name).ValueSet(value)
	}
	return client.StartWorkflowOptions{
		ID:        id,
		TaskQueue: rollout.QueueControl,

		WorkflowIDConflictPolicy:                 enumspb.WORKFLOW_ID_CONFLICT_POLICY_FAIL,
		WorkflowIDReusePolicy:                    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowExecutionErrorWhenAlreadyStarted: true,

		// A task that was handed to a worker as it died is given to another then.
		WorkflowTaskTimeout: 2 * time.Second,
		StaticSummary:       as.summary,
		StaticDetails:       as.details,
		TypedSearchAttributes: temporal.NewSearchAttributes(
			keyword(rollout.AttributeTarget, of.String()),
			keyword(rollout.AttributeService, of.Service),
			keyword(rollout.AttributeEnvironment, of.Environment),
			keyword(rollout.AttributeCandidate, candidate),
			keyword(rollout.AttributePhase, string(rollout.PhasePending)),
		),
	}
}

// targetOptions says how the workflow starts that stands above a target's
// rollouts: once, the first time that something is asked of it.
func targetOptions(t rollout.Target) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:        rollout.TargetID(t),
		TaskQueue: rollout.QueueControl,

		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowTaskTimeout:      2 * time.Second,
		StaticSummary:            "the releases of " + t.String() + ": queue, what was good, what was refused",
	}
}

// stopOptions says how the workflow starts that stands for a stopped line.
func stopOptions(o rollout.StopOrder) client.StartWorkflowOptions {
	return client.StartWorkflowOptions{
		ID:        rollout.StopID(o.Environment),
		TaskQueue: rollout.QueueControl,

		WorkflowIDConflictPolicy: enumspb.WORKFLOW_ID_CONFLICT_POLICY_USE_EXISTING,
		WorkflowIDReusePolicy:    enumspb.WORKFLOW_ID_REUSE_POLICY_ALLOW_DUPLICATE,
		WorkflowTaskTimeout:      2 * time.Second,
		StaticSummary:            short(fmt.Sprintf("stop the line of %s, by %s: %s", o.Environment, o.Command.Actor, oneLine(o.Command.Reason)), 200),
	}
}

// summaryOf is the sentence that the Temporal UI lists the rollout by; 200
// bytes at most: "checkout 2.5.0 to production, by ana: faster checkout".
func summaryOf(o rollout.Order) string {
	s := o.Spec
	text := fmt.Sprintf("%s %s to %s", s.Service, s.Release.Version, s.Environment)
	if s.Unit != "" {
		text += "/" + s.Unit
	}
	if o.Actor != "" {
		text += ", by " + o.Actor
	}
	if why := orElse(o.Reason, s.Purpose); why != "" {
		text += ": " + oneLine(why)
	}
	return short(text, 200)
}

// detailsOf is the Markdown page of the rollout in the Temporal UI: who, what,
// why, and the plan in short.
func detailsOf(o rollout.Order) string {
	p := rollout.NewPlan(o.Spec)
	var b strings.Builder
	row := func(name, value string) {
		if value != "" {
			fmt.Fprintf(&b, "- **%s**: %s\n", name, short(oneLine(value), 500))
		}
	}
	fmt.Fprintf(&b, "### %s %s\n\n", p.Target, p.Candidate)
	row("asked for by", o.Actor)
	row("reason", o.Reason)
	row("purpose", o.Spec.Purpose)
	row("owner", o.Spec.Owner)
	row("artifact", o.Spec.Release.Artifact)
	b.WriteString("\n| step | weight | bake | asked before | answers for it |\n|---|---|---|---|---|\n")
	for i, s := range p.Steps {
		if i == 50 {
			fmt.Fprintf(&b, "| … | %d more | | | |\n", len(p.Steps)-i)
			break
		}
		fmt.Fprintf(&b, "| %d | %s | %s | %s | %s |\n", s.Number, s.Weight, s.Bake, asked(s.Approve), short(oneLine(s.Owner), 100))
	}
	fmt.Fprintf(&b, "| promote | 100%% | baseline kept %s | %s | %s |\n\n", p.KeepBaseline, asked(p.Promote), short(oneLine(p.PromoteOwner), 100))
	for _, c := range p.Spec.Checks {
		row("check", c.Name+advisory(!c.IsGating()))
	}
	return b.String()
}

// asked says who is asked before an act; "" for nobody.
func asked(a *rollout.Approval) string {
	if a == nil {
		return ""
	}
	who := fmt.Sprintf("%d of anyone", a.Quorum)
	if len(a.From) > 0 {
		who = fmt.Sprintf("%d of %s", a.Quorum, strings.Join(a.From, ", "))
	}
	if len(a.Each) > 0 {
		var each []string
		for _, role := range slices.Sorted(maps.Keys(a.Each)) {
			each = append(each, fmt.Sprintf("%d of %s", a.Each[role], role))
		}
		who = strings.Join(each, " and ")
	}
	return fmt.Sprintf("%s within %s, otherwise %s", who, a.Within, a.Otherwise)
}

func advisory(yes bool) string {
	if yes {
		return " (advisory)"
	}
	return ""
}

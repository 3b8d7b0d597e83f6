package activities

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// AdmitFleetInput is the order to be admitted.
type AdmitFleetInput struct {
	Order    rollout.FleetOrder `json:"order"`
	Received time.Time          `json:"received,omitzero"` // when the order reached Temporal; zero: it is only looked at, and needs no signature
}

// AdmitFleetOutput is the plan of the fleet, or why there is none.
type AdmitFleetOutput struct {
	Plan     rollout.FleetPlan `json:"plan,omitzero"`
	Cause    rollout.Cause     `json:"cause,omitempty"` // "": admitted
	Problems []rollout.Problem `json:"problems,omitempty"`
	Signer   *rollout.Signer   `json:"signer,omitempty"` // where the order's signature is right

	Policy   string `json:"policy,omitempty"`   // digest of the rules that decided
	Notifies bool   `json:"notifies,omitempty"` // of a refusal: somebody may want to know
}

// AdmitFleet admits every unit as Admit does, and works the order of the fleet
// out. A refusal of one unit, or a rollout that runs on one of their targets,
// refuses the fleet: it is a result, not an error.
func (a *Activities) AdmitFleet(ctx context.Context, in AdmitFleetInput) (AdmitFleetOutput, error) {
	out, err := a.admitFleet(ctx, in)
	out.Policy, out.Notifies = a.Policy, out.Cause != "" && a.Notifications.mayTell(in.Order.Spec.Rollout)
	return out, err
}

func (a *Activities) admitFleet(ctx context.Context, in AdmitFleetInput) (AdmitFleetOutput, error) {
	spec := in.Order.Spec
	if problems := spec.Validate(); len(problems) > 0 {
		return AdmitFleetOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	admitted, refused, err := a.admitUnits(ctx, in.Order)
	if err != nil || refused.Cause != "" {
		return refused, err
	}
	signer, why := a.mayStartFleet(in)
	if why != "" {
		return AdmitFleetOutput{Cause: rollout.CausePolicy, Problems: []rollout.Problem{{Message: why}}}, nil
	}
	if problems := spec.Scheduled(a.now(), admitted); len(problems) > 0 {
		return AdmitFleetOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	plan := rollout.NewFleetPlan(spec, admitted)
	a.Notifications.announceFleet(&plan, spec)
	plan.Events = plan.EventBound()
	if plan.Events > rollout.MaxEvents {
		return AdmitFleetOutput{Cause: rollout.CauseSpec, Problems: []rollout.Problem{{Path: "units", Message: fmt.Sprintf(
			"this fleet may write %d events, more than %d: use fewer units", plan.Events, rollout.MaxEvents)}}}, nil
	}
	for _, unit := range plan.Units {
		plan.Abort, plan.VerifiesAborts = admitted[unit.Unit].Abort, admitted[unit.Unit].VerifiesAborts // of the environment, and so the same for all
		for _, warning := range admitted[unit.Unit].Warnings {
			if !slices.Contains(plan.Warnings, warning) {
				plan.Warnings = append(plan.Warnings, warning)
			}
		}
	}
	held, err := a.held(ctx, spec, plan)
	if err != nil || len(held) > 0 {
		return AdmitFleetOutput{Cause: rollout.CauseRunning, Problems: held}, err
	}
	refused, err = a.quarantined(ctx, in.Order, plan)
	if err != nil || refused.Cause != "" {
		return refused, err
	}
	return AdmitFleetOutput{Plan: plan.Seal(), Signer: signer}, nil
}

// mayStartFleet says what the order itself lacks; "" when nothing, with whose
// signature it has. Its units have been asked whether the actor may.
func (a *Activities) mayStartFleet(in AdmitFleetInput) (signer *rollout.Signer, why string) {
	if in.Received.IsZero() {
		return nil, ""
	}
	limits := a.limitsOf(rollout.Order{Spec: rollout.Spec{Environment: in.Order.Spec.Environment}})
	if why = limits.unexplained(in.Order.Spec.Environment, in.Order.Reason); why != "" {
		return nil, why
	}
	return a.Rules.provenFleet(in)
}

// admitUnits admits one unit after the other. What is wrong with all of them is
// said once. Of several causes spec is told: that one no day mends.
func (a *Activities) admitUnits(ctx context.Context, o rollout.FleetOrder) (map[string]rollout.Plan, AdmitFleetOutput, error) {
	plans, found := map[string]rollout.Plan{}, map[rollout.Problem][]string{}
	var refused AdmitFleetOutput
	var order []rollout.Problem
	for _, name := range slices.Sorted(maps.Keys(o.Spec.Units)) {
		out, err := a.Admit(ctx, AdmitInput{Order: o.UnitOrder(name, rollout.FleetID(o.Spec.Key()))})
		if err != nil {
			return nil, refused, fmt.Errorf("admit %s: %w", name, err)
		}
		plans[name] = out.Plan
		if out.Cause != "" && refused.Cause != rollout.CauseSpec {
			refused.Cause = out.Cause
		}
		for _, p := range out.Problems {
			if found[p] == nil {
				order = append(order, p)
			}
			found[p] = append(found[p], name)
		}
	}
	for _, p := range order {
		at := []string{"rollout."}
		if len(found[p]) < len(plans) {
			at = at[:0]
			for _, name := range found[p] {
				at = append(at, "units."+name+".")
			}
		}
		for _, prefix := range at {
			refused.Problems = append(refused.Problems, rollout.Problem{Path: strings.TrimSuffix(prefix+p.Path, "."), Message: p.Message})
		}
	}
	return plans, refused, nil
}

// held says which of the targets somebody else holds, the service's own among
// them.
func (a *Activities) held(ctx context.Context, spec rollout.FleetSpec, plan rollout.FleetPlan) ([]rollout.Problem, error) {
	targets := []rollout.Target{spec.Key()}
	for _, unit := range plan.Units {
		targets = append(targets, spec.Unit(unit.Unit).Key())
	}
	var out []rollout.Problem
	for _, target := range targets {
		runID, err := a.running(ctx, rollout.WorkflowID(target))
		if err != nil {
			return nil, err
		}
		if runID != "" {
			out = append(out, rollout.Problem{Message: fmt.Sprintf("%s has a running rollout: run %s", target, runID)})
		}
	}
	return out, nil
}

// lockedByFleet says which fleet holds the service of a target; "" when none does
// but the one that its rollout is a unit of.
func (a *Activities) lockedByFleet(ctx context.Context, target rollout.Target, its string) (string, error) {
	fleet := rollout.FleetID(target)
	if its == fleet {
		return "", nil
	}
	runID, err := a.running(ctx, fleet)
	if err != nil || runID == "" {
		return "", err
	}
	return fmt.Sprintf("%s is held by the fleet %s, run %s", target, fleet, runID), nil
}

// running returns the open run of a workflow; "" where none is open, or where
// nobody can be asked.
func (a *Activities) running(ctx context.Context, workflowID string) (string, error) {
	if a.Executions == nil {
		return "", nil
	}
	runID, _, err := a.Executions.Holder(ctx, workflowID)
	if err != nil {
		return "", fmt.Errorf("look whether %s runs: %w", workflowID, err)
	}
	return runID, nil
}

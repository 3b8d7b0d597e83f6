package activities

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// Admit validates the order and works the plan out. A refusal is a result, not
// an error: cause "spec" is for what no day and no actor could start. It asks
// no outside system but what may close the target, and a fleet that holds it, so
// that the same order gives the same plan.
func (a *Activities) Admit(ctx context.Context, in AdmitInput) (AdmitOutput, error) {
	out, err := a.admit(ctx, in)
	out.Policy, out.Notifies = a.Policy, out.Cause != "" && !in.Rehearsal && a.Notifications.mayTell(in.Order.Spec)
	return out, err
}

func (a *Activities) admit(ctx context.Context, in AdmitInput) (AdmitOutput, error) {
	var uncalled []string
	in.Order, uncalled = practising(in)
	invalid := in.Order.Spec.Validate()
	problems := append(slices.Clone(invalid), a.limitsOf(in.Order).check(in.Order.Spec)...)
	if len(invalid) > 0 { // no driver can say anything of its plan
		return AdmitOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	plan, more := a.planned(in)
	if problems = append(problems, more...); len(problems) > 0 {
		return AdmitOutput{Cause: rollout.CauseSpec, Problems: problems}, nil
	}
	plan.Warnings = append(plan.Warnings, uncalled...)
	signer, why := a.mayStart(in, plan)
	if why != "" {
		return AdmitOutput{Cause: rollout.CausePolicy, Problems: []rollout.Problem{{Message: why}}}, nil
	}
	if held, err := a.lockedByFleet(ctx, in.Order.Spec.Key(), in.Order.Fleet); err != nil || held != "" {
		return AdmitOutput{Cause: rollout.CauseRunning, Problems: []rollout.Problem{{Message: held}}}, err
	}
	out, err := a.admitNow(ctx, in, plan)
	if err != nil || out.Cause != "" {
		return out, err
	}
	out.Signer = signer
	if in.Foresee {
		out.Foresight, out.Unseen = a.lookAhead(ctx, plan)
	}
	return out, nil
}

// planned works a valid order out in full, and says what stands against that on
// this worker.
func (a *Activities) planned(in AdmitInput) (rollout.Plan, []rollout.Problem) {
	spec := in.Order.Spec
	if in.Rehearsal { // no user meets what is practised
		spec.Schedule = nil
	}
	plan := rollout.NewPlan(spec)
	if !in.Order.Back {
		plan = a.Rules.asked(plan)
	}
	plan, problems := a.drilling(in, plan)
	a.authorize(&plan)
	if in.Rehearsal { // anyone may stop a rehearsal, and its rollout is aborted in their name
		plan.Abort = nil
	}
	a.Notifications.announce(&plan)
	plan.Quiet = in.Rehearsal
	plan.Events, plan.Actions = plan.EventBound(), plan.ActionBound()
	if in.Order.Fleet != "" {
		plan.Enters = true
		plan.Events += rollout.UnitEvents
		plan.Actions += 4
	}
	plan, late := plan.Scheduled(a.now())
	problems = append(problems, late...)
	var refusals []rollout.Problem
	plan.Drivers, refusals = a.admitDrivers(plan)
	problems = slices.Concat(problems, refusals, a.Rules.check(plan), a.admitBudget(plan), a.admitHooks(plan))
	if plan.Events > rollout.MaxEvents {
		problems = append(problems, rollout.Problem{Path: "strategy", Message: fmt.Sprintf(
			"this plan may write %d events, more than %d: use longer windows or fewer steps", plan.Events, rollout.MaxEvents)})
	}
	return plan, problems
}

// mayStart says why somebody may not start a rollout now, although somebody else
// may; "" when they may, with whose signature the order has.
func (a *Activities) mayStart(in AdmitInput, p rollout.Plan) (signer *rollout.Signer, why string) {
	o := in.Order
	if o.Back { // its Target verified the command that asked for it
		_, why := a.Rules.May(o.Spec.Environment, rollout.CommandRollback, o.Actor)
		return nil, why
	}
	if may, why := a.Rules.May(o.Spec.Environment, ActStart, o.Actor); !may {
		return nil, why
	}
	if o.Override {
		if may, why := a.Rules.May(o.Spec.Environment, ActOverride, o.Actor); !may {
			return nil, why
		}
	}
	if o.Supersede { // it ends what others began, whatever the policy of that says
		if may, why := a.Rules.May(o.Spec.Environment, rollout.CommandAbort, o.Actor); !may {
			return nil, "--supersede sends a running rollout back, and so needs the permission to abort, too: " + why
		}
	}
	if why := a.Rules.nameless(p, o.Actor); why != "" {
		return nil, why
	}
	if why := a.Rules.lockedOut(p, o.Actor); why != "" {
		return nil, why
	}
	if in.Received.IsZero() {
		return nil, ""
	}
	if why := a.limitsOf(o).unexplained(o.Spec.Environment, o.Reason); why != "" && !in.Rehearsal {
		return nil, why
	}
	return a.Rules.provenOrder(o, in.Received)
}

// unexplained says that a start lacks the reason that its environment wants; ""
// when it does not. No spec is to blame for that.
func (l Limits) unexplained(environment, reason string) string {
	if !l.RequireReason || strings.TrimSpace(reason) != "" {
		return ""
	}
	return environment + " wants a reason for each start: give one with --reason"
}

// authorize writes into the plan who may abort, which is decided without asking
// anybody, and that every other command is authorized by the rules of its moment.
func (a *Activities) authorize(p *rollout.Plan) {
	p.Authorized, p.TellsMisdirected, p.VerifiesAborts = true, true, a.Rules.Signing.Keys != nil
	acts, _ := a.Rules.acts(p.Spec.Environment)
	if roles, named := acts[rollout.CommandAbort]; named {
		p.Abort = a.Rules.allNames(roles)
	}
	if len(a.Rules.Roles) > 0 {
		return
	}
	for _, q := range p.Approvals() {
		if len(q.From) > 0 {
			p.Warnings = append(p.Warnings, "approve: this worker has no roles, anyone's approval counts")
			return
		}
	}
}

// lookAhead says what the checks of a plan will see, or why that is not known.
func (a *Activities) lookAhead(ctx context.Context, p rollout.Plan) ([]rollout.Foresight, string) {
	j := Job{Target: p.Target, Drivers: p.Spec.Target, Candidate: p.Candidate}
	now, err := a.readState(ctx, j, nil)
	if err != nil {
		return nil, err.Error()
	}
	if j.Baseline, err = now.Split.Sole(); err != nil || j.Baseline == "" {
		return nil, "no version has all of the traffic"
	}
	j.Endpoints = map[string][]string{j.Baseline: now.Endpoints}
	foresight, err := a.foresee(ctx, j, p.Spec.Checks, Outlooks(p), p.Spec.Policy.Alpha)
	if err != nil {
		return nil, err.Error()
	}
	return foresight, ""
}

// limitsOf are those of the order's environment. Going back has none: what is gone
// back to has passed them.
func (a *Activities) limitsOf(o rollout.Order) Limits {
	if o.Back {
		return Limits{MutableTags: "allow"}
	}
	if l, ok := a.Limits[o.Spec.Environment]; ok {
		return l
	}
	return a.Limits["default"]
}

// check says which limits of its environment the spec breaks.
func (l Limits) check(s rollout.Spec) []rollout.Problem {
	var out []rollout.Problem
	refuse := func(broken bool, path, format string, args ...any) {
		if broken {
			out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
		}
	}
	refuse(l.MutableTags != "allow" && isMutable(s.Release.Artifact), "release.artifact",
		"%q can change its meaning: pin it by digest (name@sha256:…)", s.Release.Artifact)
	refuse(l.MutableTags != "allow" && s.Strategy.Baseline == rollout.BaselineSameAge && s.Baseline != nil && isMutable(s.Baseline.Artifact),
		"baseline.artifact", "a copy of the baseline must be the same: pin it by digest (name@sha256:…)")
	refuse(l.RequireOwner && strings.TrimSpace(s.Owner) == "", "owner", "%s needs an owner", s.Environment)
	refuse(l.RequirePurpose && strings.TrimSpace(s.Purpose) == "", "purpose", "%s needs a purpose", s.Environment)
	plan := rollout.NewPlan(s)
	if first := plan.FirstShare(); l.FirstWeight > 0 {
		refuse(first > l.FirstWeight, "strategy", "the first raise is to %s: at most %s in %s", first, l.FirstWeight, s.Environment)
	}
	for _, step := range plan.Steps {
		refuse(step.Bake < l.BakeAtLeast, s.Strategy.StepPath(step.Number), "step %d bakes %s: at least %s in %s",
			step.Number, step.Bake, l.BakeAtLeast, s.Environment)
	}
	return out
}

// isMutable reports whether an artifact can change while its name stays.
func isMutable(artifact string) bool {
	_, digest, pinned := strings.Cut(artifact, "@")
	_, hex, algorithm := strings.Cut(digest, ":")
	return artifact != "" && !(pinned && algorithm && hex != "")
}

// admitDrivers makes every driver that the plan names and asks whether it can
// honour the plan. It returns what each driver says of itself.
func (a *Activities) admitDrivers(p rollout.Plan) (map[string]string, []rollout.Problem) {
	var problems []rollout.Problem
	about := map[string]string{}
	target := p.Spec.Target
	note := func(role string, driver any, err error) bool {
		if err != nil {
			message := said(err)
			problems = append(problems, rollout.Problem{Path: "target." + role, Message: message})
			return false
		}
		if d, ok := driver.(interface{ Capabilities() string }); ok {
			about[role] = d.Capabilities()
		}
		return true
	}
	deployer, err := a.Drivers.deployer(target.Deploy)
	note("deploy", deployer, err)
	if target.Flags != nil {
		flags, err := a.Drivers.flags(target.Flags)
		note("flags", flags, err)
	}
	traffic, err := a.Drivers.traffic(target.Traffic)
	if note("traffic", traffic, err) {
		problems = append(problems, admitWeights(p, traffic)...)
		problems = append(problems, a.admitCohorts(p)...)
	}
	if target.Metrics != nil {
		metrics, err := a.Drivers.metrics(target.Metrics)
		if note("metrics", metrics, err) {
			problems = append(problems, admitChecks(p.Spec.Checks, metrics)...)
		}
	}
	return about, problems
}

// admitWeights asks the router whether it can make each split of the plan.
func admitWeights(p rollout.Plan, traffic Traffic) []rollout.Problem {
	var out []rollout.Problem
	for _, step := range p.Steps {
		_, err := traffic.Approximate(p.Split("baseline", step.Weight))
		if err != nil {
			out = append(out, rollout.Problem{Path: p.Spec.Strategy.StepPath(step.Number), Message: fmt.Sprintf("step %d: %v", step.Number, err)})
		}
	}
	return out
}

// admitChecks asks the metrics driver whether it can read each check, and the
// judges whether they take its parameters.
func admitChecks(checks []rollout.Check, metrics Metrics) []rollout.Problem {
	var out []rollout.Problem
	reader, _ := metrics.(interface{ Supports(rollout.Check) error })
	for i, check := range checks {
		path := fmt.Sprintf("checks[%d]", i)
		if reader != nil {
			if err := reader.Supports(check); err != nil {
				out = append(out, rollout.Problem{Path: path, Message: err.Error()})
			}
		}
		if _, err := judgeOf(check, analysis.Taught{}, 0.01, true); err != nil {
			out = append(out, rollout.Problem{Path: path + ".judge", Message: err.Error()})
		}
	}
	return slices.Clip(out)
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"bakeoff/rollout"
)

// Snapshot reads the state that a rollback must reproduce. It demands one
// version at 100 %, equal to the primary, or none at all (a first release).
// Anything else is refused as dirty, never taken for a baseline.
func (a *Activities) Snapshot(ctx context.Context, in SnapshotInput) (SnapshotOutput, error) {
	defer keepAlive(ctx)()
	s, err := a.readState(ctx, in.Job, in.Flags)
	if err != nil {
		return SnapshotOutput{}, asTemporal("read the state before the rollout", err)
	}
	refuse := func(cause rollout.Cause, format string, args ...any) SnapshotOutput {
		return SnapshotOutput{Snapshot: s, Cause: cause, Reason: fmt.Sprintf(format, args...)}
	}
	sole, err := s.Split.Sole()
	switch {
	case err != nil:
		return refuse(rollout.CauseDirty, "%v: finish or undo that first", err), nil
	case sole != s.Primary:
		return refuse(rollout.CauseDirty, "traffic goes to %s but the primary version is %s: make them one first", named(sole), named(s.Primary)), nil
	case len(s.Cohorts) > 0:
		return refuse(rollout.CauseDirty, "%s: remove what was left first", showRules(s.Cohorts)), nil
	case sole == in.Candidate:
		return refuse(rollout.CauseServing, "%s is serving already", sole), nil
	case in.Expect != "" && in.Expect != sole:
		return refuse(rollout.CauseDirty, "the spec expects the baseline %s, but %s is serving", in.Expect, named(sole)), nil
	}
	s.Baseline = sole
	return SnapshotOutput{Snapshot: s}, nil
}

func named(version string) string {
	if version == "" {
		return "no version"
	}
	return version
}

// readState reads weights, primary, flags and replicas as they are now.
func (a *Activities) readState(ctx context.Context, j Job, flags map[string]any) (Snapshot, error) {
	s := Snapshot{At: a.now().UTC().Truncate(time.Millisecond)}
	traffic, err := a.Drivers.traffic(j.Drivers.Traffic)
	if err != nil {
		return s, err
	}
	deployer, err := a.Drivers.deployer(j.Drivers.Deploy)
	if err != nil {
		return s, err
	}
	observed, err := traffic.Split(ctx)
	if err != nil {
		return s, fmt.Errorf("read weights: %w", err)
	}
	s.Split = observed.Split
	if s.Primary, err = deployer.Primary(ctx); err != nil {
		return s, fmt.Errorf("read the primary version: %w", err)
	}
	if s.Cohorts, err = a.readCohorts(ctx, j); err != nil {
		return s, fmt.Errorf("read the rules of cohorts: %w", err)
	}
	if s.Flags, err = a.readFlags(ctx, j, flags); err != nil {
		return s, fmt.Errorf("read flags: %w", err)
	}
	if s.Primary != "" {
		state, err := deployer.Version(ctx, s.Primary)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return s, fmt.Errorf("read version %s: %w", s.Primary, err)
		}
		s.Replicas, s.Endpoints = max(state.Desired, state.Ready), state.Endpoints
	}
	_, err = deployer.Version(ctx, j.Candidate)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return s, fmt.Errorf("read version %s: %w", j.Candidate, err)
	}
	s.Present = err == nil
	return s, nil
}

// readFlags reads the named flags only; one that is not there is nil.
func (a *Activities) readFlags(ctx context.Context, j Job, wanted map[string]any) (map[string]any, error) {
	if len(wanted) == 0 {
		return nil, nil
	}
	driver, err := a.Drivers.flags(j.Drivers.Flags)
	if err != nil {
		return nil, err
	}
	all, err := driver.Flags(ctx)
	if err != nil {
		return nil, err
	}
	found := make(map[string]any, len(wanted))
	for name := range wanted {
		found[name] = all[name]
	}
	return found, nil
}

// Preflight proves that going back is possible before going forward: the
// baseline is there and healthy, weights and metrics can be read. It looks at
// the baseline's latency for what judges must fix in advance, and at its past
// for how much it differs from itself; that data is never judged.
func (a *Activities) Preflight(ctx context.Context, in PreflightInput) (PreflightOutput, error) {
	defer keepAlive(ctx)()
	var out PreflightOutput
	if in.Baseline != "" {
		deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
		if err != nil {
			return out, asTemporal("preflight", err)
		}
		state, err := deployer.Version(ctx, in.Baseline)
		switch {
		case errors.Is(err, ErrNotFound):
			out.Problems = append(out.Problems, fmt.Sprintf("the platform does not know the baseline %s: there would be nothing to go back to", in.Baseline))
		case err != nil:
			return out, asTemporal("preflight: read baseline "+in.Baseline, err)
		case state.State != StateReady:
			out.Problems = append(out.Problems, fmt.Sprintf("the baseline %s is %s, not ready: %s", in.Baseline, state.State, state.Message))
		}
	}
	if in.Copy != "" {
		deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
		if err != nil {
			return out, asTemporal("preflight", err)
		}
		if _, err := deployer.Version(ctx, in.Copy); err == nil {
			out.Problems = append(out.Problems, in.Copy+" is there already, and so not of the candidate's age: remove it first")
		} else if !errors.Is(err, ErrNotFound) {
			return out, asTemporal("preflight: look for "+in.Copy, err)
		}
	}
	unable, err := a.preflightCohorts(ctx, in)
	if err != nil {
		return out, asTemporal("preflight: read the rules of cohorts", err)
	}
	out.Problems = append(out.Problems, unable...)
	if len(in.Checks) == 0 {
		return out, nil
	}
	readable, err := a.preflightMetrics(ctx, in, &out)
	if err != nil {
		return out, asTemporal("preflight: read metrics", err)
	}
	if readable {
		a.learn(ctx, in, &out)
	}
	a.preflightForesight(ctx, in, &out)
	return out, nil
}

// preflightForesight looks whether the plan can come to verdicts at the traffic
// seen. What speaks against that is a warning, or by policy a refusal.
func (a *Activities) preflightForesight(ctx context.Context, in PreflightInput, out *PreflightOutput) {
	foresight, err := a.foresee(ctx, in.Job, in.Checks, in.Steps, in.Alpha)
	against := doubts(foresight)
	if err != nil { // what to do without data is the policy's matter
		against = []string{"what the checks will see is not known: " + err.Error()}
	}
	out.Foresight = foresight
	if in.Foresight != rollout.RuleRequired {
		out.Warnings = append(out.Warnings, against...)
		return
	}
	for _, f := range foresight {
		if f.Requests <= 0 {
			against = append(against, fmt.Sprintf("step %d: %s", f.Step, f))
		}
	}
	if len(out.Problems) == 0 && len(against) > 0 {
		out.Cause = rollout.CausePolicy
	}
	for _, doubt := range against {
		out.Problems = append(out.Problems, "policy.foresight: required: "+doubt)
	}
}

// preflightMetrics reads every check once, and reports whether the baseline's
// could be read. Metrics that cannot be read now are a warning, not a refusal:
// what to do without data is the policy's matter.
func (a *Activities) preflightMetrics(ctx context.Context, in PreflightInput, out *PreflightOutput) (readable bool, err error) {
	driver, err := a.Drivers.metrics(in.Drivers.Metrics)
	if err != nil {
		return false, err
	}
	out.Delay = rollout.Duration(driver.Delay())
	if in.Baseline == "" {
		return false, nil
	}
	sides := map[Side]Version{Baseline: {Version: in.Baseline, Endpoints: in.Endpoints[in.Baseline]}}
	reading, err := driver.Read(ctx, MetricsQuery{Checks: in.Checks, Sides: sides, At: a.now().Add(-driver.Delay())})
	if err != nil {
		out.Warnings = append(out.Warnings, "metrics cannot be read: "+err.Error())
		return false, nil //nolint:nilerr // a warning: what to do without data is the policy's matter
	}
	out.Bounds = map[string][]float64{}
	for _, check := range in.Checks {
		r := reading.Checks[check.Name]
		side, found := r.Sides[Baseline]
		switch {
		case r.Error != "":
			out.Warnings = append(out.Warnings, fmt.Sprintf("%s cannot be read: %s", check.Name, r.Error))
		case !found && !check.IsAbsolute():
			out.Warnings = append(out.Warnings, check.Name+" has no data of the baseline")
		case check.Histogram != "" && found && sloUnknown(check, side) != "":
			out.Problems = append(out.Problems, sloUnknown(check, side))
		case check.Histogram != "":
			if bounds := boundsOf(check, side); len(bounds) > 0 {
				out.Bounds[check.Name] = bounds
			}
		}
	}
	return true, nil
}

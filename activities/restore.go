package activities

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rollout"
)

// longestRead is how long the first write of a restore waits for the revision
// that it should carry.
const longestRead = time.Second

// sameFence is how many conflicts an act answers by itself. Then the workflow looks
// whether the split is in force: it is where a break-glass restore wrote it, with
// a higher fence than any of a way back.
const sameFence = 5

// RestoreTraffic writes the snapshot's split, whatever is in force. A write
// that was refused as out of date is repeated on what is in force now. A router
// that refuses for good, and has the snapshot's split, has nothing to put back.
func (a *Activities) RestoreTraffic(ctx context.Context, in RestoreTrafficInput) (RestoreTrafficOutput, error) {
	defer keepAlive(ctx)()
	const doing = "put traffic back"
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return RestoreTrafficOutput{}, insistently(doing, err)
	}
	out := RestoreTrafficOutput{Split: in.Split}
	if approximated, err := traffic.Approximate(in.Split); err == nil {
		out.Split = approximated
	}
	reading, cancel := context.WithTimeout(ctx, longestRead)
	observed, err := traffic.Split(reading)
	cancel()
	if err != nil { // going back does not wait for a read: write unconditionally
		observed = Observation{}
	}
	out.Observed = observed.Split
	out.WasBack = len(observed.Split) > 0 && observed.Split.Equal(out.Split)
	err = traffic.Shift(ctx, Shift{Write: in.write(), Split: withOthers(in.Split, in.Candidate, in.Copy),
		Endpoints: in.Endpoints, Revision: observed.Revision})
	switch {
	case errors.Is(err, ErrConflict) && activity.GetInfo(ctx).Attempt <= sameFence:
		return out, fmt.Errorf("%s: reading and writing again: %w", doing, err)
	case errors.Is(err, ErrConflict):
		return out, nil
	case errors.Is(err, ErrFinal):
		now, unread := traffic.Split(ctx)
		if unread == nil && len(now.Split) > 0 && now.Split.Equal(out.Split) {
			return out, nil
		}
	}
	return out, insistently(doing, err)
}

// withOthers names those that have traffic, and the others at 0 %, because
// routers want to hear of every version that had some.
func withOthers(s rollout.Split, others ...string) rollout.Split {
	named := rollout.Split{}
	for version, weight := range s {
		if weight > 0 {
			named[version] = weight
		}
	}
	for _, version := range others {
		if _, there := named[version]; !there && version != "" {
			named[version] = 0
		}
	}
	return named
}

// RestoreFlags sets the named flags back to the snapshot's values. Where they
// have these already nothing is written: a system that refuses writes, and
// refused the release's, has nothing to put back.
func (a *Activities) RestoreFlags(ctx context.Context, in RestoreFlagsInput) (RestoreFlagsOutput, error) {
	defer keepAlive(ctx)()
	found, err := a.readFlags(ctx, in.Job, in.Flags)
	if err == nil && len(flagDifferences(in.Flags, found)) == 0 {
		return RestoreFlagsOutput{}, nil
	}
	return RestoreFlagsOutput{}, insistently("put flags back", a.writeFlags(ctx, in.Job, in.Flags))
}

// RestorePointers makes the snapshot's primary version primary again. A platform
// that refuses, and has it already, has nothing to put back: a break-glass restore
// writes with a higher fence than the rollout's own way back.
func (a *Activities) RestorePointers(ctx context.Context, in RestorePointersInput) (RestorePointersOutput, error) {
	defer keepAlive(ctx)()
	const doing = "make the baseline the primary version again"
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return RestorePointersOutput{}, insistently(doing, err)
	}
	written := deployer.SetPrimary(ctx, in.write(), in.Primary)
	if written != nil && !errors.Is(written, ErrConflict) && !errors.Is(written, ErrFinal) {
		return RestorePointersOutput{}, insistently(doing, written)
	}
	primary, err := deployer.Primary(ctx)
	switch {
	case err == nil && primary == in.Primary:
		return RestorePointersOutput{}, nil
	case written != nil:
		err = written
	case err == nil:
		err = fmt.Errorf("the platform has %s instead of %s", named(primary), named(in.Primary))
	}
	return RestorePointersOutput{}, insistently(doing, err)
}

// VerifyHealth waits until the baseline is ready and the absolute checks pass, by
// what came in over two polls or more since one last spoke against it; where there
// are no such checks, until it is ready twice. Checks that cannot be judged for
// longer than Within, because there are no data or too few, are said to be
// unjudged and do not hold the way back up: the traffic is back by then. One that
// failed when it was measured last is waited for until it is measured again, unless
// a rehearsal sends the load, which may have ended. An attempt that takes over from a
// lost one begins anew. Where Split is given, another
// one in force ends it: users are not back any more.
func (a *Activities) VerifyHealth(ctx context.Context, in VerifyHealthInput) (VerifyHealthOutput, error) {
	defer keepAlive(ctx)()
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return VerifyHealthOutput{}, insistently("verify health", err)
	}
	gauge := newHealthGauge(a, in)
	for {
		if lost := a.lostSplit(ctx, in); lost != nil {
			return VerifyHealthOutput{Drift: lost, Reason: fmt.Sprintf("the router has %s instead of %s", lost, in.Split)}, nil
		}
		state, err := a.healthOnce(ctx, in, deployer, gauge)
		if err != nil {
			return VerifyHealthOutput{}, insistently("verify health", err)
		}
		if gauge.suffices(state, a.now()) {
			return VerifyHealthOutput{Reason: healthReason(in, state), Unjudged: state.unknown}, nil
		}
		activity.RecordHeartbeat(ctx, state.bad)
		if err := sleep(ctx, min(in.Poll.Std(), pollEvery*2)); err != nil {
			return VerifyHealthOutput{}, err
		}
	}
}

// lostSplit is the split in force where it is not the one that is to be. A router that
// cannot be read says nothing: the comparison with the snapshot insists on an answer.
func (a *Activities) lostSplit(ctx context.Context, in VerifyHealthInput) rollout.Split {
	if len(in.Split) == 0 {
		return nil
	}
	traffic, err := a.Drivers.traffic(in.Drivers.Traffic)
	if err != nil {
		return nil
	}
	observed, err := traffic.Split(ctx)
	if err != nil || observed.Split.Equal(in.Split) {
		return nil
	}
	lost, _ := a.drift(ctx, traffic, in.Split, in.Candidate)
	return lost
}

func healthReason(in VerifyHealthInput, s health) string {
	reason := named(in.Baseline) + " is ready"
	if in.Baseline == "" {
		reason = "nothing served before"
	}
	switch {
	case s.unknown != "":
		reason += ", absolute checks could not be judged: " + s.unknown
	case s.judged > 0:
		reason += fmt.Sprintf(" and passes %d absolute checks", s.judged)
	}
	return reason
}

// Compare lists what differs from the snapshot after everything was put back.
func (a *Activities) Compare(ctx context.Context, in CompareInput) (CompareOutput, error) {
	now, err := a.readState(ctx, in.Job, in.Snapshot.Flags)
	if err != nil {
		return CompareOutput{}, insistently("compare with the snapshot", err)
	}
	was, out := in.Snapshot, CompareOutput{}
	if !now.Split.Equal(was.Split) {
		out.Split = now.Split
		out.differ(rollout.RestoreTraffic, "traffic: was %s, is %s", was.Split, now.Split)
	}
	out.compareRest(was, now)
	if now.Replicas, err = a.replicasOf(ctx, in.Job, was.Primary, now); err != nil {
		return CompareOutput{}, insistently("compare with the snapshot", err)
	}
	if now.Replicas < was.Replicas {
		out.Differences = append(out.Differences, fmt.Sprintf("replicas of %s: were %d, are %d", was.Primary, was.Replicas, now.Replicas))
		out.Remains = true
	}
	return out, nil
}

// replicasOf is how many replicas a version has, whichever one is primary now.
func (a *Activities) replicasOf(ctx context.Context, j Job, version string, now Snapshot) (int, error) {
	if version == "" || version == now.Primary {
		return now.Replicas, nil
	}
	deployer, err := a.Drivers.deployer(j.Drivers.Deploy)
	if err != nil {
		return 0, err
	}
	state, err := deployer.Version(ctx, version)
	if err != nil && !errors.Is(err, ErrNotFound) {
		return 0, fmt.Errorf("read version %s: %w", version, err)
	}
	return max(state.Desired, state.Ready), nil
}

// compareRest lists what differs beside weights and replicas.
func (out *CompareOutput) compareRest(was, now Snapshot) {
	if now.Primary != was.Primary {
		out.differ(rollout.RestorePointers, "primary: was %s, is %s", named(was.Primary), named(now.Primary))
	}
	if len(now.Cohorts) > 0 {
		out.differ(rollout.RestoreCohorts, "cohorts: were sent nowhere by a rule, now %s", showRules(now.Cohorts))
	}
	for _, line := range flagDifferences(was.Flags, now.Flags) {
		out.differ(rollout.RestoreFlags, "flag %s", line)
	}
}

// differ notes one difference, and what would put it back.
func (out *CompareOutput) differ(by rollout.CompensationKind, format string, args ...any) {
	out.Differences = append(out.Differences, fmt.Sprintf(format, args...))
	if !slices.Contains(out.Lost, by) {
		out.Lost = append(out.Lost, by)
	}
}

// flagDifferences lists the flags whose value is not the wanted one.
func flagDifferences(want, found map[string]any) []string {
	var out []string
	for _, name := range slices.Sorted(maps.Keys(want)) {
		if !reflect.DeepEqual(want[name], found[name]) {
			out = append(out, fmt.Sprintf("%s: want %v, found %v", name, want[name], found[name]))
		}
	}
	return out
}

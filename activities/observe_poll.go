package activities

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// leastLook is how long a poll may take in any case.
const leastLook = time.Second

// limit is how long the poll of a moment may take: where something hangs, the
// rule of Error is followed once trouble has lasted for grace. A server that was
// slow when it answered last, or that nobody knows yet, has grace anew, and so
// have all in a hold and where trouble has outlasted grace already: what comes
// slowly still counts.
func (o *observer) limit(at time.Time) time.Duration {
	grace := o.in.Grace.Std()
	if o.in.Held || o.Since.IsZero() || o.answered == 0 || o.trouble() > o.in.Grace {
		return max(grace, o.in.Poll.Std(), leastLook)
	}
	left := max(grace-at.Sub(o.Since), min(2*o.answered, grace))
	return max(left, o.in.Poll.Std(), leastLook)
}

// poll looks at everything once. What cannot be read is trouble, never a pass.
func (o *observer) poll(ctx context.Context, at time.Time) {
	limit, begun := o.limit(at), o.clock()
	o.troubles = map[string]trouble{}
	o.At = at
	o.Polls++
	looking, done := context.WithTimeout(ctx, limit)
	o.pollTraffic(looking)
	o.pollPlatform(looking)
	o.pollCopy(looking)
	o.pollCohorts(looking)
	o.pollBaseline(looking)
	done()
	o.pollGates(ctx) // budgets remember their answers: none may be cut off
	if o.metrics != nil {
		o.pollMetrics(ctx, max(limit-o.clock().Sub(begun), leastLook))
	}
	o.took = o.clock().Sub(begun)
}

// pollMetrics reads every check and folds it in. A reading that is not over in
// time is an error.
func (o *observer) pollMetrics(ctx context.Context, within time.Duration) {
	sides := map[Side]Version{Candidate: o.version(o.in.Candidate)}
	if against := o.against(); against != "" {
		sides[Baseline] = o.version(against)
	}
	at := o.At
	reading, err := o.read(ctx, MetricsQuery{Checks: o.in.Checks, Sides: sides, At: at}, within)
	if err != nil {
		for _, c := range o.in.Checks {
			o.troubles[c.Name] = trouble{rollout.Error, c.Name + ": " + err.Error()}
		}
		return
	}
	windows, troubles := o.panel.fold(reading, at, !o.in.Apart && !at.Before(o.in.CountFrom) && o.isWarm(at), o.share)
	o.raw.add(windows)
	if o.in.Apart {
		o.panel.beginAnew()
	}
	for name, t := range troubles {
		o.troubles[name] = t
	}
}

func (o *observer) read(ctx context.Context, q MetricsQuery, within time.Duration) (Reading, error) {
	inTime, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	reading, err := o.metrics.Read(inTime, q)
	if err != nil && inTime.Err() != nil && ctx.Err() == nil {
		return reading, fmt.Errorf("no answer within %s: %w", within.Round(time.Millisecond), err)
	}
	return reading, err
}

// share is the part of the requests since a moment that the candidate was to
// get; 0 where that is not known, because the weights were not the same all the
// time, or cohorts come on top of them. Numbers lag behind the weights by as much
// as the metrics' delay.
func (o *observer) share(since time.Time) float64 {
	if len(o.in.Cohorts) > 0 || o.Steady.IsZero() || since.Before(o.Steady.Add(o.delay())) {
		return 0
	}
	candidate, against := o.in.Expect[o.in.Candidate], o.in.Expect[o.against()]
	return float64(candidate) / float64(max(candidate+against, 1))
}

// against is the version that the candidate is compared with.
func (o *observer) against() string { return cmp.Or(o.in.Copy, o.in.Baseline) }

// note remembers trouble that may be over by the end of the window.
func (o *observer) note() {
	for name, t := range o.troubles {
		o.noteOf(name, fmt.Sprintf("%s: %s", t.verdict, t.reason))
	}
}

func (o *observer) noteOf(name, reason string) {
	if o.Noted == nil {
		o.Noted = map[string]noted{}
	}
	o.Noted[name] = noted{reason, o.Noted[name].Polls + 1}
}

// notes lists the trouble that there was, "Error: errors: 503 (4 of 12 polls)",
// and whose requests are not divided as they should be.
func (o *observer) notes() []string {
	var lines []string
	for _, name := range slices.Sorted(maps.Keys(o.Noted)) {
		n := o.Noted[name]
		lines = append(lines, fmt.Sprintf("%s (%d of %d polls)", n.Reason, n.Polls, o.Polls))
	}
	for _, c := range o.checks {
		if c.Share != "" {
			lines = append(lines, c.Name+": "+c.Share)
		}
	}
	return lines
}

// isWarm reports whether the stretch that ends now began after the warm-up.
func (o *observer) isWarm(at time.Time) bool {
	return at.After(o.in.CountFrom) || o.in.Start.Equal(o.in.CountFrom)
}

func (o *observer) version(v string) Version {
	return Version{Version: v, Endpoints: o.in.Endpoints[v]}
}

// trafficCheck is the name under which unreadable weights are reported.
const trafficCheck = "traffic"

// pollTraffic compares the split in force with the one that the rollout wrote.
// A difference is believed when it is read twice.
func (o *observer) pollTraffic(ctx context.Context) {
	if o.in.Expect == nil {
		o.notice(ctx)
		return
	}
	drift, steady := o.Drift, o.Steady
	o.Drift = nil
	o.Steady = time.Time{}
	for range 2 {
		observed, err := o.traffic.Split(ctx)
		if err != nil {
			o.troubles[trafficCheck] = trouble{rollout.Error, "weights cannot be read: " + err.Error()}
			return
		}
		o.Split = observed.Split
		if observed.Split.Equal(o.in.Expect) {
			o.Steady = steady
			if steady.IsZero() {
				o.Steady = o.At
			}
			return
		}
		if sleep(ctx, 200*time.Millisecond) != nil {
			o.Drift = drift // an order ends the window in the middle of a look
			return
		}
	}
	o.Drift = Named(o.Split, o.in.Candidate)
}

// Named is a split that names a version: of a router that names none, which serves
// nobody, the candidate, with nothing.
func Named(s rollout.Split, candidate string) rollout.Split {
	if len(s) == 0 {
		return rollout.Split{candidate: 0}
	}
	return s
}

// notice reads which split is in force while weights are settling: whatever it is, it
// is neither drift nor trouble.
func (o *observer) notice(ctx context.Context) {
	ctx, cancel := context.WithTimeout(ctx, leastLook)
	defer cancel()
	if observed, err := o.traffic.Split(ctx); err == nil {
		o.Split = observed.Split
	}
}

// pollCopy asks whether the copy of the baseline stands: a candidate must not look
// good beside one that is broken, and users are served by it.
func (o *observer) pollCopy(ctx context.Context) {
	if o.in.Copy == "" || o.in.Absolute {
		return
	}
	state, err := o.platform.Version(ctx, o.in.Copy)
	if errors.Is(err, ErrNotFound) && o.again(ctx) {
		state, err = o.platform.Version(ctx, o.in.Copy)
	}
	switch {
	case errors.Is(err, ErrNotFound):
		o.troubles[o.in.Copy] = trouble{rollout.Fail, o.in.Copy + " is not there any more: nothing of its age is left to compare with"}
	case err == nil && state.State == StateFailed:
		o.troubles[o.in.Copy] = trouble{rollout.Fail, o.in.Copy + " failed" + because(state.Message)}
	case err == nil && !isReady(state, o.in.Replicas):
		o.troubles[o.in.Copy] = trouble{rollout.NoData, fmt.Sprintf("%s is %s: there is nothing to compare with", o.in.Copy, standing(state, o.in.Replicas))}
	}
}

// pollGates asks what closes the target. What cannot be asked is as it was: a
// raise asks for itself.
func (o *observer) pollGates(ctx context.Context) {
	c, err := o.a.closedLately(ctx, o.in.Job, o.in.Ask)
	if err != nil {
		return
	}
	if o.Closed = c; o.in.Ask != nil && o.in.Ask.Action == rollout.ActionBake && c != nil && c.Exposure == rollout.ExposureFinishStep {
		o.Closed = nil
	}
}

// cohortsCheck is the name under which rules of cohorts are reported.
const cohortsCheck = "cohorts"

// pollCohorts asks whether the cohorts still have the candidate: without them
// a good bake says nothing.
func (o *observer) pollCohorts(ctx context.Context) {
	if len(o.in.Cohorts) == 0 {
		return
	}
	rules, err := o.a.readCohorts(ctx, o.in.Job)
	if err != nil {
		o.troubles[cohortsCheck] = trouble{rollout.Error, "the rules of cohorts cannot be read: " + err.Error()}
		return
	}
	for _, cohort := range o.in.Cohorts {
		if rules[cohort] != o.in.Candidate {
			o.troubles[cohortsCheck] = trouble{rollout.Error, fmt.Sprintf("cohort %s is sent to %s, not to %s: somebody else changed its rule",
				cohort, named(rules[cohort]), o.in.Candidate)}
		}
	}
}

// pollPlatform asks whether the candidate is still there, and primary where it
// has to be. Anything else the platform did by itself; it has to say so twice.
func (o *observer) pollPlatform(ctx context.Context) {
	if why := o.platformDid(ctx); why != "" && o.again(ctx) && o.platformDid(ctx) == why {
		o.Platform = why
	}
}

// pollBaseline notes that the way back does not lead to a healthy version. Nothing
// is decided by it: the checks judge the candidate, and what a candidate that is
// harmful goes back to is what there is.
func (o *observer) pollBaseline(ctx context.Context) {
	if o.in.Baseline == "" {
		return
	}
	why, err := readyBaseline(ctx, o.platform, o.in.Baseline)
	if err != nil || why == "" {
		return
	}
	o.noteOf("", "the baseline is not healthy: "+strings.TrimSuffix(why, ": "))
}

// again waits before something is asked a second time that one answer does not
// prove: whoever restarts may answer 404 once.
func (o *observer) again(ctx context.Context) bool {
	return sleep(ctx, min(time.Second, max(o.in.Poll.Std(), pollEvery))) == nil
}

// platformDid says what the platform did to the candidate by itself; "" nothing.
func (o *observer) platformDid(ctx context.Context) string {
	state, err := o.platform.Version(ctx, o.in.Candidate)
	switch {
	case errors.Is(err, ErrNotFound):
		return o.in.Candidate + " is not there any more: the platform removed it by itself"
	case err != nil:
		return "" // what it serves is judged by the checks
	case state.Version != "" && state.Version != o.in.Candidate:
		return fmt.Sprintf("the platform runs %s instead of %s", state.Version, o.in.Candidate)
	case state.State == StateFailed:
		o.troubles[o.in.Candidate] = trouble{rollout.Fail, o.in.Candidate + " failed" + because(state.Message)}
	}
	if o.Unready = ""; !isReady(state, o.in.Replicas) {
		o.Unready = standing(state, o.in.Replicas)
	}
	if o.in.Primary == "" {
		return ""
	}
	if primary, err := o.platform.Primary(ctx); err == nil && primary != o.in.Primary {
		return fmt.Sprintf("the primary version is %s instead of %s", named(primary), o.in.Primary)
	}
	return ""
}

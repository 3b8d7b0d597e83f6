package activities

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"maps"
	"time"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// ReadTarget reads the state of a target: what a rollout changes, as a digest,
// and what is there of the release that is practised. Where versions answer is
// not in the digest: the same version may be started anew elsewhere.
func (a *Activities) ReadTarget(ctx context.Context, in ReadTargetInput) (ReadTargetOutput, error) {
	defer keepAlive(ctx)()
	s, err := a.readState(ctx, in.Job, in.Flags)
	if err != nil {
		return ReadTargetOutput{}, asTemporal("read the state of "+in.Target, err)
	}
	var left []string
	if s.Present && s.Primary != in.Candidate { // else it was there before, or the digest tells
		left = append(left, fmt.Sprintf("version %s is deployed", in.Candidate))
	}
	if len(s.Cohorts) > 0 {
		left = append(left, showRules(s.Cohorts))
	}
	s.At, s.Endpoints, s.Present = time.Time{}, nil, false
	maps.DeleteFunc(s.Split, func(_ string, w rollout.Weight) bool { return w == 0 }) // some routers keep a name without a share
	body, err := json.Marshal(s)
	if err != nil {
		return ReadTargetOutput{}, asTemporal("write the state of "+in.Target+" as JSON", err)
	}
	text := fmt.Sprintf("%s, primary %s, %d replicas", s.Split, named(s.Primary), s.Replicas)
	if len(s.Flags) > 0 {
		flags, _ := json.Marshal(s.Flags) // was part of the body
		text += ", flags " + string(flags)
	}
	out := rehearsal.State{Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(body)), Text: text, Version: s.Primary, Flags: s.Flags, Left: left}
	out.Artifact, _ = a.servingArtifact(ctx, in.Drivers.Deploy) // many platforms do not tell it
	if in.Whole {
		if out.Release, err = a.servingRelease(ctx, in.Target, s.Primary); err != nil {
			return ReadTargetOutput{}, asTemporal("ask what serves "+in.Target, err)
		}
	}
	return ReadTargetOutput{State: out}, nil
}

// servingRelease is the release of a version that serves a target, as its Target
// promoted it; nil where that knows no more than the version, or nothing.
func (a *Activities) servingRelease(ctx context.Context, target, version string) (*rollout.Release, error) {
	if a.Gates.Targets == nil {
		return nil, nil
	}
	t, err := rollout.ParseTarget(target)
	if err != nil {
		return nil, err
	}
	good, err := a.Gates.Targets.Good(ctx, t)
	if err != nil || len(good) == 0 || good[0].RunID == "" || good[0].Release.Version != version {
		return nil, err
	}
	return &good[0].Release, nil
}

// comesBack says why what a rollout promotes could not be taken back: nobody knows
// what to deploy then.
func (a *Activities) comesBack(ctx context.Context, m rehearsal.Manifest) []rollout.Problem {
	if m.Outcome != rollout.Promoted {
		return nil
	}
	read, err := a.ReadTarget(ctx, ReadTargetInput{Whole: true, Environment: m.Environment,
		Job: Job{Target: m.Target().String(), Drivers: m.Rollout.Target, Candidate: m.Rollout.Release.Version}})
	if err != nil {
		return nil // it is read again before anything is done, and said then
	}
	if what := m.Unknown(read.State); what != "" {
		return []rollout.Problem{{Path: "outcome", Message: fmt.Sprintf(
			"what is promoted could not be taken back: nobody knows %s of %s, which serves; say it in baseline of the rollout", what, read.State.Version)}}
	}
	return nil
}

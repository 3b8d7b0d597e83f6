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
	return ReadTargetOutput{State: rehearsal.State{
		Digest: fmt.Sprintf("sha256:%x", sha256.Sum256(body)), Text: text, Version: s.Primary, Flags: s.Flags, Left: left,
	}}, nil
}

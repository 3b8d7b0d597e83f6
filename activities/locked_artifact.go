package activities

import (
	"context"
	"fmt"
	"strings"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// lockedArtifact holds the locked artifact of a baseline to the one that serves,
// as the platform tells it, and to the one that the rollout names. Where neither
// can be known, what is kept in the evidence says so.
func (a *Activities) lockedArtifact(ctx context.Context, m rehearsal.Manifest) ([]evidence.Input, []rollout.Problem) {
	locked := m.Baseline.Artifact
	if locked == "" {
		return nil, nil
	}
	refuse := func(format string, args ...any) []rollout.Problem {
		return []rollout.Problem{{Path: "baseline.artifact", Message: fmt.Sprintf(format, args...)}}
	}
	named := ""
	if b := m.Rollout.Baseline; b != nil {
		named = b.Artifact
	}
	serves, why := a.servingArtifact(ctx, m.Rollout.Target.Deploy)
	how := "verified: the platform says that it serves"
	switch {
	case named != "" && named != locked:
		return nil, refuse("%s is locked, and the rollout's baseline is %s", locked, named)
	case serves != "" && serves != locked:
		return nil, refuse("%s is locked, and %s serves: it has changed", locked, serves)
	case serves == "" && named != "":
		how = "the rollout names the same; not verified by what serves: " + why
	case serves == "":
		how = "not verified: " + why
	}
	_, digest, _ := strings.Cut(locked, "@")
	return []evidence.Input{{Name: "baseline artifact", Source: locked, Digest: digest, Steps: []string{how}}}, nil
}

// servingArtifact is the artifact of the primary version; "" where it is not
// known, and why.
func (a *Activities) servingArtifact(ctx context.Context, d rollout.Driver) (artifact, why string) {
	deployer, err := a.Drivers.deployer(d)
	if err != nil {
		return "", said(err)
	}
	primary, err := deployer.Primary(ctx)
	if err != nil {
		return "", "the version that serves could not be read: " + said(err)
	}
	if primary == "" {
		return "", "nothing serves"
	}
	state, err := deployer.Version(ctx, primary)
	switch {
	case err != nil:
		return "", "version " + primary + " could not be read: " + said(err)
	case state.Artifact == "":
		return "", "the deploy driver " + d.Driver + " does not say which artifact serves"
	}
	return state.Artifact, ""
}

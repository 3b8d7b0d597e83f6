package web

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Deployer is a platform behind the protocol.
type Deployer struct{ *client }

var _ activities.Deployer = (*Deployer)(nil)

// NewDeployer makes the deploy driver. An error names the parameter that is
// wrong.
func NewDeployer(c Config) (*Deployer, error) {
	client, err := newClient(c)
	if err != nil {
		return nil, err
	}
	return &Deployer{client}, nil
}

// Deploy implements [activities.Platform]. The release is sent as the spec has
// it; the service is what the URL stands for.
func (d *Deployer) Deploy(ctx context.Context, w activities.Write, r activities.Deployment) error {
	path, err := versionPath(r.Release.Version)
	if err != nil {
		return err
	}
	body := struct {
		Release  rollout.Release `json:"release"`
		Replicas int             `json:"replicas,omitempty"`
	}{r.Release, r.Replicas}
	_, err = d.do(ctx, request{method: http.MethodPut, path: path, write: &w, body: body})
	return final(err)
}

// Version implements [activities.Platform]. The version's name is passed on as
// the server gave it: another one than asked for is for the caller to judge.
func (d *Deployer) Version(ctx context.Context, version string) (activities.VersionState, error) {
	path, err := versionPath(version)
	if err != nil {
		return activities.VersionState{}, err
	}
	var a versionAnswer
	if _, err := d.do(ctx, request{method: http.MethodGet, path: path, into: &a}); err != nil {
		return activities.VersionState{}, err
	}
	state, err := a.state()
	if err != nil {
		return activities.VersionState{}, fmt.Errorf("GET %s%s: %w", d.base, path, err)
	}
	return state, nil
}

// versionAnswer is the server's own shape of a version's state.
type versionAnswer struct {
	Version  string `json:"version"`
	State    string `json:"state"`
	Message  string `json:"message"`
	Replicas *struct {
		Ready   int `json:"ready"`
		Desired int `json:"desired"`
	} `json:"replicas"`
	Endpoints []string `json:"endpoints"`
	Inflight  *int     `json:"inflight"`
	Artifact  string   `json:"artifact"`
}

func (a versionAnswer) state() (activities.VersionState, error) {
	switch a.State {
	case activities.StateReady, activities.StatePending, activities.StateFailed:
	default:
		return activities.VersionState{}, fmt.Errorf("state %q in the answer: expected ready, pending or failed", excerpt([]byte(a.State)))
	}
	out := activities.VersionState{Version: a.Version, State: a.State, Message: excerpt([]byte(a.Message)),
		Endpoints: a.Endpoints, Inflight: a.Inflight, Artifact: a.Artifact, Counted: a.Replicas != nil}
	if out.Counted {
		out.Ready, out.Desired = a.Replicas.Ready, a.Replicas.Desired
	}
	switch {
	case a.Version == "":
		return activities.VersionState{}, errors.New("no version in the answer")
	case out.Ready < 0 || out.Desired < 0:
		return activities.VersionState{}, fmt.Errorf("replicas %d of %d in the answer: expected none below 0", out.Ready, out.Desired)
	case a.Inflight != nil && *a.Inflight < 0:
		return activities.VersionState{}, fmt.Errorf("inflight %d in the answer: expected none below 0", *a.Inflight)
	}
	return out, nil
}

// Remove implements [activities.Platform].
func (d *Deployer) Remove(ctx context.Context, w activities.Write, version string) error {
	path, err := versionPath(version)
	if err != nil {
		return err
	}
	_, err = d.do(ctx, request{method: http.MethodDelete, path: path, write: &w})
	if errors.Is(err, activities.ErrNotFound) {
		return nil
	}
	return err
}

type primary struct {
	Version *string `json:"version"`
}

// Primary implements [activities.Pointers]. A server that answers 404 has none.
func (d *Deployer) Primary(ctx context.Context) (string, error) {
	var a primary
	_, err := d.do(ctx, request{method: http.MethodGet, path: "/primary", into: &a})
	switch {
	case errors.Is(err, activities.ErrNotFound):
		return "", nil
	case err != nil:
		return "", err
	case a.Version == nil:
		return "", fmt.Errorf("GET %s/primary: no version in the answer", d.base)
	}
	return *a.Version, nil
}

// SetPrimary implements [activities.Pointers].
func (d *Deployer) SetPrimary(ctx context.Context, w activities.Write, version string) error {
	_, err := d.do(ctx, request{method: http.MethodPut, path: "/primary", write: &w, body: primary{&version}})
	return final(err)
}

// versionPath refuses what would name another path.
func versionPath(version string) (string, error) {
	if version == "" || version == "." || version == ".." {
		return "", fmt.Errorf("%q is not a version: %w", version, activities.ErrFinal)
	}
	return "/versions/" + url.PathEscape(version), nil
}

package httpworld

import (
	"net/http"
	"net/url"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
)

func (h *Handler) deploy(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	var body struct {
		Release  rollout.Release `json:"release"`
		Replicas int             `json:"replicas"`
	}
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if version := r.PathValue("version"); body.Release.Version != version {
		return nil, badRequest("release %q was put to version %q", body.Release.Version, version)
	}
	return struct{}{}, h.world.Deploy(r.Context(), w, activities.Deployment{Release: body.Release, Replicas: body.Replicas})
}

type replicas struct {
	Ready   int `json:"ready"`
	Desired int `json:"desired"`
}

type version struct {
	Version   string   `json:"version"`
	State     string   `json:"state"`
	Message   string   `json:"message,omitempty"`
	Replicas  replicas `json:"replicas"`
	Endpoints []string `json:"endpoints,omitempty"`
	Inflight  *int     `json:"inflight,omitempty"`
}

func (h *Handler) version(r *http.Request) (any, error) {
	s, err := h.world.Version(r.Context(), r.PathValue("version"))
	if err != nil {
		return nil, err
	}
	return version{
		Version: s.Version, State: s.State, Message: s.Message, Inflight: s.Inflight,
		Replicas:  replicas{Ready: s.Ready, Desired: s.Desired},
		Endpoints: []string{"http://" + r.Host + "/versions/" + url.PathEscape(s.Version)},
	}, nil
}

func (h *Handler) remove(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.world.Remove(r.Context(), w, r.PathValue("version"))
}

type primary struct {
	Version string `json:"version"`
}

func (h *Handler) primary(r *http.Request) (any, error) {
	version, err := h.world.Primary(r.Context())
	if err == nil && version == "" {
		err = activities.ErrNotFound
	}
	return primary{version}, err
}

func (h *Handler) setPrimary(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	var body primary
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	return struct{}{}, h.world.SetPrimary(r.Context(), w, body.Version)
}

// weights is a split in basis points, because a rollout.Weight is a text in
// JSON.
type weights struct {
	Weights map[string]int `json:"weights"`
}

func (h *Handler) weights(r *http.Request) (any, error) {
	o, err := h.world.Split(r.Context())
	if err != nil {
		return nil, err
	}
	body := weights{Weights: map[string]int{}}
	for version, weight := range o.Split {
		body.Weights[version] = int(weight)
	}
	return tagged{etag: `"` + o.Revision + `"`, body: body}, nil
}

func (h *Handler) shift(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	var body weights
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	split := rollout.Split{}
	for version, points := range body.Weights {
		split[version] = rollout.Weight(points)
	}
	return struct{}{}, h.world.Shift(r.Context(), activities.Shift{
		Write: w, Split: split, Revision: strings.Trim(r.Header.Get("If-Match"), `"`),
	})
}

type flags struct {
	Flags map[string]any `json:"flags"`
}

func (h *Handler) flags(r *http.Request) (any, error) {
	set, err := h.world.Flags(r.Context())
	return flags{set}, err
}

func (h *Handler) setFlags(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	var body flags
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	return struct{}{}, h.world.SetFlags(r.Context(), w, body.Flags)
}

// cohortRule is what a rule says: which header sends whom to which version.
type cohortRule struct {
	Version string            `json:"version"`
	Header  map[string]string `json:"header,omitempty"`
}

func (h *Handler) cohorts(r *http.Request) (any, error) {
	rules, err := h.world.Cohorts(r.Context())
	body := map[string]cohortRule{}
	for cohort, version := range rules {
		body[cohort] = cohortRule{Version: version}
	}
	return map[string]any{"cohorts": body}, err
}

func (h *Handler) setCohort(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	var body cohortRule
	if err := decode(r, &body); err != nil {
		return nil, err
	}
	if body.Version == "" || len(body.Header) != 1 {
		return nil, badRequest("a rule needs a version and one header")
	}
	return struct{}{}, h.world.SetCohort(r.Context(), activities.CohortRule{Write: w, Cohort: r.PathValue("cohort"), Version: body.Version})
}

func (h *Handler) removeCohort(r *http.Request) (any, error) {
	w, err := writeOf(r)
	if err != nil {
		return nil, err
	}
	return struct{}{}, h.world.SetCohort(r.Context(), activities.CohortRule{Write: w, Cohort: r.PathValue("cohort")})
}

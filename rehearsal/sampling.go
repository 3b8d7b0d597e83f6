package rehearsal

import (
	"slices"
	"strings"

	"bakeoff/rehearsal/scaling"
	"bakeoff/rollout"
)

// PlannedSampling is the watch over an autoscaler, worked out.
type PlannedSampling struct {
	Expect scaling.Expect   `json:"expect"` // every default written out
	For    rollout.Duration `json:"for"`    // from the beginning of the load
}

// afterwards is how much longer an autoscaler is watched than it may take.
const afterwards = rollout.Duration(5e9)

// PlannedSampling works the watch out: it goes on until the autoscaler must have
// come down after the load, whose length is given. Nil where nothing is expected
// of an autoscaler.
func (m Manifest) PlannedSampling(load rollout.Duration) *PlannedSampling {
	if m.Scaling == nil {
		return nil
	}
	e := m.Scaling.WithDefaults()
	if len(e.Endpoints) == 0 {
		e.Endpoints = m.hosts()
	}
	return &PlannedSampling{Expect: e, For: load + e.DownWithin + afterwards}
}

// hosts is where the loads go, each once, without their paths.
func (m Manifest) hosts() []string {
	var out []string
	for _, l := range m.Load {
		scheme, rest, _ := strings.Cut(l.URL, "://")
		host, _, _ := strings.Cut(rest, "/")
		if host = scheme + "://" + host; !slices.Contains(out, host) {
			out = append(out, host)
		}
	}
	return out
}

package sim

import (
	"context"
	"fmt"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// version is one version on the platform, or one that was.
type version struct {
	release  rollout.Release
	replicas int
	state    string // the one it ends in
	message  string
	readyAt  time.Duration // pending before
	inflight *int
	removed  bool
	born     time.Duration
	gone     time.Duration
	counted  []stretch // what it answered, oldest first
}

func (v *version) isGone() bool { return v.removed }

func (v *version) stateAt(t time.Duration) string {
	if t < v.readyAt {
		return activities.StatePending
	}
	return v.state
}

// Script says what becomes of a version once it is deployed. Its zero value is
// ready at once.
type Script struct {
	State   string        // ready (default), pending (for ever) or failed
	Message string        // shown in that state
	After   time.Duration // pending that long before
}

// OnDeploy says what becomes of a version when it is deployed the next time.
func (w *World) OnDeploy(version string, s Script) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.scripts[version] = s
}

// SetState puts a version that is there into a state at once, such as a
// baseline that breaks.
func (w *World) SetState(version, state, message string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	if v := w.versions[version]; v != nil {
		v.state, v.message, v.readyAt = state, message, 0
	}
}

// SetReplicas changes a version's replicas as an autoscaler does.
func (w *World) SetReplicas(version string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.versions[version]; v != nil {
		v.replicas = n
	}
}

// SetInflight lets a version report how many requests it is answering.
func (w *World) SetInflight(version string, n int) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if v := w.versions[version]; v != nil {
		v.inflight = &n
	}
}

// Revert is a platform that rolls back by itself: whoever asks about the one
// version is answered with the state of the other, under the other's name. A
// primary one is changed with it. It lasts until the version is deployed anew.
func (w *World) Revert(asked, running string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.reverts[asked] = running
	if w.primary == asked {
		w.primary = running
	}
	w.log = append(w.log, "outsider: revert "+asked+" to "+running)
}

// Vanish lets a version disappear, whatever traffic it has.
func (w *World) Vanish(version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.drop(version)
	w.log = append(w.log, "outsider: remove "+version)
}

// StallRemoval lets removals of a version be accepted and not happen. After
// the stall the next removal does it.
func (w *World) StallRemoval(version string, stalled bool) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.stalled[version] = stalled
}

// Deploy implements [activities.Platform]. A version that is there and has not
// failed is left as it is, but for its replicas.
func (w *World) Deploy(ctx context.Context, by activities.Write, r activities.Deployment) error {
	name := r.Release.Version
	return w.call(ctx, OpDeploy, func() error {
		if name == "" {
			return fmt.Errorf("deploy: no version: %w", activities.ErrFinal)
		}
		text := "deploy " + name
		v := w.versions[name]
		isThere := v != nil && !v.isGone() && v.stateAt(w.passed) != activities.StateFailed && w.reverts[name] == ""
		if isThere && r.Replicas > 0 && r.Replicas != v.replicas {
			text = fmt.Sprintf("scale %s to %d", name, r.Replicas)
		}
		return w.perform(act{op: OpDeploy, on: "version " + name, write: by, text: text, do: func(int) (bool, error) {
			if isThere {
				changed := r.Replicas > 0 && r.Replicas != v.replicas
				if changed {
					v.replicas = r.Replicas
				}
				return changed, nil
			}
			w.launch(r)
			return true, nil
		}})
	})
}

func (w *World) launch(r activities.Deployment) {
	name := r.Release.Version
	s := w.scripts[name]
	v := &version{release: r.Release, replicas: r.Replicas, state: s.State, message: s.Message, readyAt: w.passed + s.After, born: w.passed}
	if v.replicas == 0 {
		v.replicas = DefaultReplicas
	}
	if v.state == "" {
		v.state = activities.StateReady
	}
	w.versions[name] = v
	delete(w.reverts, name)
	w.mark(w.passed)
}

// Version implements [activities.Platform]. Its endpoints are names that no
// resolver knows: "http://2.5.0.sim".
func (w *World) Version(ctx context.Context, name string) (activities.VersionState, error) {
	var state activities.VersionState
	err := w.call(ctx, OpVersion, func() error {
		if running := w.reverts[name]; running != "" {
			name = running
		}
		v := w.versions[name]
		if v == nil || v.isGone() {
			return fmt.Errorf("version %s: %w", name, activities.ErrNotFound)
		}
		state = activities.VersionState{
			Version: name, State: v.stateAt(w.passed), Desired: v.replicas,
			Endpoints: []string{"http://" + name + ".sim"}, Inflight: v.inflight,
		}
		if state.State == v.state {
			state.Message = v.message
		}
		if state.State == activities.StateReady {
			state.Ready = v.replicas
		}
		return nil
	})
	return state, err
}

// Remove implements [activities.Platform].
func (w *World) Remove(ctx context.Context, by activities.Write, name string) error {
	return w.call(ctx, OpRemove, func() error {
		return w.perform(act{op: OpRemove, on: "version " + name, write: by, text: "remove " + name, do: func(int) (bool, error) {
			v := w.versions[name]
			if v == nil || v.isGone() || w.stalled[name] {
				return false, nil
			}
			if has := w.weights[name]; has > 0 {
				w.violate("%s removed while it had %s", name, has)
			}
			if w.primary == name {
				w.violate("%s removed while it was the primary", name)
			}
			w.drop(name)
			if split, falls := w.falls[name]; falls {
				delete(w.falls, name)
				w.lose(split)
			}
			if primary, goes := w.goesBack[name]; goes {
				delete(w.goesBack, name)
				w.point(primary)
			}
			return true, nil
		}})
	})
}

func (w *World) drop(name string) {
	if v := w.versions[name]; v != nil && !v.isGone() {
		w.mark(w.passed)
		v.removed, v.gone = true, w.passed
	}
	delete(w.reverts, name)
}

// Primary implements [activities.Pointers].
func (w *World) Primary(ctx context.Context) (string, error) {
	var primary string
	err := w.call(ctx, OpPrimary, func() error {
		primary = w.primary
		return nil
	})
	return primary, err
}

// ForeignPrimary makes a version primary as an outsider does.
func (w *World) ForeignPrimary(version string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.catchUp()
	w.point(version)
}

// FallBackPrimary has the platform go back to another primary version, once, as the next
// version of the first name is removed.
func (w *World) FallBackPrimary(removed, primary string) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.goesBack[removed] = primary
}

// point changes the primary version at once, whoever made the one before that.
func (w *World) point(version string) {
	w.primary = version
	w.log = append(w.log, "outsider: primary "+version)
}

// SetPrimary implements [activities.Pointers]. A version that is not there is
// refused for good; "" says that there is none, as before a first release.
func (w *World) SetPrimary(ctx context.Context, by activities.Write, name string) error {
	return w.call(ctx, OpSetPrimary, func() error {
		text := "primary " + name
		if name == "" {
			text = "primary none"
		}
		return w.perform(act{op: OpSetPrimary, on: "primary", write: by, text: text, do: func(int) (bool, error) {
			if v := w.versions[name]; name != "" && (v == nil || v.isGone()) {
				return false, fmt.Errorf("primary %s: no such version: %w", name, activities.ErrFinal)
			}
			changed := w.primary != name
			w.primary = name
			return changed, nil
		}})
	})
}

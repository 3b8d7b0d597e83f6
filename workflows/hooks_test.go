package workflows_test

import (
	"context"
	"encoding/json"
	"errors"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// desk is who answers hooks in a story: by the words of its URL.
type desk struct {
	mu    sync.Mutex
	calls []rollout.HookCall
	ids   map[string]int // how often a call was tried
	slow  chan struct{}  // closed: who is slow answers
}

func (d *desk) Permits(string) error { return nil }

func (d *desk) Post(ctx context.Context, url, id string, body []byte) (int, string, error) {
	status, text, err := d.answer(url, id, body)
	if strings.Contains(url, "slow") {
		select {
		case <-d.slow:
		case <-ctx.Done():
		}
	}
	return status, text, err
}

func (d *desk) answer(url, id string, body []byte) (int, string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	var c rollout.HookCall
	if err := json.Unmarshal(body, &c); err != nil {
		return 400, err.Error(), nil
	}
	if d.ids == nil {
		d.ids = map[string]int{}
	}
	if d.ids[id]++; d.ids[id] == 1 {
		d.calls = append(d.calls, c)
	}
	switch {
	case strings.Contains(url, "broken"), strings.Contains(url, "shaky") && d.ids[id] < 3:
		return 503, "Service Unavailable", nil
	case strings.Contains(url, "silent"):
		return 0, "", errors.New("connection refused")
	case strings.Contains(url, "no"):
		return 409, "the change is not approved", nil
	}
	return 204, "", nil
}

// told lists the points at which the desk was called.
func (d *desk) told() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	var out []string
	for _, c := range d.calls {
		out = append(out, c.At)
	}
	return out
}

// TestHooks holds who is asked when, what a refusal comes to, and that nobody is
// waited for on the way back.
func TestHooks(t *testing.T) {
	at := func(point, url string) rollout.Hook {
		return rollout.Hook{At: point, HTTP: "http://" + url, Timeout: rollout.Duration(time.Second)}
	}
	with := func(hooks ...rollout.Hook) func(*rollout.Spec) { return func(s *rollout.Spec) { s.Hooks = hooks } }
	called := func(want ...string) func(*testing.T, *sim.World, *desk, rollout.Status) {
		return func(t *testing.T, _ *sim.World, d *desk, _ rollout.Status) { require.Equal(t, want, d.told()) }
	}
	goOn := at("beforeStart", "broken")
	goOn.Otherwise = rollout.RuleGoOn
	for name, tt := range map[string]struct {
		story
		look func(*testing.T, *sim.World, *desk, rollout.Status)
	}{
		"every point of a good rollout": {story{spec: with(at("beforeStart", "a"), at("beforeStep", "a"), at("afterStep", "a"), at("beforePromote", "a"), at("onRollback", "a"), at("after", "a")),
			want: rollout.Promoted, wantLog: good},
			func(t *testing.T, _ *sim.World, d *desk, _ rollout.Status) {
				require.Equal(t, []string{"beforeStart", "beforeStep", "afterStep", "beforeStep", "afterStep", "beforePromote", "after"}, d.told())
				require.Equal(t, rollout.Weight(5000), d.calls[3].Weight)
				require.Equal(t, rollout.Promoted, d.calls[6].Outcome)
				require.Empty(t, d.calls[6].Rehearsal)
				require.Equal(t, "2.4.1", d.calls[6].Baseline)
			}},
		"a refused start changes nothing": {story{spec: with(at("beforeStart", "no"), at("onRollback", "a")),
			want: rollout.Refused, wantCause: rollout.CauseHook, wantReason: "refuses: 409 the change is not approved", wantLog: []string{}}, called("beforeStart")},
		"a refused step goes back": {story{spec: with(at("afterStep", "no"), at("onRollback", "broken"), at("after", "a")),
			want: rollout.RolledBack, wantCause: rollout.CauseHook, wantReason: "hook 1 (afterStep) refuses", wantLog: undone}, called("afterStep", "onRollback", "after")},
		"a refused promotion goes back": {story{spec: with(at("beforePromote", "no")),
			want: rollout.RolledBack, wantCause: rollout.CauseHook, wantReason: "beforePromote"}, called("beforePromote")},
		"one that is tried again": {story{spec: with(at("beforeStep", "shaky")), want: rollout.Promoted, wantLog: good}, called("beforeStep", "beforeStep")},
		"one that does not answer": {story{spec: with(at("beforeStep", "silent")),
			want: rollout.RolledBack, wantCause: rollout.CauseHook, wantReason: "does not answer: call the hook beforeStep: connection refused", wantLog: []string{"deploy 2.5.0", "remove 2.5.0"}}, called("beforeStep")},
		"one that is done without": {story{spec: with(goOn), want: rollout.Promoted, wantLog: good},
			func(t *testing.T, _ *sim.World, _ *desk, s rollout.Status) {
				require.Contains(t, strings.Join(s.Warnings, ";"), "hook beforeStart was done without")
			}},
		"an abort overtakes one, and there is nothing to go back from": {story{spec: with(at("beforeStart", "silent"), at("onRollback", "a")), plot: func(s *teller) {
			s.at(time.Second, func() { s.order(rollout.Command{Name: "abort"}, rollout.Accepted) })
		}, want: rollout.Aborted, wantLog: []string{}}, called("beforeStart")},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := &desk{}
			tt.hooks = d
			tt.check = func(t *testing.T, w *sim.World, s rollout.Status) { tt.look(t, w, d, s) }
			tt.holds(t)
		})
	}
}

// A pause that comes while a raise waits for something else holds the raise.
func TestAPauseHoldsARaiseThatWaited(t *testing.T) {
	d := &desk{slow: make(chan struct{})}
	story{
		hooks: d,
		spec: func(s *rollout.Spec) {
			s.Hooks = []rollout.Hook{{At: rollout.HookBeforePromote, HTTP: "http://slow", Timeout: rollout.Duration(time.Minute)}}
		},
		plot: func(s *teller) {
			s.once(func() bool { return len(d.told()) > 0 }, func() {
				s.at(0, func() { s.order(rollout.Command{Name: "pause"}, rollout.Accepted) })
				time.Sleep(300 * time.Millisecond)
				close(d.slow)
				time.Sleep(time.Second)
				s.at(0, func() {
					s.waitsFor(rollout.WaitingForPause, 5000)
					s.order(rollout.Command{Name: "resume"}, rollout.Accepted)
				})
			})
		},
		want: rollout.Promoted, wantLog: good,
	}.holds(t)
}

var _ activities.Hooks = (*desk)(nil)

package e2e_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// changes is an outside system that takes signed hooks alone, and does not approve
// that "staging/bad" is promoted.
type changes struct {
	*httptest.Server
	t *testing.T

	mu       sync.Mutex
	tries    map[string]int                // by id
	calls    map[string][]rollout.HookCall // by target, each id once
	unsigned int                           // calls of the URL that is not to be signed
}

func newChanges(t *testing.T) *changes {
	c := &changes{t: t, tries: map[string]int{}, calls: map[string][]rollout.HookCall{}}
	c.Server = httptest.NewServer(http.HandlerFunc(c.take))
	t.Cleanup(c.Close)
	return c
}

// take does what docs/policy.md asks of a receiver.
func (c *changes) take(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	var call rollout.HookCall
	if err != nil || json.Unmarshal(body, &call) != nil || call.ID == "" || call.ID != r.Header.Get("Bakeoff-Hook-Id") {
		c.t.Errorf("not what was agreed: %v %v %s", err, r.Header, body)
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/unsigned" {
		c.unsigned++
		if r.Header.Get("Bakeoff-Hook-Signature") != "" {
			c.t.Errorf("signed, though its URL is not among those that are: %v", r.Header)
		}
		return
	}
	if why := unproven(r.Header, body); why != "" {
		c.t.Errorf("%s: %s", call.At, why)
		w.WriteHeader(http.StatusForbidden)
		return
	}
	if c.tries[call.ID]++; c.tries[call.ID] == 1 {
		c.calls[call.Target] = append(c.calls[call.Target], call)
	}
	switch {
	case call.At == rollout.HookAfterStep && c.tries[call.ID] == 1:
		w.WriteHeader(http.StatusServiceUnavailable) // the next try is signed anew
	case call.At == rollout.HookBeforePromote && call.Target == "staging/bad":
		http.Error(w, "the change is not approved", http.StatusConflict)
	}
}

// unproven says why a signature does not prove who sent a body; "" when it does.
func unproven(h http.Header, body []byte) string {
	at, err := strconv.ParseInt(h.Get("Bakeoff-Hook-Time"), 10, 64)
	if age := time.Since(time.Unix(at, 0)).Abs(); err != nil || age > 3*time.Minute {
		return fmt.Sprintf("the time is %q", h.Get("Bakeoff-Hook-Time"))
	}
	mac := hmac.New(sha256.New, []byte(secret))
	fmt.Fprintf(mac, "%d.%s", at, body)
	if want := "v1=" + hex.EncodeToString(mac.Sum(nil)); h.Get("Bakeoff-Hook-Signature") != want {
		return fmt.Sprintf("the signature is %q, not %s", h.Get("Bakeoff-Hook-Signature"), want)
	}
	return ""
}

// at lists the points at which it was called for a target.
func (c *changes) at(target string) []string {
	c.mu.Lock()
	defer c.mu.Unlock()
	var out []string
	for _, call := range c.calls[target] {
		out = append(out, call.At)
	}
	return out
}

// last is the last call of a point for a target.
func (c *changes) last(target, at string) (call rollout.HookCall) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, one := range c.calls[target] {
		if one.At == at {
			call = one
		}
	}
	return call
}

// A hook is called at each of the six points, and proves by its signature who
// calls; URLs that are not named get none. A no before the promotion takes users
// back before anybody else gets the candidate.
func TestHooksAreSigned(t *testing.T) {
	c, system := found(t), newChanges(t)
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret), 0o600))
	c.worker = procs.StartWorker(t, c.server, fmt.Sprintf("hooks: {secret: {file: %q}, urls: [%q]}\n", file, system.URL+"/signed/*"))
	hooks := "hooks: ["
	for _, at := range rollout.HookPoints() {
		hooks += fmt.Sprintf("{at: %s, http: %q}, ", at, system.URL+"/signed/"+at)
	}
	hooks += fmt.Sprintf("{at: beforeStart, http: %q}]", system.URL+"/unsigned")
	good, bad := c.scene(t), c.scene(t)
	good.name, bad.name = "good", "bad"
	good.start(oneStep, hooks)
	bad.start(oneStep, hooks)

	good.ends(0, rollout.Promoted, "")
	require.Equal(t, []string{"beforeStart", "beforeStep", "afterStep", "beforePromote", "after"}, system.at("staging/good"))
	require.Equal(t, rollout.All, system.last("staging/good", "beforePromote").Weight)
	require.Equal(t, rollout.Promoted, system.last("staging/good", "after").Outcome)
	require.Equal(t, promotedOne, good.world.Log())

	e := bad.ends(10, rollout.RolledBack, rollout.CauseHook)
	require.Contains(t, e.Reason, "hook 4 (beforePromote) refuses: 409 Conflict the change is not approved")
	require.ElementsMatch(t, rollout.HookPoints(), system.at("staging/bad"))
	told := system.last("staging/bad", "onRollback")
	require.Equal(t, rollout.CauseHook, told.Cause)
	require.Contains(t, told.Reason, "the change is not approved")
	require.Equal(t, rollout.RolledBack, system.last("staging/bad", "after").Outcome)
	require.Equal(t, undone, bad.world.Log())
	bad.asBefore()
	require.Equal(t, 2, system.unsigned)
}

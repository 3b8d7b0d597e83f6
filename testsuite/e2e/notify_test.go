package e2e_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities/webhook"
	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
)

// secret signs what the receiver gets.
const secret = "the receiver's"

// receiver takes CloudEvents, when it is in the mood.
type receiver struct {
	*httptest.Server
	t *testing.T

	mu     sync.Mutex
	mood   int            // what it answers; 0: it hangs
	asked  int            // requests that came
	events []cloudEvent   // those that it took
	tried  map[string]int // requests by id, taken or not
}

type cloudEvent struct {
	SpecVersion, ID, Source, Type, Subject string

	Data rollout.Notice
}

func newReceiver(t *testing.T) *receiver {
	r := &receiver{t: t, mood: http.StatusOK, tried: map[string]int{}}
	r.Server = httptest.NewServer(http.HandlerFunc(r.take))
	t.Cleanup(r.CloseClientConnections)
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(w http.ResponseWriter, req *http.Request) {
	body, err := io.ReadAll(req.Body)
	var e cloudEvent
	isSigned := req.Header.Get(webhook.SignatureHeader) == webhook.Sign(secret, body)
	if err != nil || json.Unmarshal(body, &e) != nil || !isSigned {
		r.t.Errorf("not what was agreed: %v %v %s", err, req.Header, body)
	}
	r.mu.Lock()
	mood := r.mood
	r.asked++
	r.tried[e.ID]++
	if mood == http.StatusOK {
		r.events = append(r.events, e)
	}
	r.mu.Unlock()
	if mood == 0 {
		<-req.Context().Done() // its caller gives up
		return
	}
	w.WriteHeader(mood)
}

// feels changes how it answers from now on.
func (r *receiver) feels(mood int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.mood, r.asked = mood, 0
}

// awaits returns when n requests came since the mood changed.
func (r *receiver) awaits(n int) {
	r.t.Helper()
	until(r.t, fmt.Sprintf("%d requests", n), func() bool {
		r.mu.Lock()
		defer r.mu.Unlock()
		return r.asked >= n
	})
}

// got is what it took, by id.
func (r *receiver) got() map[string]cloudEvent {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := map[string]cloudEvent{}
	for _, e := range r.events {
		out[e.ID] = e
	}
	return out
}

// hears requires what it is told of in the end, each with one id.
func (r *receiver) hears(want ...rollout.Occasion) {
	r.t.Helper()
	until(r.t, fmt.Sprint(want), func() bool { return len(r.got()) >= len(want) })
	var told []rollout.Occasion
	for id, e := range r.got() {
		require.Equal(r.t, id, e.Data.ID)
		require.Equal(r.t, "1.0", e.SpecVersion)
		require.Equal(r.t, "bakeoff.rollout."+string(e.Data.Event), e.Type)
		told = append(told, e.Data.Event)
	}
	require.ElementsMatch(r.t, want, told)
	require.Len(r.t, r.tried, len(want), "ids")
}

// tells is a worker that has the receiver as its webhook.
func (c *town) tells(t *testing.T, r *receiver, more string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(file, []byte(secret), 0o600))
	c.worker = procs.StartWorker(t, c.server, fmt.Sprintf("notifications:\n  webhook: {url: %q, secret: {file: %q}}\n%s", r.URL, file, more))
}

// A receiver that hangs, and then fails, delays nothing: the rollout goes back
// and ends. What it missed it gets later, each with one id.
func TestDeafReceiver(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	r.feels(0)
	c.tells(t, r, "")
	s := c.scene(t)
	s.breaks()
	e := s.run(`notify: [{to: webhook, events: [rollingBack, rolledBack]}]`)
	e.requires(s, 10, rollout.RolledBack, rollout.CauseVerdict)
	require.Less(t, e.TimeToRestore.Total.Std().Seconds(), 5.0)
	s.asBefore()
	require.Empty(t, r.got())
	until(t, "what still tells people is replayed", func() bool {
		cmd := exec.Command(procs.Program(t, "bakeoff-worker"), "verify", "--open")
		cmd.Env = append(os.Environ(), "TEMPORAL_ADDRESS="+c.server.Address)
		said, err := cmd.CombinedOutput()
		require.NoError(t, err, string(said))
		return strings.Count(string(said), "ok        notify/") == 2
	})
	r.feels(http.StatusInternalServerError)
	r.awaits(3)
	require.Empty(t, r.got())
	r.feels(http.StatusOK)
	r.hears(rollout.OnRollingBack, rollout.OnRolledBack)
	told := s.told(rollout.EventNotified)
	require.Len(t, told, 2)
	for _, line := range told {
		require.Contains(t, r.got(), line.Data["id"])
	}
}

// Subscribers hear of rollouts whose specs name nobody, each through the sink that
// is theirs, and all of them of the same notices.
func TestSubscribers(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	slack, slackURL := workspace(t)
	post, smtp := mailbox(t, "ana@example.com")
	c.tells(t, r, fmt.Sprintf(`
  slack: {webhook: {file: %q}}
  email: {smtp: %q, from: Bakeoff <bakeoff@example.com>}
  ui: http://127.0.0.1:8233
  subscriptions:
    - {environments: [staging], to: webhook, events: [waiting, denied, aborted]}
    - {environments: [staging], to: slack, channel: "@bo", events: [waiting, denied, aborted]}
    - {environments: [staging], to: email, channel: Ana <ana@example.com>, events: [denied, aborted]}
  templates: {aborted: "{{.Actor}}: {{.Reason}}"}`, slackURL, smtp))
	s := c.scene(t)
	s.start(asks("within: 1h"))
	s.waitsFor(rollout.WaitingForApproval)
	r.hears(rollout.OnWaiting)
	s.order(15, "promote")
	s.order(0, "abort", "--actor", "bo@example.com")
	s.ends(11, rollout.Aborted, "")
	r.hears(rollout.OnWaiting, rollout.OnDenied, rollout.OnAborted)
	ids := map[rollout.Occasion]string{}
	for id, e := range r.got() {
		ids[e.Data.Event] = id
		require.Contains(t, e.Data.UIURL, "http://127.0.0.1:8233/namespaces/default/workflows/rollout%2Fstaging%2Ftestsubscribers/")
	}
	const aborted = "bo@example.com: aborted by bo@example.com: the test says so"
	require.Equal(t, aborted, r.got()[ids[rollout.OnAborted]].Data.Text)

	posted := slack.awaits(t, "Slack", ids[rollout.OnWaiting], ids[rollout.OnDenied], ids[rollout.OnAborted])
	require.Contains(t, posted[ids[rollout.OnWaiting]], "@bo staging/testsubscribers: 2.5.0 at 10%: waiting for an approval of the raise to 50%")
	require.Contains(t, posted[ids[rollout.OnAborted]], "@bo "+aborted+"\n<http://127.0.0.1:8233/")
	mailed := post.awaits(t, "mail", ids[rollout.OnDenied], ids[rollout.OnAborted])
	require.True(t, strings.HasPrefix(mailed[ids[rollout.OnDenied]], "[staging/testsubscribers] denied\n"), mailed)
	require.Contains(t, mailed[ids[rollout.OnAborted]], aborted+"\n\nCandidate: 2.5.0\n")
}

// What waits is heard of by one after another, each once, until it ends.
func TestLadder(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	c.tells(t, r, `escalation: {staging: [{after: 1s, to: webhook, channel: owner}, {after: 3s, to: webhook, channel: backup}, {after: 1h, to: webhook, channel: on-call}]}`)
	s := c.scene(t)
	e := s.run("strategy: {" + window + ", canary: [{weight: 10%, bake: 5s, approve: {within: 5s}}], keepBaseline: 2s}")
	e.requires(s, 10, rollout.RolledBack, rollout.CauseApproval)
	r.hears(rollout.OnEscalated, rollout.OnEscalated)
	told := s.told(rollout.EventNotified)
	require.Len(t, told, 5, "waiting, two rungs, rolling back, rolled back")
	until(t, "both are counted", func() bool {
		resp, err := http.Get(c.worker.URL(t) + "/metrics")
		require.NoError(t, err)
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		return strings.Contains(string(body), `bakeoff_notifications_total{result="sent",sink="webhook"} 2`)
	})
}

// Who wants to hear that users have what they had before hears of a rollback, too,
// and why it was asked for.
func TestRollbackIsHeard(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	c.tells(t, r, "  subscriptions: [{to: webhook, events: [rolledBack]}]")
	s := c.scene(t)
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	s.result("rollback", s.target(), "--reason", "it loses carts").requires(s, 0, rollout.Promoted, "")
	r.hears(rollout.OnPromoted)
	for _, e := range r.got() {
		require.True(t, e.Data.Back)
		require.Equal(t, s.target()+": went back to "+baseline+": it loses carts", e.Data.Text)
	}
}

// What a Target denies is heard of, though no rollout runs; and of a fleet as
// such, beside its units.
func TestHeardOfTargetsAndFleets(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	c.tells(t, r, `  subscriptions: [{to: webhook, events: [denied, promoted]}]
roles: {on-call: [cy@example.com]}
permissions: {staging: {start: [anyone], rollback: [on-call]}}`)
	s := c.scene(t)
	s.run(oneStep).requires(s, 0, rollout.Promoted, "")
	r.hears(rollout.OnPromoted)
	s.order(15, "rollback")
	r.hears(rollout.OnPromoted, rollout.OnDenied)
	f := c.convoy(t, "a", "b")
	f.name += "-fleet"
	f.units["a"].name, f.units["b"].name = f.name+"/a", f.name+"/b"
	f.begins()
	f.ends(0, rollout.Promoted, "")
	r.hears(rollout.OnPromoted, rollout.OnDenied, rollout.OnPromoted, rollout.OnPromoted, rollout.OnPromoted)
	heard := map[string]rollout.Occasion{}
	for _, e := range r.got() {
		heard[e.Data.WorkflowID] = e.Data.Event
	}
	require.Equal(t, map[string]rollout.Occasion{
		"rollout/" + s.target(): rollout.OnPromoted, "target/" + s.target(): rollout.OnDenied,
		"fleet/" + f.target(): rollout.OnPromoted, "rollout/" + f.target() + "/a": rollout.OnPromoted, "rollout/" + f.target() + "/b": rollout.OnPromoted,
	}, heard)
	told := f.told(rollout.EventNotified)
	require.Len(t, told, 1)
	require.Contains(t, told[0].Text, "2.5.0 in 2 units: promoted: 2 of 2 units serve 2.5.0")
	require.Len(t, f.told(rollout.EventUnitStarted), 2)
	require.Len(t, f.told(rollout.EventUnitEnded), 2)
}

// A stop of the line is heard of, though nothing runs that it could hold, and so is
// who may not order it, or end it. One of every environment is heard of by those who
// chose theirs, whatever their service.
func TestHeardOfStops(t *testing.T) {
	c := found(t)
	r := newReceiver(t)
	c.tells(t, r, `  subscriptions: [{environments: [staging], services: [checkout], to: webhook, events: [denied, frozen]}, {environments: [lab], to: webhook}]
roles: {on-call: [cy@example.com]}
permissions: {staging: {start: [anyone], pause: [on-call], resume: [on-call]}}`)
	s := c.scene(t)
	line := func(code int, name, actor string, args ...string) {
		t.Helper()
		out := s.cli(append([]string{name, "--reason", "INC-12", "--actor", actor}, args...)...)
		require.Equal(t, code, out.Code, out.Stdout+out.Stderr)
	}
	here, all := []string{"--environment", "staging"}, []string{"--all"}
	line(15, "stop-the-line", "bo@example.com", here...)
	r.hears(rollout.OnDenied)
	line(0, "stop-the-line", "cy@example.com", here...)
	line(0, "stop-the-line", "cy@example.com", here...) // it is stopped already
	r.hears(rollout.OnDenied, rollout.OnFrozen)
	line(15, "start-the-line", "bo@example.com", here...)
	line(0, "start-the-line", "cy@example.com", here...)
	r.hears(rollout.OnDenied, rollout.OnFrozen, rollout.OnDenied)

	line(15, "stop-the-line", "bo@example.com", all...)
	line(0, "stop-the-line", "cy@example.com", all...)
	r.hears(rollout.OnDenied, rollout.OnFrozen, rollout.OnDenied, rollout.OnDenied, rollout.OnFrozen)
	s.run(oneStep).requires(s, 15, rollout.Refused, rollout.Cause(rollout.GateStop))
	line(0, "start-the-line", "cy@example.com", all...)
	for _, e := range r.got() {
		n := e.Data
		require.Equal(t, rollout.StopID(n.Environment), n.WorkflowID)
		if n.Event == rollout.OnFrozen {
			require.Equal(t, n.WorkflowID+": the line is stopped by cy@example.com: INC-12", n.Text)
			require.Equal(t, rollout.GateStop, n.WaitingFor)
		}
	}
}

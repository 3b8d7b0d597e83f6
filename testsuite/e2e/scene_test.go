package e2e_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
	"bakeoff/testsuite/procs"
	"bakeoff/testsuite/sim/httpworld"
)

// ended is what run, wait or an order came to.
type ended struct {
	rollout.Status
	Answer string `json:"answer"` // of an order
	Why    string `json:"why"`

	code int
	at   time.Time // when the command returned
}

// cli runs a command to its end; one that never ends is interrupted.
func (s *scene) cli(args ...string) procs.Run {
	s.t.Helper()
	ctx, cancel := context.WithTimeout(s.t.Context(), 2*patience)
	defer cancel()
	return procs.CLI(ctx, s.t, s.town.server, args...)
}

// result runs a command that prints the result JSON.
func (s *scene) result(args ...string) ended {
	s.t.Helper()
	return s.read(s.cli(append(args, "-o", "json")...))
}

func (s *scene) read(out procs.Run) ended {
	s.t.Helper()
	require.NotEmpty(s.t, out.Stdout, "exit %d: %s", out.Code, out.Stderr)
	e := decode[ended](s.t, out.Stdout)
	e.code, e.at = out.Code, time.Now()
	return e
}

// start starts a rollout and returns at once.
func (s *scene) start(lines ...string) {
	s.t.Helper()
	out := s.cli("start", s.file(lines...), "--reason", "a test")
	require.Zero(s.t, out.Code, out.Stderr)
}

// run starts a rollout and waits for its end.
func (s *scene) run(lines ...string) ended {
	s.t.Helper()
	return s.result("run", s.file(lines...), "--reason", "a test")
}

// wait waits for the end of the rollout.
func (s *scene) wait(args ...string) ended {
	s.t.Helper()
	return s.result(append([]string{"wait", s.target()}, args...)...)
}

// status is where the rollout stands.
func (s *scene) status() rollout.Status {
	s.t.Helper()
	return s.result("status", s.target()).Status
}

// order gives a command and requires its exit code.
func (s *scene) order(code int, name string, args ...string) ended {
	s.t.Helper()
	e := s.result(append([]string{name, s.target(), "--reason", "the test says so"}, args...)...)
	require.Equal(s.t, code, e.code, "%s: %s %s", name, e.Answer, e.Why)
	return e
}

// ends requires how the rollout ends.
func (s *scene) ends(code int, outcome rollout.Outcome, cause rollout.Cause) ended {
	s.t.Helper()
	e := s.wait()
	e.requires(s, code, outcome, cause)
	return e
}

func (e ended) requires(s *scene, code int, outcome rollout.Outcome, cause rollout.Cause) {
	s.t.Helper()
	require.Equal(s.t, outcome, e.Outcome, "%+v\n%v", e.Status, s.http.Requests())
	require.Equal(s.t, cause, e.Cause, e.Reason)
	require.Equal(s.t, code, e.code, e.Reason)
	require.Equal(s.t, rollout.PhaseCompleted, e.Phase)
}

// story is the rollout's audit story.
func (s *scene) story() []rollout.Event {
	s.t.Helper()
	out := s.cli("history", s.target(), "-o", "json")
	require.Zero(s.t, out.Code, out.Stderr)
	var events []rollout.Event
	for line := range strings.Lines(out.Stdout) {
		events = append(events, decode[rollout.Event](s.t, line))
	}
	require.NotEmpty(s.t, events)
	return events
}

// told returns the story's events of one kind.
func (s *scene) told(kind rollout.EventKind) []rollout.Event {
	s.t.Helper()
	return slices.DeleteFunc(s.story(), func(e rollout.Event) bool { return e.Kind != kind })
}

// asked returns the requests whose line, such as "PUT /weights 200", begins so.
func (s *scene) asked(line string) []httpworld.Request {
	return slices.DeleteFunc(s.http.Requests(), func(r httpworld.Request) bool { return !strings.HasPrefix(r.String(), line) })
}

// awaits returns when requests that begin so have come n times.
func (s *scene) awaits(line string, n int) {
	s.t.Helper()
	until(s.t, line, func() bool { return len(s.asked(line)) >= n })
}

// watched returns when the candidate's numbers were read again so many times:
// the bake goes on.
func (s *scene) watched(n int) {
	s.t.Helper()
	const read = "GET /versions/" + candidate + "/metrics"
	s.awaits(read, len(s.asked(read))+n)
}

// bakes returns when the candidate has its weight and is being watched.
func (s *scene) bakes(w rollout.Weight) {
	s.t.Helper()
	until(s.t, w.String()+" in force", func() bool { return s.weight() == w })
	s.watched(2)
}

// weight is what the candidate truly gets.
func (s *scene) weight() rollout.Weight { return s.world.State().Weights[candidate] }

// waitsFor returns when the rollout says that it waits for something.
func (s *scene) waitsFor(what string) {
	s.t.Helper()
	until(s.t, "waiting for "+what, func() bool { return s.status().WaitingFor == what })
}

// stay is a time in which the candidate had one weight, as the router's own
// log tells. The last one has no end.
type stay struct {
	weight   rollout.Weight
	from, to time.Time
}

func (s stay) length() time.Duration { return s.to.Sub(s.from) }

// stays reads the router's log. A weight that was written twice is one stay.
func (s *scene) stays() []stay {
	s.t.Helper()
	var out []stay
	for _, r := range s.asked("PUT /weights 200") {
		split := decode[struct{ Weights map[string]int }](s.t, r.Body)
		w := rollout.Weight(split.Weights[candidate])
		if n := len(out); n > 0 {
			if out[n-1].weight == w {
				continue
			}
			out[n-1].to = r.At
		}
		out = append(out, stay{weight: w, from: r.At.Add(r.Took)})
	}
	return out
}

// stayed requires the weights that the candidate had, in order, and that it
// was watched at each but the last for the time of its bake.
func (s *scene) stayed(bake time.Duration, weights ...rollout.Weight) []stay {
	s.t.Helper()
	stays := s.stays()
	var had []rollout.Weight
	for i, one := range stays {
		had = append(had, one.weight)
		if last := i == len(stays)-1; !last {
			require.GreaterOrEqual(s.t, one.length(), bake, "the time at %s", one.weight)
		}
	}
	require.Equal(s.t, weights, had)
	return stays
}

// asBefore requires that everything is as it was before the rollout.
func (s *scene) asBefore() {
	s.t.Helper()
	now := s.world.State()
	require.True(s.t, now.Weights.Equal(rollout.Split{baseline: rollout.All}), now.Weights.String())
	require.Equal(s.t, baseline, now.Primary)
	require.Equal(s.t, []string{baseline}, now.Versions)
	require.Empty(s.t, now.Flags)
}

// replacedBaseline requires that the candidate is all there is.
func (s *scene) replacedBaseline() {
	s.t.Helper()
	now := s.world.State()
	require.True(s.t, now.Weights.Equal(rollout.Split{candidate: rollout.All}), now.Weights.String())
	require.Equal(s.t, candidate, now.Primary)
	require.Equal(s.t, []string{candidate}, now.Versions)
}

// wroteBackWithin requires that the router was told to give everything back to
// the baseline, at most d after a moment.
func (s *scene) wroteBackWithin(d time.Duration, since time.Time) {
	s.t.Helper()
	stays := s.stays()
	last := stays[len(stays)-1]
	require.Zero(s.t, last.weight)
	require.Less(s.t, last.from.Sub(since), d, "the way back")
}

// deployedOnce requires that the candidate was deployed once, whoever asked
// how often: every request was the same act.
func (s *scene) deployedOnce() {
	s.t.Helper()
	intents := map[string]bool{}
	for _, r := range s.asked(http.MethodPut + " /versions/" + candidate) {
		intents[r.Header.Get("Bakeoff-Intent")] = true
	}
	require.Len(s.t, intents, 1)
	deploys := slices.DeleteFunc(s.world.Log(), func(line string) bool { return line != "deploy "+candidate })
	require.Len(s.t, deploys, 1)
}

// What the world's own log says of a whole rollout.
var (
	promotedOne = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"}
	promotedTwo = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 50%, 2.5.0 50%",
		"weights 2.4.1 0%, 2.5.0 100%", "primary 2.5.0", "remove 2.4.1"}
	undone = []string{"deploy 2.5.0", "weights 2.4.1 90%, 2.5.0 10%", "weights 2.4.1 100%, 2.5.0 0%", "remove 2.5.0"}
)

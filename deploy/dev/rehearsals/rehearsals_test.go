package rehearsals

import (
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/deploy/dev/town"
)

// good is what has to become of a suite.
func good() []outcome { return goodWith(false) }

func goodWith(database bool) []outcome {
	reasons := map[string]string{"negative-control": "6 lost, 0 doubled, 0 altered; written during drill 1: 6 lost", "doubled-orders": "0 lost, 9 doubled, 0 altered; written before",
		"altered-orders": "0 lost, 0 doubled, 1 altered; written after", "changed-stock": "0 lost, 0 doubled, 0 altered; table shop/stock has changed"}
	var all []outcome
	for _, s := range scenesWith(database) {
		o := outcome{Name: s.name, Outcome: "Passed", Criteria: []criterion{{"errors", "Passed", "0%"}}, Drills: s.drills, Fingerprint: "sha256:f", loads: map[string]string{"browse": "sha256:b"}}
		if s.red != "" {
			o.Negative, o.Criteria = true, append(o.Criteria, criterion{s.red, "Failed", "of 186 transactions " + reasons[s.name]})
		}
		if s.drills > 0 {
			o.Restore = &restore{N: s.drills, Median: 0.5, P90: 0.6, Max: 0.7, Confidence: 0.95, Coverage: 0.7411}
			o.poll = 200 * time.Millisecond
			for n := range s.drills {
				o.backIn = append(o.backIn, time.Duration(n+1)*30*time.Millisecond)
			}
		}
		all = append(all, o)
	}
	return all
}

func TestVerify(t *testing.T) {
	require.NoError(t, verify(scenes, good()))
	require.NoError(t, verify(scenesWith(true), goodWith(true)))
	require.ErrorContains(t, verify(scenes, good()[1:]), "5 rehearsals, not 6")
	for why, spoil := range map[string]func(way, negative *outcome){
		"way-back is Failed, not Passed: too slow":          func(way, _ *outcome) { way.Outcome, way.Reason = "Failed", "too slow" },
		`what failed is ["errors"], not ""`:                 func(way, _ *outcome) { way.Criteria[0].Outcome = "Unmeasured" },
		"it left something behind: a toxic":                 func(way, _ *outcome) { way.Left = []string{"a toxic"} },
		"9 drills were made, not 10":                        func(way, _ *outcome) { way.Drills = 9 },
		"10 drills were made, not 10, and measured: <nil>":  func(way, _ *outcome) { way.Restore = nil },
		`what failed is [], not "data is whole"`:            func(_, negative *outcome) { negative.Criteria = negative.Criteria[:1] },
		`["errors" "data is whole"], not "data is whole"`:   func(_, negative *outcome) { negative.Criteria[0].Outcome = "Failed" },
		"of 10 drills 9 say when the baseline had all":      func(way, _ *outcome) { way.backIn = way.backIn[1:] },
		"baseline 700ms after the breach, to be below two":  func(way, _ *outcome) { way.backIn[8], way.backIn[9] = 700*time.Millisecond, 800*time.Millisecond },
		"data is whole is not Failed because of":            func(_, negative *outcome) { negative.Criteria[1].Outcome = "Unmeasured" },
		`lost, 0 doubled, 0 altered; written": data is`:     func(_, negative *outcome) { negative.Criteria[1].Reason = "of 9 transactions 0 lost, 9 doubled" },
		"negative-control: negative-control is Failed, not": func(_, negative *outcome) { negative.Outcome = "Failed" },
	} {
		suite := good()
		spoil(&suite[0], &suite[2])
		require.ErrorContains(t, verify(scenes, suite), why)
	}
	one := good()
	one[0].backIn[9], one[1].backIn[0] = time.Hour, time.Hour
	require.NoError(t, verify(scenes, one), "one drill in ten may be late, and one with a dead worker")
}

func TestEvidenceSaysWhenTrafficWasBack(t *testing.T) {
	o := outcome{Name: "way-back", Place: t.TempDir()}
	write := func(body string) {
		require.NoError(t, os.WriteFile(filepath.Join(o.Place, "evidence.json"), []byte(body), 0o644))
	}
	write(`{"drills": [{"poll": "200ms", "repeats": [
		{"breachAt": "2026-11-22T01:30:54.25Z", "restoredAt": "2026-11-22T01:30:54.5Z"}, {"breachAt": "2026-11-22T01:30:55Z"}]}]}`)
	require.NoError(t, o.readEvidence())
	require.Equal(t, []time.Duration{250 * time.Millisecond}, o.backIn, "one in which it never was is none")
	require.Equal(t, 700*time.Millisecond, o.promptly())
	write(`{"drills": [{}]}`)
	require.ErrorContains(t, o.readEvidence(), "how often its step was looked at")
}

func TestARepeatIsTheSame(t *testing.T) {
	require.NoError(t, verifyAgain(good()[2], good()[2]))
	for why, spoil := range map[string]func(*outcome){
		`the fingerprint "sha256:g"`: func(o *outcome) { o.Fingerprint = "sha256:g" },
		"sent another load":          func(o *outcome) { o.loads = map[string]string{"browse": "sha256:c"} },
		"is Failed":                  func(o *outcome) { o.Outcome = "Failed" },
		`with ["errors" "data is`:    func(o *outcome) { o.Criteria[0].Outcome = "Failed" },
	} {
		again := good()[2]
		spoil(&again)
		require.ErrorContains(t, verifyAgain(good()[2], again), why)
	}
	require.ErrorContains(t, verifyAgain(outcome{Name: "x"}, outcome{Name: "x"}), "fingerprint", "nothing is not the same as nothing")
}

func TestTable(t *testing.T) {
	suite := good()[:3]
	for i := range suite {
		suite[i].StartedAt = time.Unix(0, 0)
		suite[i].EndedAt = suite[i].StartedAt.Add(61200 * time.Millisecond)
		suite[i].Place = "/e/" + suite[i].Name
	}
	suite[1].Criteria = []criterion{{"scaling up", "Passed", "3 replicas after 1s"}, {"scaling floor", "Passed", "never fewer than 1"}}
	got := render(suite)
	require.Contains(t, got, "way-back          Passed              1 of 1    10      0.50s            0.60s  0.70s    1m1s\n")
	require.Contains(t, got, "negative-control  red, as it must be  1 of 2    1 ")
	require.Contains(t, got, "bound     way-back          of 10 drills the slowest took 0.70s: with 95% confidence at least 74% of drills take at most that\n")
	require.Contains(t, got, "traffic   way-back          of 10 drills nine in ten had all traffic on the baseline 270ms after the breach: two polls and 300ms are 700ms\n")
	require.NotContains(t, got, "of 1 drills", "one drill says nothing of the next")
	require.Contains(t, got, "red       negative-control  data is whole: of 186 transactions 6 lost, 0 doubled, 0 altered; written during drill 1: 6 lost\n")
	require.Contains(t, got, "scaling   dead-worker       3 replicas after 1s\n                            never fewer than 1\n")
	require.Contains(t, got, "          dead-worker       file:///e/dead-worker/report.html\n")
}

func TestWhatIsLeftIsFound(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, gone(dir, []string{"127.0.0.1:1"}))
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	require.ErrorContains(t, gone(dir, []string{l.Addr().String()}), "is still open")

	cmd := exec.Command("/bin/sleep", "60")
	cmd.Env, cmd.SysProcAttr = []string{"TMPDIR=" + filepath.Join(dir, "tmp")}, &syscall.SysProcAttr{Setsid: true}
	require.NoError(t, cmd.Start())
	go func() { _ = cmd.Wait() }()
	require.ErrorContains(t, gone(dir, nil), "is left: /bin/sleep 60")
	require.NoError(t, town.Stop(dir))
	require.NoError(t, gone(dir, nil))
}

func TestFaultsThatAreLeftAreFound(t *testing.T) {
	dir := t.TempDir()
	require.ErrorContains(t, ended(dir), "no fault was ever made")
	require.NoError(t, os.WriteFile(filepath.Join(dir, "a.json"), []byte(`{"endedAt": "2026-11-22T01:30:54Z"}`), 0o644))
	require.NoError(t, ended(dir))
	require.NoError(t, os.WriteFile(filepath.Join(dir, "b.json"), []byte(`{"by": ""}`), 0o644))
	require.ErrorContains(t, ended(dir), "a fault is still there")

	answer := `{"way": {"enabled": true, "toxics": []}}`
	api := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(answer)) }))
	t.Cleanup(api.Close)
	require.NoError(t, undisturbed(api.URL))
	answer = `{"way": {"enabled": true, "toxics": [{"name": "slow"}]}}`
	require.ErrorContains(t, undisturbed(api.URL), "proxy way is still disturbed")
	answer = `{"way": {"enabled": false, "toxics": []}}`
	require.ErrorContains(t, undisturbed(api.URL), "enabled false")
}

func TestVersionsThatAreLeftAreFound(t *testing.T) {
	state := t.TempDir()
	require.NoError(t, os.Mkdir(filepath.Join(state, "versions"), 0o755))
	require.ErrorContains(t, alone(state), "has versions [], not 1.0.0 alone")
	require.NoError(t, os.WriteFile(filepath.Join(state, "versions", "1.0.0.json"), nil, 0o644))
	require.NoError(t, alone(state))
	require.NoError(t, os.WriteFile(filepath.Join(state, "versions", "1.1.0.json"), nil, 0o644))
	require.ErrorContains(t, alone(state), "1.1.0.json")
}

func TestWhatAKilledRehearsalLeavesIsFound(t *testing.T) {
	first := scenery{processes: {"shop", "shop"}, flagsSet: nil, versions: {"killed-1/versions/1.0.0.json"}}
	require.Empty(t, first.unlike(scenery{processes: {"shop", "shop"}, versions: {"killed-1/versions/1.0.0.json"}, toxics: {}}))
	now := scenery{processes: {"keeper", "shop", "shop", "shop"}, flagsSet: {"killed-1/new-cart: true"}}
	require.Equal(t, []string{"version of the process driver that is gone: killed-1/versions/1.0.0.json", "process that was not there: keeper",
		"process that was not there: shop", "flag that was not there: killed-1/new-cart: true"}, now.unlike(first))
	require.Equal(t, 1, now.has(flagsSet, "killed-1"))
	require.Zero(t, scenery{flagsSet: {"killed-10/new-cart: true"}}.has(flagsSet, "killed-1"), "killed-10 is another lane")
}

func TestRoutesAreThoseThatRequestsTake(t *testing.T) {
	seen := func(write, weights, upstreams string) scenery {
		body := fmt.Sprintf(`{"killed-1": {"routes": [{"handle": [{"load_balancing": {"@id": %q, "selection_policy": {"weights": %s}}, "upstreams": %s}]}]}}`, write, weights, upstreams)
		caddy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }))
		t.Cleanup(caddy.Close)
		s := scenery{}
		require.NoError(t, s.lookAtCaddy(caddy.URL))
		return s
	}
	first := seen("a", "[1]", `[{"dial": "old"}]`)
	require.Empty(t, seen("b", "[1, 0]", `[{"dial": "old"}, {"dial": "new"}]`).unlike(first))
	require.NotEmpty(t, seen("b", "[99, 1]", `[{"dial": "old"}, {"dial": "new"}]`).unlike(first))
	require.NotEmpty(t, seen("b", "[0, 1]", `[{"dial": "old"}, {"dial": "new"}]`).unlike(first))
	require.NotEmpty(t, seen("b", "[1]", `[{"dial": "old"}, {"dial": "new"}]`).unlike(first), "upstreams that have no weight of their own")
}

func TestMomentsAreThoseOfTheSeed(t *testing.T) {
	drawn := func(seed uint64) []time.Duration { return moments(rand.New(rand.NewPCG(seed, 0)), 50) }
	require.Equal(t, drawn(1), drawn(1))
	require.NotEqual(t, drawn(1), drawn(2))
	for _, at := range drawn(1) {
		require.True(t, at >= 0 && at < wholly, at)
	}
}

func TestFlagsOfLanes(t *testing.T) {
	f := newFlags()
	t.Cleanup(f.server.Close)
	change := func(lane, body string) {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, f.server.URL+"/"+lane+"/flags", strings.NewReader(body))
		require.NoError(t, err)
		resp, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		require.NoError(t, resp.Body.Close())
		require.Equal(t, http.StatusOK, resp.StatusCode)
	}
	change("killed-1", `{"flags": {"new-cart": true, "old": 1}}`)
	change("killed-1", `{"flags": {"old": null}}`)
	change("killed-2", `{"flags": {"new-cart": null}}`)
	require.Equal(t, []string{"killed-1/new-cart: true"}, f.list())
	var now struct{ Flags map[string]any }
	require.NoError(t, read(f.server.URL+"/killed-2/flags", &now))
	require.NotNil(t, now.Flags)
	require.Empty(t, now.Flags)
}

func TestTheCommandThatBringsAProgramBackNotesItsPid(t *testing.T) {
	dir := t.TempDir()
	log := filepath.Join(dir, "log")
	cmd := exec.Command("/bin/sh", "-c", restart(filepath.Join(dir, "pid"), log, []string{"/bin/sh", "-c", "echo it is $$"}))
	require.NoError(t, cmd.Run())
	noted, err := os.ReadFile(filepath.Join(dir, "pid"))
	require.NoError(t, err)
	said, err := os.ReadFile(log)
	require.NoError(t, err)
	require.Equal(t, "it is "+string(noted), string(said))
}

func TestWhatTakesTooLongFails(t *testing.T) {
	require.NoError(t, inTime(5*time.Minute, 5*time.Minute))
	require.NoError(t, inTime(time.Hour, 0), "any time is allowed")
	require.ErrorContains(t, inTime(6*time.Minute+100*time.Millisecond, 5*time.Minute), "it took 6m0s, and 5m0s are allowed")
}

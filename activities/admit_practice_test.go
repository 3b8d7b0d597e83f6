package activities_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/sdk/testsuite"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/testsuite/sim"
)

// drilled is a small rehearsal with one load and one drill.
func drilled() rehearsal.Manifest {
	m := autoscaled()
	m.Scaling = nil
	m.Load = []load.Load{{Name: "browse", URL: "http://127.0.0.1:8080/", Rate: 20, For: rollout.Duration(10 * time.Minute)}}
	m.Drills = []rehearsal.Drill{{From: 1, RestoreWithin: rollout.Duration(time.Minute)}}
	return m
}

// admitsBy is the answer of a worker that allows what it is told to.
func admitsBy(t *testing.T, m rehearsal.Manifest, p activities.Practice) activities.AdmitRehearsalOutput {
	t.Helper()
	return admitsTo(t, m, &activities.Activities{Practice: p})
}

func admitsTo(t *testing.T, m rehearsal.Manifest, a *activities.Activities) activities.AdmitRehearsalOutput {
	t.Helper()
	return looksAt(t, activities.AdmitRehearsalInput{Order: rehearsal.Order{Actor: "ana", Manifest: m}, RunID: "0123"}, a)
}

func looksAt(t *testing.T, in activities.AdmitRehearsalInput, a *activities.Activities) activities.AdmitRehearsalOutput {
	t.Helper()
	a.Archive, a.Practice.Place = store.NewArchive(t.TempDir()), func(run string) string { return run }
	env := new(testsuite.WorkflowTestSuite).NewTestActivityEnvironment()
	env.RegisterActivity(a.AdmitRehearsal)
	done, err := env.ExecuteActivity(a.AdmitRehearsal, in)
	require.NoError(t, err)
	var out activities.AdmitRehearsalOutput
	require.NoError(t, done.Get(&out))
	return out
}

// The lower bound holds: that of the worker where a manifest names none, and where
// it names a higher one.
func TestLongestRun(t *testing.T) {
	half := rollout.Duration(30 * time.Minute)
	for asked, want := range map[rollout.Duration]rollout.Duration{0: half, 2 * half: half, half / 2: half / 2} {
		m := drilled()
		m.Quotas.For = asked
		out := admitsBy(t, m, activities.Practice{Longest: half})
		require.Empty(t, out.Problems)
		require.Equal(t, want, out.Plan.Longest)
	}
	require.Equal(t, 4*half, admitsBy(t, drilled(), activities.Practice{}).Plan.Longest)

	m := drilled()
	m.Load[0].For = 2 * half
	out := admitsBy(t, m, activities.Practice{Longest: half})
	require.Equal(t, rollout.CauseSpec, out.Cause)
	require.Equal(t, "load[0].for: ends 1h after the beginning, and a run is stopped after 30m here (the lower of quotas.for and this worker's rehearsals.longest)", out.Problems[0].String())
	for by, said := range map[time.Duration]string{time.Hour + time.Microsecond: "ends 1h30m after", 200 * time.Millisecond: "ends 30m0.2s after"} {
		m.Load[0].For = half + rollout.Duration(by)
		require.Contains(t, admitsBy(t, m, activities.Practice{Longest: half}).Problems[0].String(), said)
	}
}

// Loads that are never sent at the same time may each have the whole of a limit, the
// worker's as the quota's.
func TestRateOfLoadsTogether(t *testing.T) {
	one, other := drilled(), drilled()
	one.Load[0].For = rollout.Duration(time.Second)
	next := one.Load[0]
	next.Name, next.At = "next", rollout.Duration(time.Minute)
	one.Load = append(one.Load, next)
	require.Empty(t, admitsBy(t, one, activities.Practice{Rate: 25}).Problems)
	quota := load.Rate(25)
	one.Quotas.Rate = &quota
	require.Empty(t, admitsBy(t, one, activities.Practice{}).Problems)

	other.Load = append(other.Load, next)
	out := admitsBy(t, other, activities.Practice{Rate: 25})
	require.Len(t, out.Problems, 1)
	require.Equal(t, "load: all together they may send 40/s at once, more than the 25/s of this worker's rehearsals.rate", out.Problems[0].String())
	other.Quotas.Rate = &quota
	require.Equal(t, "quotas.rate: all loads together may send 40/s at once, more than 25/s", admitsBy(t, other, activities.Practice{}).Problems[0].String())
}

// Production is not to be practised in, in whatever letters it is written.
func TestProductionInOtherLetters(t *testing.T) {
	for _, tt := range []struct {
		marked      []string
		environment string
		refused     bool
	}{
		{nil, "production", true}, {nil, "Production", true}, {nil, "PROD", true}, {nil, "preproduction", false},
		{[]string{"Live"}, "live", true}, {[]string{"live"}, "LIVE", true}, {[]string{"live"}, "Production", false}, {[]string{}, "production", false},
	} {
		m := drilled()
		m.Environment, m.Rollout.Environment = tt.environment, tt.environment
		out := admitsBy(t, m, activities.Practice{Production: tt.marked})
		require.Equal(t, tt.refused, len(out.Problems) > 0, "%v: %v", tt, out.Problems)
		if tt.refused {
			require.Equal(t, "environment: "+tt.environment+" is production here: a rehearsal does not touch it", out.Problems[0].String())
		}
	}
}

// What a worker refuses of data has its place in the manifest, and no word that
// is only for programs.
func TestRefusedData(t *testing.T) {
	digest := data.Digest([]byte("id\n1\n"))
	set := func(file, digest string) data.Set {
		return data.Set{Snapshot: data.Snapshot{Name: file, File: file, Digest: digest}}
	}
	folder := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(folder, "orders.csv"), []byte("id\n1\n"), 0o600))
	for want, change := range map[string]func(*rehearsal.Manifest){
		"data[1].digest: snapshot orders.csv: orders.csv is not what was locked": func(m *rehearsal.Manifest) {
			m.Data = []data.Set{set("orders.csv", digest), set("orders.csv", data.Digest(nil))}
			m.Data[0].Name = "first"
		},
		"baseline.data[0].snapshot: snapshot gone.csv: not found: open gone.csv of the library": func(m *rehearsal.Manifest) {
			m.Baseline.Data = []data.Snapshot{set("gone.csv", digest).Snapshot}
		},
		"data[0].mask: orders.csv: there is no field emial to mask: there are id": func(m *rehearsal.Manifest) {
			m.Data = []data.Set{set("orders.csv", digest)}
			m.Data[0].Mask = []data.Mask{{Field: "emial"}}
		},
		"data[0].into.database: database nix is not known here": func(m *rehearsal.Manifest) {
			m.Data = []data.Set{set("orders.csv", digest)}
			m.Data[0].Into = &data.Into{Database: "nix", Table: "orders"}
		},
	} {
		m := drilled()
		change(&m)
		out := admitsBy(t, m, activities.Practice{Library: store.NewLibrary(folder)})
		require.Equal(t, rollout.CauseSpec, out.Cause, want)
		require.Contains(t, out.Problems[0].String(), want)
		require.NotContains(t, fmt.Sprint(out.Problems), "final")
	}
}

// telling is a platform that says which artifact its versions are of.
type telling struct {
	*sim.World
	artifact string
}

func (p telling) Version(ctx context.Context, version string) (activities.VersionState, error) {
	state, err := p.World.Version(ctx, version)
	state.Artifact = p.artifact
	return state, err
}

// What is locked is held to what serves. Where nobody can tell that, the evidence
// says so.
func TestLockedArtifact(t *testing.T) {
	locked, other := "shop@"+data.Digest([]byte("1")), "shop@"+data.Digest([]byte("2"))
	for name, c := range map[string]struct{ serves, named, step, refused string }{
		"it serves":           {serves: locked, step: "verified: the platform says that it serves"},
		"another one serves":  {serves: other, refused: "baseline.artifact: " + locked + " is locked, and " + other + " serves: it has changed"},
		"the spec names it":   {named: locked, step: "the rollout names the same; not verified by what serves: the deploy driver sim does not say which artifact serves"},
		"the spec names more": {serves: locked, named: other, refused: "is locked, and the rollout's baseline is " + other},
		"nobody can tell":     {step: "not verified: the deploy driver sim does not say which artifact serves"},
	} {
		t.Run(name, func(t *testing.T) {
			m := drilled()
			m.Baseline.Artifact, m.Rollout.Target.Deploy.Driver = locked, "sim"
			if c.named != "" {
				m.Rollout.Baseline = &rollout.Baseline{Version: "1.0.0", Artifact: c.named}
			}
			registry := activities.Registry{Deploy: map[string]func(activities.With) (activities.Deployer, error){
				"sim": func(activities.With) (activities.Deployer, error) { return telling{sim.New("1.0.0"), c.serves}, nil }}}
			out := admitsTo(t, m, &activities.Activities{Drivers: registry})
			if c.refused != "" {
				require.Equal(t, rollout.CauseSpec, out.Cause)
				require.Contains(t, out.Problems[0].String(), c.refused)
				return
			}
			require.Empty(t, out.Problems)
			require.Equal(t, []string{c.step}, out.Plan.Inputs[0].Steps)
		})
	}
}

// What is refused leaves nothing in the archive, also where its data is as it
// should be.
func TestNothingIsKeptOfWhatIsRefused(t *testing.T) {
	folder, body := t.TempDir(), "id,pieces\n1,20\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "stock.csv"), []byte(body), 0o644))
	m := drilled()
	m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "stock", File: "stock.csv", Digest: data.Digest([]byte(body))}}}
	kept := func(m rehearsal.Manifest, run string) (names []string, in string) {
		a := &activities.Activities{Practice: activities.Practice{Library: store.NewLibrary(folder)}}
		out := admitsTo(t, m, a)
		if out.Plan.Run != "" {
			run = out.Plan.Run
		}
		files, _ := a.Archive.Files(t.Context(), run) // an error where there is nothing
		for _, f := range files {
			names = append(names, f.Name)
		}
		return names, run
	}
	names, run := kept(m, "")
	require.Contains(t, names, "data/stock.csv")

	m.Baseline.Artifact = "shop@" + data.Digest([]byte("1"))
	m.Rollout.Baseline = &rollout.Baseline{Version: "1.0.0", Artifact: "shop@" + data.Digest([]byte("2"))}
	names, _ = kept(m, run)
	require.Empty(t, names)
}

// A manifest that somebody sends past the command names no variable any more, or is
// refused: what is sent would be its name.
func TestVariablesThatAreNotPutIn(t *testing.T) {
	m := drilled()
	m.Variables = map[string]string{"host": "127.0.0.1:8080"}
	m.Load[0].URL = "http://{{var.host}}/"
	out := admitsBy(t, m, activities.Practice{})
	require.Equal(t, rollout.CauseSpec, out.Cause)
	require.Equal(t, "load[0]: {{var.host}} says nothing: start the rehearsal with bakeoff rehearse, which puts it in", out.Problems[0].String())
	require.Empty(t, admitsBy(t, m.PutIn(), activities.Practice{}).Problems)
}

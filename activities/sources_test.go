package activities_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/store"
	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// studio is where rehearsals of files are admitted: a library, and an archive that
// outlives them.
type studio struct {
	t       *testing.T
	library string
	acts    *activities.Activities
	runs    int
}

func newStudio(t *testing.T) *studio {
	s := &studio{t: t, library: t.TempDir()}
	s.acts = &activities.Activities{Archive: store.NewArchive(t.TempDir()), Practice: activities.Practice{
		Library: store.NewLibrary(s.library), Place: func(run string) string { return run },
		Template: func(file string, body []byte) (out data.Template, problems []rollout.Problem) {
			problems = specfile.Decode(file, body, &out)
			return out, problems
		}}}
	return s
}

func (s *studio) write(name, body string) {
	s.t.Helper()
	require.NoError(s.t, os.WriteFile(filepath.Join(s.library, name), []byte(body), 0o600))
}

func (s *studio) remove(name string) {
	s.t.Helper()
	require.NoError(s.t, os.Remove(filepath.Join(s.library, name)))
}

func (s *studio) admit(m rehearsal.Manifest) activities.AdmitRehearsalOutput {
	s.t.Helper()
	s.runs++
	out, err := did(s.t, s.acts.AdmitRehearsal, activities.AdmitRehearsalInput{Order: rehearsal.Order{Actor: "ana", Manifest: m}, RunID: fmt.Sprintf("%04d", s.runs)})
	require.NoError(s.t, err)
	return out
}

// admitted is the plan of what may begin.
func (s *studio) admitted(m rehearsal.Manifest) activities.RehearsalPlan {
	s.t.Helper()
	out := s.admit(m)
	require.Empty(s.t, out.Problems)
	return out.Plan
}

// refused is everything that is wrong with what may not.
func (s *studio) refused(m rehearsal.Manifest) string {
	s.t.Helper()
	out := s.admit(m)
	require.Equal(s.t, rollout.CauseSpec, out.Cause)
	var all []string
	for _, p := range out.Problems {
		all = append(all, p.String())
	}
	return strings.Join(all, "\n")
}

// manifest is what a run has kept of its own.
func (s *studio) manifest(run string) rehearsal.Manifest {
	s.t.Helper()
	from, err := s.acts.Archive.Open(s.t.Context(), run, "manifest.json")
	require.NoError(s.t, err)
	text, err := io.ReadAll(from)
	require.NoError(s.t, errors.Join(err, from.Close()))
	var m rehearsal.Manifest
	require.Empty(s.t, specfile.Decode("manifest.json", text, &m))
	return m
}

func inputNamed(t *testing.T, plan activities.RehearsalPlan, name string) evidence.Input {
	t.Helper()
	for _, in := range plan.Inputs {
		if in.Name == name {
			return in
		}
	}
	require.Fail(t, "no such input", "%s in %v", name, plan.Inputs)
	return evidence.Input{}
}

const (
	cartsTemplate = "kind: DataTemplate\nname: carts\nversion: 1\nformat: csv\nrows: 5\ncolumns:\n  - {name: id, sequence: {from: 1}}\n"
	friday        = `{"time":"2026-11-20T10:00:00Z","method":"GET","url":"/a"}` + "\n" + `{"time":"2026-11-20T10:00:01Z","method":"GET","url":"/b"}` + "\n"
)

// ofFiles is a rehearsal that is made of a template and a recording.
func ofFiles() rehearsal.Manifest {
	m := drilled()
	half := rollout.All / 2
	m.Data = []data.Set{{Snapshot: data.Snapshot{Name: "carts"}, Template: "carts.yaml"}}
	m.Load = append(m.Load, load.Load{Name: "again", URL: "http://127.0.0.1:8080", Replay: &load.Replay{File: "friday.json", Format: load.FormatJSON, Speed: 2, Sample: &half}})
	return m
}

// A repeat from the evidence gets the same files, whatever became of the library;
// where the evidence has them no more, either, it is refused.
func TestRepeatIsOfTheSameFiles(t *testing.T) {
	s := newStudio(t)
	s.write("carts.yaml", cartsTemplate)
	s.write("friday.json", friday)
	first := s.admitted(ofFiles())
	m := s.manifest(first.Run)
	require.Equal(t, data.Digest([]byte(cartsTemplate)), m.Data[0].TemplateDigest)
	require.Equal(t, data.Digest([]byte("id\n1\n2\n3\n4\n5\n")), m.Data[0].Digest)
	require.Equal(t, data.Digest([]byte(friday)), m.Load[1].Replay.Digest)
	require.Equal(t, evidence.Input{Name: "recording of again", Source: "friday.json", SourceSum: data.Digest([]byte(friday)), Digest: first.Loads["again"], Rows: 2,
		Steps: []string{"recorded as json", "sample 50%, seed 1", "speed 2"}}, inputNamed(t, first, "recording of again"))

	again := s.admitted(m)
	require.Equal(t, first.Fingerprint, again.Fingerprint, "digests are no part of it")
	require.Equal(t, first.Inputs, again.Inputs)

	s.write("carts.yaml", strings.Replace(cartsTemplate, "from: 1", "from: 7", 1))
	s.remove("friday.json")
	repeated := s.admitted(m)
	require.Equal(t, first.Fingerprint, repeated.Fingerprint)
	for _, name := range []string{"carts", "recording of again"} {
		require.Contains(t, inputNamed(t, repeated, name).Steps, "taken from the evidence of "+again.Run+": the library has another one, or none")
	}
	require.Equal(t, m, s.manifest(repeated.Run))
	s.acts.Practice.Library = nil
	require.Equal(t, first.Fingerprint, s.admitted(m).Fingerprint, "without any library")

	s.acts.Practice.Library, s.acts.Archive = store.NewLibrary(s.library), store.NewArchive(t.TempDir())
	said := s.refused(m)
	require.Contains(t, said, "data[0].template: template of carts: carts.yaml is not what was locked: its digest is sha256:")
	require.Contains(t, said, "load[1]: not found: open friday.json of the library")
	require.Contains(t, said, "no run of staging/shop has kept it, either")
	s.write("friday.json", friday+"\n")
	require.Contains(t, s.refused(m), "load[1]: friday.json is not what was locked: its digest is sha256:")
}

// What is too large to be kept is known by its digest alone.
func TestLargeRecordingsAreNotKept(t *testing.T) {
	s := newStudio(t)
	s.write("carts.yaml", cartsTemplate)
	s.write("friday.json", friday+strings.Repeat("\n", 16<<20))
	first := s.admitted(ofFiles())
	require.Contains(t, inputNamed(t, first, "recording of again").Steps, "not kept beside the evidence: larger than 16 MiB")
	s.admitted(s.manifest(first.Run))
	s.write("friday.json", friday)
	require.Contains(t, s.refused(s.manifest(first.Run)), "load[1]: friday.json is not what was locked")
}

// What is sent is what was admitted, also when somebody changes the library meanwhile.
func TestRecordingThatChangesUnderARun(t *testing.T) {
	s := newStudio(t)
	s.write("carts.yaml", cartsTemplate)
	s.write("friday.json", friday)
	plan := s.admitted(ofFiles())
	s.write("friday.json", strings.ReplaceAll(friday, "/b", "/c"))
	var sent sending
	s.acts.Load = &sent
	_, err := did(t, s.acts.Attack, activities.AttackInput{Run: plan.Run, Load: ofFiles().Load[1]})
	require.NoError(t, err)
	require.Equal(t, "/b", sent.order.Recording[1].Path)
}

// sending is a generator that only notes what it is to send.
type sending struct{ order activities.AttackOrder }

func (s *sending) Attack(_ context.Context, o activities.AttackOrder, _ io.Writer, _ func(load.Results)) (load.Results, error) {
	s.order = o
	return load.Results{}, nil
}

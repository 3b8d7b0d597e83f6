package activities

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"path"
	"slices"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rehearsal/load"
)

// keptPrefix begins the names of files that a run keeps of what it was made of.
const keptPrefix = "inputs/"

// largestKept bounds one file of these. What is larger stays in the library alone.
const largestKept = 16 << 20

// sources are the files that the manifest of a rehearsal names. They stand in the
// worker's library. Those that belong into the evidence are kept there by each run,
// from which a repeat takes them when the library has lost or changed them.
type sources struct {
	library   func(context.Context, string) ([]byte, error)
	archive   Archive
	rehearsal string   // environment/name
	run       string   // whose own files come first; "": it is yet to begin
	keep      []string // the files that belong into the evidence

	bodies map[string][]byte // file → what was read, where it is small enough to be kept
	from   map[string]string // file → the run that had kept it
}

// sourcesOf are those of a rehearsal that is yet to begin.
func (a *Activities) sourcesOf(m rehearsal.Manifest) *sources {
	s := a.sourcesAt(m.Environment + "/" + m.Name)
	s.keep = m.Kept()
	return s
}

func (a *Activities) sourcesAt(rehearsal string) *sources {
	return &sources{library: a.Practice.read, archive: a.Archive, rehearsal: rehearsal, bodies: map[string][]byte{}, from: map[string]string{}}
}

// sourcesOfRun are those of a rehearsal that has begun: as it has kept them, so
// that nobody changes them under its hands.
func (a *Activities) sourcesOfRun(run string) *sources {
	s := a.sourcesAt(path.Dir(run))
	s.run = run
	return s
}

// read returns a file. Where its digest is known, and the library has not that one,
// it is what an earlier run has kept; where none has, as the library has it: the
// caller compares.
func (s *sources) read(ctx context.Context, file, digest string) ([]byte, error) {
	if s.run != "" {
		if body, err := s.keptBy(ctx, s.run, file); !errors.Is(err, ErrNotFound) {
			return body, err
		}
	}
	body, err := s.library(ctx, file)
	if digest != "" && (err != nil || data.Digest(body) != digest) {
		if kept, run := s.search(ctx, file, digest); run != "" {
			body, err, s.from[file] = kept, nil, run
		} else if err != nil {
			err = fmt.Errorf("%w; no run of %s has kept it, either", err, s.rehearsal)
		}
	}
	if err == nil && len(body) <= largestKept {
		s.bodies[file] = body
	}
	return body, err
}

// search looks for a file in what runs have kept, the newest first. What cannot be
// read there is not there.
func (s *sources) search(ctx context.Context, file, digest string) (body []byte, run string) {
	environment, name := path.Split(s.rehearsal)
	runs, err := s.archive.Runs(ctx, path.Clean(environment), name)
	if err != nil {
		return nil, ""
	}
	for _, run := range slices.Backward(runs) {
		if body, err := s.keptBy(ctx, run, file); err == nil && data.Digest(body) == digest {
			return body, run
		}
	}
	return nil, ""
}

func (s *sources) keptBy(ctx context.Context, run, file string) ([]byte, error) {
	from, err := s.archive.Open(ctx, run, keptPrefix+file)
	if err != nil {
		return nil, err
	}
	defer func() { _ = from.Close() }() // it was only read
	return io.ReadAll(io.LimitReader(from, largestKept+1))
}

// history says of a file what its lineage has to say besides its digest.
func (s *sources) history(file string) []string {
	var out []string
	if run := s.from[file]; run != "" {
		out = append(out, "taken from the evidence of "+run+": the library has another one, or none")
	}
	if _, small := s.bodies[file]; !small {
		out = append(out, fmt.Sprintf("not kept beside the evidence: larger than %d MiB", largestKept>>20))
	}
	return out
}

// keepSources puts the files that belong there beside the evidence of a run.
func (a *Activities) keepSources(ctx context.Context, run string, from *sources) error {
	for _, file := range from.keep {
		if body, small := from.bodies[file]; small {
			if err := a.keep(ctx, run, keptPrefix+file, body); err != nil {
				return err
			}
		}
	}
	return nil
}

// recording is what a load sends again; nil where it sends something else.
func (s *sources) recording(ctx context.Context, l load.Load) (recorded []load.Recorded, digest string, err error) {
	if l.Replay == nil {
		return nil, "", nil
	}
	body, err := s.read(ctx, l.Replay.File, l.Replay.Digest)
	if err != nil {
		return nil, "", err
	}
	digest = data.Digest(body)
	if locked := l.Replay.Digest; locked != "" && digest != locked {
		return nil, "", fmt.Errorf("%s is not what was locked: its digest is %s, and the manifest says %s: put that one back, or take replay.digest away: %w", l.Replay.File, digest, locked, ErrFinal)
	}
	recorded, err = load.ParseRecording(l.Replay.Format, bytes.NewReader(body))
	if err != nil {
		return nil, "", fmt.Errorf("%s: %w: %w", l.Replay.File, err, ErrFinal)
	}
	return recorded, digest, nil
}

// lineage is where a recording is from, and what of it is sent.
func (s *sources) lineage(m rehearsal.Manifest, l load.Load, digest string, recorded int, schedule string) evidence.Input {
	r := l.WithDefaults().Replay
	steps := []string{"recorded as " + r.Format, fmt.Sprintf("sample %s, seed %d", *r.Sample, m.Seed), fmt.Sprintf("speed %g", r.Speed)}
	return evidence.Input{Name: rehearsal.RecordingOf(l.Name), Source: r.File, SourceSum: digest, Digest: schedule, Rows: recorded,
		Steps: append(steps, s.history(r.File)...)}
}

// schedule works a load out.
func (s *sources) schedule(ctx context.Context, seed int64, l load.Load) (*load.Schedule, error) {
	recording, _, err := s.recording(ctx, l)
	if err != nil {
		return nil, err
	}
	return load.New(seed, l, recording)
}

// unreadable is a file that could not be read now.
type unreadable struct{ error }

func (e *unreadable) Unwrap() error { return e.error }

// read returns a whole file of the library.
func (p Practice) read(ctx context.Context, file string) ([]byte, error) {
	from, err := p.open(ctx, file)
	if err != nil {
		return nil, &unreadable{err}
	}
	defer func() { _ = from.Close() }() // it was only read
	body, err := io.ReadAll(io.LimitReader(from, largestInput+1))
	if err != nil {
		return nil, &unreadable{err}
	}
	if len(body) > largestInput {
		return nil, fmt.Errorf("%s is larger than %d MiB: %w", file, largestInput>>20, ErrFinal)
	}
	return body, nil
}

// largestInput bounds one file of data.
const largestInput = 256 << 20

package rehearsal

import (
	"slices"

	"bakeoff/rehearsal/evidence"
)

// RecordingOf is the name of an input: what a load sends again.
func RecordingOf(load string) string { return "recording of " + load }

// PartOf is the name of an input: a locked part of the baseline, such as config.
func PartOf(part string) string { return "baseline " + part }

// Locked is the manifest with the digest of every file that a run was made of, as
// its inputs name them: a repeat of it gets the same files, or is refused.
func (m Manifest) Locked(inputs []evidence.Input) Manifest {
	m.Data, m.Load = slices.Clone(m.Data), slices.Clone(m.Load)
	for _, in := range inputs {
		for i, s := range m.Data {
			if s.Name == in.Name && s.Template != "" {
				m.Data[i].Digest, m.Data[i].TemplateDigest = in.Digest, in.SourceSum
			}
		}
		for i, l := range m.Load {
			if l.Replay != nil && RecordingOf(l.Name) == in.Name {
				replay := *l.Replay
				replay.Digest = in.SourceSum
				m.Load[i].Replay = &replay
			}
		}
	}
	return m
}

// Kept is every file that belongs into the evidence as it is: templates and
// recordings, each once, by name. A snapshot does not, whatever else it is: it is
// large, and may hold what must not leave.
func (m Manifest) Kept() []string {
	var out []string
	for _, s := range m.Data {
		out = append(out, s.Template)
	}
	for _, l := range m.Load {
		if l.Replay != nil {
			out = append(out, l.Replay.File)
		}
	}
	for _, s := range m.Sets() {
		out = slices.DeleteFunc(out, func(name string) bool { return name == s.File })
	}
	return named(out)
}

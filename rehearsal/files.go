package rehearsal

import "slices"

// Files is every file of the worker's library that the manifest names: templates,
// snapshots and recordings, each once, by name.
func (m Manifest) Files() []string {
	var out []string
	for _, s := range m.Sets() {
		out = append(out, s.File, s.Template)
	}
	for _, l := range m.Load {
		if l.Replay != nil {
			out = append(out, l.Replay.File)
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(name string) bool { return name == "" })
}

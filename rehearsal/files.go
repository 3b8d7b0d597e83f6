package rehearsal

import "slices"

// Files is every file of the worker's library that the manifest names: templates,
// snapshots and recordings, each once, by name.
func (m Manifest) Files() []string {
	out := m.Kept()
	for _, s := range m.Sets() {
		out = append(out, s.File)
	}
	return named(out)
}

// named is each name once, in their order.
func named(files []string) []string {
	slices.Sort(files)
	return slices.DeleteFunc(slices.Compact(files), func(name string) bool { return name == "" })
}

package activities

import (
	"context"
	"maps"
	"slices"
)

// ListLibraryInput asks for the files that rehearsals may start from.
type ListLibraryInput struct{}

// ListLibraryOutput is the files that only manifests name: those by which the
// configuration describes a baseline are left out.
type ListLibraryOutput struct {
	Files []string `json:"files"`          // by name
	Tool  string   `json:"tool,omitempty"` // version of Bakeoff that would rehearse now
}

// ListLibrary lists the worker's library; nothing where it has none.
func (a *Activities) ListLibrary(ctx context.Context, _ ListLibraryInput) (ListLibraryOutput, error) {
	if a.Practice.Library == nil {
		return ListLibraryOutput{Tool: a.Practice.Version}, nil
	}
	files, err := a.Practice.Library.Files(ctx)
	if err != nil {
		return ListLibraryOutput{}, asTemporal("list the library", err)
	}
	configured := slices.Collect(maps.Values(a.Practice.Parts))
	return ListLibraryOutput{Tool: a.Practice.Version, Files: slices.DeleteFunc(files, func(name string) bool { return slices.Contains(configured, name) })}, nil
}

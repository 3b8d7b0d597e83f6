package rollout

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// Going back asks nobody: of the hooks of a spec those are left that are told.
func TestBackToAsksNoHook(t *testing.T) {
	s := Spec{Hooks: []Hook{{At: HookBeforeStart, HTTP: "http://h"}, {At: HookOnRollback, HTTP: "http://h"}, {At: HookBeforePromote, HTTP: "http://h"},
		{At: HookAfter, HTTP: "http://h"}}}
	back := s.BackTo(Release{Version: "2.4.1"})
	require.Equal(t, []Hook{s.Hooks[1], s.Hooks[3]}, back.Hooks)
	require.Len(t, s.Hooks, 4)
	require.Equal(t, HookBeforeStart, s.Hooks[0].At)
}

func TestSubmissionIsOf(t *testing.T) {
	order := func(actor, version string) Order {
		return Order{Actor: actor, Spec: Spec{Release: Release{Version: version}}}
	}
	known := Submission{ID: "CHG-1", Version: "2.5.0", Actor: "ci@runner-1"}
	require.True(t, known.IsOf(order("ci@runner-1", "2.5.0")))
	require.True(t, known.IsOf(order("ci@runner-2", "2.5.0")), "a pipeline tries again on another machine")
	require.False(t, known.IsOf(order("bo@runner-1", "2.5.0")))
	require.False(t, known.IsOf(order("ci@runner-1", "2.6.0")))

	given := order("ci@runner-1", "2.5.0")
	given.SpecDigest = "aa"
	require.True(t, known.IsOf(given), "an older worker took the first one in")
	known.SpecDigest = "bb"
	require.False(t, known.IsOf(given))
	require.Equal(t, "the id CHG-1 was that of an order of 2.5.0 with another spec, by ci@runner-1: give this one an id of its own, with --id", known.Foreign(given))
	known.SpecDigest = "aa"
	require.True(t, known.IsOf(given))
	given.SpecDigest = ""
	require.True(t, known.IsOf(given), "an older program gives it")
}

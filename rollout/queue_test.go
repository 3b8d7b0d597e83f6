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

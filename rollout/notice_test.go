package rollout

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestOccasionOf(t *testing.T) {
	for _, o := range []Outcome{Promoted, RolledBack, Aborted, Rejected, Superseded,
		PlatformRolledBack, Refused, Failed} {
		require.True(t, strings.EqualFold(string(o), string(OccasionOf(o))), o)
		require.Contains(t, Occasions(), OccasionOf(o))
	}
}

func TestAWayBackIsHeardByBoth(t *testing.T) {
	n := Notice{Event: OnPromoted, Back: true}
	require.True(t, n.IsFor([]Occasion{OnRolledBack}))
	require.True(t, n.IsFor([]Occasion{OnPromoted}))
	require.False(t, n.IsFor([]Occasion{OnWaiting}))
	require.False(t, Notice{Event: OnPromoted}.IsFor([]Occasion{OnRolledBack}))
	require.False(t, Notice{Event: OnWaiting, Back: true}.IsFor([]Occasion{OnRolledBack}))
}

func TestHears(t *testing.T) {
	back := []Occasion{OnRolledBack}
	for _, o := range Occasions() {
		require.True(t, Hears(nil, o), o)
		require.True(t, Hears([]Occasion{o}, o), o)
	}
	for _, o := range []Occasion{OnAborted, OnRejected, OnSuperseded, OnPlatformRolledBack} {
		require.True(t, Hears(back, o), o)
	}
	for _, o := range []Occasion{OnPromoted, OnRollingBack, OnRefused, OnFailed, OnNeedsHuman} {
		require.False(t, Hears(back, o), o)
	}
}

// What is told is counted: each approval and the end, and every rung of an
// approval that comes late.
func TestNoticesAreCounted(t *testing.T) {
	p := NewPlan(valid())
	p.Steps[0].Approve = &Approval{}
	silent, silentActions := p.EventBound(), p.ActionBound()
	p.Escalation = []Rung{{}, {}}
	require.Equal(t, silent, p.EventBound())
	p.Notifies = true
	require.Equal(t, silent+2*9+2*(9+5), p.EventBound())
	require.Equal(t, silentActions+4*4+2, p.ActionBound())
}

package activities

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// practice is a service that was practised at a moment.
type practice struct {
	last time.Time
	err  error
}

func (practice) Required(environment string) time.Duration {
	return map[string]time.Duration{"production": 24 * time.Hour}[environment]
}

func (p practice) Practised(context.Context, string) (time.Time, error) { return p.last, p.err }

func TestUnpractised(t *testing.T) {
	now := time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)
	for name, tt := range map[string]struct {
		practice  practice
		target    string
		action    string
		rehearsal bool
		want      string // key of the closure; "": open
	}{
		"lately":                {practice: practice{last: now.Add(-24 * time.Hour)}},
		"too long ago":          {practice: practice{last: now.Add(-25 * time.Hour)}, want: "rehearsal/checkout@2026-11-21T11:00:00Z"},
		"never":                 {want: "rehearsal/checkout@never"},
		"not known":             {practice: practice{last: now, err: errors.New("away")}, want: "rehearsal/checkout@unknown"},
		"nobody asks for it":    {target: "staging/checkout"},
		"it started already":    {action: rollout.ActionStep},
		"it is a rehearsal":     {rehearsal: true},
		"the unit of a service": {target: "production/checkout/eu", want: "rehearsal/checkout@never"},
	} {
		t.Run(name, func(t *testing.T) {
			a := Activities{Gates: Gates{Drills: tt.practice}, Now: func() time.Time { return now }}
			ask := &Ask{Action: orDefault(tt.action, rollout.ActionStart), Rehearsal: tt.rehearsal}
			c, err := a.closed(t.Context(), Job{Target: orDefault(tt.target, "production/checkout")}, ask)
			require.NoError(t, err)
			if tt.want == "" {
				require.Nil(t, c)
				return
			}
			require.Equal(t, []string{tt.want}, c.Keys)
			require.Equal(t, rollout.GateRehearsal, c.Gate)
			require.NotEmpty(t, c.Reason)
		})
	}
}

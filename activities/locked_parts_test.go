package activities_test

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rehearsal/data"
	"bakeoff/rollout"
)

// setter sets nothing.
type setter struct{}

func (setter) SetFlags(context.Context, activities.Write, map[string]any) error { return nil }

// toggles are flags that serve.
type toggles struct {
	setter
	serve map[string]any
	err   error
}

func (f toggles) Flags(context.Context) (map[string]any, error) { return f.serve, f.err }

// Locked flags are held to those that serve. What nobody can tell, the evidence
// says so of.
func TestLockedParts(t *testing.T) {
	const locked = `{"checkout": true, "percent": 5, "gone": null}`
	for name, c := range map[string]struct {
		file    string
		driver  bool
		serve   toggles
		step    string
		refused string
	}{
		"they serve": {locked, true, toggles{serve: map[string]any{"checkout": true, "percent": 5.0, "more": 1.0}}, "verified: its 3 flags have these values", ""},
		"a changed toggle": {locked, true, toggles{serve: map[string]any{"checkout": false, "percent": 5.0, "gone": "no"}}, "",
			"baseline.flags: what serves is not what is locked: checkout: want true, found false; gone: want <nil>, found no"},
		"no driver":    {locked, false, toggles{}, "not verified by what serves: only its file was looked at, and the rollout has no flags driver", ""},
		"no flags":     {"a: 1", true, toggles{}, "not verified by what serves: only its file was looked at, which is no JSON object of flags by name", ""},
		"none may ask": {locked, true, toggles{err: activities.ErrFinal}, "not verified by what serves: only its file was looked at: final", ""},
		"none answers": {locked, true, toggles{err: errors.New("no answer")}, "", "baseline.flags: cannot be compared with what serves: no answer"},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStudio(t)
			s.write("flags.json", c.file)
			s.write("shop.toml", "a = 1")
			s.acts.Practice.Parts = map[string]string{"flags": "flags.json", "config": "shop.toml"}
			s.acts.Drivers.Flags = map[string]func(activities.With) (activities.Flags, error){"sim": func(activities.With) (activities.Flags, error) { return c.serve, nil }}
			m := drilled()
			m.Baseline.Flags, m.Baseline.Config = data.Digest([]byte(c.file)), data.Digest([]byte("a = 1"))
			if c.driver {
				m.Rollout.Target.Flags = &rollout.Driver{Driver: "sim"}
			}
			if c.refused != "" {
				require.Contains(t, s.refused(m), c.refused)
				return
			}
			plan := s.admitted(m)
			flags, config := inputNamed(t, plan, "baseline flags"), inputNamed(t, plan, "baseline config")
			require.Equal(t, []string{c.step}, flags.Steps)
			require.Equal(t, "flags.json", flags.Source)
			require.Equal(t, m.Baseline.Flags, flags.Digest)
			require.Equal(t, []string{"not verified by what serves: only its file was looked at"}, config.Steps)

			s.remove("shop.toml")
			require.Equal(t, plan.Fingerprint, s.admitted(m).Fingerprint, "a lost file is taken from the evidence")
			s.write("shop.toml", "a = 2")
			require.Contains(t, s.refused(m), "is there: it has changed", "one that has changed is not")
		})
	}
}

package conform_test

import (
	"context"
	"errors"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/testsuite/conform"
	"bakeoff/testsuite/sim"
)

const deadline = 500 * time.Millisecond

// The defects below are drivers that look right and are not. The suite must
// fail each of them, or it holds nothing.

// absentOnError takes every error for absence.
type absentOnError struct{ *sim.World }

func (d absentOnError) Version(ctx context.Context, v string) (activities.VersionState, error) {
	s, err := d.World.Version(ctx, v)
	if err != nil {
		err = activities.ErrNotFound
	}
	return s, err
}

// strictRemove fails for what is gone already.
type strictRemove struct{ *sim.World }

func (d strictRemove) Remove(ctx context.Context, w activities.Write, v string) error {
	if _, err := d.Version(ctx, v); err != nil {
		return err
	}
	return d.World.Remove(ctx, w, v)
}

// foreignName answers for another version than the one asked for.
type foreignName struct{ *sim.World }

func (d foreignName) Version(ctx context.Context, v string) (activities.VersionState, error) {
	s, err := d.World.Version(ctx, v)
	s.Version = "2.4.1"
	return s, err
}

// desired answers with the split that was asked for, not the one in force.
type desired struct {
	*sim.World
	mu    sync.Mutex
	split rollout.Split
}

func (d *desired) Shift(ctx context.Context, s activities.Shift) error {
	err := d.World.Shift(ctx, s)
	if err == nil {
		d.mu.Lock()
		defer d.mu.Unlock()
		d.split = s.Split
	}
	return err
}

func (d *desired) Split(ctx context.Context) (activities.Observation, error) {
	o, err := d.World.Split(ctx)
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.split != nil {
		o.Split = d.split
	}
	return o, err
}

// blindWrite declares compare-and-set and does not do it.
type blindWrite struct{ *sim.World }

func (d blindWrite) Shift(ctx context.Context, s activities.Shift) error {
	s.Revision = ""
	return d.World.Shift(ctx, s)
}

// quiet takes every failure for success.
type quiet struct{ *sim.World }

func (d quiet) Shift(ctx context.Context, s activities.Shift) error {
	_ = d.World.Shift(ctx, s)
	return nil
}

// roundsDown loses small weights.
type roundsDown struct{ *sim.World }

func (d roundsDown) Approximate(s rollout.Split) (rollout.Split, error) {
	rounded := rollout.Split{"2.4.1": rollout.All - s["2.5.0"]/1000*1000, "2.5.0": s["2.5.0"] / 1000 * 1000}
	if _, err := d.World.Approximate(s); err != nil {
		return nil, err
	}
	return rounded, nil
}

// deaf ignores its context.
type deaf struct{ *sim.World }

func (d deaf) Split(context.Context) (activities.Observation, error) {
	return d.World.Split(context.Background())
}

// impatient forgets how long the server wants to be left alone.
type impatient struct{ *sim.World }

func (d impatient) Flags(ctx context.Context) (map[string]any, error) {
	flags, err := d.World.Flags(ctx)
	var later *activities.RetryAfterError
	if errors.As(err, &later) {
		err = later.Err
	}
	return flags, err
}

// replaces sets all flags where it should change some.
type replaces struct{ *sim.World }

func (d replaces) SetFlags(ctx context.Context, w activities.Write, flags map[string]any) error {
	for name := range d.State().Flags {
		if _, isNamed := flags[name]; !isNamed {
			flags[name] = nil
		}
	}
	return d.World.SetFlags(ctx, w, flags)
}

func deployer(wrap func(*sim.World) activities.Deployer) func(*testing.T) {
	return func(t *testing.T) {
		conform.Deployer(t, func(*testing.T) conform.DeployerFixture {
			w := sim.New("2.4.1")
			s := conform.World(w, deadline)
			s.Settle = 200 * time.Millisecond
			return conform.DeployerFixture{Server: s, Driver: wrap(w), Serving: "2.4.1", Next: activities.Deployment{Release: rollout.Release{Version: "2.5.0"}}}
		})
	}
}

func traffic(wrap func(*sim.World) activities.Traffic, change ...func(*conform.TrafficFixture)) func(*testing.T) {
	return func(t *testing.T) {
		conform.Traffic(t, func(*testing.T) conform.TrafficFixture {
			w := sim.New("2.4.1")
			f := conform.TrafficFixture{
				Server: conform.World(w, deadline), Driver: wrap(w), Baseline: "2.4.1", Candidate: "2.5.0", Revisions: true,
				Foreign: func(_ *testing.T, s rollout.Split) { w.SetWeights(s) },
			}
			f.Settle = 200 * time.Millisecond
			for _, c := range change {
				c(&f)
			}
			return f
		})
	}
}

func flags(wrap func(*sim.World) activities.Flags) func(*testing.T) {
	return func(t *testing.T) {
		conform.Flags(t, func(*testing.T) conform.FlagsFixture {
			w := sim.New("2.4.1")
			s := conform.World(w, deadline)
			s.Settle = 200 * time.Millisecond
			return conform.FlagsFixture{Server: s, Driver: wrap(w), Foreign: func(_ *testing.T, f map[string]any) { w.ForeignFlags(f) }}
		})
	}
}

var defects = map[string]func(*testing.T){
	"error read as absence":     deployer(func(w *sim.World) activities.Deployer { return absentOnError{w} }),
	"removal not repeatable":    deployer(func(w *sim.World) activities.Deployer { return strictRemove{w} }),
	"another version's name":    deployer(func(w *sim.World) activities.Deployer { return foreignName{w} }),
	"desired read as observed":  traffic(func(w *sim.World) activities.Traffic { return &desired{World: w} }),
	"no compare-and-set":        traffic(func(w *sim.World) activities.Traffic { return blindWrite{w} }),
	"failure taken for success": traffic(func(w *sim.World) activities.Traffic { return quiet{w} }),
	"small weights lost":        traffic(func(w *sim.World) activities.Traffic { return roundsDown{w} }),
	"deaf to its context":       traffic(func(w *sim.World) activities.Traffic { return deaf{w} }),
	"fences only declared": traffic(func(w *sim.World) activities.Traffic { return w }, func(f *conform.TrafficFixture) {
		f.Fences = true
	}),
	"own server without a hook": traffic(func(w *sim.World) activities.Traffic { return w }, func(f *conform.TrafficFixture) {
		f.Faults.LoseAnswer = nil
	}),
	"wish to wait forgotten": flags(func(w *sim.World) activities.Flags { return impatient{w} }),
	"other flags removed":    flags(func(w *sim.World) activities.Flags { return replaces{w} }),
}

// TestDefect is run by TestSuiteSeesDefects, in a process of its own, and is
// meant to fail.
func TestDefect(t *testing.T) {
	defect := os.Getenv("CONFORM_DEFECT")
	if defect == "" {
		t.Skip("runs below TestSuiteSeesDefects")
	}
	defects[defect](t)
}

func TestSuiteSeesDefects(t *testing.T) {
	for name := range defects {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestDefect$")
			cmd.Env = append(os.Environ(), "CONFORM_DEFECT="+name)
			out, err := cmd.CombinedOutput()
			var failed *exec.ExitError
			require.ErrorAs(t, err, &failed, "the suite passed it:\n%s", out)
			require.Contains(t, string(out), "--- FAIL: TestDefect")
			require.NotContains(t, string(out), "panic:")
		})
	}
}

// TestThirdPartySkips holds that a foreign server may lack every hook.
func TestThirdPartySkips(t *testing.T) {
	traffic(func(w *sim.World) activities.Traffic { return w }, func(f *conform.TrafficFixture) {
		f.Faults, f.ThirdParty = conform.Faults{}, "a router of others"
	})(t)
}

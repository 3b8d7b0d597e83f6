package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/activities/faults"
	"bakeoff/rollout"
)

// sweepEvery is how often faults are looked for whose keeper died.
const sweepEvery = time.Minute

// errNoFaults is a configuration that allows no faults.
var errNoFaults = errors.New("no faults are configured here: rehearsals.faults says where they are registered")

// faultsOf makes the driver of faults that a configuration describes.
func faultsOf(c *config) (*faults.Driver, error) {
	if c.Rehearsals.Faults == nil {
		return nil, errNoFaults
	}
	driver, err := faults.New(c.Rehearsals.Faults)
	if err != nil {
		return nil, fmt.Errorf("rehearsals.faults: %w", err)
	}
	return driver, nil
}

// startFaults lets the activities make faults, where any are configured. What a
// worker that died has left is undone meanwhile: a fault that stays, or somebody
// who does not answer, keeps no worker from serving.
func (p *daemon) startFaults(ctx context.Context, a *acts) error {
	driver, err := faultsOf(p.live.config())
	if errors.Is(err, errNoFaults) {
		return nil
	}
	if err != nil {
		return err
	}
	a.Faults = driver
	go p.sweep(ctx, driver, sweepEvery)
	return nil
}

// sweep undoes faults that nobody keeps, at once and again and again, until ctx
// ends. What cannot be undone is said, and tried again.
func (p *daemon) sweep(ctx context.Context, driver interface{ Sweep(context.Context) error }, every time.Duration) {
	ticker := time.NewTicker(every)
	defer ticker.Stop()
	for {
		if err := driver.Sweep(ctx); err != nil && ctx.Err() == nil {
			p.log.Error("a fault that nobody keeps could not be removed: it is tried again", "error", err)
		}
		select {
		case <-ctx.Done():
			return
		case <-ticker.C:
		}
	}
}

// removeFaultsCommand is the emergency stop of all faults of a machine.
func removeFaultsCommand(o *options) *cobra.Command {
	var hold time.Duration
	cmd := &cobra.Command{
		Use:   "remove-faults",
		Short: "Remove every fault that is registered on this machine",
		Long: `Remove every fault that rehearsals have made on this machine, whichever made it:
the emergency stop. It needs the worker's configuration, but no Temporal and no
worker that runs. None begins on this machine again before --hold is over, or
"bakeoff-worker allow-faults" allows them: a rehearsal that goes on makes its load
and its drills without them, and one with faults is refused. To end a rehearsal
with all that it does: "bakeoff rehearse NAME --stop".

Exit codes: 0 nothing is in force any more, 1 something could not be removed, 2 usage.`,
		Example: "  bakeoff-worker --config bakeoff-worker.yaml remove-faults",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			driver, err := faultsAt(o.config)
			if err != nil {
				return err
			}
			return removeFaults(cmd.Context(), driver, hold, cmd.OutOrStdout())
		},
	}
	cmd.Flags().DurationVar(&hold, "hold", defaultHold, "no fault begins again for this long; 0s: the next one may begin at once")
	return cmd
}

// defaultHold is how long no fault begins after all were removed: longer than a
// night, so that who has done that can sleep, and not for ever, so that nobody has to
// remember it.
const defaultHold = 12 * time.Hour

// allowFaultsCommand ends what removeFaultsCommand began.
func allowFaultsCommand(o *options) *cobra.Command {
	return &cobra.Command{
		Use:   "allow-faults",
		Short: "Let faults begin again on this machine, after remove-faults",
		Long: `Let rehearsals make faults on this machine again, after "bakeoff-worker
remove-faults". Where they may, nothing is done.

Exit codes: 0 faults may begin, 1 the command failed, 2 usage.`,
		Example: "  bakeoff-worker --config bakeoff-worker.yaml allow-faults",
		Args:    noArguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			driver, err := faultsAt(o.config)
			if err != nil {
				return err
			}
			if err := driver.Allow(); err != nil {
				return err
			}
			_, err = fmt.Fprintln(cmd.OutOrStdout(), "faults may begin")
			return err
		},
	}
}

// faultsAt is the driver of a configuration file.
func faultsAt(file string) (*faults.Driver, error) {
	c, err := loadConfig(file)
	if err != nil {
		return nil, err
	}
	return faultsOf(&c)
}

// removeFaults removes all of them, and says what was in force. None begins
// meanwhile, nor for as long as they are held back.
func removeFaults(ctx context.Context, driver *faults.Driver, hold time.Duration, out io.Writer) error {
	if hold > 0 {
		if err := driver.HoldBack(time.Now().Add(hold)); err != nil {
			return err
		}
	}
	active, err := driver.Active(ctx)
	if err := errors.Join(err, driver.RemoveAll(ctx)); err != nil {
		return err
	}
	for _, f := range active {
		fmt.Fprintf(out, "removed  %s (%s)\n", f.What, f.ID)
	}
	fmt.Fprintln(out, "no fault is in force")
	if hold > 0 {
		fmt.Fprintf(out, "none begins for %s: bakeoff-worker allow-faults lets them\n", rollout.Duration(hold))
	}
	return nil
}

// keepFaultCommand is the process beside a fault; see activities/faults.
func keepFaultCommand() *cobra.Command {
	return &cobra.Command{
		Use: "keep-fault FILE", Hidden: true, Args: cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error { return faults.Keep(cmd.Context(), args[0]) },
	}
}

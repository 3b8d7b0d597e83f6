// Command bakeoff-rehearsals practises a release on this machine: the way back,
// drilled under load and with faults, a negative control, a promotion that is put
// back, a release that is found out, and an autoscaler under a surge.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"time"

	"bakeoff/deploy/dev/rehearsals"
	"bakeoff/deploy/dev/town"
)

const usage = `bakeoff-rehearsals starts Temporal, Caddy, Toxiproxy, two workers, a small shop
and an autoscaled queue, and runs a suite of rehearsals: the way back of a release
ten times under load, while the network is slow, and once while the worker that
rolls out is killed; a release that loses orders, which has to be found out; one
that is promoted and put back; one that its checks take back; and an autoscaler
under a surge. It takes less than five minutes and ends with a table of what was
shown. It fails when anything ends otherwise than it should, when the same manifest
makes another load, when a process, a port, a fault or a version is left, and when
it takes longer.

Usage: bakeoff-rehearsals [flags]

Examples:
  bakeoff-rehearsals --keep --dir /tmp/rehearsals    # leave everything, and the reports
  bakeoff-rehearsals --stop /tmp/rehearsals          # stop it
  bakeoff-rehearsals --kills 50 --within 10m         # does a killed rehearsal leave anything?

Flags:
  --bin FOLDER  where bakeoff, bakeoff-dev, bakeoff-worker and the others are (default where this program is)
  --dir FOLDER  where everything is written; empty or not there (default a temporary one)
  --keep        leave everything running, and say how to stop it
  --postgres    let the shop keep its orders in a PostgreSQL, which can be slow, too
  --within TIME all has to be shown in so long (default 5m; 0: in any time)
  --kills N     instead of the suite, kill N rehearsals at random moments, a worker by
                SIGKILL or the workflows, and show that nothing is left
  --seed N      draws the moments of --kills (default another one each time, which is printed)
  --stop FOLDER stop what an earlier one left running, and nothing else

Exit codes: 0 everything ended as it should, 1 it did not, 2 usage, 130 interrupted.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(rehearsals.Name, flag.ContinueOnError)
	postgres, within := flags.Bool("postgres", false, ""), flags.Duration("within", 5*time.Minute, "")
	kills, seed := flags.Int("kills", 0, ""), flags.Uint64("seed", rand.Uint64N(1_000_000), "")
	program := town.Main{Name: rehearsals.Name, Usage: usage, Flags: flags, Stdout: stdout, Stderr: stderr, Check: func() error {
		if *within < 0 {
			return fmt.Errorf("--within %s: give a time above 0, or 0 for any", *within)
		}
		if *kills < 0 || *kills > 0 && *postgres {
			return fmt.Errorf("--kills %d: give a number above 0, and not with --postgres: the shops whose rehearsals are killed have no orders", *kills)
		}
		return nil
	}}
	return program.Run(args, func(ctx context.Context, o town.Options) error {
		return rehearsals.Run(ctx, rehearsals.Options{Options: o, Postgres: *postgres, Within: *within, Kills: *kills, Seed: *seed})
	})
}

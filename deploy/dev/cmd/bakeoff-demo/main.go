// Command bakeoff-demo shows Bakeoff at work on this machine: seven releases of a
// small shop under load, of which three are promoted, one of them early and one
// when two people have signed for it, two are rolled back, one is aborted, and one
// is held and rejected; then a fleet of three branches, which goes back because
// of one of them.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bakeoff/deploy/dev/demo"
	"bakeoff/deploy/dev/town"
)

const usage = `bakeoff-demo starts Temporal, Caddy, a worker, a small shop and steady load, and
rolls out seven releases: a good one, one that fails, one with a slow tail, one
that is aborted, one that is promoted early because it is proved to be no worse, one
that is held, for want of that proof, and rejected, and one that two people sign for
with SSH keys. Then a fleet: one release of three branches of the shop, of which one
is bad, so that all go back. It takes about two minutes and ends with tables of what
happened. The verdicts that led to a rollback are derived once more from the raw
windows that the worker kept, and the signatures verified by ssh-keygen where there
is one. Everything that it started is stopped when it ends.

Usage: bakeoff-demo [flags]

Examples:
  bakeoff-demo --keep --dir /tmp/demo    # leave everything running
  bakeoff-demo --stop /tmp/demo          # stop it

Flags:
  --bin FOLDER  where bakeoff, bakeoff-dev, bakeoff-worker and bakeoff-shop are (default where this program is)
  --dir FOLDER  where everything is written; empty or not there (default a temporary one)
  --keep        leave everything running, and say how to stop it
  --rate N      requests a second of the shop (default 150)
  --stop FOLDER stop what an earlier one left running, and nothing else
  --load URL    only ask the shop at URL for pages, until stopped

Exit codes: 0 everything ended as it should, 1 it did not, 2 usage, 130 interrupted.
`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bakeoff-demo", flag.ContinueOnError)
	rate := flags.Int("rate", 150, "")
	load := flags.String("load", "", "")
	program := town.Main{Name: "bakeoff-demo", Usage: usage, Flags: flags, Stdout: stdout, Stderr: stderr, Check: func() error {
		if *rate < 1 || *rate > 10000 {
			return fmt.Errorf("--rate %d is not within 1 and 10000", *rate)
		}
		return nil
	}}
	return program.Run(args, func(ctx context.Context, o town.Options) error {
		if *load != "" {
			demo.Load(ctx, *load, *rate, func(*vegeta.Result) {})
			return nil
		}
		return demo.Run(ctx, demo.Options{Options: o, Rate: *rate})
	})
}

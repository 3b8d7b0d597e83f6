// Command bakeoff-demo shows Bakeoff at work on this machine: seven releases of a
// small shop under load, of which three are promoted, one of them early and one
// when two people have signed for it, two are rolled back, one is aborted, and one
// is held and rejected; then a fleet of three branches, which goes back because
// of one of them.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"

	vegeta "github.com/tsenart/vegeta/v12/lib"

	"bakeoff/deploy/dev/demo"
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

const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

type options struct {
	demo.Options
	stop, load string
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	o, err := parse(args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	// A second signal changes nothing: whatever was started is still to be
	// stopped. SIGPIPE means that nobody reads any more.
	ctx, stopListening := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stopListening()
	o.Out = stdout
	switch err = o.act(ctx); {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintln(stderr, "bakeoff-demo: interrupted")
		return exitInterrupted
	case err != nil:
		fmt.Fprintf(stderr, "bakeoff-demo: %v\n", err)
		return exitFailed
	}
	return 0
}

func (o options) act(ctx context.Context) error {
	switch {
	case o.stop != "":
		if err := demo.Stop(o.stop); err != nil {
			return err
		}
		fmt.Fprintf(o.Out, "nothing runs in %s any more\n", o.stop)
		return nil
	case o.load != "":
		demo.Load(ctx, o.load, o.Rate, func(*vegeta.Result) {})
		return nil
	default:
		return demo.Run(ctx, o.Options)
	}
}

func parse(args []string, stdout, stderr io.Writer) (options, error) {
	var o options
	flags := flag.NewFlagSet("bakeoff-demo", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {} // only --help shows it all
	flags.StringVar(&o.Binaries, "bin", beside(), "")
	flags.StringVar(&o.Dir, "dir", "", "")
	flags.BoolVar(&o.Keep, "keep", false, "")
	flags.IntVar(&o.Rate, "rate", 150, "")
	flags.StringVar(&o.stop, "stop", "", "")
	flags.StringVar(&o.load, "load", "", "")
	err := flags.Parse(args)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, usage)
		return o, err
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintf(stderr, "bakeoff-demo: %v; try --help\n", err)
	}
	if err == nil && (o.Rate < 1 || o.Rate > 10000) {
		err = fmt.Errorf("--rate %d is not within 1 and 10000", o.Rate)
		fmt.Fprintf(stderr, "bakeoff-demo: %v\n", err)
	}
	return o, err
}

// beside is the folder of this program.
func beside() string {
	self, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(self)
}

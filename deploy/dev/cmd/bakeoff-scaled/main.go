// Command bakeoff-scaled is the service on which rehearsals of autoscaling are
// tried: a queue whose replicas, real processes, come and go.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"os"
	"os/signal"
	"strconv"
	"syscall"
	"time"

	"bakeoff/deploy/dev/scaled"
)

const usage = `bakeoff-scaled serves an autoscaled queue on this machine, with the pages /,
/healthz and /metrics. Each replica is a process. SIGTERM answers what waits and
stops them all; they end with the service however it dies.

The metrics are replicas_ready, replicas_wanted, replicas_utilisation, queue_length,
arrivals_total, http_requests_total and http_request_duration_seconds.

Usage: bakeoff-scaled [flags]

Examples, one that is stable and one that is not:
  bakeoff-scaled --port 8080
  bakeoff-scaled --port 8080 --no-cooldown

Flags:
  --port PORT             where it listens on 127.0.0.1; 0 picks a free one (default PORT, else 0)
  --rate N                requests a second that one replica answers (default 20)
  --min N, --max N        fewest and most replicas (default 1 and 6)
  --target-queue N        requests that may wait for each replica (default 20)
  --target-utilisation R  share of its time that a replica should be busy (default 0.8)
  --interval D            time between two decisions (default 200ms)
  --cooldown-up D         least time from a rise to the next (default 2s)
  --cooldown-down D       least time from a fall to the next (default 500ms)
  --stabilisation D       least time from a rise to a fall (default 3s)

Flags that make it scale badly:
  --no-cooldown           no cooldown and no stabilisation: it oscillates
  --stuck-at N            more replicas are wanted and never come
  --slow-start D          a replica takes that long to be ready
`

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	if os.Getenv(scaled.RateVariable) != "" {
		os.Exit(replica(os.Getenv, os.Stderr))
	}
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// replica is main of a replica.
func replica(getenv func(string) string, stderr io.Writer) int {
	signal.Ignore(os.Interrupt, syscall.SIGTERM) // the service says when
	rate, err := strconv.ParseFloat(getenv(scaled.RateVariable), 64)
	if err == nil {
		var start time.Duration
		if start, err = time.ParseDuration(getenv(scaled.StartVariable)); err == nil {
			err = scaled.Replica(os.Stdin, os.Stdout, rate, start)
		}
	}
	if err != nil {
		fmt.Fprintf(stderr, "bakeoff-scaled: replica: %v\n", err)
		return exitFailed
	}
	return 0
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	port, options, err := parse(args, getenv, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return exitUsage
	}
	if err := serve(port, options, stdout); err != nil {
		fmt.Fprintf(stderr, "bakeoff-scaled: %v\n", err)
		return exitFailed
	}
	return 0
}

func parse(args []string, getenv func(string) string, stderr io.Writer) (port string, o scaled.Options, err error) {
	flags := flag.NewFlagSet("bakeoff-scaled", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {} // only --help shows it all
	port = getenv("PORT")
	if port == "" {
		port = "0"
	}
	p := &o.Policy
	flags.StringVar(&port, "port", port, "")
	flags.Float64Var(&o.Rate, "rate", 20, "")
	flags.IntVar(&p.Min, "min", 1, "")
	flags.IntVar(&p.Max, "max", 6, "")
	flags.Float64Var(&p.TargetQueue, "target-queue", 20, "")
	flags.Float64Var(&p.TargetUtilisation, "target-utilisation", 0.8, "")
	flags.DurationVar(&p.Interval, "interval", 200*time.Millisecond, "")
	flags.DurationVar(&p.CooldownUp, "cooldown-up", 2*time.Second, "")
	flags.DurationVar(&p.CooldownDown, "cooldown-down", 500*time.Millisecond, "")
	flags.DurationVar(&p.Stabilisation, "stabilisation", 3*time.Second, "")
	hasty := flags.Bool("no-cooldown", false, "")
	flags.IntVar(&o.StuckAt, "stuck-at", 0, "")
	flags.DurationVar(&o.SlowStart, "slow-start", 0, "")
	if err = flags.Parse(args); err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; try --help", flags.Arg(0))
		fmt.Fprintf(stderr, "bakeoff-scaled: %v\n", err)
	}
	if *hasty {
		p.CooldownUp, p.CooldownDown, p.Stabilisation = 0, 0, 0
	}
	return port, o, err
}

// serve runs the service from start to signal.
func serve(port string, o scaled.Options, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	program, err := os.Executable()
	if err != nil {
		return err
	}
	service, err := scaled.New(o, program)
	if err != nil {
		return err
	}
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "scaled at http://%s: %d to %d replicas of %g/s each\nready\n", l.Addr(), o.Policy.Min, o.Policy.Max, o.Rate)
	return service.Serve(ctx, l)
}

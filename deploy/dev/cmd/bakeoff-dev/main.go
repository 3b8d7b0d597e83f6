// Command bakeoff-dev runs Temporal and its UI in one process, with everything
// that Bakeoff needs from them: search attributes, pushed cancellation, a file to
// keep them in. It is for development, and asks for tokens only with --auth.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"

	"bakeoff/deploy/dev/temporald"
)

const usage = `bakeoff-dev runs a Temporal server and its UI for development. It prints its
addresses and, when it serves, "ready". SIGTERM or Ctrl-C stops it.

Usage: bakeoff-dev [flags]
       bakeoff-dev token --subject NAME --permissions NAMESPACE:ROLE[,…] [flags]

Examples, a second server beside the usual one that keeps nothing, and one that
asks callers for tokens:
  bakeoff-dev --address 127.0.0.1:0 --ui-address "" --db :memory:
  bakeoff-dev --auth

Flags:
`

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	if len(args) > 0 && args[0] == "token" {
		return runToken(args[1:], stdout, stderr)
	}
	options, err := parse(args, stdout, stderr)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	if err := serve(options, stdout); err != nil {
		fmt.Fprintf(stderr, "bakeoff-dev: %v\n", err)
		return exitFailed
	}
	return 0
}

// serve runs a server from start to signal.
func serve(options temporald.Options, stdout io.Writer) error {
	// After the first signal the handler is removed: a second one ends the
	// process at once.
	ctx, stopListening := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stopListening()
	server, err := temporald.Start(ctx, options)
	if err != nil {
		return err
	}
	if err := announce(stdout, server, options); err != nil {
		return errors.Join(err, server.Stop())
	}
	<-ctx.Done()
	stopListening()
	return server.Stop()
}

func parse(args []string, stdout, stderr io.Writer) (temporald.Options, error) {
	var o temporald.Options
	var auth bool
	flags := flag.NewFlagSet("bakeoff-dev", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&o.Address, "address", "127.0.0.1:7233", "`host:port` of the gRPC frontend; port 0 picks a free one")
	flags.StringVar(&o.UIAddress, "ui-address", "127.0.0.1:8233", "`host:port` of the Temporal UI; empty: no UI")
	flags.StringVar(&o.Database, "db", "bakeoff-dev.db", "SQLite `file`, kept between runs; "+temporald.Memory+" keeps nothing")
	flags.StringVar(&o.Namespace, "namespace", "default", "`name` of the namespace, created where it is missing")
	flags.StringVar(&o.MetricsAddress, "metrics-address", "", "`host:port` of the server's Prometheus metrics; empty: none")
	flags.BoolVar(&auth, "auth", false, "ask every caller for a token, which \"bakeoff-dev token\" makes, and stamp events with its subject; there is no UI then")
	flags.StringVar(&o.AuthDirectory, "auth-directory", authDirectory, "`folder` of the key that signs tokens, made where it is missing")
	if err := read(flags, args, usage, stdout, stderr); err != nil {
		return o, err
	}
	if !auth {
		o.AuthDirectory = ""
		return o, nil
	}
	return o, withoutUI(flags, &o, stderr)
}

// withoutUI leaves the UI out, which could not show its token. Who asks for both
// is told.
func withoutUI(flags *flag.FlagSet, o *temporald.Options, stderr io.Writer) error {
	asked := false
	flags.Visit(func(f *flag.Flag) { asked = asked || f.Name == "ui-address" && f.Value.String() != "" })
	o.UIAddress = ""
	if asked {
		err := errors.New("--ui-address: the UI has no token, and would see nothing: leave it out with --auth")
		fmt.Fprintln(stderr, err)
		return err
	}
	return nil
}

// read takes flags from the command line, and nothing else.
func read(flags *flag.FlagSet, args []string, usage string, stdout, stderr io.Writer) error {
	flags.Usage = func() {} // only --help shows it all
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			help(flags, usage, stdout)
		}
		return err
	}
	if flags.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", flags.Arg(0))
		fmt.Fprintf(stderr, "%v; try --help\n", err)
		return err
	}
	return nil
}

func help(flags *flag.FlagSet, usage string, w io.Writer) {
	fmt.Fprint(w, usage)
	flags.VisitAll(func(f *flag.Flag) {
		value, text := flag.UnquoteUsage(f)
		fmt.Fprintf(w, "  --%-28s %s (default %q)\n", f.Name+" "+value, text, f.DefValue)
	})
}

// announce prints where everything is. Scripts wait for the last line.
func announce(w io.Writer, s *temporald.Server, o temporald.Options) error {
	text := fmt.Sprintf("temporal %s (namespace %s, database %s)\n", s.Address(), s.Namespace(), o.Database)
	if a := s.UIAddress(); a != "" {
		text += fmt.Sprintf("ui       http://%s\n", a)
	}
	if a := s.MetricsAddress(); a != "" {
		text += fmt.Sprintf("metrics  http://%s/metrics\n", a)
	}
	if o.AuthDirectory != "" {
		text += fmt.Sprintf(tokenHint, o.AuthDirectory, s.Namespace())
	}
	if _, err := io.WriteString(w, text+"ready\n"); err != nil {
		return fmt.Errorf("printing addresses: %w", err)
	}
	return nil
}

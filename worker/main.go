// Command bakeoff-worker runs rollouts: it polls Temporal's task queues, drives
// platforms and routers through their drivers, and serves /healthz and
// /metrics. It is the one place where the interfaces of activities meet the
// things that satisfy them.
//
// serve.go is the process from start to stop; drivers.go is where drivers are
// wired; verify.go replays histories before a deploy.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // freezes have zones, also where the machine knows none

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	// After the first signal the handler is removed: a second one ends the
	// process at once.
	ctx, stopListening := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stopListening()
	context.AfterFunc(ctx, stopListening)
	root := command()
	root.SetArgs(args)
	root.SetOut(stdout)
	root.SetErr(stderr)
	err := root.ExecuteContext(ctx)
	if err != nil {
		fmt.Fprintf(stderr, "bakeoff-worker: %v\n", err)
	}
	return exitCode(err)
}

// command is the command line.
func command() *cobra.Command {
	var o options
	root := &cobra.Command{
		Use:   "bakeoff-worker",
		Short: "Run rollouts: poll Temporal's task queues and act on the world",
		Long: `bakeoff-worker polls Temporal's task queues and runs rollouts. Where Temporal
is comes from the same variables and profiles as the temporal CLI's
(TEMPORAL_ADDRESS, TEMPORAL_NAMESPACE, TEMPORAL_PROFILE, ...), and from the
configuration, which wins. SIGHUP reads the configuration again; SIGTERM hands
running activities over to other workers and exits 0 within about ten seconds.

It prints "ready" when every queue is polled; /healthz is 200 from then on.`,
		Example: `  # everything, on a development machine (bakeoff-dev runs)
  bakeoff-worker --register

  # only what acts on production, with its own configuration
  bakeoff-worker --config bakeoff-worker.yaml --queues infra --listen 0.0.0.0:9464`,
		Args:              noArguments,
		SilenceUsage:      true,
		SilenceErrors:     true,
		CompletionOptions: cobra.CompletionOptions{DisableDefaultCmd: true},
		RunE: func(cmd *cobra.Command, _ []string) error {
			return serve(cmd.Context(), o, cmd.OutOrStdout(), cmd.ErrOrStderr())
		},
	}
	root.SetFlagErrorFunc(func(_ *cobra.Command, err error) error { return usageError{fmt.Errorf("%w; try --help", err)} })
	root.PersistentFlags().StringVar(&o.config, "config", "", "configuration `file` (default: everything allowed, no credentials)")
	root.Flags().StringVar(&o.queues, "queues", strings.Join(rollout.Queues(), ","), "task queues to poll, separated by commas")
	root.Flags().StringVar(&o.listen, "listen", "", "`address` of /healthz and /metrics; wins over the configuration (default "+defaultListen+")")
	root.Flags().BoolVar(&o.register, "register", false, "create the search attributes that the namespace lacks (needs namespace admin)")
	root.AddCommand(verifyCommand(&o), checkCommand(&o), removeFaultsCommand(&o), allowFaultsCommand(&o), keepFaultCommand())
	return root
}

func noArguments(_ *cobra.Command, args []string) error {
	if len(args) > 0 {
		return usageError{fmt.Errorf("unexpected argument %q; try --help", args[0])}
	}
	return nil
}

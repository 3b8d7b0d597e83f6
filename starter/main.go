// Command bakeoff is the command line of pipelines, operators and auditors: it
// starts rollouts, waits for them, gives them orders, and tells their story. It
// talks to Temporal only; the workers act on the world.
//
// Read execute first, then cli: each command is one file, cmd_<verb>.go, and
// exit.go holds what the exit codes mean.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	context.AfterFunc(ctx, stop) // a second Ctrl-C ends the process as usual
	code := execute(ctx, newProcess(), os.Args[1:])
	stop()
	os.Exit(code)
}

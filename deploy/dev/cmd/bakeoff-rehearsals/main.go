// Command bakeoff-rehearsals practises a release of a small shop on this machine.
package main

import (
	"flag"
	"io"
	"os"

	"bakeoff/deploy/dev/rehearsals"
	"bakeoff/deploy/dev/town"
)

const usage = `bakeoff-rehearsals starts Temporal, Caddy, Toxiproxy, two workers, a small shop
and an autoscaled queue, and rehearses.

`

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet(rehearsals.Name, flag.ContinueOnError)
	program := town.Main{Name: rehearsals.Name, Usage: usage, Flags: flags, Stdout: stdout, Stderr: stderr}
	return program.Run(args, rehearsals.Run)
}

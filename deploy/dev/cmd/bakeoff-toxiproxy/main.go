// Command bakeoff-toxiproxy is a Toxiproxy server with the proxies that its
// arguments name: a network that rehearsals can make slow, or break.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2"
	"github.com/rs/zerolog"
)

const usage = `bakeoff-toxiproxy serves the API of Toxiproxy on this machine, with the proxies
that are named. It prints the URL of its API and, last, "ready". SIGTERM closes
every connection.

Usage: bakeoff-toxiproxy [flags] NAME=LISTEN,UPSTREAM…

Example:
  bakeoff-toxiproxy --listen 127.0.0.1:8474 database=127.0.0.1:15432,127.0.0.1:5432

Flags:
  --listen ADDRESS  of the API (default 127.0.0.1:0, which picks a free port)
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
	flags := flag.NewFlagSet("bakeoff-toxiproxy", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {} // only --help shows it all
	address := flags.String("listen", "127.0.0.1:0", "")
	err := flags.Parse(args)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return exitUsage
	}
	server := toxiproxy.NewServer(toxiproxy.NewMetricsContainer(nil), zerolog.New(stderr).Level(zerolog.WarnLevel))
	for _, arg := range flags.Args() {
		if err := add(server, arg); err != nil {
			fmt.Fprintf(stderr, "bakeoff-toxiproxy: %v\n", err)
			return exitUsage
		}
	}
	if err := serve(server, *address, stdout); err != nil {
		fmt.Fprintf(stderr, "bakeoff-toxiproxy: %v\n", err)
		return exitFailed
	}
	return 0
}

// add adds a proxy as it is written: NAME=LISTEN,UPSTREAM.
func add(server *toxiproxy.ApiServer, text string) error {
	name, addresses, named := strings.Cut(text, "=")
	listen, upstream, both := strings.Cut(addresses, ",")
	if !named || !both || name == "" {
		return fmt.Errorf("%q is not a proxy: write NAME=LISTEN,UPSTREAM", text)
	}
	if err := server.Collection.Add(toxiproxy.NewProxy(server, name, listen, upstream), true); err != nil {
		return fmt.Errorf("proxy %s: %w", name, err)
	}
	return nil
}

// serve answers from start to signal.
func serve(server *toxiproxy.ApiServer, address string, stdout io.Writer) error {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	l, err := net.Listen("tcp", address)
	if err != nil {
		return err
	}
	api := &http.Server{Handler: server.Routes(), ReadHeaderTimeout: 5 * time.Second}
	ended := make(chan error, 1)
	go func() { ended <- api.Serve(l) }()
	fmt.Fprintf(stdout, "api http://%s\nready\n", l.Addr())
	select {
	case err = <-ended:
	case <-ctx.Done():
		err = api.Close()
	}
	return errors.Join(err, server.Collection.Clear())
}

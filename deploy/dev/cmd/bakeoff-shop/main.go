// Command bakeoff-shop is the service that the demonstration rolls out: a small
// web shop whose versions differ in how often they fail and how slow they are.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"syscall"

	"bakeoff/deploy/dev/shop"
)

const usage = `bakeoff-shop serves one version of a small web shop on this machine, with the
pages /, /checkout, /healthz and /metrics. SIGTERM drains it.

1.2.0 fails in 8% of its answers, 1.3.0 has a slow tail, every other version is
healthy. SHOP_ERRORS, SHOP_LATENCY, SHOP_SPREAD, SHOP_TAIL and SHOP_TAIL_FACTOR
say otherwise.

With SHOP_ORDERS, file:/folder or postgres://user@host/database, it takes orders:
POST /orders {"id": "…", "payload": "…"} and GET /orders/ID, which says how many
copies there are. SHOP_LOSES, SHOP_DOUBLES and SHOP_ALTERS are shares of the orders
that it acknowledges and loses, keeps twice, or changes.

Usage: bakeoff-shop [flags]

Example, a healthy version number with too many errors:
  SHOP_ERRORS=5% bakeoff-shop --version 2.0.0 --port 8080

Flags:
  --version VERSION  the version that it is (default SHOP_VERSION, else 1.0.0)
  --port PORT        where it listens on 127.0.0.1; 0 picks a free one (default PORT, else 0)
`

const (
	exitFailed = 1
	exitUsage  = 2
)

func main() {
	os.Exit(run(os.Args[1:], os.Getenv, os.Stdout, os.Stderr))
}

// run is main with its surroundings as arguments; it returns the exit code.
func run(args []string, getenv func(string) string, stdout, stderr io.Writer) int {
	flags := flag.NewFlagSet("bakeoff-shop", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.Usage = func() {} // only --help shows it all
	version := flags.String("version", orElse(getenv("SHOP_VERSION"), "1.0.0"), "")
	port := flags.String("port", orElse(getenv("PORT"), "0"), "")
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		return exitUsage
	case flags.NArg() > 0:
		fmt.Fprintf(stderr, "bakeoff-shop: unexpected argument %q; try --help\n", flags.Arg(0))
		return exitUsage
	}
	behaviour, err := shop.BehaviourOf(*version).Override(getenv)
	if err != nil {
		fmt.Fprintf(stderr, "bakeoff-shop: %v\n", err)
		return exitUsage
	}
	var orders shop.Orders
	if place := getenv(shop.OrdersVariable); place != "" {
		if orders, err = shop.OpenOrders(context.Background(), place); err != nil {
			fmt.Fprintf(stderr, "bakeoff-shop: %s: %v\n", shop.OrdersVariable, err)
			return exitFailed
		}
		defer orders.Close()
	}
	if err := serve(shop.New(*version, behaviour, orders), *port, stdout); err != nil {
		fmt.Fprintf(stderr, "bakeoff-shop: %v\n", err)
		return exitFailed
	}
	return 0
}

// serve runs the shop from start to signal.
func serve(s *shop.Shop, port string, stdout io.Writer) error {
	ctx, stopListening := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stopListening()
	l, err := net.Listen("tcp", net.JoinHostPort("127.0.0.1", port))
	if err != nil {
		return err
	}
	fmt.Fprintf(stdout, "shop %s at http://%s: %s\nready\n", s.Version, l.Addr(), s.Behaviour)
	if err := shop.Serve(ctx, l, s); err != nil {
		return err
	}
	slog.Info("stopped", "version", s.Version)
	return nil
}

func orElse(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

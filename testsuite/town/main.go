// Command town serves the simulated world over HTTP: a deployer, a router and
// metrics in one process, for trying the command line without anything else.
//
// Usage: go run ./testsuite/town [-listen 127.0.0.1:8080] [-bad 1.2.0,1.3.0]
package main

import (
	"flag"
	"log"
	"net/http"
	"strings"
	"time"

	"bakeoff/testsuite/sim"
	"bakeoff/testsuite/sim/httpworld"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:8080", "address to serve on")
	baseline := flag.String("baseline", "1.0.0", "the version that serves at first; empty: none")
	bad := flag.String("bad", "1.2.0", "versions that fail a fifth of their requests, separated by commas")
	flag.Parse()
	world := sim.New(*baseline)
	for _, v := range strings.Split(*bad, ",") {
		world.Behave(v, sim.Behaviour{Failures: 0.2})
	}
	server := &http.Server{Addr: *listen, Handler: httpworld.New(world), ReadHeaderTimeout: 5 * time.Second}
	log.Fatal(server.ListenAndServe())
}

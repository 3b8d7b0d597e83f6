//go:build linux

package faults

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strings"
	"sync"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"bakeoff/rehearsal/fault"
	"bakeoff/rehearsal/seed"
	"bakeoff/rollout"
)

// standIn answers a share of a dependency's requests with errors. It lives in
// the keeper, and Toxiproxy sends to it what it sent to the dependency. Where
// the keeper is killed, nobody answers until another process has undone that.
type standIn struct {
	fault.Errors
	server *http.Server

	mu    sync.Mutex
	draws *rand.Rand
}

func (s *standIn) prepare(_ context.Context, _ Parameters, r *record) error {
	before, err := r.lookAtProxy(s.Proxy)
	r.Undo.Proxy = &before
	return err
}

func (s *standIn) apply(_ context.Context, r *record) error {
	proxy, err := toxiproxy.NewClient(r.API).Proxy(s.Proxy)
	if err != nil {
		return err
	}
	listener, err := net.Listen("tcp", net.JoinHostPort(r.Listen, "0"))
	if err != nil {
		return fmt.Errorf("listen for what Toxiproxy sends: %w", err)
	}
	s.draws = seed.For(r.Order.Seed, "faults", r.Order.Fault.Name, "share")
	s.server = &http.Server{Handler: s.handler(r.Undo.Proxy.Upstream), ReadHeaderTimeout: 30 * time.Second}
	go func() { _ = s.server.Serve(listener) }() // until undo closes it
	proxy.Upstream = listener.Addr().String()
	if err := proxy.Save(); err != nil {
		return fmt.Errorf("put the stand-in in the way of %s: %w", r.Undo.Proxy.Upstream, err)
	}
	return nil
}

func (s *standIn) undo(ctx context.Context, r *record) error {
	err := r.restoreProxy(ctx)
	if err == nil && s.server != nil {
		_ = s.server.Close() // no connection leads to it any more
	}
	return err
}

// handler passes on what it does not answer itself, with the host that the
// client asked for.
func (s *standIn) handler(upstream string) http.Handler {
	onward := &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) {
		r.SetURL(&url.URL{Scheme: "http", Host: upstream})
		r.Out.Host = r.In.Host
	}}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, s.Path) && s.draw() {
			http.Error(w, "an error of a rehearsal", s.TheStatus())
			return
		}
		onward.ServeHTTP(w, r)
	})
}

func (s *standIn) draw() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return rollout.Weight(s.draws.IntN(int(rollout.All))) < s.TheShare()
}

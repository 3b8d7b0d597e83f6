// Package temporald runs a complete Temporal server in this process: frontend,
// history, matching and worker over one SQLite database, and the Temporal UI.
// It is what bakeoff-dev serves and what end-to-end tests start for themselves.
// Unless it is given a directory for keys it has no authentication. It is not for
// production.
//
// Read [Start] first.
package temporald

import (
	"context"
	"errors"
	"fmt"
	"net/netip"
	"strings"
	"sync"
	"time"

	"go.temporal.io/server/temporal"
)

const (
	// startTimeout bounds how long Start waits for the server to serve; it
	// takes about half a second on two idle cores.
	startTimeout = 60 * time.Second
	// stopTimeout bounds the graceful part of Stop. The server drains open long
	// polls for a second or so; the process must be gone after ten.
	stopTimeout = 8 * time.Second
)

// Options says where a server listens and what it keeps. The zero value serves
// the namespace "default" from memory on a free port, without UI and metrics.
type Options struct {
	// Address is the host:port of the gRPC frontend. Port 0 picks a free port.
	// Default 127.0.0.1:0.
	Address string
	// UIAddress is the host:port of the Temporal UI, port 0 as above. Empty: no UI.
	UIAddress string
	// MetricsAddress is the host:port of the server's own Prometheus metrics,
	// at /metrics, port 0 as above. Empty: none.
	MetricsAddress string
	// Database is the SQLite file, created when it does not exist, or [Memory].
	// One server at a time may use a file. Default Memory.
	Database string
	// AuthDirectory is a folder with the key that signs tokens, made where it is
	// missing. With it the server asks every caller for a token of [Keys], and
	// stamps events with its subject; the UI, which has none, sees nothing. Empty:
	// everybody may do everything.
	AuthDirectory string
	// Namespace is created when the database lacks it, with a retention of
	// seven days. Default "default".
	Namespace string
	// LogLevel is the least level of server logs that reaches standard error:
	// debug, info, warn or error. Default warn.
	LogLevel string
}

func (o Options) withDefaults() Options {
	setDefault(&o.Address, "127.0.0.1:0")
	setDefault(&o.Database, Memory)
	setDefault(&o.Namespace, "default")
	setDefault(&o.LogLevel, "warn")
	return o
}

func setDefault(field *string, value string) {
	if *field == "" {
		*field = value
	}
}

// Server is a running server. Its methods are safe for concurrent use.
type Server struct {
	namespace string
	addresses addresses
	keys      *Keys // nil: no authentication
	database  *database
	temporal  temporal.Server
	logger    *logger
	ui        *ui // nil without UI

	stopOnce sync.Once
	stopErr  error
}

// Start starts a server and returns once it serves: the namespace and all of
// [SearchAttributes] are visible, workflow state can be read, and the UI answers.
// The attributes are added to a database that lacks them. An address in use, a
// database in use by another process and an attribute that exists with another
// type are errors. A cancelled ctx ends the wait; it does not stop a server that
// was returned.
func Start(ctx context.Context, options Options) (*Server, error) {
	o := options.withDefaults()
	l, err := newLogger(o.LogLevel)
	if err != nil {
		return nil, err
	}
	// Addresses come before the database: most failed starts are a second server
	// on the same port, and those must not touch the database of the first.
	a, err := reserveAll(o)
	if err != nil {
		return nil, err
	}
	k, err := keysOf(o)
	if err != nil {
		return nil, err
	}
	d, err := openDatabase(ctx, o.Database, o.Namespace)
	if err != nil {
		return nil, err
	}
	s := &Server{namespace: o.Namespace, addresses: a, keys: k, database: d, logger: l}
	err = s.assemble()
	for tries := 1; err != nil && strings.Contains(err.Error(), "address already in use") && tries < 3; tries++ {
		// A client's connection got one of our free ports in between.
		if s.addresses, err = reserveAll(o); err == nil {
			err = s.assemble()
		}
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("assembling the server: %w", err), d.close())
	}
	if err := s.start(ctx); err != nil {
		return nil, errors.Join(err, s.Stop())
	}
	return s, nil
}

// keysOf opens the keys that options name; nil where they name none.
func keysOf(o Options) (*Keys, error) {
	if o.AuthDirectory == "" {
		return nil, nil
	}
	return openKeys(o.AuthDirectory)
}

func (s *Server) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := s.temporal.Start(); err != nil {
		return fmt.Errorf("starting the server: %w", err)
	}
	if err := s.awaitFrontend(ctx); err != nil {
		return err
	}
	s.logger.started()
	if !s.addresses.ui.IsValid() {
		return nil
	}
	s.ui = startUI(s.addresses.ui, s.Address(), s.namespace)
	return s.ui.await(ctx)
}

// Address is the host:port to reach the gRPC frontend at from this machine.
func (s *Server) Address() string { return dialable(s.addresses.frontend).String() }

// UIAddress is the host:port to reach the UI at from this machine, empty without UI.
func (s *Server) UIAddress() string { return dialableOrEmpty(s.addresses.ui) }

// MetricsAddress is the host:port that serves /metrics, empty when none was asked for.
func (s *Server) MetricsAddress() string { return dialableOrEmpty(s.addresses.metrics) }

// Namespace is the namespace that Start made sure of.
func (s *Server) Namespace() string { return s.namespace }

// Stop stops UI and server within nine seconds and leaves everything that was
// acknowledged in the database file. Every write is a committed transaction, so
// that also holds when it returns an error because the server did not stop in
// time. Calls after the first return what the first returned.
func (s *Server) Stop() error {
	s.stopOnce.Do(func() {
		s.logger.stopping()
		if s.ui != nil {
			s.ui.stop()
		}
		s.stopErr = errors.Join(s.stopTemporal(), s.database.close())
	})
	return s.stopErr
}

func (s *Server) stopTemporal() error {
	stopped := make(chan error, 1)
	go func() { stopped <- s.temporal.Stop() }()
	select {
	case err := <-stopped:
		if err != nil {
			return fmt.Errorf("stopping the server: %w", err)
		}
		return nil
	case <-time.After(stopTimeout):
		return fmt.Errorf("stopping the server: still busy after %s", stopTimeout)
	}
}

func dialableOrEmpty(a netip.AddrPort) string {
	if !a.IsValid() {
		return ""
	}
	return dialable(a).String()
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.temporal.io/sdk/client"

	"bakeoff/rollout"
	"bakeoff/rollout/tracing"
)

// options are the flags of a serving worker.
type options struct {
	config   string
	queues   string
	listen   string
	register bool
}

// daemon is everything that one worker process holds.
type daemon struct {
	options options
	live    *live
	queues  []queue
	health  *health
	meter   *meter
	metrics *prometheus.Registry
	alerts  *alerts
	traces  *tracing.Exporter // nil: none are sent
	pages   *pages
	client  client.Client
	crew    *crew
	log     *slog.Logger
}

// serve runs a worker until ctx ends, and then stops it: /healthz says so,
// polling ends, long activities are handed over. An error is something that
// kept it from serving.
func serve(ctx context.Context, o options, stdout, stderr io.Writer) error {
	p := &daemon{options: o, log: slog.New(slog.NewTextHandler(stderr, nil)), meter: newMeter()}
	defer p.close()
	hangups := p.hangups() // from the very start: unheeded, SIGHUP would end the process
	if err := p.prepare(); err != nil {
		return err
	}
	go p.reloadOnHangup(ctx, hangups)
	if err := p.startPolling(ctx); err != nil {
		return err
	}
	p.announce(ctx, stdout)
	return p.wait(ctx)
}

// prepare does everything that needs no Temporal.
func (p *daemon) prepare() (err error) {
	if p.live, err = newLive(p.options.config); err != nil {
		return err
	}
	if p.queues, err = parseQueues(p.options.queues); err != nil {
		return usageError{err}
	}
	if p.metrics, err = newRegistry(p.meter); err != nil {
		return err
	}
	p.health = newHealth(p.queues)
	p.log.Info("configuration loaded", "file", p.options.config, "policy", orNone(p.live.config().digest))
	if c := p.live.config(); len(c.Permissions) == 0 {
		p.log.Warn("no permissions are configured: everyone who reaches Temporal may start, approve and abort everything")
	}
	p.alerts = &alerts{live: p.live, log: p.log}
	p.pages, err = site{p.health, p.metrics, p.alerts, p.log}.serve(listenAddress(p.options.listen, p.live.config().Listen))
	return err
}

// listenAddress is the flag, else the file, else the default.
func listenAddress(flag, file string) string {
	for _, a := range []string{flag, file} {
		if a != "" {
			return a
		}
	}
	return defaultListen
}

// startPolling connects, checks that workflows can run here, and polls.
func (p *daemon) startPolling(ctx context.Context) error {
	o, err := clientOptions(p.live.config().Temporal)
	if err != nil {
		return err
	}
	o.MetricsHandler = p.meter.handler()
	if p.client, err = connect(ctx, o, p.log); err != nil {
		return err
	}
	if err := checkAttributes(ctx, p.client.OperatorService(), o.Namespace, p.options.register); err != nil {
		return err
	}
	p.alerts.connect(p.client)
	practised := &practice{server: p.client}
	if p.serves(rollout.QueueControl) {
		if err := p.metrics.Register(&openRollouts{server: p.client, log: p.log, now: time.Now}); err != nil {
			return fmt.Errorf("collect open rollouts: %w", err)
		}
		if err := p.metrics.Register(&lastDrills{practice: practised, log: p.log, now: time.Now}); err != nil {
			return fmt.Errorf("collect rehearsals: %w", err)
		}
	}
	acts := newActs(p.live)
	acts.Gates.Lines = &lines{server: p.client, now: time.Now, known: map[string]knownLine{}}
	acts.Gates.Targets = targets{p.client}
	acts.Gates.Drills = drills{live: p.live, practice: practised}
	acts.Executions, acts.Queues, acts.Beats = executions{p.client}, served{p.client}, p.client
	if p.serves(rollout.QueueRehearsal) {
		if err := p.startFaults(ctx, acts); err != nil {
			return err
		}
	}
	if p.traces, err = p.live.config().Tracing.start(ctx, p.log); err != nil {
		return err
	}
	p.crew = newCrew(p.client, p.queues, acts, interceptors(p.traces))
	if err := p.crew.start(); err != nil {
		p.crew = nil
		return err
	}
	p.log.Info("serving", "temporal", o.HostPort, "namespace", o.Namespace, "identity", o.Identity, "queues", queueNames(p.queues))
	return nil
}

func (p *daemon) serves(name string) bool {
	return slices.ContainsFunc(p.queues, func(q queue) bool { return q.name == name })
}

func queueNames(queues []queue) string {
	var names []string
	for _, q := range queues {
		names = append(names, q.name)
	}
	return strings.Join(names, ",")
}

// announce prints where the pages are and, once every queue is polled, "ready".
// Scripts wait for that line.
func (p *daemon) announce(ctx context.Context, stdout io.Writer) {
	fmt.Fprintf(stdout, "queues   %s\nhealth   http://%s/healthz\nmetrics  http://%[2]s/metrics\n", queueNames(p.queues), p.pages.address())
	go func() {
		if p.health.watch(ctx, p.client, identity()) {
			fmt.Fprintln(stdout, "ready")
		}
	}()
}

// wait returns when ctx ends, or with the error of a queue that can no longer
// be polled.
func (p *daemon) wait(ctx context.Context) error {
	select {
	case <-ctx.Done():
		p.log.Info("stopping: running activities are handed over")
		return nil
	case err := <-p.crew.fatal:
		return fmt.Errorf("polling ended: %w", err)
	}
}

// close undoes whatever was begun, in the order that users should see it.
func (p *daemon) close() {
	if p.health != nil {
		p.health.stop()
	}
	if p.crew != nil {
		p.crew.stop()
	}
	if p.client != nil {
		p.client.Close()
	}
	p.stopTracing()
	if p.pages != nil {
		p.pages.close()
	}
}

// hangups begins to listen for SIGHUP.
func (p *daemon) hangups() chan os.Signal {
	c := make(chan os.Signal, 1)
	signal.Notify(c, syscall.SIGHUP)
	return c
}

// reloadOnHangup reads the configuration again at each SIGHUP. A wrong one is
// reported and changes nothing.
func (p *daemon) reloadOnHangup(ctx context.Context, hangups chan os.Signal) {
	defer signal.Stop(hangups)
	for {
		select {
		case <-ctx.Done():
			return
		case <-hangups:
			notes, err := p.live.reload()
			if err != nil {
				p.log.Error("reload refused", "error", err)
				continue
			}
			p.log.Info("configuration reloaded", "file", p.options.config, "policy", orNone(p.live.config().digest), "notes", strings.Join(notes, "; "))
		}
	}
}

// usageError is a mistake on the command line.
type usageError struct{ error }

// Unwrap returns the mistake.
func (e usageError) Unwrap() error { return e.error }

// exitCode is 0, 2 for usage, and 1 for everything else.
func exitCode(err error) int {
	var usage usageError
	switch {
	case err == nil:
		return 0
	case errors.As(err, &usage):
		return 2
	default:
		return 1
	}
}

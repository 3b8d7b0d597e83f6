package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
	sdklog "go.temporal.io/sdk/log"
)

// dialWithin bounds how long a start waits for Temporal to answer.
const dialWithin = 10 * time.Second

// clientOptions are those of the temporal CLI's variables and profiles, then
// what the configuration says.
func clientOptions(c temporalConfig) (client.Options, error) {
	o, err := envconfig.LoadDefaultClientOptions()
	if err != nil {
		return o, fmt.Errorf("read the variables and profiles of the temporal CLI: %w", err)
	}
	if c.Address != "" {
		o.HostPort = c.Address
	}
	if c.Namespace != "" {
		o.Namespace = c.Namespace
	}
	if o.HostPort == "" {
		o.HostPort = client.DefaultHostPort
	}
	if o.Namespace == "" {
		o.Namespace = client.DefaultNamespace
	}
	o.Identity = identity()
	return o, nil
}

// identity names this process to the server: it is how /healthz recognises
// its own polls.
func identity() string {
	host, err := os.Hostname()
	if err != nil {
		host = "unknown"
	}
	return fmt.Sprintf("bakeoff-worker/%s/%d", host, os.Getpid())
}

// connect dials Temporal and waits until it answers.
func connect(ctx context.Context, o client.Options, log *slog.Logger) (client.Client, error) {
	o.Logger = sdklog.NewStructuredLogger(log)
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	c, err := client.DialContext(ctx, o)
	var denied *serviceerror.PermissionDenied
	if errors.As(err, &denied) {
		return nil, fmt.Errorf("not let in by Temporal at %s: TEMPORAL_API_KEY, or the profile's api_key, is wrong or expired: %w", o.HostPort, err)
	}
	if err != nil {
		return nil, fmt.Errorf("no answer from Temporal at %s (set temporal.address in the configuration, or TEMPORAL_ADDRESS): %w", o.HostPort, err)
	}
	return c, nil
}

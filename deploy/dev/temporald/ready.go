package temporald

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"go.temporal.io/api/operatorservice/v1"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

const (
	probeInterval = 10 * time.Millisecond
	probeTimeout  = 5 * time.Second
)

// awaitFrontend returns once the frontend serves the namespace.
func (s *Server) awaitFrontend(ctx context.Context) error {
	credentials, err := s.keys.credentials()
	if err != nil {
		return err
	}
	c, err := client.NewLazyClient(client.Options{
		HostPort:          s.Address(),
		Namespace:         s.namespace,
		Credentials:       credentials,
		ConnectionOptions: client.ConnectionOptions{TLSDisabled: true},
		Logger:            log.NewStructuredLogger(slog.New(slog.DiscardHandler)),
	})
	if err != nil {
		return fmt.Errorf("connecting to the server: %w", err)
	}
	defer c.Close()
	return poll(ctx, "the server", func(ctx context.Context) error { return probe(ctx, c, s.namespace) })
}

// probe asks what a first client would need: health, the namespace, its search
// attributes, and, through history, a workflow that does not exist.
func probe(ctx context.Context, c client.Client, namespace string) error {
	if _, err := c.CheckHealth(ctx, &client.CheckHealthRequest{}); err != nil {
		return fmt.Errorf("checking health: %w", err)
	}
	if _, err := c.WorkflowService().DescribeNamespace(ctx, &workflowservice.DescribeNamespaceRequest{Namespace: namespace}); err != nil {
		return fmt.Errorf("describing namespace %s: %w", namespace, err)
	}
	listed, err := c.OperatorService().ListSearchAttributes(ctx, &operatorservice.ListSearchAttributesRequest{Namespace: namespace})
	if err != nil {
		return fmt.Errorf("listing search attributes: %w", err)
	}
	for _, a := range SearchAttributes {
		if listed.GetCustomAttributes()[a.Name] != a.Type {
			return fmt.Errorf("search attribute %s is not visible", a.Name)
		}
	}
	_, err = c.DescribeWorkflowExecution(ctx, "bakeoff-dev-probe", "")
	if notFound := (*serviceerror.NotFound)(nil); err != nil && !errors.As(err, &notFound) {
		return fmt.Errorf("reading workflow state: %w", err)
	}
	return nil
}

// poll calls try until it succeeds or ctx ends, and then says why it did not. No
// server tells when it is ready, so asking is the only way.
func poll(ctx context.Context, what string, try func(context.Context) error) error {
	ticker := time.NewTicker(probeInterval)
	defer ticker.Stop()
	for {
		attempt, cancel := context.WithTimeout(ctx, probeTimeout)
		err := try(attempt)
		cancel()
		if err == nil {
			return nil
		}
		select {
		case <-ctx.Done():
			return fmt.Errorf("waiting for %s: %w", what, errors.Join(ctx.Err(), err))
		case <-ticker.C:
		}
	}
}

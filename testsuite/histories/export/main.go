// Command export writes the history of a workflow as JSON, in the form that
// bakeoff-worker verify replays. testsuite/histories/record.sh uses it.
//
// Usage: export WORKFLOW-ID FILE
package main

import (
	"context"
	"fmt"
	"log"
	"os"

	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/temporalproto"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/contrib/envconfig"
)

func main() {
	if len(os.Args) != 3 {
		log.Fatal("usage: export WORKFLOW-ID FILE")
	}
	if err := export(context.Background(), os.Args[1], os.Args[2]); err != nil {
		log.Fatal(err)
	}
}

func export(ctx context.Context, id, file string) error {
	c, err := client.Dial(envconfig.MustLoadDefaultClientOptions())
	if err != nil {
		return fmt.Errorf("connect to Temporal: %w", err)
	}
	defer c.Close()
	history := &historypb.History{}
	events := c.GetWorkflowHistory(ctx, id, "", false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return fmt.Errorf("read the history of %s: %w", id, err)
		}
		history.Events = append(history.Events, event)
	}
	body, err := temporalproto.CustomJSONMarshalOptions{Indent: " "}.Marshal(history)
	if err != nil {
		return fmt.Errorf("write the history of %s: %w", id, err)
	}
	return os.WriteFile(file, body, 0o644)
}

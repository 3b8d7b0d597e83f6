package main

import (
	"context"
	"fmt"

	"github.com/spf13/cobra"
)

// begun is what start prints.
type begun struct {
	Target     string `json:"target"`
	WorkflowID string `json:"workflowId"`
	RunID      string `json:"runId"`
	UIURL      string `json:"uiUrl"`
}

func (c *cli) startCommand() *cobra.Command {
	var on terms
	cmd := &cobra.Command{
		Use: "start FILE", Short: "Start a rollout and return at once", Args: cobra.ExactArgs(1),
		Long: `Start the rollout that FILE describes ("-" is standard input), print its target
and its page in the Temporal UI, and return. Whether a worker admits it is told
by "bakeoff wait".

Exit codes: 0 started, 1 the command itself failed, 2 usage, 3 spec refused,
15 refused for now: the target has a running rollout. A freeze refuses it later,
as a result, unless --wait.`,
		Example: "  bakeoff start checkout.yaml --reason \"faster checkout\"",
		RunE: runs(func(ctx context.Context, args []string) error {
			svc, started, err := c.launch(ctx, args[0], on)
			if err != nil {
				return err
			}
			defer svc.Close()
			out := begun{targetOf(started), started.WorkflowID, started.RunID, c.link(started)}
			if c.json() {
				return c.print(out)
			}
			_, err = fmt.Fprintf(c.out, "%s\n%s\n", out.Target, out.UIURL)
			return err
		}),
	}
	on.flags(cmd)
	return cmd
}

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

func (c *cli) stopTheLineCommand() *cobra.Command {
	return c.lineCommand(rollout.CommandStopTheLine, &cobra.Command{
		Use: "stop-the-line", Short: "Emergency stop: nothing is started or raised in an environment",
		Long: `Stop the line of an environment, or of all: nothing is started, no weight is
raised, and every running rollout stays where it is until "bakeoff start-the-line".
Users who have a candidate are watched as before. Going back is never stopped:
a breach and an abort put the baseline back at once. No rehearsal begins, and
running ones break nothing more.`,
		Example: `  bakeoff stop-the-line --environment production --reason "database migration went wrong"
  bakeoff stop-the-line --all --reason "INC-12"`,
	}, service.StopLine)
}

func (c *cli) startTheLineCommand() *cobra.Command {
	return c.lineCommand(rollout.CommandStartTheLine, &cobra.Command{
		Use: "start-the-line", Short: "End the emergency stop of an environment",
		Long: `End the emergency stop that "bakeoff stop-the-line" began: rollouts go on by
themselves. A stop of --all and the stop of one environment are separate, and each
must be ended by itself.`,
		Example: `  bakeoff start-the-line --environment production --reason "INC-12 is over"`,
	}, service.StartLine)
}

// lineAnswer is the result JSON of an order to a line.
type lineAnswer struct {
	Environment string `json:"environment"` // "*": every one
	Answer      string `json:"answer"`      // accepted | denied | noop | stored
	Why         string `json:"why,omitempty"`
	CommandID   string `json:"commandId"`
}

// lineGiver is the method of the service that gives an order to a line.
type lineGiver func(service, context.Context, rollout.StopOrder) (rollout.Answer, error)

// lineCommand completes a command that orders a line about.
func (c *cli) lineCommand(name string, cmd *cobra.Command, give lineGiver) *cobra.Command {
	o := rollout.StopOrder{Command: rollout.Command{Name: name}}
	var by who
	all := false
	cmd.Args = cobra.NoArgs
	cmd.Long += "\n\nExit codes: 0 obeyed or no-op, 1 the command itself failed, 2 usage, 15 denied, with\nthe reason."
	cmd.PreRunE = func(*cobra.Command, []string) error {
		if all == (o.Environment != "") {
			return errors.New("say which: --environment NAME or --all")
		}
		if _, err := rollout.ParseTarget(o.Environment + "/service/unit"); err != nil && !all && name == rollout.CommandStopTheLine { // a stop of older versions must end
			return fmt.Errorf("--environment %q: no spec can name it so: write the environment alone, with letters, digits, '.', '_' or '-', or --all", o.Environment)
		}
		if strings.TrimSpace(by.reason) == "" {
			return errors.New("--reason must say why: it goes into the audit trail")
		}
		return nil
	}
	cmd.RunE = runs(func(ctx context.Context, _ []string) error {
		if all {
			o.Environment = rollout.EveryEnvironment
		}
		return c.orderLine(ctx, o, by, give)
	})
	by.flags(cmd)
	cmd.Flags().StringVar(&o.Environment, "environment", "", "the environment")
	cmd.Flags().BoolVar(&all, "all", false, "every environment")
	cmd.Flags().StringVar(&o.Command.ID, "id", "", "id of the command: the same id again is the same command (default a new one)")
	return cmd
}

// orderLine signs an order to a line where that is asked for, and gives it.
func (c *cli) orderLine(ctx context.Context, o rollout.StopOrder, by who, give lineGiver) error {
	svc, _, err := c.reach(ctx, answerTimeout)
	if err != nil {
		return err
	}
	defer svc.Close()
	o.Command.Actor, o.Command.Reason, o.Command.At = c.actor(by), by.reason, c.now().UTC()
	o.Command.ID = orElse(o.Command.ID, c.newID())
	asking, cancel := context.WithTimeout(ctx, answerTimeout)
	defer cancel()
	if o.Command, err = c.signedLine(asking, svc, o, by); err != nil {
		return fmt.Errorf("%s %s: nothing was sent: %w", o.Command.Name, o.Environment, err)
	}
	answer, err := give(svc, asking, o)
	code := c.lineAnswered(o, answer, err)
	if o.Command.Name == rollout.CommandStopTheLine && code == nil {
		c.warnUnknown(ctx, svc, o.Environment)
	}
	return code
}

// warnUnknown says that nothing is known in an environment whose line was stopped: its
// name may be another.
func (c *cli) warnUnknown(ctx context.Context, svc service, environment string) {
	asking, cancel := context.WithTimeout(ctx, answerWithin)
	defer cancel()
	if environment == rollout.EveryEnvironment {
		return
	}
	for range svc.List(asking, fmt.Sprintf("%s = '%s'", rollout.AttributeEnvironment, environment)) {
		return // or it could not be found out
	}
	fmt.Fprintf(c.err, "warning: Temporal knows no rollout in %s: is that its name, capitals included? It is stopped for whatever comes\n", environment)
}

// lineAnswered prints what became of an order to a line.
func (c *cli) lineAnswered(o rollout.StopOrder, a rollout.Answer, err error) error {
	stops := o.Command.Name == rollout.CommandStopTheLine
	switch {
	case (errors.Is(err, errOver) || errors.Is(err, errNotFound)) && !stops:
		a = rollout.Answer{Answer: rollout.Noop, Why: "it is not stopped"}
	case errors.Is(err, errNoWorker) && stops: // the order is the workflow's input
		a = rollout.Answer{Answer: stored, Why: "no worker answers: it is in force as soon as one comes, before anything is raised"}
	case err != nil:
		return fmt.Errorf("%s %s: %w", o.Command.Name, o.Environment, err)
	}
	if c.json() {
		err = c.print(lineAnswer{o.Environment, a.Answer, a.Why, o.Command.ID})
	} else {
		_, err = io.WriteString(c.out, strings.TrimSuffix(fmt.Sprintf("%s %s: %s, %s", o.Command.Name, o.Environment, a.Answer, a.Why), ", ")+"\n")
	}
	if err == nil && a.Answer == rollout.Denied {
		return fail(exitRefused, "%s denied: %s", o.Command.Name, a.Why)
	}
	return err
}

package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"bakeoff/rollout"
)

// cli is one run of the program: the process around it and the flags that all
// commands share.
type cli struct {
	*process
	connection connection
	output     outputFlag
	ui         string
	traced     traced
}

// execute runs one command line and returns its exit code. It is main without
// the process: tests call it.
func execute(ctx context.Context, p *process, args []string) int {
	c := &cli{process: p, output: "text"}
	root := c.root()
	root.SetArgs(args)
	root.SetIn(p.in)
	root.SetOut(p.out)
	root.SetErr(p.err)
	completions(root)
	ran, err := root.ExecuteContextC(ctx)
	code := codeOf(err)
	c.endTrace(ran, code, err)
	var silent *exitError
	if err != nil && !(errors.As(err, &silent) && silent.Err == nil) {
		fmt.Fprintln(p.err, "bakeoff: "+unsteered(err.Error()))
		if code == exitUsage && ran != nil {
			fmt.Fprintf(p.err, "see %s --help\n", ran.CommandPath())
		}
	}
	return code
}

const about = `Bakeoff moves a release to its users in small, judged steps, and can always put
things back. This command starts rollouts, waits for them and gives them orders.
Workers (bakeoff-worker) do the work; Temporal keeps the state and the history.

A target is written environment/service[/unit], such as production/checkout.

This command connects to Temporal as the temporal CLI does: by TEMPORAL_ADDRESS,
TEMPORAL_NAMESPACE, TEMPORAL_API_KEY, TEMPORAL_PROFILE, TEMPORAL_TLS…, or its
configuration file.`

const (
	groupRollouts   = "rollouts"
	groupRehearsals = "rehearsals"
	groupOrders     = "orders"
	groupSpecs      = "specs"
	groupAudit      = "audit"
)

func (c *cli) root() *cobra.Command {
	root := &cobra.Command{
		Use: "bakeoff", Short: "Durable progressive delivery", Long: about,
		Example:      "  bakeoff run checkout.yaml\n  bakeoff abort production/checkout --reason \"checkout is slow\"",
		SilenceUsage: true, SilenceErrors: true,
	}
	flags := root.PersistentFlags()
	flags.VarP(&c.output, "output", "o", "text for people or json for programs")
	flags.StringVar(&c.connection.Address, "address", "", "host:port of Temporal (default TEMPORAL_ADDRESS, else 127.0.0.1:7233)")
	flags.StringVar(&c.connection.Namespace, "namespace", "", "Temporal namespace (default TEMPORAL_NAMESPACE, else default)")
	flags.StringVar(&c.connection.Profile, "profile", "", "profile of the temporal CLI's configuration file (default TEMPORAL_PROFILE)")
	flags.StringVar(&c.ui, "ui", "", "address of the Temporal UI for links (default BAKEOFF_UI, else http://127.0.0.1:8233 for a local Temporal)")
	root.AddGroup(
		&cobra.Group{ID: groupRollouts, Title: "Rollouts:"}, &cobra.Group{ID: groupOrders, Title: "Orders:"},
		&cobra.Group{ID: groupRehearsals, Title: "Rehearsals:"}, &cobra.Group{ID: groupSpecs, Title: "Specs:"}, &cobra.Group{ID: groupAudit, Title: "Audit and tuning:"},
	)
	c.add(root, groupRollouts, c.runCommand(), c.startCommand(), c.waitCommand(), c.statusCommand(), c.listCommand())
	c.add(root, groupOrders, c.pauseCommand(), c.resumeCommand(), c.abortCommand(), c.approveCommand(), c.rejectCommand(),
		c.promoteCommand(), c.extendCommand(), c.retryCommand(), c.acknowledgeCommand(), c.concernCommand(), c.rollbackCommand(), c.restoreCommand(),
		c.stopTheLineCommand(), c.startTheLineCommand())
	c.add(root, groupSpecs, c.planCommand(), c.lintCommand(), c.schemaCommand())
	c.add(root, groupRehearsals, c.rehearseCommand(), c.reportCommand(), c.compareCommand())
	c.add(root, groupAudit, c.historyCommand(), c.judgeCommand(), c.doctorCommand())
	root.AddCommand(c.versionCommand())
	return root
}

// completions adds cobra's own command, which writes to the output that the
// root has now. Made runnable it looks at its arguments: as it comes it answers
// a shell that it does not know with help, and exits 0.
func completions(root *cobra.Command) {
	root.InitDefaultCompletionCmd()
	for _, command := range root.Commands() {
		if command.Name() == "completion" {
			command.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		}
	}
}

// add puts commands into a group and marks their errors as their own, so that
// what is left are errors of usage.
func (c *cli) add(root *cobra.Command, group string, commands ...*cobra.Command) {
	for _, command := range commands {
		command.GroupID = group
		root.AddCommand(command)
	}
}

// runs wraps the body of a command: an error without an exit code means that
// the command itself failed.
func runs(body func(ctx context.Context, args []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := advised(body(cmd.Context(), args))
		var coded *exitError
		if err == nil || errors.As(err, &coded) {
			return err
		}
		return &exitError{Code: exitFailed, Err: err}
	}
}

// dialOnce dials Temporal, and gives up after ten seconds.
func (c *cli) dialOnce(ctx context.Context) (service, error) {
	dialing, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	return c.dial(dialing, c.connection)
}

// connect dials Temporal once, for commands that only look; reach is for the others.
func (c *cli) connect(ctx context.Context) (service, error) {
	c.beginTrace(ctx)
	svc, err := c.dialOnce(ctx)
	if err != nil && ctx.Err() != nil {
		return nil, fail(exitInterrupted, "interrupted: nothing was asked of Temporal yet")
	}
	return svc, err
}

// connector connects to Temporal: connect, or reach with the patience of a command.
type connector func(context.Context) (service, error)

// onTarget wraps a body that talks to Temporal about the target in args[0].
func (c *cli) onTarget(connect connector, body func(ctx context.Context, svc service, t rollout.Target) error) func(*cobra.Command, []string) error {
	return runs(func(ctx context.Context, args []string) error {
		target, err := rollout.ParseTarget(args[0])
		if err != nil {
			return fail(exitUsage, "%w", err)
		}
		svc, err := connect(ctx)
		if err != nil {
			return err
		}
		defer svc.Close()
		return body(ctx, svc, target)
	})
}

// json reports whether the answer is for a program.
func (c *cli) json() bool { return c.output == "json" }

// print writes one JSON value on one line.
func (c *cli) print(v any) error {
	return writeJSON(c.out, v)
}

func writeJSON(w io.Writer, v any) error {
	e := json.NewEncoder(w)
	e.SetEscapeHTML(false)
	return e.Encode(v)
}

// link is the page of a run in the Temporal UI; "" where no UI is known.
func (c *cli) link(r run) string {
	base := orElse(c.ui, c.getenv("BAKEOFF_UI"))
	address, namespace := c.connection.Address, c.connection.Namespace
	if o, err := c.connection.options(); err == nil {
		address, namespace = orElse(address, o.HostPort), orElse(namespace, o.Namespace)
	}
	if base == "" && isLoopback(orElse(address, "127.0.0.1:7233")) {
		base = "http://127.0.0.1:8233"
	}
	if base == "" {
		return ""
	}
	page := strings.TrimRight(base, "/") + "/namespaces/" + url.PathEscape(orElse(namespace, "default")) + "/workflows/" + url.PathEscape(r.WorkflowID)
	if r.RunID == "" { // the UI finds the last one
		return page
	}
	return page + "/" + url.PathEscape(r.RunID) + "/history"
}

func isLoopback(address string) bool {
	host, _, err := net.SplitHostPort(address)
	if err != nil {
		return false
	}
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}

// present fills in what only the CLI knows, so that the result JSON is whole.
func (c *cli) present(s rollout.Status) rollout.Status {
	if s.RunID != "" {
		s.UIURL = c.link(run{s.WorkflowID, s.RunID})
	}
	if s.Checks == nil {
		s.Checks = []rollout.CheckResult{}
	}
	return s
}

// timed is a result without a time of the start that is not known.
type timed struct {
	rollout.Status
	StartedAt time.Time `json:"startedAt,omitzero"`
}

// result prints where a rollout stands: the result JSON, or sentences.
func (c *cli) result(s rollout.Status) error {
	s = c.present(s)
	c.traced.result(s)
	if c.json() {
		return c.print(timed{s, s.StartedAt})
	}
	_, err := io.WriteString(c.out, resultText(s, c.style(c.outIsTerminal)))
	return err
}

// outputFlag is text or json.
type outputFlag string

func (o *outputFlag) String() string { return string(*o) }
func (o *outputFlag) Type() string   { return "text|json" }
func (o *outputFlag) Set(s string) error {
	if s != "text" && s != "json" {
		return errors.New("write text or json")
	}
	*o = outputFlag(s)
	return nil
}

// durationFlag reads durations as specs write them: 30s, 10m, 7d.
type durationFlag struct{ rollout.Duration }

func (d *durationFlag) Type() string { return "duration" }
func (d *durationFlag) Set(s string) error {
	v, err := rollout.ParseDuration(s)
	if err == nil {
		d.Duration = v
	}
	return err
}
func (d *durationFlag) String() string {
	if d.Duration == 0 {
		return ""
	}
	return d.Duration.String()
}

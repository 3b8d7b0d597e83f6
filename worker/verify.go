package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	historypb "go.temporal.io/api/history/v1"
	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"
	sdklog "go.temporal.io/sdk/log"
	"go.temporal.io/sdk/worker"
	"go.temporal.io/sdk/workflow"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// goldenDirectory is where the histories of released versions are, seen from
// the root of the repository.
const goldenDirectory = "testsuite/histories"

// replayedQuery finds what runs and is replayed: rollouts and fleets, what stands
// above them, stopped lines, and what tells people, which may outlive them by a day.
const replayedQuery = "WorkflowType IN ('" + rollout.WorkflowType + "', '" + rollout.FleetType + "', '" + rollout.TargetType + "', '" +
	rehearsal.WorkflowType + "', '" + rehearsal.SuiteType + "', '" + rehearsal.RolloutType + "', '" + rehearsal.WatchType + "', '" + rollout.StopType + "', '" + rollout.NotifyWorkflowType + "') AND ExecutionStatus = 'Running'"

// errMismatch is a history that this binary would not reproduce.
var errMismatch = errors.New("mismatch")

func verifyCommand(o *options) *cobra.Command {
	var golden string
	var open bool
	cmd := &cobra.Command{
		Use:   "verify [--golden [DIR]] [--open]",
		Short: "Replay recorded and running rollouts with this binary, before it is deployed",
		Long: `verify replays histories with the workflow code of this binary and decodes what
they recorded, strictly: golden histories from a directory, and with --open
those of all running rollouts. It prints one line for each and stops at the
first that this binary would not reproduce, with a non-zero exit and the
workflow's id. Without --golden and --open it does both.`,
		Example: `  bakeoff-worker verify --golden testsuite/histories
  TEMPORAL_ADDRESS=temporal:7233 bakeoff-worker verify --open`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) == 1 && cmd.Flags().Changed("golden") {
				golden = args[0] // --golden DIR, which pflag takes for --golden and an argument
				return nil
			}
			return noArguments(cmd, args)
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			v := verifier{out: cmd.OutOrStdout(), register: registerWorkflows}
			if golden == "" && !open {
				golden, open = goldenDirectory, true
			}
			if golden != "" {
				if err := v.golden(os.DirFS(golden), golden); err != nil {
					return err
				}
			}
			if !open {
				return nil
			}
			return v.running(cmd.Context(), *o, cmd.ErrOrStderr())
		},
	}
	cmd.Flags().StringVar(&golden, "golden", "", "replay the histories (*.json) below `DIR`")
	cmd.Flags().Lookup("golden").NoOptDefVal = goldenDirectory
	cmd.Flags().BoolVar(&open, "open", false, "replay all running rollouts")
	return cmd
}

// verifier replays histories and prints one line for each.
type verifier struct {
	out      io.Writer
	register func(worker.WorkflowRegistry)
}

// golden replays every *.json below the directory, in order. No history at all
// is an error: an empty set proves nothing.
func (v verifier) golden(dir fs.FS, name string) error {
	count := 0
	err := fs.WalkDir(dir, ".", func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() || filepath.Ext(path) != ".json" {
			return err
		}
		history, err := readHistory(dir, path)
		if err != nil {
			return fmt.Errorf("%s: %w", filepath.Join(name, path), err)
		}
		count++
		return v.one(path, history)
	})
	if err != nil && !errors.Is(err, errMismatch) {
		return fmt.Errorf("read golden histories in %s: %w", name, err)
	}
	if err == nil && count == 0 {
		return fmt.Errorf("no histories (*.json) in %s", name)
	}
	return err
}

func readHistory(dir fs.FS, path string) (*historypb.History, error) {
	file, err := dir.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	return client.HistoryFromJSON(file, client.HistoryJSONOptions{})
}

// running replays every running rollout of the server.
func (v verifier) running(ctx context.Context, o options, stderr io.Writer) error {
	c, err := loadConfig(o.config)
	if err != nil {
		return err
	}
	clientOptions, err := clientOptions(c.Temporal)
	if err != nil {
		return err
	}
	server, err := connect(ctx, clientOptions, slog.New(slog.NewTextHandler(stderr, &slog.HandlerOptions{Level: slog.LevelWarn})))
	if err != nil {
		return err
	}
	defer server.Close()
	return v.open(ctx, server)
}

// historian is what replaying running rollouts needs of the server.
type historian interface {
	lister
	GetWorkflowHistory(ctx context.Context, workflowID, runID string, isLongPoll bool, filter enumspb.HistoryEventFilterType) client.HistoryEventIterator
}

func (v verifier) open(ctx context.Context, server historian) error {
	var page []byte
	for {
		answer, err := server.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: replayedQuery, NextPageToken: page})
		if err != nil {
			return fmt.Errorf("list running rollouts: %w", err)
		}
		for _, w := range answer.GetExecutions() {
			history, err := fetch(ctx, server, w.GetExecution())
			if err != nil {
				return fmt.Errorf("read the history of %s: %w", w.GetExecution().GetWorkflowId(), err)
			}
			if err := v.one("running", history); err != nil {
				return err
			}
		}
		if page = answer.GetNextPageToken(); len(page) == 0 {
			return nil
		}
	}
}

func fetch(ctx context.Context, server historian, e *commonpb.WorkflowExecution) (*historypb.History, error) {
	history := &historypb.History{}
	events := server.GetWorkflowHistory(ctx, e.GetWorkflowId(), e.GetRunId(), false, enumspb.HISTORY_EVENT_FILTER_TYPE_ALL_EVENT)
	for events.HasNext() {
		event, err := events.Next()
		if err != nil {
			return nil, err
		}
		history.Events = append(history.Events, event)
	}
	return history, nil
}

// one replays one history and prints its line.
func (v verifier) one(source string, history *historypb.History) error {
	if len(history.GetEvents()) == 0 {
		return fmt.Errorf("%w: %s holds no events", errMismatch, source)
	}
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	id := started.GetWorkflowId()
	err := strictDecode(history)
	if err == nil {
		err = v.replay(history)
	}
	if err != nil {
		fmt.Fprintf(v.out, "MISMATCH  %s  (%s)\n", id, source)
		return fmt.Errorf("%w: workflow %s (%s): %s", errMismatch, id, source, firstLine(err))
	}
	fmt.Fprintf(v.out, "ok        %s  (%s, %d events)\n", id, source, len(history.GetEvents()))
	return nil
}

func (v verifier) replay(history *historypb.History) error {
	replayer, err := worker.NewWorkflowReplayerWithOptions(worker.WorkflowReplayerOptions{})
	if err != nil {
		return err
	}
	v.register(replayer)
	started := history.GetEvents()[0].GetWorkflowExecutionStartedEventAttributes()
	return replayer.ReplayWorkflowHistoryWithOptions(sdklog.NewStructuredLogger(slog.New(slog.DiscardHandler)), history, worker.ReplayWorkflowHistoryOptions{
		OriginalExecution: workflow.Execution{ID: started.GetWorkflowId(), RunID: started.GetOriginalExecutionRunId()}})
}

// firstLine leaves out the stack that replay errors carry.
func firstLine(err error) string {
	line, _, _ := strings.Cut(err.Error(), "\n")
	return line
}

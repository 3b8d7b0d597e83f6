package demo

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os/exec"
	"strings"
	"syscall"
	"time"
)

// cli calls the real command line, as a person or a pipeline would.
type cli struct {
	program string
	crew    *crew
	env     []string
	in      io.Reader // what commands read; nil: nothing
}

// result is the part of the result JSON that the demonstration tells of.
type result struct {
	RunID         string    `json:"runId"`
	StartedAt     time.Time `json:"startedAt"`
	Phase         string    `json:"phase"`
	WaitingFor    string    `json:"waitingFor"`
	Outcome       string    `json:"outcome"`
	Cause         string    `json:"cause"`
	Reason        string    `json:"reason"`
	Weight        string    `json:"weight"`
	Checks        []check   `json:"checks"`
	Units         []unit    `json:"units"` // of a fleet
	TimeToRestore *struct {
		Decide, Traffic, Health, Total string
	} `json:"timeToRestore"`
	UIURL  string `json:"uiUrl"`
	Answer string `json:"answer"` // to a command, with Why
	Why    string `json:"why"`
}

// call runs one command, hands its progress line by line to told, and returns
// what it printed and its exit code. An error means that it did not run.
func (c cli) call(ctx context.Context, told func(string), args ...string) (stdout []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, c.program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.crew.dir, c.env, c.in
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true} // Ctrl-C is ours
	cmd.Cancel = func() error { return cmd.Process.Signal(syscall.SIGINT) }
	cmd.WaitDelay = 5 * time.Second
	var out bytes.Buffer
	reader, writer := io.Pipe()
	cmd.Stdout, cmd.Stderr = &out, writer
	read := make(chan struct{})
	go func() {
		defer close(read)
		for lines := bufio.NewScanner(reader); lines.Scan(); {
			told(withoutTime(lines.Text()))
		}
		_, _ = io.Copy(io.Discard, reader) // after a line that was too long
	}()
	err = c.run(cmd)
	_ = writer.Close()
	<-read
	if err != nil {
		return nil, 0, fmt.Errorf("bakeoff %s: %w", strings.Join(args, " "), err)
	}
	return out.Bytes(), cmd.ProcessState.ExitCode(), nil
}

// run starts a command and waits for its end, listed among the processes
// meanwhile. An exit code is an answer, not an error.
func (c cli) run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	_, listed := c.crew.enlist("bakeoff", cmd.Process.Pid)
	err := cmd.Wait()
	var exited *exec.ExitError
	if errors.As(err, &exited) && exited.Exited() {
		err = nil
	}
	return errors.Join(err, listed, c.crew.dismiss(cmd.Process.Pid))
}

// result calls a command that prints the result JSON.
func (c cli) result(ctx context.Context, told func(string), args ...string) (result, int, error) {
	out, code, err := c.call(ctx, told, append(args, "-o", "json")...)
	var r result
	if err == nil && len(bytes.TrimSpace(out)) > 0 {
		if err = json.Unmarshal(out, &r); err != nil {
			err = fmt.Errorf("bakeoff %s printed no result: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return r, code, err
}

// withoutTime cuts the time off a progress line: the demonstration writes its own.
func withoutTime(line string) string {
	head, rest, found := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339, head); found && err == nil {
		return rest
	}
	return line
}

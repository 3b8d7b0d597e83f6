package town

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

// CLI calls the real command line, as a person or a pipeline would.
type CLI struct {
	Program string
	Crew    *Crew
	Env     []string
	In      io.Reader // what commands read; nil: nothing
}

// Call runs one command, hands its progress line by line to told, and returns
// what it printed and its exit code. An error means that it did not run.
func (c CLI) Call(ctx context.Context, told func(string), args ...string) (stdout []byte, code int, err error) {
	cmd := exec.CommandContext(ctx, c.Program, args...)
	cmd.Dir, cmd.Env, cmd.Stdin = c.Crew.Dir, c.Env, c.In
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
func (c CLI) run(cmd *exec.Cmd) error {
	if err := cmd.Start(); err != nil {
		return err
	}
	_, listed := c.Crew.enlist("bakeoff", cmd.Process.Pid)
	err := cmd.Wait()
	var exited *exec.ExitError
	if errors.As(err, &exited) && exited.Exited() {
		err = nil
	}
	return errors.Join(err, listed, c.Crew.dismiss(cmd.Process.Pid))
}

// Result calls a command that prints one JSON document, and reads that into what
// the pointer points to. Where it prints nothing, that stays as it is.
func (c CLI) Result(ctx context.Context, told func(string), into any, args ...string) (code int, err error) {
	out, code, err := c.Call(ctx, told, append(args, "-o", "json")...)
	if err == nil && len(bytes.TrimSpace(out)) > 0 {
		if err = json.Unmarshal(out, into); err != nil {
			err = fmt.Errorf("bakeoff %s printed no result: %w: %s", strings.Join(args, " "), err, out)
		}
	}
	return code, err
}

// withoutTime cuts the time off a progress line: the demonstration writes its own.
func withoutTime(line string) string {
	head, rest, found := strings.Cut(line, " ")
	if _, err := time.Parse(time.RFC3339, head); found && err == nil {
		return rest
	}
	return line
}

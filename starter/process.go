package main

import (
	"context"
	"io"
	"os"
	"os/user"
	"time"

	"github.com/google/uuid"
)

// process is all that commands touch of the world outside: tests bring their own.
type process struct {
	in       io.Reader
	out, err io.Writer

	inIsTerminal, outIsTerminal, errIsTerminal bool

	getenv func(string) string
	whoami func() string // user@host
	now    func() time.Time
	newID  func() string
	poll   time.Duration // how often a running rollout is looked at
	dial   func(context.Context, connection) (service, error)
}

// newProcess returns the process as the operating system sees it.
func newProcess() *process {
	return &process{
		in: os.Stdin, out: os.Stdout, err: os.Stderr,
		inIsTerminal: isTerminal(os.Stdin), outIsTerminal: isTerminal(os.Stdout), errIsTerminal: isTerminal(os.Stderr),
		getenv: os.Getenv, whoami: whoami, now: time.Now, newID: uuid.NewString,
		poll: 500 * time.Millisecond, dial: dial,
	}
}

// isTerminal reports whether a person sees what is written to f. The null
// device is a character device too, but nobody looks at it.
func isTerminal(f *os.File) bool {
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}

func whoami() string {
	name, host := "unknown", "unknown"
	if u, err := user.Current(); err == nil {
		name = u.Username
	}
	if h, err := os.Hostname(); err == nil {
		host = h
	}
	return name + "@" + host
}

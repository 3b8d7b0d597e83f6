package town

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"syscall"
)

// The exit codes of programs that have a town.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// Options say where a program finds others and keeps its files.
type Options struct {
	Binaries string    // folder of the programs; caddy there or on PATH
	Dir      string    // working directory, made when it is missing, empty else; "": a temporary one
	Keep     bool      // leave everything running
	Out      io.Writer // what people read

	stop string // the folder in which everything is to be stopped
}

// Main is main of a program that has a town, with its surroundings as arguments;
// it returns the exit code. The flags are those of the program itself; those of
// every town are added.
type Main struct {
	Name, Usage    string
	Flags          *flag.FlagSet
	Stdout, Stderr io.Writer
	Check          func() error // of the program's own flags; nil: all is well
}

// Run reads the arguments, and does what they say: stop an earlier town, or act.
func (m Main) Run(args []string, act func(context.Context, Options) error) int {
	o := Options{Out: m.Stdout}
	switch err := m.parse(args, &o); {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(m.Stdout, m.Usage)
		return 0
	case err != nil:
		return exitUsage
	}
	// A second signal changes nothing: whatever was started is still to be
	// stopped. SIGPIPE means that nobody reads any more.
	ctx, stopListening := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	defer stopListening()
	if o.stop != "" {
		act = stop
	}
	switch err := act(ctx, o); {
	case err != nil && ctx.Err() != nil:
		fmt.Fprintf(m.Stderr, "%s: interrupted\n", m.Name)
		return exitInterrupted
	case err != nil:
		fmt.Fprintf(m.Stderr, "%s: %v\n", m.Name, err)
		return exitFailed
	}
	return 0
}

func (m Main) parse(args []string, o *Options) error {
	m.Flags.SetOutput(m.Stderr)
	m.Flags.Usage = func() {} // only --help shows it all
	m.Flags.StringVar(&o.Binaries, "bin", beside(), "")
	m.Flags.StringVar(&o.Dir, "dir", "", "")
	m.Flags.BoolVar(&o.Keep, "keep", false, "")
	m.Flags.StringVar(&o.stop, "stop", "", "")
	if err := m.Flags.Parse(args); err != nil {
		return err // it was printed
	}
	var err error
	if m.Flags.NArg() > 0 {
		err = fmt.Errorf("unexpected argument %q; try --help", m.Flags.Arg(0))
	} else if m.Check != nil {
		err = m.Check()
	}
	if err != nil {
		fmt.Fprintf(m.Stderr, "%s: %v\n", m.Name, err)
	}
	return err
}

func stop(_ context.Context, o Options) error {
	if err := Stop(o.stop); err != nil {
		return err
	}
	fmt.Fprintf(o.Out, "nothing runs in %s any more\n", o.stop)
	return nil
}

// beside is the folder of this program.
func beside() string {
	self, err := os.Executable()
	if err != nil {
		return "bin"
	}
	return filepath.Dir(self)
}

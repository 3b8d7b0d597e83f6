package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"strings"
	"time"

	"bakeoff/deploy/dev/temporald"
)

// authDirectory is where the key that signs tokens is kept, unless a flag says
// otherwise.
const authDirectory = "bakeoff-dev-auth"

// tokenHint says how to call a server that asks for tokens.
const tokenHint = `auth     every call needs a token; read, write and admin are known:
           export TEMPORAL_TLS=false TEMPORAL_API_KEY=$(bakeoff-dev token --auth-directory %s --subject ana@example.com --permissions %s:write)
`

const tokenUsage = `bakeoff-dev token prints a token for a server that runs with --auth. Give it to
bakeoff, bakeoff-worker and temporal as TEMPORAL_API_KEY, with TEMPORAL_TLS=false:
an API key turns TLS on, and this server has none. Workers need write.

Usage: bakeoff-dev token --subject NAME --permissions NAMESPACE:ROLE[,…] [flags]

Example, somebody who may look and change nothing:
  bakeoff-dev token --subject eve@example.com --permissions default:read --expires 8h

Flags:
`

// wish is the token that was asked for.
type wish struct {
	directory, subject, permissions string
	expires                         time.Duration
}

// runToken is the subcommand token; it returns the exit code.
func runToken(args []string, stdout, stderr io.Writer) int {
	var w wish
	flags := flag.NewFlagSet("bakeoff-dev token", flag.ContinueOnError)
	flags.SetOutput(stderr)
	flags.StringVar(&w.directory, "auth-directory", authDirectory, "`folder` of the key that signs tokens")
	flags.StringVar(&w.subject, "subject", "", "`name` of whom the token is for")
	flags.StringVar(&w.permissions, "permissions", "", "what they may do, as `namespace:role` with commas between: read, write or admin")
	flags.DurationVar(&w.expires, "expires", time.Hour, "how long it holds, as a `duration`")
	switch err := read(flags, args, tokenUsage, stdout, stderr); {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		return exitUsage
	}
	permissions, err := w.check()
	if err != nil {
		fmt.Fprintf(stderr, "bakeoff-dev token: %v; try --help\n", err)
		return exitUsage
	}
	token, err := w.token(permissions)
	if err != nil {
		fmt.Fprintf(stderr, "bakeoff-dev token: %v\n", err)
		return exitFailed
	}
	if _, err := fmt.Fprintln(stdout, token); err != nil {
		return exitFailed
	}
	return 0
}

// check returns the permissions, each as the server reads it. The server would
// ignore one that it does not know.
func (w wish) check() ([]string, error) {
	switch {
	case w.subject == "":
		return nil, errors.New("--subject: say whom the token is for")
	case w.permissions == "":
		return nil, errors.New("--permissions: say what they may do, such as default:read")
	}
	permissions := strings.Split(w.permissions, ",")
	for _, p := range permissions {
		namespace, role, _ := strings.Cut(p, ":")
		if namespace == "" || role != "read" && role != "write" && role != "admin" {
			return nil, fmt.Errorf("--permissions: %q is not namespace:role with one of read, write, admin", p)
		}
	}
	return permissions, nil
}

func (w wish) token(permissions []string) (string, error) {
	keys, err := temporald.ReadKeys(w.directory)
	if errors.Is(err, fs.ErrNotExist) {
		return "", fmt.Errorf("%w: start bakeoff-dev --auth first, or name its folder with --auth-directory", err)
	}
	if err != nil {
		return "", err
	}
	return keys.Token(w.subject, permissions, time.Now().Add(w.expires))
}

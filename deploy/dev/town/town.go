// Package town is what demonstrations on one machine are made of: real processes
// of Temporal, Caddy, workers and services in one folder, the command line that
// people use, and a way to end all of it. [Town] is the type to read first.
package town

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// The processes of every town, as pids.json names them. What begins like a worker
// is one.
const (
	temporalName = "bakeoff-dev"
	caddyName    = "caddy"
	WorkerName   = "bakeoff-worker"
)

// The files of a town's folder.
const (
	pidsFile      = "pids.json"
	databaseFile  = "temporal.db"
	temporalFile  = "temporal.toml" // empty: the person's own profiles stay out of it
	VariablesFile = "variables.sh"
	logFolder     = "logs"
	tempFolder    = "tmp"
)

// StartWithin bounds the start of each process.
const StartWithin = 60 * time.Second

// Town is what runs in one folder.
type Town struct {
	*Crew
	Programs map[string]string // name → path, of all that Find found
	Temporal string            // host:port
	UI       string            // URL
	CLI      CLI

	isTemporary bool
}

// Open makes the folder of a town, with further folders in it. It has to be empty
// or not there; "" is a temporary one whose name begins with the pattern.
func Open(dir, pattern string, folders ...string) (t *Town, err error) {
	isTemporary := dir == ""
	if isTemporary {
		dir, err = os.MkdirTemp("", pattern)
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return nil, fmt.Errorf("make the working directory: %w", err)
	}
	found, err := os.ReadDir(dir)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%s is not empty: --stop %[1]s stops what may run there; then remove it, or choose another", dir)
	}
	for _, folder := range append(folders, logFolder, tempFolder) {
		if err == nil {
			err = os.Mkdir(filepath.Join(dir, folder), 0o755)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, temporalFile), nil, 0o644)
	}
	if err != nil {
		return nil, fmt.Errorf("make the working directory: %w", err)
	}
	return &Town{Crew: &Crew{Dir: dir, Env: variables(os.Environ(), dir)}, isTemporary: isTemporary}, nil
}

// variables is what processes get: the person's variables, apart from those
// that would lead to another Temporal, and nothing written to the home directory.
func variables(own []string, dir string) []string {
	var env []string
	for _, v := range own {
		name, _, _ := strings.Cut(v, "=")
		if !strings.HasPrefix(v, "TEMPORAL_") && !strings.HasPrefix(v, "BAKEOFF_") && !strings.HasPrefix(v, "XDG_") && name != "TMPDIR" {
			env = append(env, v)
		}
	}
	return append(env, temporary(dir), "TEMPORAL_CONFIG_FILE="+filepath.Join(dir, temporalFile),
		"XDG_DATA_HOME="+filepath.Join(dir, "caddy"), "XDG_CONFIG_HOME="+filepath.Join(dir, "caddy"))
}

// temporary is the variable by which processes of a town are known: also those
// that are given no other one hand it on.
func temporary(dir string) string { return "TMPDIR=" + filepath.Join(dir, tempFolder) }

// StartTemporal brings Temporal up, and leads the command line there. actor is
// who speaks by it.
func (t *Town) StartTemporal(ctx context.Context, actor string) error {
	temporal, err := t.Start(temporalName, t.Programs["bakeoff-dev"], "--db", filepath.Join(t.Dir, databaseFile),
		"--address", preferred(7233), "--ui-address", preferred(8233))
	if err != nil {
		return err
	}
	if err := temporal.Await(ctx, StartWithin, temporal.IsReady); err != nil {
		return err
	}
	t.Temporal, t.UI = temporal.Said("temporal"), temporal.Said("ui")
	found := []string{"TEMPORAL_ADDRESS=" + t.Temporal, "TEMPORAL_NAMESPACE=default", "BAKEOFF_UI=" + t.UI}
	t.Env = append(t.Env, found...)
	t.CLI = CLI{Program: t.Programs["bakeoff"], Crew: t.Crew, Env: append(t.Env, "BAKEOFF_ACTOR="+actor)}
	found = append(found, fmt.Sprintf("PATH=%q:$PATH", filepath.Dir(t.Programs["bakeoff"])))
	text := "# . " + VariablesFile + " finds bakeoff, and lets it and the temporal CLI find what runs here\nexport " + strings.Join(found, "\nexport ") + "\n"
	return os.WriteFile(filepath.Join(t.Dir, VariablesFile), []byte(text), 0o644)
}

// StartCaddy brings a Caddy up whose configuration has the admin address.
func (t *Town) StartCaddy(ctx context.Context, file, admin string) error {
	caddy, err := t.Start(caddyName, t.Programs["caddy"], "run", "--config", file)
	if err != nil {
		return err
	}
	return caddy.Await(ctx, StartWithin, func() bool { return Answers200("http://" + admin + "/config/") })
}

// StartReady starts a program and waits until it says that it is ready.
func (t *Town) StartReady(ctx context.Context, name, program string, args ...string) (Member, error) {
	m, err := t.Start(name, t.Programs[program], args...)
	if err != nil {
		return m, err
	}
	return m, m.Await(ctx, StartWithin, m.IsReady)
}

// Close ends every process of the town, and removes its folder where that is a
// temporary one and remove is true. It reports whether the folder is still there.
func (t *Town) Close(remove bool) (isThere bool, err error) {
	if err := Stop(t.Dir); err != nil || !remove || !t.isTemporary {
		return true, err
	}
	if err := os.RemoveAll(t.Dir); err != nil {
		return true, fmt.Errorf("remove the working directory: %w", err)
	}
	return false, nil
}

// Histories is the command that serves what the folder has of Temporal.
func (t *Town) Histories() string {
	return t.Programs["bakeoff-dev"] + " --db " + filepath.Join(t.Dir, databaseFile)
}

// preferred is the well-known port where it is free, else any.
func preferred(port int) string {
	address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
	l, err := net.Listen("tcp", address)
	if err != nil {
		return "127.0.0.1:0"
	}
	_ = l.Close() // closing a listener loses nothing
	return address
}

// FreeAddresses fills in addresses of this machine that are free now, each
// another. Their ports are below those that systems give to connections (Linux:
// from 32768): nobody is given one before it is bound.
func FreeAddresses(into ...*string) error {
	const lowest, highest, tries = 10_000, 32_000, 1000
	given := map[int]bool{}
	for try := 0; len(given) < len(into); try++ {
		if try == tries {
			return fmt.Errorf("find %d free ports from %d to %d: %d tries were not enough", len(into), lowest, highest, tries)
		}
		port := lowest + rand.IntN(highest-lowest)
		if given[port] {
			continue
		}
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		l, err := net.Listen("tcp", address)
		if err != nil {
			continue
		}
		_ = l.Close() // closing a listener loses nothing
		*into[len(given)] = address
		given[port] = true
	}
	return nil
}

var asking = http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

// Answers200 asks a page once.
func Answers200(url string) bool {
	resp, err := asking.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // its status is all that matters
	return resp.StatusCode == http.StatusOK
}

// Package demo shows Bakeoff at work on one machine: real processes, a real
// proxy, a real Temporal, steady load, and one release of each kind. One is
// promoted, one is rolled back because it fails, one because it is slow, one is
// aborted by a person, one is promoted as soon as it is proved to be no worse,
// one is held, because that cannot be proved, until a person rejects it, one
// waits until two people have signed for it, and one goes to three branches as a
// fleet, which goes back because it fails in one of them. It drives the same
// command line that people use, and fails when anything ends otherwise than it
// should, when the raw windows do not lead to the verdicts that were given, or
// when OpenSSH finds a signature bad.
//
// [Run] is the function to read first; the story is in story.go and fleet.go.
package demo

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"time"
)

// Options say where the demonstration finds its programs and keeps its files.
type Options struct {
	Binaries string    // folder of bakeoff, bakeoff-dev, bakeoff-worker, bakeoff-shop, bakeoff-demo; caddy there or on PATH
	Dir      string    // working directory, made when it is missing, empty else; "": a temporary one
	Rate     int       // requests a second
	Keep     bool      // leave everything running
	Out      io.Writer // what people read
}

// startWithin bounds the start of each process.
const startWithin = 60 * time.Second

// The processes, as pids.json names them.
const (
	temporalName = "bakeoff-dev"
	workerName   = "bakeoff-worker"
	caddyName    = "caddy"
	loadName     = "load"
)

// Run tells the whole story and prints what happened. It returns an error when
// something could not be started, ctx ended, or a release ended otherwise than
// it should. Without Keep, and whenever it fails, everything that it started is
// stopped before it returns.
func Run(ctx context.Context, o Options) (err error) {
	programs, err := find(o.Binaries)
	if err != nil {
		return err
	}
	d := &demo{options: o, programs: programs, began: time.Now()}
	temporary, err := d.makeDir()
	if err != nil {
		return err
	}
	loading, endLoad := context.WithCancel(ctx)
	d.endLoad = endLoad
	defer func() { err = d.end(err, temporary) }()
	if err := d.start(ctx); err != nil {
		return err
	}
	chapters, err := d.tell(ctx, loading)
	if err != nil {
		return err
	}
	fleet, err := d.sail(ctx, loading)
	if err == nil {
		err = errors.Join(d.judgeAgain(ctx, chapters), d.prove(ctx, chapters))
	}
	if err != nil {
		return err
	}
	users := d.shop.ledger
	fmt.Fprint(o.Out, "\n"+render(chapters, users.total(d.began, time.Now()))+users.losses()+"\n"+fleet.render())
	return errors.Join(verify(chapters), fleet.verify())
}

// demo is one demonstration while it runs.
type demo struct {
	options  Options
	programs map[string]string // name → path
	began    time.Time
	writing  sync.Mutex

	crew     *crew
	cli      cli
	temporal string // host:port
	ui       string // URL
	admin    string // host:port of Caddy's admin API
	shop     site
	branches []site

	endLoad context.CancelFunc
	loading sync.WaitGroup
}

// say prints one line with the time since the beginning.
func (d *demo) say(format string, args ...any) {
	d.writing.Lock()
	defer d.writing.Unlock()
	fmt.Fprintf(d.options.Out, "%6.1fs  %s\n", time.Since(d.began).Seconds(), fmt.Sprintf(format, args...))
}

// makeDir makes the working directory. It reports whether it is a temporary one.
func (d *demo) makeDir() (temporary bool, err error) {
	dir := d.options.Dir
	if temporary = dir == ""; temporary {
		dir, err = os.MkdirTemp("", "bakeoff-demo-")
	} else if dir, err = filepath.Abs(dir); err == nil {
		err = os.MkdirAll(dir, 0o755)
	}
	if err != nil {
		return temporary, fmt.Errorf("make the working directory: %w", err)
	}
	found, err := os.ReadDir(dir)
	if err == nil && len(found) > 0 {
		err = fmt.Errorf("%s is not empty: `bakeoff-demo --stop %[1]s` stops what may run there; then remove it, or choose another", dir)
	}
	for _, folder := range []string{logFolder, specFolder, keyFolder, voteFolder} {
		if err == nil {
			err = os.Mkdir(filepath.Join(dir, folder), 0o755)
		}
	}
	if err == nil {
		err = os.WriteFile(filepath.Join(dir, temporalFile), nil, 0o644)
	}
	if err != nil {
		return temporary, fmt.Errorf("make the working directory: %w", err)
	}
	d.crew = &crew{dir: dir, env: variables(os.Environ(), dir)}
	return temporary, nil
}

// variables is what processes get: the person's variables, apart from those
// that would lead to another Temporal, and nothing written to the home directory.
func variables(own []string, dir string) []string {
	var env []string
	for _, v := range own {
		if !strings.HasPrefix(v, "TEMPORAL_") && !strings.HasPrefix(v, "BAKEOFF_") && !strings.HasPrefix(v, "XDG_") {
			env = append(env, v)
		}
	}
	return append(env, "TEMPORAL_CONFIG_FILE="+filepath.Join(dir, temporalFile),
		"XDG_DATA_HOME="+filepath.Join(dir, "caddy"), "XDG_CONFIG_HOME="+filepath.Join(dir, "caddy"))
}

// start brings up Temporal, Caddy and a worker.
func (d *demo) start(ctx context.Context) error {
	d.say("starting Temporal, Caddy and a worker in %s", d.crew.dir)
	temporal, err := d.crew.start(temporalName, d.programs["bakeoff-dev"], "--db", filepath.Join(d.crew.dir, databaseFile),
		"--address", preferred(7233), "--ui-address", preferred(8233))
	if err != nil {
		return err
	}
	if err := d.startCaddy(ctx); err != nil {
		return err
	}
	if err := temporal.await(ctx, startWithin, func() bool { return temporal.isReady() }); err != nil {
		return err
	}
	d.temporal, d.ui = temporal.said("temporal"), temporal.said("ui")
	found := []string{"TEMPORAL_ADDRESS=" + d.temporal, "TEMPORAL_NAMESPACE=default", "BAKEOFF_UI=" + d.ui}
	d.crew.env = append(d.crew.env, found...)
	d.cli = cli{program: d.programs["bakeoff"], crew: d.crew, env: append(d.crew.env, "BAKEOFF_ACTOR=demo")}
	if err := errors.Join(d.makeKeys(), d.startWorker(ctx)); err != nil {
		return err
	}
	d.say("Temporal %s, UI %s, the shop %s", d.temporal, d.ui, d.shop.url())
	found = append(found, fmt.Sprintf("PATH=%q:$PATH", filepath.Dir(d.programs["bakeoff"])))
	text := "# . " + variablesFile + " finds bakeoff, and lets it and the temporal CLI find this demonstration\nexport " + strings.Join(found, "\nexport ") + "\n"
	return os.WriteFile(filepath.Join(d.crew.dir, variablesFile), []byte(text), 0o644)
}

func (d *demo) startCaddy(ctx context.Context) error {
	admin, err := freeAddress()
	if err != nil {
		return err
	}
	if err := d.findSites(); err != nil {
		return err
	}
	d.admin = admin
	file, err := write(d.crew.dir, caddyFile, "caddy.json", machineValues{CaddyAdminAddress: admin, Sites: append([]site{d.shop}, d.branches...)})
	if err != nil {
		return err
	}
	caddy, err := d.crew.start(caddyName, d.programs["caddy"], "run", "--config", file)
	if err != nil {
		return err
	}
	return caddy.await(ctx, startWithin, func() bool { return answers200("http://" + admin + "/config/") })
}

func (d *demo) startWorker(ctx context.Context) error {
	file, err := write(d.crew.dir, workerFile, "bakeoff-worker.yaml", machineValues{
		Temporal: d.temporal, CaddyAdmin: "http://" + d.admin,
		ShopState: d.shop.State, ShopBinary: d.programs["bakeoff-shop"],
		Windows: filepath.Join(d.crew.dir, windowFolder), Shopkeepers: shopkeepers,
	})
	if err != nil {
		return err
	}
	worker, err := d.crew.start(workerName, d.programs["bakeoff-worker"], "--config", file, "--listen", "127.0.0.1:0", "--register")
	if err != nil {
		return err
	}
	return worker.await(ctx, startWithin, func() bool { return worker.isReady() })
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

func freeAddress() (string, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", fmt.Errorf("find a free port: %w", err)
	}
	return l.Addr().String(), l.Close()
}

var asking = http.Client{Timeout: 2 * time.Second, Transport: &http.Transport{DisableKeepAlives: true}}

func answers200(url string) bool {
	resp, err := asking.Get(url)
	if err != nil {
		return false
	}
	_ = resp.Body.Close() // its status is all that matters
	return resp.StatusCode == http.StatusOK
}

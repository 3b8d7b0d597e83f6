//go:build linux

package process

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"syscall"
	"text/template"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/rollout"
)

// inherited are the worker's variables that a process gets: never its
// credentials.
var inherited = []string{"PATH", "HOME", "USER", "LANG", "LC_ALL", "TZ", "TMPDIR"}

// launcher makes command lines.
type launcher struct {
	command []*template.Template
	env     map[string]*template.Template
}

// values are what placeholders stand for.
type values struct {
	Version  string
	Port     int
	Artifact string
}

func newLauncher(command []string, env map[string]string) (launcher, error) {
	if len(command) == 0 {
		return launcher{}, errors.New("command: must name a program")
	}
	l := launcher{env: map[string]*template.Template{}}
	for i, text := range command {
		t, err := parse(fmt.Sprintf("command[%d]", i), text)
		if err != nil {
			return launcher{}, err
		}
		l.command = append(l.command, t)
	}
	for name, text := range env {
		t, err := parse("env."+name, text)
		if err == nil && !isVariable(name) {
			err = fmt.Errorf("env: %q cannot name a variable", name)
		}
		if err != nil {
			return launcher{}, err
		}
		l.env[name] = t
	}
	return l, nil
}

func parse(name, text string) (*template.Template, error) {
	t, err := template.New(name).Parse(text)
	if err == nil {
		err = t.Execute(io.Discard, values{})
	}
	return t, err
}

func isVariable(name string) bool { return name != "" && !strings.ContainsAny(name, "=\x00") }

func render(t *template.Template, v values) (string, error) {
	var out strings.Builder
	err := t.Execute(&out, v)
	return out.String(), err
}

// build returns the command of a process, which is not started. Its
// environment is, later ones winning: a few variables of the worker, the
// parameters', the release's config, the token.
func (l launcher) build(v values, config map[string]string, token string) (*exec.Cmd, error) {
	var args []string
	for _, t := range l.command {
		arg, err := render(t, v)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, activities.ErrFinal)
		}
		args = append(args, arg)
	}
	env := map[string]string{}
	for _, name := range inherited {
		if value, set := os.LookupEnv(name); set {
			env[name] = value
		}
	}
	for name, t := range l.env {
		value, err := render(t, v)
		if err != nil {
			return nil, fmt.Errorf("%w: %w", err, activities.ErrFinal)
		}
		env[name] = value
	}
	for name, value := range config {
		if !isVariable(name) || strings.Contains(value, "\x00") {
			return nil, fmt.Errorf("config %q cannot be a variable: %w", name, activities.ErrFinal)
		}
		env[name] = value
	}
	env[intentVariable] = token
	cmd := exec.Command(args[0], args[1:]...)
	for _, name := range slices.Sorted(maps.Keys(env)) {
		cmd.Env = append(cmd.Env, name+"="+env[name])
	}
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	return cmd, nil
}

// ensure brings a version's processes up, under the lock.
func (s *Supervisor) ensure(ctx context.Context, r record, d activities.Deployment) error {
	if alive := r.living(); len(alive) > 0 && !isSame(r.Release, d.Release) {
		return fmt.Errorf("it runs already, with another artifact, config or model: %w", activities.ErrFinal)
	}
	r.Release, r.Desired = d.Release, max(d.Replicas, len(r.Replicas), 1)
	for i := range r.Desired {
		if err := ctx.Err(); err != nil {
			return err
		}
		if i == len(r.Replicas) {
			r.Replicas = append(r.Replicas, replica{})
		}
		if err := s.ensureReplica(&r, i); err != nil {
			return fmt.Errorf("replica %d: %w", i, err)
		}
	}
	return s.save(r)
}

// isSame reports whether two releases make the same processes. Flags do not count.
func isSame(a, b rollout.Release) bool {
	a.Flags, b.Flags = nil, nil
	left, err1 := json.Marshal(a)
	right, err2 := json.Marshal(b)
	return err1 == nil && err2 == nil && string(left) == string(right)
}

// ensureReplica keeps the process, adopts one that was started and not
// recorded, or starts one.
func (s *Supervisor) ensureReplica(r *record, i int) error {
	p := &r.Replicas[i]
	if p.Token != "" && !p.Process.Alive() {
		leaders, left := carriers(p.Token)
		if leader, found := leaders[p.Token]; found && p.Process.PID == 0 {
			p.Process = leader
			return s.save(*r)
		} else if found {
			left = append(left, leader)
		}
		for _, left := range left { // what a dead process has left behind may hold its port
			if err := left.Signal(os.Kill); err != nil {
				return err
			}
		}
	}
	if p.Process.Alive() {
		return nil
	}
	return s.start(r, i)
}

// start records the intent, starts the process and records it.
func (s *Supervisor) start(r *record, i int) error {
	artifact, err := verifyArtifact(r.Release.Artifact)
	if err != nil {
		return err
	}
	port, err := s.choosePort(r.Replicas[i].Port)
	if err != nil {
		return err
	}
	r.Replicas[i] = replica{Port: port, Token: rand.Text()}
	cmd, err := s.template.build(values{Version: r.Version, Port: port, Artifact: artifact}, r.Release.Config, r.Replicas[i].Token)
	if err != nil {
		return err
	}
	if err := s.save(*r); err != nil {
		return err
	}
	if err := os.MkdirAll(s.logFolder(r.Version), 0o700); err != nil {
		return err
	}
	log, err := os.OpenFile(s.logFile(r.Version, i), os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	cmd.Dir, cmd.Stdout, cmd.Stderr = s.dir, log, log
	if err := cmd.Start(); err != nil {
		_ = log.Close()
		return classify(err)
	}
	r.Replicas[i].Process, err = identity.Of(cmd.Process.Pid) // before it can be reaped
	go reap(cmd, log)
	return errors.Join(err, s.save(*r))
}

// reap waits for a child of this worker, so that it leaves no zombie, and says
// in its log how it ended. Those of a dead worker are reaped by init.
func reap(cmd *exec.Cmd, log *os.File) {
	_ = cmd.Wait() // its result is in ProcessState
	_, _ = fmt.Fprintf(log, "[bakeoff] process %d: %s\n", cmd.ProcessState.Pid(), cmd.ProcessState)
	_ = log.Close()
}

// classify is the one place that knows which failures to start a program are
// for good: it is not there, may not be run, or is none.
func classify(err error) error {
	for _, final := range []error{exec.ErrNotFound, fs.ErrNotExist, fs.ErrPermission, syscall.ENOEXEC, syscall.E2BIG} {
		if errors.Is(err, final) {
			return fmt.Errorf("%w: %w", err, activities.ErrFinal)
		}
	}
	return err
}

var pinned = regexp.MustCompile(`^(.+)@sha256:([0-9a-f]{64})$`)

// verifyArtifact returns what {{.Artifact}} stands for. A file pinned as
// path@sha256:… or file:path@sha256:… must have the digest; a pinned name that
// is no file here, and a plain command, are returned as they are.
func verifyArtifact(artifact string) (string, error) {
	path, isFile := strings.CutPrefix(artifact, "file:")
	m := pinned.FindStringSubmatch(path)
	if m == nil {
		return path, nil
	}
	f, err := os.Open(m[1])
	if err != nil && !isFile && errors.Is(err, fs.ErrNotExist) {
		return artifact, nil
	}
	if err != nil {
		return "", classify(err)
	}
	defer func() { _ = f.Close() }()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	if got := hex.EncodeToString(sum.Sum(nil)); got != m[2] {
		return "", fmt.Errorf("%s has the digest sha256:%s, not the pinned one: %w", m[1], got, activities.ErrFinal)
	}
	return m[1], nil
}

// choosePort returns the wanted port where it is free, else a free one that no
// process of the directory was given.
func (s *Supervisor) choosePort(wanted int) (int, error) {
	if wanted != 0 {
		if l, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", wanted)); err == nil {
			return wanted, l.Close()
		}
	}
	given, err := s.ports()
	for err == nil {
		var l net.Listener
		if l, err = net.Listen("tcp", "127.0.0.1:0"); err != nil {
			break
		}
		port := l.Addr().(*net.TCPAddr).Port
		if err = l.Close(); err == nil && !given[port] {
			return port, nil
		}
	}
	return 0, fmt.Errorf("find a free port: %w", err)
}

// ports are those given to processes of the directory: one that has not bound
// its port yet must not lose it to the next.
func (s *Supervisor) ports() (map[int]bool, error) {
	files, err := filepath.Glob(s.path("versions", "*.json"))
	given := map[int]bool{}
	for _, file := range files {
		var r record
		if err := readJSON(file, &r); err != nil {
			return nil, err
		}
		for _, p := range r.Replicas {
			given[p.Port] = true
		}
	}
	return given, err
}

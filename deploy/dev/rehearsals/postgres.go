package rehearsals

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"net"
	"os"
	"os/exec"
	"os/user"
	"path/filepath"
	"slices"
	"strconv"

	"bakeoff/deploy/dev/town"
)

// account is who PostgreSQL runs as where this is root, which it refuses.
const account = "postgres"

// startPostgres brings up the database of the shop, which keeps its orders there,
// and a proxy on the way to it.
func (h *hall) startPostgres(ctx context.Context) error {
	programs, err := postgresPrograms()
	if err != nil {
		return err
	}
	p, state := &h.place, h.file("postgres")
	if err := errors.Join(os.Mkdir(state, 0o700), town.FreeAddresses(&p.Database, &p.Orders)); err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	as, err := h.giveUpRoot(state)
	if err != nil {
		return fmt.Errorf("start PostgreSQL: %w", err)
	}
	initialize := slices.Concat(as, []string{filepath.Join(programs, "initdb"), "--pgdata=" + state, "--username=bakeoff", "--auth=trust", "--encoding=UTF8", "--no-locale", "--no-sync"})
	cmd := exec.CommandContext(ctx, initialize[0], initialize[1:]...)
	cmd.Dir = state
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("make a database: %w: %s", err, out)
	}
	host, port, err := net.SplitHostPort(p.Database)
	if err != nil {
		return err
	}
	run := slices.Concat(as, []string{filepath.Join(programs, "postgres"), "-D", state, "-p", port,
		"-c", "listen_addresses=" + host, "-c", "unix_socket_directories=", "-c", "shared_buffers=16MB"})
	server, err := h.town.Start("postgres", run[0], run[1:]...)
	if err != nil {
		return err
	}
	return server.Await(ctx, town.StartWithin, func() bool { return server.Mentions("ready to accept connections") })
}

// giveUpRoot is the command before a command that runs it as somebody else, where
// this is root, and gives that account its folder.
func (h *hall) giveUpRoot(state string) ([]string, error) {
	if os.Getuid() != 0 {
		return nil, nil
	}
	who, err := user.Lookup(account)
	if err != nil {
		return nil, err
	}
	uid, err1 := strconv.Atoi(who.Uid)
	gid, err2 := strconv.Atoi(who.Gid)
	// Its way to the folder leads through ours.
	if err := errors.Join(err1, err2, os.Chmod(h.town.Dir, 0o711), os.Chown(state, uid, gid)); err != nil {
		return nil, err
	}
	setpriv, err := exec.LookPath("setpriv")
	return []string{setpriv, "--reuid=" + account, "--regid=" + account, "--init-groups"}, err
}

// postgresPrograms is the folder of the newest PostgreSQL: Debian does not put it
// on PATH.
func postgresPrograms() (string, error) {
	found, _ := filepath.Glob("/usr/lib/postgresql/*/bin/postgres") // the pattern is well formed
	if len(found) > 0 {
		return filepath.Dir(found[len(found)-1]), nil
	}
	path, err := exec.LookPath("postgres")
	if err != nil {
		return "", errors.New("there is no PostgreSQL here: install Debian's postgresql, or leave --postgres out")
	}
	return filepath.Dir(path), nil
}

// DatabaseFile holds the address of the database, for the worker of rehearsals.
func (p place) DatabaseFile() string { return p.Folder + "/database" }

func databaseURL(address string) string {
	return "postgres://bakeoff@" + address + "/postgres?sslmode=disable"
}

// Snapshot is what the shop's database begins with, by its digest.
func (p place) Snapshot(dump string) (string, error) {
	body, err := os.ReadFile(filepath.Join(p.Folder, dump))
	return fmt.Sprintf("sha256:%x", sha256.Sum256(body)), err
}

// where is where the shop keeps its orders.
func (p place) where() string {
	if p.Database == "" {
		return "file:" + p.Folder + "/orders"
	}
	return databaseURL(p.Orders)
}

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
	"path/filepath"
	"sync"
	"time"

	"bakeoff/deploy/dev/town"
)

// Options say where the demonstration finds its programs and keeps its files, and
// how often the shop is asked.
type Options struct {
	town.Options
	Rate int // requests a second
}

// self is this program, and loadName the process of it that asks for pages.
const (
	self     = "bakeoff-demo"
	loadName = "load"
)

// Run tells the whole story and prints what happened. It returns an error when
// something could not be started, ctx ended, or a release ended otherwise than
// it should. Without Keep, and whenever it fails, everything that it started is
// stopped before it returns.
func Run(ctx context.Context, o Options) (err error) {
	programs, err := town.Find(o.Binaries, self)
	if err != nil {
		return err
	}
	d := &demo{options: o, story: town.NewStory(o.Out)}
	if d.town, err = town.Open(o.Dir, self+"-", specFolder, keyFolder, voteFolder); err != nil {
		return err
	}
	d.town.Programs = programs
	loading, endLoad := context.WithCancel(ctx)
	d.endLoad = endLoad
	defer func() { err = d.end(err) }()
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
	fmt.Fprint(o.Out, "\n"+render(chapters, users.total(d.story.Began, time.Now()))+users.losses()+"\n"+fleet.render())
	return errors.Join(verify(chapters), fleet.verify())
}

// demo is one demonstration while it runs.
type demo struct {
	options Options
	story   *town.Story

	town     *town.Town
	cli      cli
	admin    string // host:port of Caddy's admin API
	shop     site
	branches []site

	endLoad context.CancelFunc
	loading sync.WaitGroup
}

// start brings up Temporal, Caddy and a worker.
func (d *demo) start(ctx context.Context) error {
	d.story.Say("starting Temporal, Caddy and a worker in %s", d.town.Dir)
	if err := d.startCaddy(ctx); err != nil {
		return err
	}
	if err := d.town.StartTemporal(ctx, "demo"); err != nil {
		return err
	}
	d.cli = cli{d.town.CLI}
	if err := errors.Join(d.makeKeys(), d.startWorker(ctx)); err != nil {
		return err
	}
	d.story.Say("Temporal %s, UI %s, the shop %s", d.town.Temporal, d.town.UI, d.shop.url())
	return nil
}

func (d *demo) startCaddy(ctx context.Context) error {
	if err := d.findSites(); err != nil {
		return err
	}
	file, err := write(d.town.Dir, caddyFile, "caddy.json", machineValues{CaddyAdminAddress: d.admin, Sites: append([]site{d.shop}, d.branches...)})
	if err != nil {
		return err
	}
	return d.town.StartCaddy(ctx, file, d.admin)
}

func (d *demo) startWorker(ctx context.Context) error {
	file, err := write(d.town.Dir, workerFile, "bakeoff-worker.yaml", machineValues{
		Temporal: d.town.Temporal, CaddyAdmin: "http://" + d.admin,
		ShopState: d.shop.State, ShopBinary: d.town.Programs["bakeoff-shop"],
		Windows: filepath.Join(d.town.Dir, windowFolder), Shopkeepers: shopkeepers,
	})
	if err != nil {
		return err
	}
	_, err = d.town.StartReady(ctx, town.WorkerName, town.WorkerName, "--config", file, "--listen", "127.0.0.1:0", "--register")
	return err
}

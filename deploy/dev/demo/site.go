package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"
)

// site is where users ask for pages: the shop, or one of its branches. Each has
// an address, versions and load of its own.
type site struct {
	Unit    string // of the fleet; "": the shop itself
	Address string // host:port, of Caddy
	State   string // the process driver's directory
	rate    int    // requests a second
	ledger  *ledger
}

// ID is the @id of the site's handler in Caddy.
func (s site) ID() string {
	if s.Unit == "" {
		return "bakeoff"
	}
	return "branch-" + s.Unit
}

func (s site) url() string { return "http://" + s.Address }

// String is how people are told of the site.
func (s site) String() string {
	if s.Unit == "" {
		return "the shop"
	}
	return "branch " + s.Unit
}

// findSites gives the shop and its branches their addresses and folders.
func (d *demo) findSites() (err error) {
	d.shop = site{State: filepath.Join(d.crew.dir, shopFolder), rate: d.options.Rate, ledger: newLedger()}
	d.shop.Address, err = freeAddress()
	for _, unit := range branches {
		s := site{Unit: unit, State: filepath.Join(d.crew.dir, branchFolder, unit), rate: branchRate, ledger: newLedger()}
		var failed error
		s.Address, failed = freeAddress()
		err = errors.Join(err, failed)
		d.branches = append(d.branches, s)
	}
	return err
}

// underLoad opens sites and begins to ask each for pages as soon as it answers,
// until loading ends. It returns when all are open and asked.
func (d *demo) underLoad(ctx, loading context.Context, sites []site, open func() error) error {
	opening, cancel := context.WithCancel(ctx)
	defer cancel()
	asked := make(chan error, len(sites))
	for _, s := range sites {
		go func() { asked <- d.startLoad(opening, loading, s) }()
	}
	err := open()
	cancel() // whoever does not answer yet never will
	for range sites {
		err = errors.Join(err, <-asked)
	}
	return err
}

// startLoad begins to ask for pages, until loading ends, once there are some.
// Where opening ends before that, there never will be any.
func (d *demo) startLoad(opening, loading context.Context, s site) error {
	for !answers200(s.url() + "/") {
		select {
		case <-opening.Done():
			return fmt.Errorf("%s never answered", s)
		case <-time.After(50 * time.Millisecond):
		}
	}
	d.say("steady load on %s: %d requests a second", s, s.rate)
	d.loading.Go(func() { Load(loading, s.url(), s.rate, s.ledger.record) })
	return nil
}

// stopLoad returns when no request is under way any more.
func (d *demo) stopLoad() {
	d.endLoad()
	d.loading.Wait()
}

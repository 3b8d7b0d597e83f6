package demo

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bakeoff/deploy/dev/town"
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

// findSites gives the shop, its branches and Caddy's admin API their addresses.
func (d *demo) findSites() error {
	d.shop = site{State: filepath.Join(d.town.Dir, shopFolder), rate: d.options.Rate, ledger: newLedger()}
	into := []*string{&d.admin, &d.shop.Address}
	d.branches = make([]site, len(branches))
	for i, unit := range branches {
		d.branches[i] = site{Unit: unit, State: filepath.Join(d.town.Dir, branchFolder, unit), rate: branchRate, ledger: newLedger()}
		into = append(into, &d.branches[i].Address)
	}
	return town.FreeAddresses(into...)
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
	for !town.Answers200(s.url() + "/") {
		select {
		case <-opening.Done():
			return fmt.Errorf("%s never answered", s)
		case <-time.After(50 * time.Millisecond):
		}
	}
	d.story.Say("steady load on %s: %d requests a second", s, s.rate)
	d.loading.Go(func() { Load(loading, s.url(), s.rate, s.ledger.record) })
	return nil
}

// stopLoad returns when no request is under way any more.
func (d *demo) stopLoad() {
	d.endLoad()
	d.loading.Wait()
}

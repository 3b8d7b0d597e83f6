//go:build linux

package faults

import (
	"bytes"
	"context"
	"errors"
	"os"
	"slices"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"
)

// watched are the kinds of fault that others can end: by hand, or by starting anew
// what it was done to. One that is gone is not called in force.
type watched interface {
	// holds reports whether the fault is still in force. An error: nobody knows.
	holds(r *record) (bool, error)
}

var _, _, _, _, _, _, _ watched = toxics{}, &standIn{}, freeze{}, drift{}, clock{}, disk{}, loop{}

// watchPoll is how often a keeper looks whether its fault is still there.
const watchPoll = 500 * time.Millisecond

// await returns why the fault ends: its rehearsal or its worker says so, its time
// has come, or it has gone already. A kill lasts until its time whoever is gone: the
// worker may be its victim, and is to come back to find that out.
func await(ctx context.Context, gone <-chan struct{}, k kind, r *record) (by string) {
	if isKill(r.Order.Fault) {
		gone = nil
	}
	expiry, look := time.NewTimer(time.Until(r.Order.Until)), time.NewTicker(watchPoll)
	defer expiry.Stop()
	defer look.Stop()
	for {
		select {
		case <-gone:
			return byWorker
		case <-ctx.Done():
			return byRehearsal
		case <-expiry.C:
			return byExpiry
		case <-look.C:
			w, is := k.(watched)
			if !is {
				continue
			}
			if holds, err := w.holds(r); err == nil && !holds {
				r.Error = "it was gone before its time, and nobody here has taken it away"
				return byOthers
			}
		}
	}
}

func (t toxics) holds(r *record) (bool, error) {
	proxy, err := r.proxyNow()
	if proxy == nil || err != nil {
		return false, err
	}
	if t.Down {
		return !proxy.Enabled, nil
	}
	for _, x := range t.effects(r) {
		if !slices.ContainsFunc(proxy.ActiveToxics, func(is toxiproxy.Toxic) bool { return is.Name == x.Name }) {
			return false, nil
		}
	}
	return proxy.Enabled, nil
}

func (s *standIn) holds(r *record) (bool, error) {
	proxy, err := r.proxyNow()
	if proxy == nil || err != nil {
		return false, err
	}
	return proxy.Enabled && proxy.Upstream != r.Undo.Proxy.Upstream, nil
}

// proxyNow is the proxy as it is; nil where it, or the whole server, is gone.
func (r *record) proxyNow() (*toxiproxy.Proxy, error) {
	proxy, err := toxiproxy.NewClient(r.API).Proxy(r.Undo.Proxy.Name)
	if isNotFound(err) || errors.Is(err, syscall.ECONNREFUSED) {
		return nil, nil
	}
	return proxy, err
}

//nolint:unparam // others can fail
func (f freeze) holds(r *record) (bool, error) { return isFrozen(r.Undo.Process.Process), nil }

func (d drift) holds(r *record) (bool, error) { return r.Undo.File.isDuring() }

func (c clock) holds(r *record) (bool, error) { return r.Undo.File.isDuring() }

// isDuring reports whether the file still holds what the fault has written.
func (f fileBefore) isDuring() (bool, error) {
	is, err := lookAt(f.Path)
	return err == nil && !is.Missing && bytes.Equal(is.Body, f.During), err
}

func (d disk) holds(r *record) (bool, error) { return isThere(r.Undo.Disk.Ballast) }

func (l loop) holds(r *record) (bool, error) { return isThere(r.Undo.Disk.Ballast) }

func isThere(file string) (bool, error) {
	_, err := os.Stat(file)
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	return err == nil, err
}

//go:build linux

package faults

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"syscall"
	"time"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// proxyBefore is a Toxiproxy proxy before the fault.
type proxyBefore struct {
	Name     string `json:"name"`
	Upstream string `json:"upstream,omitempty"` // where it led, enabled; "" where the fault leaves that alone
}

// toxics disturbs a proxy, or closes it.
type toxics struct{ fault.Toxiproxy }

func (t toxics) prepare(_ context.Context, _ Parameters, r *record) error {
	before, err := r.lookAtProxy(t.Proxy)
	if err == nil && !t.Down {
		before.Upstream = "" // other faults may change that meanwhile
	}
	r.Undo.Proxy = &before
	return err
}

// lookAtProxy reads the proxy that the fault is about.
func (r *record) lookAtProxy(name string) (proxyBefore, error) {
	if r.API == "" {
		return proxyBefore{}, refuse("this worker has no Toxiproxy: configure the URL of its API")
	}
	all, err := toxiproxy.NewClient(r.API).Proxies()
	if err != nil {
		return proxyBefore{}, fmt.Errorf("ask Toxiproxy at %s for its proxies: %w", r.API, err)
	}
	proxy, found := all[name]
	switch {
	case !found:
		return proxyBefore{}, refuse("Toxiproxy at %s has no proxy %s, only %s", r.API, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
	case !proxy.Enabled:
		return proxyBefore{}, refuse("proxy %s of Toxiproxy is disabled already: enable it first", name)
	}
	return proxyBefore{Name: name, Upstream: proxy.Upstream}, nil
}

// effects are the toxics that make the fault, by their names on the server.
func (t toxics) effects(r *record) []toxiproxy.Toxic {
	var out []toxiproxy.Toxic
	add := func(kind string, attributes toxiproxy.Attributes) {
		stream := t.Direction
		if stream == "" {
			stream = fault.Downstream
		}
		out = append(out, toxiproxy.Toxic{Name: r.toxicPrefix() + kind, Type: kind, Stream: stream,
			Toxicity: float32(t.TheToxicity()) / float32(rollout.All), Attributes: attributes})
	}
	if t.Latency > 0 {
		add("latency", toxiproxy.Attributes{"latency": t.Latency.Std().Milliseconds(), "jitter": t.Jitter.Std().Milliseconds()})
	}
	if t.Bandwidth > 0 {
		add("bandwidth", toxiproxy.Attributes{"rate": t.Bandwidth})
	}
	if t.Timeout != nil {
		add("timeout", toxiproxy.Attributes{"timeout": t.Timeout.Std().Milliseconds()})
	}
	if t.ResetPeer != nil {
		add("reset_peer", toxiproxy.Attributes{"timeout": t.ResetPeer.Std().Milliseconds()})
	}
	return out
}

func (r *record) toxicPrefix() string { return "bakeoff-" + key(r.Order.ID) + "-" }

func (t toxics) apply(_ context.Context, r *record) error {
	proxy, err := toxiproxy.NewClient(r.API).Proxy(t.Proxy)
	if err != nil {
		return err
	}
	if t.Down {
		return proxy.Disable()
	}
	for _, x := range t.effects(r) {
		if _, err := proxy.AddToxic(x.Name, x.Type, x.Stream, x.Toxicity, x.Attributes); err != nil {
			return err
		}
	}
	return nil
}

func (t toxics) undo(ctx context.Context, r *record) error { return r.restoreProxy(ctx) }

// restoreProxy takes the fault's toxics from the proxy, enables it and gives it
// its upstream where the fault changed them, and reads all that back. Toxiproxy keeps nothing on disk: where
// the proxy, or the server, is gone, the fault is gone with it.
func (r *record) restoreProxy(ctx context.Context) error {
	if r.Undo.Proxy == nil {
		return nil
	}
	client := toxiproxy.NewClient(r.API)
	for try := 0; ; try++ {
		proxy, err := client.Proxy(r.Undo.Proxy.Name)
		switch isRefused := errors.Is(err, syscall.ECONNREFUSED); {
		case isNotFound(err) || isRefused && try == 3:
			return nil
		case isRefused: // it may just be starting again
			if err := rest(ctx, 500*time.Millisecond); err != nil {
				return err
			}
			continue
		case err != nil:
			return err
		case r.isRestored(proxy):
			return nil
		case try == 3:
			return fmt.Errorf("proxy %s of Toxiproxy is still not as it was", proxy.Name)
		}
		if err := r.putBack(proxy); err != nil {
			return err
		}
	}
}

func (r *record) isOurs(x toxiproxy.Toxic) bool { return strings.HasPrefix(x.Name, r.toxicPrefix()) }

func (r *record) isRestored(proxy *toxiproxy.Proxy) bool {
	return r.leadsBack(proxy) && !slices.ContainsFunc(proxy.ActiveToxics, r.isOurs)
}

func (r *record) leadsBack(proxy *toxiproxy.Proxy) bool {
	upstream := r.Undo.Proxy.Upstream
	return upstream == "" || proxy.Enabled && proxy.Upstream == upstream
}

func (r *record) putBack(proxy *toxiproxy.Proxy) error {
	for _, x := range proxy.ActiveToxics {
		if !r.isOurs(x) {
			continue
		}
		if err := proxy.RemoveToxic(x.Name); err != nil && !isNotFound(err) {
			return fmt.Errorf("remove toxic %s: %w", x.Name, err)
		}
	}
	if r.leadsBack(proxy) {
		return nil
	}
	proxy.Enabled, proxy.Upstream = true, r.Undo.Proxy.Upstream
	if err := proxy.Save(); err != nil {
		return fmt.Errorf("put proxy %s back: %w", proxy.Name, err)
	}
	return nil
}

func isNotFound(err error) bool {
	var answer *toxiproxy.ApiError
	return errors.As(err, &answer) && answer.Status == http.StatusNotFound
}

package main

import (
	"context"
	"fmt"
	"maps"

	"bakeoff/activities"
	"bakeoff/activities/caddy"
	"bakeoff/activities/process"
	"bakeoff/activities/prometheus"
	"bakeoff/activities/scrape"
	"bakeoff/activities/web"
	"bakeoff/rollout"
)

// driverNames lists every driver that this worker has.
func driverNames() []string { return []string{"http", "process", "caddy", "prometheus", "scrape"} }

// bearerDrivers lists the drivers that can be given a credential.
func bearerDrivers() []string { return []string{"http", "prometheus"} }

// builtIn holds the places that a driver reaches when nobody names one, so
// that the allow-list sees them, too.
func builtIn(driver string) activities.With {
	if driver == "caddy" {
		return activities.With{"admin": "http://127.0.0.1:2019"}
	}
	return nil
}

// registry makes drivers under the configuration in force at the moment of
// use: its defaults below the spec's parameters, its allow-lists, and its
// credentials for the URLs that it names for them.
func (l *live) registry() activities.Registry {
	return activities.Registry{
		Deploy: map[string]func(activities.With) (activities.Deployer, error){
			"http":    configured(l, "http", webDeployer),
			"process": plain(l, "process", func(w activities.With) (activities.Deployer, error) { return process.New(w) }),
		},
		Traffic: map[string]func(activities.With) (activities.Traffic, error){
			"http":  configured(l, "http", webTraffic),
			"caddy": plain(l, "caddy", func(w activities.With) (activities.Traffic, error) { return caddy.New(w) }),
		},
		Flags: map[string]func(activities.With) (activities.Flags, error){
			"http": configured(l, "http", webFlags),
		},
		Metrics: map[string]func(activities.With) (activities.Metrics, error){
			"prometheus": configured(l, "prometheus", newPrometheus),
			"scrape":     plain(l, "scrape", func(w activities.With) (activities.Metrics, error) { return scrape.New(w) }),
		},
	}
}

func webDeployer(with activities.With, token string) (activities.Deployer, error) {
	c, err := webConfig(with, token)
	if err != nil {
		return nil, err
	}
	return web.NewDeployer(c)
}

func webTraffic(with activities.With, token string) (activities.Traffic, error) {
	c, err := webConfig(with, token)
	if err != nil {
		return nil, err
	}
	return web.NewTraffic(c)
}

func webFlags(with activities.With, token string) (activities.Flags, error) {
	c, err := webConfig(with, token)
	if err != nil {
		return nil, err
	}
	return web.NewFlags(c)
}

func webConfig(with activities.With, token string) (web.Config, error) {
	c := web.Config{Bearer: token}
	err := with.Decode(&c)
	return c, err
}

// newPrometheus binds the token to the URL that it was given for.
func newPrometheus(with activities.With, token string) (activities.Metrics, error) {
	u, _ := with["url"].(string)
	return prometheus.New(with, prometheus.Bearer{URL: u, Token: token})
}

// plain is configured for a driver without a credential.
func plain[D any](l *live, name string, make func(activities.With) (D, error)) func(activities.With) (D, error) {
	return configured(l, name, func(with activities.With, _ string) (D, error) { return make(with) })
}

// configured wraps a driver's constructor with everything that the worker's
// configuration has to say. Each of its errors is final: the registry marks it.
func configured[D any](l *live, name string, make func(activities.With, string) (D, error)) func(activities.With) (D, error) {
	return func(spec activities.With) (D, error) {
		var none D
		c := l.config()
		with, err := c.parameters(name, spec)
		if err != nil {
			return none, err
		}
		token, err := c.Drivers[name].tokenFor(with)
		if err != nil {
			return none, err
		}
		return make(with, token)
	}
}

// parameters lays the spec's parameters over the configured ones and refuses
// what is not allowed.
func (c *config) parameters(name string, spec activities.With) (activities.With, error) {
	if err := c.Allow.permits(name); err != nil {
		return nil, err
	}
	if _, there := spec[bearerKey]; there {
		return nil, fmt.Errorf("%s: credentials are the worker's configuration, never a spec's", bearerKey)
	}
	own := c.Drivers[name]
	with := activities.With{}
	maps.Copy(with, builtIn(name))
	maps.Copy(with, own)
	delete(with, bearerKey)
	maps.Copy(with, spec)
	return with, c.Allow.permitsAll(with, own)
}

// acts are the activities with the limits of the configuration in force.
type acts struct {
	*activities.Activities
	live *live
}

// newActs builds the activities over the live configuration.
func newActs(l *live) *acts {
	return &acts{Activities: &activities.Activities{Drivers: l.registry(), Vault: vault{l}, Gates: activities.Gates{Calendar: calendar{l}, Budgets: budgets{l}, Ledger: &activities.Ledger{}}, Hooks: hooks{l}}, live: l}
}

// current are the activities under the configuration in force now.
func (a *acts) current() *activities.Activities {
	now, c := *a.Activities, a.live.config()
	now.Limits, now.Rules, now.Notifications, now.Policy = c.Limits, c.rules(), c.notifications(), c.digest
	return &now
}

// Admit admits under the limits in force now.
func (a *acts) Admit(ctx context.Context, in activities.AdmitInput) (activities.AdmitOutput, error) {
	return a.current().Admit(ctx, in)
}

// AdmitFleet admits under the limits in force now.
func (a *acts) AdmitFleet(ctx context.Context, in activities.AdmitFleetInput) (activities.AdmitFleetOutput, error) {
	return a.current().AdmitFleet(ctx, in)
}

// Recipients says who is told by the configuration in force now.
func (a *acts) Recipients(ctx context.Context, in rollout.Telling) (activities.RecipientsOutput, error) {
	return a.current().Recipients(ctx, in)
}

// Notify tells by the configuration in force now.
func (a *acts) Notify(ctx context.Context, in activities.NotifyInput) (activities.NotifyOutput, error) {
	return a.current().Notify(ctx, in)
}

// Announce says who wants to know by the configuration in force now.
func (a *acts) Announce(ctx context.Context, in activities.AnnounceInput) (activities.AnnounceOutput, error) {
	return a.current().Announce(ctx, in)
}

// Authorize decides by the rules in force now.
func (a *acts) Authorize(ctx context.Context, in activities.AuthorizeInput) (activities.AuthorizeOutput, error) {
	return a.current().Authorize(ctx, in)
}

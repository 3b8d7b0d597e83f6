package main

import (
	"errors"
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
	"bakeoff/rollout/freeze"
	"bakeoff/rollout/specfile"
)

// config is what a spec may not hold: where Temporal is, which drivers and
// URLs may be used, the credentials for them, and what each environment
// demands. Zero values mean the defaults.
type config struct {
	Temporal temporalConfig               `json:"temporal,omitzero"`
	Listen   string                       `json:"listen,omitempty"`  // default defaultListen
	Drivers  map[string]driverConfig      `json:"drivers,omitempty"` // by driver name
	Allow    allowConfig                  `json:"allow,omitzero"`
	Limits   map[string]activities.Limits `json:"limits,omitempty"` // by environment; "default" serves the others
	Evidence evidenceConfig               `json:"evidence,omitzero"`

	Roles       map[string][]string             `json:"roles,omitempty"`       // role → members
	Members     map[string]activities.Member    `json:"members,omitempty"`     // what else members are known by
	Permissions map[string]map[string][]string  `json:"permissions,omitempty"` // environment → act → roles; "default" serves the others
	Approvals   map[string]activities.Approvals `json:"approvals,omitempty"`   // by environment; "default" serves the others
	Signing     *signingConfig                  `json:"signing,omitempty"`

	Freeze []freeze.Window `json:"freeze,omitempty"`

	ErrorBudgets map[string]rollout.ErrorBudget `json:"errorBudgets,omitempty"` // by environment/service

	Hooks hooksConfig `json:"hooks,omitzero"`

	calendar *freeze.Calendar // of Freeze; nil: none

	Notifications notificationsConfig       `json:"notifications,omitzero"`
	Escalation    map[string][]rollout.Rung `json:"escalation,omitempty"` // by environment; "default" serves the others

	Alerts alertsConfig `json:"alerts,omitzero"`

	Rehearsals rehearsalsConfig `json:"rehearsals,omitzero"`

	Tracing tracingConfig `json:"tracing,omitzero"`

	ruled  *activities.Rules // the people's part of it, ready for many decisions; nil: not yet, or none
	digest string            // of the policy; "": there is none
	folder string            // of the file: what it names by a relative path lies there
}

// temporalConfig overrides the variables and profiles of the temporal CLI.
type temporalConfig struct {
	Address   string `json:"address,omitempty"`
	Namespace string `json:"namespace,omitempty"`
}

// driverConfig holds defaults for a driver's `with`, and `bearer`, which is a
// credential and never becomes a parameter.
type driverConfig map[string]any

// allowConfig says what specs may use. An empty list allows everything.
type allowConfig struct {
	Drivers []string `json:"drivers,omitempty"`
	URLs    []string `json:"urls,omitempty"` // "*" stands for any text within the host or within the path
}

// evidenceConfig says where raw windows are kept. The zero value keeps none.
type evidenceConfig struct {
	Directory string `json:"directory,omitempty"`
	S3        any    `json:"s3,omitempty"` // not served by this version
}

// defaultListen serves /healthz, /metrics and /alerts to this machine only.
const defaultListen = "127.0.0.1:9464"

// errConfig is a configuration file that is wrong.
var errConfig = errors.New("wrong configuration")

// loadConfig reads and checks a file; "" is the empty configuration. The error
// lists everything that is wrong, each with file, line and column.
func loadConfig(path string) (config, error) {
	var c config
	if path == "" {
		return c, nil
	}
	data, err := os.ReadFile(path)
	if err != nil {
		return c, fmt.Errorf("read configuration: %w", err)
	}
	if saysNothing(string(data)) {
		return c, nil
	}
	c.folder = filepath.Dir(path)
	problems := specfile.Decode(path, data, &c)
	if len(problems) == 0 {
		rules := c.rules()
		c.ruled = &rules
		c.calendar, _ = c.freezes() // Validate has told what is wrong with it
		c.digest, err = c.policyDigest()
		return c, err
	}
	var lines []string
	source := specfile.NewSource(data)
	for _, p := range problems {
		lines = append(lines, source.Explain(p))
	}
	return config{}, fmt.Errorf("%w:\n%s", errConfig, strings.Join(lines, "\n"))
}

// saysNothing reports whether a file holds comments at most.
func saysNothing(text string) bool {
	for line := range strings.Lines(text) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			return false
		}
	}
	return true
}

// Validate says what is wrong, apart from what the types already say.
func (c *config) Validate() []rollout.Problem {
	var out []rollout.Problem
	add := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	for path, given := range map[string]any{"evidence.s3": c.Evidence.S3} {
		if given != nil {
			add(path, "%s is not served by this version: nothing would heed it, so remove it", path)
		}
	}
	if c.Listen != "" {
		if _, _, err := net.SplitHostPort(c.Listen); err != nil {
			add("listen", "%q is not an address: write host:port", c.Listen)
		}
	}
	for i, name := range c.Allow.Drivers {
		if !slices.Contains(driverNames(), name) {
			add(fmt.Sprintf("allow.drivers[%d]", i), "unknown driver %q: this worker has %s", name, strings.Join(driverNames(), ", "))
		}
	}
	for i, pattern := range c.Allow.URLs {
		if err := checkPattern(pattern); err != nil {
			add(fmt.Sprintf("allow.urls[%d]", i), "%v", err)
		}
	}
	for environment, l := range c.Limits {
		if l.MutableTags != "" && l.MutableTags != "refuse" && l.MutableTags != "allow" {
			add("limits."+environment+".mutableTags", "%q is not one of refuse, allow", l.MutableTags)
		}
	}
	for path, name := range c.environments() {
		if !rollout.CanName(name) {
			add(path, rollout.NamesNothing, name)
		}
	}
	for name, d := range c.Drivers {
		out = append(append(out, d.validate(name)...), d.validateCohorts(name)...)
	}
	out = append(out, c.validatePeople()...)
	_, wrong := c.freezes()
	out = append(append(out, wrong...), c.validateBudgets()...)
	out = append(out, c.Hooks.validate()...)
	out = append(out, c.validateSigning()...)
	out = append(out, c.validateNotifications()...)
	out = append(out, c.Alerts.validate()...)
	out = append(out, c.Rehearsals.validate()...)
	out = append(out, c.Tracing.validate()...)
	slices.SortFunc(out, func(a, b rollout.Problem) int { return strings.Compare(a.Path, b.Path) })
	return out
}

// environments are those that the configuration names, by where it does.
func (c *config) environments() map[string]string {
	out := map[string]string{}
	for part, names := range map[string][]string{
		"limits": slices.Collect(maps.Keys(c.Limits)), "permissions": slices.Collect(maps.Keys(c.Permissions)),
		"approvals": slices.Collect(maps.Keys(c.Approvals)), "escalation": slices.Collect(maps.Keys(c.Escalation)),
		"rehearsals.require": slices.Collect(maps.Keys(c.Rehearsals.Require)),
	} {
		for _, name := range names {
			out[part+"."+name] = name
		}
	}
	if c.Signing != nil {
		for name := range c.Signing.Require {
			out["signing.require."+name] = name
		}
	}
	for i, name := range c.Rehearsals.Production {
		out[fmt.Sprintf("rehearsals.production[%d]", i)] = name
	}
	for i, name := range c.Rehearsals.ProductionDrills {
		out[fmt.Sprintf("rehearsals.productionDrills[%d]", i)] = name
	}
	return out
}

func (d driverConfig) validate(name string) []rollout.Problem {
	path := "drivers." + name
	if !slices.Contains(driverNames(), name) {
		return []rollout.Problem{{Path: path, Message: fmt.Sprintf("unknown driver %q: this worker has %s", name, strings.Join(driverNames(), ", "))}}
	}
	ref, err := d.bearer()
	if err == nil && ref != nil {
		if d.url() == "" {
			err = errors.New("a credential is sent only to the URL that stands beside it: give url, too")
		} else if !slices.Contains(bearerDrivers(), name) {
			err = fmt.Errorf("driver %s takes no credential: only %s do", name, strings.Join(bearerDrivers(), ", "))
		} else {
			_, err = ref.read()
		}
	}
	if err != nil {
		return []rollout.Problem{{Path: path + "." + bearerKey, Message: err.Error()}}
	}
	return nil
}

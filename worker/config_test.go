package main

import (
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// file writes a configuration and returns its path.
func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "bakeoff-worker.yaml")
	require.NoError(t, os.WriteFile(path, []byte(text), 0o600))
	return path
}

// loaded loads a configuration that is right.
func loaded(t *testing.T, text string) *live {
	t.Helper()
	l, err := newLive(file(t, text))
	require.NoError(t, err)
	return l
}

func TestConfig(t *testing.T) {
	t.Setenv("PROMETHEUS_TOKEN", "s3cret")
	c := loaded(t, `
temporal: {address: 10.0.0.1:7233, namespace: rollouts}
listen: 127.0.0.1:9999
drivers:
  prometheus: {url: http://prometheus:9090, delay: 15s, bearer: {env: PROMETHEUS_TOKEN}}
allow:  {drivers: [http, caddy, prometheus], urls: ["http://127.0.0.1:*"]}
limits: {production: {firstWeight: 10%, bakeAtLeast: 10m, mutableTags: refuse, requireOwner: true}}
evidence: {directory: evidence}
`).config()
	require.Equal(t, temporalConfig{Address: "10.0.0.1:7233", Namespace: "rollouts"}, c.Temporal)
	require.Equal(t, "127.0.0.1:9999", c.Listen)
	require.Equal(t, activities.Limits{FirstWeight: 1000, BakeAtLeast: rollout.Duration(10 * time.Minute), MutableTags: "refuse", RequireOwner: true}, c.Limits["production"])
	require.Equal(t, "evidence", c.Evidence.Directory)
	require.Equal(t, "15s", c.Drivers["prometheus"]["delay"])
}

func TestConfigIsOptional(t *testing.T) {
	for _, path := range []string{"", file(t, ""), file(t, "\n  \n"), file(t, "# nothing but a comment\n")} {
		c, err := loadConfig(path)
		require.NoError(t, err)
		require.Equal(t, config{}, c)
	}
	_, err := loadConfig("/does/not/exist.yaml")
	require.ErrorContains(t, err, "/does/not/exist.yaml")
}

func TestExampleConfig(t *testing.T) {
	_, err := loadConfig("../deploy/bakeoff-worker.yaml")
	require.NoError(t, err)
}

func TestWrongConfig(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"syntax", "a: [", []string{"bakeoff-worker.yaml:1"}},
		{"unknown field", "listn: x", []string{"bakeoff-worker.yaml:1:1", "listn", "did you mean listen"}},
		{"wrong type", "allow: {drivers: http}", []string{":1:18", "expected a list"}},
		{"listen", "listen: here", []string{":1:9", "write host:port"}},
		{"a role without members", "roles: {on-call: []}", []string{"roles.on-call", "needs members"}},
		{"a role of anyone", "roles: {anyone: [a]}", []string{"roles.anyone"}},
		{"an unknown act", "permissions: {production: {aprove: [anyone]}}", []string{"permissions.production.aprove", "no such act", "approve"}},
		{"an unknown role", "permissions: {production: {approve: [managers]}}", []string{"permissions.production.approve[0]", `no such role: "managers"`}},
		{"a quorum of nobody", "approvals: {production: {quorum: 2}}", []string{"approvals.production.quorum", "needs `from`"}},
		{"approvals by an unknown role", "approvals: {production: {from: [managers]}}", []string{"approvals.production.from[0]", "no such role"}},
		{"approvals otherwise", "approvals: {default: {otherwise: hope}}", []string{"approvals.default.otherwise", "rollback, promote"}},
		{"freeze", "freeze: []", []string{"freeze is not served"}},
		{"errorBudgets", "errorBudgets: {a/b: {}}", []string{"errorBudgets is not served"}},
		{"notifications", "notifications: {slack: {}}", []string{"notifications is not served"}},
		{"evidence.s3", "evidence: {s3: {bucket: b}}", []string{"evidence.s3 is not served"}},
		{"allow.drivers", "allow: {drivers: [http, ecs]}", []string{"allow.drivers[1]", `unknown driver "ecs"`, "caddy"}},
		{"allow.urls", "allow: {urls: [example.com]}", []string{"allow.urls[0]", "no pattern of URLs"}},
		{"unknown driver", "drivers: {ecs: {}}", []string{"drivers.ecs", `unknown driver "ecs"`}},
		{"mutableTags", "limits: {production: {mutableTags: maybe}}", []string{"limits.production.mutableTags", "refuse, allow"}},
		{"weight", "limits: {production: {firstWeight: 10}}", []string{"write a percentage"}},
		{"literal credential", "drivers: {prometheus: {url: http://p, bearer: abc}}", []string{"drivers.prometheus.bearer", "by reference"}},
		{"two references", "drivers: {prometheus: {url: http://p, bearer: {env: A, file: b}}}", []string{"expected {env: NAME} or {file: PATH}"}},
		{"unknown reference", "drivers: {prometheus: {url: http://p, bearer: {value: abc}}}", []string{"expected {env: NAME} or {file: PATH}"}},
		{"credential without url", "drivers: {prometheus: {bearer: {env: HOME}}}", []string{"give url, too"}},
		{"credential for a driver without", "drivers: {caddy: {url: http://p, bearer: {env: HOME}}}", []string{"caddy takes no credential"}},
		{"variable not set", "drivers: {prometheus: {url: http://p, bearer: {env: BAKEOFF_NOT_SET}}}", []string{"BAKEOFF_NOT_SET is not set"}},
		{"file not there", "drivers: {http: {url: http://p, bearer: {file: /not/there}}}", []string{"/not/there"}},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, err := loadConfig(file(t, tt.text))
			require.Error(t, err)
			require.ErrorIs(t, err, errConfig)
			for _, want := range tt.want {
				require.ErrorContains(t, err, want)
			}
		})
	}
}

func TestConfigSaysEverythingAtOnce(t *testing.T) {
	_, err := loadConfig(file(t, "listen: here\nsigning: {}\nfreeze: []\n"))
	require.ErrorContains(t, err, "host:port")
	require.ErrorContains(t, err, "signing.allowedSigners: name the file")
	require.ErrorContains(t, err, "freeze is not served")
}

func TestReload(t *testing.T) {
	path := file(t, "limits: {default: {requireOwner: true}}")
	l, err := newLive(path)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, []byte("limits: {default: {requireOwner: maybe}}"), 0o600))
	_, err = l.reload()
	require.ErrorContains(t, err, "stays as it was")
	require.True(t, l.config().Limits["default"].RequireOwner, "the old one is kept")

	require.NoError(t, os.WriteFile(path, []byte("listen: 127.0.0.1:1\ntemporal: {namespace: n}\nlimits: {default: {requirePurpose: true}}"), 0o600))
	notes, err := l.reload()
	require.NoError(t, err)
	require.Equal(t, []string{"listen needs a restart", "temporal needs a restart"}, notes)
	require.Equal(t, activities.Limits{RequirePurpose: true}, l.config().Limits["default"])
}

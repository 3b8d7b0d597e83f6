package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
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
  http: {cohorts: {beta: {header: X-Cohort, value: beta}}}
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
		{"a freeze without an end", "freeze: [{name: w, from: 2026-12-20T00:00:00Z}]", []string{":1:", "freeze[0].to", "is not a time"}},
		{"a freeze in no zone", "freeze: [{name: w, rrule: FREQ=DAILY, duration: 1h, zone: Europe/Atlantis}]", []string{"freeze[0].zone", "not a time zone"}},
		{"a freeze for an unknown role", "freeze: [{name: w, rrule: FREQ=DAILY, duration: 1h, except: [on-call]}]", []string{"freeze[0].except[0]", `no such role: "on-call"`}},
		{"a freeze with an unknown field", "freeze: [{name: w, rule: FREQ=DAILY}]", []string{"freeze[0].rule", "did you mean rrule"}},
		{"two freezes of one name", "freeze: [{name: w, rrule: FREQ=DAILY, duration: 1h}, {name: w, rrule: FREQ=DAILY, duration: 2h}]", []string{"freeze[1].name", `two windows are called "w"`}},
		{"an error budget without an objective", "errorBudgets: {a/b: {failures: f, requests: r}}", []string{"errorBudgets.a/b.objective", "not an objective"}},
		{"an error budget of nothing", "errorBudgets: {a/b: {objective: 99.9%}}", []string{"errorBudgets.a/b.failures", "errorBudgets.a/b.requests"}},
		{"an error budget of no target", "errorBudgets: {checkout: {objective: 99.9%, failures: f, requests: r}}", []string{"errorBudgets.checkout", "environment/service"}},
		{"an error budget of no selector", "errorBudgets: {a/b: {objective: 99.9%, failures: 'f{', requests: r}}", []string{"errorBudgets.a/b.failures"}},
		{"an error budget with impossible windows", "errorBudgets: {a/b: {objective: 99.9%, failures: f, requests: r, windows: [{long: 5m, short: 1h, factor: 6}]}}", []string{"errorBudgets.a/b.windows[0]"}},
		{"hooks without a secret", "hooks: {urls: [https://h.example]}", []string{"hooks.secret", "signed with"}},
		{"hooks for nobody", "hooks: {secret: {env: HOME}}", []string{"hooks.urls", "only to the URLs"}},
		{"hooks with a secret that is not there", "hooks: {secret: {env: BAKEOFF_NOT_SET}, urls: [https://h.example]}", []string{"BAKEOFF_NOT_SET is not set"}},
		{"a sink without a credential", "notifications: {slack: {webhook: {}}}", []string{"notifications.slack", "expected {env: NAME} or {file: PATH}"}},
		{"a sink whose credential is not there", "notifications: {webhook: {url: \"http://h\", secret: {env: BAKEOFF_NOT_SET}}}", []string{"notifications.webhook", "BAKEOFF_NOT_SET is not set"}},
		{"a literal secret", "notifications: {webhook: {url: \"http://h\", secret: abc}}", []string{"notifications.webhook.secret", "write {env: NAME}"}},
		{"a webhook without a url", "notifications: {webhook: {url: here}}", []string{"notifications.webhook", "write https://host/path"}},
		{"an unknown sink", "notifications: {pager: {}}", []string{"notifications.pager", "unknown field"}},
		{"e-mail over http", "notifications: {email: {smtp: \"http://mail\", from: a@example.com}}", []string{"notifications.email", "smtp://host:587"}},
		{"e-mail from nobody", "notifications: {email: {smtp: \"smtp://mail\", from: nobody}}", []string{"notifications.email", "from:"}},
		{"a password without a user", "notifications: {email: {smtp: \"smtp://mail\", from: a@example.com, password: {env: HOME}}}", []string{"user and password belong together"}},
		{"a subscription to nothing", "notifications: {subscriptions: [{to: slack}]}", []string{"notifications.subscriptions[0].to", `no sink "slack" is configured`}},
		{"e-mail to nobody", "notifications: {email: {smtp: \"smtp://mail\", from: a@example.com}, subscriptions: [{to: email}]}", []string{"notifications.subscriptions[0].channel", "the address"}},
		{"an unknown event", "notifications: {mute: [{events: [promotedd]}]}", []string{"notifications.mute[0].events", `nothing is told as "promotedd"`, "rolledBack"}},
		{"a pattern that is none", "notifications: {mute: [{services: [\"[\"]}]}", []string{"notifications.mute[0]", "not a pattern"}},
		{"a template of no event", "notifications: {templates: {ended: x}}", []string{"notifications.templates.ended", "nothing is told as"}},
		{"a template that does not end", "notifications: {templates: {promoted: \"{{.Text\"}}", []string{"notifications.templates.promoted", "unclosed action"}},
		{"a template of what is not there", "notifications: {templates: {promoted: \"{{.Version}}\"}}", []string{"notifications.templates.promoted", "Version"}},
		{"a template of what may be absent", "notifications: {templates: {waiting: \"{{.Until.Year}}\"}}", []string{"notifications.templates.waiting", "nil"}},
		{"mute until when", "notifications: {mute: [{until: tomorrow}]}", []string{"notifications.mute[0].until"}},
		{"rungs out of order", "notifications: {webhook: {url: \"http://h\"}}\nescalation: {default: [{after: 10m, to: webhook}, {after: 5m, to: webhook}]}", []string{"escalation.default[1].after", "not later"}},
		{"a rung at once", "notifications: {webhook: {url: \"http://h\"}}\nescalation: {default: [{to: webhook}]}", []string{"escalation.default[0].after", "not later"}},
		{"a rung to nobody", "escalation: {default: [{after: 10m, to: pager}]}", []string{"escalation.default[0].to", `no sink "pager"`}},
		{"alerts without a token", "alerts: {bearer: {env: BAKEOFF_NOT_SET}}", []string{"alerts.bearer", "BAKEOFF_NOT_SET is not set"}},
		{"practice of no age", "rehearsals: {require: {production: -1d}}", []string{"rehearsals.require.production", "is not a duration"}},
		{"practice for ever", "rehearsals: {require: {production: often}}", []string{":1:36", "rehearsals.require.production"}},
		{"practice every", "rehearsals: {every: 30d}", []string{"rehearsals.every", "unknown field"}},
		{"limits of no environment", "limits: {'a b': {}}", []string{":1:10", "limits.a b", "no name that there can be", "letters"}},
		{"permissions of no environment", "permissions: {'a b': {start: [anyone]}}", []string{":1:15", "permissions.a b", "no name that there can be"}},
		{"permissions of all", "permissions: {'*': {start: [anyone]}}", []string{"permissions.*", "no name that there can be"}},
		{"approvals of no environment", "approvals: {'': {}}", []string{"approvals.", "no name that there can be"}},
		{"escalation of no environment", "escalation: {a/b: []}", []string{"escalation.a/b", "no name that there can be"}},
		{"practice of no environment", "rehearsals: {require: {a b: 1d}}", []string{"rehearsals.require.a b", "no name that there can be"}},
		{"no production", "rehearsals: {production: ['']}", []string{"rehearsals.production[0]", "no name that there can be"}},
		{"drills in no production", "rehearsals: {productionDrills: [a b]}", []string{"rehearsals.productionDrills[0]", "no name that there can be"}},
		{"a freeze of no environment", "freeze: [{name: w, environments: [''], rrule: FREQ=DAILY, duration: 1h}]", []string{":1:35", "freeze[0].environments[0]", "matches no name"}},
		{"a freeze of no service", "freeze: [{name: w, services: [a/*], rrule: FREQ=DAILY, duration: 1h}]", []string{"freeze[0].services[0]", "matches no name"}},
		{"mute nothing", "notifications: {mute: [{services: [\"\"]}]}", []string{"notifications.mute[0]", "matches no name"}},
		{"evidence.s3", "evidence: {s3: {bucket: b}}", []string{"evidence.s3 is not served"}},
		{"allow.drivers", "allow: {drivers: [http, ecs]}", []string{"allow.drivers[1]", `unknown driver "ecs"`, "caddy"}},
		{"allow.urls", "allow: {urls: [example.com]}", []string{"allow.urls[0]", "not a pattern of URLs"}},
		{"a blank member", "roles: {on-call: [a, ' ']}", []string{":1:22", "roles.on-call[1]", "is blank"}},
		{"a permission of nobody", "permissions: {production: {approve: []}}", []string{"permissions.production.approve", "names no role: write anyone, or a role"}},
		{"an unknown field of a cohort", "drivers: {http: {cohorts: {beta: {heder: X-Cohort, value: beta}}}}", []string{":1:42", "drivers.http.cohorts.beta.heder", "did you mean header"}},
		{"a cohort without a value", "drivers: {caddy: {cohorts: {beta: {header: X-Cohort}}}}", []string{":1:", "drivers.caddy.cohorts.beta.value", "one exact value"}},
		{"a cohort by no header", "drivers: {http: {cohorts: {beta: {header: X Cohort, value: beta}}}}", []string{":1:43", "drivers.http.cohorts.beta.header", `"X Cohort" is not a name of a header`}},
		{"a cohort with an odd name", "drivers: {http: {cohorts: {'a b': {header: X-Cohort, value: beta}}}}", []string{"drivers.http.cohorts", `"a b" needs letters`}},
		{"two wrong cohorts", "drivers: {http: {cohorts: {a: {header: X A, value: a}, b: {header: X-B}}}}", []string{"drivers.http.cohorts.a.header", "drivers.http.cohorts.b.value"}},
		{"cohorts that are a list", "drivers: {http: {cohorts: [beta]}}", []string{"drivers.http.cohorts", "expected a mapping"}},
		{"cohorts of a driver without", "drivers: {prometheus: {cohorts: {}}}", []string{"drivers.prometheus.cohorts", "only http, caddy do"}},
		{"a cohort by a header and a flag", "drivers: {http: {cohorts: {beta: {header: X-Cohort, flag: {key: k, value: true}}}}}", []string{"drivers.http.cohorts.beta", "not by both"}},
		{"a cohort by no flag", "drivers: {http: {cohorts: {beta: {flag: {value: true}}}}}", []string{"drivers.http.cohorts.beta.flag.key", "is missing"}},
		{"a cohort by a flag that says nothing", "drivers: {http: {cohorts: {beta: {flag: {key: k, value: 1, off: 1}}}}}", []string{"drivers.http.cohorts.beta.flag.value", "the same as off"}},
		{"two cohorts by one flag", "drivers: {http: {cohorts: {a: {flag: {key: k, value: 1}}, b: {flag: {key: k, value: 2}}}}}", []string{"drivers.http.cohorts.b.flag.key", "k makes cohort a already"}},
		{"a cohort by a flag of a router", "drivers: {caddy: {cohorts: {a: {flag: {key: k, value: 1}}}}}", []string{"drivers.caddy.cohorts", "belong to http"}},
		{"unknown driver", "drivers: {ecs: {}}", []string{"drivers.ecs", `unknown driver "ecs"`}},
		{"mutableTags", "limits: {production: {mutableTags: maybe}}", []string{"limits.production.mutableTags", "refuse, allow"}},
		{"weight", "limits: {production: {firstWeight: 10}}", []string{"is not a percentage"}},
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
	_, err := loadConfig(file(t, "listen: here\nsigning: {}\nfreeze: [{}]\n"))
	require.ErrorContains(t, err, "host:port")
	require.ErrorContains(t, err, "signing.allowedSigners: name the file")
	require.ErrorContains(t, err, "a window needs a name")
}

func TestReload(t *testing.T) {
	path := file(t, "limits: {default: {requireOwner: true}}")
	l, err := newLive(path)
	require.NoError(t, err)

	require.NoError(t, os.WriteFile(path, []byte("limits: {default: {requireOwner: maybe}}"), 0o600))
	_, err = l.reload()
	require.ErrorContains(t, err, "stays as it was")
	require.True(t, l.config().Limits["default"].RequireOwner, "the old one is kept")

	require.NoError(t, os.WriteFile(path, []byte("listen: 127.0.0.1:1\ntemporal: {namespace: n}\nrehearsals: {faults: {directory: /f}}\nlimits: {default: {requirePurpose: true}}"), 0o600))
	notes, err := l.reload()
	require.NoError(t, err)
	require.Equal(t, []string{"listen needs a restart", "temporal needs a restart", "rehearsals.faults needs a restart"}, notes)
	require.Equal(t, activities.Limits{RequirePurpose: true}, l.config().Limits["default"])

	require.NoError(t, os.WriteFile(path, []byte("# cut off\n"), 0o600))
	_, err = l.reload()
	require.ErrorContains(t, err, "says nothing, and would take all permissions and limits away")
	require.True(t, l.config().Limits["default"].RequirePurpose, "the old one is kept")
}

// The digest of the policy names what decides, and nothing else of the file.
func TestPolicyDigest(t *testing.T) {
	digest := func(text string) string { return loaded(t, text).config().digest }
	rules := "roles: {on-call: [cy@example.com]}\npermissions: {production: {start: [on-call]}, default: {start: [anyone], approve: [anyone]}}\n"
	was := digest(rules)
	require.Regexp(t, "^sha256:[0-9a-f]{64}$", was)
	require.Empty(t, digest("# nothing"))
	for _, same := range []string{"# who may\n" + rules, rules + "listen: 127.0.0.1:9999\n", rules + "notifications: {ui: http://127.0.0.1:8233}\n"} {
		require.Equal(t, was, digest(same), same)
	}
	seen := map[string]string{was: rules}
	for _, other := range []string{
		"members: {cy@example.com: {aliases: [cy@laptop]}}", "approvals: {staging: {self: true}}", "limits: {production: {requireReason: true}}",
		"freeze: [{name: party, from: 2026-12-20T00:00:00Z, to: 2027-01-02T00:00:00Z}]", "allow: {drivers: [http]}",
		"errorBudgets: {production/checkout: {objective: 99.9%, failures: a, requests: b}}", "rehearsals: {require: {production: 30d}}",
	} {
		d := digest(rules + other)
		require.Empty(t, seen[d], other)
		seen[d] = other
	}

	path := file(t, rules)
	var out, complaints strings.Builder
	require.Zero(t, run([]string{"--config", path, "check"}, &out, &complaints), complaints.String())
	require.Equal(t, "policy "+was+"\n", out.String())
	require.Equal(t, 1, run([]string{"--config", file(t, "rules: {}"), "check"}, &out, &complaints))
	require.Contains(t, complaints.String(), "rules")
}

// What somebody wrote where a reference belongs is not printed.
func TestWrongConfigHidesSecrets(t *testing.T) {
	tests := []string{
		`notifications: {webhook: {url: "http://h", secret: hunter2}}`,
		`notifications: {slack: {webhook: hunter2}}`,
		`notifications: {email: {smtp: "smtp://mail", from: a@example.com, user: a, password: hunter2}}`,
		`notifications: {email: {smtp: "smtp://u:hunter2@mail:x", from: a}}`,
		`drivers: {prometheus: {url: "http://h", bearer: hunter2}}`,
		`drivers: {prometheus: {url: "http://h", bearer: [hunter2]}}`,
		`alerts: {bearer: hunter2}`,
		`hooks: {secret: hunter2, urls: [x]}`,
		`rehearsals: {masking: hunter2}`,
		`rehearsals: {databases: {orders: "postgres://app:hunter2@db/orders"}}`,
		`allow: {urls: ["http://app:hunter2@db/*x"]}`,
	}
	for _, text := range tests {
		for _, broken := range []string{"", "listn: x\n"} {
			_, err := loadConfig(file(t, broken+text))
			require.ErrorIs(t, err, errConfig, text)
			require.NotContains(t, err.Error(), "hunter2", text)
			require.Contains(t, err.Error(), "…", text)
		}
	}
}

// A zero that would be taken for the default is refused, as in a spec.
func TestZeros(t *testing.T) {
	budget := "errorBudgets: {a/b: {objective: 99.9%%, failures: f, requests: r, %s}}"
	faults := "rehearsals: {faults: {directory: /tmp, processes: {p: {pidFile: /tmp/p, %s}}, limits: {%s}}}"
	tests := []struct{ text, want string }{
		{"approvals: {production: {quorum: 0}}", ":1:34: approvals.production.quorum: 0 is not possible: leave it out"},
		{"approvals: {production: {quorum: 0.0}}", "approvals.production.quorum: 0.0 is not possible"},
		{"approvals: {production: {within: 0s}}", "approvals.production.within: 0s is not possible: leave it out"},
		{"approvals: {production: {within: 0}}", "approvals.production.within: 0 is not possible"},
		{"roles: {a: [x]}\napprovals: {production: {each: {a: 0}}}", "approvals.production.each.a: 0 votes are impossible"},
		{fmt.Sprintf(budget, "over: 0s"), "errorBudgets.a/b.over: 0s is not possible"},
		{fmt.Sprintf(budget, "minEvents: 0"), "errorBudgets.a/b.minEvents: 0 is not possible"},
		{fmt.Sprintf(budget, "windows: [{long: 1h, short: 0s, factor: 6}]"), "errorBudgets.a/b.windows[0]"},
		{fmt.Sprintf(budget, "windows: [{long: 1h, short: 5m, factor: 0}]"), "errorBudgets.a/b.windows[0]"},
		{"rehearsals: {rate: 0/s}", "rehearsals.rate: 0/s is not possible"},
		{"rehearsals: {longest: 0s}", "rehearsals.longest: 0s is not possible"},
		{fmt.Sprintf(faults, "within: 0s", ""), "rehearsals.faults.processes.p.within: 0s is not possible"},
		{fmt.Sprintf(faults, "", "atOnce: 0"), "rehearsals.faults.limits.atOnce: 0 is not possible"},
		{fmt.Sprintf(faults, "", "longest: 0s"), "rehearsals.faults.limits.longest: 0s is not possible"},
		{"freeze: [{name: w, rrule: FREQ=DAILY, duration: 0s}]", "freeze[0].duration: how long"},
		{"notifications: {webhook: {url: \"http://h\"}}\nescalation: {default: [{after: 0s, to: webhook}]}", "escalation.default[0].after: 0s is not later"},
	}
	for _, tt := range tests {
		_, err := loadConfig(file(t, tt.text))
		require.ErrorContains(t, err, tt.want, tt.text)
	}
	for _, text := range []string{ // where nothing is what zero says
		"limits: {production: {firstWeight: 0%, bakeAtLeast: 0s}}", "rehearsals: {require: {production: 0s}}", fmt.Sprintf(faults, "within: 1s", "atOnce: 1, longest: 1s"),
	} {
		_, err := loadConfig(file(t, text))
		require.NoError(t, err, text)
	}
}

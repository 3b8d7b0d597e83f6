// Package docs_test holds the guides to the product: every block of YAML is
// what it says it is, every command line has commands and flags that exist,
// every link leads somewhere.
package docs_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"

	"github.com/goccy/go-yaml"
	"github.com/stretchr/testify/require"

	"bakeoff/rollout/specfile"
	"bakeoff/testsuite/procs"
)

func TestMain(m *testing.M) {
	code := m.Run()
	procs.Clean()
	os.Exit(code)
}

// page is one guide.
type page struct {
	path string // from the root
	text string
}

func pages(t *testing.T) []page {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(procs.Root(), "docs", "*.md"))
	require.NoError(t, err)
	require.Greater(t, len(paths), 5)
	var out []page
	for _, path := range append(paths, filepath.Join(procs.Root(), "README.md")) {
		text, err := os.ReadFile(path)
		require.NoError(t, err)
		local, err := filepath.Rel(procs.Root(), path)
		require.NoError(t, err)
		out = append(out, page{filepath.ToSlash(local), string(text)})
	}
	return out
}

// block is one fenced block; its kind is the rest of the fence's first line.
type block struct {
	page, kind, text string
	line             int
}

func (b block) where() string { return b.page + ":" + strconv.Itoa(b.line) }

func blocks(t *testing.T) []block {
	t.Helper()
	var out []block
	for _, p := range pages(t) {
		open, indent := -1, ""
		for i, line := range strings.Split(p.text, "\n") {
			bare := strings.TrimLeft(line, " ")
			switch {
			case open < 0 && strings.HasPrefix(bare, "```"):
				out = append(out, block{page: p.path, kind: strings.TrimSpace(bare[3:]), line: i + 1})
				open, indent = len(out)-1, line[:len(line)-len(bare)]
			case open >= 0 && bare == "```":
				open = -1
			case open >= 0:
				out[open].text += strings.TrimPrefix(line, indent) + "\n"
			}
		}
		require.Negative(t, open, "%s: a block is not closed", p.path)
	}
	return out
}

// minimal is the spec that fragments are laid over.
const minimal = `
kind: Rollout
service: checkout
environment: production
release: {version: 2.5.0}
target:
  deploy:  {driver: http, with: {url: "http://deployer:8080"}}
  traffic: {driver: http, with: {url: "http://router:8080"}}
  metrics: {driver: prometheus, with: {url: "http://prometheus:9090"}}
strategy: {canary: [{weight: 5%, bake: 10m}]}
checks:
  - {name: errors, failures: f, requests: r}
`

// TestYAML holds every block of YAML to its kind.
func TestYAML(t *testing.T) {
	seen := map[string]int{}
	for _, b := range blocks(t) {
		language, kind, _ := strings.Cut(b.kind, " ")
		if language != "yaml" {
			continue
		}
		t.Run(b.where(), func(t *testing.T) {
			switch {
			case kind == "worker":
				checkWorkerConfiguration(t, b)
			case kind == "alerts":
				checkAlerts(t, b)
			case kind == "alertmanager":
				checkAlertmanager(t, b)
			case kind == "ci":
				require.NoError(t, yaml.Unmarshal([]byte(b.text), &map[string]any{}))
			case kind == "judge": // TestJudgeExamples runs it
			case kind == "fragment-of: spec", kind == "" && strings.HasPrefix(firstKey(t, b), "checks"): // of bakeoff judge
				checkSpec(t, b, laidOver(t, b))
			case kind == "fragment-of: fleet":
				checkFleet(t, b)
			case kind == "template":
				checkTemplate(t, b)
			case kind == "fragment-of: rehearsal":
				checkInputs(t, b)
			case kind == "":
				require.Equal(t, "kind", firstKey(t, b), "a whole document begins with its kind; a part of one needs another fence")
				checkWhole(t, b)
			default:
				t.Fatalf("a block of yaml is a spec, or one of fragment-of: spec, fragment-of: fleet, fragment-of: rehearsal, template, judge, worker, alerts, alertmanager, ci; not %q", kind)
			}
		})
		seen[kind]++
	}
	require.GreaterOrEqual(t, seen[""], 5, "specs")
	require.GreaterOrEqual(t, seen["worker"], 3)
	require.GreaterOrEqual(t, seen["fragment-of: spec"], 5)
	require.NotZero(t, seen["alerts"])
	require.NotZero(t, seen["alertmanager"])
}

func firstKey(t *testing.T, b block) string {
	t.Helper()
	var all yaml.MapSlice
	require.NoError(t, yaml.Unmarshal([]byte(b.text), &all), b.text)
	require.NotEmpty(t, all)
	key, ok := all[0].Key.(string)
	require.True(t, ok)
	return key
}

// laidOver replaces top-level fields of the minimal spec by those of a
// fragment, as text, so that nothing is written differently than it stands.
func laidOver(t *testing.T, b block) []byte {
	t.Helper()
	var given yaml.MapSlice
	require.NoError(t, yaml.Unmarshal([]byte(b.text), &given), b.text)
	keep := true
	var out strings.Builder
	for line := range strings.Lines(minimal) {
		if key, _, found := strings.Cut(line, ":"); found && !strings.HasPrefix(line, " ") {
			keep = !slices.ContainsFunc(given, func(i yaml.MapItem) bool { return i.Key == key })
		}
		if keep {
			out.WriteString(line)
		}
	}
	return []byte(out.String() + b.text)
}

// checkFleet lays a fragment over the minimal spec, as its rollout.
func checkFleet(t *testing.T, b block) {
	t.Helper()
	fleet := "kind: Fleet\nservice: checkout\nenvironment: production\n" + b.text + "rollout:\n"
	for line := range strings.Lines(minimal) {
		if name, _, _ := strings.Cut(line, ":"); !slices.Contains([]string{"kind", "service", "environment"}, name) {
			fleet += "  " + line
		}
	}
	checkSpec(t, b, []byte(fleet))
}

func checkSpec(t *testing.T, b block, text []byte) {
	t.Helper()
	_, problems := specfile.Parse(b.where(), text)
	if specfile.IsFleet(text) {
		_, problems = specfile.ParseFleet(b.where(), text)
	}
	for _, p := range problems {
		t.Error(specfile.NewSource(text).Explain(p))
	}
}

// checkWorkerConfiguration lets the worker read it. It reads its configuration
// before its queues, so a queue that does not exist ends it without a server.
func checkWorkerConfiguration(t *testing.T, b block) {
	t.Helper()
	text := b.text
	for _, file := range regexp.MustCompile(`file: (/[^}\s]+)`).FindAllStringSubmatch(text, -1) {
		here := filepath.Join(t.TempDir(), "token")
		require.NoError(t, os.WriteFile(here, []byte("t"), 0o600))
		text = strings.ReplaceAll(text, file[1], here)
	}
	folder := t.TempDir()
	name := filepath.Join(folder, "bakeoff-worker.yaml")
	require.NoError(t, os.WriteFile(name, []byte(text), 0o600))
	const signers = "ana@example.com ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBfHgcz5xDOnKGHlVJ1ppAOxPuW7AwnPdaDN/4Ka4xwK\n"
	require.NoError(t, os.WriteFile(filepath.Join(folder, "allowed_signers"), []byte(signers), 0o600))
	cmd := exec.Command(procs.Program(t, "bakeoff-worker"), "--config", name, "--queues", "none")
	cmd.Env = os.Environ()
	for _, variable := range regexp.MustCompile(`env: ([A-Z_]+)`).FindAllStringSubmatch(text, -1) {
		cmd.Env = append(cmd.Env, variable[1]+"=https://example.com/t") // of a webhook, the URL is the secret
	}
	said, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	require.True(t, errors.As(err, &exit), "%s", said)
	require.Contains(t, string(said), `"none" is not a queue`, "it was refused before that")
}

var ownMetric = regexp.MustCompile(`\bbakeoff_[a-z_]+`)

// checkAlerts holds that every metric that an alert names is one of the worker's.
func checkAlerts(t *testing.T, b block) {
	t.Helper()
	var rules struct {
		Groups []struct {
			Rules []struct{ Alert, Expr string }
		}
	}
	require.NoError(t, yaml.Unmarshal([]byte(b.text), &rules))
	require.NotEmpty(t, rules.Groups)
	source := workerSource(t)
	for _, r := range rules.Groups[0].Rules {
		require.NotEmpty(t, r.Alert)
		names := ownMetric.FindAllString(r.Expr, -1)
		require.NotEmpty(t, names, r.Alert)
		for _, name := range names {
			name = strings.TrimSuffix(strings.TrimSuffix(name, "_bucket"), "_count")
			require.Contains(t, source, `"`+name+`"`, "%s: no metric of the worker", r.Alert)
		}
	}
}

// checkAlertmanager holds that what Alertmanager is told to do ends at the worker's
// page, with a token. The fields are those of Alertmanager's own configuration.
func checkAlertmanager(t *testing.T, b block) {
	t.Helper()
	type route struct {
		Receiver      string
		Matchers      []string
		GroupBy       []string `yaml:"group_by"`
		GroupWait     string   `yaml:"group_wait"`
		GroupInterval string   `yaml:"group_interval"`
		Continue      bool
	}
	var c struct {
		Route struct {
			Receiver string
			Routes   []route
		}
		Receivers []struct {
			Name    string
			Webhook []struct {
				URL          string
				SendResolved bool `yaml:"send_resolved"`
				HTTP         struct {
					Authorization struct {
						Type            string
						CredentialsFile string `yaml:"credentials_file"`
					}
				} `yaml:"http_config"`
			} `yaml:"webhook_configs"`
		}
	}
	require.NoError(t, yaml.UnmarshalWithOptions([]byte(b.text), &c, yaml.Strict()))
	require.Equal(t, []string{c.Route.Receiver, c.Route.Routes[0].Receiver}, []string{c.Receivers[0].Name, c.Receivers[1].Name})
	hook := c.Receivers[1].Webhook[0]
	require.True(t, strings.HasSuffix(hook.URL, "/alerts"))
	require.Equal(t, "Bearer", hook.HTTP.Authorization.Type)
	require.NotEmpty(t, hook.HTTP.Authorization.CredentialsFile)
}

func workerSource(t *testing.T) string {
	t.Helper()
	files, err := filepath.Glob(filepath.Join(procs.Root(), "worker", "*.go"))
	require.NoError(t, err)
	var out strings.Builder
	for _, file := range files {
		if !strings.HasSuffix(file, "_test.go") {
			text, err := os.ReadFile(file)
			require.NoError(t, err)
			out.Write(text)
		}
	}
	return out.String()
}

// tablePrefix begins the names of tables that a rehearsal keeps rows in.
const tablePrefix = "bakeoff_before_"

// TestMetrics holds that every metric named anywhere exists.
func TestMetrics(t *testing.T) {
	source := workerSource(t)
	for _, p := range pages(t) {
		for _, name := range ownMetric.FindAllString(p.text, -1) {
			if !strings.HasPrefix(name, tablePrefix) {
				require.True(t, strings.Contains(source, `"`+strings.TrimSuffix(name, "_bucket")+`"`), "%s: no metric %s", p.path, name)
			}
		}
	}
}

// TestJSON holds that every block of JSON is JSON, one value or several.
func TestJSON(t *testing.T) {
	count := 0
	for _, b := range blocks(t) {
		if language, _, _ := strings.Cut(b.kind, " "); language != "json" {
			continue
		}
		count++
		dec := json.NewDecoder(strings.NewReader(b.text))
		for {
			var v any
			err := dec.Decode(&v)
			if errors.Is(err, io.EOF) {
				break
			}
			require.NoError(t, err, b.where())
		}
	}
	require.NotZero(t, count)
}

// command is one call of a program of ours.
type command struct {
	where, program string
	args           []string
}

// called finds programs where a command begins: at the start of a line, after
// `&&`, `||`, `|`, `;`, a variable or a YAML key.
var called = regexp.MustCompile(`(?:^|[;&|]\s*|- run: (?:\|)?\s*|^[A-Z_]+=\S+ )(?:bin/)?(bakeoff(?:-worker|-dev)?)((?:\s+[^\s|;&>#][^|;&>#]*)?)`)

// commands lists the command lines of blocks of shell and YAML, of indented
// blocks and of inline code.
func commands(t *testing.T) []command {
	t.Helper()
	var out []command
	add := func(where, line string) {
		for _, m := range called.FindAllStringSubmatch(strings.TrimSpace(line), -1) {
			out = append(out, command{where, m[1], words(m[2])})
		}
	}
	for _, b := range blocks(t) {
		if language, _, _ := strings.Cut(b.kind, " "); slices.Contains([]string{"sh", "yaml"}, language) {
			for line := range strings.Lines(strings.ReplaceAll(b.text, "\\\n", " ")) {
				add(b.where(), line)
			}
		}
	}
	inline := regexp.MustCompile("`(bakeoff(?:-worker|-dev)? [^`]+)`")
	for _, p := range pages(t) {
		fenced := false
		for line := range strings.Lines(p.text) {
			if strings.HasPrefix(strings.TrimSpace(line), "```") {
				fenced = !fenced
			}
			if fenced {
				continue
			}
			if strings.HasPrefix(line, "    ") {
				add(p.path, line)
			}
			for _, m := range inline.FindAllStringSubmatch(line, -1) {
				add(p.path, m[1])
			}
		}
	}
	return out
}

// words splits a command line as far as finding flags needs it: what stands in
// quotes is one word.
func words(line string) []string {
	return regexp.MustCompile(`(?:"[^"]*"|'[^']*'|[^\s"'])+`).FindAllString(line, -1)
}

var help sync.Map

// helpOf is what a command says of itself; "" where it does not exist.
func helpOf(t *testing.T, program string, sub ...string) string {
	t.Helper()
	key := program + " " + strings.Join(sub, " ")
	if text, known := help.Load(key); known {
		return text.(string)
	}
	text := ""
	if program == "bakeoff-dev" { // takes minutes to build: its source says the same
		source, err := os.ReadFile(filepath.Join(procs.Root(), "deploy", "dev", "cmd", "bakeoff-dev", "main.go"))
		require.NoError(t, err)
		for _, m := range regexp.MustCompile(`Var\(&[\w.]+, "([a-z-]+)"`).FindAllStringSubmatch(string(source), -1) {
			text += " --" + m[1] + " "
		}
	} else {
		said, err := exec.Command(procs.Program(t, program), append(sub, "--help")...).Output()
		if err == nil {
			text = string(said)
		}
	}
	help.Store(key, text)
	return text
}

// TestCommandLines holds that each command and each flag exists.
func TestCommandLines(t *testing.T) {
	all := commands(t)
	require.Greater(t, len(all), 40)
	for _, c := range all {
		var sub []string
		if len(c.args) > 0 && !strings.HasPrefix(c.args[0], "-") {
			sub = []string{c.args[0]}
		}
		if c.program == "bakeoff-worker" && slices.Contains(c.args, "verify") {
			sub = []string{"verify"}
		}
		text := helpOf(t, c.program, sub...)
		line := c.program + " " + strings.Join(c.args, " ")
		if len(sub) > 0 && sub[0] != "completion" {
			require.Contains(t, text, "Usage:\n  "+c.program+" "+sub[0], "%s: %s: no such command", c.where, line)
		}
		for _, arg := range c.args {
			flag, _, _ := strings.Cut(arg, "=")
			if strings.HasPrefix(flag, "-") && flag != "-" && flag != "--help" {
				require.Regexp(t, `(?m)(^|[\s,])`+regexp.QuoteMeta(flag)+`(\s|$|,)`, text, "%s: %s: no flag %s", c.where, line, flag)
			}
		}
	}
}

var links = regexp.MustCompile(`\]\(([^)\s]+)\)`)

// TestLinks holds that relative links lead to files, and to headings in them.
func TestLinks(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		for _, m := range links.FindAllStringSubmatch(p.text, -1) {
			if strings.Contains(m[1], "://") {
				continue
			}
			count++
			path, anchor, _ := strings.Cut(m[1], "#")
			file := filepath.Join(procs.Root(), filepath.Dir(p.path), path)
			if path == "" {
				file = filepath.Join(procs.Root(), p.path)
			}
			text, err := os.ReadFile(file)
			require.NoError(t, err, "%s: %s", p.path, m[1])
			if anchor != "" {
				require.Contains(t, headings(text), anchor, "%s: %s", p.path, m[1])
			}
		}
	}
	require.Greater(t, count, 10)
}

var named = regexp.MustCompile("^\\| (`[^|]*`) \\|")

// TestFieldsStandOnce holds that no table explains a field twice.
func TestFieldsStandOnce(t *testing.T) {
	count := 0
	for _, p := range pages(t) {
		rows := map[string]bool{} // of one table
		for i, line := range strings.Split(p.text, "\n") {
			if !strings.HasPrefix(line, "|") {
				rows = map[string]bool{}
			}
			if m := named.FindStringSubmatch(line); m != nil {
				require.False(t, rows[m[1]], "%s:%d: %s", p.path, i+1, m[1])
				rows[m[1]], count = true, count+1
			}
		}
	}
	require.Greater(t, count, 100)
}

// headings are the anchors of a page.
func headings(text []byte) []string {
	var out []string
	for line := range bytes.Lines(text) {
		if title := strings.TrimLeft(string(line), "#"); len(title) < len(line) && strings.HasPrefix(title, " ") {
			anchor := strings.ReplaceAll(strings.ToLower(strings.TrimSpace(title)), " ", "-")
			out = append(out, regexp.MustCompile(`[^\p{L}\p{N}_-]`).ReplaceAllString(anchor, ""))
		}
	}
	return out
}

package specfile

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/rollout"
)

// Logs are read by many: the line of a problem never has a secret in it, whether it
// is what the problem is about or merely stands beside it.
func TestExplainHidesSecrets(t *testing.T) {
	config := func(config string) string {
		return edit(t, "{version: 2.5.0}", "{version: 2.5.0, config: "+config+"}")
	}
	deploy := func(with string) string { return edit(t, "with: {url: http://deployer:8080}", "with: "+with) }
	tests := []struct{ name, doc, want string }{
		{"in a flow", config("{DB_PASSWORD: hunter2, B: c}"), "  release: {version: 2.5.0, config: {DB_PASSWORD: …, B: c}}\n"},
		{"its place", config("{DB_PASSWORD: hunter2}"), "DB_PASSWORD: …}}\n  " + strings.Repeat(" ", 48) + "^"},
		{"in a block", smallest + "owner: &a\n  b\nx:\n  TOKEN: hunter2, hunter2} hunter2\n", ""},
		{"in quotes", config("{DB_PASSWORD: \"hunter2 '} hunter2\"}"), "{DB_PASSWORD: …}"},
		{"as JSON", config(`{"DB_PASSWORD":"hunter2","B":"c"}`), `{"DB_PASSWORD":…,"B":"c"}`},
		{"on the next line", config("{DB_PASSWORD:\n    hunter2}"), "    …}}\n"},
		{"a text in lines", strings.Replace(config("{}"), "{version: 2.5.0, config: {}}", "\n  version: 2.5.0\n  config:\n    TOKEN: |\n      hunter2\n      hunter2", 1), "TOKEN: |"},
		{"by an alias", edit(t, "checkout\n", "&a hunter2\n", "{version: 2.5.0}", "{version: 2.5.0, config: {DB_PASSWORD: *a}}"), "service: &a …"},
		{"beside a problem", config("{DB_PASSWORD: hunter2, B: [x]}"), "DB_PASSWORD: …, B: [x]}"},
		{"in a comment beside a problem", config("{B: [x]} } # password: hunter2"), ""},
		{"a list", deploy("{url: x, tokens: [hunter2, hunter2 x]}"), "tokens: […, …]"},
		{"a bearer", deploy("{url: x, bearer: hunter2}"), "bearer: …}"},
		{"a URL", deploy("{url: http://u:hunter2@h}"), "{url: …}"},
		{"a user of a URL", deploy("{url: http://hunter2@h, x: {a: 1, a: 1}}"), ""},
		{"a header", smallest + "hooks: [{at: after, http: 'https://x/?token=hunter2hunter2'}]\n", "http: …}"},
		{"quoted by the problem", edit(t, "bake: 10m", "bake: 'password=hunter2'"), "bake: …}"},
		{"of the wrong type", edit(t, "requests: r", "requests: r, minRequests: 'password=hunter2'"), "minRequests: …}"},
		{"no YAML", "kind: [\na: {DB_PASSWORD: hunter2, @b}\n", ""},
		{"no end", "kind: Rollout\nx: \"a, DB_PASSWORD: hunter2\n", "x: …"},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			_, problems := Parse("f", []byte(tt.doc))
			require.NotEmpty(t, problems)
			source, all := NewSource([]byte(tt.doc)), ""
			for _, p := range problems {
				all += source.Explain(p) + "\n"
			}
			for line := range strings.Count(tt.doc, "\n") { // any of them may have one
				if tt.name != "by an alias" { // there only the problem tells
					all += source.Explain(rollout.Problem{Line: line + 1, Column: 1, Message: "x"})
				}
			}
			require.NotContains(t, all, "hunter2")
			require.Contains(t, all, tt.want)
		})
	}
}

package main

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// practice is a rehearsal of smallest, which stands beside it as checkout.yaml.
const practice = `kind: Rehearsal
name: weekly
environment: production
rollout: checkout.yaml
load: [{name: browse, url: "http://127.0.0.1:8080/", rate: 200/s, for: 5m}]
drills: [{from: step 1, restoreWithin: 10s}]
expect: [{signal: errors, always: true, below: 1%}]
`

// files writes files into one folder, and returns the path of the first.
func files(t *testing.T, named ...string) string {
	t.Helper()
	folder := t.TempDir()
	for i := 0; i < len(named); i += 2 {
		require.NoError(t, os.WriteFile(filepath.Join(folder, named[i]), []byte(named[i+1]), 0o600))
	}
	return filepath.Join(folder, named[0])
}

func TestLintOfRehearsals(t *testing.T) {
	f := &fake{dialError: errors.New("must not be dialed")}
	inline := "- " + strings.ReplaceAll(strings.TrimSpace(practice), "\n", "\n  ") + "\n"
	suite := "kind: RehearsalSuite\nname: all\nrehearsals:\n"
	for name, c := range map[string]struct {
		files []string
		want  string // of standard error; "": nothing is wrong
	}{
		"good":                 {[]string{"r.yaml", practice, "checkout.yaml", smallest}, ""},
		"a good suite":         {[]string{"s.yaml", suite + "- r.yaml\n", "r.yaml", practice, "checkout.yaml", smallest}, ""},
		"a good member inline": {[]string{"s.yaml", suite + inline, "checkout.yaml", smallest}, ""},
		"a wrong field":        {[]string{"r.yaml", practice + "drils: []\n", "checkout.yaml", smallest}, "r.yaml:8:1: drils: unknown field; did you mean drills?"},
		"no such step": {[]string{"r.yaml", strings.Replace(practice, "step 1", "step 7", 1), "checkout.yaml", smallest},
			"r.yaml:6:17: drills[0].from: there is no step 7: the plan has 2\n  drills: [{from: step 7, restoreWithin: 10s}]\n"},
		"no spec": {[]string{"r.yaml", practice}, "r.yaml:4:10: rollout: read spec: open "},
		"a wrong spec": {[]string{"r.yaml", practice, "checkout.yaml", strings.Replace(smallest, "service: ", "servce: ", 1)},
			"checkout.yaml:2:1: servce: unknown field; did you mean service?\n  servce: checkout\n"},
		"an unjudgeable spec": {[]string{"r.yaml", practice, "checkout.yaml", smallest + "  - {name: q, query: x, judge: {threshold: {success: 'result <'}}}\n"},
			"checkout.yaml:12:"},
		"no member": {[]string{"s.yaml", suite + "- r.yaml\n"}, "s.yaml:4:3: rehearsals[0]: read spec: open "},
		"a wrong member": {[]string{"s.yaml", suite + "- r.yaml\n", "r.yaml", strings.Replace(practice, "200/s", "200", 1), "checkout.yaml", smallest},
			"r.yaml:5:60: load[0].rate:"},
		"a wrong suite and a wrong member": {[]string{"s.yaml", "parallel: 99\n" + suite + "- r.yaml\n"}, "s.yaml:5:3: rehearsals[0]: read spec"},
		"a wrong suite of a wrong member":  {[]string{"s.yaml", "parallel: 99\n" + suite + "- r.yaml\n"}, "s.yaml:1:11: parallel: 99 is not from 1 to 16"},
		"a password": {[]string{"r.yaml", strings.Replace(practice, "://127", "://ana:secret@127", 1), "checkout.yaml", smallest},
			"r.yaml:5:28: load[0].url: holds a user or a password, which would stand in the history and the evidence: send to what asks for none, such as a proxy that adds it\n" +
				`  load: [{name: browse, url: "http://…@127.0.0.1:8080/"`},
		"a wrong member inline": {[]string{"s.yaml", suite + strings.Replace(inline, "step 1", "step 7", 1), "checkout.yaml", smallest},
			"s.yaml:9:19: rehearsals[0].drills[0].from: there is no step 7"},
	} {
		t.Run(name, func(t *testing.T) {
			got := bakeoff(t.Context(), f, "lint", files(t, c.files...))
			if c.want == "" {
				require.Equal(t, ran{code: 0, out: "1 spec, nothing wrong\n"}, got)
				return
			}
			require.Equal(t, 3, got.code, got.out)
			require.Contains(t, got.err, c.want)
		})
	}
}

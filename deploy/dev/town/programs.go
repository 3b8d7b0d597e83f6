package town

import (
	"debug/buildinfo"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
)

// Find returns where the programs are: those of every town, and the others that
// `make dev` builds. It says of all that are missing how to get them.
func Find(folder string, others ...string) (map[string]string, error) {
	folder, err := filepath.Abs(folder)
	if err != nil {
		return nil, err
	}
	programs := map[string]string{}
	var missing []string
	for _, name := range append([]string{"bakeoff", "bakeoff-worker", "bakeoff-dev", "bakeoff-shop"}, others...) {
		target := "dev"
		if name == "bakeoff" || name == "bakeoff-worker" {
			target = "build"
		}
		programs[name] = filepath.Join(folder, name)
		if !isProgram(programs[name]) {
			missing = append(missing, fmt.Sprintf("%s is missing: `make %s` builds it", programs[name], target))
		}
	}
	if programs["caddy"] = findCaddy(folder); programs["caddy"] == "" {
		missing = append(missing, fmt.Sprintf("no Caddy %s or newer, neither in %s nor on PATH: `make caddy` builds one", leastCaddy, folder))
	}
	if len(missing) > 0 {
		return nil, errors.New(strings.Join(missing, "\n"))
	}
	return programs, nil
}

func isProgram(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// leastCaddy is the first one that honours a weight of 0.
const leastCaddy = "2.9"

// findCaddy returns a Caddy that is new enough, "" where there is none.
func findCaddy(folder string) string {
	for _, name := range []string{filepath.Join(folder, "caddy"), "caddy"} {
		if path, err := exec.LookPath(name); err == nil && isRecent(caddyVersion(path)) {
			return path
		}
	}
	return ""
}

// caddyVersion asks the binary's build information first: one that was built
// with go install calls itself "unknown".
func caddyVersion(path string) string {
	info, err := buildinfo.ReadFile(path)
	if err == nil && info.Main.Path == "github.com/caddyserver/caddy/v2" {
		return info.Main.Version
	}
	out, _ := exec.Command(path, "version").Output() // "" is not recent
	return string(out)
}

var versionNumber = regexp.MustCompile(`^v?(\d+)\.(\d+)\.`)

func isRecent(version string) bool {
	m := versionNumber.FindStringSubmatch(version)
	if m == nil {
		return false
	}
	major, _ := strconv.Atoi(m[1])
	minor, _ := strconv.Atoi(m[2])
	return major > 2 || major == 2 && minor >= 9
}

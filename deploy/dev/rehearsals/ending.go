package rehearsals

import (
	"encoding/json"
	"errors"
	"fmt"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"bakeoff/deploy/dev/town"
)

// verifyPlace demands that everything is as it was before the first rehearsal.
func (h *hall) verifyPlace() error {
	return errors.Join(undisturbed(h.place.Toxiproxy), ended(h.place.Faults()),
		alone(h.file("shop")), alone(h.file("queue")))
}

// undisturbed demands that no proxy is closed and none has a toxic.
func undisturbed(api string) error {
	resp, err := http.Get(api + "/proxies")
	if err != nil {
		return fmt.Errorf("look for toxics: %w", err)
	}
	defer func() { _ = resp.Body.Close() }()
	var proxies map[string]struct {
		Enabled bool
		Toxics  []struct{ Name string }
	}
	if err := json.NewDecoder(resp.Body).Decode(&proxies); err != nil {
		return fmt.Errorf("look for toxics: %w", err)
	}
	for name, p := range proxies {
		if !p.Enabled || len(p.Toxics) > 0 {
			return fmt.Errorf("proxy %s is still disturbed: enabled %t, toxics %v", name, p.Enabled, p.Toxics)
		}
	}
	return nil
}

// ended demands that every fault in the registry was seen to be gone.
func ended(registry string) error {
	records, err := filepath.Glob(filepath.Join(registry, "*.json"))
	if err == nil && len(records) == 0 {
		err = errors.New("no fault was ever made")
	}
	for _, file := range records {
		var record struct{ EndedAt string }
		body, failed := os.ReadFile(file)
		err = errors.Join(err, failed, json.Unmarshal(body, &record))
		if record.EndedAt == "" {
			err = errors.Join(err, fmt.Errorf("a fault is still there: %s", body))
		}
	}
	return err
}

// before is the version of each service before the first rehearsal.
const before = "1.0.0"

// alone demands that the process driver has that version, and no other.
func alone(state string) error {
	found, err := filepath.Glob(filepath.Join(state, "versions", "*.json"))
	if want := []string{filepath.Join(state, "versions", before+".json")}; err == nil && !slices.Equal(found, want) {
		return fmt.Errorf("%s has versions %v, not %s alone", state, found, before)
	}
	return err
}

// end leaves everything running, or stops it and demands that nothing is left.
func (h *hall) end(err error) error {
	if h.options.Keep && err == nil {
		h.tellHow()
		return nil
	}
	h.story.Say("stopping what was started")
	isThere, stopped := h.town.Close(err == nil)
	if isThere {
		h.story.Say("reports, manifests and logs are in %s; for the links above: %s", h.town.Dir, h.town.Histories())
	} else {
		h.story.Say("links and reports ended with it: make rehearse KEEP=1 leaves everything")
	}
	return errors.Join(err, stopped, gone(h.town.Dir, h.place.addresses()))
}

// gone demands that no process of the folder runs, and that nobody answers.
func gone(dir string, addresses []string) error {
	var errs []error
	for _, p := range town.Left(dir) {
		errs = append(errs, fmt.Errorf("process %d is left: %s", p.PID, p.Name))
	}
	for _, address := range addresses {
		if conn, err := net.Dial("tcp", address); err == nil {
			errs = append(errs, fmt.Errorf("%s is still open", address), conn.Close())
		}
	}
	return errors.Join(errs...)
}

// addresses are those on which anything of this place listens.
func (p place) addresses() []string {
	all := []string{p.Admin, p.Shop, p.Queue, p.Front, p.Database, p.Orders, p.Temporal, strings.TrimPrefix(p.Toxiproxy, "http://"), strings.TrimPrefix(p.UI, "http://")}
	for _, l := range p.Lanes {
		all = append(all, l.Address, l.Front)
	}
	return slices.DeleteFunc(all, func(a string) bool { return a == "" }) // was never started
}

func (h *hall) tellHow() {
	h.story.Print(`
Everything goes on running:
  Temporal UI  %s
  the shop     %s
  files        %s (evidence/, manifests, logs/)
Try it:
  cd %[3]s && . ./%[4]s
  bakeoff rehearse bad-release.yaml --reason "once more"
  bakeoff compare evidence/staging/bad-release/*
Stop it:
  %[5]s --stop %[3]s
`, h.town.UI, h.place.Way(), h.town.Dir, town.VariablesFile, filepath.Join(h.options.Binaries, Name))
}

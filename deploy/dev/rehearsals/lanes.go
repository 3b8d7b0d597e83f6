package rehearsals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"

	"bakeoff/deploy/dev/town"
)

// lane is a shop of its own, on a way of its own: what is done in one lane does not
// touch another.
type lane struct {
	Name    string
	Address string // of Caddy's server, host:port
	Front   string // of the proxy before it, host:port
}

// rehearsal is the id of its workflow.
func (l lane) rehearsal() string { return "rehearsal/staging/" + l.Name }

func newLanes(n int) ([]lane, error) {
	lanes := make([]lane, n)
	var addresses []*string
	for i := range lanes {
		lanes[i].Name = fmt.Sprintf("killed-%d", i+1)
		addresses = append(addresses, &lanes[i].Address, &lanes[i].Front)
	}
	return lanes, town.FreeAddresses(addresses...)
}

// candidate is the version that is rehearsed.
const candidate = "1.1.0"

// killed fills in the texts of a lane.
type killed struct {
	lane
	Directory   string // of the process driver
	ShopProgram string
	FlagsURL    string
	Version     string
	Flagged     bool // it is practised, and has a flag
}

// startLanes writes what is rehearsed in each lane, and makes its first release.
func (h *hall) startLanes(ctx context.Context) error {
	h.flags = newFlags()
	errs := make([]error, len(h.place.Lanes))
	var releasing sync.WaitGroup
	for i, l := range h.place.Lanes {
		k := killed{lane: l, Directory: h.file(l.Name), ShopProgram: h.place.ShopProgram, FlagsURL: h.flags.server.URL + "/" + l.Name, Version: before}
		errs[i] = texts.Write(h.file(l.Name+".yaml"), "killed-release.yaml", k)
		k.Version, k.Flagged = candidate, true
		errs[i] = errors.Join(errs[i], texts.Write(h.file(l.Name+"-release.yaml"), "killed-release.yaml", k),
			texts.Write(h.file(l.Name+"-rehearsal.yaml"), "killed.yaml", k))
		if errs[i] == nil {
			releasing.Go(func() { errs[i] = h.release(ctx, l.Name) })
		}
	}
	releasing.Wait()
	return errors.Join(errs...)
}

// flags is a small flag system: a set of flags for each lane, at /<lane>/flags. It
// is safe for concurrent use.
type flags struct {
	server *httptest.Server
	mu     sync.Mutex
	set    map[string]map[string]any // by lane
}

func newFlags() *flags {
	f := &flags{set: map[string]map[string]any{}}
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{lane}/flags", f.get)
	mux.HandleFunc("PATCH /{lane}/flags", f.change)
	f.server = httptest.NewServer(mux)
	return f
}

func (f *flags) get(w http.ResponseWriter, r *http.Request) {
	f.mu.Lock()
	defer f.mu.Unlock()
	now := map[string]any{}
	maps.Copy(now, f.set[r.PathValue("lane")])
	_ = json.NewEncoder(w).Encode(map[string]any{"flags": now}) // who has gone needs no answer
}

func (f *flags) change(w http.ResponseWriter, r *http.Request) {
	var change struct{ Flags map[string]any }
	if err := json.NewDecoder(r.Body).Decode(&change); err != nil {
		http.Error(w, err.Error(), http.StatusBadRequest)
		return
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	name := r.PathValue("lane")
	now := map[string]any{}
	maps.Copy(now, f.set[name])
	maps.Copy(now, change.Flags)
	maps.DeleteFunc(now, func(_ string, value any) bool { return value == nil })
	f.set[name] = now
	_, _ = w.Write([]byte("{}\n")) // who has gone needs no answer
}

// list is every flag that is set, with its lane.
func (f *flags) list() (out []string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for lane, set := range f.set {
		for name, value := range set {
			out = append(out, fmt.Sprintf("%s/%s: %v", lane, name, value))
		}
	}
	return out
}

package rehearsals

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"path/filepath"
	"slices"
	"strings"

	"go.temporal.io/api/workflowservice/v1"
	"go.temporal.io/sdk/client"

	"bakeoff/deploy/dev/town"
)

// scenery is what there is of each kind, one text for each thing.
type scenery map[string][]string

// The kinds of things that a rehearsal makes, and has to take back.
const (
	workflowsOpen = "workflow"
	toxics        = "fault of Toxiproxy"
	versions      = "version of the process driver"
	processes     = "process"
	routes        = "server of Caddy"
	flagsSet      = "flag"
)

// look sees what there is now.
func (h *hall) look(ctx context.Context, c client.Client) (scenery, error) {
	s := scenery{flagsSet: h.flags.list()}
	err := errors.Join(s.lookAtWorkflows(ctx, c), s.lookAtProxies(h.place.Toxiproxy), s.lookAtCaddy(h.place.AdminURL()))
	for _, l := range h.place.Lanes {
		files, _ := filepath.Glob(h.file(l.Name + "/versions/*")) // the pattern is well formed
		for _, file := range files {
			s[versions] = append(s[versions], strings.TrimPrefix(file, h.town.Dir+"/"))
		}
	}
	for _, p := range town.Left(h.town.Dir) {
		s[processes] = append(s[processes], p.Name)
	}
	for _, list := range s {
		slices.Sort(list)
	}
	return s, err
}

// lookAtWorkflows adds the ids of those that are open.
func (s scenery) lookAtWorkflows(ctx context.Context, c client.Client) error {
	open, err := c.ListWorkflow(ctx, &workflowservice.ListWorkflowExecutionsRequest{Query: "ExecutionStatus = 'Running'"})
	if err != nil {
		return fmt.Errorf("list the open workflows: %w", err)
	}
	for _, w := range open.GetExecutions() {
		s[workflowsOpen] = append(s[workflowsOpen], w.GetExecution().GetWorkflowId())
	}
	return nil
}

// lookAtProxies adds the proxies that are disturbed, and how.
func (s scenery) lookAtProxies(api string) error {
	var all map[string]struct {
		Enabled bool
		Toxics  []struct{ Name string }
	}
	err := read(api+"/proxies", &all)
	for name, p := range all {
		if !p.Enabled || len(p.Toxics) > 0 {
			s[toxics] = append(s[toxics], fmt.Sprintf("%s: enabled %t, %v", name, p.Enabled, p.Toxics))
		}
	}
	return err
}

// lookAtCaddy adds the servers that Caddy has, with all that is said of their
// routes; but for what no request meets: the mark of the last write, and upstreams
// of weight 0, which the driver keeps.
func (s scenery) lookAtCaddy(admin string) error {
	var servers map[string]any
	err := read(admin+"/config/apps/http/servers", &servers)
	for name, server := range servers {
		text, failed := json.Marshal(served(server))
		err = errors.Join(err, failed)
		s[routes] = append(s[routes], name+": "+string(text))
	}
	return err
}

// served is a part of a configuration without what no request meets.
func served(part any) any {
	switch part := part.(type) {
	case []any:
		for i := range part {
			part[i] = served(part[i])
		}
	case map[string]any:
		for name := range part {
			part[name] = served(part[name])
		}
		balancing, _ := part["load_balancing"].(map[string]any)
		delete(balancing, "@id")
		policy, _ := balancing["selection_policy"].(map[string]any)
		weights, _ := policy["weights"].([]any)
		upstreams, _ := part["upstreams"].([]any)
		if len(weights) > 0 && len(weights) == len(upstreams) {
			part["upstreams"], policy["weights"] = weighty(upstreams, weights), weighty(weights, weights)
		}
	}
	return part
}

// weighty are the members of a list whose weight is not 0.
func weighty(list, weights []any) (out []any) {
	for i, weight := range weights {
		if weight != 0.0 {
			out = append(out, list[i])
		}
	}
	return out
}

func read(url string, into any) error {
	resp, err := http.Get(url)
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		err = json.NewDecoder(resp.Body).Decode(into)
	}
	if err != nil {
		return fmt.Errorf("read %s: %w", url, err)
	}
	return nil
}

// has is 1 where there is something of the kind whose text begins so, else 0.
func (s scenery) has(kind, beginning string) int {
	if slices.ContainsFunc(s[kind], func(text string) bool {
		rest, found := strings.CutPrefix(text, beginning)
		return found && !strings.ContainsAny(rest[:min(1, len(rest))], "0123456789")
	}) {
		return 1
	}
	return 0
}

// unlike says in what it is not as another one.
func (s scenery) unlike(other scenery) (out []string) {
	for _, kind := range []string{workflowsOpen, toxics, versions, processes, routes, flagsSet} {
		for _, text := range without(s[kind], other[kind]) {
			out = append(out, kind+" that was not there: "+text)
		}
		for _, text := range without(other[kind], s[kind]) {
			out = append(out, kind+" that is gone: "+text)
		}
	}
	return out
}

// without are the texts of a list that another one does not have, as often as it has
// them more.
func without(list, other []string) (out []string) {
	other = slices.Clone(other)
	for _, text := range list {
		if i := slices.Index(other, text); i >= 0 {
			other = slices.Delete(other, i, i+1)
		} else {
			out = append(out, text)
		}
	}
	return out
}

package caddy

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bakeoff/activities"
)

// routes is a list of routes with that of the handler in it. It is not changed.
type routes struct {
	path    string // of the list, in the admin API
	list    []any
	at      int // where the handler's is
	handler handler
}

// object is one of Caddy's configuration objects.
type object = map[string]any

// findRoutes looks for the route that has the handler among its own, however
// deep in subroutes.
func findRoutes(id string, body []byte) (routes, error) {
	d := json.NewDecoder(bytes.NewReader(body))
	d.UseNumber()
	var all any
	if err := d.Decode(&all); err != nil {
		return routes{}, fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	found := routes{at: -1}
	walk(servers, all, func(path string, node any) {
		list, isList := node.([]any)
		if !isList || !strings.HasSuffix(path, "/routes") {
			return
		}
		for i, route := range list {
			for _, h := range handlersOf(route) {
				if h["@id"] == id {
					found = routes{path: path, list: list, at: i}
					found.handler, _ = parseHandler(id, encode(h)) // one that is no reverse_proxy has no fence, and Split says so
				}
			}
		}
	})
	if found.at < 0 {
		return routes{}, fmt.Errorf("no route has the handler %s", id)
	}
	return found, nil
}

// walk visits every node of a tree with its path.
func walk(path string, node any, visit func(path string, node any)) {
	visit(path, node)
	switch node := node.(type) {
	case object:
		for _, key := range slices.Sorted(maps.Keys(node)) {
			walk(path+"/"+url.PathEscape(key), node[key], visit)
		}
	case []any:
		for i, item := range node {
			walk(path+"/"+strconv.Itoa(i), item, visit)
		}
	}
}

func handlersOf(route any) []object {
	fields, _ := route.(object)
	list, _ := fields["handle"].([]any)
	var out []object
	for _, item := range list {
		if h, is := item.(object); is {
			out = append(out, h)
		}
	}
	return out
}

// ruleID is the @id of a cohort's route.
func (r routes) ruleID(cohort string) string { return r.handler.id + ".cohort." + cohort }

// rules says where the routes of cohorts lead, by the @id of their upstreams.
func (r routes) rules() map[string]string {
	rules := map[string]string{}
	for _, route := range r.list {
		fields, _ := route.(object)
		id, _ := fields["@id"].(string)
		cohort, ours := strings.CutPrefix(id, r.ruleID(""))
		if !ours {
			continue
		}
		rules[cohort] = "an unknown version"
		for _, h := range handlersOf(route) {
			if proxy, err := parseHandler(id, encode(h)); err == nil && len(proxy.upstreams) > 0 {
				rules[cohort] = proxy.version(proxy.upstreams[0])
			}
		}
	}
	return rules
}

// with returns the list in which the rule holds, nil where it does already.
func (r routes) with(rule activities.CohortRule, header activities.HeaderRule) ([]any, error) {
	var next []any
	for i, route := range r.list {
		if fields, is := route.(object); is && fields["@id"] == r.ruleID(rule.Cohort) {
			continue
		}
		if i == r.at && rule.Version != "" {
			own, err := r.route(rule, header)
			if err != nil {
				return nil, err
			}
			next = append(next, own)
		}
		next = append(next, route)
	}
	if reflect.DeepEqual(plainOf(next), plainOf(r.list)) {
		return nil, nil
	}
	return next, nil
}

func plainOf(v any) any {
	var out any
	_ = json.Unmarshal(encode(v), &out) // it was JSON before
	return out
}

// route is a copy of the handler's route for those who send the header.
func (r routes) route(rule activities.CohortRule, header activities.HeaderRule) (object, error) {
	upstreams, err := r.upstreams(rule)
	if err != nil {
		return nil, err
	}
	id := r.handler.id
	own, _ := plainOf(r.list[r.at]).(object)
	for _, h := range handlersOf(own) {
		if h["@id"] == id {
			h["upstreams"] = upstreams
			delete(h, "load_balancing")
		}
	}
	walk("", own, func(_ string, node any) {
		if o, is := node.(object); is {
			delete(o, "@id") // each is there once
		}
	})
	if own["match"], err = matching(own["match"], header); err != nil {
		return nil, err
	}
	own["@id"] = r.ruleID(rule.Cohort)
	return own, nil
}

// upstreams are the version's, those of the rule or else of the handler. They
// say which version they are.
func (r routes) upstreams(rule activities.CohortRule) ([]upstream, error) {
	var dials []string
	for _, endpoint := range rule.Endpoints {
		dial, err := dialOf(endpoint)
		if err != nil {
			return nil, fmt.Errorf("endpoint of %s: %w", rule.Version, err)
		}
		dials = append(dials, dial)
	}
	for _, u := range r.handler.upstreams {
		if len(rule.Endpoints) == 0 && r.handler.version(u) == rule.Version {
			dials = append(dials, u.Dial)
		}
	}
	slices.Sort(dials)
	var out []upstream
	for i, dial := range slices.Compact(dials) {
		out = append(out, upstream{ID: fmt.Sprintf("%s/%s/%d", r.ruleID(rule.Cohort), url.PathEscape(rule.Version), i), Dial: dial})
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("no endpoint of %s is known", rule.Version)
	}
	return out, nil
}

// matching adds the header to every set of matchers; no set at all matches
// everything.
func matching(match any, header activities.HeaderRule) ([]any, error) {
	sets, _ := match.([]any)
	if len(sets) == 0 {
		sets = []any{object{}}
	}
	for _, set := range sets {
		fields, is := set.(object)
		if !is {
			return nil, errors.New("the route's matchers cannot be read")
		}
		headers, _ := fields["header"].(object)
		if headers == nil {
			headers = object{}
		}
		for name := range headers {
			if strings.EqualFold(name, header.Header) {
				return nil, fmt.Errorf("the route matches by %s already", name)
			}
		}
		headers[header.Header] = []string{header.Value}
		fields["header"] = headers
	}
	return sets, nil
}

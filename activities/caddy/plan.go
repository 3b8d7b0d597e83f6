package caddy

import (
	"cmp"
	"encoding/json"
	"fmt"
	"maps"
	"net"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"bakeoff/activities"
)

// with returns the handler that makes the shift's split, and says why there is
// none. The split that it will show is the one that Approximate promises.
func (h handler) with(s activities.Shift) (handler, error) {
	counts, err := cycle(s.Split)
	if err != nil {
		return handler{}, err
	}
	dials, err := h.endpoints(s)
	if err != nil {
		return handler{}, err
	}
	next := handler{id: h.id, fields: maps.Clone(h.fields), balancing: maps.Clone(h.balancing), upstreams: []upstream{}}
	if next.balancing == nil {
		next.balancing = map[string]json.RawMessage{}
	}
	next.fill(counts, dials)
	next.balancing["@id"] = encode(next.writeID(s.Write))
	delete(next.balancing, "selection_policy")
	if len(counts) > 0 {
		next.balancing["selection_policy"] = encode(next.policy)
	}
	next.fields["load_balancing"] = encode(next.balancing)
	next.fields["upstreams"] = encode(next.upstreams)
	promised := basisPoints(counts)
	if made, err := next.split(); err != nil || !made.Equal(promised) {
		return handler{}, cmp.Or(err, fmt.Errorf("the configuration would make %s of %s", made, promised))
	}
	return next, nil
}

// fill lays the pool out in rounds. In each, every version serves its requests
// of one cycle, block by block, its endpoints in turn: so every cycle holds the
// split. Versions at 0 % follow with weight 0.
func (h *handler) fill(counts map[string]int, dials map[string][]string) {
	h.policy.Policy = weighted
	n := map[string]int{}
	add := func(version string, weight int) {
		id := fmt.Sprintf("%s/%s/%d", h.id, url.PathEscape(version), n[version])
		h.upstreams = append(h.upstreams, upstream{ID: id, Dial: dials[version][n[version]%len(dials[version])]})
		h.policy.Weights = append(h.policy.Weights, weight)
		n[version]++
	}
	if len(counts) == 0 {
		return
	}
	sizes := map[string]int{}
	for version, d := range dials {
		sizes[version] = len(d)
	}
	rounds, blocks := layout(counts, sizes)
	for range rounds {
		for _, v := range slices.Sorted(maps.Keys(counts)) {
			for i := range blocks[v] { // as equal as can be
				add(v, counts[v]*(i+1)/blocks[v]-counts[v]*i/blocks[v])
			}
		}
	}
	for _, v := range slices.Sorted(maps.Keys(dials)) {
		for range dials[v] {
			if counts[v] == 0 {
				add(v, 0)
			}
		}
	}
}

// endpoints returns the addresses of every version that the split names, in
// order: those of the shift, else those that the handler has now. A version
// with weight must have one, and no two versions may share one.
func (h handler) endpoints(s activities.Shift) (map[string][]string, error) {
	found, owner := map[string][]string{}, map[string]string{}
	for _, version := range slices.Sorted(maps.Keys(s.Split)) {
		var dials []string
		for _, endpoint := range s.Endpoints[version] {
			dial, err := dialOf(endpoint)
			if err != nil {
				return nil, fmt.Errorf("endpoint of %s: %w", version, err)
			}
			dials = append(dials, dial)
		}
		for _, u := range h.upstreams {
			if len(s.Endpoints[version]) == 0 && h.version(u) == version {
				dials = append(dials, u.Dial)
			}
		}
		if len(dials) == 0 && s.Split[version] > 0 {
			return nil, fmt.Errorf("no endpoint of %s is known", version)
		}
		slices.Sort(dials)
		for _, dial := range slices.Compact(dials) {
			if other, taken := owner[dial]; taken {
				return nil, fmt.Errorf("%s and %s both answer at %s", other, version, dial)
			}
			owner[dial] = version
			found[version] = append(found[version], dial)
		}
	}
	return found, nil
}

// dialOf turns http://host:port or host:port into what Caddy dials. Whether it
// speaks TLS is the handler's transport, not the endpoint's scheme.
func dialOf(endpoint string) (string, error) {
	if !strings.Contains(endpoint, "://") {
		host, port, err := net.SplitHostPort(endpoint)
		if err != nil || host == "" || !isPort(port) {
			return "", fmt.Errorf("%q is neither http://host:port nor host:port", endpoint)
		}
		return net.JoinHostPort(host, port), nil
	}
	u, err := url.Parse(endpoint)
	if err != nil {
		return "", err
	}
	port := cmp.Or(u.Port(), map[string]string{"http": "80", "https": "443"}[u.Scheme])
	if u.Hostname() == "" || !isPort(port) || strings.Trim(u.Path, "/") != "" {
		return "", fmt.Errorf("%q is not an http://host:port without a path", endpoint)
	}
	return net.JoinHostPort(u.Hostname(), port), nil
}

func isPort(s string) bool {
	n, err := strconv.ParseUint(s, 10, 16)
	return err == nil && n > 0
}

// encode writes what cannot fail to be encoded: strings, numbers, raw JSON that
// was parsed before.
func encode(v any) json.RawMessage {
	body, _ := json.Marshal(v)
	return body
}

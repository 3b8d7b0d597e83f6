package caddy

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"reflect"
	"slices"
	"strconv"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
)

const weighted = "weighted_round_robin"

var (
	errNoHandler = errors.New("the object is not a reverse_proxy handler")
	errUnknown   = errors.New("the shares cannot be told") // who gets what is not in the configuration
)

// handler is a reverse_proxy handler as the admin API shows it. It is not
// changed: with returns another one.
type handler struct {
	id        string
	fields    map[string]json.RawMessage // all of it
	balancing map[string]json.RawMessage // its load_balancing
	upstreams []upstream
	policy    policy
}

type upstream struct {
	ID   string `json:"@id,omitempty"`
	Dial string `json:"dial"`
}

type policy struct {
	Policy  string `json:"policy"`
	Weights []int  `json:"weights,omitempty"`
}

func parseHandler(id string, body []byte) (handler, error) {
	h := handler{id: id}
	var kind string
	if err := json.Unmarshal(body, &h.fields); err != nil {
		return h, fmt.Errorf("%w: %w: %w", errNoHandler, err, activities.ErrFinal)
	}
	var err error
	get := func(from map[string]json.RawMessage, name string, into any) {
		if raw, there := from[name]; there && err == nil {
			err = json.Unmarshal(raw, into)
		}
	}
	get(h.fields, "handler", &kind)
	get(h.fields, "upstreams", &h.upstreams)
	get(h.fields, "load_balancing", &h.balancing)
	get(h.balancing, "selection_policy", &h.policy)
	if err == nil && kind != "reverse_proxy" {
		err = errNoHandler
	}
	if err != nil {
		return h, fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	return h, nil
}

// equal reports whether both mean the same JSON.
func (h handler) equal(other handler) bool {
	return reflect.DeepEqual(plain(h.fields), plain(other.fields))
}

func plain(fields map[string]json.RawMessage) any {
	var v any
	_ = json.Unmarshal(encode(fields), &v)
	return v
}

// split says who gets which share while every upstream is available. It cannot
// tell with dynamic upstreams, with a policy that depends on requests, and,
// where versions share, with health checks over several endpoints of a version:
// Caddy then deals the weights out by position among the upstreams that are
// left, so that one sick endpoint of the baseline multiplies the candidate's share.
func (h handler) split() (rollout.Split, error) {
	if _, dynamic := h.fields["dynamic_upstreams"]; dynamic {
		return nil, fmt.Errorf("%w: the handler has dynamic_upstreams", errUnknown)
	}
	counts, err := h.counts()
	if err != nil {
		return nil, err
	}
	split := basisPoints(counts)
	_, checked := h.fields["health_checks"]
	if checked && len(split) > 1 && len(h.dials()) > len(split) {
		return nil, fmt.Errorf("%w: caddy does not keep weights when an upstream is unhealthy: "+
			"remove health_checks from the handler, or run one endpoint for each version", errUnknown)
	}
	return split, nil
}

// counts says how many requests of one cycle each version gets, as Caddy's
// selection policy works it out: the n-th positive weight belongs to the n-th
// upstream that has one; a single weight or none means the first upstream.
func (h handler) counts() (map[string]int, error) {
	counts := map[string]int{}
	name := h.policy.Policy
	served := slices.DeleteFunc(slices.Clone(h.upstreams), func(u upstream) bool { return u.Dial == "" })
	sole := len(served) > 0 && !slices.ContainsFunc(served, func(u upstream) bool { return h.version(u) != h.version(served[0]) })
	switch {
	case sole:
		counts[h.version(served[0])] = 1
	case len(served) == 0:
	case name == "" || name == "random" || name == "round_robin":
		for _, u := range served {
			counts[h.version(u)]++
		}
	case name != weighted:
		return nil, fmt.Errorf("%w: the selection policy is %s", errUnknown, name)
	case len(h.policy.Weights) < 2:
		counts[h.version(h.upstreams[0])] = 1
	default:
		var pool []upstream
		for i, u := range h.upstreams[:min(len(h.upstreams), len(h.policy.Weights))] {
			if h.policy.Weights[i] > 0 {
				pool = append(pool, u)
			}
		}
		positive := slices.DeleteFunc(slices.Clone(h.policy.Weights), func(w int) bool { return w <= 0 })
		for i, w := range positive {
			if len(pool) > 0 {
				counts[h.version(pool[i%len(pool)])] += w
			}
		}
	}
	return counts, nil
}

// version is the one that the upstream's @id names, else its address.
func (h handler) version(u upstream) string {
	rest, ours := strings.CutPrefix(u.ID, h.id+"/")
	escaped, _, _ := strings.Cut(rest, "/")
	version, err := url.PathUnescape(escaped)
	if !ours || err != nil || version == "" {
		return u.Dial
	}
	return version
}

// dials are the distinct addresses that have weight.
func (h handler) dials() []string {
	var dials []string
	for i, u := range h.upstreams {
		if h.policy.Policy != weighted || i < len(h.policy.Weights) && h.policy.Weights[i] > 0 {
			dials = append(dials, u.Dial)
		}
	}
	slices.Sort(dials)
	return slices.Compact(dials)
}

// fence returns the fence of the last write, the zero one where there is none.
func (h handler) fence() activities.Fence {
	var id string
	_ = json.Unmarshal(h.balancing["@id"], &id) // absent or foreign: no fence
	rest, ours := strings.CutPrefix(id, h.id+"/@write/")
	text, _, _ := strings.Cut(rest, "/")
	epoch, generation, _ := strings.Cut(text, ".")
	e, err1 := strconv.ParseInt(epoch, 10, 64)
	g, err2 := strconv.Atoi(generation)
	if !ours || err1 != nil || err2 != nil {
		return activities.Fence{}
	}
	return activities.Fence{Epoch: e, Generation: g}
}

// writeID is the @id that carries the fence; the hash of the intent is for
// people who look for the write in history.
func (h handler) writeID(w activities.Write) string {
	sum := sha256.Sum256([]byte(w.Intent))
	return fmt.Sprintf("%s/@write/%d.%d/%s", h.id, w.Fence.Epoch, w.Fence.Generation, hex.EncodeToString(sum[:6]))
}

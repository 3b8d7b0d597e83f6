// Package caddy divides traffic with a Caddy server, through its admin API.
// Router.Shift is the method to read first.
//
// The versions share one reverse_proxy handler, found by its @id, under the
// selection policy weighted_round_robin. The handler's upstreams, its selection
// policy and the @id of its load_balancing object are Bakeoff's; everything
// else in it is kept as it is. What the admin API has no field for is written
// into @id, which Caddy keeps and hands out but never interprets:
//
//	upstream        <id>/<version>/<n>
//	load_balancing  <id>/@write/<epoch>.<generation>/<hash of the intent>
//
// so that any worker reads versions and fence from the live configuration. To
// hand a running service over, give its upstreams such an @id; one without is
// reported as a version named like its address. A Caddy that starts from a file
// again has the file's split and no fence: that is drift like any other.
//
// A cohort has a route of its own before that of the handler, with the @id
// <id>.cohort.<name>: the same route, for those who send its header.
//
// Every change is one compare-and-set (ETag, If-Match) of the whole handler.
// Needs Caddy 2.9 or later: older ones do not honour a weight of 0.
package caddy

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// Parameters are what a spec or the worker may set.
type Parameters struct {
	Admin    string           `json:"admin"`    // default http://127.0.0.1:2019
	ID       string           `json:"id"`       // the handler's @id; default bakeoff
	Deadline rollout.Duration `json:"deadline"` // of one call; default 5s, at most 9s

	Cohorts activities.Headers `json:"cohorts"` // which header makes whom one of which cohort
}

// maxDeadline keeps a call below the shortest activity, so that a late write of
// a worker that was given up is over before it is overwritten.
const maxDeadline = 9 * time.Second

// Router is one reverse_proxy handler of a Caddy server.
type Router struct {
	id       string
	admin    string
	deadline time.Duration
	client   *http.Client
	headers  activities.Headers
}

var safeID = regexp.MustCompile(`^[A-Za-z0-9._+-]+$`)

// New makes the router that the parameters describe. It does not call Caddy.
func New(with activities.With) (activities.Traffic, error) {
	p := Parameters{Admin: "http://127.0.0.1:2019", ID: "bakeoff", Deadline: rollout.Duration(5 * time.Second)}
	if err := with.Decode(&p); err != nil {
		return nil, err
	}
	u, err := url.Parse(p.Admin)
	switch {
	case err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https"):
		return nil, fmt.Errorf("admin: %q is not a URL such as http://127.0.0.1:2019", p.Admin)
	case u.User != nil || u.RawQuery != "" || u.Fragment != "":
		return nil, errors.New("admin: a user, password, query or fragment is not possible")
	case !safeID.MatchString(p.ID):
		return nil, fmt.Errorf("id: %q needs letters, digits, '.', '_', '+' or '-'", p.ID)
	case len(p.Cohorts.ByFlag()) > 0:
		return nil, errors.New("cohorts: this router sends cohorts by headers alone: flags belong to the flags driver")
	case p.Cohorts.Validate() != nil:
		return nil, p.Cohorts.Validate()
	case p.Deadline <= 0 || p.Deadline.Std() > maxDeadline:
		return nil, fmt.Errorf("deadline: must be more than 0s and at most %s", maxDeadline)
	}
	// Each reload gives Caddy a new admin server: a kept connection would be a dead one.
	transport := &http.Transport{Proxy: http.ProxyFromEnvironment, DisableKeepAlives: true}
	return &Router{
		id:       p.ID,
		admin:    strings.TrimSuffix(p.Admin, "/"),
		deadline: p.Deadline.Std(),
		client:   &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }},
		headers:  p.Cohorts,
	}, nil
}

// Capabilities says in one line what the router can do.
func (r *Router) Capabilities() string {
	return "compare-and-set: yes (ETag); fence: kept in the configuration; " +
		"weights: counted exactly per cycle of at most 200 requests (1,000 below 0.5%), 0.1% at least; in force when written; cohorts: by header"
}

// Split computes the split from the handler's configuration as it is now. An
// upstream that does not say which version it is counts as a version named like
// its address. It is an error when the configuration does not determine the
// shares (see handler.split).
func (r *Router) Split(ctx context.Context) (activities.Observation, error) {
	ctx, cancel := context.WithTimeout(ctx, r.deadline)
	defer cancel()
	h, etag, err := r.read(ctx)
	if err != nil {
		return activities.Observation{}, err
	}
	split, err := h.split()
	if err != nil {
		return activities.Observation{}, fmt.Errorf("read handler %s: %w", r.id, err)
	}
	return activities.Observation{Split: split, Revision: etag}, nil
}

// Shift writes a split; Caddy answers when it is in force. Versions at 0 % keep
// their upstreams, with weight 0, so that a way back needs no endpoints: those
// of the present configuration serve where s.Endpoints names none. A write
// that is in force already is success and writes nothing. With a revision any
// other change since is ErrConflict; without one, changes by others are read
// again and written over, but never a higher fence; ErrConflict where they do
// not stop.
func (r *Router) Shift(ctx context.Context, s activities.Shift) error {
	ctx, cancel := context.WithTimeout(ctx, r.deadline)
	defer cancel()
	var err error
	for range patience {
		err = r.shiftOnce(ctx, s)
		if !errors.Is(err, errChanged) || s.Revision != "" {
			return err
		}
	}
	return err
}

// patience is how often a write without a revision is tried against others.
const patience = 20

// errChanged: the handler changed between our reading and our writing.
var errChanged = fmt.Errorf("the handler changed in the meantime: %w", activities.ErrConflict)

func (r *Router) shiftOnce(ctx context.Context, s activities.Shift) error {
	h, etag, err := r.read(ctx)
	if err != nil {
		return err
	}
	if last := h.fence(); isBefore(s.Fence, last) {
		return fmt.Errorf("write %d.%d is older than %d.%d, which was written last: %w",
			s.Fence.Epoch, s.Fence.Generation, last.Epoch, last.Generation, activities.ErrConflict)
	}
	next, err := h.with(s)
	if errors.Is(err, activities.ErrFinal) {
		return err
	}
	if err != nil {
		return fmt.Errorf("%w: %w", err, activities.ErrFinal)
	}
	if next.equal(h) {
		return nil
	}
	if s.Revision != "" && s.Revision != etag {
		return errChanged
	}
	return r.write(ctx, next, etag)
}

// isBefore reports whether a comes before b.
func isBefore(a, b activities.Fence) bool {
	if a.Epoch != b.Epoch {
		return a.Epoch < b.Epoch
	}
	return a.Generation < b.Generation
}

// Package prometheus reads what versions did from a Prometheus server, or from
// one that speaks its query API (VictoriaMetrics, Thanos, Mimir). Read
// Server.Read first; Server.History is for the past.
//
// Counters are read raw, by instant queries of plain selectors, so that resets
// are seen where windows are judged and nothing is extrapolated.
//
// A version that went away: Prometheus answers for a series without a stale
// marker up to 5 minutes after its last sample. So the time of each sample is
// read too, and a series whose last sample is older than staleAfter, and older
// than twice the interval at which the series itself was sampled, is absent.
// This cannot be done for a check with a query: there the last value may be
// up to 5 minutes old unless the expression says otherwise.
package prometheus

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
	"time"

	"github.com/prometheus/client_golang/api"
	v1 "github.com/prometheus/client_golang/api/prometheus/v1"

	"bakeoff/activities"
	"bakeoff/activities/selector"
	"bakeoff/rollout"
)

// Bearer is a token and the one URL that it may be sent to. The zero value
// sends none.
type Bearer struct {
	URL, Token string
}

// Server is one Prometheus server. It is safe for concurrent use.
type Server struct {
	api        v1.API
	delay      time.Duration
	deadline   time.Duration
	staleAfter time.Duration
}

var (
	_ activities.Metrics   = (*Server)(nil)
	_ activities.Historian = (*Server)(nil)
)

// params are what specs and the worker's configuration may set.
type params struct {
	URL        string            `json:"url"`        // of the server, with the path before /api/v1
	Delay      *rollout.Duration `json:"delay"`      // after a moment, until its numbers can be read; default 15s
	Deadline   rollout.Duration  `json:"deadline"`   // of each request; default 5s
	StaleAfter rollout.Duration  `json:"staleAfter"` // age at which a series without new samples is absent; default 1m
}

// New returns the server that the parameters name: url (needed), delay,
// deadline, staleAfter. The token is sent only when url is the bearer's, so
// that no spec can send it elsewhere.
func New(with activities.With, bearer Bearer) (*Server, error) {
	delay := rollout.Duration(15 * time.Second)
	p := params{Delay: &delay, Deadline: rollout.Duration(5 * time.Second), StaleAfter: rollout.Duration(time.Minute)}
	if err := with.Decode(&p); err != nil {
		return nil, err
	}
	where, err := url.Parse(p.URL)
	switch {
	case err != nil:
		return nil, fmt.Errorf("url: %w", err)
	case where.Scheme != "http" && where.Scheme != "https" || where.Host == "":
		return nil, fmt.Errorf("url: %q is not an http(s) URL", where.Redacted())
	case where.RawQuery != "" || where.Fragment != "":
		return nil, fmt.Errorf("url: %q must end with its path", where.Redacted())
	case p.Delay == nil || *p.Delay < 0 || p.Deadline <= 0 || p.StaleAfter <= 0:
		return nil, errors.New("delay must not be negative, deadline and staleAfter must be positive")
	}
	c := &client{}
	if trimmed(bearer.URL) == trimmed(p.URL) {
		c.token = bearer.Token
	}
	if c.Client, err = api.NewClient(api.Config{Address: trimmed(p.URL), Client: &shared}); err != nil {
		return nil, fmt.Errorf("url: %w", err)
	}
	return &Server{api: v1.NewAPI(c), delay: p.Delay.Std(), deadline: p.Deadline.Std(), staleAfter: p.StaleAfter.Std()}, nil
}

func trimmed(url string) string { return strings.TrimRight(url, "/") }

// Remembers says that moments of the past can be read, too.
func (s *Server) Remembers() {}

// Delay is how long after a moment its numbers can be read: at least the
// scrape interval and what scraping takes.
func (s *Server) Delay() time.Duration { return s.delay }

// Supports says why a check could not be read, before anything runs: a
// selector that is no plain selector, a matcher or a template that does not
// parse. It asks no server.
func (s *Server) Supports(check rollout.Check) error {
	if _, err := selector.ForCheck(check); err != nil {
		return err
	}
	if check.Query != "" {
		_, err := expression(check.Query, "any")
		return err
	}
	return nil
}

// Package web is the generic driver, by name http: deploys, traffic and flags
// of in-house systems over a small JSON protocol, which docs/drivers.md has as
// a table. Read [NewDeployer], [NewTraffic] and [NewFlags] first; what a
// server's answers mean is said in one place, classify.
package web

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// DefaultDeadline bounds one request, from dialling to the last byte of the
// answer.
const DefaultDeadline = 5 * time.Second

// maxDeadline keeps a request below the shortest activity, so that a late
// write of a worker that was given up is over before it is overwritten.
const maxDeadline = 9 * time.Second

// Config says where the server is. Its JSON names are the parameters of the
// driver in a spec.
type Config struct {
	URL      string           `json:"url"`      // http or https, a path is kept; no user, query or fragment
	Deadline rollout.Duration `json:"deadline"` // of one request; default 5s, at most 9s

	Cohorts activities.Headers `json:"cohorts"` // which header of a router, or which flag, makes whom one of which cohort

	Bearer string       `json:"-"` // token for exactly this URL, from the worker's configuration; "": none
	Client *http.Client `json:"-"` // default: one that all drivers of the process share
}

// client speaks to one server.
type client struct {
	base     string // without a slash at its end
	bearer   string
	deadline time.Duration
	http     *http.Client
}

func newClient(c Config) (*client, error) {
	u, err := url.Parse(c.URL)
	switch {
	case c.URL == "":
		return nil, errors.New("url is missing: write the server's address, such as http://deployer:8080")
	case err != nil:
		return nil, fmt.Errorf("url cannot be read: %w", unwrapURL(err)) // without the url, which may hold a password
	case u.Scheme != "http" && u.Scheme != "https", u.Host == "":
		return nil, fmt.Errorf("url %q: write http://host:port or https://host", u.Redacted())
	case u.User != nil:
		return nil, errors.New("url holds a user or password: credentials belong to the worker's configuration")
	case u.RawQuery != "" || u.Fragment != "" || u.ForceQuery:
		return nil, fmt.Errorf("url %q: a query or fragment is not possible", c.URL)
	}
	deadline := c.Deadline.Std()
	if deadline == 0 {
		deadline = DefaultDeadline
	}
	if deadline < 0 || deadline > maxDeadline {
		return nil, fmt.Errorf("deadline %s: it must lie between 0s and %s", c.Deadline, maxDeadline)
	}
	shared := c.Client
	if shared == nil {
		shared = defaultClient()
	}
	own := *shared // never follows a redirect, whatever the given one does
	own.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &client{base: strings.TrimRight(u.String(), "/"), bearer: c.Bearer, deadline: deadline, http: &own}, nil
}

// defaultClient makes the connections that all drivers of the process share:
// drivers are made for each activity, connections are kept.
var defaultClient = sync.OnceValue(func() *http.Client {
	return &http.Client{Transport: &http.Transport{
		Proxy:                  http.ProxyFromEnvironment,
		DialContext:            (&net.Dialer{Timeout: 3 * time.Second, KeepAlive: 15 * time.Second}).DialContext,
		TLSHandshakeTimeout:    3 * time.Second,
		ForceAttemptHTTP2:      true,
		MaxIdleConns:           100,
		MaxIdleConnsPerHost:    8,
		IdleConnTimeout:        30 * time.Second,
		MaxResponseHeaderBytes: 64 << 10,
	}}
})

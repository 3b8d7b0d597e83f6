package load

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// Bounds of a load.
const (
	longestFor     = rollout.Duration(7 * 24 * time.Hour)
	longestTimeout = rollout.Duration(5 * time.Minute)
	mostUsers      = 10_000

	mostConnections = 10_000
	mostShards      = 64
	mostSteps       = 20
	mostSpeed       = 1000
	mostPeriods     = 1000
)

// methods are what may be sent.
var methods = []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"}

var digestForm = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)

// check collects problems, so that a person sees all of them at once.
type check []rollout.Problem

func (c *check) require(ok bool, path, format string, args ...any) {
	if !ok {
		*c = append(*c, rollout.Problem{Path: strings.TrimPrefix(path, "."), Message: fmt.Sprintf(format, args...)})
	}
}

// Problems says everything that is wrong with the load and can be seen without
// its recording. The path is where the load stands, such as load[0].
func (l Load) Problems(path string) []rollout.Problem {
	var c check
	c.require(isName(l.Name), path+".name", "%q needs letters, digits, '.', '_' or '-', 100 at most", l.Name)
	for _, wrong := range URLProblems(l.URL) {
		c.require(false, path+".url", "%s", wrong)
	}
	c.template(l.URL, path+".url", nil)
	c.headers(l.Headers, path+".headers", nil)
	c.expect(l.Expect, path+".expect", nil)
	c.require(l.Timeout >= 0 && l.Timeout <= longestTimeout, path+".timeout", "%s is too long: at most %s", l.Timeout, longestTimeout)
	c.require(l.Shards >= 0 && l.Shards <= mostShards, path+".shards", "%d generators: write 1 to %d", l.Shards, mostShards)
	c.require(l.For >= 0 && l.For <= longestFor, path+".for", "%s is too long: at most %s", l.For, longestFor)
	c.require(l.For > 0 || l.Replay != nil, path+".for", "is missing, or not above 0s: how long does the load last?")
	c.require(l.Connections >= 0 && l.Connections <= mostConnections, path+".connections", "%d connections: write 1 to %d", l.Connections, mostConnections)
	c.require(l.Trace >= 0 && l.Trace <= rollout.All, path+".trace", "%s is no share: write 0%% to 100%%", l.Trace)
	l.checkContent(&c, path)
	l.checkTraced(&c, path)
	switch {
	case l.Replay != nil:
		l.checkReplay(&c, path)
	case l.Closed != nil:
		l.checkClosed(&c, path)
	default:
		l.checkOpen(&c, path)
	}
	return c
}

// URLProblems says what is wrong with a URL that is to be sent to.
func URLProblems(url string) []string {
	_, host, _ := strings.Cut(url, "://")
	isHTTP := strings.HasPrefix(url, "http://") || strings.HasPrefix(url, "https://")
	switch {
	case HasUser(url):
		return []string{"holds a user or a password, which would stand in the history and the evidence: send to what asks for none, such as a proxy that adds it"}
	case !isHTTP || host == "" || host[0] == '/':
		return []string{fmt.Sprintf("%q is not a URL to send to: write http://host:port/path", url)}
	}
	return nil
}

// HasUser reports whether a URL holds a user or a password.
func HasUser(url string) bool {
	_, rest, _ := strings.Cut(url, "://")
	if end := strings.IndexAny(rest, "/?#"); end >= 0 {
		rest = rest[:end]
	}
	return strings.Contains(rest, "@")
}

func (l Load) checkContent(c *check, path string) {
	c.require(l.Method == "" || slices.Contains(methods, l.Method), path+".method", "%q is not one of %s", l.Method, strings.Join(methods, ", "))
	c.template(l.Body, path+".body", nil)
	if len(l.Journeys) > 0 {
		c.require(l.Method == "" && l.Body == "", path+".journeys", "a load sends one request or journeys: write method and body in the steps")
		c.journeys(l.Journeys, path+".journeys")
	}
}

// checkTraced refuses headers of the manifest that `trace` writes.
func (l Load) checkTraced(c *check, path string) {
	if l.Trace == 0 {
		return
	}
	none := func(headers map[string]string, path string) {
		for _, h := range headersOf(headers) {
			c.require(!isOfTrace(h.Name), path+".headers."+h.Name, "is written by `trace`: take one of the two away")
		}
	}
	none(l.Headers, path)
	for i, j := range l.Journeys {
		for k, s := range j.Steps {
			none(s.Headers, fmt.Sprintf("%s.journeys[%d].steps[%d]", path, i, k))
		}
	}
}

func (l Load) checkReplay(c *check, path string) {
	r, at := l.Replay, path+".replay"
	c.require(l.Closed == nil && l.Shape == nil && l.Rate == 0 && l.Arrivals == "", at,
		"a replay has the rate of its recording: take rate, arrivals, shape and closed away, and change it with speed and sample")
	c.require(len(l.Journeys) == 0 && l.Method == "" && l.Body == "", at, "a replay sends what was recorded: take method, body and journeys away")
	for _, h := range headersOf(l.Headers) {
		c.require(!strings.Contains(h.Value, "{{"), path+".headers."+h.Name, "a replay sends what was recorded: {{…}} is not filled in")
	}
	c.require(r.File != "", at+".file", "is missing: which recording?")
	c.require(r.Digest == "" || digestForm.MatchString(r.Digest), at+".digest", "%q is not a digest: write sha256: and 64 hexadecimal digits", r.Digest)
	c.require(slices.Contains(Formats(), r.Format), at+".format", "%q is not one of %s", r.Format, strings.Join(Formats(), ", "))
	c.require(r.Speed >= 0 && r.Speed <= mostSpeed, at+".speed", "%v is not a speed: write a factor above 0, at most %d", r.Speed, mostSpeed)
	c.require(r.Sample == nil || *r.Sample > 0, at+".sample", "of 0%% nothing is sent: write a share such as 10%%")
}

func (l Load) checkClosed(c *check, path string) {
	c.require(l.Rate == 0 && l.Arrivals == "" && l.Shape == nil, path+".closed",
		"a closed load has no rate: its users send when they were answered; take rate, arrivals and shape away, or closed")
	c.require(l.Connections == 0, path+".connections", "each user of a closed load has one connection: take it away")
	c.require(l.Closed.Users >= 1 && l.Closed.Users <= mostUsers, path+".closed.users", "%d users: write 1 to %d", l.Closed.Users, mostUsers)
	c.require(l.Shards <= max(1, l.Closed.Users), path+".shards", "%d generators have too few users: at most one each for the %d", l.Shards, l.Closed.Users)
	c.require(l.Closed.Think >= 0, path+".closed.think", "must not be negative")
}

func (l Load) checkOpen(c *check, path string) {
	c.require(l.Arrivals == "" || l.Arrivals == Even || l.Arrivals == Poisson, path+".arrivals", "%q is not one of even, poisson", l.Arrivals)
	c.rate(l.Rate, path+".rate")
	if l.Shape == nil {
		c.require(l.Rate != 0, path+".rate", "is missing: write a rate such as 200/s, or give a shape, closed or replay")
		return
	}
	before := len(*c)
	l.checkShape(c, path+".shape")
	if len(*c) > before || l.For <= 0 || l.For > longestFor {
		return
	}
	sum := 0.0
	for _, p := range l.pieces() {
		sum += p.expected()
	}
	c.require(sum >= 1, path+".shape", "no request is ever due: raise its rates, or make the load longer")
}

func (l Load) checkShape(c *check, path string) {
	s, given := l.Shape, 0
	for _, has := range []bool{s.Ramp != nil, s.Step != nil, s.Surge != nil, s.Sine != nil} {
		if has {
			given++
		}
	}
	c.require(given == 1, path, "has %d of ramp, step, surge and sine: write exactly one", given)
	if s.Ramp != nil || s.Sine != nil {
		c.require(l.Rate == 0, path, "ramp and sine have their own rates: take `rate` away")
	}
	if s.Ramp != nil {
		c.rate(s.Ramp.From, path+".ramp.from")
		c.rate(s.Ramp.To, path+".ramp.to")
	}
	before := rollout.Duration(-1)
	for i, level := range s.Step {
		at := fmt.Sprintf("%s.step[%d]", path, i)
		c.rate(level.Rate, at+".rate")
		c.require(level.At > before && level.At < l.For, at+".at", "%s must come after the step before, and before the load ends at %s", level.At, l.For)
		before = level.At
	}
	if s.Step != nil {
		c.require(len(s.Step) > 0 && (l.Rate > 0 || s.Step[0].At == 0), path+".step", "does not say the rate of the start: write `rate`, or a first step at 0s")
	}
	if u := s.Surge; u != nil {
		c.rate(u.Rate, path+".surge.rate")
		c.require(l.Rate > 0, path+".surge", "comes back to `rate`, which is missing")
		c.require(u.For > 0 && u.At+u.For <= l.For, path+".surge", "must be over when the load ends at %s", l.For)
	}
	if w := s.Sine; w != nil {
		c.rate(w.Low, path+".sine.low")
		c.rate(w.High, path+".sine.high")
		c.require(w.Low <= w.High, path+".sine", "low %s is above high %s", w.Low, w.High)
		c.require(w.Period.Std() >= time.Second && w.Period >= l.For/mostPeriods, path+".sine.period", "%s is too short: at least 1s, and a thousandth of `for`", w.Period)
	}
}

// rate holds what a file cannot hold, and Go code can.
func (c *check) rate(r Rate, path string) {
	c.require(r >= 0 && r <= MostRate, path, "%s is not a rate: write one up to %s", r, MostRate)
}

package fault

import (
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// The bounds of what a manifest may ask for.
const (
	shortest    = 100 * time.Millisecond
	longest     = 24 * time.Hour
	smallest    = 1 << 20 // bytes of a loop file system
	largest     = 1 << 30
	longestText = 1 << 20 // bytes of a drifted file
)

var name = regexp.MustCompile(`^[A-Za-z0-9_][A-Za-z0-9._-]{0,62}$`)

// problems collects what is wrong below one path.
type problems struct {
	path  string
	found []rollout.Problem
}

func (p *problems) require(ok bool, field, format string, args ...any) {
	if !ok {
		p.found = append(p.found, rollout.Problem{Path: strings.TrimPrefix(p.path+"."+field, "."), Message: fmt.Sprintf(format, args...)})
	}
}

// Problems says all that is wrong with a list of faults, which stands at the
// path in the manifest: what is wrong with each, names used twice, and faults
// that would change the same thing in the same time.
func Problems(at string, faults []Fault) []rollout.Problem {
	var out []rollout.Problem
	for i, f := range faults {
		p := problems{path: fmt.Sprintf("%s[%d]", at, i)}
		out = append(out, f.Problems(p.path)...)
		for j, other := range faults[:i] {
			p.require(f.Name == "" || f.Name != other.Name, "name", "%s is the name of %s[%d], too", f.Name, at, j)
			p.require(f.Touches() == "" || f.Touches() != other.Touches() || !f.MayOverlap(other), "at",
				"%s changes the %s while %s does: let one end before the other begins", f.Name, f.Touches(), other.Name)
		}
		out = append(out, p.found...)
	}
	return out
}

// MayOverlap reports whether two faults can be in force in the same moment,
// whatever is drawn.
func (f Fault) MayOverlap(with Fault) bool {
	return f.At < with.At+with.Within+with.For && with.At < f.At+f.Within+f.For
}

// Problems says all that is wrong with one fault, which stands at the path in
// the manifest.
func (f Fault) Problems(at string) []rollout.Problem {
	p := &problems{path: at}
	p.require(f.Name != "", "name", "is missing")
	p.require(f.Name == "" || name.MatchString(f.Name), "name", "%q needs 1 to 63 letters, digits, '.', '_' or '-'", f.Name)
	p.require(f.For != 0, "for", "is missing, or not above 0s: a fault needs an expiry, so that it ends even if nobody removes it")
	p.require(f.For == 0 || f.For.Std() >= shortest, "for", "%s is too short: at least %s", f.For, rollout.Duration(shortest))
	p.require(f.For.Std() <= longest, "for", "%s is too long: at most %s", f.For, rollout.Duration(longest))
	p.require(f.At >= 0, "at", "must not be negative")
	p.require(f.Within >= 0, "within", "must not be negative")
	switch kinds := f.kinds(); len(kinds) {
	case 0:
		p.require(false, "name", "says nothing that goes wrong: add one of %s", strings.Join(Kinds(), ", "))
	case 1:
		p.path += "." + kinds[0]
		f.validateKind(p)
	default:
		p.require(false, kinds[1], "is the second kind: make it a fault of its own beside %s", kinds[0])
	}
	return p.found
}

func (f Fault) validateKind(p *problems) {
	switch f.Kind() {
	case KindToxiproxy:
		f.Toxiproxy.validate(p)
	case KindProcess:
		f.Process.validate(p)
	case KindWorker:
		f.Worker.validate(p)
	case KindErrors:
		f.Errors.validate(p)
	case KindDrift:
		f.Drift.validate(p)
	case KindDisk:
		f.Disk.validate(p)
	case KindClock:
		f.Clock.validate(p)
	case KindMetrics:
		p.proxy(f.Metrics.Proxy, "name the Toxiproxy proxy in front of the metrics")
	case KindTask:
		p.require(f.Task.TaskQueue != "", "taskQueue", "is missing: where the activity is polled for")
		p.require(f.Task.Activity != "", "activity", "is missing: the registered name of the activity")
	}
}

func (t Toxiproxy) validate(p *problems) {
	p.proxy(t.Proxy, "name a proxy of the Toxiproxy server")
	disturbs := t.Latency > 0 || t.Bandwidth > 0 || t.Timeout != nil || t.ResetPeer != nil
	p.require(disturbs || t.Down, "proxy", "nothing is wrong with it: add latency, bandwidth, timeout, resetPeer or down")
	p.require(!t.Down || !disturbs && t.Jitter == 0 && t.Toxicity == nil && t.Direction == "", "down", "a proxy that is down has no other effects: leave them out")
	p.require(t.Jitter == 0 || t.Latency > 0, "jitter", "needs latency")
	p.require(t.Jitter <= t.Latency, "jitter", "%s is more than the latency of %s", t.Jitter, t.Latency)
	p.require(t.Latency >= 0, "latency", "must not be negative")
	p.require(t.Bandwidth >= 0, "bandwidth", "must not be negative")
	p.require(t.Toxicity == nil || *t.Toxicity > 0, "toxicity", "0%% of the connections is no fault")
	p.require(slices.Contains([]string{"", Downstream, Upstream}, t.Direction), "direction", "%q is not one of %s, %s", t.Direction, Downstream, Upstream)
	p.milliseconds(t.Latency, "latency")
	p.milliseconds(t.Jitter, "jitter")
	p.milliseconds(orZero(t.Timeout), "timeout")
	p.milliseconds(orZero(t.ResetPeer), "resetPeer")
}

func (p *problems) milliseconds(d rollout.Duration, field string) {
	p.require(d.Std()%time.Millisecond == 0, field, "%s is too fine: Toxiproxy counts in milliseconds", d)
}

func orZero(d *rollout.Duration) rollout.Duration {
	if d == nil {
		return 0
	}
	return *d
}

func (p Process) validate(v *problems) {
	v.require((p.Name == "") != (p.PIDFile == ""), "name", "give either name, as in the worker's configuration, or pidFile")
	if p.PIDFile != "" {
		v.absolute(p.PIDFile, "pidFile")
	}
	v.require(slices.Contains([]string{Kill, Freeze}, p.Do), "do", "%q is not one of %s, %s", p.Do, Kill, Freeze)
}

func (e Errors) validate(p *problems) {
	p.proxy(e.Proxy, "name the Toxiproxy proxy in front of the dependency")
	p.require(e.Status == 0 || e.Status >= 400 && e.Status <= 599, "status", "%d is not an error: 400 to 599", e.Status)
	p.require(e.Share == nil || *e.Share > 0, "share", "0%% of the requests is no fault")
	p.require(e.Path == "" || strings.HasPrefix(e.Path, "/"), "path", "%q does not begin with /", e.Path)
}

func (d Drift) validate(p *problems) {
	p.absolute(d.File, "file")
	p.require((d.Content == nil) != (len(d.Replace) == 0), "file", "say what is in it: either content or replace")
	p.require(d.Content == nil || len(*d.Content) <= longestText, "content", "is longer than 1 MiB")
	for _, old := range slices.Sorted(maps.Keys(d.Replace)) {
		with := d.Replace[old]
		p.require(old != "" && old != with, "replace", "%q is replaced by %q, which changes nothing", old, with)
	}
}

func (d Disk) validate(p *problems) {
	p.absolute(d.Path, "path")
	p.require(d.Leave >= 0, "leave", "must not be negative")
	p.require(d.Size == 0 || d.Size >= smallest && d.Size <= largest, "size", "%d bytes: a loop file system has 1 MiB to 1 GiB (1048576 to 1073741824)", d.Size)
	p.require(d.Size == 0 || d.Leave < d.Size, "leave", "%d bytes are more than its size", d.Leave)
}

func (c Clock) validate(p *problems) {
	p.require(c.Process != "", "process", "is missing: name a process of the worker's configuration")
	d, err := c.Offset()
	p.require(err == nil, "skew", "%v", err)
	p.require(err != nil || d != 0, "skew", "0s is not a skew")
}

// Offset is the skew as a length, negative where the process is to be behind.
func (c Clock) Offset() (time.Duration, error) {
	text, back := strings.CutPrefix(c.Skew, "-")
	text, ahead := strings.CutPrefix(text, "+")
	d, err := rollout.ParseDuration(text)
	if err != nil || back == ahead {
		return 0, fmt.Errorf("%q is not a skew: write +2h or -90s", c.Skew)
	}
	if back {
		return -d.Std(), nil
	}
	return d.Std(), nil
}

// proxy requires a name that may be part of the path of a URL.
func (p *problems) proxy(value, hint string) {
	p.require(value != "", "proxy", "is missing: %s", hint)
	p.require(value == "" || name.MatchString(value), "proxy", "%q needs 1 to 63 letters, digits, '.', '_' or '-'", value)
}

// absolute requires a clean absolute path.
func (p *problems) absolute(value, field string) {
	p.require(path.IsAbs(value) && path.Clean(value) == value, field, "%q is not an absolute path without . and ..", value)
}

// KeepAliveProblems says which faults would do little to the named loads, which
// keep their connections: Toxiproxy draws for each connection whether it is
// disturbed, and a reset reaches those alone that are opened during the fault.
func KeepAliveProblems(at string, faults []Fault, keepAlive []string) []rollout.Problem {
	p := &problems{path: at}
	for i, f := range faults {
		resets := f.Toxiproxy != nil && f.Toxiproxy.ResetPeer != nil
		if resets && len(keepAlive) > 0 {
			p.path = fmt.Sprintf("%s[%d]", at, i)
			p.require(false, "toxiproxy.resetPeer", "reaches new connections alone, and load %s keeps its connections: write keepAlive: false there", strings.Join(keepAlive, ", "))
		}
	}
	return p.found
}

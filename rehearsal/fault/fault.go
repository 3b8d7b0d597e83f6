// Package fault holds the faults of a rehearsal: what a manifest may ask for,
// when each one is in force, and how much a worker lets happen at most. It
// decides and never acts: [Fault] is the type to read first.
package fault

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// Fault is one thing that goes wrong in a rehearsal, from At on, and never
// longer than For. It has exactly one kind.
type Fault struct {
	Name   string           `json:"name"`             // unique in the manifest; expectations name it in "during"
	At     rollout.Duration `json:"at,omitempty"`     // since the load began; default 0s
	Within rollout.Duration `json:"within,omitempty"` // begin at a moment drawn from the seed, at most this much after At; default 0s
	For    rollout.Duration `json:"for"`              // its expiry, counted from its start: it ends then, whatever happens; at least 100ms

	Toxiproxy *Toxiproxy `json:"toxiproxy,omitempty"` // a slow, narrow, or broken network
	Process   *Process   `json:"process,omitempty"`   // a process is killed or frozen
	Errors    *Errors    `json:"errors,omitempty"`    // an HTTP dependency answers with errors
	Drift     *Drift     `json:"drift,omitempty"`     // a configuration file has other content
	Disk      *Disk      `json:"disk,omitempty"`      // a file system is full
	Clock     *Clock     `json:"clock,omitempty"`     // a process has the wrong time
	Metrics   *Metrics   `json:"metrics,omitempty"`   // nobody can read the metrics
	Worker    *Process   `json:"worker,omitempty"`    // the control plane's own worker is killed or frozen
	Task      *Task      `json:"task,omitempty"`      // somebody else's activity starts and stops it
}

// Toxiproxy disturbs the connections through one proxy of a Toxiproxy server.
// Several effects may be named.
type Toxiproxy struct {
	Proxy     string            `json:"proxy"`               // its name on the server
	Latency   rollout.Duration  `json:"latency,omitempty"`   // added to everything that passes
	Jitter    rollout.Duration  `json:"jitter,omitempty"`    // latency varies by up to this much, up and down; requires Latency
	Bandwidth int               `json:"bandwidth,omitempty"` // KiB per second
	Timeout   *rollout.Duration `json:"timeout,omitempty"`   // nothing passes, and the connection is closed after this time; 0s: not before the end of the fault
	ResetPeer *rollout.Duration `json:"resetPeer,omitempty"` // a connection is reset this long after its first byte; see KeepAliveProblems
	Down      bool              `json:"down,omitempty"`      // nobody can connect, and connections are cut; alone
	Toxicity  *rollout.Weight   `json:"toxicity,omitempty"`  // share of the connections, drawn for each connection and effect; default 100%
	Direction string            `json:"direction,omitempty"` // downstream (default: what the server sends) or upstream
}

// The directions of a toxic.
const (
	Downstream = "downstream"
	Upstream   = "upstream"
)

// Process is what happens to one process of the machine. It is named as in the
// worker's configuration, or by its pid file, which must be in an allowed place.
type Process struct {
	Name    string `json:"name,omitempty"`    // in the worker's configuration
	PIDFile string `json:"pidFile,omitempty"` // absolute; instead of Name
	Do      string `json:"do"`                // kill (SIGKILL, and its supervisor brings it back) or freeze (SIGSTOP until the end)
}

// What can be done to a process.
const (
	Kill   = "kill"
	Freeze = "freeze"
)

// Errors puts an HTTP server in front of a dependency. It answers a share of the
// requests itself and forwards the rest. The dependency must be reached through a
// Toxiproxy proxy, in plain HTTP.
type Errors struct {
	Proxy  string          `json:"proxy"`            // the Toxiproxy proxy in front of the dependency
	Status int             `json:"status,omitempty"` // of the answers; 400 to 599, default 503
	Share  *rollout.Weight `json:"share,omitempty"`  // of the requests, drawn from the seed; default 100%
	Path   string          `json:"path,omitempty"`   // only requests whose path begins so; default all
}

// Drift changes a file. At the end it is put back byte for byte, with its mode
// and owner. The file is replaced each time, never written into: who has it open
// goes on reading the old one.
type Drift struct {
	File    string            `json:"file"`              // absolute; a regular file of at most 1 MiB
	Content *string           `json:"content,omitempty"` // what is in it during the fault
	Replace map[string]string `json:"replace,omitempty"` // instead of Content: texts in it → what replaces them during the fault
}

// Disk fills a file system. Without Size it fills the one that is mounted at
// Path, which must be one of its own, never that of the whole machine. With
// Size a loop file of that size with an ext4 of its own is mounted over Path,
// an empty folder, until the end: that needs root.
type Disk struct {
	Path  string `json:"path"`            // absolute; a folder
	Leave int64  `json:"leave,omitempty"` // bytes that are left free; default 0
	Size  int64  `json:"size,omitempty"`  // bytes, 1 MiB to 1 GiB
}

// Clock makes one process, and all that share its timestamp file, see another
// time. The process must have been started with libfaketime and a
// FAKETIME_TIMESTAMP_FILE. Go programs bypass libfaketime.
type Clock struct {
	Process string `json:"process"` // its name in the worker's configuration
	Skew    string `json:"skew"`    // "+2h" or "-90s"
}

// Metrics makes the metrics unreadable: the Toxiproxy proxy in front of their
// source is closed.
type Metrics struct {
	Proxy string `json:"proxy"`
}

// Task is a fault that an activity on another task queue starts and stops, for
// example through Chaos Mesh, Litmus or FIS. The activity gets a TaskInput and
// returns a TaskOutput. It must also end the fault when it expires by itself.
type Task struct {
	TaskQueue string         `json:"taskQueue"`
	Activity  string         `json:"activity"`
	Input     map[string]any `json:"input,omitempty"` // passed on unchanged
}

// The kinds of faults, as the manifest names them.
const (
	KindToxiproxy = "toxiproxy"
	KindProcess   = "process"
	KindErrors    = "errors"
	KindDrift     = "drift"
	KindDisk      = "disk"
	KindClock     = "clock"
	KindMetrics   = "metrics"
	KindWorker    = "worker"
	KindTask      = "task"
)

// Kinds lists them.
func Kinds() []string {
	return []string{KindToxiproxy, KindProcess, KindErrors, KindDrift, KindDisk, KindClock, KindMetrics, KindWorker, KindTask}
}

// Kind is the kind of the fault; "" where it has none or several.
func (f Fault) Kind() string {
	if set := f.kinds(); len(set) == 1 {
		return set[0]
	}
	return ""
}

func (f Fault) kinds() []string {
	set := []bool{f.Toxiproxy != nil, f.Process != nil, f.Errors != nil, f.Drift != nil, f.Disk != nil, f.Clock != nil, f.Metrics != nil, f.Worker != nil, f.Task != nil}
	var out []string
	for i, kind := range Kinds() {
		if set[i] {
			out = append(out, kind)
		}
	}
	return out
}

// String says in a few words what the fault does: "toxiproxy db: latency 200ms".
func (f Fault) String() string {
	switch f.Kind() {
	case KindToxiproxy:
		return f.Toxiproxy.String()
	case KindProcess:
		return "process " + f.Process.String()
	case KindWorker:
		return "worker " + f.Worker.String()
	case KindErrors:
		return fmt.Sprintf("errors %s: %s of the requests get %d", f.Errors.Proxy, f.Errors.TheShare(), f.Errors.TheStatus())
	case KindDrift:
		return "drift " + f.Drift.File
	case KindDisk:
		return fmt.Sprintf("disk %s: %d bytes left", f.Disk.Path, f.Disk.Leave)
	case KindClock:
		return fmt.Sprintf("clock %s: %s", f.Clock.Process, f.Clock.Skew)
	case KindMetrics:
		return fmt.Sprintf("metrics %s: out of reach", f.Metrics.Proxy)
	case KindTask:
		return fmt.Sprintf("task %s on %s", f.Task.Activity, f.Task.TaskQueue)
	}
	return "nothing"
}

// String reads "toxiproxy db: latency 200ms ± 20ms, 10% of connections".
func (t Toxiproxy) String() string {
	var effects []string
	add := func(set bool, format string, args ...any) {
		if set {
			effects = append(effects, fmt.Sprintf(format, args...))
		}
	}
	add(t.Latency > 0 && t.Jitter == 0, "latency %s", t.Latency)
	add(t.Latency > 0 && t.Jitter > 0, "latency %s ± %s", t.Latency, t.Jitter)
	add(t.Bandwidth > 0, "%d KiB/s", t.Bandwidth)
	add(t.Timeout != nil, "nothing passes")
	add(t.ResetPeer != nil, "connections reset")
	add(t.Down, "down")
	add(t.Toxicity != nil, "%s of the connections", t.TheToxicity())
	add(t.Direction == Upstream, "upstream")
	return fmt.Sprintf("toxiproxy %s: %s", t.Proxy, strings.Join(effects, ", "))
}

// TheToxicity is the share of the connections, with its default.
func (t Toxiproxy) TheToxicity() rollout.Weight { return orAll(t.Toxicity) }

// TheShare is the share of the requests, with its default.
func (e Errors) TheShare() rollout.Weight { return orAll(e.Share) }

// TheStatus is the status of the answers, with its default.
func (e Errors) TheStatus() int {
	if e.Status == 0 {
		return 503
	}
	return e.Status
}

func orAll(w *rollout.Weight) rollout.Weight {
	if w == nil {
		return rollout.All
	}
	return *w
}

// String reads "db: kill".
func (p Process) String() string { return p.Name + p.PIDFile + ": " + p.Do }

// Touches names what the fault changes and no other fault may change in the
// same time, such as "file /etc/app.yaml"; "" for faults that can be laid over
// each other, as toxics of one proxy can.
func (f Fault) Touches() string {
	switch kind := f.Kind(); {
	case kind == KindProcess:
		return "process " + f.Process.Name + f.Process.PIDFile
	case kind == KindWorker:
		return "process " + f.Worker.Name + f.Worker.PIDFile
	case kind == KindErrors:
		return "proxy " + f.Errors.Proxy
	case kind == KindMetrics:
		return "proxy " + f.Metrics.Proxy
	case kind == KindToxiproxy && f.Toxiproxy.Down:
		return "proxy " + f.Toxiproxy.Proxy
	case kind == KindDrift:
		return "file " + f.Drift.File
	case kind == KindDisk:
		return "disk " + f.Disk.Path
	case kind == KindClock:
		return "clock of " + f.Clock.Process
	}
	return ""
}

// ProxyName is the Toxiproxy proxy that the fault needs, "" where it needs none.
func (f Fault) ProxyName() string {
	switch f.Kind() {
	case KindToxiproxy:
		return f.Toxiproxy.Proxy
	case KindErrors:
		return f.Errors.Proxy
	case KindMetrics:
		return f.Metrics.Proxy
	}
	return ""
}

// isKind reports whether a name is a kind.
func isKind(name string) bool { return slices.Contains(Kinds(), name) }

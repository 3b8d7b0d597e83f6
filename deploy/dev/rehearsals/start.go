package rehearsals

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"

	"bakeoff/deploy/dev/town"
)

// files are the texts that are written into the folder.
//
//go:embed suite/*.tmpl
var files embed.FS

var texts = town.Texts{FS: files, Folder: "suite"}

// The worker that rolls out, and that of rehearsals.
const (
	controlName    = town.WorkerName
	rehearsalsName = town.WorkerName + "-rehearsals"
)

// place is where everything is; it fills in the texts.
type place struct {
	Folder string

	Admin, Shop, Queue string // addresses, host:port
	Front              string // of the proxy on the way to the shop, host:port
	Temporal           string // host:port
	Database, Orders   string // of PostgreSQL and of the proxy on the way to it, host:port; "": orders are kept in a file
	UI                 string // URL
	Toxiproxy          string // URL of its API

	ControlPID     string // file
	ControlRestart string // command of the shell

	Lanes []lane // of the rehearsals that are killed

	QueueProgram string
	ShopProgram  string
	Load         string // how long the load of the longest rehearsal lasts
}

// AdminURL is where Caddy is configured.
func (p place) AdminURL() string { return "http://" + p.Admin }

// Way is how users reach the shop: through a network that can be slow.
func (p place) Way() string { return "http://" + p.Front }

// QueueURL is how users reach the queue.
func (p place) QueueURL() string { return "http://" + p.Queue }

// Evidence is the folder of what was measured.
func (p place) Evidence() string { return p.Folder + "/evidence" }

// Faults is the folder of what takes faults back.
func (p place) Faults() string { return p.Folder + "/faults" }

// AtOnce is how many faults there may be at a time: one in each lane.
func (p place) AtOnce() int { return max(len(p.Lanes), 1) }

// QueueState is the folder of the queue's processes.
func (p place) QueueState() string { return p.Folder + "/queue" }

// ShopDriver is what the process driver needs to run the shop.
func (p place) ShopDriver() string {
	return fmt.Sprintf(`{directory: %q, command: [%q], env: {SHOP_VERSION: "{{.Version}}", PORT: "{{.Port}}", SHOP_ERRORS: 0%%, SHOP_ORDERS: %q}}`,
		p.Folder+"/shop", p.ShopProgram, p.where())
}

// Rehearsals are the names of those of the suite.
func (p place) Rehearsals() (names []string) {
	for _, s := range scenesWith(p.Database != "") {
		names = append(names, s.name)
	}
	return names
}

// dump fills in what the database begins with.
type dump struct{ Sells bool }

// release fills in a release of the shop that is practised.
type release struct {
	place
	Version, Slip string
	Weight, Bake  string
}

// start brings up Temporal, Caddy, Toxiproxy and two workers, writes the suite,
// and makes the first releases; or what takes the suite's place where rehearsals
// are killed.
func (h *hall) start(ctx context.Context) error {
	if err := h.startPlace(ctx); err != nil {
		return err
	}
	if h.options.Kills > 0 {
		return h.startLanes(ctx)
	}
	return errors.Join(h.writeSuite(), h.release(ctx, "shop"), h.release(ctx, "queue"))
}

// startPlace brings up everything but what is released.
func (h *hall) startPlace(ctx context.Context) (err error) {
	h.place = place{Folder: h.town.Dir, QueueProgram: h.town.Programs["bakeoff-scaled"], ShopProgram: h.town.Programs["bakeoff-shop"], Load: "55s"}
	h.story.Say("starting Temporal, Caddy, Toxiproxy and two workers in %s", h.town.Dir)
	p := &h.place
	if err := town.FreeAddresses(&p.Admin, &p.Shop, &p.Queue, &p.Front); err != nil {
		return err
	}
	if p.Lanes, err = newLanes(min(h.options.Kills, abreast)); err != nil {
		return err
	}
	if err := texts.Write(h.file("caddy.json"), "caddy.json", p); err != nil {
		return err
	}
	if err := h.town.StartCaddy(ctx, h.file("caddy.json"), p.Admin); err != nil {
		return err
	}
	if h.options.Postgres {
		if err := h.startPostgres(ctx); err != nil {
			return err
		}
	}
	if err := h.startToxiproxy(ctx); err != nil {
		return err
	}
	if err := h.town.StartTemporal(ctx, "rehearsals"); err != nil {
		return err
	}
	p.Temporal, p.UI = h.town.Temporal, h.town.UI
	if err := h.startWorkers(ctx); err != nil {
		return err
	}
	h.story.Say("Temporal %s, UI %s, the shop %s", h.town.Temporal, h.town.UI, p.Way())
	return nil
}

// startToxiproxy puts a proxy on the way to the shop, one on the way to its
// database, and one into each lane.
func (h *hall) startToxiproxy(ctx context.Context) error {
	proxies := []string{"way=" + h.place.Front + "," + h.place.Shop}
	if h.options.Postgres {
		proxies = append(proxies, "orders="+h.place.Orders+","+h.place.Database)
	}
	for _, l := range h.place.Lanes {
		proxies = append(proxies, l.Name+"="+l.Front+","+l.Address)
	}
	toxiproxy, err := h.town.StartReady(ctx, "bakeoff-toxiproxy", "bakeoff-toxiproxy", proxies...)
	h.place.Toxiproxy = toxiproxy.Said("api")
	return err
}

// startWorkers starts the worker of the control plane, in such a way that a fault
// can bring it back, and that of rehearsals.
func (h *hall) startWorkers(ctx context.Context) error {
	h.place.ControlPID = h.file("control.pid")
	config := h.file("bakeoff-worker.yaml")
	h.place.ControlRestart = restart(h.place.ControlPID, h.file("logs/"+controlName+".log"), append([]string{h.town.Programs[town.WorkerName]}, serving(config, controlQueues)...))
	if err := texts.Write(config, "bakeoff-worker.yaml", h.place); err != nil {
		return err
	}
	if err := h.startControl(ctx); err != nil {
		return err
	}
	if err := os.WriteFile(h.place.ControlPID, []byte(strconv.Itoa(h.control.PID)+"\n"), 0o644); err != nil {
		return err
	}
	if h.options.Postgres {
		if err := os.WriteFile(h.place.DatabaseFile(), []byte(databaseURL(h.place.Database)+"\n"), 0o600); err != nil {
			return err
		}
	}
	config = h.file("rehearsals-worker.yaml")
	if err := texts.Write(config, "rehearsals-worker.yaml", h.place); err != nil {
		return err
	}
	return h.startStaff(ctx)
}

const controlQueues = "control,analysis,infra"

// serving are the arguments of a worker.
func serving(config, queues string) []string {
	return []string{"--config", config, "--listen", "127.0.0.1:0", "--queues", queues}
}

// startControl starts the worker that rolls out, or another one after it was killed.
func (h *hall) startControl(ctx context.Context) (err error) {
	h.control, err = h.town.StartReady(ctx, controlName, town.WorkerName, append(serving(h.file("bakeoff-worker.yaml"), controlQueues), "--register")...)
	return err
}

// startStaff starts the worker of rehearsals, or another one after it was killed.
func (h *hall) startStaff(ctx context.Context) (err error) {
	h.staff, err = h.town.StartReady(ctx, rehearsalsName, town.WorkerName, serving(h.file("rehearsals-worker.yaml"), "rehearsal")...)
	return err
}

// restart is the shell command that starts a program as it was started first, and
// notes its pid.
func restart(pidFile, log string, command []string) string {
	return fmt.Sprintf("echo $$ > '%s.new' && mv '%[1]s.new' '%[1]s' && exec '%s' >> '%s' 2>&1", pidFile, strings.Join(command, "' '"), log)
}

// writeSuite writes the rehearsals and what they practise.
func (h *hall) writeSuite() error {
	var errs []error
	dumps := map[string]dump{"shop.sql": {}, "selling.sql": {Sells: true}}
	for name, d := range dumps {
		errs = append(errs, texts.Write(h.file(name), "shop.sql", d))
	}
	for _, name := range []string{"suite", "shop", "queue", "way-back", "dead-worker", "good-release", "bad-release", "autoscaling"} {
		errs = append(errs, texts.Write(h.file(name+".yaml"), name+".yaml", h.place))
	}
	for _, c := range controls {
		c.place = h.place
		errs = append(errs, texts.Write(h.file(c.Name+".yaml"), "control.yaml", c))
	}
	for _, r := range []release{
		{Version: "1.1.0", Weight: "25%", Bake: "8s"},
		{Version: "1.2.0", Weight: "50%", Bake: "8s", Slip: "{SHOP_LOSES: 50%}"},
		{Version: "1.3.0", Weight: "50%", Bake: "8s", Slip: "{SHOP_ERRORS: 15%}"},
		{Version: "1.4.0", Weight: "50%", Bake: "8s", Slip: "{SHOP_DOUBLES: 50%}"},
		{Version: "1.5.0", Weight: "50%", Bake: "8s", Slip: "{SHOP_ALTERS: 50%}"},
	} {
		r.place = h.place
		errs = append(errs, texts.Write(h.file("release-"+r.Version+".yaml"), "release.yaml", r))
	}
	return errors.Join(errs...)
}

// release makes the first release of a service, which is not practised.
func (h *hall) release(ctx context.Context, service string) error {
	h.story.Say("$ bakeoff run %s.yaml", service)
	var r struct{ Outcome, Reason string }
	code, err := h.town.CLI.Result(ctx, func(string) {}, &r, "run", service+".yaml", "--reason", "the first release")
	if err == nil && code != 0 {
		err = fmt.Errorf("the first release of the %s: exit %d, %s: %s", service, code, r.Outcome, r.Reason)
	}
	return err
}

package demo

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
)

// end leaves everything running, with load from a process of its own, or stops it.
func (d *demo) end(err error, temporary bool) error {
	if d.options.Keep && err == nil {
		if err = d.keep(); err == nil {
			return nil
		}
	}
	d.stopLoad()
	d.say("stopping what was started")
	stopped := Stop(d.crew.dir)
	if err != nil || stopped != nil || !temporary {
		d.say("histories, specs and logs are in %s; for the links above: %s --db %s", d.crew.dir, d.programs["bakeoff-dev"], filepath.Join(d.crew.dir, databaseFile))
		return errors.Join(err, stopped)
	}
	d.say("links and files ended with it: make demo KEEP=1 leaves everything running")
	if err := os.RemoveAll(d.crew.dir); err != nil {
		return fmt.Errorf("remove the working directory: %w", err)
	}
	return nil
}

func (d *demo) keep() error {
	for _, s := range append([]site{d.shop}, d.branches...) {
		name := loadName
		if s.Unit != "" {
			name += "-" + s.Unit
		}
		if _, err := d.crew.start(name, d.programs["bakeoff-demo"], "--load", s.url(), "--rate", strconv.Itoa(s.rate)); err != nil {
			return err
		}
	}
	d.stopLoad()
	fmt.Fprintf(d.options.Out, `
Everything goes on running:
  Temporal UI  %s
  the shop     %s
  Temporal     %s
  files        %s (pids.json, logs/, releases/, evidence/)
Try it:
  cd %[4]s && . ./%[5]s
  bakeoff run releases/1.3.0.yaml --reason "once more"
  bakeoff run releases/fleet-1.1.0.yaml
Stop it:
  %[6]s --stop %[4]s
`, d.ui, d.shop.url(), d.temporal, d.crew.dir, variablesFile, d.programs["bakeoff-demo"])
	return nil
}

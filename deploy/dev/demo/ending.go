package demo

import (
	"errors"
	"fmt"
	"strconv"

	"bakeoff/deploy/dev/town"
)

// end leaves everything running, with load from a process of its own, or stops it.
func (d *demo) end(err error) error {
	if d.options.Keep && err == nil {
		if err = d.keep(); err == nil {
			return nil
		}
	}
	d.stopLoad()
	d.story.Say("stopping what was started")
	isThere, stopped := d.town.Close(err == nil)
	if isThere {
		d.story.Say("histories, specs and logs are in %s; for the links above: %s", d.town.Dir, d.town.Histories())
	} else {
		d.story.Say("links and files ended with it: make demo KEEP=1 leaves everything running")
	}
	return errors.Join(err, stopped)
}

func (d *demo) keep() error {
	for _, s := range append([]site{d.shop}, d.branches...) {
		name := loadName
		if s.Unit != "" {
			name += "-" + s.Unit
		}
		if _, err := d.town.Start(name, d.town.Programs["bakeoff-demo"], "--load", s.url(), "--rate", strconv.Itoa(s.rate)); err != nil {
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
`, d.town.UI, d.shop.url(), d.town.Temporal, d.town.Dir, town.VariablesFile, d.town.Programs["bakeoff-demo"])
	return nil
}

//go:build linux

package faults

import (
	"fmt"

	toxiproxy "github.com/Shopify/toxiproxy/v2/client"

	"bakeoff/rehearsal/fault"
)

// Impossible says why a fault could not begin on this machine, whenever it is tried:
// the field of it that is wrong, and why; "" where nothing is known against it. It
// knows proxies and processes, and changes nothing.
func (d *Driver) Impossible(f fault.Fault) (field, why string) {
	kind := f.Kind()
	if name := f.ProxyName(); name != "" {
		return kind + ".proxy", d.withoutProxy(name)
	}
	name, field := "", kind+".name"
	if x, is := processOf(f); is {
		name = x.Name
	} else if kind == fault.KindClock {
		name, field = f.Clock.Process, kind+".process"
	}
	if _, known := d.parameters.Processes[name]; name != "" && !known {
		return field, unknownProcess(name)
	}
	return "", ""
}

func (d *Driver) withoutProxy(name string) string {
	if d.parameters.Toxiproxy == "" {
		return noToxiproxy
	}
	all, err := toxiproxy.NewClient(d.parameters.Toxiproxy).Proxies()
	if err != nil {
		return fmt.Sprintf("Toxiproxy at %s does not tell its proxies: %v", d.parameters.Toxiproxy, err)
	}
	if _, found := all[name]; !found {
		return unknownProxy(d.parameters.Toxiproxy, name, all)
	}
	return ""
}

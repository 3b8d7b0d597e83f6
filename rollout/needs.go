package rollout

import (
	"fmt"
	"slices"
)

// Need is a release that must serve another target before this rollout starts, or
// several of which one is enough.
type Need struct {
	Target  string        `json:"target,omitempty"`  // environment/service[/unit]
	Version string        `json:"version,omitempty"` // default: the release's own
	Soaked  Duration      `json:"soaked,omitempty"`  // how long it must have served there
	Any     []Alternative `json:"any,omitempty"`     // instead of the above: one of the list is enough
}

// Alternative is one of several needs of which one is enough.
type Alternative struct {
	Target  string   `json:"target"`            // environment/service[/unit]
	Version string   `json:"version,omitempty"` // default: the release's own
	Soaked  Duration `json:"soaked,omitempty"`  // how long it must have served there
}

// OneOf are the alternatives of which one is enough: for a need of one target that
// target alone.
func (n Need) OneOf() []Alternative {
	if n.Any != nil {
		return n.Any
	}
	return []Alternative{{Target: n.Target, Version: n.Version, Soaked: n.Soaked}}
}

func (n Need) withDefaults(version string) Need {
	if n.Any == nil {
		n.Version = orElse(n.Version, version)
		return n
	}
	n.Any = slices.Clone(n.Any)
	for i := range n.Any {
		n.Any[i].Version = orElse(n.Any[i].Version, version)
	}
	return n
}

func (s Spec) validateNeeds(v *validation) {
	for i, need := range s.Needs {
		path := fmt.Sprintf("needs[%d]", i)
		if need.Any == nil {
			v.require(need.Target != "", path, "name a target, or `any`: several targets of which one is enough")
			s.validateNeed(v, path, need.OneOf()[0])
			continue
		}
		v.require(len(need.Any) > 0, path+".any", "lists nothing, so that nothing would ever be enough: name targets, of which one is")
		v.require(need.Target == "" && need.Version == "" && need.Soaked == 0, path, "`any` stands alone: target, version and soaked belong to each of its list")
		for j, one := range need.Any {
			at := fmt.Sprintf("%s.any[%d]", path, j)
			v.require(one.Target != "", at, "name a target")
			s.validateNeed(v, at, one)
			same := func(other Alternative) bool {
				return one.Target != "" && other.Target == one.Target && orElse(other.Version, s.Release.Version) == orElse(one.Version, s.Release.Version)
			}
			v.require(!slices.ContainsFunc(need.Any[:j], same), at, "%s is listed twice", one.Target)
		}
	}
}

// validateNeed says what is wrong with one target that is named.
func (s Spec) validateNeed(v *validation, path string, one Alternative) {
	if one.Target == "" {
		return
	}
	t, err := ParseTarget(one.Target)
	v.require(err == nil, path+".target", "%v", err)
	v.require(t != s.Key(), path+".target", "a rollout cannot wait for its own target")
	v.require(one.Soaked >= 0, path+".soaked", "must not be negative")
}

package main

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// rules are those of the configuration.
func (c *config) rules() activities.Rules {
	return activities.Rules{Roles: c.Roles, Permissions: c.Permissions, Approvals: c.Approvals}
}

// acts are what permissions may name.
func permissible() []string {
	return append(rollout.Commands(), activities.ActStart, activities.ActOverride, activities.ActRetryRefused,
		rollout.CommandStopTheLine, rollout.CommandStartTheLine)
}

// validatePeople says what is wrong with roles, permissions and approvals: a
// role that nobody has would lock everybody out.
func (c *config) validatePeople() []rollout.Problem {
	var out []rollout.Problem
	add := func(path, format string, args ...any) {
		out = append(out, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
	}
	known := func(path string, roles []string) {
		for i, role := range roles {
			if _, found := c.Roles[role]; !found && role != activities.Anyone {
				add(fmt.Sprintf("%s[%d]", path, i), "no such role: %q", role)
			}
		}
	}
	for role, members := range c.Roles {
		if role == activities.Anyone || len(members) == 0 {
			add("roles."+role, "a role of one's own needs members; anyone is everybody's")
		}
	}
	for environment, acts := range c.Permissions {
		for act, roles := range acts {
			path := fmt.Sprintf("permissions.%s.%s", environment, act)
			if !slices.Contains(permissible(), act) {
				add(path, "no such act: known are %s", strings.Join(permissible(), ", "))
			}
			known(path, roles)
		}
	}
	for environment, a := range c.Approvals {
		path := "approvals." + environment
		known(path+".from", a.From)
		if a.Quorum < 0 || a.Quorum > 1 && len(a.From) == 0 {
			add(path+".quorum", "a quorum of %d needs `from`: the roles that may vote", a.Quorum)
		}
		if a.Otherwise != "" && a.Otherwise != rollout.RuleRollback && a.Otherwise != rollout.RulePromote {
			add(path+".otherwise", "%q is not one of rollback, promote", a.Otherwise)
		}
	}
	return out
}

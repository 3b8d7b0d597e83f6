package main

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"bakeoff/activities"
	"bakeoff/rollout"
)

// rules are those of the configuration.
func (c *config) rules() activities.Rules {
	if c.ruled != nil {
		return *c.ruled
	}
	return activities.Rules{Roles: c.Roles, Members: c.Members, Permissions: c.Permissions, Approvals: c.Approvals, Signing: c.signing()}.Indexed()
}

// acts are what permissions may name.
func permissible() []string {
	return append(rollout.Commands(), activities.ActStart, activities.ActOverride, activities.ActRetryRefused, activities.ActRestore, activities.ActRehearse,
		rollout.CommandRollback, rollout.CommandStopTheLine, rollout.CommandStartTheLine)
}

// people finds what is wrong with roles, members, permissions and approvals.
type people struct {
	*config
	problems []rollout.Problem
}

// validatePeople says what is wrong with them: a role that nobody has would lock
// everybody out, and an approval that nobody can give every release.
func (c *config) validatePeople() []rollout.Problem {
	p := people{config: c}
	for role, members := range c.Roles {
		if role == activities.Anyone || len(members) == 0 {
			p.add("roles."+role, "a role of one's own needs members; anyone is everybody's")
		}
		for i, member := range members {
			if strings.TrimSpace(member) == "" {
				p.add(fmt.Sprintf("roles.%s[%d]", role, i), "the name of a member is blank: write who it is, or remove it")
			}
		}
	}
	p.checkMembers()
	for environment, acts := range c.Permissions {
		for act, roles := range acts {
			path := fmt.Sprintf("permissions.%s.%s", environment, act)
			if !slices.Contains(permissible(), act) {
				p.add(path, "no such act: known are %s", strings.Join(permissible(), ", "))
			}
			if len(roles) == 0 {
				p.add(path, "names no role: write anyone, or a role")
			}
			p.checkRoles(path, roles)
		}
	}
	for environment, a := range c.Approvals {
		p.checkApproval(environment, a)
	}
	return p.problems
}

func (p *people) add(path, format string, args ...any) {
	p.problems = append(p.problems, rollout.Problem{Path: path, Message: fmt.Sprintf(format, args...)})
}

func (p *people) checkRoles(path string, roles []string) {
	for i, role := range roles {
		p.checkRole(fmt.Sprintf("%s[%d]", path, i), role)
	}
}

func (p *people) checkRole(path, role string) {
	if _, found := p.Roles[role]; !found && role != activities.Anyone {
		p.add(path, "no such role: %q", role)
	}
}

// checkMembers requires that each name is one person's.
func (p *people) checkMembers() {
	whose := map[string]string{}
	for member := range p.Members {
		whose[strings.ToLower(member)] = member
	}
	for _, member := range slices.Sorted(maps.Keys(p.Members)) {
		for i, alias := range p.Members[member].Aliases {
			path, name := fmt.Sprintf("members.%s.aliases[%d]", member, i), strings.ToLower(strings.TrimSpace(alias))
			if other, taken := whose[name]; taken || name == "" {
				p.add(path, "%q is a name of %s already", alias, other)
			}
			whose[name] = member
		}
	}
}

// checkApproval requires that an approval can be given, whoever of those who may
// start the rollout does.
func (p *people) checkApproval(environment string, a activities.Approvals) {
	path, before := "approvals."+environment, len(p.problems)
	p.checkRoles(path+".from", a.From)
	for role := range a.Each {
		p.checkRole(path+".each."+role, role)
	}
	p.problems = append(p.problems, a.Asks().Validate(path)...)
	if len(p.problems) > before {
		return
	}
	if why := p.rules().Unfillable(environment, a); why != "" {
		p.add(path, "%s", why)
	}
}

package activities

import (
	"maps"
	"slices"
	"strings"
)

// isSame reports whether two names are the same: addresses differ in nothing but
// their case.
func isSame(a, b string) bool { return strings.EqualFold(strings.TrimSpace(a), strings.TrimSpace(b)) }

// member is whom a name is of, in small letters: the same for all names of one
// person. Somebody who is listed nowhere is a person of one name.
func (r Rules) member(name string) string {
	for member, known := range r.Members {
		if isSame(member, name) || slices.ContainsFunc(known.Aliases, func(alias string) bool { return isSame(alias, name) }) {
			return folded(member)
		}
	}
	return folded(name)
}

func folded(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// names are all that a person is known by: the one that was given first, then
// the member's as they are written in the configuration.
func (r Rules) names(actor string) []string {
	names := []string{actor}
	for member, known := range r.Members {
		if r.member(actor) == folded(member) {
			names = append(append(names, member), known.Aliases...)
		}
	}
	names = distinct(names)
	for _, role := range slices.Sorted(maps.Keys(r.Roles)) {
		for _, name := range r.Roles[role] {
			if r.isOne(name, actor) && !slices.Contains(names, name) {
				names = append(names, name)
			}
		}
	}
	return names
}

// distinct are the names in their order, each once.
func distinct(names []string) (out []string) {
	for _, name := range names {
		if !slices.Contains(out, name) {
			out = append(out, name)
		}
	}
	return out
}

// isOne reports whether two names are of one person.
func (r Rules) isOne(a, b string) bool { return r.member(a) == r.member(b) }

// has reports whether somebody is a member of one of the roles.
func (r Rules) has(roles []string, actor string) bool {
	for _, role := range roles {
		if role == Anyone || slices.ContainsFunc(r.Roles[role], func(name string) bool { return r.isOne(name, actor) }) {
			return true
		}
	}
	return false
}

// members are the people of the roles, each once; nil when anyone is among them.
func (r Rules) members(roles []string) []string {
	var out []string
	for _, role := range roles {
		if role == Anyone {
			return nil
		}
		for _, name := range r.Roles[role] {
			out = append(out, r.member(name))
		}
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// allNames are the people of the roles under every name; nil when anyone is
// among them.
func (r Rules) allNames(roles []string) []string {
	var out []string
	for _, member := range r.members(roles) {
		out = append(out, r.names(member)...)
	}
	slices.Sort(out)
	return slices.Compact(out)
}

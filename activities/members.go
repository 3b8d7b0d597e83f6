package activities

import (
	"maps"
	"slices"
	"strings"
)

// membership knows whose a name is, and who has a role, without looking through
// everybody: worker configurations may have thousands.
type membership struct {
	member map[string]string          // name → whose it is
	names  map[string][]string        // member → all names, as they are written
	roles  map[string]map[string]bool // role → members
}

// Indexed are the same rules, ready for many decisions. Roles and members must not
// be changed after it.
func (r Rules) Indexed() Rules {
	p := membership{member: map[string]string{}, names: map[string][]string{}, roles: map[string]map[string]bool{}}
	for _, member := range slices.Sorted(maps.Keys(r.Members)) {
		for _, name := range append([]string{member}, r.Members[member].Aliases...) {
			p.member[folded(name)] = folded(member)
			p.names[folded(member)] = append(p.names[folded(member)], name)
		}
	}
	for _, role := range slices.Sorted(maps.Keys(r.Roles)) {
		p.roles[role] = map[string]bool{}
		for _, name := range r.Roles[role] {
			member := p.whose(name)
			p.roles[role][member] = true
			if !slices.Contains(p.names[member], name) {
				p.names[member] = append(p.names[member], name)
			}
		}
	}
	r.membership = &p
	return r
}

// whose is the member whose a name is. Somebody who is listed nowhere is a person of
// one name.
func (p membership) whose(name string) string {
	if member, listed := p.member[folded(name)]; listed {
		return member
	}
	return folded(name)
}

// known are the people of the rules.
func (r Rules) known() membership {
	if r.membership == nil {
		return *r.Indexed().membership
	}
	return *r.membership
}

// member is whom a name is of, in small letters: the same for all names of one
// person.
func (r Rules) member(name string) string { return r.known().whose(name) }

// folded is what is compared of a name: addresses differ in nothing but their case.
func folded(name string) string { return strings.ToLower(strings.TrimSpace(name)) }

// names are all that a person is known by: the one that was given first, then
// the member's as they are written in the configuration.
func (r Rules) names(actor string) []string {
	p := r.known()
	return distinct(append([]string{actor}, p.names[p.whose(actor)]...))
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

// Has reports whether somebody has one of the roles, under whichever of their names.
func (r Rules) Has(roles []string, actor string) bool {
	p := r.known()
	member := p.whose(actor)
	return slices.ContainsFunc(roles, func(role string) bool { return role == Anyone || p.roles[role][member] })
}

// members are the people of the roles, each once; nil when anyone is among them.
func (r Rules) members(roles []string) []string {
	if slices.Contains(roles, Anyone) {
		return nil
	}
	all := map[string]bool{}
	for _, role := range roles {
		maps.Copy(all, r.known().roles[role])
	}
	return slices.Sorted(maps.Keys(all))
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

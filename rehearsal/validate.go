package rehearsal

import (
	"fmt"
	"regexp"
	"slices"
	"strings"

	"bakeoff/rehearsal/fault"
	"bakeoff/rollout"
)

// validation collects problems below a path, so that a person sees all of them
// at once.
type validation struct {
	path     string
	problems []rollout.Problem
}

func (v *validation) add(key, format string, args ...any) {
	path := v.path
	if key != "" && path != "" {
		path += "."
	}
	v.problems = append(v.problems, rollout.Problem{Path: path + key, Message: fmt.Sprintf(format, args...)})
}

func (v *validation) require(ok bool, key, format string, args ...any) {
	if !ok {
		v.add(key, format, args...)
	}
}

// areThere says which names there are: "are browse, slow", "are none".
func areThere[S ~string](names []S) string {
	if len(names) == 0 {
		return "are none"
	}
	text := "are " + string(names[0])
	for _, name := range names[1:] {
		text += ", " + string(name)
	}
	return text
}

var safeName = regexp.MustCompile(`^[A-Za-z0-9_-][A-Za-z0-9._-]*$`)

// longestName bounds names, in letters: they are parts of ids and of paths.
const longestName = 100

func (v *validation) name(value, key string) {
	v.require(len(value) <= longestName, key, "has %d letters: %d at most", len(value), longestName)
	v.require(value != "", key, "is missing")
	v.require(value == "" || safeName.MatchString(value), key, "%q needs letters, digits, '.', '_' or '-', and no dot in front", value)
}

// Validate says everything that is wrong with the manifest, its variables put in.
// While the rollout is only the name of a file, nothing is said of what depends on it.
func (m *Manifest) Validate() []rollout.Problem {
	filled := m.PutIn()
	if unknown := filled.NotPutIn(); len(unknown) > 0 { // what else is wrong follows from it
		return unknown
	}
	return filled.validate()
}

func (m *Manifest) validate() []rollout.Problem {
	v := validation{}
	v.require(m.Kind == Kind, "kind", "expected kind: %s", Kind)
	v.name(m.Name, "name")
	v.name(m.Environment, "environment")
	v.require(slices.Contains([]string{"", IsolationOwn, IsolationShared, IsolationProduction}, m.Isolation), "isolation",
		"%q is not one of own, shared, production", m.Isolation)
	m.validateProduction(&v)
	v.require(len(m.Load)+len(m.Faults)+len(m.Drills) > 0 || m.Outcome != "", "", "nothing would be practised: give drills, an outcome, load or faults")
	v.require(!m.Negative || len(m.Drills) > 0 || m.Outcome != "" || m.Scaling != nil, "negative", "a control has to be red because of what it practises: give drills, an outcome or scaling")
	v.require(slices.Contains([]rollout.Outcome{"", rollout.Promoted, rollout.RolledBack}, m.Outcome), "outcome", "%q is not one of Promoted, RolledBack", m.Outcome)
	m.validateQuotas(&v)
	v.problems = append(v.problems, m.Baseline.Problems("baseline")...)
	m.validateData(&v)
	m.validateLoad(&v)
	m.validateSignals(&v)
	if m.Scaling != nil {
		v.problems = append(v.problems, m.Scaling.Problems("scaling")...)
		v.require(len(m.Load) > 0, "scaling", "nothing would be scaled: give a load that needs more than replicas.min")
	}
	m.validateRollout(&v)
	for i, a := range m.Actions {
		v.require(a.Do != "" && a.Owner != "" && !a.Due.IsZero(), fmt.Sprintf("actions[%d]", i), "needs do, owner and due")
	}
	return v.problems
}

// validateProduction keeps what happens in production to a declared drill of the
// first step.
func (m *Manifest) validateProduction(v *validation) {
	if m.Isolation != IsolationProduction {
		v.require(m.ProductionDrill == "", "productionDrill", "is for isolation: production alone")
		return
	}
	v.require(m.ProductionDrill != "", "isolation", "a rehearsal does not touch production: for a drill of the first step there, say why in productionDrill")
	v.require(len(m.Load) == 0, "load", "production has users of its own: a drill there makes no load")
	v.require(len(m.Faults) == 0, "faults", "no faults are made in production")
	v.require(m.Outcome == "", "outcome", "a drill in production always goes back")
	for i, d := range m.Drills {
		v.require(d.From <= 1, fmt.Sprintf("drills[%d].from", i), "a drill in production goes no further than step 1")
	}
	for _, s := range m.Sets() {
		v.require(s.Into == nil, "isolation", "%s would replace rows in production: leave into out, or practise elsewhere", s.Name)
	}
}

// validateData looks at the sets; their names are unique together with those of
// the baseline.
func (m *Manifest) validateData(v *validation) {
	seen := map[string]bool{}
	for _, s := range m.Baseline.Data {
		seen[s.Name] = true
	}
	for i, set := range m.Data {
		path := fmt.Sprintf("data[%d]", i)
		v.problems = append(v.problems, set.Problems(path)...)
		v.require(set.Name == "" || !seen[set.Name], path+".name", "%q is the name of other data already", set.Name)
		seen[set.Name] = true
	}
}

func (m *Manifest) validateLoad(v *validation) {
	seen := map[string]bool{DuringDrills: true}
	unique := func(name, path string) {
		v.require(name == "" || !seen[name], path, "%q is the name of something else already", name)
		seen[name] = true
	}
	var keepAlive []string
	for i, l := range m.Load {
		path := fmt.Sprintf("load[%d]", i)
		unique(l.Name, path+".name")
		v.problems = append(v.problems, l.Problems(path)...)
		if *l.WithDefaults().KeepAlive {
			keepAlive = append(keepAlive, l.Name)
		}
	}
	for i, f := range m.Faults { // of two faults fault.Problems says it
		of := slices.IndexFunc(m.Faults[:i], func(g fault.Fault) bool { return g.Name == f.Name })
		if of < 0 {
			unique(f.Name, fmt.Sprintf("faults[%d].name", i))
		}
	}
	v.problems = append(v.problems, fault.Problems("faults", m.Faults)...)
	v.problems = append(v.problems, fault.KeepAliveProblems("faults", m.Faults, keepAlive)...)
}

// validateRollout looks at the spec, and at what refers to it.
func (m *Manifest) validateRollout(v *validation) {
	if m.Rollout.File != "" && m.Rollout.Service == "" {
		return
	}
	spec := m.Rollout.Spec
	if spec.Kind == "" && spec.Service == "" && spec.Environment == "" {
		v.add("rollout", "is missing: name the spec's file, or write the spec itself")
		return
	}
	wrong := spec.Validate()
	for _, p := range wrong {
		p.Path = "rollout." + p.Path
		v.problems = append(v.problems, p)
	}
	v.require(spec.Environment == "" || spec.Environment == m.Environment, "rollout.environment",
		"it goes to %s, and this is a rehearsal in %s: practise a spec whose target is there", spec.Environment, m.Environment)
	if len(wrong) > 0 {
		return
	}
	titles := map[string]bool{}
	title := func(name, path string) {
		v.require(!titles[name], path, "%q is expected twice: give one of them a name", name)
		titles[name] = true
	}
	for i, e := range m.Expect {
		path := fmt.Sprintf("expect[%d]", i)
		v.problems = append(v.problems, e.problems(path, *m)...)
		title(e.Title(), path)
	}
	m.validateHooks(v)
	m.validateProbes(v)
	for i, d := range m.Drills {
		path := fmt.Sprintf("drills[%d]", i)
		v.problems = append(v.problems, d.problems(path, *m)...)
		title(d.Title(), path)
	}
	if len(v.problems) == 0 {
		m.validateMoments(v)
	}
}

// validateHooks looks at the points at which hooks are called: a hook is there.
func (m *Manifest) validateHooks(v *validation) {
	_, uncalled := m.Rollout.Practised(nil)
	for i, at := range m.Hooks {
		path := fmt.Sprintf("hooks[%d]", i)
		known := slices.Contains(rollout.HookPoints(), at)
		v.require(known, path, "%q is not one of %s", at, strings.Join(rollout.HookPoints(), ", "))
		v.require(!known || slices.Contains(uncalled, at), path, "the rollout has no hook at %s", at)
	}
}

func (m Manifest) loadNames() []string {
	var out []string
	for _, l := range m.Load {
		out = append(out, l.Name)
	}
	return out
}

func (m Manifest) faultNames() []string {
	var out []string
	for _, f := range m.Faults {
		out = append(out, f.Name)
	}
	return out
}

// validateProbes looks at the probes, whose names are those of their criteria.
func (m *Manifest) validateProbes(v *validation) {
	seen := map[string]bool{}
	for i, p := range m.Probes {
		path := fmt.Sprintf("probes[%d]", i)
		v.problems = append(v.problems, p.Problems(path, *m)...)
		v.require(p.Name == "" || !seen[p.Name], path+".name", "%q is the name of another probe already", p.Name)
		seen[p.Name] = true
	}
}

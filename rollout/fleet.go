package rollout

import (
	"reflect"
	"time"
)

// FleetSpec is the same rollout over many units, as one decision: in which
// order the units take their turn, how many may fail, and what goes back then.
// Zero values mean the defaults of NewFleetPlan; Validate says what is wrong.
type FleetSpec struct {
	Kind        string `json:"kind"` // "Fleet"
	Service     string `json:"service"`
	Environment string `json:"environment"`
	Owner       string `json:"owner,omitempty"`   // who answers for it, and for its units
	Purpose     string `json:"purpose,omitempty"` // the hypothesis; recorded in history

	Units map[string]Spec     `json:"units"`           // by name: what differs from rollout
	Waves [][]string          `json:"waves,omitempty"` // units of a wave start together; this or after, default one wave
	After map[string][]string `json:"after,omitempty"` // unit → units that must be promoted before it begins; it begins as soon as they are

	MaxParallel   *int     `json:"maxParallel,omitempty"`   // units in progress at once, at least 1; default a whole wave
	Wait          Duration `json:"wait,omitempty"`          // between waves, or between a unit and what it comes after; default none
	FailureBudget int      `json:"failureBudget,omitempty"` // units that may fail before the fleet stops; default 0
	OnFailure     string   `json:"onFailure,omitempty"`     // all (default) | wave | unit: what goes back when the fleet stops
	Deadline      Duration `json:"deadline,omitempty"`      // the whole fleet; default what its units and waits may take, plus 1h

	Schedule *Schedule `json:"schedule,omitempty"` // when users may meet the release in any unit; default: from the start on, for good

	Rollout Spec `json:"rollout"` // of every unit; kind, service, environment and unit are the fleet's
}

// What goes back when more units have failed than may: all of them, those of
// the wave, or only those that failed.
const (
	OnFailureAll  = "all"
	OnFailureWave = "wave"
	OnFailureUnit = "unit"
)

// FleetOrder is the input of the Fleet workflow: the spec, and who wants it.
type FleetOrder struct {
	ID     string    `json:"id,omitempty"`
	Actor  string    `json:"actor,omitempty"`
	Reason string    `json:"reason,omitempty"`
	At     time.Time `json:"at,omitzero"`
	Spec   FleetSpec `json:"spec"`

	Wait     bool `json:"wait,omitempty"`     // as of an Order, for every unit
	Override bool `json:"override,omitempty"` // as of an Order, for every unit

	SpecDigest string `json:"specDigest,omitempty"` // as of an Order

	Statement string `json:"statement,omitempty"` // what was signed, to the byte
	Signature string `json:"signature,omitempty"` // of the statement: an armored OpenSSH signature
}

// UnitOrder is the order to start one unit's rollout. It is not signed: the
// fleet's was.
func (o FleetOrder) UnitOrder(unit, fleet string) Order {
	return Order{Actor: o.Actor, Reason: o.Reason, At: o.At, Spec: o.Spec.Unit(unit), Fleet: fleet, Wait: o.Wait, Override: o.Override}
}

// Key returns the target that the fleet is of: its service in its environment.
func (s FleetSpec) Key() Target { return Target{Environment: s.Environment, Service: s.Service} }

// Unit is the spec of one unit's rollout: what the unit says lies over what all
// units have. Mappings merge at every depth, lists and values replace; what is
// left empty replaces nothing. A unit that names a service of its own is that
// service, without a unit unless it names one, too. The result follows from the
// spec alone: reflection, which the checker of workflows fears, reads only it.
//
//workflowcheck:ignore
func (s FleetSpec) Unit(name string) Spec {
	own := s.Units[name]
	out := merged(reflect.ValueOf(s.Rollout), reflect.ValueOf(own)).Interface().(Spec)
	out.Kind, out.Environment = "Rollout", s.Environment
	if own.Service == "" || own.Service == s.Service {
		out.Service, out.Unit = s.Service, orElse(own.Unit, name)
	} else {
		out.Unit = own.Unit
	}
	out.Owner, out.Purpose = orElse(out.Owner, s.Owner), orElse(out.Purpose, s.Purpose)
	if begin := s.Schedule.Begin(); !begin.IsZero() { // its end is for the fleet: all units go back together
		out.Schedule = &Schedule{From: begin}
	}
	return out
}

// merged is base with everything that over says laid over it. Neither is
// changed.
func merged(base, over reflect.Value) reflect.Value {
	switch {
	case over.Kind() == reflect.Map && base.Len() > 0 && over.Len() > 0:
		return mergedTable(base, over)
	case over.Type() == reflect.TypeFor[time.Time]() && !over.IsZero():
		return over
	case over.Kind() == reflect.Struct && !over.IsZero():
		out := reflect.New(over.Type()).Elem()
		for i := range over.NumField() {
			out.Field(i).Set(merged(base.Field(i), over.Field(i)))
		}
		return out
	case over.Kind() == reflect.Pointer && !over.IsNil() && !base.IsNil() && over.Elem().Kind() == reflect.Struct:
		out := reflect.New(over.Type().Elem())
		out.Elem().Set(merged(base.Elem(), over.Elem()))
		return out
	case over.IsZero() || over.Kind() == reflect.Slice && over.Len() == 0:
		return base
	}
	return over
}

// mergedTable merges two mappings. A key that over has counts, whatever it says.
func mergedTable(base, over reflect.Value) reflect.Value {
	out := reflect.MakeMap(over.Type())
	for key, value := range base.Seq2() {
		out.SetMapIndex(key, value)
	}
	for key, value := range over.Seq2() {
		known := base.MapIndex(key)
		if known.IsValid() && isTable(known) && isTable(value) {
			value = merged(known.Elem(), value.Elem())
		}
		out.SetMapIndex(key, value)
	}
	return out
}

func isTable(v reflect.Value) bool {
	return v.Kind() == reflect.Interface && !v.IsNil() && v.Elem().Kind() == reflect.Map
}

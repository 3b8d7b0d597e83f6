package main

import (
	"fmt"
	"reflect"
	"sync/atomic"
)

// live is the configuration in force. It is read at every use, so that a new
// one serves the next act of every open rollout. Safe for concurrent use.
type live struct {
	path    string
	current atomic.Pointer[config]
}

// newLive loads the file for the first time; "" is the empty configuration.
func newLive(path string) (*live, error) {
	c, err := loadConfig(path)
	if err != nil {
		return nil, err
	}
	l := &live{path: path}
	l.current.Store(&c)
	return l, nil
}

// config returns the configuration in force. It must not be changed.
func (l *live) config() *config { return l.current.Load() }

// reload reads the file again. A wrong one is an error and changes nothing.
// The notes name what is new in the file but needs a restart.
func (l *live) reload() (notes []string, err error) {
	next, err := loadConfig(l.path)
	if err != nil {
		return nil, fmt.Errorf("the configuration stays as it was: %w", err)
	}
	if was := l.config(); reflect.DeepEqual(next, config{}) && !reflect.DeepEqual(*was, config{}) {
		return nil, fmt.Errorf("the configuration stays as it was: %s says nothing, and would take all permissions and limits away; to serve without any, start anew", l.path)
	}
	was := l.current.Swap(&next)
	if next.Listen != was.Listen {
		notes = append(notes, "listen needs a restart")
	}
	if !reflect.DeepEqual(next.Temporal, was.Temporal) {
		notes = append(notes, "temporal needs a restart")
	}
	if !reflect.DeepEqual(next.Tracing, was.Tracing) {
		notes = append(notes, "tracing needs a restart")
	}
	if !reflect.DeepEqual(next.Rehearsals.Faults, was.Rehearsals.Faults) {
		notes = append(notes, "rehearsals.faults needs a restart")
	}
	return notes, nil
}

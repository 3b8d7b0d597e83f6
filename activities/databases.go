package activities

import (
	"bytes"
	"context"
	"fmt"
	"strings"

	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Databases are those that the worker's configuration names, by name.
type Databases map[string]Database

// Problems says which sets are to go into a database that is not known here.
// The path is that of the list of sets.
func (d Databases) Problems(path string, sets []data.Set) []rollout.Problem {
	var out []rollout.Problem
	for i, s := range sets {
		if s.Into != nil && d[s.Into.Database] == nil {
			out = append(out, rollout.Problem{Path: fmt.Sprintf("%s[%d].into.database", path, i), Message: s.Into.Database + " is not known to this worker: name it in its configuration"})
		}
	}
	return out
}

// Restore puts sets, which have no Problems here, into their databases in their
// order, and asks there what could not be asked of their files. Repeating it is
// success.
func (d Databases) Restore(ctx context.Context, sets []data.Set, prepared []data.Prepared) error {
	for i, s := range sets {
		if s.Into == nil {
			continue
		}
		database, p := d[s.Into.Database], prepared[i]
		if err := database.Restore(ctx, *s.Into, p.Name, bytes.NewReader(p.Body)); err != nil {
			return fmt.Errorf("set %s: %w", s.Name, err)
		}
		if p.Format != data.SQL {
			continue
		}
		for _, c := range s.Checks {
			if err := database.Check(ctx, c.Table, []data.Check{c}); err != nil {
				return fmt.Errorf("set %s: %w", s.Name, err)
			}
		}
	}
	return nil
}

// Before reads the tables that must stay as they are, each once. Their names
// are database/table.
func (d Databases) Before(ctx context.Context, sets []data.Set) ([]evidence.Table, error) {
	var out []evidence.Table
	seen := map[string]bool{}
	for _, s := range sets {
		if s.Into == nil {
			continue
		}
		for _, table := range s.Into.Unchanged {
			name := s.Into.Database + "/" + table
			if seen[name] {
				continue
			}
			seen[name] = true
			digest, rows, err := d[s.Into.Database].Digest(ctx, table)
			if err != nil {
				return nil, err
			}
			out = append(out, evidence.Table{Name: name, Before: digest, Rows: rows})
		}
	}
	return out, nil
}

// After reads the tables of Before again.
func (d Databases) After(ctx context.Context, tables []evidence.Table) ([]evidence.Table, error) {
	out := make([]evidence.Table, len(tables))
	for i, t := range tables {
		name, table, _ := strings.Cut(t.Name, "/")
		database := d[name]
		if database == nil {
			return nil, fmt.Errorf("database %s is not known to this worker any more: name it in its configuration", name)
		}
		digest, _, err := database.Digest(ctx, table)
		if err != nil {
			return nil, err
		}
		t.After = digest
		out[i] = t
	}
	return out, nil
}

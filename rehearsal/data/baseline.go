package data

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"bakeoff/rollout"
)

// Baseline is what a rehearsal starts from, each part locked by its digest.
// What is not named is not locked.
type Baseline struct {
	Artifact       string     `json:"artifact,omitempty"`       // with its digest: registry/shop@sha256:…
	Config         string     `json:"config,omitempty"`         // sha256:…
	Flags          string     `json:"flags,omitempty"`          // sha256:… of the flags' state
	Infrastructure string     `json:"infrastructure,omitempty"` // sha256:… of its description
	Data           []Snapshot `json:"data,omitempty"`           // names are unique
}

// Problems says everything that is wrong with the lock.
func (b Baseline) Problems(path string) []rollout.Problem {
	var p problems
	if _, digest, locked := strings.Cut(b.Artifact, "@"); b.Artifact != "" {
		p.require(locked && digestForm.MatchString(digest), at(path, "artifact"), "%q is not locked: write it with @sha256: and 64 hexadecimal digits", b.Artifact)
	}
	for _, part := range []struct{ field, digest string }{{"config", b.Config}, {"flags", b.Flags}, {"infrastructure", b.Infrastructure}} {
		if part.digest != "" {
			p.digest(part.digest, at(path, part.field))
		}
	}
	var names []string
	for i, s := range b.Data {
		p = append(p, s.Problems(fmt.Sprintf("%s[%d]", at(path, "data"), i))...)
		names = append(names, s.Name)
	}
	for _, name := range repeated(names) {
		p.add(at(path, "data"), "%s is there twice", name)
	}
	return p
}

// Snapshot is data that was taken once and stays as it is.
type Snapshot struct {
	Name    string     `json:"name"`               // letters, digits, '.', '_' and '-'
	File    string     `json:"snapshot,omitempty"` // below the worker's folder of snapshots; .csv, .ndjson, .jsonl and .sql are understood
	Digest  string     `json:"digest,omitempty"`   // sha256:… of the file
	TakenAt *time.Time `json:"takenAt,omitempty"`  // RFC 3339; for the report of outdated snapshots
	Mask    []Mask     `json:"mask,omitempty"`     // fields whose values must not leave unmasked; csv and ndjson only
	Checks  []Check    `json:"checks,omitempty"`   // what must hold for the rows
	Into    *Into      `json:"into,omitempty"`     // where it is restored; default: it is only a file
}

// Into names a table of a database that the worker's configuration knows.
type Into struct {
	Database  string   `json:"database"`            // a name of the worker's configuration: the manifest holds no address
	Table     string   `json:"table,omitempty"`     // what csv fills; sql says it itself
	Unchanged []string `json:"unchanged,omitempty"` // tables that the rehearsal must leave unchanged, by digest
	After     string   `json:"after,omitempty"`     // what becomes of the table's rows in the end: keep (default) or restore, which puts back what it held before; csv only
}

// What becomes of rows after a rehearsal.
const (
	Kept     = "keep"
	Restored = "restore"
)

// Problems says everything that is wrong with the snapshot and can be seen
// without it.
func (s Snapshot) Problems(path string) []rollout.Problem {
	var p problems
	p.name(s.Name, at(path, "name"))
	p.require(s.File != "", at(path, "snapshot"), "is missing: name a file")
	p.require(local(s.File), at(path, "snapshot"), "%q leads out of the folder of snapshots", s.File)
	p.digest(s.Digest, at(path, "digest"))
	p = append(p, s.rowProblems(path, FormatOf(s.File))...)
	return p
}

// rowProblems is Problems of what a format must allow.
func (s Snapshot) rowProblems(path, format string) []rollout.Problem {
	var p problems
	var fields []string
	for i, m := range s.Mask {
		p = append(p, m.Problems(fmt.Sprintf("%s[%d]", at(path, "mask"), i))...)
		fields = append(fields, m.Field)
	}
	for _, field := range repeated(fields) {
		p.add(at(path, "mask"), "%s is there twice", field)
	}
	p.require(len(s.Mask) == 0 || format == CSV || format == NDJSON, at(path, "mask"), "only rows of csv and ndjson can be masked")
	for i, c := range s.Checks {
		p = append(p, c.Problems(fmt.Sprintf("%s[%d]", at(path, "checks"), i))...)
		p.require(format != SQL || s.Into != nil && c.Table != "", fmt.Sprintf("%s[%d]", at(path, "checks"), i),
			"of sql is asked in the database: it needs a table, and the snapshot needs into")
	}
	p.require(len(s.Checks) == 0 || format != "", at(path, "checks"), "cannot be asked of this file: only of csv, ndjson and sql")
	if s.Into == nil {
		return p
	}
	p.require(s.Into.Database != "", at(path, "into.database"), "is missing: name one of the worker's configuration")
	p.require(format == CSV || format == SQL, at(path, "into"), "only csv and sql can be restored")
	p.require(format != CSV || s.Into.Table != "", at(path, "into.table"), "is missing: csv fills one table")
	for i, table := range s.Into.Unchanged {
		p.require(table != "", fmt.Sprintf("%s[%d]", at(path, "into.unchanged"), i), "is empty: name a table")
	}
	p.require(slices.Contains([]string{"", Kept, Restored}, s.Into.After), at(path, "into.after"), "%q is not one of keep, restore", s.Into.After)
	p.require(s.Into.After != Restored || format == CSV, at(path, "into.after"), "only csv, which fills one table, can be taken back: of sql nobody knows what it changes")
	p.require(format != SQL || s.Into.Table == "", at(path, "into.table"), "cannot be said of sql: the file says it itself")
	return p
}

// local reports whether a path stays below its folder.
func local(path string) bool {
	if strings.HasPrefix(path, "/") || strings.ContainsAny(path, "\\\x00") {
		return false
	}
	for part := range strings.SplitSeq(path, "/") {
		if part == ".." {
			return false
		}
	}
	return true
}

// Set is data that a rehearsal gets: made from a template, or a snapshot.
type Set struct {
	Snapshot
	Template       string `json:"template,omitempty"`       // a file below the worker's folder of rehearsals
	TemplateDigest string `json:"templateDigest,omitempty"` // sha256:… of that file; digest is of what it generates
	Rows           int    `json:"rows,omitempty"`           // of a template: instead of the template's own number
}

// Problems says everything that is wrong with the set.
func (s Set) Problems(path string) []rollout.Problem {
	if s.Template == "" {
		p := problems(s.Snapshot.Problems(path))
		p.require(s.Rows == 0, at(path, "rows"), "a snapshot has the rows that it has")
		p.require(s.TemplateDigest == "", at(path, "templateDigest"), "is only for templates")
		return p
	}
	var p problems
	p.name(s.Name, at(path, "name"))
	p.require(s.File == "", at(path, "template"), "cannot stand beside snapshot")
	p.require(local(s.Template), at(path, "template"), "%q leads out of the folder of the manifest", s.Template)
	p.require(s.Rows >= 0 && s.Rows <= MaxRows, at(path, "rows"), "%d is not from 1 to %d", s.Rows, MaxRows)
	p.require(s.TakenAt == nil, at(path, "takenAt"), "is only for snapshots")
	p.require(len(s.Mask) == 0, at(path, "mask"), "is not needed: what is made from a template is nobody's")
	if s.Digest != "" {
		p.digest(s.Digest, at(path, "digest"))
	}
	if s.TemplateDigest != "" {
		p.digest(s.TemplateDigest, at(path, "templateDigest"))
	}
	return append(p, s.rowProblems(path, CSV)...)
}

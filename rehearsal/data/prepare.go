package data

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
	"bakeoff/rollout"
)

// Sources is where the files of a manifest come from.
type Sources struct {
	Read   func(file, digest string) ([]byte, error)                    // a template or a snapshot: where several have the name, the one of that digest
	Parse  func(file string, body []byte) (Template, []rollout.Problem) // a template, strictly
	Masker func() (*Masker, error)                                      // asked for only where something is marked
}

// Prepared is a set as the rehearsal uses it, and where it is from.
type Prepared struct {
	File
	Into  *Into
	Input evidence.Input
}

// SetError is what is wrong with one of several sets.
type SetError struct {
	Set   int    // from 0
	Field string // of the set; "": all of it
	err   error
}

// Error is what is wrong.
func (e *SetError) Error() string { return e.err.Error() }

// Unwrap is what is wrong.
func (e *SetError) Unwrap() error { return e.err }

// Prepare verifies and masks the snapshots among the sets of a manifest, which
// have no Problems, and makes the others in their order: a template may refer
// to the sets before it, as they are used. Nothing is returned unless all of it
// could be proved.
func Prepare(seed int64, sets []Set, from Sources) ([]Prepared, error) {
	out := make([]Prepared, len(sets))
	for i, s := range sets {
		if s.Template != "" {
			continue
		}
		var err error
		if out[i], err = from.take(s.Snapshot); err != nil {
			return nil, &SetError{i, fieldOf(err, "snapshot"), err}
		}
	}
	if err := from.mask(out); err != nil {
		return nil, err
	}
	tables := Tables{}
	for i, s := range sets {
		var err error
		if s.Template != "" {
			if out[i], err = from.make(seed, s, tables); err != nil {
				return nil, &SetError{i, fieldOf(err, "template"), err}
			}
		}
		if f := out[i].File; f.hasRows() {
			if tables[s.Name], err = ReadTable(f.Name, f.Format, bytes.NewReader(f.Body)); err != nil {
				return nil, &SetError{i, "", err}
			}
		}
	}
	return out, nil
}

// fieldOf is the field that an error is about: digest, or another one.
func fieldOf(err error, otherwise string) string {
	var changed digestError
	if errors.As(err, &changed) {
		return "digest"
	}
	return otherwise
}

// digestError is a set that is not what was locked.
type digestError string

func (e digestError) Error() string { return string(e) }

func (f File) hasRows() bool { return f.Format == CSV || f.Format == NDJSON }

// take reads and verifies a snapshot.
func (from Sources) take(s Snapshot) (Prepared, error) {
	body, err := from.Read(s.File, s.Digest)
	if err != nil {
		return Prepared{}, fmt.Errorf("snapshot %s: %w", s.Name, err)
	}
	rows, err := Verify(s, body)
	if err != nil {
		return Prepared{}, err
	}
	return Prepared{
		File:  File{Name: s.File, Format: FormatOf(s.File), Body: body, Marks: s.Mask},
		Into:  s.Into,
		Input: evidence.Input{Name: s.Name, Source: s.File, Digest: s.Digest, SourceSum: s.Digest, Rows: rows, TakenAt: s.TakenAt},
	}, nil
}

// mask masks the snapshots, together: what one hides must not be in another.
func (from Sources) mask(sets []Prepared) error {
	var files []File
	var of []int // the place of each file among the sets
	marked := false
	for i, p := range sets {
		if p.Name == "" { // it is yet to be made
			continue
		}
		if p.hasRows() {
			if err := p.Unmarked(); err != nil {
				return &SetError{i, "mask", err}
			}
		}
		files, of = append(files, p.File), append(of, i)
		marked = marked || slices.ContainsFunc(p.Marks, func(m Mask) bool { return m.As != AsKeep })
	}
	if !marked {
		return nil
	}
	masker, err := from.Masker()
	if err != nil {
		return fmt.Errorf("the key for masks: %w", err)
	}
	masked, err := masker.Files(files)
	if err != nil {
		return err
	}
	for k, i := range of {
		sets[i].File = masked[k]
		sets[i].Input.Digest = Digest(masked[k].Body)
		for _, mark := range masked[k].Marks {
			sets[i].Input.Steps = append(sets[i].Input.Steps, mark.String())
		}
	}
	return nil
}

// make makes a set from its template, and holds it to its digest and checks.
func (from Sources) make(seed int64, s Set, tables Tables) (Prepared, error) {
	source, err := from.Read(s.Template, s.TemplateDigest)
	if err != nil {
		return Prepared{}, fmt.Errorf("template of %s: %w", s.Name, err)
	}
	if is := Digest(source); s.TemplateDigest != "" && is != s.TemplateDigest {
		return Prepared{}, fmt.Errorf("template of %s: %s is not what was locked: its digest is %s, and the manifest says %s", s.Name, s.Template, is, s.TemplateDigest)
	}
	t, wrong := from.Parse(s.Template, source)
	if len(wrong) > 0 {
		return Prepared{}, fmt.Errorf("template of %s: %s", s.Name, told(wrong))
	}
	if s.Into != nil && t.format() != CSV {
		return Prepared{}, fmt.Errorf("set %s: only csv can be put into a table, and template %s makes %s", s.Name, t.Name, t.format())
	}
	var body bytes.Buffer
	made, err := Generate(&body, t, Draw{Seed: seed, Set: s.Name, Rows: s.Rows, Tables: tables})
	if err != nil {
		return Prepared{}, err
	}
	if s.Digest != "" && s.Digest != made.Digest {
		return Prepared{}, digestError(fmt.Sprintf("set %s: its digest is %s, and the manifest says %s: the template, the seed or what it refers to was changed", s.Name, made.Digest, s.Digest))
	}
	f := File{Name: s.Name + "." + t.format(), Format: t.format(), Body: body.Bytes()}
	if _, err := CheckRows(f, s.Checks); err != nil {
		return Prepared{}, err
	}
	steps := []string{fmt.Sprintf("template %s v%d, seed %d", t.Name, t.Version, seed)}
	for _, r := range t.Rare {
		steps = append(steps, "rare "+r.Name+": "+counted(made.Rare[r.Name]))
	}
	return Prepared{File: f, Into: s.Into, Input: evidence.Input{
		Name: s.Name, Source: s.Template, Digest: made.Digest, Rows: made.Rows, Steps: steps, SourceSum: Digest(source)}}, nil
}

// counted is a number of rows.
func counted(rows int) string {
	if rows == 1 {
		return "1 row"
	}
	return fmt.Sprintf("%d rows", rows)
}

func told(wrong []rollout.Problem) string {
	texts := make([]string, len(wrong))
	for i, p := range wrong {
		texts[i] = p.String()
	}
	return strings.Join(texts, "; ")
}

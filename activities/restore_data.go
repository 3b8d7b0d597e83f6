package activities

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"go.temporal.io/sdk/temporal"

	"bakeoff/rehearsal"
	"bakeoff/rehearsal/data"
	"bakeoff/rehearsal/evidence"
)

// RestoreDataInput asks for the data of a run to be put into its databases.
type RestoreDataInput struct {
	Run      string             `json:"run"`
	Manifest rehearsal.Manifest `json:"manifest"`
}

// RestoreDataOutput is empty.
type RestoreDataOutput struct{}

// RestoreData puts data into the databases that the manifest names, and holds
// their tables to its checks. Repeating it is success.
func (a *Activities) RestoreData(ctx context.Context, in RestoreDataInput) (RestoreDataOutput, error) {
	defer keepAlive(ctx)()
	writing, done := unlessFrozen(ctx, a.now)
	defer done()
	for _, set := range in.Manifest.Sets() {
		if set.Into == nil {
			continue
		}
		if err := a.restoreSet(writing, in.Run, set); err != nil {
			return RestoreDataOutput{}, asTemporal("restore "+set.Name, err)
		}
	}
	return RestoreDataOutput{}, nil
}

func (a *Activities) restoreSet(ctx context.Context, run string, set data.Set) error {
	database, err := a.Practice.database(set.Into.Database)
	if err != nil {
		return err
	}
	name := inputName(set)
	from, err := a.Archive.Open(ctx, run, name)
	if err != nil {
		return err
	}
	defer func() { _ = from.Close() }() // it was only read
	if set.Into.After == data.Restored {
		if err := a.keepRows(ctx, run, set, database); err != nil {
			return err
		}
	}
	if err := database.Restore(ctx, *set.Into, name, from); err != nil {
		return err
	}
	tables := map[string][]data.Check{}
	for _, c := range set.Checks {
		table := c.Table
		if table == "" {
			table = set.Into.Table
		}
		tables[table] = append(tables[table], c)
	}
	for _, table := range slices.Sorted(maps.Keys(tables)) {
		if err := database.Check(ctx, table, tables[table]); err != nil {
			return err
		}
	}
	return nil
}

// keptRows is what a table held before a set went into it, by its digest. It is
// written before anything is replaced: without it nothing was.
type keptRows struct {
	Digest string `json:"digest"`
}

// keptName is the file of a run that says what the table of a set held before.
func keptName(set data.Set) string { return "kept/" + set.Name + ".json" }

// keepRows keeps what the table of a set holds, and notes its digest.
func (a *Activities) keepRows(ctx context.Context, run string, set data.Set, database Database) error {
	copies, can := database.(Copies)
	if !can {
		return fmt.Errorf("database %s keeps no copies: leave into.after out: %w", set.Into.Database, ErrFinal)
	}
	kept, err := a.keptRows(ctx, run, set)
	if err != nil {
		return err
	}
	digest, err := copies.Keep(ctx, run, set.Into.Table, kept.Digest)
	if err != nil || kept.Digest != "" {
		return err
	}
	body, err := json.Marshal(keptRows{Digest: digest})
	if err != nil {
		return err
	}
	return a.keep(ctx, run, keptName(set), body)
}

// keptRows reads what keepRows noted; nothing where it did not come so far.
func (a *Activities) keptRows(ctx context.Context, run string, set data.Set) (kept keptRows, err error) {
	from, err := a.Archive.Open(ctx, run, keptName(set))
	if errors.Is(err, ErrNotFound) {
		return kept, nil
	}
	if err != nil {
		return kept, err
	}
	defer func() { _ = from.Close() }() // it was only read
	if err := json.NewDecoder(from).Decode(&kept); err != nil {
		return kept, fmt.Errorf("read %s: %w", keptName(set), err)
	}
	return kept, nil
}

// PutDataBackInput asks for the tables to be as they were before RestoreData.
type PutDataBackInput struct {
	Run      string             `json:"run"`
	Manifest rehearsal.Manifest `json:"manifest"`
}

// PutDataBackOutput is empty.
type PutDataBackOutput struct{}

// PutDataBack puts back what the tables held that the manifest wants to be as they
// were, however far RestoreData came. One that cannot be put back keeps none of the
// others. Repeating it is success, and helps while a table may yet be put back.
func (a *Activities) PutDataBack(ctx context.Context, in PutDataBackInput) (PutDataBackOutput, error) {
	defer keepAlive(ctx)()
	writing, done := unlessFrozen(ctx, a.now)
	defer done()
	var again, final error
	for _, set := range in.Manifest.PutBack() {
		err := a.putBack(writing, in.Run, set)
		if err == nil {
			continue
		}
		into := &again
		if errors.Is(err, ErrFinal) {
			into = &final
		}
		*into = errors.Join(*into, fmt.Errorf("put back %s/%s: %w", set.Into.Database, set.Into.Table, err))
	}
	if again == nil && final != nil {
		return PutDataBackOutput{}, temporal.NewNonRetryableApplicationError(final.Error(), "Final", nil)
	}
	return PutDataBackOutput{}, errors.Join(again, final)
}

func (a *Activities) putBack(ctx context.Context, run string, set data.Set) error {
	database, err := a.Practice.database(set.Into.Database)
	if err != nil {
		return err
	}
	copies, can := database.(Copies)
	if !can {
		return nil // keepRows refused it
	}
	kept, err := a.keptRows(ctx, run, set)
	if err != nil {
		return err
	}
	return copies.PutBack(ctx, run, set.Into.Table, kept.Digest)
}

// inputName is the file of a set among those of the run.
func inputName(set data.Set) string {
	format := data.FormatOf(set.File)
	if set.Template != "" {
		format = data.CSV
	}
	return "data/" + set.Name + extension(format)
}

// ReadTablesInput asks for the digests of tables.
type ReadTablesInput struct {
	Tables []rehearsal.Table `json:"tables"`
}

// ReadTablesOutput is them, in the same order.
type ReadTablesOutput struct {
	Tables []evidence.Table `json:"tables"` // with the digest as Before
}

// ReadTables reads what tables hold, as digests.
func (a *Activities) ReadTables(ctx context.Context, in ReadTablesInput) (ReadTablesOutput, error) {
	defer keepAlive(ctx)()
	var out ReadTablesOutput
	for _, t := range in.Tables {
		database, err := a.Practice.database(t.Database)
		if err != nil {
			return out, asTemporal("read table "+t.Table, err)
		}
		digest, rows, err := database.Digest(ctx, t.Table)
		if err != nil {
			return out, asTemporal("read table "+t.Table, err)
		}
		out.Tables = append(out.Tables, evidence.Table{Name: t.Database + "/" + t.Table, Before: digest, Rows: rows})
	}
	return out, nil
}

// database is one of the worker's configuration.
func (p Practice) database(name string) (Database, error) {
	if p.Database == nil {
		return nil, fmt.Errorf("database %s is not known here: name it in rehearsals.databases: %w", name, ErrFinal)
	}
	return p.Database(name)
}

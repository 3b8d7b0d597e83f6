package temporald

import (
	"context"
	stdsql "database/sql"
	"errors"
	"fmt"
	"maps"
	"net/url"
	"path/filepath"
	"time"

	commonpb "go.temporal.io/api/common/v1"
	enumspb "go.temporal.io/api/enums/v1"
	"go.temporal.io/server/common/config"
	"go.temporal.io/server/common/log"
	"go.temporal.io/server/common/metrics"
	"go.temporal.io/server/common/persistence/serialization"
	"go.temporal.io/server/common/persistence/sql"
	"go.temporal.io/server/common/persistence/sql/sqlplugin"
	sqliteplugin "go.temporal.io/server/common/persistence/sql/sqlplugin/sqlite"
	"go.temporal.io/server/common/primitives"
	"go.temporal.io/server/common/resolver"
	"go.temporal.io/server/schema/sqlite"
	"google.golang.org/protobuf/types/known/durationpb"
)

// Memory as [Options].Database keeps nothing. The memory is given back when the
// process ends, not by Stop, because Temporal's SQLite plugin keeps connections.
const Memory = ":memory:"

// retention is how long closed workflows stay readable.
const retention = 7 * 24 * time.Hour

// database is the one store for history and visibility.
type database struct {
	sql    *config.SQL
	path   string       // as the caller wrote it
	unlock func() error // nil in memory
}

// openDatabase locks the database, creates what it lacks (schema, namespace,
// search attributes) and returns it. All of it is done before a server runs on
// it, so that no cache of the server can hold an older namespace.
func openDatabase(ctx context.Context, path, namespace string) (*database, error) {
	d := &database{path: path}
	if path == Memory {
		d.sql = memoryConfig()
	} else {
		file, err := filepath.Abs(path)
		if err != nil {
			return nil, fmt.Errorf("finding database %s: %w", path, err)
		}
		if d.unlock, err = lock(file + "-lock"); err != nil {
			return nil, fmt.Errorf("locking database %s, is another server using it?: %w", path, err)
		}
		d.sql = fileConfig(file)
	}
	if err := d.prepare(ctx, namespace); err != nil {
		return nil, errors.Join(fmt.Errorf("preparing database %s: %w", path, err), d.close())
	}
	return d, nil
}

func (d *database) prepare(ctx context.Context, namespace string) error {
	if err := d.createSchema(); err != nil {
		return err
	}
	return d.ensureNamespace(ctx, namespace)
}

// memoryConfig has a name of its own, because databases in memory are shared by
// name within a process.
func memoryConfig() *config.SQL {
	return &config.SQL{
		PluginName:        sqliteplugin.PluginName,
		DatabaseName:      primitives.NewUUID().String(),
		ConnectAttributes: map[string]string{"mode": "memory", "cache": "shared"},
	}
}

// fileConfig uses a write-ahead log with synchronous=normal: a killed process
// loses nothing, a power cut at most the last moments, and no commit waits for
// the disk. The file name is escaped because the plugin makes a URI of it.
func fileConfig(file string) *config.SQL {
	return &config.SQL{
		PluginName:   sqliteplugin.PluginName,
		DatabaseName: (&url.URL{Path: file}).EscapedPath(),
		ConnectAttributes: map[string]string{
			"mode":         "rwc",
			"journal_mode": "wal",
			"synchronous":  "normal",
			"busy_timeout": "5000", // for people who look into the file meanwhile
		},
	}
}

// createSchema creates the tables of an empty database, all or none: a start
// that is killed half-way must not leave a file that no later start can use.
func (d *database) createSchema() (err error) {
	admin, err := d.admin()
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, admin.Close()) }()
	tables, err := admin.ListTables(d.sql.DatabaseName)
	if err != nil {
		return fmt.Errorf("listing tables: %w", err)
	}
	if len(tables) > 0 {
		return nil
	}
	// The plugin has a single connection, so the transaction spans the calls.
	if err := admin.Exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("beginning schema: %w", err)
	}
	if err := sqlite.SetupSchemaOnDB(admin); err != nil {
		return errors.Join(fmt.Errorf("creating schema: %w", err), admin.Exec("ROLLBACK"))
	}
	if err := admin.Exec("COMMIT"); err != nil {
		return fmt.Errorf("committing schema: %w", err)
	}
	return nil
}

func (d *database) admin() (sqlplugin.AdminDB, error) {
	admin, err := sql.NewSQLAdminDB(sqlplugin.DbKindUnknown, d.sql, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return nil, fmt.Errorf("connecting: %w", err)
	}
	return admin, nil
}

// ensureNamespace creates the namespace where it is missing and adds the search
// attributes that it lacks.
func (d *database) ensureNamespace(ctx context.Context, name string) (err error) {
	fresh, err := sqlite.NewNamespaceConfig(clusterName, name, false, nil)
	if err != nil {
		return fmt.Errorf("describing namespace %s: %w", name, err)
	}
	fresh.Detail.Config.Retention = durationpb.New(retention)
	if err := sqlite.CreateNamespaces(d.sql, fresh); err != nil {
		return fmt.Errorf("creating namespace %s: %w", name, err)
	}
	db, err := sql.NewSQLDB(sqlplugin.DbKindMain, d.sql, resolver.NewNoopResolver(), log.NewNoopLogger(), metrics.NoopMetricsHandler)
	if err != nil {
		return fmt.Errorf("connecting: %w", err)
	}
	defer func() { err = errors.Join(err, db.Close()) }()
	rows, err := db.SelectFromNamespace(ctx, sqlplugin.NamespaceFilter{Name: &name})
	if err == nil && len(rows) != 1 {
		err = stdsql.ErrNoRows
	}
	if err != nil {
		return fmt.Errorf("reading namespace %s: %w", name, err)
	}
	if err := addSearchAttributes(ctx, db, rows[0]); err != nil {
		return fmt.Errorf("adding search attributes to namespace %s: %w", name, err)
	}
	return nil
}

// addSearchAttributes rewrites the row of a namespace where it lacks attributes.
// For SQL visibility an attribute is an alias, in the namespace, for a column.
func addSearchAttributes(ctx context.Context, db sqlplugin.DB, row sqlplugin.NamespaceRow) error {
	encoding, err := enumspb.EncodingTypeFromString(row.DataEncoding)
	if err != nil {
		return err
	}
	codec := serialization.NewSerializer()
	detail, err := codec.NamespaceDetailFromBlob(&commonpb.DataBlob{Data: row.Data, EncodingType: encoding})
	if err != nil {
		return err
	}
	old := detail.GetConfig().GetCustomSearchAttributeAliases()
	aliases, err := withAliases(old, SearchAttributes)
	if err != nil || maps.Equal(old, aliases) {
		return err
	}
	detail.Config.CustomSearchAttributeAliases = aliases
	blob, err := codec.NamespaceDetailToBlob(detail)
	if err != nil {
		return err
	}
	row.Data, row.DataEncoding = blob.GetData(), blob.GetEncodingType().String()
	_, err = db.UpdateNamespace(ctx, &row)
	return err
}

// close moves the write-ahead log into the file, so that the file alone is the
// whole database, and lets other processes use it.
func (d *database) close() error {
	if d.unlock == nil {
		return nil
	}
	err := d.checkpoint()
	if err != nil {
		err = fmt.Errorf("closing database %s: %w", d.path, err)
	}
	return errors.Join(err, d.unlock())
}

func (d *database) checkpoint() error {
	admin, err := d.admin()
	if err != nil {
		return err
	}
	return errors.Join(admin.Exec("PRAGMA wal_checkpoint(TRUNCATE)"), admin.Close())
}

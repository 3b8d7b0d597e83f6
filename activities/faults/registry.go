//go:build linux

package faults

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"bakeoff/activities"
	"bakeoff/rehearsal/evidence"
)

// Who ended a fault.
const (
	byRehearsal = "rehearsal" // Remove
	byStop      = "stop"      // RemoveAll
	byExpiry    = "expiry"
	byWorker    = "worker"  // the worker that injected it was gone
	byFailure   = "failure" // it could not be brought into force
	byOthers    = "others"  // it was gone before its time
)

// record is a fault in the registry.
type record struct {
	Order     activities.FaultOrder `json:"order"`
	API       string                `json:"api,omitempty"`    // of Toxiproxy
	Listen    string                `json:"listen,omitempty"` // host of the stand-in
	Undo      undo                  `json:"undo"`
	StartedAt *time.Time            `json:"startedAt,omitempty"` // it was seen to be in force
	EndedAt   *time.Time            `json:"endedAt,omitempty"`   // it was seen to be gone
	Earlier   []evidence.Stretch    `json:"earlier,omitempty"`   // when it was in force before it was begun again
	By        string                `json:"by,omitempty"`
	Closed    bool                  `json:"closed,omitempty"` // removed by an order: not to be injected again
	Error     string                `json:"error,omitempty"`
	file      string
}

// inForce is when the fault was in force, as far as that has ended.
func (r record) inForce() []evidence.Stretch {
	if r.StartedAt == nil || r.EndedAt == nil {
		return r.Earlier
	}
	return append(slices.Clone(r.Earlier), evidence.Stretch{From: *r.StartedAt, To: *r.EndedAt})
}

// undo is what is needed to take the fault away; what its kind does not need is nil.
type undo struct {
	Proxy   *proxyBefore   `json:"proxy,omitempty"`
	Process *processBefore `json:"process,omitempty"`
	File    *fileBefore    `json:"file,omitempty"`
	Disk    *diskBefore    `json:"disk,omitempty"`
}

// registry is the directory.
type registry struct{ dir string }

// key names the files of a fault, and all that it makes elsewhere.
func key(id string) string {
	sum := sha256.Sum256([]byte(id))
	return hex.EncodeToString(sum[:8])
}

func (r registry) file(id string) string { return filepath.Join(r.dir, key(id)+".json") }

// list reads every record.
func (r registry) list() ([]record, error) {
	files, err := filepath.Glob(filepath.Join(r.dir, "*.json"))
	errs := []error{err}
	var out []record
	for _, file := range files {
		each, err := load(file)
		if err != nil && !errors.Is(err, activities.ErrNotFound) {
			errs = append(errs, err)
		} else if err == nil {
			out = append(out, each)
		}
	}
	return out, errors.Join(errs...)
}

// load reads a record; ErrNotFound where there is none.
func load(file string) (record, error) {
	r := record{file: file}
	body, err := os.ReadFile(file)
	if errors.Is(err, fs.ErrNotExist) {
		return r, fmt.Errorf("%s: %w", file, activities.ErrNotFound)
	}
	if err == nil {
		err = json.Unmarshal(body, &r)
	}
	if err != nil {
		return r, fmt.Errorf("read the registration of a fault: %s: %w", file, err)
	}
	return r, nil
}

// save replaces the record: afterwards the disk holds the old one or the new
// one, whatever crashes. It is called under the record's lock.
func (r record) save() error {
	body, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	if err := replace(r.file, r.sibling(".tmp"), append(body, '\n'), 0o600); err != nil {
		return fmt.Errorf("register fault %s: %w", r.Order.Fault.Name, err)
	}
	return nil
}

// sibling is another file of the same fault.
func (r record) sibling(suffix string) string { return strings.TrimSuffix(r.file, ".json") + suffix }

// replace writes a file by way of another one in the same folder, down to the disk.
func replace(file, tmp string, body []byte, mode fs.FileMode) error {
	return replaceAs(file, tmp, body, mode, func(*os.File) error { return nil })
}

// replaceAs is replace, with something that has to be done to the new file before
// it takes the place of the old one.
func replaceAs(file, tmp string, body []byte, mode fs.FileMode, as func(*os.File) error) error {
	f, err := os.OpenFile(tmp, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, mode)
	if err != nil {
		return err
	}
	_, err = f.Write(body)
	if err = errors.Join(err, as(f), f.Sync(), f.Close()); err == nil {
		err = os.Rename(tmp, file)
	}
	if err != nil {
		return errors.Join(err, os.Remove(tmp))
	}
	return syncFolder(filepath.Dir(file))
}

func syncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(folder.Sync(), folder.Close())
}

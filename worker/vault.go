package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	"bakeoff/activities"
)

// vault keeps raw windows in the directory that the configuration names now.
// Without one it keeps nothing and says so with an empty place.
type vault struct {
	live *live
}

var _ activities.Vault = vault{}

// Put writes the body to a file of that name, whole or not at all. The same
// body again is success. Another body under a name that is taken, as from a
// window that was watched twice because its first result was lost, is kept
// beside it with its digest in the name: evidence is never overwritten.
func (v vault) Put(_ context.Context, name string, body []byte) (string, error) {
	directory := v.live.config().Evidence.Directory
	if directory == "" {
		return "", nil
	}
	if !filepath.IsLocal(name) {
		return "", fmt.Errorf("keep evidence: %q is not a name of a file: %w", name, activities.ErrFinal)
	}
	file := filepath.Join(directory, name)
	kept, err := os.ReadFile(file)
	if err == nil && !bytes.Equal(kept, body) {
		file = fmt.Sprintf("%s.%x", file, sha256.Sum256(body))
		kept, err = os.ReadFile(file)
	}
	if err == nil && bytes.Equal(kept, body) {
		return file, nil
	}
	if err := write(file, body); err != nil {
		return "", fmt.Errorf("keep evidence: %w", err)
	}
	return file, nil
}

// write creates a file so that it is never seen half written.
func write(file string, body []byte) error {
	if err := os.MkdirAll(filepath.Dir(file), 0o750); err != nil {
		return err
	}
	temporary, err := os.CreateTemp(filepath.Dir(file), ".writing-*")
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(temporary.Name()) }() // already gone when all went well
	_, err = temporary.Write(body)
	if err == nil {
		err = temporary.Sync()
	}
	if err = errors.Join(err, temporary.Close()); err != nil {
		return err
	}
	return os.Rename(temporary.Name(), file)
}

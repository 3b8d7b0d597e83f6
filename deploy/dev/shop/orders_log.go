package shop

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"sync"
	"syscall"
)

// orderLog keeps orders in a file to which every process appends. A record has
// a line break before it, so that one that was torn by a crash spoils no other.
type orderLog struct {
	mu   sync.Mutex
	file *os.File
	read int64              // how much of the file the index knows
	kept map[string][]Order // by id
}

var _ Orders = (*orderLog)(nil)

func openLog(path string) (*orderLog, error) {
	if err := os.MkdirAll(filepath.Dir(path), 0o750); err != nil {
		return nil, fmt.Errorf("make the folder of orders: %w", err)
	}
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return nil, fmt.Errorf("open the orders: %w", err)
	}
	return &orderLog{file: f, kept: map[string][]Order{}}, nil
}

// locked calls a function while no other process reads or writes: a record is
// seen whole or not at all.
func (l *orderLog) locked(how int, f func() error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if err := syscall.Flock(int(l.file.Fd()), how); err != nil {
		return fmt.Errorf("lock the orders: %w", err)
	}
	return errors.Join(f(), syscall.Flock(int(l.file.Fd()), syscall.LOCK_UN))
}

// append writes a record and waits until it is on disk. Several may wait for
// one turn of the disk.
func (l *orderLog) append(record []byte) error {
	err := l.locked(syscall.LOCK_EX, func() error {
		_, err := l.file.Write(record)
		return err
	})
	if err == nil {
		err = l.file.Sync()
	}
	if err != nil {
		return fmt.Errorf("keep an order: %w", err)
	}
	return nil
}

// Add implements [Orders].
func (l *orderLog) Add(_ context.Context, o Order) error {
	record, err := json.Marshal(o)
	if err != nil {
		return fmt.Errorf("keep an order: %w", err)
	}
	return l.append(append([]byte("\n"), record...))
}

// Find implements [Orders]. It reads what was appended since it was last asked.
func (l *orderLog) Find(_ context.Context, id string) (o Order, copies int, err error) {
	err = l.locked(syscall.LOCK_SH, func() error {
		added, err := io.ReadAll(io.NewSectionReader(l.file, l.read, 1<<62))
		if err != nil {
			return fmt.Errorf("read the orders: %w", err)
		}
		l.read += int64(len(added))
		for line := range bytes.Lines(added) {
			var o Order
			if json.Unmarshal(line, &o) == nil { // else it is empty, or torn
				l.kept[o.ID] = append(l.kept[o.ID], o)
			}
		}
		if found := l.kept[id]; len(found) > 0 {
			o, copies = found[0], len(found)
		}
		return nil
	})
	return o, copies, err
}

// Ready implements [Orders]: it writes an empty line.
func (l *orderLog) Ready(context.Context) error { return l.append([]byte("\n")) }

// Close implements [Orders].
func (l *orderLog) Close() error { return l.file.Close() }

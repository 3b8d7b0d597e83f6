//go:build linux

package faults

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"bakeoff/activities"
)

// hold is written where somebody removed every fault, and wants none to begin.
type hold struct {
	At    time.Time `json:"at"`
	Until time.Time `json:"until"`
}

func (r registry) holdFile() string { return filepath.Join(r.dir, "hold") }

// HoldBack lets no fault begin on this machine until a moment, whoever asks for it.
// Together with RemoveAll, which is to follow, it leaves none in force: a fault asks
// once more after it was registered.
func (d *Driver) HoldBack(until time.Time) error {
	body, err := json.Marshal(hold{At: *now(), Until: until.UTC().Round(time.Second)})
	if err == nil {
		err = replace(d.registry.holdFile(), d.registry.holdFile()+".tmp", append(body, '\n'), 0o600)
	}
	if err != nil {
		return fmt.Errorf("hold faults back: %w", err)
	}
	return nil
}

// Allow lets faults begin again. Where they may, that is success.
func (d *Driver) Allow() error {
	if err := os.Remove(d.registry.holdFile()); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("allow faults: %w", err)
	}
	return nil
}

// HeldBack says why no fault may begin on this machine now; "" when they may.
func (d *Driver) HeldBack() (string, error) {
	body, err := os.ReadFile(d.registry.holdFile())
	if errors.Is(err, fs.ErrNotExist) {
		return "", nil
	}
	var h hold
	if err == nil {
		err = json.Unmarshal(body, &h)
	}
	if err != nil { // somebody did not want any: that is not to be guessed away
		return "", fmt.Errorf("read whether faults are held back: %s: %w", d.registry.holdFile(), err)
	}
	if !time.Now().Before(h.Until) {
		return "", nil
	}
	return fmt.Sprintf("all faults of this machine were removed at %s, and none begins before %s: bakeoff-worker allow-faults lets them",
		h.At.Format(time.RFC3339), h.Until.Format(time.RFC3339)), nil
}

// unlessHeldBack fails where no fault may begin.
func (d *Driver) unlessHeldBack() error {
	why, err := d.HeldBack()
	if err == nil && why != "" {
		err = fmt.Errorf("%s: %w", why, activities.ErrFinal)
	}
	return err
}

package activities

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// Decode reads a driver's parameters into its own struct, by JSON names. An
// unknown name or a wrong type is an error that names it.
func (w With) Decode(into any) error {
	body, err := json.Marshal(w)
	if err != nil {
		return fmt.Errorf("read parameters: %w", err)
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(into); err != nil {
		return fmt.Errorf("read parameters: %w", err)
	}
	return nil
}

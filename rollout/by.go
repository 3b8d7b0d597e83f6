package rollout

import (
	"encoding/json"
	"fmt"
)

// MarshalJSON writes a label as a string and a pair of matchers as an object.
func (b By) MarshalJSON() ([]byte, error) {
	if b.Label != "" {
		return json.Marshal(b.Label)
	}
	type pair By
	return json.Marshal(pair(b))
}

// UnmarshalJSON reads what MarshalJSON writes.
func (b *By) UnmarshalJSON(data []byte) error {
	*b = By{}
	if len(data) > 0 && data[0] == '"' {
		return json.Unmarshal(data, &b.Label)
	}
	type pair By
	if err := json.Unmarshal(data, (*pair)(b)); err != nil {
		return fmt.Errorf("by: expected a label name or {baseline: …, candidate: …}: %w", err)
	}
	return nil
}

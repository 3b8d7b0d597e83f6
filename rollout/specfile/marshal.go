package specfile

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// Marshal writes a spec as YAML that Parse reads back as the same spec. Fields
// stand in the order of rollout.Spec, those that are not set are left out.
func Marshal(s rollout.Spec) ([]byte, error) {
	var body bytes.Buffer
	enc := json.NewEncoder(&body)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil {
		return nil, fmt.Errorf("write spec: %w", err)
	}
	dec := json.NewDecoder(&body)
	dec.UseNumber()
	w := writer{tokens: dec}
	if err := w.value("", false); err != nil {
		return nil, fmt.Errorf("write spec: %w", err)
	}
	return append(bytes.TrimPrefix(w.out.Bytes(), []byte("\n")), '\n'), nil
}

// writer turns a stream of JSON tokens into YAML, which keeps their order.
type writer struct {
	tokens *json.Decoder
	out    bytes.Buffer
}

// value writes the next value: a scalar in the line that is open, anything
// else in lines of its own below it. The fields of a list's item begin in the
// line of its dash.
func (w *writer) value(indent string, item bool) error {
	token, err := w.tokens.Token()
	if err != nil {
		return err
	}
	switch t := token.(type) {
	case json.Delim:
		return w.block(t, indent, item && t == '{')
	case string:
		w.out.WriteString(" " + text(t))
	case nil:
		w.out.WriteString(" null")
	default: // bool or json.Number
		fmt.Fprintf(&w.out, " %v", t)
	}
	return nil
}

func (w *writer) block(open json.Delim, indent string, sameLine bool) error {
	empty := true
	for ; w.tokens.More(); empty = false {
		if sameLine && empty {
			w.out.WriteString(" ")
		} else {
			w.out.WriteString("\n" + indent)
		}
		if open == '[' {
			w.out.WriteString("-")
		} else {
			key, err := w.tokens.Token()
			if err != nil {
				return err
			}
			w.out.WriteString(text(key.(string)) + ":")
		}
		if err := w.value(indent+"  ", open == '['); err != nil {
			return err
		}
	}
	if empty {
		w.out.WriteString(map[json.Delim]string{'{': " {}", '[': " []"}[open])
	}
	_, err := w.tokens.Token() // the closing one
	if err == io.EOF {
		return io.ErrUnexpectedEOF
	}
	return err
}

// Text that every YAML reader takes for text without quotes.
var (
	simple   = regexp.MustCompile(`^[A-Za-z/][A-Za-z0-9 _./@+-]*[A-Za-z0-9_./@+-]$|^[A-Za-z]$|^[0-9]+\.[0-9]+\.[0-9]+$|^[0-9.]+(%|ns|µs|ms|[smhd])+$`)
	reserved = []string{"true", "false", "null", "yes", "no", "on", "off", "y", "n"}
)

// text writes a string plainly where that is safe, else in double quotes: a
// JSON string is YAML, too.
func text(s string) string {
	if simple.MatchString(s) && !slices.Contains(reserved, strings.ToLower(s)) {
		return s
	}
	var quoted bytes.Buffer
	enc := json.NewEncoder(&quoted)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(s); err != nil { // no string fails
		return `""`
	}
	return strings.TrimSuffix(quoted.String(), "\n")
}

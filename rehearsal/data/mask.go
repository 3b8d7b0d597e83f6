package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"bakeoff/rollout"
)

// How a field is masked.
const (
	AsText  = "text"  // each letter a letter, each digit a digit, the rest kept
	AsEmail = "email" // the same of each side of the @; the last label of the domain stays
	AsCard  = "card"  // digits, valid by Luhn's rule where the original was
	AsBlank = "blank" // letters become x, digits 0: for free text that nobody needs
	AsKeep  = "keep"  // stays as it is, and is not searched for what others hid: on the author's word
)

// Mask marks one field whose values must not leave unmasked.
type Mask struct {
	Field string `json:"field"`           // a column of CSV, a top-level name of NDJSON
	As    string `json:"as,omitempty"`    // text (default), email, card, blank or keep
	Class string `json:"class,omitempty"` // fields of one class have the same mask for the same value, in every file; default: the value of as
}

// Problems says everything that is wrong with the mark.
func (m Mask) Problems(path string) []rollout.Problem {
	var p problems
	p.require(m.Field != "", at(path, "field"), "is missing")
	p.require(slices.Contains([]string{"", AsText, AsEmail, AsCard, AsBlank, AsKeep}, m.As), at(path, "as"), "%q is not one of text, email, card, blank, keep", m.As)
	return p
}

// way is how the field is masked, with the default written out.
func (m Mask) way() string {
	if m.As == "" {
		return AsText
	}
	return m.As
}

// String reads "mask email as email".
func (m Mask) String() string {
	if m.As == AsKeep {
		return "keep " + m.Field
	}
	return "mask " + m.Field + " as " + m.way()
}

// leastKey is the shortest key, in bytes. It is the worker's, and never in a
// manifest.
const leastKey = 16

// Masker masks values with a key. It is safe for concurrent use.
type Masker struct {
	key []byte
}

// NewMasker returns the masker of a key of at least 16 bytes. A short key
// could be found by trying.
func NewMasker(key []byte) (*Masker, error) {
	if len(key) < leastKey {
		return nil, fmt.Errorf("the key for masks has %d bytes: at least %d", len(key), leastKey)
	}
	return &Masker{slices.Clone(key)}, nil
}

// Value masks one value. It keeps what the value looks like, and the same value
// of a class gets the same mask, whatever its case and separators. Different
// values of a class get different masks, apart from those that are so few that
// nearly all of them occur. No mask is the value itself, unless there is no
// letter and no digit in it.
func (m *Masker) Value(mark Mask, value string) string {
	class := mark.Class
	if class == "" {
		class = mark.way()
	}
	switch mark.way() {
	case AsKeep:
		return value
	case AsBlank:
		return strings.Map(blank, value)
	case AsEmail:
		return m.email(class, value)
	case AsCard:
		return m.card(class, value)
	}
	return m.text(class, value)
}

// Cell masks one cell. A list, an object or a boolean cannot be masked; null
// and nothing stay.
func (m *Masker) Cell(mark Mask, c Cell) (Cell, error) {
	switch {
	case mark.As == AsKeep, c.Empty():
		return c, nil
	case c.Kind == Raw:
		return c, errors.New("a list, an object or a boolean cannot be masked: mark text and numbers, or say as: keep")
	case c.Kind == Number && mark.As == AsBlank:
		c.Text = "0"
	case c.Kind == Number: // the exponent is no digit of the value
		digits, exponent := c.Text, ""
		if i := strings.IndexAny(digits, "eE"); i >= 0 {
			digits, exponent = digits[:i], digits[i:]
		}
		c.Text = m.Value(mark, digits) + exponent
	default:
		c.Text = m.Value(mark, c.Text)
	}
	return c, nil
}

// Copy writes the rows of a file with its marked fields masked. A marked field
// that no row has is an error: it was likely written wrongly.
func (m *Masker) Copy(to *Writer, from *Reader, marks []Mask) error {
	seen := map[string]bool{}
	for {
		row, err := from.Next()
		if errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			return err
		}
		for i, c := range row.Cells {
			k := slices.IndexFunc(marks, func(mark Mask) bool { return mark.Field == c.Column })
			if k < 0 {
				continue
			}
			seen[c.Column] = true
			if row.Cells[i], err = m.Cell(marks[k], c); err != nil {
				return fmt.Errorf("%s:%d: column %s: %w", from.file, row.Line, c.Column, err)
			}
		}
		if err := to.Write(row); err != nil {
			return fmt.Errorf("write what is masked of %s: %w", from.file, err)
		}
	}
	for _, mark := range marks {
		if !seen[mark.Field] && !slices.Contains(from.Columns, mark.Field) {
			return fmt.Errorf("%s: there is no field %s to mask", from.file, mark.Field)
		}
	}
	return to.Flush()
}

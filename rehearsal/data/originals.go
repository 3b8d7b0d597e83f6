package data

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"unicode"
)

const (
	// certain is how many letters and digits make a value that is found inside
	// other text: shorter ones occur there by chance.
	certain = 6
	// least is how many letters and digits, a letter among them, make a value
	// that is found as a word of its own.
	least = 3
	// shown bounds how many places an error names.
	shown = 10
)

// Originals are the values of marked fields before they were masked. They are
// looked for in what is to leave. Case and separators make no difference.
type Originals struct {
	where   map[string]string // value → the field that it is of
	lengths map[string][]int  // the first bytes of values → how long the values with them are
}

// NewOriginals returns an empty collection.
func NewOriginals() *Originals {
	return &Originals{where: map[string]string{}, lengths: map[string][]int{}}
}

// Collect takes the values of the marked fields of a file.
func (o *Originals) Collect(from *Reader, marks []Mask) error {
	for {
		row, err := from.Next()
		if errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		for _, mark := range marks {
			if c, there := row.Cell(mark.Field); there && mark.As != AsKeep && !c.Empty() {
				o.add(plain(c.Text), from.file+", field "+mark.Field)
			}
		}
	}
}

func (o *Originals) add(value, field string) {
	long := len(value) >= certain
	word := len(value) >= least && strings.ContainsFunc(value, unicode.IsLetter)
	if !long && !word || strings.Trim(value, "x0") == "" || o.where[value] != "" {
		return
	}
	o.where[value] = field
	if long {
		head := value[:certain]
		if !slices.Contains(o.lengths[head], len(value)) {
			o.lengths[head] = append(o.lengths[head], len(value))
		}
	}
}

// plain is a value without case and separators.
func plain(s string) string {
	return strings.Map(func(c rune) rune {
		if unicode.IsLetter(c) || unicode.IsDigit(c) {
			return unicode.ToLower(c)
		}
		return -1
	}, s)
}

// find returns the field of which a text holds a value; "": of none.
func (o *Originals) find(text string) string {
	whole := plain(text)
	if field := o.where[whole]; field != "" {
		return field
	}
	if field := o.findInside(whole); field != "" {
		return field
	}
	for word := range strings.FieldsFuncSeq(text, func(c rune) bool { return !unicode.IsLetter(c) && !unicode.IsDigit(c) }) {
		if field := o.where[strings.ToLower(word)]; field != "" {
			return field
		}
	}
	return ""
}

// findInside returns the field of which a plain text holds a long value.
func (o *Originals) findInside(whole string) string {
	for i := 0; i+certain <= len(whole); i++ {
		for _, n := range o.lengths[whole[i:i+certain]] {
			if i+n <= len(whole) && o.where[whole[i:i+n]] != "" {
				return o.where[whole[i:i+n]]
			}
		}
	}
	return ""
}

// Check compares a file with what it was made from, row by row: no marked field
// may be what it was, and no other column may hold a value of any marked field
// of any file. A field that is kept is not looked at. The error names files,
// lines and columns, and none of the values.
func (o *Originals) Check(before, after *Reader, marks []Mask) error {
	var leaks []string
	for {
		was, err := before.Next()
		is, errAfter := after.Next()
		if errors.Is(err, io.EOF) && errors.Is(errAfter, io.EOF) {
			break
		} else if err = errors.Join(err, errAfter); err != nil {
			return fmt.Errorf("compare %s with what was masked: %w", before.file, err)
		}
		for _, c := range is.Cells {
			if field := o.leak(was, c, marks); field != "" {
				leaks = append(leaks, fmt.Sprintf("%s:%d: column %s holds an unmasked value of %s", after.file, is.Line, c.Column, field))
			}
		}
	}
	return leaving(leaks)
}

// leaving is the error of the places where unmasked values are.
func leaving(leaks []string) error {
	if n := len(leaks); n > shown {
		leaks = append(leaks[:shown], fmt.Sprintf("and %d more", n-shown))
	}
	if len(leaks) > 0 {
		return fmt.Errorf("unmasked values would leave: %s", strings.Join(leaks, "; "))
	}
	return nil
}

// leak returns the field of which a cell holds a value; "": of none.
func (o *Originals) leak(was Row, c Cell, marks []Mask) string {
	i := slices.IndexFunc(marks, func(m Mask) bool { return m.Field == c.Column })
	if i < 0 {
		return o.find(c.Text)
	}
	original, there := was.Cell(c.Column)
	value := plain(original.Text)
	if marks[i].As == AsKeep || !there || original.Empty() || strings.Trim(value, "x0") == "" {
		return ""
	}
	if value == plain(c.Text) || len(value) >= certain && strings.Contains(plain(c.Text), value) {
		return "the same field"
	}
	return ""
}

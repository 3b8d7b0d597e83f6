package data

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"unicode"
)

// File is one file of rows, in memory.
type File struct {
	Name   string // for errors
	Format string // csv or ndjson; any other is searched, and left as it is
	Body   []byte
	Marks  []Mask
}

// Digest is the digest of bytes: "sha256:" and 64 hexadecimal digits.
func Digest(body []byte) string {
	sum := sha256.Sum256(body)
	return "sha256:" + hex.EncodeToString(sum[:])
}

func (f File) reader() (*Reader, error) {
	return NewReader(f.Name, f.Format, bytes.NewReader(f.Body))
}

// Files masks files and proves it: every value of a marked field of any file is
// looked for in all of them, also in those without rows. Without that proof it returns nothing.
func (m *Masker) Files(files []File) ([]File, error) {
	originals := NewOriginals()
	masked := make([]File, len(files))
	for i, f := range files {
		if masked[i] = f; !f.hasRows() {
			continue
		}
		from, err := f.reader()
		if err != nil {
			return nil, err
		}
		if err := originals.Collect(from, f.Marks); err != nil {
			return nil, err
		}
		if err := f.Unmarked(); err != nil {
			return nil, err
		}
		if masked[i], err = m.file(f); err != nil {
			return nil, err
		}
	}
	for i, f := range files {
		if err := originals.prove(f, masked[i]); err != nil {
			return nil, err
		}
	}
	return masked, nil
}

// prove looks for originals in what a file has become.
func (o *Originals) prove(was, is File) error {
	if !is.hasRows() {
		return o.Search(is)
	}
	before, err := was.reader()
	if err != nil {
		return err
	}
	after, err := is.reader()
	if err != nil {
		return err
	}
	return o.Check(before, after, was.Marks)
}

func (m *Masker) file(f File) (File, error) {
	from, err := f.reader()
	if err != nil {
		return File{}, err
	}
	var out bytes.Buffer
	to, err := NewWriter(&out, f.Format, from.Columns)
	if err != nil {
		return File{}, err
	}
	err = m.Copy(to, from, f.Marks)
	f.Body = out.Bytes()
	return f, err
}

// Unmarked refuses a file with a column that is not marked, and of which most
// values are e-mail addresses or valid card numbers: somebody forgot it. Of a csv
// it refuses marks of columns that are not there, too: somebody wrote them wrongly.
func (f File) Unmarked() error {
	from, err := f.reader()
	if err != nil {
		return err
	}
	for _, m := range f.Marks {
		if f.Format == CSV && !slices.Contains(from.Columns, m.Field) {
			return fmt.Errorf("%s: there is no field %s to mask: there are %s", f.Name, m.Field, strings.Join(from.Columns, ", "))
		}
	}
	looks := map[string]map[string]int{} // column → as, or "": how many values
	for {
		row, err := from.Next()
		if errors.Is(err, io.EOF) {
			return f.forgotten(looks)
		} else if err != nil {
			return err
		}
		for _, c := range row.Cells {
			if c.Empty() || slices.ContainsFunc(f.Marks, func(m Mask) bool { return m.Field == c.Column }) {
				continue
			}
			if looks[c.Column] == nil {
				looks[c.Column] = map[string]int{}
			}
			looks[c.Column][looksLike(c.Text)]++
		}
	}
}

func (f File) forgotten(looks map[string]map[string]int) error {
	for _, column := range sortedKeys(looks) {
		n := looks[column]
		for as, what := range map[string]string{AsEmail: "e-mail addresses", AsCard: "card numbers"} {
			if 2*n[as] > n[AsEmail]+n[AsCard]+n[""] {
				return fmt.Errorf("%s: field %s holds %s and is not marked: mask it with as: %s, or say as: keep", f.Name, column, what, as)
			}
		}
	}
	return nil
}

var email = regexp.MustCompile(`^[^\s@"{}\[\]]+@[^\s@"{}\[\]]+\.[A-Za-z]{2,}$`)

// looksLike returns how a value should be masked that is what it looks like:
// email, card, or "".
func looksLike(s string) string {
	switch {
	case email.MatchString(s):
		return AsEmail
	case likeCard(s):
		return AsCard
	}
	return ""
}

// likeCard: 13 to 19 digits that begin as those of the large networks do.
func likeCard(s string) bool {
	digits := plain(s)
	return len(digits) >= 13 && len(digits) <= 19 && strings.ContainsRune("3456", rune(digits[0])) &&
		!strings.ContainsFunc(digits, unicode.IsLetter) && validCard(digits)
}

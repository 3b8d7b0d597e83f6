package signature

import (
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"golang.org/x/crypto/ssh"
)

// Allowed is what an allowed_signers file says: which keys may sign for whom.
type Allowed []entry

// entry is one line: a key, the principals that it is of, and what restricts it.
type entry struct {
	principals    string // a list of patterns
	key           ssh.PublicKey
	namespaces    string    // a list of patterns; "": any
	after, before time.Time // zero: not restricted
}

// Read reads an allowed_signers file.
func Read(path string) (Allowed, error) {
	text, err := os.ReadFile(path)
	if err != nil {
		return nil, fmt.Errorf("read the allowed signers: %w", err)
	}
	a, err := Parse(string(text))
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return a, nil
}

// Parse reads the text of an allowed_signers file: a line for each key,
// `principals [options] keytype base64 [comment]`, as `man ssh-keygen` says. What
// it does not know is an error, which names the line: an option that were passed
// over could be one that restricts. Without any key it is an error, too.
func Parse(text string) (Allowed, error) {
	var out Allowed
	number := 0
	for line := range strings.Lines(text) {
		number++
		line = strings.TrimSpace(line)
		if line == "" || strings.HasPrefix(line, "#") {
			continue
		}
		e, err := parseLine(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		out = append(out, e)
	}
	if len(out) == 0 {
		return nil, errors.New("no key stands in it")
	}
	return out, nil
}

func parseLine(line string) (entry, error) {
	principals, rest, found := cutWord(line)
	if !found {
		return entry{}, errors.New("expected principals, options and a key")
	}
	e := entry{principals: principals}
	key, _, options, _, err := ssh.ParseAuthorizedKey([]byte(rest))
	if err != nil {
		return e, fmt.Errorf("no public key stands after the principals: %w", err)
	}
	e.key = key
	for _, option := range options {
		if err := e.restrict(option); err != nil {
			return e, err
		}
	}
	if !e.after.IsZero() && !e.before.IsZero() && !e.before.After(e.after) {
		return e, errors.New("valid-before is not later than valid-after: the key is never valid, so set another time or take the line out")
	}
	return e, nil
}

// cutWord takes the first word of a line; one in quotes may hold blanks.
func cutWord(line string) (word, rest string, found bool) {
	if quoted, ok := strings.CutPrefix(line, `"`); ok {
		word, rest, found = strings.Cut(quoted, `"`)
	} else if i := strings.IndexAny(line, " \t"); i > 0 {
		word, rest, found = line[:i], line[i:], true
	}
	return word, strings.TrimSpace(rest), found && word != ""
}

// restrict takes one option.
func (e *entry) restrict(option string) error {
	name, value, _ := strings.Cut(option, "=")
	value = strings.Trim(value, `"`)
	var err error
	switch strings.ToLower(name) {
	case "namespaces":
		e.namespaces = value
	case "valid-after":
		e.after, err = parseTime(value)
	case "valid-before":
		e.before, err = parseTime(value)
	case "cert-authority":
		err = errors.New("cert-authority: certificates are not served by this version, list each key")
	default:
		err = fmt.Errorf("unknown option %q: known are namespaces, valid-after, valid-before", name)
	}
	return err
}

// parseTime reads YYYYMMDD[HHMM[SS]][Z]; without Z it is local time, as
// ssh-keygen has it.
func parseTime(text string) (time.Time, error) {
	digits, utc := strings.CutSuffix(text, "Z")
	zone := time.Local
	if utc {
		zone = time.UTC
	}
	for _, layout := range []string{"20060102", "200601021504", "20060102150405"} {
		if t, err := time.ParseInLocation(layout, digits, zone); err == nil {
			return t, nil
		}
	}
	return time.Time{}, fmt.Errorf("%q is not a time: write YYYYMMDD, YYYYMMDDHHMM or YYYYMMDDHHMMSS, with Z for UTC", text)
}

// matches reports whether a list of patterns, separated by commas, holds a text:
// `*` is any text, `?` any character, and one with `!` before it excludes.
func matches(list, text string) bool {
	found := false
	for pattern := range strings.SplitSeq(list, ",") {
		excludes := strings.HasPrefix(pattern, "!")
		if !matchesOne(strings.TrimPrefix(pattern, "!"), text) {
			continue
		}
		if excludes {
			return false
		}
		found = true
	}
	return found
}

func matchesOne(pattern, text string) bool {
	for pattern != "" {
		if pattern[0] == '*' {
			for i := range len(text) + 1 {
				if matchesOne(pattern[1:], text[i:]) {
					return true
				}
			}
			return false
		}
		if text == "" || pattern[0] != '?' && pattern[0] != text[0] {
			return false
		}
		pattern, text = pattern[1:], text[1:]
	}
	return text == ""
}

package data

import (
	"math/rand/v2"
	"strings"
	"unicode/utf8"
)

// referred lists the columns that a pattern names.
func referred(pattern string) []string {
	var names []string
	fill(pattern, func(name string) string { names = append(names, name); return "" }, nil)
	return names
}

// fill writes a pattern out: # is a digit, ? a small letter, {name} what the
// column holds, \ takes the next character as it is. Without a source of
// numbers nothing is drawn.
func fill(pattern string, column func(name string) string, r *rand.Rand) string {
	var out strings.Builder
	for pattern != "" {
		c, size := utf8.DecodeRuneInString(pattern)
		pattern = pattern[size:]
		name, rest, closed := strings.Cut(pattern, "}")
		switch {
		case c == '#' && r != nil:
			out.WriteByte('0' + byte(r.IntN(10)))
		case c == '?' && r != nil:
			out.WriteByte('a' + byte(r.IntN(26)))
		case c == '{' && closed:
			out.WriteString(column(name))
			pattern = rest
		case c == '\\' && pattern != "":
			c, size = utf8.DecodeRuneInString(pattern)
			out.WriteRune(c)
			pattern = pattern[size:]
		default:
			out.WriteRune(c)
		}
	}
	return out.String()
}

// luhn is the digit that has to stand behind these, so that all of them make a
// valid card number (ISO/IEC 7812-1). What is no digit does not count.
func luhn(digits string) byte {
	sum, double := 0, true
	for i := len(digits) - 1; i >= 0; i-- {
		if digits[i] < '0' || digits[i] > '9' {
			continue
		}
		d := int(digits[i] - '0')
		if double {
			if d *= 2; d > 9 {
				d -= 9
			}
		}
		sum, double = sum+d, !double
	}
	return byte('0' + (10-sum%10)%10)
}

// withLuhn replaces the last digit of a text by the one that makes it valid.
func withLuhn(s string) string {
	i := strings.LastIndexAny(s, "0123456789")
	if i < 0 {
		return s
	}
	return s[:i] + string(luhn(s[:i])) + s[i+1:]
}

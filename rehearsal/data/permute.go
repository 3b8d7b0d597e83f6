package data

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
	"slices"
	"strings"
	"unicode"
)

// rounds of the network: as many as FF1 (NIST SP 800-38G) has.
const rounds = 10

// symbols are the characters of a value that are masked, as numbers below
// their radix: 10 for a digit, 26 for a letter. What is kept is not among them.
type symbols struct {
	radix, value []int
	foreign      string // letters other than a to z: they decide the mask, too
}

// symbolsOf takes a value apart. The first of several digits stays 0 where it
// is, and else stays 1 to 9, so that a number stays a number of that length.
func symbolsOf(value string) symbols {
	var s symbols
	for _, c := range value {
		switch {
		case c >= '0' && c <= '9':
			s.radix, s.value = append(s.radix, 10), append(s.value, int(c-'0'))
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z':
			s.radix, s.value = append(s.radix, 26), append(s.value, int(c|0x20-'a'))
		case unicode.IsLetter(c):
			s.radix, s.value = append(s.radix, 26), append(s.value, 0)
			s.foreign += string(unicode.ToLower(c))
		case unicode.IsDigit(c):
			s.radix, s.value = append(s.radix, 10), append(s.value, 0)
			s.foreign += string(c)
		}
	}
	switch {
	case len(s.radix) < 2 || s.radix[0] != 10:
	case s.value[0] == 0:
		s.radix[0] = 1
	default:
		s.radix[0], s.value[0] = 9, s.value[0]-1
	}
	return s
}

// into writes the symbols back into the places of a value.
func (s symbols) into(value string) string {
	i := -1
	return strings.Map(func(c rune) rune {
		if !unicode.IsLetter(c) && !unicode.IsDigit(c) {
			return c
		}
		i++
		switch v := rune(s.value[i]); {
		case s.radix[i] == 9:
			return '1' + v
		case s.radix[i] < 26:
			return '0' + v
		case unicode.IsUpper(c):
			return 'A' + v
		default:
			return 'a' + v
		}
	}, value)
}

// permute returns other symbols of the same radices: a Feistel network whose
// round function is HMAC-SHA-256. Different symbols of a shape stay different.
// The turn gives another permutation.
func (m *Masker) permute(class string, s symbols, turn int) symbols {
	out := symbols{s.radix, slices.Clone(s.value), s.foreign}
	half := len(s.value) / 2
	for round := range rounds {
		from, to := 0, half
		if round%2 == 1 {
			from, to = half, len(s.value)
		}
		numbers := m.round(class, out, [4]int{turn, round, from, to})
		for i := from; i < to; i++ {
			out.value[i] = (out.value[i] + numbers.IntN(s.radix[i])) % s.radix[i]
		}
	}
	return out
}

// round draws from the key, the class, the shape and the half that stays as it
// is; at says turn, round, and the half that changes.
func (m *Masker) round(class string, s symbols, at [4]int) *rand.Rand {
	var message []byte
	number := func(n int) { message = binary.BigEndian.AppendUint64(message, uint64(n)) }
	for _, part := range []string{class, s.foreign} {
		number(len(part))
		message = append(message, part...)
	}
	for _, n := range at {
		number(n)
	}
	for i, v := range s.value {
		number(s.radix[i])
		if i < at[2] || i >= at[3] {
			number(v)
		}
	}
	mac := hmac.New(sha256.New, m.key)
	mac.Write(message)
	return rand.New(rand.NewChaCha8([32]byte(mac.Sum(nil))))
}

// turns bounds how often another permutation is tried.
const turns = 100

// unlike masks a value until the result is accepted. A value without letters
// and digits stays.
func (m *Masker) unlike(class, value string, accept func(masked string) bool) string {
	s := symbolsOf(value)
	if len(s.radix) == 0 {
		return value
	}
	masked := value
	for turn := range turns {
		if masked = m.permute(class, s, turn).into(value); accept(masked) {
			break
		}
	}
	return masked
}

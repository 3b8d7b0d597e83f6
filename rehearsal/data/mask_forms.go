package data

import (
	"strings"
	"unicode"
)

// text masks letters and digits.
func (m *Masker) text(class, value string) string {
	return m.unlike(class, value, func(masked string) bool { return masked != value })
}

// email masks what is before the @ and the domain, each for itself, so that
// addresses of one domain stay addresses of one domain. A masked domain may
// belong to somebody: no mail should leave a rehearsal.
func (m *Masker) email(class, value string) string {
	i := strings.LastIndex(value, "@")
	if i < 0 {
		return m.text(class, value)
	}
	local, domain, last := value[:i], value[i+1:], ""
	if k := strings.LastIndex(domain, "."); k >= 0 {
		domain, last = domain[:k], domain[k:]
	}
	return m.text(class, local) + "@" + m.text(class+" domain", domain) + last
}

// card masks the digits of a card number. A valid one stays valid, and another
// stays invalid. What holds letters is masked as text.
func (m *Masker) card(class, value string) string {
	if strings.ContainsFunc(value, unicode.IsLetter) {
		return m.text(class, value)
	}
	if !validCard(value) {
		return m.unlike(class, value, func(masked string) bool { return masked != value && !validCard(masked) })
	}
	last := strings.LastIndexAny(value, "0123456789")
	payload := m.text(class, value[:last])
	return payload + string(luhn(payload)) + value[last+1:]
}

// validCard reports whether the digits of a text, two at least, end with the
// one that Luhn's rule asks for.
func validCard(s string) bool {
	i := strings.LastIndexAny(s, "0123456789")
	return i > 0 && strings.ContainsAny(s[:i], "0123456789") && luhn(s[:i]) == s[i]
}

// blank hides a letter or digit altogether.
func blank(c rune) rune {
	switch {
	case unicode.IsDigit(c):
		return '0'
	case unicode.IsUpper(c):
		return 'X'
	case unicode.IsLetter(c):
		return 'x'
	}
	return c
}

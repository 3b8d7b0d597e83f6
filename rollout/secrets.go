package rollout

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"unicode"
)

const secretNames = `(passw(or)?d|passphrase|(^|[_-])(pass|pw|bearer)|pwd|secret|token|(api|access|private|signing|encryption|account|master|ssh)[_-]?key|credential|authorization)`

// What looks like a secret: by itself, or by the name that it has.
var (
	secretValue = regexp.MustCompile(strings.Join([]string{
		`-----BEGIN [A-Z ]*PRIVATE KEY`,
		`\b(AKIA|ASIA)[0-9A-Z]{16}\b`, // AWS
		`\bgh[pousr]_[A-Za-z0-9]{20,}|\bgithub_pat_[A-Za-z0-9_]{20,}|\bglpat-[A-Za-z0-9_-]{16,}`,
		`\bxox[abeprs]-[A-Za-z0-9-]{10,}|hooks\.slack\.com/services/[A-Za-z0-9/]{10,}`,
		`\beyJ[A-Za-z0-9_-]{10,}\.[A-Za-z0-9_-]{10,}\.`,                    // JWT
		`\b[srp]k[-_](live_|test_|proj-|ant-api[0-9]+-)?[A-Za-z0-9_]{20,}`, // Stripe and its kind
		`\bnpm_[A-Za-z0-9]{20,}|\bpypi-[A-Za-z0-9_-]{20,}|\bdop_v1_[a-f0-9]{20,}`,
		`\bAIza[A-Za-z0-9_-]{30,}|\bya29\.[A-Za-z0-9_-]{20,}`,           // Google
		`\bSG\.[A-Za-z0-9_-]{16,}\.[A-Za-z0-9_-]{16,}`,                  // SendGrid
		`\bhv[sb]\.[A-Za-z0-9_-]{20,}`,                                  // Vault
		`\b(?i:bearer|basic) [a-z._~+/-]*[A-Z0-9][A-Za-z0-9._~+/-]{6,}`, // words alone are none
		`://[^/\s:@]*:[^/\s:@]+@`,
		`(?i)[?&](access_?token|token|api_?key|key|sig|signature|secret|password)=[^&\s]{6,}`,
		`(?i)\b(password|passwd|pwd|secret|accountkey|sharedaccesskey|token|api_?key)\s*=\s*[^\s;,"'~${]{6,}`,
	}, "|"))
	secretKey = regexp.MustCompile(`(?i)` + secretNames + `s?$`)
	// The same where nothing tells names from values, and where a message quotes them.
	secretAssigned = regexp.MustCompile(`(?i)` + secretNames + `s?["']?\s*[:=]\s*\S`)
	secretQuoted   = regexp.MustCompile(`(` + secretValue.String() + `)[^\s"']*`)
	// What such a name may hold all the same: a switch, and how many tokens there are.
	switchValue = regexp.MustCompile(`(?i)^(true|false|on|off|yes|no|enabled|disabled)$`)
	tokensKey   = regexp.MustCompile(`(?i)tokens$`)
	number      = regexp.MustCompile(`^[0-9]{1,9}$`)
)

// LooksSecret reports whether a text, which stands under the key, may be a credential.
func LooksSecret(key, text string) bool {
	named := text != "" && secretKey.MatchString(key) && !strings.HasPrefix(text, "{{") &&
		!switchValue.MatchString(text) && !(tokensKey.MatchString(key) && number.MatchString(text))
	return named || secretValue.MatchString(text)
}

// MentionsSecret reports whether a text that is not taken apart, such as a comment,
// may hold a credential.
func MentionsSecret(text string) bool {
	return secretAssigned.MatchString(text) || secretValue.MatchString(text)
}

// Redact is a message without what looks like a secret by itself.
func Redact(message string) string { return secretQuoted.ReplaceAllString(message, "…") }

// secrets finds values that look like credentials, anywhere in the spec, which is in
// history for good, and words for people that no screen can show.
func (s Spec) secrets() []Problem {
	body, err := json.Marshal(s)
	if err != nil {
		return []Problem{{Message: fmt.Sprintf("cannot be written as JSON: %v", err)}}
	}
	var all map[string]any
	if err := json.Unmarshal(body, &all); err != nil {
		return []Problem{{Message: fmt.Sprintf("cannot be read as JSON: %v", err)}}
	}
	var v validation
	for _, k := range sortedKeys(all) {
		v.lookForSecret(k, k, all[k])
	}
	return v
}

// isHidden reports whether a character controls a screen instead of being shown.
func isHidden(r rune) bool { return unicode.IsControl(r) && r != '\n' && r != '\t' && r != '\r' }

func (v *validation) lookForSecret(path, key string, value any) {
	switch value := value.(type) {
	case string:
		v.require(!LooksSecret(key, value), path,
			"looks like a secret, and a spec is kept in history for good: put it into the worker's configuration")
		if key == "owner" || key == "purpose" {
			v.require(strings.IndexFunc(value, isHidden) < 0, path, "%q has control characters: people are shown it, so write what can be read", value)
		}
	case map[string]any:
		for _, k := range sortedKeys(value) {
			v.lookForSecret(path+"."+k, k, value[k])
		}
	case []any:
		for i, item := range value {
			v.lookForSecret(fmt.Sprintf("%s[%d]", path, i), key, item)
		}
	}
}

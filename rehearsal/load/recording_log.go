package load

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"
)

// logFormat is the common log format; combined adds two quoted fields
// (https://httpd.apache.org/docs/2.4/logs.html).
const logFormat = `^\S+ \S+ .+? \[([^\]]+)\] "((?:[^"\\]|\\.)*)" \d{3} (?:\d+|-)`

var (
	commonLine   = regexp.MustCompile(logFormat + `$`)
	combinedLine = regexp.MustCompile(logFormat + ` "((?:[^"\\]|\\.)*)" "((?:[^"\\]|\\.)*)"$`)
)

// logTime is how access logs write a time.
const logTime = "02/Jan/2006:15:04:05 -0700"

func logLine(format string) func(string) (parsed, error) {
	expression := commonLine
	if format == FormatCombined {
		expression = combinedLine
	}
	return func(line string) (parsed, error) {
		fields := expression.FindStringSubmatch(line)
		if fields == nil {
			return parsed{}, fmt.Errorf("is not a line of a %s access log: correct it or take it out", format)
		}
		at, err := time.Parse(logTime, fields[1])
		if err != nil {
			return parsed{}, fmt.Errorf("%q is not a time such as 10/Oct/2026:13:55:36 +0000", fields[1])
		}
		parts := strings.Split(fields[2], " ")
		if len(parts) != 3 || !strings.HasPrefix(parts[2], "HTTP/") {
			return parsed{}, fmt.Errorf("%q is not a request such as GET /path HTTP/1.1: take the line out", fields[2])
		}
		headers := map[string]string{}
		if format == FormatCombined {
			headers["Referer"], headers["User-Agent"] = fields[3], fields[4]
		}
		return request(at, Recorded{Method: parts[0], Path: parts[1], Headers: headers})
	}
}

// notSentAgain are headers of a connection, those that the client makes, and
// credentials, which a load brings itself where it needs them.
var notSentAgain = []string{"host", "content-length", "connection", "keep-alive", "te", "trailer", "transfer-encoding", "upgrade",
	"proxy-connection", "proxy-authorization", "authorization", "cookie", "accept-encoding",
	"authentication", "api-key", "apikey", "x-api-key", "x-apikey", "x-auth", "x-auth-key", "x-auth-token", "x-access-token", "x-authorization",
	"x-session-token", "x-session-id", "x-csrf-token", "x-xsrf-token", "x-amz-security-token", "x-goog-api-key", "x-goog-iap-jwt-assertion",
	"x-forwarded-access-token", "x-vault-token", "x-gitlab-token", "private-token", "ocp-apim-subscription-key"}

// request makes what can be sent again of what was recorded, whose path may be a
// URL, or says what is wrong with it.
func request(at time.Time, r Recorded) (parsed, error) {
	if at.IsZero() {
		return parsed{}, errors.New("has no time")
	}
	if !slices.Contains(methods, r.Method) {
		return parsed{}, fmt.Errorf("%q is not a method that can be sent: one of %s", r.Method, strings.Join(methods, ", "))
	}
	path, err := pathOf(r.Path)
	if err != nil {
		return parsed{}, err
	}
	kept := map[string]string{}
	for name, value := range r.Headers {
		if slices.Contains(notSentAgain, strings.ToLower(name)) || strings.HasPrefix(name, ":") || value == "" || value == "-" {
			continue
		}
		if !isName(name) || strings.ContainsAny(value, "\r\n") {
			return parsed{}, fmt.Errorf("%q is not a header", name)
		}
		kept[name] = value
	}
	r.Path, r.Headers = path, kept
	return parsed{r, at}, nil
}

// pathOf is a URL without scheme, host and fragment.
func pathOf(url string) (string, error) {
	if scheme, rest, full := strings.Cut(url, "://"); full && (scheme == "http" || scheme == "https") {
		start := strings.IndexAny(rest, "/?")
		if start < 0 {
			return "/", nil
		}
		url = rest[start:]
		if url[0] == '?' {
			url = "/" + url
		}
	}
	if !strings.HasPrefix(url, "/") || strings.ContainsFunc(url, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
		return "", fmt.Errorf("%q is neither a path nor an http URL", url)
	}
	path, _, _ := strings.Cut(url, "#")
	return path, nil
}

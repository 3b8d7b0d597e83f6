package load

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"
)

// gorSeparator stands after each message of a file of GoReplay, whose first line is
// its kind (1: a request), id, time in nanoseconds and, of answers, how long they took
// (https://github.com/buger/goreplay/wiki/Saving-and-Replaying-from-file).
const gorSeparator = "\n🐵🙈🙉\n"

// parseGor reads the requests of a file of GoReplay, and passes over the answers.
func parseGor(text []byte) ([]parsed, error) {
	var out []parsed
	at := 0
	for message := range bytes.SplitSeq(text, []byte(gorSeparator)) {
		line := lineOf(text, at)
		at += len(message) + len(gorSeparator)
		if len(bytes.TrimSpace(message)) == 0 {
			continue
		}
		meta, payload, _ := strings.Cut(string(message), "\n")
		fields := strings.Fields(meta)
		if len(fields) < 3 || !slices.Contains([]string{"1", "2", "3"}, fields[0]) {
			return nil, fmt.Errorf("line %d: %q is not a beginning of a message of GoReplay: its kind, its id, and its time in nanoseconds", line, meta)
		}
		if fields[0] != "1" {
			continue
		}
		nanoseconds, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, fmt.Errorf("line %d: %q is not a time in nanoseconds", line, fields[2])
		}
		r, err := gorRequest(payload)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line+1, err)
		}
		p, err := request(time.Unix(0, nanoseconds), r)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", line+1, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// gorRequest reads a request as it went over the wire.
func gorRequest(payload string) (Recorded, error) {
	head, body, whole := strings.Cut(payload, "\r\n\r\n")
	if !whole {
		return Recorded{}, errors.New("the request is cut off: take it out")
	}
	first, rest, _ := strings.Cut(head, "\r\n")
	parts := strings.Split(first, " ")
	if len(parts) != 3 || !strings.HasPrefix(parts[2], "HTTP/") {
		return Recorded{}, fmt.Errorf("%q is not a request such as GET /path HTTP/1.1", first)
	}
	r := Recorded{Method: parts[0], Path: parts[1], Headers: map[string]string{}, Body: body}
	for line := range strings.SplitSeq(rest, "\r\n") {
		name, value, _ := strings.Cut(line, ":")
		if value = strings.TrimSpace(value); r.Headers[name] != "" {
			value = r.Headers[name] + ", " + value
		}
		if name != "" {
			r.Headers[name] = value
		}
		if strings.EqualFold(name, "Transfer-Encoding") {
			return Recorded{}, errors.New("has a body in chunks, which is not read: take the request out")
		}
		if strings.EqualFold(name, "Content-Length") && value != strconv.Itoa(len(body)) {
			return Recorded{}, fmt.Errorf("has a body of %d bytes, and says %s: it was not recorded whole", len(body), value)
		}
	}
	return r, nil
}

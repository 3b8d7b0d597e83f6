package load

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"
)

// Recorded is one request of a recording, without its host, and without the
// headers that belong to a connection or are somebody's credentials.
type Recorded struct {
	Offset  time.Duration // since the first one
	Method  string
	Path    string // with its query
	Headers map[string]string
	Body    string
}

// The formats of recordings.
const (
	FormatHAR      = "har"      // HTTP Archive 1.2, as browsers save it
	FormatCombined = "combined" // access log of Apache, nginx, Caddy
	FormatCommon   = "common"   // the same without referrer and agent
	FormatJSON     = "json"     // one object a line
	FormatGor      = "gor"      // GoReplay's files, not compressed
)

// Formats lists the formats of recordings.
func Formats() []string {
	return []string{FormatHAR, FormatCombined, FormatCommon, FormatJSON, FormatGor}
}

// largestRecording bounds what is read of one recording.
const largestRecording = 256 << 20

// parsed is a recorded request at its time.
type parsed struct {
	Recorded
	time time.Time
}

// ParseRecording reads a recording, oldest request first. It is strict: the
// first line that is no request of the format is an error that names the line,
// and so is a recording without any request, or of more than 256 MiB. Requests
// that a log has in one and the same second are spread over it evenly.
func ParseRecording(format string, from io.Reader) ([]Recorded, error) {
	text, err := io.ReadAll(io.LimitReader(from, largestRecording+1))
	if err != nil {
		return nil, fmt.Errorf("read recording: %w", err)
	}
	if len(text) > largestRecording {
		return nil, fmt.Errorf("a recording of more than %d MiB is not read: send a part of it", largestRecording>>20)
	}
	var all []parsed
	switch format {
	case FormatHAR:
		all, err = parseHAR(text)
	case FormatGor:
		all, err = parseGor(text)
	case FormatJSON:
		all, err = parseLines(text, jsonLine)
	case FormatCombined, FormatCommon:
		all, err = parseLines(text, logLine(format))
	default:
		return nil, fmt.Errorf("%q is not a format of recordings: write one of %s", format, strings.Join(Formats(), ", "))
	}
	if err != nil {
		return nil, err
	}
	if len(all) == 0 {
		return nil, errors.New("the recording has no request in it")
	}
	slices.SortStableFunc(all, func(a, b parsed) int { return a.time.Compare(b.time) })
	if format == FormatCombined || format == FormatCommon {
		spread(all)
	}
	out := make([]Recorded, len(all))
	for i, p := range all {
		out[i] = p.Recorded
		out[i].Offset = p.time.Sub(all[0].time)
	}
	return out, nil
}

// spread puts requests of one second as far apart as they go.
func spread(all []parsed) {
	for first := 0; first < len(all); {
		last := first
		for last < len(all) && all[last].time.Equal(all[first].time) {
			last++
		}
		for i := last - 1; i > first; i-- {
			all[i].time = all[i].time.Add(time.Second * time.Duration(i-first) / time.Duration(last-first))
		}
		first = last
	}
}

func parseLines(text []byte, parse func(line string) (parsed, error)) ([]parsed, error) {
	var out []parsed
	number := 0
	for line := range strings.Lines(string(text)) {
		number++
		if line = strings.TrimRight(line, "\r\n"); strings.TrimSpace(line) == "" {
			continue
		}
		p, err := parse(line)
		if err != nil {
			return nil, fmt.Errorf("line %d: %w", number, err)
		}
		out = append(out, p)
	}
	return out, nil
}

// jsonLine reads {"time":"…","method":"GET","url":"/a","headers":{},"body":""}.
func jsonLine(line string) (parsed, error) {
	var in struct {
		Time    time.Time         `json:"time"`
		Method  string            `json:"method"`
		URL     string            `json:"url"`
		Headers map[string]string `json:"headers"`
		Body    string            `json:"body"`
	}
	d := json.NewDecoder(strings.NewReader(line))
	d.DisallowUnknownFields()
	if err := d.Decode(&in); err != nil {
		return parsed{}, fmt.Errorf("expected one JSON object with time, method, url, headers and body: %w", err)
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return parsed{}, errors.New("has more than one JSON object")
	}
	return request(in.Time, Recorded{Method: in.Method, Path: in.URL, Headers: in.Headers, Body: in.Body})
}

// har is the part of an HTTP Archive that is sent again
// (http://www.softwareishard.com/blog/har-12-spec/).
type har struct {
	Log struct {
		Version string            `json:"version"`
		Entries []json.RawMessage `json:"entries"`
	} `json:"log"`
}

type harEntry struct {
	Started time.Time `json:"startedDateTime"`
	Request struct {
		Method   string                         `json:"method"`
		URL      string                         `json:"url"`
		Headers  []struct{ Name, Value string } `json:"headers"`
		PostData struct {
			Text   string            `json:"text"`
			Params []json.RawMessage `json:"params"`
		} `json:"postData"`
	} `json:"request"`
}

func parseHAR(text []byte) ([]parsed, error) {
	text = bytes.TrimPrefix(text, []byte("\xef\xbb\xbf"))
	var archive har
	if err := json.Unmarshal(text, &archive); err != nil {
		return nil, fmt.Errorf("line %d: is no HTTP archive: %w", lineOf(text, errorOffset(err)), err)
	}
	if v := archive.Log.Version; v != "1.2" {
		return nil, fmt.Errorf("line 1: is an HTTP archive of version %q: export it as 1.2", v)
	}
	var out []parsed
	at := 0
	for i, raw := range archive.Log.Entries {
		at += max(0, bytes.Index(text[at:], raw)) // verbatim, in their order
		var e harEntry
		err := json.Unmarshal(raw, &e)
		headers := map[string]string{}
		for _, h := range e.Request.Headers {
			headers[h.Name] = h.Value
		}
		var p parsed
		if body := e.Request.PostData; err == nil && body.Text == "" && len(body.Params) > 0 {
			err = errors.New("has a body of which only the params were saved: export it with its text, or take the entry out")
		}
		if err == nil {
			p, err = request(e.Started, Recorded{Method: e.Request.Method, Path: e.Request.URL, Headers: headers, Body: e.Request.PostData.Text})
		}
		if err != nil {
			return nil, fmt.Errorf("line %d: entry %d: %w", lineOf(text, at), i, err)
		}
		out = append(out, p)
		at += len(raw)
	}
	return out, nil
}

// errorOffset is where a JSON text is wrong, as far as the error tells.
func errorOffset(err error) int {
	var syntax *json.SyntaxError
	var mismatch *json.UnmarshalTypeError
	switch {
	case errors.As(err, &syntax):
		return int(syntax.Offset)
	case errors.As(err, &mismatch):
		return int(mismatch.Offset)
	}
	return 0
}

func lineOf(text []byte, offset int) int {
	return 1 + bytes.Count(text[:min(max(offset, 0), len(text))], []byte("\n"))
}

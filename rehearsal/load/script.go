package load

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"slices"
	"strconv"
	"strings"

	"bakeoff/rollout"
)

const fullShare = rollout.All

// script is a journey with its templates read.
type script struct {
	steps []line
	fixed []Request // what it sends, where that is always the same; else nil
}

// reading is the script without all steps that do not read the ledger.
func (s script) reading() script {
	var out script
	for _, step := range s.steps {
		if step.ledger == LedgerRead {
			out.steps = append(out.steps, step)
		}
	}
	return out
}

// line is one step of a script.
type line struct {
	method       string
	url, body    template
	headers      []headerLine
	status       int
	expectedBody template
	capture      map[string]string
	ledger       string
}

type headerLine struct {
	name  string
	value template
}

// Request is one request of an arrival.
type Request struct {
	Method  string
	URL     string
	Headers []Header // by name
	Body    string
	Expect  Expect
	Capture map[string]string // name → field of the JSON answer
	Ledger  string            // write, read or ""
	Payload string            // of the transaction, for ledger steps
}

// Header is one field of a request.
type Header struct{ Name, Value string }

// Journey is what an arrival sends, step by step. Names that earlier steps
// capture are still in it: see [Request.Fill]. The caller must not change it.
func (s *Schedule) Journey(a Arrival) []Request {
	requests := s.requests(a)
	if s.isTraced(a.Index) {
		return s.traced(a.Index, requests)
	}
	return requests
}

func (s *Schedule) requests(a Arrival) []Request {
	script := s.scripts[a.Script]
	if script.fixed != nil {
		return script.fixed
	}
	values := s.values(a.Index)
	out := make([]Request, len(script.steps))
	for i, step := range script.steps {
		out[i] = step.request(values)
	}
	return out
}

// ID is the id of an arrival's transaction.
func (s *Schedule) ID(index int) string { return s.values(index)[nameID] }

// values draws the id and the payload of an arrival. They need no generator of
// their own: each shard can tell them of any arrival.
func (s *Schedule) values(index int) map[string]string {
	var key []byte
	key = binary.BigEndian.AppendUint64(key, uint64(s.seed))
	key = binary.BigEndian.AppendUint64(key, uint64(index))
	key = append(key, s.load.Name...)
	if s.run != "" {
		key = append(append(key, 0), s.run...) // no name has a 0 in it
	}
	sum := sha256.Sum256(key)
	payload := hex.EncodeToString(sum[:])
	return map[string]string{nameID: s.load.Name + "-" + strconv.Itoa(index) + "-" + payload[:8], namePayload: payload}
}

// Fill puts what earlier steps captured into the request.
func (r Request) Fill(captured map[string]string) Request {
	fill := func(s string) string {
		t, err := parseTemplate(s)
		if err != nil || !strings.Contains(s, "{{") {
			return s
		}
		return t.fill(captured)
	}
	r.URL, r.Body, r.Expect.Body = fill(r.URL), fill(r.Body), fill(r.Expect.Body)
	r.Headers = slices.Clone(r.Headers)
	for i, h := range r.Headers {
		r.Headers[i].Value = fill(h.Value)
	}
	return r
}

func (l line) request(values map[string]string) Request {
	r := Request{Method: l.method, URL: l.url.fill(values), Body: l.body.fill(values), Capture: l.capture, Ledger: l.ledger}
	r.Expect = Expect{Status: l.status, Body: l.expectedBody.fill(values)}
	for _, h := range l.headers {
		r.Headers = append(r.Headers, Header{h.name, h.value.fill(values)})
	}
	if l.ledger != "" {
		r.Payload = values[namePayload]
	}
	return r
}

// compile reads the templates of a journey. Problems has refused what cannot
// be read.
func (l Load) compile(j Journey) (script, error) {
	var out script
	varies := false
	for _, s := range j.Steps {
		step, err := l.compileStep(s)
		if err != nil {
			return script{}, err
		}
		out.steps = append(out.steps, step)
		varies = varies || step.varies()
	}
	if !varies {
		for _, step := range out.steps {
			out.fixed = append(out.fixed, step.request(nil))
		}
	}
	return out, nil
}

func (l Load) compileStep(s Step) (line, error) {
	expect := s.Expect
	if expect == (Expect{}) {
		expect = l.Expect
	}
	out := line{method: s.Method, status: expect.Status, capture: s.Capture, ledger: s.Ledger}
	var err error
	read := func(text string) template {
		t, e := parseTemplate(text)
		if e != nil {
			err = e
		}
		return t
	}
	out.url, out.body, out.expectedBody = read(l.URL+s.Path), read(s.Body), read(expect.Body)
	for _, h := range headersOf(l.Headers, s.Headers) {
		out.headers = append(out.headers, headerLine{h.Name, read(h.Value)})
	}
	return out, err
}

// varies reports whether the step sends something else for every arrival.
func (l line) varies() bool {
	return l.ledger != "" || len(l.url) > 1 || len(l.body) > 1 || len(l.expectedBody) > 1 ||
		slices.ContainsFunc(l.headers, func(h headerLine) bool { return len(h.value) > 1 })
}

// headersOf merges fields by name; the later one wins.
func headersOf(groups ...map[string]string) []Header {
	byName := map[string]Header{}
	for _, group := range groups {
		for name, value := range group {
			byName[strings.ToLower(name)] = Header{name, value}
		}
	}
	var out []Header
	for _, h := range byName {
		out = append(out, h)
	}
	slices.SortFunc(out, func(a, b Header) int { return strings.Compare(strings.ToLower(a.Name), strings.ToLower(b.Name)) })
	return out
}

// recorded is the script of a recorded request, sent as it was: no names in it.
func (l Load) recorded(r Recorded) script {
	return script{fixed: []Request{{
		Method: r.Method, URL: strings.TrimSuffix(l.URL, "/") + r.Path, Body: r.Body,
		Headers: headersOf(r.Headers, l.Headers), Expect: l.Expect,
	}}}
}

package load

import (
	"encoding/json"
	"fmt"
	"strings"
)

// Reads reports whether Judge needs the body of the answer.
func (r Request) Reads() bool {
	return r.Expect.Body != "" || len(r.Capture) > 0 || r.Ledger == LedgerRead
}

// Judge says what is wrong with an answer, "" when nothing is, and what it
// holds for later steps. The body may be nil where Reads says so.
func (r Request) Judge(status int, body []byte) (kind string, captured map[string]string) {
	if r.Ledger == LedgerRead && status == 404 {
		return KindLost, nil
	}
	if status != r.Expect.Status && (r.Expect.Status != 0 || status >= 400) {
		return fmt.Sprintf("status %d", status), nil
	}
	if !strings.Contains(string(body), r.Expect.Body) {
		return KindBody, nil
	}
	if r.Ledger == LedgerRead {
		if kind := r.judgeTransaction(body); kind != "" {
			return kind, nil
		}
	}
	return r.take(body)
}

// judgeTransaction compares what was read back with what was written.
func (r Request) judgeTransaction(body []byte) string {
	var got struct {
		Payload *string `json:"payload"`
		Copies  *int    `json:"copies"`
	}
	err := json.Unmarshal(body, &got)
	switch {
	case err != nil || got.Payload == nil:
		return KindBody
	case got.Copies != nil && *got.Copies < 1:
		return KindLost
	case *got.Payload != r.Payload:
		return KindAltered
	case got.Copies != nil && *got.Copies > 1:
		return KindDoubled
	}
	return ""
}

// take reads what later steps need. Texts and numbers can be taken.
func (r Request) take(body []byte) (string, map[string]string) {
	if len(r.Capture) == 0 {
		return "", nil
	}
	var answer any
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	if decoder.Decode(&answer) != nil {
		return KindCapture, nil
	}
	out := map[string]string{}
	for name, field := range r.Capture {
		value := answer
		for part := range strings.SplitSeq(field, ".") {
			object, _ := value.(map[string]any)
			value = object[part]
		}
		switch value.(type) {
		case string, json.Number:
			out[name] = fmt.Sprint(value)
		default:
			return KindCapture, nil
		}
	}
	return "", out
}

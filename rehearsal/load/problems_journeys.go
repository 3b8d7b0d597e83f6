package load

import (
	"fmt"
	"slices"
	"strings"
)

func (c *check) journeys(journeys []Journey, path string) {
	sum, seen := 0.0, map[string]bool{}
	for i, j := range journeys {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.require(isName(j.Name), at+".name", "%q needs letters, digits, '.', '_' or '-', 100 at most", j.Name)
		c.require(!seen[j.Name], at+".name", "%q is there twice: give each journey a name of its own", j.Name)
		seen[j.Name] = true
		weight := 1.0
		if j.Weight != nil {
			weight = *j.Weight
		}
		c.require(weight >= 0 && weight <= 1e6, at+".weight", "%v is not a weight: write a number from 0 to 1000000", weight)
		sum += weight
		c.require(len(j.Steps) >= 1 && len(j.Steps) <= mostSteps, at+".steps", "%d steps: write 1 to %d", len(j.Steps), mostSteps)
		c.steps(j.Steps, at+".steps")
	}
	c.require(sum > 0, path, "every weight is 0: nothing would be sent")
}

func (c *check) steps(steps []Step, path string) {
	var captured []string
	written, read := false, false
	for i, s := range steps {
		at := fmt.Sprintf("%s[%d]", path, i)
		c.require(s.Method == "" || slices.Contains(methods, s.Method), at+".method", "%q is not one of %s", s.Method, strings.Join(methods, ", "))
		c.require(s.Path == "" || s.Path[0] == '/' || s.Path[0] == '?', at+".path", "%q must begin with / or ?: it follows the load's url", s.Path)
		c.template(s.Path, at+".path", captured)
		c.template(s.Body, at+".body", captured)
		c.headers(s.Headers, at+".headers", captured)
		c.expect(s.Expect, at+".expect", captured)
		sent := s.Path + s.Body
		switch s.Ledger {
		case "":
		case LedgerWrite:
			c.require(!written, at+".ledger", "a journey writes one transaction: make a second journey")
			c.require(holds(sent, nameID), at+".ledger", "a transaction is known by its id: send {{id}} in path or body")
			written = true
		case LedgerRead:
			c.require(written, at+".ledger", "nothing was written yet: put a step with ledger: write before it")
			c.require(holds(sent, nameID), at+".ledger", "a transaction is read back by its id: send {{id}} in path or body")
			c.readAlone(s, at)
			read = true
		default:
			c.require(false, at+".ledger", "%q is not one of write, read", s.Ledger)
		}
		for name, field := range s.Capture {
			c.require(isName(name) && name != nameID && name != namePayload, at+".capture", "%q cannot name what is captured", name)
			c.require(field != "", at+".capture."+name, "is empty: which field of the answer?")
			captured = append(captured, name)
		}
	}
	c.require(!written || read, path, "write a transaction that is never read back: add a step with ledger: read")
}

// readAlone holds what a step needs to be sent once more when the load is over.
func (c *check) readAlone(s Step, path string) {
	sent := []string{s.Path, s.Body, s.Expect.Body}
	for _, h := range headersOf(s.Headers) {
		sent = append(sent, h.Value)
	}
	for _, text := range sent {
		t, _ := parseTemplate(text) // what cannot be read is a problem already
		for _, name := range t.names() {
			c.require(name == nameID || name == namePayload, path+".ledger", "{{%s}} is captured, and a transaction is read back once more, alone, after the load: send only {{id}} and {{payload}}", name)
		}
	}
}

// holds reports whether a text has {{name}} in it.
func holds(s, name string) bool {
	t, err := parseTemplate(s)
	return err == nil && slices.Contains(t.names(), name)
}

// template requires that all names of a text are known where it is sent.
func (c *check) template(s, path string, captured []string) {
	t, err := parseTemplate(s)
	c.require(err == nil, path, "%v", err)
	for _, name := range t.names() {
		c.require(name == nameID || name == namePayload || slices.Contains(captured, name), path, "{{%s}} is not known here: no step before captures it", name)
	}
}

func (c *check) headers(headers map[string]string, path string, captured []string) {
	for _, h := range headersOf(headers) {
		c.require(isName(h.Name) && !strings.ContainsAny(h.Value, "\r\n"), path, "%q is not a header: write name: value on one line", h.Name)
		c.template(h.Value, path+"."+h.Name, captured)
	}
}

func (c *check) expect(e Expect, path string, captured []string) {
	c.require(e.Status == 0 || e.Status >= 100 && e.Status <= 599, path+".status", "%d is no HTTP status", e.Status)
	c.template(e.Body, path+".body", captured)
}

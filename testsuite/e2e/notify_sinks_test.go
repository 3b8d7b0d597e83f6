package e2e_test

import (
	"encoding/json"
	"io"
	"maps"
	"mime/quotedprintable"
	"net"
	"net/http"
	"net/http/httptest"
	"net/mail"
	"net/textproto"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// letters are what a sink took, by the id of the notice.
type letters struct {
	mu    sync.Mutex
	texts map[string]string
	tries int
}

// takes keeps a letter.
func (l *letters) takes(id, text string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.texts[id] = text
}

// awaits returns the letters when those of all these ids have come, and no other.
func (l *letters) awaits(t *testing.T, sink string, ids ...string) map[string]string {
	t.Helper()
	got := func() map[string]string {
		l.mu.Lock()
		defer l.mu.Unlock()
		return maps.Clone(l.texts)
	}
	until(t, sink, func() bool { return len(got()) >= len(ids) })
	require.ElementsMatch(t, ids, slices.Collect(maps.Keys(got())), sink)
	return got()
}

// workspace is Slack, which has a bad moment when the first message comes. It
// returns a file with the webhook's URL, which is a credential.
func workspace(t *testing.T) (l *letters, file string) {
	l = &letters{texts: map[string]string{}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var m struct {
			Text   string
			Blocks []struct{ Elements []struct{ Text string } }
		}
		if err := json.NewDecoder(r.Body).Decode(&m); err != nil || r.URL.Path != "/services/T/B/s3cret" || len(m.Blocks) != 2 {
			t.Errorf("not what Slack takes: %v %s %+v", err, r.URL, m)
			return
		}
		l.mu.Lock()
		l.tries++
		isFirst := l.tries == 1
		l.mu.Unlock()
		if isFirst {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		link, id, _ := strings.Cut(m.Blocks[1].Elements[0].Text, " · ")
		l.takes(id, m.Text+"\n"+link)
	}))
	t.Cleanup(server.Close)
	file = filepath.Join(t.TempDir(), "slack")
	require.NoError(t, os.WriteFile(file, []byte(server.URL+"/services/T/B/s3cret"), 0o600))
	return l, file
}

// mailbox is an SMTP server, and what came for one address.
func mailbox(t *testing.T, address string) (l *letters, url string) {
	l = &letters{texts: map[string]string{}}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = listener.Close() })
	go func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			go l.serve(t, conn, address)
		}
	}()
	return l, "smtp://" + listener.Addr().String()
}

// serve speaks as much SMTP as is needed.
func (l *letters) serve(t *testing.T, conn net.Conn, address string) {
	_ = conn.SetDeadline(time.Now().Add(patience))
	c := textproto.NewConn(conn)
	defer func() { _ = c.Close() }()
	answer := "220 post"
	for {
		if c.PrintfLine("%s", answer) != nil {
			return
		}
		line, err := c.ReadLine()
		if err != nil {
			return
		}
		answer = "250 fine"
		switch verb, rest, _ := strings.Cut(line, " "); verb {
		case "RCPT":
			if rest != "TO:<"+address+">" {
				t.Errorf("for %s: %s", address, line)
			}
		case "DATA":
			if c.PrintfLine("354 go ahead") != nil {
				return
			}
			if m, err := mail.ReadMessage(c.DotReader()); err != nil {
				t.Errorf("not a message: %v", err)
			} else {
				body, _ := io.ReadAll(quotedprintable.NewReader(m.Body))
				id := strings.TrimSuffix(strings.Trim(m.Header.Get("Message-Id"), "<>"), "@bakeoff")
				l.takes(id, m.Header.Get("Subject")+"\n"+string(body))
			}
		case "QUIT":
			_ = c.PrintfLine("221 bye")
			return
		}
	}
}

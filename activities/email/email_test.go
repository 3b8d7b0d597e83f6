package email_test

import (
	"bufio"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/email"
	"bakeoff/rollout"
)

// post is an SMTP server that takes one message and notes what was said.
type post struct {
	listener net.Listener
	tls      *tls.Config // offered by STARTTLS; nil: not
	silent   bool        // it never says a word
	said     chan []string
}

func open(t *testing.T, p *post) *post {
	t.Helper()
	var err error
	p.listener, err = net.Listen("tcp", "0.0.0.0:0")
	require.NoError(t, err)
	p.said = make(chan []string, 1)
	t.Cleanup(func() { _ = p.listener.Close() })
	go func() {
		if conn, err := p.listener.Accept(); err == nil {
			p.said <- p.serve(conn)
		}
	}()
	return p
}

// serve speaks as much SMTP as is needed.
func (p *post) serve(conn net.Conn) (said []string) {
	defer func() { _ = conn.Close() }()
	_ = conn.SetDeadline(time.Now().Add(10 * time.Second))
	in := bufio.NewScanner(conn)
	say := func(lines ...string) { fmt.Fprint(conn, strings.Join(lines, "\r\n")+"\r\n") }
	if p.silent {
		in.Scan()
		return nil
	}
	isSafe := false
	say("220 post")
	for in.Scan() {
		line := in.Text()
		said = append(said, line)
		switch verb, _, _ := strings.Cut(strings.ToUpper(line), " "); verb {
		case "EHLO":
			if p.tls != nil && !isSafe {
				say("250-post", "250 STARTTLS")
			} else {
				say("250-post", "250 AUTH PLAIN")
			}
		case "STARTTLS":
			say("220 go ahead")
			safe := tls.Server(conn, p.tls)
			conn, in, isSafe = safe, bufio.NewScanner(safe), true
		case "AUTH":
			say("235 welcome")
		case "DATA":
			say("354 go ahead")
			for in.Scan() && in.Text() != "." {
				said = append(said, in.Text())
			}
			say("250 taken")
		case "QUIT":
			say("221 bye")
			return said
		default:
			say("250 fine")
		}
	}
	return said
}

func (p *post) url() string {
	return fmt.Sprintf("smtp://127.0.0.1:%d", p.listener.Addr().(*net.TCPAddr).Port)
}

func message() activities.Message {
	return activities.Message{Channel: "ana@example.com", Notice: rollout.Notice{
		ID: "notify/rollout/production/checkout/r1/2-rolledBack", Event: rollout.OnRolledBack, At: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC),
		Target: "production/checkout", Text: "2.5.0 is rolled back: errors ×3.1", Candidate: "2.5.0", Owner: "team\r\nBcc: all@example.com"}}
}

func TestNotify(t *testing.T) {
	p := open(t, &post{})
	server, err := email.New(email.Config{SMTP: p.url(), From: "Bakeoff <bakeoff@example.com>"})
	require.NoError(t, err)
	require.NoError(t, server.Notify(t.Context(), message()))
	said := strings.Join(<-p.said, "\n")
	for _, want := range []string{"MAIL FROM:<bakeoff@example.com>", "RCPT TO:<ana@example.com>", "Subject: [production/checkout] rolledBack",
		"Message-ID: <notify/rollout/production/checkout/r1/2-rolledBack@bakeoff>", "Date: Sat, 21 Nov 2026 12:00:00 +0000", "errors =C3=973.1"} {
		require.Contains(t, said, want)
	}
	require.NotContains(t, said, "AUTH PLAIN")
	require.NotContains(t, said[:strings.Index(said, "quoted-printable")], "Bcc")
}

// Where the server offers it the connection is safe before a password is sent;
// where it does not, none is sent.
func TestPassword(t *testing.T) {
	certificate := httptest.NewUnstartedServer(nil)
	certificate.StartTLS()
	defer certificate.Close()
	roots := x509.NewCertPool()
	roots.AddCert(certificate.Certificate())
	trusted := &tls.Config{RootCAs: roots, ServerName: "example.com"}
	credentials := base64.StdEncoding.EncodeToString([]byte("\x00bakeoff\x00s3cret"))

	p := open(t, &post{tls: &tls.Config{Certificates: certificate.TLS.Certificates}})
	server, err := email.New(email.Config{SMTP: p.url(), From: "bakeoff@example.com", User: "bakeoff", Password: "s3cret", TLS: trusted})
	require.NoError(t, err)
	require.NoError(t, server.Notify(t.Context(), message()))
	said := strings.Join(<-p.said, "\n")
	require.Less(t, strings.Index(said, "STARTTLS"), strings.Index(said, "AUTH PLAIN "+credentials), said)

	p = open(t, &post{})
	inTheClear := strings.Replace(p.url(), "127.0.0.1", "127.0.0.2", 1) // the library trusts this machine by its usual names
	server, err = email.New(email.Config{SMTP: inTheClear, From: "bakeoff@example.com", User: "bakeoff", Password: "s3cret"})
	require.NoError(t, err)
	err = server.Notify(t.Context(), message())
	require.Error(t, err)
	require.NotContains(t, err.Error(), "s3cret")
	require.NotContains(t, strings.Join(<-p.said, "\n"), credentials)
}

// A server that never says a word costs no more than its caller's patience.
func TestHangs(t *testing.T) {
	p := open(t, &post{silent: true})
	server, err := email.New(email.Config{SMTP: p.url(), From: "bakeoff@example.com"})
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	defer cancel()
	began := time.Now()
	require.Error(t, server.Notify(ctx, message()))
	require.Less(t, time.Since(began), 5*time.Second)
}

func TestToNobody(t *testing.T) {
	server, err := email.New(email.Config{SMTP: "smtp://127.0.0.1:1", From: "bakeoff@example.com"})
	require.NoError(t, err)
	m := message()
	m.Channel = "#releases"
	require.ErrorIs(t, server.Notify(t.Context(), m), activities.ErrFinal)
}

func TestWrongConfig(t *testing.T) {
	for name, c := range map[string]email.Config{
		"no server":         {From: "a@example.com"},
		"another scheme":    {SMTP: "http://mail", From: "a@example.com"},
		"a path":            {SMTP: "smtp://mail/box", From: "a@example.com"},
		"a password inside": {SMTP: "smtp://u:s3cret@mail", From: "a@example.com"},
		"a port of letters": {SMTP: "smtp://mail:x", From: "a@example.com"},
		"no sender":         {SMTP: "smtp://mail"},
	} {
		_, err := email.New(c)
		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "s3cret")
	}
}

// Package email tells people by SMTP.
package email

import (
	"cmp"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net"
	"net/mail"
	"net/smtp"
	"net/url"
	"time"

	"bakeoff/activities"
)

// deadline bounds one message, from dialling to the server's receipt.
const deadline = 15 * time.Second

// Config says where the server is and who sends.
type Config struct {
	SMTP     string // smtp://host[:587], where STARTTLS is used if offered, or smtps://host[:465]
	From     string
	User     string // of AUTH PLAIN; "": without authentication
	Password string
	TLS      *tls.Config // default: the machine's roots
}

// Server is one SMTP server.
type Server struct {
	host, address string
	safe          bool // TLS from the first byte on
	from          *mail.Address
	auth          smtp.Auth // nil: none
	tls           *tls.Config
}

var _ activities.Notifier = (*Server)(nil)

// New makes the sink.
func New(c Config) (*Server, error) {
	u, err := url.Parse(c.SMTP)
	switch {
	case err != nil, u.Scheme != "smtp" && u.Scheme != "smtps", u.Hostname() == "", u.Path != "" && u.Path != "/":
		return nil, errors.New("smtp: write smtp://host:587 or smtps://host:465")
	case u.User != nil:
		return nil, errors.New("smtp holds a user or password: they have fields of their own")
	}
	s := &Server{host: u.Hostname(), safe: u.Scheme == "smtps"}
	port := "587"
	if s.safe {
		port = "465"
	}
	s.address = net.JoinHostPort(s.host, cmp.Or(u.Port(), port))
	if s.from, err = mail.ParseAddress(c.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	if c.User != "" {
		s.auth = smtp.PlainAuth("", c.User, c.Password, s.host)
	}
	s.tls = &tls.Config{}
	if c.TLS != nil {
		s.tls = c.TLS.Clone()
	}
	s.tls.ServerName = cmp.Or(s.tls.ServerName, s.host)
	return s, nil
}

// Notify implements [activities.Notifier]. The channel is the address of who is
// told. The notice's id is the Message-ID, so that a mailbox knows a message
// that came twice.
func (s *Server) Notify(ctx context.Context, m activities.Message) error {
	to, err := mail.ParseAddress(m.Channel)
	if err != nil {
		return fmt.Errorf("%q is not an address: %w: %w", m.Channel, err, activities.ErrFinal)
	}
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	client, err := s.dial(ctx)
	if err != nil {
		return fmt.Errorf("reach %s: %w", s.address, err)
	}
	defer func() { _ = client.Close() }() // after a Quit it is closed already
	if err := s.send(client, to, compose(s.from, to, m)); err != nil {
		return fmt.Errorf("send by %s: %w", s.address, err)
	}
	return nil
}

// dial connects. Everything on the connection ends with the context's deadline.
func (s *Server) dial(ctx context.Context) (*smtp.Client, error) {
	conn, err := new(net.Dialer).DialContext(ctx, "tcp", s.address)
	if err != nil {
		return nil, err
	}
	if until, limited := ctx.Deadline(); limited {
		if err := conn.SetDeadline(until); err != nil {
			return nil, errors.Join(err, conn.Close())
		}
	}
	if s.safe {
		conn = tls.Client(conn, s.tls)
	}
	client, err := smtp.NewClient(conn, s.host)
	if err != nil {
		return nil, errors.Join(err, conn.Close())
	}
	return client, nil
}

// send hands one message over. A password goes to the server only by TLS; the
// library refuses it otherwise, but for one on this machine.
func (s *Server) send(client *smtp.Client, to *mail.Address, message []byte) error {
	if offered, _ := client.Extension("STARTTLS"); offered && !s.safe {
		if err := client.StartTLS(s.tls); err != nil {
			return err
		}
	}
	if s.auth != nil {
		if err := client.Auth(s.auth); err != nil {
			return err
		}
	}
	if err := client.Mail(s.from.Address); err != nil {
		return err
	}
	if err := client.Rcpt(to.Address); err != nil {
		return err
	}
	w, err := client.Data()
	if err != nil {
		return err
	}
	if _, err = w.Write(message); err != nil {
		return err
	}
	if err := w.Close(); err != nil { // the server's receipt
		return err
	}
	_ = client.Quit() // it has the message: what it says now changes nothing
	return nil
}

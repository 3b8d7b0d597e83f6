// Package email tells people by SMTP.
package email

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/wneessen/go-mail"

	"bakeoff/activities"
)

// deadline bounds one connection, from dialling to the server's receipt.
const deadline = 15 * time.Second

// Config says where the server is and who sends.
type Config struct {
	SMTP     string // smtp://host[:587], where STARTTLS is used if offered, or smtps://host[:465]
	From     string
	User     string // "": without authentication
	Password string
	TLS      *tls.Config // default: the machine's roots
}

// Server is one SMTP server.
type Server struct {
	host    string
	from    string
	options []mail.Option
}

var _ activities.Notifier = (*Server)(nil)

// New makes the sink. A password is never sent in the clear: without TLS only
// methods that do not show it are used.
func New(c Config) (*Server, error) {
	u, err := url.Parse(c.SMTP)
	switch {
	case err != nil, u.Scheme != "smtp" && u.Scheme != "smtps", u.Hostname() == "", u.Path != "" && u.Path != "/":
		return nil, errors.New("smtp: write smtp://host:587 or smtps://host:465")
	case u.User != nil:
		return nil, errors.New("smtp holds a user or password: they have fields of their own")
	}
	port := 587
	options := []mail.Option{mail.WithTimeout(deadline), mail.WithTLSPolicy(mail.TLSOpportunistic)}
	if u.Scheme == "smtps" {
		port, options = 465, []mail.Option{mail.WithTimeout(deadline), mail.WithSSL()}
	}
	if u.Port() != "" {
		if port, err = strconv.Atoi(u.Port()); err != nil {
			return nil, fmt.Errorf("smtp: the port %q is no number", u.Port())
		}
	}
	if c.TLS != nil {
		options = append(options, mail.WithTLSConfig(c.TLS))
	}
	if c.User != "" {
		options = append(options, mail.WithSMTPAuth(mail.SMTPAuthAutoDiscover), mail.WithUsername(c.User), mail.WithPassword(c.Password))
	}
	if err := mail.NewMsg().From(c.From); err != nil {
		return nil, fmt.Errorf("from: %w", err)
	}
	return &Server{host: u.Hostname(), from: c.From, options: append(options, mail.WithPort(port))}, nil
}

// Notify implements [activities.Notifier]. The channel is the address of who is
// told. The notice's id is the Message-ID, so that a mailbox knows a message
// that came twice.
func (s *Server) Notify(ctx context.Context, m activities.Message) error {
	msg, err := s.write(m)
	if err != nil {
		return fmt.Errorf("write the message: %w: %w", err, activities.ErrFinal)
	}
	client, err := mail.NewClient(s.host, s.options...)
	if err != nil {
		return fmt.Errorf("reach %s: %w", s.host, err)
	}
	if err := client.DialAndSendWithContext(ctx, msg); err != nil {
		return fmt.Errorf("send by %s: %w", s.host, err)
	}
	return nil
}

func (s *Server) write(m activities.Message) (*mail.Msg, error) {
	msg := mail.NewMsg()
	if err := msg.From(s.from); err != nil {
		return nil, err
	}
	if err := msg.To(m.Channel); err != nil {
		return nil, fmt.Errorf("to %q: %w", m.Channel, err)
	}
	msg.Subject(fmt.Sprintf("[%s] %s", m.Target, m.Event))
	msg.SetMessageIDWithValue(messageID(m.ID))
	msg.SetDateWithValue(m.At)
	body := m.Text + "\n"
	for _, line := range [][2]string{{"Candidate", m.Candidate}, {"Baseline", m.Baseline}, {"Weight", m.Weight.String()},
		{"Owner", m.Owner}, {"By", m.Actor}, {"Link", m.UIURL}} {
		if line[1] != "" {
			body += fmt.Sprintf("\n%s: %s", line[0], line[1])
		}
	}
	msg.SetBodyString(mail.TypeTextPlain, body+"\n\n"+m.ID+"\n")
	return msg, nil
}

// messageID makes an id of a message from one of a notice: ids hold letters,
// digits and "/-._" alone, and a Message-ID takes all of them.
func messageID(id string) string { return strings.Trim(id, "/") + "@bakeoff" }

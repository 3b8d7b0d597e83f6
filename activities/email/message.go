package email

import (
	"bytes"
	"fmt"
	"mime"
	"mime/quotedprintable"
	"net/mail"
	"strings"

	"bakeoff/activities"
)

// compose writes a message. Header fields hold addresses that were parsed, and
// names and ids without spaces: nothing in them can begin a line of its own.
func compose(from, to *mail.Address, m activities.Message) []byte {
	var out bytes.Buffer
	for _, field := range [][2]string{
		{"From", from.String()}, {"To", to.String()},
		{"Subject", mime.QEncoding.Encode("utf-8", fmt.Sprintf("[%s] %s", m.Target, m.Event))},
		{"Message-ID", "<" + m.ID + "@bakeoff>"}, {"Date", m.At.UTC().Format("Mon, 02 Jan 2006 15:04:05 -0700")},
		{"MIME-Version", "1.0"}, {"Content-Type", "text/plain; charset=utf-8"}, {"Content-Transfer-Encoding", "quoted-printable"},
	} {
		fmt.Fprintf(&out, "%s: %s\r\n", field[0], field[1])
	}
	out.WriteString("\r\n")
	body := quotedprintable.NewWriter(&out)
	_, _ = body.Write([]byte(text(m))) // into memory: it cannot fail
	_ = body.Close()
	return out.Bytes()
}

func text(m activities.Message) string {
	lines := []string{m.Text, ""}
	for _, field := range [][2]string{{"Candidate", m.Candidate}, {"Baseline", m.Baseline}, {"Weight", m.Weight.String()},
		{"Owner", m.Owner}, {"By", m.Actor}, {"Link", m.UIURL}} {
		if field[1] != "" {
			lines = append(lines, field[0]+": "+field[1])
		}
	}
	return strings.Join(append(lines, "", m.ID, ""), "\r\n")
}

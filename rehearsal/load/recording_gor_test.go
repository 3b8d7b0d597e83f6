package load_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/rehearsal/load"
)

// captured is what GoReplay writes: a request, its answer, and a later request.
const captured = "1 932079936fa4306fc308d67588178d17d823647c 1439818823587396305\nGET /a?b=c HTTP/1.1\r\nHost: shop\r\nX-Tag: one\r\nX-Tag: two\r\nCookie: secret\r\n\r\n\n🐵🙈🙉\n" +
	"2 932079936fa4306fc308d67588178d17d823647c 1439818823687396305 100000000\nHTTP/1.1 200 OK\r\n\r\nhi\n🐵🙈🙉\n" +
	"1 a232079936fa4306fc308d67588178d17d823647 1439818824587396305\nPOST /orders HTTP/1.1\r\nContent-Length: 9\r\nContent-Type: text/plain\r\n\r\ntwo\nlines\n🐵🙈🙉\n"

func TestRecordingsOfGoReplay(t *testing.T) {
	got, err := load.ParseRecording(load.FormatGor, strings.NewReader(captured))
	require.NoError(t, err)
	require.Equal(t, []load.Recorded{
		{Method: "GET", Path: "/a?b=c", Headers: map[string]string{"X-Tag": "one, two"}},
		{Offset: time.Second, Method: "POST", Path: "/orders", Headers: map[string]string{"Content-Type": "text/plain"}, Body: "two\nlines"},
	}, got)
}

func TestBadRecordingsOfGoReplay(t *testing.T) {
	for want, text := range map[string]string{
		`line 1: "x" is not a beginning of a message`:                  "x",
		`line 1: "soon" is not a time in nanoseconds`:                  "1 id soon\nGET / HTTP/1.1\r\n\r\n",
		"line 24: the request is cut off":                              captured + "1 id 5\nGET / HTTP/1.1\r\nHo",
		"line 2: \"GET /\" is not a request such as":                   "1 id 5\nGET /\r\n\r\n",
		"line 2: \"BREW\" is not a method that can be sent":            "1 id 5\nBREW / HTTP/1.1\r\n\r\n",
		"line 2: has a body in chunks":                                 "1 id 5\nPOST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n",
		"line 2: has a body of 1 bytes, and says 9: it was not record": "1 id 5\nPOST / HTTP/1.1\r\nContent-Length: 9\r\n\r\na",
		"the recording has no request in it":                           "2 id 5 1\nHTTP/1.1 200 OK\r\n\r\n",
	} {
		_, err := load.ParseRecording(load.FormatGor, strings.NewReader(text))
		require.ErrorContains(t, err, want)
	}
}

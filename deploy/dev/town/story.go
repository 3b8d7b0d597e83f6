package town

import (
	"fmt"
	"io"
	"sync"
	"time"
)

// Story is what people read while a town is at work: lines with the time since
// the beginning. It is safe for concurrent use.
type Story struct {
	Began   time.Time
	out     io.Writer
	writing sync.Mutex
}

// NewStory begins now.
func NewStory(out io.Writer) *Story { return &Story{Began: time.Now(), out: out} }

// Say prints one line with the time.
func (s *Story) Say(format string, args ...any) {
	s.Print("%6.1fs  %s\n", time.Since(s.Began).Seconds(), fmt.Sprintf(format, args...))
}

// Print prints as it is.
func (s *Story) Print(format string, args ...any) {
	s.writing.Lock()
	defer s.writing.Unlock()
	fmt.Fprintf(s.out, format, args...)
}

package scaled

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"strconv"
	"time"
)

// The variables that make the program a replica.
const (
	RateVariable  = "SCALED_REPLICA_RATE"  // requests a second
	StartVariable = "SCALED_REPLICA_START" // how long it takes to be ready
)

// Replica is a replica's whole life: after start it says that it is ready, and
// then answers each line that it reads by one of its own, rate a second. A line says
// when its request came, in Unix nanoseconds: so a busy replica keeps its rate on a
// slow machine, too, which wakes it late. It ends when in does: the pipe closes
// however its service dies.
func Replica(in io.Reader, out io.Writer, rate float64, start time.Duration) error {
	lines := linesOf(in)
	select {
	case <-lines: // nobody asks before it is ready: the service is gone
		return nil
	case <-time.After(start):
	}
	if _, err := fmt.Fprintln(out, "ready"); err != nil {
		return fmt.Errorf("say that it is ready: %w", err)
	}
	each, free := time.Duration(float64(time.Second)/rate), time.Now()
	for line := range lines {
		came, err := strconv.ParseInt(line, 10, 64)
		if err != nil {
			return fmt.Errorf("read when a request came: %w", err)
		}
		if at := time.Unix(0, came); at.After(free) {
			free = at // until then it had nothing to do
		}
		free = free.Add(each)
		<-time.After(time.Until(free))
		if _, err := fmt.Fprintln(out, "done"); err != nil {
			return fmt.Errorf("answer: %w", err)
		}
	}
	return nil
}

// replica is one process, from the service's side.
type replica struct {
	stop  chan struct{} // closed: end after the request at hand
	ready chan struct{} // closed when it can be asked
	done  chan struct{} // closed when the process has ended
}

// start starts a process that takes requests from the queue until it is told to
// stop. No other process holds the ends of its pipes.
func (s *Service) start() (*replica, error) {
	cmd := exec.Command(s.program[0], s.program[1:]...)
	cmd.Env = append(os.Environ(), RateVariable+"="+strconv.FormatFloat(s.options.Rate, 'g', -1, 64), StartVariable+"="+s.options.SlowStart.String())
	cmd.Stderr = os.Stderr
	in, err := cmd.StdinPipe()
	if err != nil {
		return nil, fmt.Errorf("start a replica: %w", err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		return nil, fmt.Errorf("start a replica: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return nil, fmt.Errorf("start a replica: %w", err)
	}
	r := &replica{stop: make(chan struct{}), ready: make(chan struct{}), done: make(chan struct{})}
	go r.giveUp(in)
	go func() {
		defer close(r.done)
		s.work(r, in, linesOf(out))
		_ = in.Close()
		_ = cmd.Wait() // how it ended is of no interest: it is replaced if it is wanted
	}()
	return r, nil
}

// giveUp ends a replica that is told to stop before it is ready.
func (r *replica) giveUp(in io.Closer) {
	select {
	case <-r.done:
	case <-r.ready:
	case <-r.stop:
		select {
		case <-r.ready:
		default:
			_ = in.Close()
		}
	}
}

// linesOf tells of each line, and is closed when there will be no more.
func linesOf(out io.Reader) <-chan string {
	lines := make(chan string)
	go func() {
		defer close(lines)
		for s := bufio.NewScanner(out); s.Scan(); {
			lines <- s.Text()
		}
	}()
	return lines
}

// work takes requests from the queue, one at a time, until the replica is told
// to stop, or has died.
func (s *Service) work(r *replica, in io.Writer, says <-chan string) {
	if _, alive := <-says; !alive {
		return
	}
	close(r.ready)
	s.meter.changeReady(1)
	defer s.meter.changeReady(-1)
	for {
		select {
		case <-r.stop: // before any request that waits
			return
		default:
		}
		select {
		case <-r.stop:
			return
		case <-says: // unasked: it has died
			return
		case one := <-s.queue:
			if !s.ask(one, in, says) {
				return
			}
		}
	}
}

// ask has one request answered, and reports whether it was.
func (s *Service) ask(one *request, in io.Writer, says <-chan string) bool {
	s.meter.changeBusy(1)
	defer s.meter.changeBusy(-1)
	_, err := fmt.Fprintln(in, one.came.UnixNano())
	answered := err == nil
	if answered {
		_, answered = <-says
	}
	one.answered <- answered
	return answered
}

package rehearsals

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/client"
	"go.temporal.io/sdk/log"
)

// abreast is how many rehearsals run at a time, each in its own lane. One kill meets
// all of them, each at a moment of its own.
const abreast = 5

// wholly is about how long a rehearsal takes that nobody kills: the moments are
// drawn from that.
const wholly = 9 * time.Second

// cleanWithin bounds how long anything of a rehearsal may be left after a kill. Acts
// of a dead worker are missed after some seconds each.
const cleanWithin = 2 * time.Minute

// met is what kills met.
type met struct{ rehearsals, underWay, faults, candidates, flags int }

func (m met) String() string {
	return fmt.Sprintf("%d under way, %d with a fault in force, %d with a candidate, %d with its flag", m.underWay, m.faults, m.candidates, m.flags)
}

// kill kills rehearsals, as many as the options say: a worker by SIGKILL, or the
// workflows by a terminate. After each kill it waits until everything is as it was
// before the first, and fails where it does not become so.
func (h *hall) kill(ctx context.Context) error {
	defer h.flags.server.Close()
	c, err := client.DialContext(ctx, client.Options{HostPort: h.town.Temporal, Logger: log.NewStructuredLogger(slog.New(slog.NewTextHandler(io.Discard, nil)))})
	if err != nil {
		return err
	}
	defer c.Close()
	first, err := h.look(ctx, c)
	if err != nil {
		return err
	}
	h.story.Say("killing %d rehearsals, %d at a time; --seed %d draws the same moments again", h.options.Kills, len(h.place.Lanes), h.options.Seed)
	var all met
	luck, ways := rand.New(rand.NewPCG(h.options.Seed, 0)), h.ways(c)
	for round := 0; all.rehearsals < h.options.Kills; round++ {
		way, lanes := ways[round%len(ways)], h.place.Lanes[:min(abreast, h.options.Kills-all.rehearsals)]
		one, took, err := h.killOnce(ctx, c, way, lanes, moments(luck, len(lanes)), first)
		if err != nil {
			return fmt.Errorf("seed %d, round %d, %s: %w", h.options.Seed, round+1, way.name, err)
		}
		all = met{all.rehearsals + len(lanes), all.underWay + one.underWay, all.faults + one.faults, all.candidates + one.candidates, all.flags + one.flags}
		h.story.Say("%d of %d, %s: %s; nothing left after %s", all.rehearsals, h.options.Kills, way.name, one, took.Round(100*time.Millisecond))
	}
	h.story.Say("%d rehearsals killed: %s; no fault, process, route or flag was left", all.rehearsals, all)
	if all.rehearsals >= 25 && min(all.faults, all.candidates, all.flags) == 0 {
		return errors.New("no moment met a fault, a candidate, or its flag: that shows nothing")
	}
	return nil
}

// way is how rehearsals are killed.
type way struct {
	name string
	act  func(context.Context, []lane) error
}

// ways are taken in turns. A worker that was killed is started again, as whatever
// keeps it running does.
func (h *hall) ways(c client.Client) []way {
	return []way{
		{"SIGKILL to the worker that rolls out", func(ctx context.Context, _ []lane) error {
			return errors.Join(h.control.Kill(), h.startControl(ctx))
		}},
		{"SIGKILL to the worker of rehearsals", func(ctx context.Context, _ []lane) error {
			return errors.Join(h.staff.Kill(), h.startStaff(ctx))
		}},
		{"terminated by an admin", func(ctx context.Context, lanes []lane) error {
			for _, l := range lanes {
				err := c.TerminateWorkflow(ctx, l.rehearsal(), "", "killed on purpose")
				if over := new(serviceerror.NotFound); err != nil && !errors.As(err, &over) {
					return fmt.Errorf("terminate %s: %w", l.rehearsal(), err)
				}
			}
			return nil
		}},
	}
}

// moments are how long after its beginning each of n rehearsals is killed.
func moments(luck *rand.Rand, n int) []time.Duration {
	out := make([]time.Duration, n)
	for i := range out {
		out[i] = time.Duration(luck.Int64N(int64(wholly)))
	}
	return out
}

// killOnce begins a rehearsal in each lane, kills them, each when its moment has
// come, and returns what was met when everything is as it was.
func (h *hall) killOnce(ctx context.Context, c client.Client, way way, lanes []lane, at []time.Duration, first scenery) (m met, took time.Duration, err error) {
	if err := h.begin(ctx, lanes, at); err != nil {
		return m, 0, err
	}
	amid, err := h.look(ctx, c)
	if err != nil {
		return m, 0, err
	}
	began := time.Now()
	if err := way.act(ctx, lanes); err != nil {
		return m, 0, err
	}
	for _, l := range lanes {
		m.underWay += amid.has(workflowsOpen, l.rehearsal())
		m.faults += amid.has(toxics, l.Name)
		m.candidates += amid.has(versions, l.Name+"/versions/"+candidate)
		m.flags += amid.has(flagsSet, l.Name)
	}
	ctx, cancel := context.WithTimeoutCause(ctx, cleanWithin, fmt.Errorf("it is not as it was before, %s after the kill", cleanWithin))
	defer cancel()
	err = h.awaitAsBefore(ctx, c, lanes, first)
	return m, time.Since(began), err
}

// begin starts a rehearsal in each lane, the one with the latest moment first, so
// that the moments of all come together, and returns then.
func (h *hall) begin(ctx context.Context, lanes []lane, at []time.Duration) error {
	last := slices.Max(at)
	errs := make([]error, len(lanes))
	var beginning sync.WaitGroup
	for i, l := range lanes {
		beginning.Go(func() {
			if errs[i] = sleep(ctx, last-at[i]); errs[i] != nil {
				return
			}
			var code int
			_, code, errs[i] = h.town.CLI.Call(ctx, func(string) {}, "rehearse", l.Name+"-rehearsal.yaml", "--detach", "--reason", "to be killed")
			if errs[i] == nil && code != 0 {
				errs[i] = fmt.Errorf("bakeoff rehearse %s-rehearsal.yaml: exit %d", l.Name, code)
			}
		})
	}
	err := sleep(ctx, last)
	beginning.Wait()
	return errors.Join(append(errs, err)...)
}

// awaitAsBefore returns when the rehearsals are over, and nothing of them is left.
func (h *hall) awaitAsBefore(ctx context.Context, c client.Client, lanes []lane, first scenery) error {
	for {
		now, err := h.look(ctx, c)
		left := now.unlike(first)
		for _, l := range lanes {
			d, failed := c.DescribeWorkflowExecution(ctx, l.rehearsal(), "")
			err = errors.Join(err, failed)
			if failed == nil && d.GetWorkflowExecutionInfo().GetCloseTime() == nil {
				left = append(left, l.rehearsal()+" is not over")
			}
		}
		if err == nil && len(left) == 0 {
			return ended(h.place.Faults())
		}
		if sleep(ctx, 200*time.Millisecond) != nil {
			return errors.Join(fmt.Errorf("%w: %q", context.Cause(ctx), left), err)
		}
	}
}

// sleep returns after a while, or with an error when ctx has ended.
func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(d):
		return nil
	}
}

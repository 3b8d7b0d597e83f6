package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"time"
)

// person is somebody who acts on a rollout while it runs, such that it ends. It gets the chapter as
// far as it is written.
type person func(*demo, context.Context, *chapter, func(string)) error

// rollAndAct starts a rollout and waits for its end, which a person brings
// about meanwhile. The result is that of wait.
func (d *demo) rollAndAct(ctx context.Context, c *chapter, told func(string)) error {
	d.story.Say("%s $ bakeoff start %s", c.Version, c.file())
	out, code, err := d.cli.Call(ctx, told, "start", c.file(), "--reason", c.Purpose, "-o", "json")
	if err != nil {
		return err
	}
	if code != 0 {
		return fmt.Errorf("start %s: exit %d: %s", c.Version, code, out)
	}
	ended := make(chan error, 1)
	var end chapter
	waiting, stop := context.WithCancel(ctx)
	defer stop()
	go func() {
		var err error
		end.result, end.code, err = d.cli.result(waiting, told, "wait", shopTarget)
		ended <- err
	}()
	if err = c.person(d, ctx, c, told); err != nil {
		stop() // what nobody ended may go on for long
	}
	err = errors.Join(err, <-ended)
	c.result, c.code = end.result, end.code
	return err
}

// abortAfter is how long the candidate serves users before somebody objects.
const abortAfter = 2 * time.Second

// abort is a person who changes their mind once the candidate serves users.
func (d *demo) abort(ctx context.Context, c *chapter, told func(string)) error {
	_, err := d.lookUntil(ctx, c.Version, func(s result) bool { return s.Weight != "0%" && s.Weight != "" })
	if err != nil {
		return err
	}
	select {
	case <-ctx.Done():
		return context.Cause(ctx)
	case <-time.After(abortAfter):
	}
	return d.order(ctx, c, "abort", "marketing wants to announce it first", told)
}

// reject is a pipeline that finds the rollout held, and the person whom it
// asks.
func (d *demo) reject(ctx context.Context, c *chapter, told func(string)) error {
	held, err := d.lookUntil(ctx, c.Version, func(s result) bool { return s.WaitingFor == "hold" })
	if err != nil {
		return err
	}
	if c.held = held.Reason; !strings.HasPrefix(c.held, "Inconclusive") {
		return fmt.Errorf("%s is held for another reason: %s", c.Version, c.held)
	}
	const patience = "1s"
	d.story.Say("%s $ bakeoff wait %s --timeout %s", c.Version, shopTarget, patience)
	_, code, err := d.cli.Call(ctx, func(string) {}, "wait", shopTarget, "--timeout", patience, "-o", "json")
	if err != nil {
		return err
	}
	if code != exitWaiting {
		return fmt.Errorf("wait for the held %s: exit %d, not %d", c.Version, code, exitWaiting)
	}
	d.story.Say("%s exit %d, held: %s", c.Version, code, c.held)
	return d.order(ctx, c, "reject", "no proof, no release: try a longer bake", told)
}

const lookEvery = 500 * time.Millisecond

// lookUntil asks where the rollout stands until it is as wanted.
func (d *demo) lookUntil(ctx context.Context, version string, wanted func(result) bool) (result, error) {
	for {
		out, _, err := d.cli.Call(ctx, func(string) {}, "status", shopTarget, "-o", "json")
		var s result
		if err == nil {
			err = json.Unmarshal(out, &s)
		}
		switch {
		case err != nil:
			return s, fmt.Errorf("look at %s: %w", version, err)
		case s.Phase == "Completed":
			return s, fmt.Errorf("%s was over before anybody acted: %s", version, s.Reason)
		case wanted(s):
			return s, nil
		}
		select {
		case <-ctx.Done():
			return s, context.Cause(ctx)
		case <-time.After(lookEvery): // the machine has users to serve
		}
	}
}

// order gives a command, with a reason, and demands that it is obeyed.
func (d *demo) order(ctx context.Context, c *chapter, command, reason string, told func(string)) error {
	d.story.Say("%s $ bakeoff %s %s --reason %q", c.Version, command, shopTarget, reason)
	out, code, err := d.cli.Call(ctx, told, command, shopTarget, "--reason", reason, "-o", "json")
	if err == nil && code != 0 {
		err = fmt.Errorf("%s %s: exit %d: %s", command, c.Version, code, out)
	}
	return err
}

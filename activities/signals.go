package activities

import (
	"context"
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/rehearsal"
	"bakeoff/rollout"
)

// SampleSignalInput asks for one of the signals of a service.
type SampleSignalInput struct {
	Run     string           `json:"run"`
	Signal  rehearsal.Signal `json:"signal"`            // every default written out
	Drivers rollout.Drivers  `json:"drivers"`           // its metrics serve where Signal names none
	Version string           `json:"version,omitempty"` // what {{.Version}} of queries stands for
	Until   time.Time        `json:"until"`             // at the latest: a cancel ends it before
}

// SampleSignalOutput is how reading a signal ended. What was read stands in files
// of the run.
type SampleSignalOutput struct {
	Signal string `json:"signal"`
	Error  string `json:"error,omitempty"` // why it broke off; "": it did not
}

// mostLate bounds how long after the practice the last moments of a signal are
// waited for, where its metrics are late.
const mostLate = time.Minute

// SampleSignal reads a signal of the service until it is cancelled, and keeps every
// reading in a file of the run: its value, or why there is none. Where metrics are
// late, the moments before the cancel are read after it. Each try has a file of its
// own, so that what a worker that died had read is kept; a signal that the metrics
// driver can never read is a final error.
func (a *Activities) SampleSignal(ctx context.Context, in SampleSignalInput) (SampleSignalOutput, error) {
	out, name := SampleSignalOutput{Signal: in.Signal.Name}, "read "+in.Signal.Name
	defer keepAlive(context.WithoutCancel(ctx))() // it goes on after the cancel where metrics are late
	if a.Archive == nil {
		return out, asTemporal(name, fmt.Errorf("this worker keeps no evidence: configure evidence.directory: %w", ErrFinal))
	}
	reader, err := a.signalReaderOf(in.Signal, in.Drivers, in.Version)
	if err != nil {
		return out, asTemporal(name, err)
	}
	file := signalName(in.Signal.Name, activity.GetInfo(ctx).Attempt)
	err = a.keepRaw(ctx, in.Run, file, func(raw io.Writer) error {
		to := csv.NewWriter(raw)
		watching, done := untilStop(ctx)
		defer done()
		switch err := a.readOn(watching, reader, in, to); {
		case err == nil || watching.Err() == nil:
			return err
		case isStopping(ctx):
			return errHandOver
		}
		late := min(reader.metrics.Delay(), mostLate)
		last, done := context.WithTimeout(context.WithoutCancel(ctx), late)
		defer done()
		if err := a.readOn(last, reader, in, to); !errors.Is(err, context.DeadlineExceeded) {
			return err
		}
		return nil
	})
	if errors.Is(err, errHandOver) {
		return out, errHandOver
	}
	return out, asTemporal(name, err)
}

// signalReaderOf reads one signal.
func (a *Activities) signalReaderOf(s rehearsal.Signal, of rollout.Drivers, version string) (*signalReader, error) {
	driver := s.Metrics
	if driver == nil {
		driver = of.Metrics
	}
	reader, err := a.newSignalReader(driver, Version{Version: version, Endpoints: s.Endpoints}, []signal{{name: s.Name, how: s.Signal}})
	if err != nil {
		return nil, err
	}
	if why := neverRead(reader.signals[0], reader.metrics); why != "" {
		return nil, fmt.Errorf("%s: %w", why, ErrFinal)
	}
	return reader, nil
}

// readOn reads a signal as often as it says, until the context is done, which is the
// error, or Until. Readings that were missed are not made up for.
func (a *Activities) readOn(ctx context.Context, reader *signalReader, in SampleSignalInput, to *csv.Writer) error {
	every := in.Signal.Poll.Std()
	for next := a.now(); next.Before(in.Until); {
		if err := sleep(ctx, next.Sub(a.now())); err != nil {
			return err
		}
		at, values := reader.read(ctx, a.now())
		if ctx.Err() != nil {
			return context.Cause(ctx)
		}
		if err := writeReading(to, at, values[0]); err != nil {
			return err
		}
		next = next.Add(every)
		if late := a.now().Sub(next); late > 0 {
			next = next.Add(late.Truncate(every) + every)
		}
	}
	return nil
}

// writeReading keeps a reading: its moment, its value or nothing, and why there is
// none. The first of what is counted is none, and nothing is wrong with it.
func writeReading(to *csv.Writer, at time.Time, v readValue) error {
	if errors.Is(v.why, errFirst) {
		return nil
	}
	value, why := "", ""
	switch {
	case v.why != nil:
		why = v.why.Error()
	case math.IsNaN(v.number) || math.IsInf(v.number, 0):
		why = fmt.Sprintf("%v is not a number", v.number)
	default:
		value = strconv.FormatFloat(v.number, 'g', -1, 64)
	}
	_ = to.Write([]string{at.UTC().Format(time.RFC3339Nano), value, why}) // Error has it
	to.Flush()
	if err := to.Error(); err != nil {
		return fmt.Errorf("keep what was read: %w", err)
	}
	return nil
}

// signalName is the file of a signal. Each try has its own.
func signalName(name string, attempt int32) string {
	return fmt.Sprintf("signal-%s.%d.csv", name, attempt)
}

// unreadSignals says of which signals a worker can never read anything, before
// anything starts. It asks no outside system.
func (a *Activities) unreadSignals(m rehearsal.Manifest) []rollout.Problem {
	var out []rollout.Problem
	for i, s := range m.PlannedSignals() {
		path := fmt.Sprintf("signals[%d]", i)
		for k, endpoint := range m.Signals[i].Endpoints {
			if a.Practice.Reaches != nil && !a.Practice.Reaches(endpoint) {
				out = append(out, rollout.Problem{Path: fmt.Sprintf("%s.endpoints[%d]", path, k),
					Message: endpoint + " is not read: this worker's rehearsals.urls does not name it"})
			}
		}
		if _, err := a.signalReaderOf(s, m.Rollout.Target, ""); err != nil {
			out = append(out, rollout.Problem{Path: path, Message: said(err)})
		}
	}
	return out
}

// signalsSeen is what was read of every signal of the manifest, whatever that was.
func (a *Activities) signalsSeen(ctx context.Context, in ConcludeRehearsalInput) ([]rehearsal.SeenSignal, error) {
	var out []rehearsal.SeenSignal
	planned := in.Order.Manifest.PlannedSignals()
	if len(planned) == 0 {
		return nil, nil
	}
	files, err := a.Archive.Files(ctx, in.Plan.Run)
	if err != nil {
		return nil, fmt.Errorf("list the files of %s: %w", in.Plan.Run, err)
	}
	there := map[string]bool{}
	for _, f := range files {
		there[f.Name] = true
	}
	for _, s := range planned {
		seen := rehearsal.SeenSignal{Name: s.Name, Unit: s.Unit}
		for try := int32(1); try <= mostTries; try++ {
			if name := signalName(s.Name, try); there[name] {
				if err := a.readSignal(ctx, in.Plan.Run, name, &seen); err != nil {
					return nil, err
				}
			}
		}
		for _, end := range in.Facts.Signals {
			if end.Signal == s.Name && end.Error != "" {
				seen.Unread = end.Error
			}
		}
		out = append(out, seen)
	}
	return out, nil
}

// readSignal adds what one try has read. A file that was cut off, because its worker
// died, ends where it ends; what comes before the last reading of the try before is
// not taken.
func (a *Activities) readSignal(ctx context.Context, run, name string, seen *rehearsal.SeenSignal) error {
	from, err := a.Archive.Open(ctx, run, name)
	if err != nil {
		return fmt.Errorf("open %s: %w", name, err)
	}
	defer func() { _ = from.Close() }() // it was only read
	for lines := csv.NewReader(from); ; {
		line, err := lines.Read()
		if err != nil || len(line) != 3 {
			return nil // its end, or where it was cut off
		}
		at, err := time.Parse(time.RFC3339Nano, line[0])
		if err != nil {
			return nil // it was cut off here
		}
		if line[2] != "" {
			seen.Unread = line[2]
		}
		value, err := strconv.ParseFloat(line[1], 64)
		if last := len(seen.At) - 1; err == nil && (last < 0 || at.After(seen.At[last])) {
			seen.At, seen.Values = append(seen.At, at), append(seen.Values, value)
		}
	}
}

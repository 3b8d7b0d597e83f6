package activities

import (
	"bytes"
	"compress/flate"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"time"

	"go.temporal.io/sdk/activity"

	"bakeoff/analysis"
	"bakeoff/rollout"
)

// heartbeat is what survives the death of a worker in mid-window.
type heartbeat struct {
	Progress progress `json:"progress"`
	State    []byte   `json:"state"` // packed panelState
	Raw      string   `json:"raw"`   // lines not yet in the vault

	Checks []rollout.CheckResult `json:"checks,omitempty"` // where they stand, for people who look on
}

func (o *observer) heartbeat(ctx context.Context) error {
	if err := o.keep(); err != nil {
		return err
	}
	o.beaten = o.At
	activity.RecordHeartbeat(ctx, o.last)
	return nil
}

// keep makes what is known now the heartbeat to send.
func (o *observer) keep() error {
	saved, err := o.panel.save()
	if err != nil {
		return asTemporal("observe", err)
	}
	state, err := packState(saved)
	if err != nil {
		return asTemporal("observe", err)
	}
	o.last = heartbeat{Progress: o.progress, State: state, Raw: o.raw.tail(), Checks: o.checks}
	return nil
}

// repeat sends the last heartbeat again until the returned function is called: a
// server that hangs keeps a poll for longer than a heartbeat may be late.
func (o *observer) repeat(ctx context.Context) (stop func()) {
	waiting, cancel := context.WithCancel(ctx)
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		for sleep(waiting, 2*time.Second) == nil {
			activity.RecordHeartbeat(ctx, o.last)
		}
	}()
	return func() {
		cancel()
		<-ended
	}
}

// packState compresses the judges' state: it goes into history with every
// window.
func packState(s panelState) ([]byte, error) {
	body, err := json.Marshal(s)
	if err != nil {
		return nil, fmt.Errorf("pack the judges' state: %w", err)
	}
	var out bytes.Buffer
	w, err := flate.NewWriter(&out, flate.BestCompression)
	if err != nil {
		return nil, fmt.Errorf("pack the judges' state: %w", err)
	}
	if _, err = w.Write(body); err == nil {
		err = w.Close()
	}
	if err != nil {
		return nil, fmt.Errorf("pack the judges' state: %w", err)
	}
	return out.Bytes(), nil
}

// maxState bounds what a packed state may unpack to.
const maxState = 16 << 20

func unpackState(packed []byte) (panelState, error) {
	var s panelState
	if len(packed) == 0 {
		return s, nil
	}
	body, err := io.ReadAll(io.LimitReader(flate.NewReader(bytes.NewReader(packed)), maxState))
	if err == nil {
		err = json.Unmarshal(body, &s)
	}
	if err != nil {
		return s, fmt.Errorf("unpack the judges' state: %w: %w", err, ErrFinal)
	}
	return s, nil
}

// recording keeps the raw windows of one Observe as JSON lines, in the form
// that `bakeoff judge` reads: with the spec, the recordings of a rollout lead to
// its verdicts again.
type recording struct {
	name   string
	lines  strings.Builder
	mute   map[string]bool            // checks that are not judged: nothing of them is evidence
	taught map[string]analysis.Taught // by check, until its first window
}

// newRecording makes an empty one. Its name begins with the time, so that a
// rollout's recordings are in order by their names.
func newRecording(in ObserveInput) *recording {
	r := &recording{mute: map[string]bool{}, taught: taughtOf(in.Bounds, in.Learned),
		name: fmt.Sprintf("%s/%d/%d.s%02d.w%02d.jsonl", in.Target, in.Fence.Epoch, in.Start.UnixMilli(), in.Step, in.Window)}
	for _, check := range in.Checks {
		r.mute[check.Name] = in.Absolute && !check.IsAbsolute()
	}
	return r
}

func (r *recording) resume(lines string) { r.lines.WriteString(lines) }

func (r *recording) add(windows []analysis.Window) {
	for _, w := range windows {
		if r.mute[w.Check] {
			continue
		}
		if known, first := r.taught[w.Check]; first {
			w.Taught = &known
			delete(r.taught, w.Check)
		}
		if line, err := json.Marshal(w); err == nil { // a window that was folded holds finite numbers
			r.lines.Write(line)
			r.lines.WriteByte('\n')
		}
	}
}

// maxTail bounds the raw lines that a heartbeat carries. A longer recording
// loses its oldest lines when a worker dies, never what was judged.
const maxTail = 256 << 10

func (r *recording) tail() string {
	all := r.lines.String()
	if len(all) <= maxTail {
		return all
	}
	cut := all[len(all)-maxTail:]
	return cut[strings.IndexByte(cut, '\n')+1:]
}

// seal puts the recording into the vault and returns its place and digest. A
// vault that cannot be reached does not stop a rollout: the place is empty then
// and the digest says what it should have held.
func (r *recording) seal(ctx context.Context, v Vault) (place, digest string) {
	if r.lines.Len() == 0 {
		return "", ""
	}
	body := []byte(r.lines.String())
	sum := sha256.Sum256(body)
	if v != nil {
		if p, err := v.Put(ctx, r.name, body); err == nil {
			place = p
		} else {
			activity.GetLogger(ctx).Warn("Could not keep raw windows", "name", r.name, "error", err)
		}
	}
	return place, "sha256:" + hex.EncodeToString(sum[:])
}

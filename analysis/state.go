package analysis

import (
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"math"
)

// stateVersion is the first byte of every state.
const stateVersion = 1

// ErrState marks a state that does not belong to this judge, or is damaged.
var ErrState = errors.New("state of another judge")

// state reads or writes a judge's fields in one fixed order, so that both
// directions are the same code.
type state struct {
	data    []byte
	reading bool
	broken  bool
}

// MarshalBinary returns the whole state: at most 512 bytes for a rate, 8 KiB
// for latency, 330 KiB for the judges that keep values. The configuration is not part of it.
func (j *Judge) MarshalBinary() ([]byte, error) {
	s := &state{data: make([]byte, 0, 512)}
	s.data = append(s.data, stateVersion)
	s.data = binary.LittleEndian.AppendUint32(s.data, j.config.rule())
	j.visit(s)
	h := fnv.New32a()
	h.Write(s.data)
	return h.Sum(s.data), nil
}

// UnmarshalBinary restores a state that MarshalBinary wrote for a judge with
// the same parameters; the share of α, minRequests and weight may differ. On an
// error, which wraps ErrState, the judge is as New made it.
func (j *Judge) UnmarshalBinary(data []byte) error {
	empty, err := New(j.config)
	if err != nil {
		return err
	}
	restored, err := New(j.config)
	if err != nil {
		return err
	}
	*j = *empty
	body, err := j.open(data)
	if err != nil {
		return fmt.Errorf("check %q: %w", j.config.Name, err)
	}
	s := &state{data: body, reading: true}
	if restored.visit(s); s.broken || len(s.data) > 0 {
		return fmt.Errorf("check %q: %w: wrong length", j.config.Name, ErrState)
	}
	*j = *restored
	return nil
}

// open checks version, sum and parameters of a state and returns the rest.
func (j *Judge) open(data []byte) ([]byte, error) {
	end := len(data) - 4
	if end < 5 || data[0] != stateVersion {
		return nil, fmt.Errorf("%w: not version %d", ErrState, stateVersion)
	}
	h := fnv.New32a()
	h.Write(data[:end])
	if binary.BigEndian.Uint32(data[end:]) != h.Sum32() {
		return nil, fmt.Errorf("%w: damaged", ErrState)
	}
	if binary.LittleEndian.Uint32(data[1:]) != j.config.rule() {
		return nil, fmt.Errorf("%w: other parameters", ErrState)
	}
	return data[5:end], nil
}

// rule identifies the parameters that a state depends on.
func (c Config) rule() uint32 {
	depends, err := json.Marshal(Config{Judge: c.Judge, SLO: c.SLO, Bounds: c.Bounds, Learned: c.Learned})
	if err != nil { // NaN and infinite parameters are refused by New
		panic(err) //nolint:forbidigo // cannot happen: New has refused it
	}
	h := fnv.New32a()
	h.Write(depends)
	return h.Sum32()
}

func (j *Judge) visit(s *state) {
	s.flags(&j.failed, &j.step.started, &j.step.lastRefused, &j.step.twins.differed, &j.step.twins.telling)
	s.side(&j.step.lacks)
	s.floats(&j.seenStart, &j.seenEnd, &j.foldedEnd)
	s.floats(&j.baseline.requests, &j.baseline.failures, &j.candidate.requests, &j.candidate.failures)
	s.floats(&j.step.start, &j.step.covered, &j.step.baseline, &j.step.candidate)
	s.counts(&j.windows, &j.late, &j.refused, &j.step.windows, &j.step.refused, &j.step.twins.alike)
	s.float32(&j.step.twins.first)
	j.method.visit(s)
	s.split(&j.step.split)
}

// split is at the end, and not there where no share was known.
func (s *state) split(f *split) {
	if s.reading && len(s.data) > 0 || !s.reading && f.share > 0 {
		s.big(&f.share, &f.candidate, &f.baseline)
	}
}

func (s *state) big(fields ...*uint64) {
	for _, f := range fields {
		if !s.reading {
			s.data = binary.AppendUvarint(s.data, *f)
			continue
		}
		x, n := binary.Uvarint(s.data)
		if n <= 0 || x > largestCount {
			s.broken = true
			return
		}
		*f, s.data = x, s.data[n:]
	}
}

func (s *state) floats(fields ...*float64) {
	for _, f := range fields {
		*f = math.Float64frombits(s.word(math.Float64bits(*f)))
	}
}

func (s *state) word(x uint64) uint64 {
	if !s.reading {
		s.data = binary.LittleEndian.AppendUint64(s.data, x)
		return x
	}
	if len(s.data) < 8 {
		s.broken = true
		return 0
	}
	x = binary.LittleEndian.Uint64(s.data)
	s.data = s.data[8:]
	return x
}

func (s *state) slice(fields []float64) {
	for i := range fields {
		s.floats(&fields[i])
	}
}

// list is a slice of any length up to most.
func (s *state) list(fields *[]float64, most int) {
	n := len(*fields)
	s.counts(&n)
	if n > most {
		s.broken = true
	}
	if s.broken {
		return
	}
	if s.reading {
		*fields = make([]float64, n)
	}
	s.slice(*fields)
}

func (s *state) float32(f *float32) {
	if !s.reading {
		s.data = binary.AppendUvarint(s.data, uint64(math.Float32bits(*f)))
		return
	}
	x, n := binary.Uvarint(s.data)
	if n <= 0 || x > math.MaxUint32 { // the sign is the highest bit
		s.broken = true
		return
	}
	*f, s.data = math.Float32frombits(uint32(x)), s.data[n:]
}

func (s *state) counts(fields ...*int) {
	for _, f := range fields {
		if !s.reading {
			s.data = binary.AppendUvarint(s.data, uint64(*f))
			continue
		}
		x, n := binary.Uvarint(s.data)
		if n <= 0 || x > math.MaxInt32 {
			s.broken = true
			return
		}
		*f, s.data = int(x), s.data[n:]
	}
}

// flags packs up to eight booleans into a byte.
func (s *state) flags(fields ...*bool) {
	var packed int
	for i, f := range fields {
		if *f {
			packed |= 1 << i
		}
	}
	s.counts(&packed)
	for i, f := range fields {
		*f = packed&(1<<i) != 0
	}
}

func (s *state) side(f *side) {
	candidate, baseline := *f == candidateSide, *f == baselineSide
	s.flags(&candidate, &baseline)
	switch {
	case candidate:
		*f = candidateSide
	case baseline:
		*f = baselineSide
	default:
		*f = nothing
	}
}

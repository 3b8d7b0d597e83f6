//go:build linux

package faults

import (
	"bytes"
	"context"
	"debug/buildinfo"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"bakeoff/rehearsal/fault"
)

// timestampVariable names the file that libfaketime reads the time from.
const timestampVariable = "FAKETIME_TIMESTAMP_FILE"

// clock gives a process another time, through the file that libfaketime reads.
type clock struct{ fault.Clock }

func (c clock) prepare(_ context.Context, p Parameters, r *record) error {
	if err := r.prepareProcess(p, fault.Process{Name: c.Process}); err != nil {
		return err
	}
	proc := fmt.Sprintf("/proc/%d", r.Undo.Process.PID)
	file, err := timestampFile(proc)
	if err != nil {
		return refuse("process %s: %v", c.Process, err)
	}
	before, err := lookAt(file)
	if err == nil {
		err = before.owned()
	}
	if err != nil {
		return err
	}
	offset, err := c.Offset()
	if err != nil {
		return refuse("%v", err)
	}
	before.During = fmt.Appendf(nil, "%+.3f\n", offset.Seconds())
	r.Undo.File = &before
	return nil
}

// timestampFile is the file from which a process takes its time; an error says
// how the process has to be started.
func timestampFile(proc string) (string, error) {
	environ, err := os.ReadFile(filepath.Join(proc, "environ"))
	if err != nil {
		return "", err
	}
	maps, err := os.ReadFile(filepath.Join(proc, "maps"))
	if err != nil {
		return "", err
	}
	set := map[string]string{}
	for variable := range bytes.SplitSeq(environ, []byte{0}) {
		name, value, _ := strings.Cut(string(variable), "=")
		set[name] = value
	}
	if _, err := buildinfo.ReadFile(filepath.Join(proc, "exe")); err == nil {
		return "", fmt.Errorf("it is a program in Go, which asks the kernel for the time and not libfaketime: its clock cannot be changed")
	}
	file := set[timestampVariable]
	if !bytes.Contains(maps, []byte("libfaketime")) || !filepath.IsAbs(file) || set["FAKETIME"] != "" {
		return "", fmt.Errorf("it was not started for clock faults: start it with LD_PRELOAD=/usr/lib/x86_64-linux-gnu/faketime/libfaketime.so.1, "+
			"%s=/an/absolute/path, FAKETIME_NO_CACHE=1 and without FAKETIME", timestampVariable)
	}
	return file, nil
}

func (c clock) apply(_ context.Context, r *record) error {
	return r.Undo.File.write(r, r.Undo.File.During)
}

func (c clock) undo(_ context.Context, r *record) error { return r.undoFile() }

package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Where no worker is left the doctor says so, soon: right after they died, when
// Temporal still takes them for pollers, by their silence.
func TestDoctorWithoutWorkers(t *testing.T) {
	s := open(t).scene(t)
	s.start(oneLong)
	s.bakes(1000)
	s.town.worker.Kill()
	began := time.Now()
	out := s.cli("doctor")
	require.Equal(t, 14, out.Code, out.Stderr)
	require.Contains(t, out.Stdout, "unserved: no worker answers for "+s.target())
	require.Less(t, time.Since(began), 15*time.Second)
	require.Equal(t, 0, s.cli("doctor", "--env", "nosuchenv").Code)
}

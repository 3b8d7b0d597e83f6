//go:build linux

package identity_test

import (
	"io/fs"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities/identity"
)

func TestAProcessAndNoOther(t *testing.T) {
	cmd := exec.Command("sleep", "600")
	require.NoError(t, cmd.Start())
	it, err := identity.Of(cmd.Process.Pid)
	require.NoError(t, err)
	require.True(t, it.Alive())

	other, before, nobody := it, it, it
	other.Start++
	before.Boot = "another"
	nobody.PID = 0
	for _, wrong := range []identity.Process{other, before, nobody} {
		require.False(t, wrong.Alive())
		require.NoError(t, wrong.Signal(os.Kill), "it reaches nobody")
	}
	require.True(t, it.Alive())

	require.NoError(t, it.Signal(syscall.SIGKILL))
	require.Eventually(t, func() bool { return !it.Alive() }, 10*time.Second, time.Millisecond, "a zombie is dead")
	s, err := identity.Read(it.PID)
	require.NoError(t, err)
	require.Equal(t, "Z", s.State)
	require.Error(t, cmd.Wait())
	_, err = identity.Of(it.PID)
	require.ErrorIs(t, err, fs.ErrNotExist)
	require.NoError(t, it.Signal(os.Kill), "one that is gone is no error")
}

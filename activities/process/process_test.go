//go:build linux

package process

import (
	"bufio"
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
	"bakeoff/activities/identity"
	"bakeoff/testsuite/conform"
)

func TestConformance(t *testing.T) {
	fixture := func(t *testing.T) conform.DeployerFixture {
		s := supervisor(t)
		away := s.dir + ".away"
		return conform.DeployerFixture{
			Driver: s, Next: deployment("2.0.0", 2),
			Server: conform.Server{ThirdParty: "an operating system", Settle: 20 * time.Second,
				Effects: func(t *testing.T) []string { return effects(t, s) },
				Faults: conform.Faults{
					Conflict: func(t *testing.T) {
						require.NoError(t, writeJSON(s.path("fence.json"), fences{Epoch: 1 << 60}))
					},
					Break: func(t *testing.T) { // a file where the directory was
						require.NoError(t, os.Rename(s.dir, away))
						require.NoError(t, os.WriteFile(s.dir, nil, 0o600))
					},
					Heal: func(t *testing.T) {
						require.NoError(t, os.Remove(s.dir))
						require.NoError(t, os.Rename(away, s.dir))
					},
				}},
		}
	}
	conform.Deployer(t, func(t *testing.T) conform.DeployerFixture {
		f := fixture(t)
		f.Serving = "1.0.0"
		before := activities.Write{Fence: activities.Fence{Epoch: 1600000000000}}
		require.NoError(t, f.Driver.Deploy(t.Context(), before, deployment(f.Serving, 1)))
		require.NoError(t, f.Driver.SetPrimary(t.Context(), before, f.Serving))
		await(t, f.Driver.(*Supervisor), f.Serving, activities.StateReady)
		return f
	})
	conform.FirstRelease(t, fixture)
}

// effects are the processes there are, and the primary.
func effects(t *testing.T, s *Supervisor) []string {
	var all []string
	for _, r := range records(t, s) {
		for _, p := range r.Replicas {
			all = append(all, fmt.Sprint(r.Version, p))
		}
	}
	primary, err := s.Primary(t.Context())
	require.NoError(t, err)
	return append(all, primary)
}

func TestDeployGivesWhatItPromises(t *testing.T) {
	t.Setenv("TEMPORAL_API_KEY", "secret")
	s := supervisor(t)
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 2)))
	v := await(t, s, "1.0.0", activities.StateReady)
	require.Equal(t, 2, v.Ready)
	require.Equal(t, 2, v.Desired)
	require.Len(t, v.Endpoints, 2)
	require.NotEqual(t, v.Endpoints[0], v.Endpoints[1])
	resp, err := http.Get(v.Endpoints[0] + "/env")
	require.NoError(t, err)
	var env []string
	require.NoError(t, json.NewDecoder(resp.Body).Decode(&env))
	require.NoError(t, resp.Body.Close())
	require.Contains(t, env, "COLOR=green")
	require.NotContains(t, strings.Join(env, "\n"), "TEMPORAL_API_KEY")
	require.Eventually(t, func() bool { return strings.Contains(tail(s.logFile("1.0.0", 0)), "serving [1.0.0 app@1.0.0]") }, 5*time.Second, tick)
}

func TestRelease(t *testing.T) {
	s := supervisor(t)
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
	first := recordOf(t, s, "1.0.0").Replicas[0]

	t.Run("scaled up, the first is kept", func(t *testing.T) {
		require.NoError(t, s.Deploy(t.Context(), write(2), deployment("1.0.0", 3)))
		r := recordOf(t, s, "1.0.0")
		require.Len(t, r.Replicas, 3)
		require.Equal(t, first, r.Replicas[0])
	})
	t.Run("never scaled down", func(t *testing.T) {
		require.NoError(t, s.Deploy(t.Context(), write(2), deployment("1.0.0", 0)))
		require.Len(t, recordOf(t, s, "1.0.0").Replicas, 3)
	})
	t.Run("another config under the same version", func(t *testing.T) {
		other := deployment("1.0.0", 3)
		other.Release.Config = map[string]string{"COLOR": "red"}
		require.ErrorIs(t, s.Deploy(t.Context(), write(3), other), activities.ErrFinal)
	})
	t.Run("an old fence", func(t *testing.T) {
		require.ErrorIs(t, s.Remove(t.Context(), write(1), "1.0.0"), activities.ErrConflict)
		require.True(t, first.Process.Alive())
		require.NoError(t, s.SetPrimary(t.Context(), write(1), "1.0.0"), "each object has its own generation")
	})
	t.Run("a new epoch", func(t *testing.T) {
		later := activities.Write{Fence: activities.Fence{Epoch: 1800000000000}}
		require.NoError(t, s.SetPrimary(t.Context(), later, ""))
		require.ErrorIs(t, s.Remove(t.Context(), write(99), "1.0.0"), activities.ErrConflict)
	})
}

// TestWorkerRestart kills a real worker process and lets another go on.
func TestWorkerRestart(t *testing.T) {
	s := supervisor(t)
	exe, err := os.Executable()
	require.NoError(t, err)
	worker := exec.Command(exe)
	worker.Env = append(os.Environ(), "TEST_WORKER="+s.dir)
	out, err := worker.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, worker.Start())
	line, err := bufio.NewReader(out).ReadString('\n')
	require.NoError(t, err)
	require.Equal(t, "deployed: <nil>\n", line)
	require.NoError(t, worker.Process.Kill())
	_ = worker.Wait() // killed

	before := recordOf(t, s, "1.0.0")
	v := await(t, s, "1.0.0", activities.StateReady)
	require.Equal(t, 2, v.Ready, "the processes survive their worker")
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 2)))
	require.Equal(t, before, recordOf(t, s, "1.0.0"), "and are adopted")

	require.NoError(t, before.Replicas[1].Process.Signal(syscall.SIGKILL))
	v = await(t, s, "1.0.0", activities.StateFailed)
	require.Equal(t, 1, v.Ready)
	require.Contains(t, v.Message, "replica 1 has exited")
	require.NoError(t, s.Deploy(t.Context(), write(2), deployment("1.0.0", 2)))
	await(t, s, "1.0.0", activities.StateReady)
	after := recordOf(t, s, "1.0.0")
	require.Equal(t, before.Replicas[0], after.Replicas[0])
	require.NotEqual(t, before.Replicas[1].Process, after.Replicas[1].Process)
	require.Equal(t, before.Replicas[1].Port, after.Replicas[1].Port, "its address stays")

	require.NoError(t, s.Remove(t.Context(), write(3), "1.0.0"))
	for _, p := range after.Replicas {
		require.False(t, p.Process.Alive())
	}
	require.NoFileExists(t, s.recordFile("1.0.0"))
	require.NoDirExists(t, s.logFolder("1.0.0"))
}

// forget makes the record what it is between start and record.
func forget(t *testing.T, s *Supervisor, version string) identity.Process {
	t.Helper()
	r := recordOf(t, s, version)
	was := r.Replicas[0].Process
	r.Replicas[0].Process = identity.Process{}
	require.NoError(t, s.save(r))
	return was
}

func TestCrashBetweenStartAndRecord(t *testing.T) {
	t.Run("deployed again", func(t *testing.T) {
		s := supervisor(t)
		require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
		was := forget(t, s, "1.0.0")
		v, err := s.Version(t.Context(), "1.0.0")
		require.NoError(t, err)
		require.Equal(t, activities.StatePending, v.State)
		require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
		require.Equal(t, was, recordOf(t, s, "1.0.0").Replicas[0].Process, "no second process")
	})
	t.Run("removed", func(t *testing.T) {
		s := supervisor(t)
		require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
		was := forget(t, s, "1.0.0")
		require.NoError(t, s.Remove(t.Context(), write(2), "1.0.0"))
		require.False(t, was.Alive(), "no orphan")
	})
	t.Run("never started", func(t *testing.T) {
		s := supervisor(t)
		require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
		was := forget(t, s, "1.0.0")
		require.NoError(t, was.Signal(syscall.SIGKILL))
		gone(t, was)
		require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)))
		require.NotEqual(t, was, recordOf(t, s, "1.0.0").Replicas[0].Process)
		await(t, s, "1.0.0", activities.StateReady)
	})
}

// TestPidReuse gives the record another start time, or another boot, as if the
// pid were somebody else's by now: that one is never touched.
func TestPidReuse(t *testing.T) {
	for name, change := range map[string]func(*identity.Process){
		"start time": func(i *identity.Process) { i.Start++ },
		"boot":       func(i *identity.Process) { i.Boot = "another" },
	} {
		t.Run(name, func(t *testing.T) {
			s := supervisor(t)
			bystander := exec.Command("sleep", "600")
			require.NoError(t, bystander.Start())
			t.Cleanup(func() { _ = bystander.Process.Kill(); _ = bystander.Wait() })
			innocent, err := identity.Of(bystander.Process.Pid)
			require.NoError(t, err)
			require.True(t, innocent.Alive())
			reused := innocent
			change(&reused)
			require.NoError(t, reused.Signal(syscall.SIGKILL))
			require.NoError(t, os.MkdirAll(s.path("versions"), 0o700))
			now := time.Now().Add(-time.Hour)
			for _, stopping := range []*time.Time{nil, &now} {
				r := record{Version: "1.0.0", Desired: 1, Replicas: []replica{{Port: 1, Token: "x", Process: reused}}, Stopping: stopping}
				require.NoError(t, s.save(r))
				require.NoError(t, s.Remove(t.Context(), write(1), "1.0.0"))
				require.True(t, innocent.Alive())
			}
		})
	}
}

func TestZombieIsDead(t *testing.T) {
	child := exec.Command("sleep", "600")
	require.NoError(t, child.Start())
	i, err := identity.Of(child.Process.Pid)
	require.NoError(t, err)
	require.NoError(t, i.Signal(syscall.SIGKILL))
	gone(t, i)
	_, err = identity.Read(i.PID)
	require.NoError(t, err, "nobody has reaped it yet")
	_ = child.Wait() // killed
}

func TestCrash(t *testing.T) {
	s := supervisor(t)
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1, "crash")))
	await(t, s, "1.0.0", activities.StateFailed)
	require.Eventually(t, func() bool { // the reaper may be a moment behind
		v, err := s.Version(t.Context(), "1.0.0")
		return err == nil && strings.Contains(v.Message, "cannot find my database") && strings.Contains(v.Message, "exit status 3")
	}, 5*time.Second, tick)
}

func TestSick(t *testing.T) {
	s := supervisor(t)
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1, "sick")))
	require.Eventually(t, func() bool {
		v, err := s.Version(t.Context(), "1.0.0")
		return err == nil && v.State == activities.StatePending && strings.Contains(v.Message, "/healthz answers 503")
	}, 10*time.Second, tick)
}

func TestStubborn(t *testing.T) {
	s := supervisor(t, activities.With{"stopGrace": "200ms"})
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1, "stubborn")))
	await(t, s, "1.0.0", activities.StateReady)
	p := recordOf(t, s, "1.0.0").Replicas[0].Process
	started := time.Now()
	require.NoError(t, s.Remove(t.Context(), write(2), "1.0.0"))
	require.False(t, p.Alive())
	require.GreaterOrEqual(t, time.Since(started), 200*time.Millisecond, "not before the grace is over")
}

// TestLongDrain holds that a removal that outlives its call is gone on with,
// by a deployment of the same version too.
func TestLongDrain(t *testing.T) {
	s := supervisor(t, activities.With{"stopGrace": "1h"})
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1, "stubborn")))
	await(t, s, "1.0.0", activities.StateReady)
	p := recordOf(t, s, "1.0.0").Replicas[0].Process
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	err := s.Remove(ctx, write(2), "1.0.0")
	var later *activities.RetryAfterError
	require.ErrorAs(t, err, &later)
	require.InDelta(t, time.Hour, later.After, float64(time.Minute))
	require.True(t, p.Alive())
	v, err := s.Version(t.Context(), "1.0.0")
	require.NoError(t, err)
	require.Equal(t, activities.StatePending, v.State)
	require.Contains(t, v.Message, "being removed")

	quick := supervisorOf(t, s.dir, activities.With{"stopGrace": "1ms"})
	require.NoError(t, quick.Deploy(t.Context(), write(3), deployment("1.0.0", 1)))
	require.False(t, p.Alive())
	await(t, s, "1.0.0", activities.StateReady)
}

func TestWhatAProcessLeavesBehind(t *testing.T) {
	s := supervisor(t, activities.With{"stopGrace": "300ms"})
	require.NoError(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1, "parent")))
	await(t, s, "1.0.0", activities.StateReady)
	log, err := os.ReadFile(s.logFile("1.0.0", 0))
	require.NoError(t, err)
	_, rest, found := bytes.Cut(log, []byte("child "))
	require.True(t, found, string(log))
	pid, err := strconv.Atoi(strings.Fields(string(rest))[0])
	require.NoError(t, err)
	child, err := identity.Of(pid)
	require.NoError(t, err)
	require.True(t, child.Alive())
	require.NoError(t, s.Remove(t.Context(), write(2), "1.0.0"))
	require.False(t, child.Alive())
}

func TestArtifact(t *testing.T) {
	exe, err := os.Executable()
	require.NoError(t, err)
	body, err := os.ReadFile(exe)
	require.NoError(t, err)
	digest := fmt.Sprintf("%x", sha256.Sum256(body))
	wrong := strings.Repeat("0", 64)
	for name, c := range map[string]struct{ artifact, want string }{
		"pinned":               {exe + "@sha256:" + digest, exe},
		"pinned file":          {"file:" + exe + "@sha256:" + digest, exe},
		"another digest":       {exe + "@sha256:" + wrong, ""},
		"no such file":         {"file:/no/such@sha256:" + digest, ""},
		"an image":             {"registry/app@sha256:" + wrong, "registry/app@sha256:" + wrong},
		"a plain command":      {"app", "app"},
		"a file, not pinned":   {"file:/bin/app", "/bin/app"},
		"another kind of hash": {exe + "@md5:1", exe + "@md5:1"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := verifyArtifact(c.artifact)
			require.Equal(t, c.want, got)
			if c.want == "" {
				require.ErrorIs(t, err, activities.ErrFinal)
				return
			}
			require.NoError(t, err)
		})
	}
	t.Run("is the default command", func(t *testing.T) {
		s := supervisor(t, activities.With{"command": []string{"{{.Artifact}}"}})
		d := deployment("1.0.0", 1)
		d.Release.Artifact = exe + "@sha256:" + digest
		require.NoError(t, s.Deploy(t.Context(), write(1), d))
		await(t, s, "1.0.0", activities.StateReady)
		d = deployment("2.0.0", 1)
		d.Release.Artifact = exe + "@sha256:" + wrong
		require.ErrorIs(t, s.Deploy(t.Context(), write(1), d), activities.ErrFinal)
	})
}

func TestFinalErrors(t *testing.T) {
	t.Run("no such program", func(t *testing.T) {
		s := supervisor(t, activities.With{"command": []string{"/no/such/program"}})
		require.ErrorIs(t, s.Deploy(t.Context(), write(1), deployment("1.0.0", 1)), activities.ErrFinal)
		require.NoError(t, s.Remove(t.Context(), write(2), "1.0.0"))
	})
	t.Run("unsafe version", func(t *testing.T) {
		s := supervisor(t)
		for _, version := range []string{"", "..", "a/b", ".x", strings.Repeat("a", 101)} {
			require.ErrorIs(t, s.Deploy(t.Context(), write(1), deployment(version, 1)), activities.ErrFinal)
			require.ErrorIs(t, s.Remove(t.Context(), write(1), version), activities.ErrFinal)
		}
	})
	t.Run("config that is not a variable", func(t *testing.T) {
		d := deployment("1.0.0", 1)
		d.Release.Config["a=b"] = "c"
		require.ErrorIs(t, supervisor(t).Deploy(t.Context(), write(1), d), activities.ErrFinal)
	})
	t.Run("spoilt record", func(t *testing.T) {
		s := supervisor(t)
		require.NoError(t, os.MkdirAll(s.path("versions"), 0o700))
		require.NoError(t, os.WriteFile(s.recordFile("1.0.0"), []byte("{"), 0o600))
		_, err := s.Version(t.Context(), "1.0.0")
		require.ErrorIs(t, err, activities.ErrFinal)
		require.NoError(t, os.Remove(s.recordFile("1.0.0")))
	})
}

// TestLock holds that writes wait for the lock, and not for ever; reads do not.
func TestLock(t *testing.T) {
	s := supervisor(t)
	unlock, err := s.lock(t.Context())
	require.NoError(t, err)
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.SetPrimary(ctx, write(1), "1.0.0"), context.DeadlineExceeded)
	_, err = s.Primary(t.Context())
	require.NoError(t, err)
	done := make(chan error)
	go func() { done <- s.SetPrimary(t.Context(), write(1), "1.0.0") }()
	unlock()
	require.NoError(t, <-done)
}

// TestTwoWorkers deploys the same from several drivers at once: one set of
// processes.
func TestTwoWorkers(t *testing.T) {
	s := supervisor(t)
	done := make(chan error)
	for range 4 {
		go func() {
			other, err := New(with(s.dir))
			if err == nil {
				err = other.Deploy(context.Background(), write(1), deployment("1.0.0", 3))
			}
			done <- err
		}()
	}
	for range 4 {
		require.NoError(t, <-done)
	}
	r := recordOf(t, s, "1.0.0")
	leaders, others := carriers(r.tokens()...)
	require.Len(t, leaders, 3)
	require.Empty(t, others)
}

func TestNew(t *testing.T) {
	for name, with := range map[string]activities.With{
		"no directory":        {"command": []string{"x"}},
		"relative directory":  {"directory": "x", "command": []string{"x"}},
		"no command":          {"directory": "/x", "command": []string{}},
		"unknown placeholder": {"directory": "/x", "command": []string{"{{.Nothing}}"}},
		"broken template":     {"directory": "/x", "command": []string{"{{"}},
		"bad variable":        {"directory": "/x", "env": map[string]string{"a=b": "c"}},
		"bad health":          {"directory": "/x", "health": "healthz"},
		"no grace":            {"directory": "/x", "stopGrace": "0s"},
		"unknown name":        {"directory": "/x", "user": "root"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := New(with)
			require.Error(t, err)
		})
	}
}

package activities

import (
	"context"
	"errors"
	"fmt"
	"time"

	"go.temporal.io/sdk/activity"
)

// pollEvery is how often an act asks whether what it waits for is so.
const pollEvery = 500 * time.Millisecond

// Deploy asks for the candidate and waits until it is ready. An attempt that
// follows one that had asked, and whose worker was lost, does not ask again for
// what is there. A version that its platform calls failed is a final error; a
// platform that runs another one in its place is a result.
func (a *Activities) Deploy(ctx context.Context, in DeployInput) (DeployOutput, error) {
	doing := "deploy " + in.Candidate
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return DeployOutput{}, asTemporal(doing, err)
	}
	if err := a.askFor(ctx, deployer, in); err != nil {
		return DeployOutput{}, asTemporal(doing, inTime(ctx, err))
	}
	var out DeployOutput
	stands := "not there"
	err = a.waitFor(ctx, func() (bool, error) {
		state, err := deployer.Version(ctx, in.Candidate)
		switch {
		case isOver(ctx):
			return false, fmt.Errorf("it is still %s: %w", stands, ErrFinal)
		case errors.Is(err, ErrNotFound):
			return false, nil // not there yet
		case err != nil:
			return false, err
		case state.Version != "" && state.Version != in.Candidate:
			out.Platform = fmt.Sprintf("the platform runs %s where %s was asked for", state.Version, in.Candidate)
			return true, nil
		case state.State == StateFailed:
			return false, fmt.Errorf("the platform calls it failed%s: %w", because(state.Message), ErrFinal)
		}
		stands = standing(state, in.Replicas)
		out = DeployOutput{Endpoints: state.Endpoints, Ready: state.Ready}
		return isReady(state, in.Replicas), nil
	}, asked)
	return out, asTemporal(doing, inTime(ctx, err))
}

// inTime makes an error final once all attempts together have taken as long as one
// may: what the act has beyond that is for a worker that was lost.
func inTime(ctx context.Context, err error) error {
	info := activity.GetInfo(ctx)
	if err == nil || info.Attempt == 1 || time.Since(info.ScheduledTime) < info.StartToCloseTimeout {
		return err
	}
	return fmt.Errorf("%w (tried for %s): %w", err, info.StartToCloseTimeout, ErrFinal)
}

// asked is the heartbeat of an attempt that has asked for the candidate.
const asked = "asked"

// askFor asks for the candidate, once: what an attempt before this one has asked
// for, and is there, may have an autoscaler's replicas by now.
func (a *Activities) askFor(ctx context.Context, deployer Deployer, in DeployInput) error {
	if activity.HasHeartbeatDetails(ctx) {
		_, err := deployer.Version(ctx, in.Candidate)
		if !errors.Is(err, ErrNotFound) {
			return err
		}
	}
	return deployer.Deploy(ctx, in.write(), Deployment{Service: in.Service, Release: in.Release, Replicas: in.Replicas})
}

// VerifyReady waits until the candidate is ready with its replicas: it is asked
// before a raise, where the last look found that it is not.
func (a *Activities) VerifyReady(ctx context.Context, in VerifyReadyInput) (VerifyReadyOutput, error) {
	doing := "wait for " + in.Candidate
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return VerifyReadyOutput{}, asTemporal(doing, err)
	}
	err = a.waitFor(ctx, func() (bool, error) {
		state, err := deployer.Version(ctx, in.Candidate)
		switch {
		case err == nil && isReady(state, in.Replicas):
			return true, nil
		case isOver(ctx) && err == nil:
			return false, fmt.Errorf("it is still %s: %w", standing(state, in.Replicas), ErrFinal)
		}
		return false, err
	})
	return VerifyReadyOutput{}, asTemporal(doing, err)
}

// because adds what a platform says, where it says anything.
func because(message string) string {
	if message == "" {
		return ""
	}
	return ": " + message
}

// isOver reports whether the act's time is all but over: soon enough to say
// how things stand, instead of ending without a word.
func isOver(ctx context.Context) bool {
	deadline, found := ctx.Deadline()
	return found && time.Until(deadline) < pollEvery+200*time.Millisecond
}

// standing says how far a version is: "pending: pulling the image".
func standing(s VersionState, replicas int) string {
	text := s.State
	if s.State == StateReady {
		text = "short of replicas" // or it would be ready
	}
	if s.Counted || s.Desired > 0 || s.Ready > 0 {
		text += fmt.Sprintf(", %d of %d replicas ready", s.Ready, max(replicas, s.Desired))
	}
	if s.Message != "" {
		text += ": " + s.Message
	}
	return text
}

// isReady reports whether a version is ready with as many replicas as asked
// for; platforms that do not count them are believed.
func isReady(s VersionState, replicas int) bool {
	counted := s.Counted || s.Desired > 0 || s.Ready > 0
	return s.State == StateReady && (!counted || s.Ready >= max(replicas, 1))
}

// waitFor polls until done says so or fails, with a heartbeat of these details
// before each look. Errors that are worth trying again end the attempt only after
// three in a row.
func (a *Activities) waitFor(ctx context.Context, done func() (bool, error), details ...any) error {
	failures := 0
	for {
		activity.RecordHeartbeat(ctx, details...)
		ok, err := done()
		switch {
		case ok:
			return nil
		case err == nil:
			failures = 0
		case errors.Is(err, ErrFinal) || errors.Is(err, ErrConflict) || failures == 2:
			return err
		default:
			failures++
		}
		if err := sleep(ctx, pollEvery); err != nil {
			return err
		}
	}
}

// keepAlive sends heartbeats until the returned function is called, so that an
// act whose worker died is taken over at once.
func keepAlive(ctx context.Context) (stop func()) { return beat(ctx, time.Second) }

// beat sends heartbeats so often, and so learns soon that the act was cancelled,
// until the returned function is called.
func beat(ctx context.Context, every time.Duration) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	go func() {
		for sleep(ctx, every) == nil {
			activity.RecordHeartbeat(ctx)
		}
	}()
	return cancel
}

// sleep waits, but not beyond the context.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

// Promote makes the candidate the primary version and reads until it is so and
// ready. A platform that keeps, or goes back to, another version is a result,
// and so is a candidate that is not ready within Within.
func (a *Activities) Promote(ctx context.Context, in PromoteInput) (PromoteOutput, error) {
	doing := "make " + in.Candidate + " the primary version"
	deployer, err := a.Drivers.deployer(in.Drivers.Deploy)
	if err != nil {
		return PromoteOutput{}, asTemporal(doing, err)
	}
	if err := deployer.SetPrimary(ctx, in.write(), in.Candidate); err != nil {
		return PromoteOutput{}, asTemporal(doing, err)
	}
	var out PromoteOutput
	deadline := a.now().Add(in.Within.Std())
	err = a.waitFor(ctx, func() (bool, error) {
		primary, err := deployer.Primary(ctx)
		if err != nil {
			return false, err
		}
		state, err := deployer.Version(ctx, in.Candidate)
		if err != nil && !errors.Is(err, ErrNotFound) {
			return false, err
		}
		out = PromoteOutput{Primary: primary}
		switch {
		case primary != in.Candidate:
			out.PlatformRolledBack = true
			out.Reason = fmt.Sprintf("%s was asked for, but the platform keeps %s", in.Candidate, named(primary))
		case !isReady(state, 0):
			out.Pending = true
			out.Reason = fmt.Sprintf("%s is the primary version, but still %s", in.Candidate, standing(state, 0))
		default:
			return true, nil
		}
		return a.now().After(deadline), nil
	})
	return out, asTemporal(doing, err)
}

// readyBaseline says why a version is not ready, "" when it is.
func readyBaseline(ctx context.Context, p Platform, version string) (string, error) {
	state, err := p.Version(ctx, version)
	switch {
	case errors.Is(err, ErrNotFound):
		return version + " is not there", nil
	case err != nil:
		return "", err
	case !isReady(state, 0):
		return fmt.Sprintf("%s is %s: %s", version, state.State, state.Message), nil
	}
	return "", nil
}

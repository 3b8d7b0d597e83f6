package conform

import (
	"context"
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"bakeoff/activities"
)

// DeployerFixture is a deploy driver and the platform behind it.
type DeployerFixture struct {
	Server
	Driver  activities.Deployer
	Serving string                // the version that is ready and primary; "": nothing serves, see First
	Next    activities.Deployment // a release that can be deployed and is not
	Unknown string                // a version that is not there and never will be; default "0.0.0-unknown"
}

func (f DeployerFixture) unknown() string {
	if f.Unknown == "" {
		return "0.0.0-unknown"
	}
	return f.Unknown
}

// Deployer holds a deploy driver to its contract. make returns a fresh
// platform with one version serving; each test has its own.
func Deployer(t *testing.T, make func(t *testing.T) DeployerFixture) {
	tests := map[string]func(*testing.T, DeployerFixture){
		"reads what serves":            deployerReads,
		"unknown version":              deployerUnknown,
		"deploy, promote, remove":      deployerLife,
		"rollback before ready":        deployerRollbackEarly,
		"rollback when ready":          deployerRollbackReady,
		"rollback after promotion":     deployerRollbackPromoted,
		"deployed again after removal": deployerComesBack,
		"lost answers":                 deployerLostAnswers,
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) { test(t, make(t)) })
	}
	failures(t, func(t *testing.T) (Server, []call) {
		f := make(t)
		return f.Server, f.calls()
	})
}

// FirstRelease holds a deploy driver to its contract on a platform on which
// nothing serves yet.
func FirstRelease(t *testing.T, make func(t *testing.T) DeployerFixture) {
	t.Run("first release", func(t *testing.T) {
		f := make(t)
		primary, err := f.Driver.Primary(t.Context())
		require.NoError(t, err)
		require.Empty(t, primary)
		f.deploy(t, 1)
		f.promote(t, f.Next.Release.Version, 2)
	})
}

func (f DeployerFixture) calls() []call {
	d, next := f.Driver, f.Next
	return []call{
		{"Version", false, func(ctx context.Context) error { _, err := d.Version(ctx, f.Serving); return err }},
		{"Primary", false, func(ctx context.Context) error { _, err := d.Primary(ctx); return err }},
		{"Deploy", true, func(ctx context.Context) error { return d.Deploy(ctx, write("deploy", 1), next) }},
		{"SetPrimary", true, func(ctx context.Context) error { return d.SetPrimary(ctx, write("primary", 2), f.Serving) }},
		{"Remove", true, func(ctx context.Context) error { return d.Remove(ctx, write("remove", 3), next.Release.Version) }},
	}
}

// deploy deploys the next release and waits until it is ready.
func (f DeployerFixture) deploy(t *testing.T, generation int) {
	t.Helper()
	require.NoError(t, f.Driver.Deploy(t.Context(), write("deploy", generation), f.Next))
	f.awaitReady(t)
}

func (f DeployerFixture) awaitReady(t *testing.T) {
	t.Helper()
	f.await(t, "the version never got ready", func() bool {
		s, err := f.Driver.Version(t.Context(), f.Next.Release.Version)
		return err == nil && s.State == activities.StateReady
	})
	s, err := f.Driver.Version(t.Context(), f.Next.Release.Version)
	require.NoError(t, err)
	require.Equal(t, f.Next.Release.Version, s.Version)
	if f.Next.Replicas > 0 {
		require.Equal(t, f.Next.Replicas, s.Desired)
		require.Equal(t, f.Next.Replicas, s.Ready)
	}
}

func (f DeployerFixture) promote(t *testing.T, version string, generation int) {
	t.Helper()
	require.NoError(t, f.Driver.SetPrimary(t.Context(), write("primary", generation), version))
	f.await(t, "the version never became primary", func() bool {
		primary, err := f.Driver.Primary(t.Context())
		return err == nil && primary == version
	})
}

func (f DeployerFixture) remove(t *testing.T, version string, generation int) {
	t.Helper()
	require.NoError(t, f.Driver.Remove(t.Context(), write("remove", generation), version))
	f.awaitGone(t, version)
}

func (f DeployerFixture) awaitGone(t *testing.T, version string) {
	t.Helper()
	f.await(t, "the version never went", func() bool {
		_, err := f.Driver.Version(t.Context(), version)
		return errors.Is(err, activities.ErrNotFound)
	})
}

func deployerReads(t *testing.T, f DeployerFixture) {
	s, err := f.Driver.Version(t.Context(), f.Serving)
	require.NoError(t, err)
	require.Equal(t, f.Serving, s.Version)
	require.Equal(t, activities.StateReady, s.State)
	require.Equal(t, s.Desired, s.Ready)
	primary, err := f.Driver.Primary(t.Context())
	require.NoError(t, err)
	require.Equal(t, f.Serving, primary)
}

func deployerUnknown(t *testing.T, f DeployerFixture) {
	_, err := f.Driver.Version(t.Context(), f.unknown())
	require.ErrorIs(t, err, activities.ErrNotFound)
	f.unchanged(t, func() {
		require.NoError(t, f.Driver.Remove(t.Context(), write("remove", 1), f.unknown()))
	})
	deployerReads(t, f)
}

func deployerLife(t *testing.T, f DeployerFixture) {
	next := f.Next.Release.Version
	f.deploy(t, 1)
	f.unchanged(t, func() { f.deploy(t, 1) })
	f.promote(t, next, 2)
	f.unchanged(t, func() { f.promote(t, next, 2) })
	f.remove(t, f.Serving, 3)
	f.unchanged(t, func() { f.remove(t, f.Serving, 3) })
	f.awaitReady(t)
}

func deployerRollbackEarly(t *testing.T, f DeployerFixture) {
	require.NoError(t, f.Driver.Deploy(t.Context(), write("deploy", 1), f.Next))
	f.remove(t, f.Next.Release.Version, 2)
	deployerReads(t, f)
}

func deployerRollbackReady(t *testing.T, f DeployerFixture) {
	f.deploy(t, 1)
	f.remove(t, f.Next.Release.Version, 2)
	deployerReads(t, f)
}

func deployerRollbackPromoted(t *testing.T, f DeployerFixture) {
	f.deploy(t, 1)
	f.promote(t, f.Next.Release.Version, 2)
	f.promote(t, f.Serving, 3)
	f.remove(t, f.Next.Release.Version, 4)
	deployerReads(t, f)
}

// deployerComesBack holds that a version can come back after it was removed,
// as a rollout of the same release does after a rollback.
func deployerComesBack(t *testing.T, f DeployerFixture) {
	f.deploy(t, 1)
	f.remove(t, f.Next.Release.Version, 2)
	f.deploy(t, 3)
	deployerReads(t, f)
}

func deployerLostAnswers(t *testing.T, f DeployerFixture) {
	f.need(t, f.Faults.LoseAnswer != nil, "LoseAnswer")
	next := f.Next.Release.Version
	f.Faults.LoseAnswer(t)
	isPassing(t, f.Driver.Deploy(t.Context(), write("deploy", 1), f.Next))
	f.unchanged(t, func() { f.deploy(t, 1) })
	f.Faults.LoseAnswer(t)
	isPassing(t, f.Driver.SetPrimary(t.Context(), write("primary", 2), next))
	f.unchanged(t, func() { f.promote(t, next, 2) })
	f.Faults.LoseAnswer(t)
	isPassing(t, f.Driver.Remove(t.Context(), write("remove", 3), f.Serving))
	f.unchanged(t, func() { f.remove(t, f.Serving, 3) })
}

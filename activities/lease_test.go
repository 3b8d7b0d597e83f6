package activities

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"go.temporal.io/api/serviceerror"
	"go.temporal.io/sdk/temporal"
)

// term is how long the leases of these tests last.
const term = 2700 * time.Millisecond

// heard is a Temporal that hears so long, and then does something else.
func heard(until time.Duration, then func(context.Context) error) func(context.Context) error {
	began := time.Now()
	return func(ctx context.Context) error {
		if time.Since(began) <= until {
			return nil
		}
		return then(ctx)
	}
}

func silent(ctx context.Context) error {
	<-ctx.Done()
	return ctx.Err()
}

func refused(context.Context) error { return serviceerror.NewUnavailable("connection refused") }

func TestLeaseEndsWithATermOfSilence(t *testing.T) {
	for name, then := range map[string]func(context.Context) error{"nobody answers": silent, "nobody is there": refused} {
		synctest.Test(t, func(t *testing.T) {
			began := time.Now()
			require.ErrorIs(t, lease(t.Context(), term, heard(5*time.Second, then)), errCutOff)
			last := 7 * term / 4 // the seventh renewal after the first was the last within five seconds
			require.Equal(t, last+term, time.Since(began), name)
		})
	}
}

func TestLeaseGoesOn(t *testing.T) {
	for name, renew := range map[string]func(context.Context) error{
		"it is heard":                   func(context.Context) error { return nil },
		"it is to end":                  func(context.Context) error { return temporal.NewCanceledError() },
		"every answer takes its time":   func(ctx context.Context) error { return sleep(ctx, 2*term/5) },
		"the first it was not heard of": heardAfter(2 * time.Second),
	} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			require.NoError(t, lease(ctx, term, renew), name)
			require.Error(t, ctx.Err(), name)
		})
	}
}

// heardAfter is a Temporal that is away for a while in the beginning.
func heardAfter(d time.Duration) func(context.Context) error {
	var began time.Time
	return func(context.Context) error {
		if began.IsZero() {
			began = time.Now()
		}
		if time.Since(began) < d {
			return errors.New("away")
		}
		return nil
	}
}

func TestLeaseThatIsSomebodyElses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		renew := heard(time.Second, func(context.Context) error { return serviceerror.NewNotFound("activity is not there") })
		require.ErrorIs(t, lease(t.Context(), term, renew), errCutOff)
		require.Equal(t, 2*term/4, time.Since(began))
	})
}

func TestWhoEndedAnAct(t *testing.T) {
	for _, tt := range []struct {
		why  error
		want bool
	}{{nil, true}, {temporal.NewCanceledError(), true}, {context.DeadlineExceeded, false}, {serviceerror.NewUnavailable("away"), false}} {
		ctx, cancel := context.WithCancelCause(t.Context())
		require.False(t, wasCanceled(ctx))
		cancel(tt.why)
		require.Equal(t, tt.want, wasCanceled(ctx), "%v", tt.why)
	}
}

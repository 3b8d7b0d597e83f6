package main

import (
	"context"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	enumspb "go.temporal.io/api/enums/v1"

	"bakeoff/rollout"
	"bakeoff/rollout/specfile"
)

// Who waits for the turn of an order is told when nothing holds it any more.
func TestAnOrderThatIsLost(t *testing.T) {
	t.Parallel()
	waits := rollout.Submission{ID: "id-1", Version: "2.5.0", Actor: "ana@laptop", Fate: rollout.FateQueued, Why: "held by 2.4.9"}
	for name, change := range map[string]func(*fake){
		"another Target came": func(f *fake) {
			f.onTarget = func(n int) rollout.TargetStatus {
				if n < 3 {
					return rollout.TargetStatus{Fates: []rollout.Submission{waits}}
				}
				return rollout.TargetStatus{Fates: []rollout.Submission{{ID: "other"}}}
			}
		},
		"none came": func(f *fake) {
			f.onTarget = func(int) rollout.TargetStatus { return rollout.TargetStatus{Fates: []rollout.Submission{waits}} }
			f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED}}
		},
		"none came, and no worker answers": func(f *fake) {
			f.others = map[string]execution{"target/production/checkout": {Status: enumspb.WORKFLOW_EXECUTION_STATUS_TERMINATED}}
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.fate = &waits
			change(f)
			got := bakeoff(t.Context(), f, "run", file(t, smallest))
			require.Equal(t, 1, got.code, got.err)
			require.Contains(t, got.err, "the order of 2.5.0 is lost: the workflow that held it, target/production/checkout, was ended from outside\n  give it again")
		})
	}
}

// An order goes to the Target wherever a worker polls: it asks who holds the
// target, fleets, too. Only where none does it begins beside it.
func TestWhoTakesAnOrderIn(t *testing.T) {
	t.Parallel()
	for name, tt := range map[string]struct {
		planErr error
		pollers int
		beside  bool
	}{
		"a worker answers":           {pollers: 1},
		"a worker is slow to answer": {planErr: errNoWorker, pollers: 1},
		"there is no worker":         {planErr: errNoWorker, beside: true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := &fake{planErr: tt.planErr, pollers: map[string]int{rollout.QueueControl: tt.pollers}}
			require.Zero(t, bakeoff(t.Context(), f, "start", file(t, smallest)).code)
			if tt.beside {
				require.Len(t, f.beside, 1)
				require.Empty(t, f.submitted)
				return
			}
			require.Empty(t, f.beside)
			require.Len(t, f.submitted, 1)
			require.True(t, f.submitted[0].AskFleet)
		})
	}
}

// What no worker took in is taken back before the rollout begins beside the Target:
// it must not be carried out later.
func TestAnOrderThatNobodyTookIn(t *testing.T) {
	t.Parallel()
	f := &fake{submitErr: errNoWorker}
	require.Zero(t, bakeoff(t.Context(), f, "start", file(t, smallest), "--id", "id-7", "--actor", "ana").code)
	require.Equal(t, []rollout.Withdrawal{{ID: "id-7", Version: "2.5.0", Actor: "ana", SpecDigest: digestIn(t, smallest)}}, f.withdrawn)
	require.Len(t, f.beside, 1)
}

// The same order is started once, however often it is given, also where nobody can
// be asked; another spec under its id is another order.
func TestAnOrderThatIsGivenAgain(t *testing.T) {
	t.Parallel()
	otherUnit, cautious := strings.NewReplacer("c: {}", "d: {}", "[b, c]", "[b, d]").Replace(threeUnits), strings.Replace(smallest, "5%", "1%", 1)
	for name, tt := range map[string]struct {
		spec, id, actor string
		code            int
	}{
		"the same":              {smallest, "id-7", "ana", 0},
		"elsewhere":             {smallest, "id-7", "ana@runner-2", 0},
		"a fleet's elsewhere":   {threeUnits, "id-7", "ana@runner-2", 0},
		"other steps":           {cautious, "id-7", "ana", 15},
		"other units":           {otherUnit, "id-7", "ana", 15},
		"another id":            {smallest, "id-8", "ana", 15},
		"another release":       {strings.Replace(smallest, "2.5.0", "2.6.0", 1), "id-7", "ana", 15},
		"somebody else":         {smallest, "id-7", "bo", 15},
		"the same fleet":        {threeUnits, "id-7", "ana", 0},
		"somebody else's fleet": {threeUnits, "id-7", "bo", 15},
		"a fleet with none":     {threeUnits, "id-8", "ana", 15},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			f := running(t)
			f.pollers, f.planErr, f.startErr = map[string]int{}, errNoWorker, errBusy
			o := anOrder()
			o.ID, o.SpecDigest = "id-7", digestIn(t, smallest)
			if specfile.IsFleet([]byte(tt.spec)) {
				o.SpecDigest = digestIn(t, threeUnits)
			}
			f.tape = &tape{t: t}
			f.tape.started(o)
			got := bakeoff(t.Context(), f, "start", file(t, tt.spec), "--id", tt.id, "--actor", tt.actor, "-o", "json")
			require.Equal(t, tt.code, got.code, got.err)
			if tt.code == 0 {
				require.Equal(t, checkout.RunID, decodeLine(t, got.out)["runId"])
			}
		})
	}
}

// digestIn is the digest that an order of a file's spec has.
func digestIn(t *testing.T, text string) string {
	t.Helper()
	from := source{"f", []byte(text)}
	if specfile.IsFleet(from.text) {
		fleet, problems := parseFleet(from)
		require.Empty(t, problems)
		return rollout.Shortened(fleet.Digest())
	}
	spec, problems := parse(from)
	require.Empty(t, problems)
	return rollout.Shortened(spec.Digest())
}

// A worker of before answers an order with what became of the one whose id it has.
func TestAnOrderOfWhichAnotherIsKnown(t *testing.T) {
	t.Parallel()
	f := &fake{fate: &rollout.Submission{ID: "id-7", Version: "2.5.0", Actor: "ana", Fate: rollout.FateStarted, RunID: checkout.RunID}}
	args := []string{"start", file(t, smallest), "--id", "id-7", "--actor"}
	require.Zero(t, bakeoff(t.Context(), f, append(args, "ana")...).code)
	got := bakeoff(t.Context(), f, append(args, "bo")...)
	require.Equal(t, 15, got.code)
	require.Contains(t, got.err, "refused: the id id-7 was that of the order of 2.5.0, by ana: give each order its own")
}

// Whoever is interrupted before the start was answered is told what is so, with the
// code of every interruption, and leaves no order behind.
func TestInterruptedStart(t *testing.T) {
	t.Parallel()
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	for name, tt := range map[string]struct {
		spec      string
		fake      *fake
		says      string
		withdrawn int
	}{
		"while it connects":        {smallest, &fake{dialError: errors.New("failed reaching server")}, "interrupted: nothing was asked of Temporal yet", 0},
		"while the plan is made":   {smallest, &fake{planErr: context.Canceled}, "interrupted: nothing was started", 0},
		"of a fleet":               {threeUnits, &fake{planErr: context.Canceled}, "interrupted: nothing was started", 0},
		"while the order is given": {smallest, &fake{submitErr: context.Canceled}, "interrupted: the order was taken back", 1},
	} {
		for _, command := range []string{"run", "start"} {
			t.Run(command+" "+name, func(t *testing.T) {
				f, ctx := tt.fake, gone
				if tt.withdrawn > 0 {
					*f = fake{submitErr: context.Canceled}
					ctx, f.onSubmit = context.WithCancel(t.Context())
				}
				got := bakeoff(ctx, f, command, file(t, tt.spec), "-o", "json")
				require.Equal(t, 130, got.code, got.err)
				require.Contains(t, got.err, tt.says)
				require.Len(t, f.withdrawn, tt.withdrawn)
				require.Empty(t, f.beside)
			})
		}
	}
}

// Blanks name nobody, whoever gives the order.
func TestBlankActor(t *testing.T) {
	t.Parallel()
	f := &fake{}
	require.Zero(t, bakeoff(t.Context(), f, "start", file(t, smallest), "--actor", "  ").code)
	require.Equal(t, "ana@laptop", f.submitted[0].Order.Actor)
}

// Package rehearsals practises a release on one machine: real processes, a real
// proxy, a real Temporal, a network that can be made slow, and a suite of
// rehearsals. The way back is drilled ten times while the network is slow, and once
// while the worker that rolls out is killed; a negative control has to go red; a
// good release is promoted and put back, a bad one found out; an autoscaler has to
// follow a surge. It drives the same command line that people use, and fails when
// anything ends otherwise than it should, when the same manifest makes another
// load, or when anything is left.
//
// [Run] is the function to read first; what is practised is in suite/. Instead of
// the suite, rehearsals can be killed at random moments, to see that they leave
// nothing: kills.go.
package rehearsals

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"bakeoff/deploy/dev/town"
)

// Name is what the program is called.
const Name = "bakeoff-rehearsals"

// Options say where programs and files are, and what the shop keeps its orders in.
type Options struct {
	town.Options
	Postgres bool          // in PostgreSQL, instead of a file
	Within   time.Duration // all of it has to be shown in so long; 0: in any time
	Kills    int           // how many rehearsals are killed, instead of the suite; 0: the suite
	Seed     uint64        // draws the moments at which they are killed
}

// Run rehearses everything and prints what happened. It returns an error when
// something could not be started, ctx ended, a rehearsal ended otherwise than it
// should, something is left, or it took too long. Without Keep, and whenever it fails, everything
// that it started is stopped before it returns.
func Run(ctx context.Context, o Options) (err error) {
	programs, err := town.Find(o.Binaries, "bakeoff-scaled", "bakeoff-toxiproxy")
	if err != nil {
		return err
	}
	h := &hall{options: o, story: town.NewStory(o.Out)}
	if h.town, err = town.Open(o.Dir, Name+"-"); err != nil {
		return err
	}
	h.town.Programs = programs
	defer func() { err = h.end(err) }()
	if err := h.start(ctx); err != nil {
		return err
	}
	if o.Kills > 0 {
		return errors.Join(h.kill(ctx), inTime(time.Since(h.story.Began), o.Within))
	}
	return h.practise(ctx)
}

// practise rehearses the suite, and one of it once more.
func (h *hall) practise(ctx context.Context) error {
	suite, err := h.rehearse(ctx, "suite.yaml")
	if err != nil {
		return err
	}
	twice := h.twice()
	again, err := h.rehearse(ctx, twice+".yaml")
	if err != nil {
		return err
	}
	h.story.Print("\n%s\n", render(suite))
	if err := errors.Join(verify(scenesWith(h.options.Postgres), suite), verifyAgain(find(suite, twice), again[0]), h.verifyPlace()); err != nil {
		return err
	}
	h.story.Say("%s made twice: the same fingerprint, %.19s…, the same load and the same verdict", twice, again[0].Fingerprint)
	return inTime(time.Since(h.story.Began), h.options.Within)
}

// inTime demands that all was shown as soon as it should be: who rehearses seldom,
// because it takes long, is not ready.
func inTime(took, within time.Duration) error {
	if within == 0 || took <= within {
		return nil
	}
	return fmt.Errorf("everything was shown, but it took %s, and %s are allowed: look what became slower, or allow a slow machine more with --within (make rehearse WITHIN=10m)",
		took.Round(time.Second), within)
}

// hall is where rehearsals are held.
type hall struct {
	options Options
	story   *town.Story
	town    *town.Town
	place   place
	control town.Member // the worker that rolls out
	staff   town.Member // the worker of rehearsals
	flags   *flags      // of the lanes; nil where there are none
}

func (h *hall) file(name string) string { return filepath.Join(h.town.Dir, name) }

// twice is the rehearsal that is made a second time: without a database, into
// which what was there before is restored, it is none that orders. The same load
// makes the same orders, and a shop that has them already has them double.
func (h *hall) twice() string {
	if h.options.Postgres {
		return "negative-control"
	}
	return "bad-release"
}

package rehearsal

import (
	"fmt"
	"slices"
	"strings"

	"bakeoff/rehearsal/evidence"
)

// putBack says whether the state after is the state before.
func (f Facts) putBack() evidence.Criterion {
	const title = evidence.NothingIsLeft
	if len(f.After.Extra) > 0 {
		return failed(title, strings.Join(f.Left(), "; "))
	}
	if f.unread() {
		return unmeasured(title, "the state could not be read: "+f.whyUnread())
	}
	if !f.touched() && f.Before.Digest != f.After.Digest {
		return unmeasured(title, fmt.Sprintf("somebody else has changed the target meanwhile; before: %s; after: %s", f.Before.Text, f.After.Text))
	}
	if left := f.Left(); len(left) > 0 {
		return failed(title, strings.Join(left, "; "))
	}
	return passed(title, "after as before: "+f.After.Text)
}

// unread reports whether nobody knows what there was, or what there is.
func (f Facts) unread() bool { return f.Before.Digest == "" || f.After.Digest == "" }

// whyUnread says why not, and when.
func (f Facts) whyUnread() string {
	var why []string
	if f.Before.Error != "" {
		why = append(why, "before: "+f.Before.Error)
	}
	if f.After.Error != "" {
		why = append(why, "after: "+f.After.Error)
	}
	return strings.Join(why, "; ")
}

// touched reports whether any rollout of the rehearsal began. Otherwise what has
// changed is somebody else's.
func (f Facts) touched() bool {
	for _, d := range f.Drills {
		if slices.ContainsFunc(d.Repeats, func(r evidence.Repeat) bool { return r.RunID != "" }) {
			return true
		}
	}
	return f.Rollout != nil && (f.Rollout.RunID != "" || f.Rollout.Outcome != "")
}

// Left is what is there after the run and was not before, or the other way.
func (f Facts) Left() []string {
	if !f.touched() {
		return f.After.Extra
	}
	left := f.After.LeftSince(f.Before)
	if !f.unread() && f.Before.Digest != f.After.Digest {
		left = append(left, fmt.Sprintf("before: %s; after: %s", f.Before.Text, f.After.Text))
	}
	if was, is := f.Before.Artifact, f.After.Artifact; f.Before.Version == f.After.Version && was != "" && is != "" && was != is {
		left = append(left, fmt.Sprintf("%s is of %s, and was of %s", f.After.Version, is, was))
	}
	return append(left, f.After.Extra...)
}

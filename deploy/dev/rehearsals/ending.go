package rehearsals

import (
	"context"
	"errors"
)

func (h *hall) verifyPlace(ctx context.Context) error { return nil }

func (h *hall) end(err error) error {
	h.story.Say("stopping what was started")
	isThere, stopped := h.town.Close(false)
	if isThere {
		h.story.Say("reports, manifests and logs are in %s; for the links above: %s", h.town.Dir, h.town.Histories())
	}
	return errors.Join(err, stopped)
}

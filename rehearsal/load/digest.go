package load

import (
	"crypto/sha256"
	"encoding/binary"
	"encoding/hex"
	"hash"
	"strconv"
)

// digestedOfClosed is how many arrivals of a closed load, which has no end of
// its own, make its digest. All that come after follow, as these do, from the seed and
// the load, which the fingerprint of a run holds beside the digest.
const digestedOfClosed = 10_000

// Digest is "sha256:…" over the moments and the bytes of every request, over
// all shards: equal digests are identical loads, or closed ones whose beginnings are
// identical. What a later step takes from
// an earlier answer is not in it, nor whose run it is; a closed load's time to think
// is.
func (s *Schedule) Digest() string {
	s = s.Of("")
	h := hasher{Hash: sha256.New()}
	if c := s.load.Closed; c != nil {
		h.texts("closed", strconv.Itoa(c.Users), c.Think.String())
	}
	for a := range s.all() {
		if s.load.Closed != nil && a.Index == digestedOfClosed {
			break
		}
		h.number(uint64(a.Offset.Microseconds()))
		for _, r := range s.Journey(a) {
			h.texts(r.Method, r.URL, r.Body)
			h.number(uint64(len(r.Headers)))
			for _, header := range r.Headers {
				h.texts(header.Name, header.Value)
			}
		}
	}
	return "sha256:" + hex.EncodeToString(h.Sum(nil))
}

// hasher writes texts so that no two lists of them are alike.
type hasher struct {
	hash.Hash
	buffer []byte
}

func (h *hasher) number(n uint64) {
	h.buffer = binary.BigEndian.AppendUint64(h.buffer[:0], n)
	h.Write(h.buffer)
}

func (h *hasher) texts(texts ...string) {
	for _, text := range texts {
		h.number(uint64(len(text)))
		h.buffer = append(h.buffer[:0], text...)
		h.Write(h.buffer)
	}
}

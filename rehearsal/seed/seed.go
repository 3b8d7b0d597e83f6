// Package seed makes the random numbers of a rehearsal. Everything that is drawn
// in a rehearsal is drawn from its one seed and the name of what draws, so that
// adding a part leaves the draws of all others as they were.
package seed

import (
	"crypto/sha256"
	"encoding/binary"
	"math/rand/v2"
)

// For returns the source of what draws under the names, such as "load",
// "browse", "arrivals": ChaCha8 keyed with SHA-256 of the seed and the names.
// The same seed and names give the same numbers on every machine and with
// every version of Bakeoff. It is not safe for concurrent use.
func For(seed int64, names ...string) *rand.Rand {
	h := sha256.New()
	_ = binary.Write(h, binary.BigEndian, seed) // a hash takes everything
	for _, name := range names {
		_ = binary.Write(h, binary.BigEndian, int64(len(name)))
		h.Write([]byte(name))
	}
	return rand.New(rand.NewChaCha8([32]byte(h.Sum(nil))))
}

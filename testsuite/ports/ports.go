// Package ports finds loopback addresses for programs that must be told theirs.
package ports

import (
	"math/rand/v2"
	"net"
	"strconv"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
)

// Ports below those that systems give to connections and to ":0" (Linux: from
// 32768), so that nobody is given one between its being found and its being
// bound.
const lowest, highest = 10_000, 32_000

var (
	mu    sync.Mutex
	given = map[int]bool{}
)

// Free returns a loopback address that nobody listens on, and that this test
// binary was not given before. A program that can choose for itself and say what
// it chose is asked to, by ":0": that cannot fail.
func Free(t testing.TB) string {
	t.Helper()
	mu.Lock()
	defer mu.Unlock()
	for range 1000 {
		port := lowest + rand.IntN(highest-lowest)
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(port))
		if given[port] {
			continue
		}
		if l, err := net.Listen("tcp", address); err == nil {
			require.NoError(t, l.Close())
			given[port] = true
			return address
		}
	}
	require.Fail(t, "no port is free")
	return ""
}

package scaled

import (
	"bufio"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// A busy replica keeps its rate where everything around it is late, and one that had
// nothing to do makes up for none of that time.
func TestAReplicaKeepsItsRate(t *testing.T) {
	in, ask := io.Pipe()
	says, out := io.Pipe()
	ended := make(chan error, 1)
	go func() { ended <- Replica(in, out, 20, 0) }()
	lines := bufio.NewScanner(says)
	require.True(t, lines.Scan(), "it is ready")
	answers := func(n int, came time.Time) {
		for range n {
			time.Sleep(25 * time.Millisecond) // the machine is slow
			fmt.Fprintln(ask, came.UnixNano())
			require.True(t, lines.Scan())
		}
	}
	began := time.Now()
	answers(10, began) // all came at once
	took := time.Since(began)
	require.GreaterOrEqual(t, took, 500*time.Millisecond)
	require.Less(t, took, 700*time.Millisecond)

	time.Sleep(200 * time.Millisecond)
	began = time.Now()
	answers(2, began)
	require.GreaterOrEqual(t, time.Since(began), 100*time.Millisecond)
	require.NoError(t, ask.Close())
	require.NoError(t, <-ended)
}

package scaling

import "fmt"

// count is a number of things: "1 replica", "3 replicas".
func count(n int, one, more string) string {
	if n == 1 {
		return "1 " + one
	}
	return fmt.Sprintf("%d %s", n, more)
}

func replicas(n int) string { return count(n, "replica", "replicas") }

// were goes with a number of things, before what they were.
func were(n int) string {
	if n == 1 {
		return "was"
	}
	return "were"
}

// are is a number and its verb: "1 is", "3 are".
func are(n int) string { return count(n, "is", "are") }

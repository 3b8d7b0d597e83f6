package analysis

import "math"

// The calibrated margin. Two halves of one baseline differ by more than chance
// for minutes at a time (a node, a cache, a batch job), which no φ learned from
// window to window can see. For blocks of 5, 15 and 60 minutes
//
//	s² = mean[(ln ratio of the halves)² − 1/x₁ − 1/x₂]
//
// is the variance that chance leaves unexplained, and two deviations of it are
// no harm: d0 = max(1.1, exp(2√s²)) with the largest s². A length counts only
// with 20 blocks, and when its s² is above 2√(2/n)·mean(1/x₁+1/x₂), which a
// clean but sparse history reaches by chance (judges.md §1.3). To each x ½ is
// added, so that a half without events has a logarithm.
const (
	leastMargin = 1.1
	mostMargin  = 10 // beyond it nothing is worth judging
	leastBlocks = 20
)

var blockLengths = [...]float64{5 * 60, 15 * 60, 60 * 60}

// noise is the two halves in blocks of each length.
type noise [len(blockLengths)]blocks

func newNoise() (n noise) {
	for i, length := range blockLengths {
		n[i].length = length
	}
	return n
}

// fold adds a window, in the order of time.
func (n *noise) fold(start, end float64, a arms) {
	for i := range n {
		n[i].fold(start, end, a)
	}
}

// margin is d0. The last block of each length counts if it is complete.
func (n *noise) margin() float64 {
	most := 0.0
	for _, b := range n {
		b.close()
		most = max(most, b.unexplained())
	}
	return min(max(leastMargin, math.Exp(2*math.Sqrt(most))), mostMargin)
}

// blocks is the history in blocks of one length, each beginning a multiple of
// it after the first window; a window belongs to the block that it starts in.
type blocks struct {
	length  float64
	started bool
	origin  float64
	number  float64 // of the open block
	covered float64 // of it, in seconds
	open    arms

	n             float64 // closed blocks
	total, chance float64 // Σ[(ln ratio)² − chance], Σ chance
}

func (b *blocks) fold(start, end float64, a arms) {
	if !b.started {
		b.started, b.origin = true, start
	}
	if number := math.Floor((start - b.origin) / b.length); number != b.number {
		b.close()
		b.number = number
	}
	b.covered += end - start
	b.open = b.open.plus(a)
}

// close ends the open block, which counts when its time was covered and both
// halves had requests.
func (b *blocks) close() {
	if a := b.open; b.covered >= coverage*b.length && a.nc > 0 && a.nb > 0 {
		ratio := math.Log((a.xc + 0.5) / a.nc / ((a.xb + 0.5) / a.nb))
		chance := 1/(a.xc+0.5) + 1/(a.xb+0.5)
		b.n++
		b.total += ratio*ratio - chance
		b.chance += chance
	}
	b.open, b.covered = arms{}, 0
}

// unexplained is s², 0 where this length does not count.
func (b *blocks) unexplained() float64 {
	if b.n < leastBlocks {
		return 0
	}
	s2 := b.total / b.n
	if s2 <= 2*math.Sqrt(2/b.n)*b.chance/b.n {
		return 0
	}
	return s2
}

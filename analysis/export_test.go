package analysis

// KayentaInterval is the interval and the estimate of a shift.
func KayentaInterval(experiment, control []float64, level float64) (low, high, estimate float64, err error) {
	return shiftTest{sorted(experiment), sorted(control)}.interval(level)
}

// KayentaW is the standardised rank sum of experiment − mu, less q.
func KayentaW(experiment, control []float64, mu, q float64) (float64, error) {
	return shiftTest{sorted(experiment), sorted(control)}.w(mu, q)
}

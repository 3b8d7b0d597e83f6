package analysis

import "math"

// StakeOf is ¾E + ¼R of a points judge: what Fail looks at.
func StakeOf(j *Judge) float64 { return math.Exp(j.method.(*points).log()) }

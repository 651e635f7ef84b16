package offload

import (
	"math/rand/v2"
	"time"
)

// Bounds of the default backoff.
const (
	backoffLeast = 15 * time.Second
	backoffMost  = 24 * time.Hour
)

// defaultBackoff waits n⁴ + 15 s after n failures, and up to a tenth more so that what failed
// together does not come back together; at most a day.
func defaultBackoff(failures int, _ error) time.Duration {
	wait := backoffCurve(failures)
	return min(wait+time.Duration(rand.Int64N(int64(wait)/10+1)), backoffMost)
}

func backoffCurve(failures int) time.Duration {
	n := time.Duration(min(max(failures, 1), 20)) // 17⁴ s is within a day, 20⁴ s beyond it
	return min(n*n*n*n*time.Second+backoffLeast, backoffMost)
}

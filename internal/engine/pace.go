package engine

import (
	"math"
	"time"
)

// A pace is how many attempts end in a second, of late: old ones fade away. It counts ends and
// not starts, because a hundred slow handlers may start at once.
type pace struct {
	count float64   // faded
	at    time.Time // of count
	since time.Time // when work began after the last idle second
}

const paceMemory = time.Second

// begin says that work has come.
func (p *pace) begin(now time.Time) {
	if now.Sub(p.at) > time.Second {
		*p = pace{at: now, since: now}
	}
}

// add counts n attempts that have ended.
func (p *pace) add(n int, now time.Time) {
	p.fade(now)
	p.count += float64(n)
}

func (p *pace) fade(now time.Time) {
	if d := now.Sub(p.at); d > 0 {
		p.count *= math.Exp(-d.Seconds() / paceMemory.Seconds())
		p.at = now
	}
}

// rate returns attempts per second. As long as the work is younger than the memory, it is the
// mean since the beginning.
func (p *pace) rate(now time.Time) float64 {
	if p.since.IsZero() {
		return 0
	}
	p.fade(now)
	age := max(now.Sub(p.since), 5*time.Millisecond).Seconds()
	m := paceMemory.Seconds()
	return p.count / (m * -math.Expm1(-age/m))
}

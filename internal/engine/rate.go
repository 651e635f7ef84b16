package engine

import (
	"math"
	"sync"
	"time"
)

// rateMemory is how long ago what was done still counts, by and large, for the rate.
const rateMemory = 30 * time.Second

// A rate tells how much of its work an attempt does in a second, by what it says of its progress.
//
// It is an exponential moving average: what was done between two words counts as done evenly
// between them, and less by the factor e for each rateMemory that has passed since. Divided by the
// weight that all the time since the beginning has, as the bias correction of Adam does it (Kingma
// and Ba, "Adam", 2015, section 3), it is the plain average at first, and never begins at 0:
//
//	s ← s·exp(−Δt/τ) + Δdone/Δt·(1−exp(−Δt/τ))    rate = s / (1−exp(−T/τ))
//
// So a burst moves it by no more than what it did over τ.
type rate struct {
	mu    sync.Mutex // held for moments
	begun time.Time  // zero: nothing is known
	at    time.Time  // of the last word
	done  int        // at that
	s     float64
}

// start says that nothing was done at a time.
func (r *rate) start(at time.Time) { r.begun, r.at = at, at }

// add takes a word and returns the rate by now, 0 if it is not known. Less than half of what was
// done is another round; a bit less comes of goroutines that overtake each other, and is passed
// over.
func (r *rate) add(done int, now time.Time) float64 {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.begun.IsZero() || done < r.done/2 {
		r.begun, r.at, r.done, r.s = now, now, done, 0
		return 0
	}
	if gain := done - r.done; gain >= 0 {
		share, over := now.Sub(r.at).Seconds()/rateMemory.Seconds(), float64(gain)/rateMemory.Seconds()
		if share > 0 {
			over *= -math.Expm1(-share) / share
		}
		r.s = r.s*math.Exp(-share) + over
		r.at, r.done = now, done
	}
	weight := -math.Expm1(-r.at.Sub(r.begun).Seconds() / rateMemory.Seconds())
	if weight <= 0 {
		return 0
	}
	return r.s / weight
}

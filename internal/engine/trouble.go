package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"time"
)

// trouble keeps the log readable while the store is away: each kind of failing call is
// logged when it begins, then ever more rarely, and once when it is over. A store that comes
// and goes, as on a disk that is nearly full, makes one line a minute of it at most.
type trouble struct {
	log  *slog.Logger
	mu   sync.Mutex // held for moments
	kind map[string]*outage
}

// An outage is the last one of a kind.
type outage struct {
	over        bool
	told        bool // there was a line since it began
	began, last time.Time
	every       time.Duration
	failed      int
}

const (
	tellAgain   = time.Minute
	tellAgainAt = time.Hour // at most
)

func newTrouble(log *slog.Logger) *trouble {
	return &trouble{log: log, kind: map[string]*outage{}}
}

// report says that something has failed.
func (t *trouble) report(doing string, err error) {
	now := time.Now()
	t.mu.Lock()
	o := t.kind[doing]
	switch {
	case o == nil:
		o = &outage{began: now, every: tellAgain}
		t.kind[doing] = o
	case o.over:
		o.over, o.told, o.began, o.every, o.failed = false, false, now, tellAgain, 0
	}
	o.failed++
	tell, first := now.Sub(o.last) >= o.every, o.failed == 1
	if tell {
		if o.told {
			o.every = min(2*o.every, tellAgainAt)
		}
		o.last, o.told = now, true
	}
	failed, lasted := o.failed, now.Sub(o.began)
	t.mu.Unlock()
	switch {
	case tell && first:
		t.log.Warn("offload: "+doing+" failed; it will be tried again", "error", err)
	case tell:
		t.log.Warn("offload: "+doing+" still fails", "error", err, "failed", failed, "for", lasted.Round(time.Second))
	}
}

// clear says that it works. It is told if the failing was.
func (t *trouble) clear(doing string) {
	t.mu.Lock()
	o := t.kind[doing]
	if o == nil || o.over {
		t.mu.Unlock()
		return
	}
	o.over = true
	told, began, failed := o.told, o.began, o.failed
	t.mu.Unlock()
	if told {
		t.log.Info(fmt.Sprintf("offload: %s works again", doing), "after", time.Since(began).Round(time.Millisecond), "failed", failed)
	}
}

// settle is report or clear.
func (t *trouble) settle(doing string, err error) {
	if err != nil {
		t.report(doing, err)
	} else {
		t.clear(doing)
	}
}

// A pause grows from try to try, with jitter, so that many processes don't come back at once.
type pause struct{ first, most, next time.Duration }

func newPause(first, most time.Duration) *pause { return &pause{first, most, first} }

func (p *pause) reset() { p.next = p.first }

// step returns how long to wait before the next try.
func (p *pause) step() time.Duration {
	d := jitter(p.next)
	p.next = min(2*p.next, p.most)
	return d
}

// wait waits for the next try, or until ctx ends.
func (p *pause) wait(ctx context.Context) { sleep(ctx, p.step()) }

// jitter returns d, a quarter more or less.
func jitter(d time.Duration) time.Duration {
	return d*3/4 + upTo(d/2)
}

// random returns a number below n. Tests put another in its place, to be repeatable.
var random = rand.Int64N

// upTo returns some duration up to d.
func upTo(d time.Duration) time.Duration { return time.Duration(random(int64(d) + 1)) }

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

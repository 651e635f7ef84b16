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
// logged when it begins, then ever more rarely, and once when it is over.
type trouble struct {
	log  *slog.Logger
	mu   sync.Mutex // held for moments
	open map[string]*outage
}

type outage struct {
	began, last time.Time
	every       time.Duration
	failed      int
}

const (
	tellAgain   = time.Minute
	tellAgainAt = time.Hour // at most
)

func newTrouble(log *slog.Logger) *trouble {
	return &trouble{log: log, open: map[string]*outage{}}
}

// report says that something has failed.
func (t *trouble) report(doing string, err error) {
	now := time.Now()
	t.mu.Lock()
	o := t.open[doing]
	if o == nil {
		t.open[doing] = &outage{began: now, last: now, every: tellAgain, failed: 1}
		t.mu.Unlock()
		t.log.Warn("offload: "+doing+" failed; it will be tried again", "error", err)
		return
	}
	o.failed++
	tell := now.Sub(o.last) >= o.every
	if tell {
		o.last, o.every = now, min(2*o.every, tellAgainAt)
	}
	failed, lasted := o.failed, now.Sub(o.began)
	t.mu.Unlock()
	if tell {
		t.log.Warn("offload: "+doing+" still fails", "error", err, "failed", failed, "for", lasted.Round(time.Second))
	}
}

// clear says that it works.
func (t *trouble) clear(doing string) {
	t.mu.Lock()
	o := t.open[doing]
	delete(t.open, doing)
	t.mu.Unlock()
	if o != nil {
		t.log.Info(fmt.Sprintf("offload: %s works again", doing), "after", time.Since(o.began).Round(time.Millisecond), "failed", o.failed)
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
	return d*3/4 + rand.N(d/2+1)
}

// sleep waits for d, or until ctx ends.
func sleep(ctx context.Context, d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-ctx.Done():
	}
}

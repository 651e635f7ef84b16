package sqlite

import (
	"context"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

// How often the database is asked whether somebody else has committed, while a process of
// this Store sleeps. The question, PRAGMA data_version, reads no table and no disk: it
// compares a counter in memory that all processes share, in 8 µs. But to wake up for it costs
// 0.2 ms of CPU where little else runs. So where the system says that the log was written it
// is asked then, and otherwise seldom, in case that was missed.
const (
	pollBlind  = 50 * time.Millisecond  // without hints: 0.4 % of a core
	pollSeldom = 250 * time.Millisecond // with hints
	pollFirst  = time.Millisecond / 4   // after a hint: it comes before the commit
	pollLast   = 32 * time.Millisecond  // and then twice as long each time, up to this
)

// ears are the processes of a Store that wait to be woken.
type ears struct {
	mu      sync.Mutex
	all     map[*ear]bool
	asleep  map[store.ID]bool
	version int64 // of the data, when it was last asked for
}

// An ear is one call of Listen.
type ear struct {
	process store.ID
	heard   []store.Wake  // and not told yet; guarded by ears.mu
	ring    chan struct{} // holds one token while there is something to tell, or to look at
}

func (e *ear) knock() {
	select {
	case e.ring <- struct{}{}:
	default:
	}
}

// hear tells those who sleep.
func (e *ears) hear(wakes []store.Wake) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for one := range e.all {
		if !e.asleep[one.process] {
			continue
		}
		for _, w := range wakes {
			if !slices.Contains(one.heard, w) {
				one.heard = append(one.heard, w)
			}
		}
		one.knock()
	}
}

// sleep notes whether a process sleeps, and lets its Listen look at that.
func (e *ears) sleep(process store.ID, asleep bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if !asleep {
		delete(e.asleep, process)
		return
	}
	if e.asleep == nil {
		e.asleep = map[store.ID]bool{}
	}
	e.asleep[process] = true
	for one := range e.all {
		if one.process == process {
			one.knock()
		}
	}
}

// seen notes the version of the data, and tells those who sleep if it has changed.
func (e *ears) seen(version int64) (changed bool) {
	e.mu.Lock()
	changed = version != e.version
	e.version = version
	e.mu.Unlock()
	if changed {
		e.hear([]store.Wake{{Priority: -1}})
	}
	return changed
}

// Sleep is that of store.Member. Which processes sleep need not be known to others: nobody
// sends a message. It runs with the writer, so that the data's version is that of a moment
// before which everything can be claimed.
func (s *Store) Sleep(ctx context.Context, process store.ID, asleep bool) error {
	if !asleep {
		s.ears.sleep(process, false)
		return nil
	}
	return s.write(ctx, "sleep", func(t *txn) error {
		version, err := t.dataVersion()
		if err != nil {
			return err
		}
		s.ears.seen(version)
		s.ears.sleep(process, true)
		return nil
	})
}

func (t *txn) dataVersion() (version int64, err error) {
	_, err = one(t, []any{&version}, "PRAGMA data_version")
	return version, err
}

// Listen is that of store.Member. Commits of this process are told by those who made them;
// those of others, and of the user's own transactions, are seen in the data's version, asked
// for on the writing connection: there it does not change with our own commits.
func (s *Store) Listen(ctx context.Context, process store.ID, wake func(store.Wake)) error {
	e := &ear{process: process, ring: make(chan struct{}, 1)}
	s.ears.open(e)
	defer s.ears.shut(e)
	w := watchLog(s.path)
	defer w.close()
	timer := time.NewTimer(pollSeldom)
	defer timer.Stop()
	for hinted := time.Duration(0); ; {
		heard, asleep := s.ears.heard(e)
		for _, w := range heard {
			wake(w)
		}
		var poll <-chan time.Time
		if watched := w.watching(asleep); asleep {
			timer.Reset(nextPoll(watched, hinted))
			poll = timer.C
		}
		select {
		case <-ctx.Done():
			return nil
		case <-s.closed:
			return errClosed
		case <-e.ring:
		case <-w.hints:
			hinted = pollFirst
		case <-poll:
			if s.pollVersion() || hinted > pollLast {
				hinted = 0
			}
			hinted *= 2
		}
	}
}

// nextPoll is how long to wait before the version is asked for again.
func nextPoll(watched bool, hinted time.Duration) time.Duration {
	switch {
	case hinted > 0:
		return hinted
	case watched:
		return pollSeldom
	}
	return pollBlind
}

// pollVersion looks whether somebody else has committed, or died. An error is no matter: the next
// write meets it too, and says so.
func (s *Store) pollVersion() (changed bool) {
	_ = s.writer.glance(func(db database) error {
		version, err := (&txn{database: db}).dataVersion()
		if err == nil {
			changed = s.ears.seen(version)
		}
		return err
	})
	if s.members.someDied(s.path) {
		s.ears.hear([]store.Wake{{Priority: -1}})
	}
	return changed
}

func (e *ears) open(one *ear) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.all == nil {
		e.all = map[*ear]bool{}
	}
	e.all[one] = true
}

func (e *ears) shut(one *ear) {
	e.mu.Lock()
	defer e.mu.Unlock()
	delete(e.all, one)
}

// heard returns what there is to tell, and whether the process sleeps.
func (e *ears) heard(one *ear) ([]store.Wake, bool) {
	e.mu.Lock()
	defer e.mu.Unlock()
	heard := one.heard
	one.heard = nil
	return heard, e.asleep[one.process]
}

package engine

import (
	"context"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	maxFinish      = 2000    // attempts in a call
	maxFinishBytes = 4 << 20 // of results in a call
	maxUnwritten   = 8000    // attempts whose end may wait to be written; claiming pauses beyond
)

// A finisher writes down what became of attempts. It has no timer: while one call is under
// way the next batch gathers.
type finisher struct {
	s    *shift
	ring chan struct{} // holds a token while there is something to do

	mu     sync.Mutex // held for moments
	list   []*attempt // to be written
	out    []*attempt // being written
	aside  []*attempt // refused, for a reason that is not theirs; tried again later
	dirty  []*attempt // with progress to write
	closed bool       // nothing will be added
}

func newFinisher(s *shift) *finisher {
	return &finisher{s: s, ring: make(chan struct{}, 1)}
}

// add takes attempts whose handlers have returned, or that are given back.
func (f *finisher) add(attempts ...*attempt) {
	if len(attempts) == 0 {
		return
	}
	f.mu.Lock()
	f.list = append(f.list, attempts...)
	f.mu.Unlock()
	ring(f.ring)
}

// giveBack has the leases of attempts that were not started given back.
func (f *finisher) giveBack(attempts []*attempt, end ending) {
	for _, a := range attempts {
		if a.end = end; end == endRelease {
			a.giveBack()
		}
	}
	f.add(attempts...)
}

// close says that nothing more will be added. What is left is written before run returns.
func (f *finisher) close() {
	f.mu.Lock()
	f.closed = true
	f.mu.Unlock()
	ring(f.ring)
}

// full reports whether so much waits to be written that no more should be started.
func (f *finisher) full() bool {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list)+len(f.out)+len(f.aside) > maxUnwritten
}

// fences adds what is here to fences.
func (f *finisher) fences(fences map[store.Fence]bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	for _, list := range [][]*attempt{f.list, f.out, f.aside} {
		for _, a := range list {
			fences[a.job.Fence] = true
		}
	}
}

// run writes until the finisher is closed and has nothing left, or ctx ends: then it returns
// how many ends were not written.
func (f *finisher) run(ctx context.Context) (unwritten int) {
	var progressAt, asideAt time.Time // when each is written next
	pause := newPause(time.Second, time.Minute)
	for ctx.Err() == nil {
		now := time.Now()
		list, left := f.take()
		switch {
		case len(list) > 0:
			f.write(ctx, list)
		case left.closed && left.aside == 0:
			return 0
		case left.closed && !f.lastTry(ctx):
			return f.unwritten()
		case left.dirty > 0 && !now.Before(progressAt):
			f.writeProgress(ctx, f.takeDirty())
			progressAt = now.Add(time.Second)
		case left.aside > 0 && asideAt.IsZero():
			asideAt = now.Add(pause.step())
		case left.aside > 0 && !now.Before(asideAt):
			f.fetchAside()
			asideAt = time.Time{}
		default:
			if left.aside == 0 {
				pause.reset()
			}
			f.wait(ctx, left, progressAt, asideAt)
		}
	}
	return f.unwritten()
}

// lastTry writes what was put aside once more, and reports whether that has worked.
func (f *finisher) lastTry(ctx context.Context) bool {
	f.fetchAside()
	for {
		list, left := f.take()
		if len(list) == 0 {
			return left.aside == 0
		}
		f.write(ctx, list)
	}
}

// unwritten returns how many ends are not written.
func (f *finisher) unwritten() int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return len(f.list) + len(f.out) + len(f.aside)
}

func (f *finisher) fetchAside() {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.list, f.aside = append(f.list, f.aside...), nil
}

// wait waits until there is something to do, or one of the times has come.
func (f *finisher) wait(ctx context.Context, left rest, progressAt, asideAt time.Time) {
	var at <-chan time.Time
	if left.dirty > 0 || left.aside > 0 {
		next := asideAt
		if left.aside == 0 || left.dirty > 0 && progressAt.Before(asideAt) {
			next = progressAt
		}
		timer := time.NewTimer(time.Until(next))
		defer timer.Stop()
		at = timer.C
	}
	select {
	case <-f.ring:
	case <-at:
	case <-ctx.Done():
	}
}

// rest is what is there beside the list.
type rest struct {
	aside, dirty int
	closed       bool
}

// take cuts the next batch: attempts of one identity, with one ending for one need.
func (f *finisher) take() ([]*attempt, rest) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.out = nil
	bytes, n := 0, 0
	for _, a := range f.list {
		bytes += len(a.row.Result)
		if a.process != f.list[0].process || a.end != f.list[0].end || a.need != f.list[0].need || n == maxFinish || n > 0 && bytes > maxFinishBytes {
			break
		}
		n++
	}
	f.out, f.list = f.list[:n:n], f.list[n:]
	if len(f.list) == 0 {
		f.list = nil
	}
	return f.out, rest{len(f.aside), len(f.dirty), f.closed}
}

// write writes one batch. Those that are refused for a reason that is not theirs are put
// aside; when ctx ends, what is not written is dropped: their leases are released or reaped.
func (f *finisher) write(ctx context.Context, list []*attempt) {
	wasFull := f.full()
	f.writeProgress(ctx, list)
	f.s.journal.flush(ctx, list)
	if list[0].end == endFinish {
		f.finish(ctx, list)
	} else if err := f.s.handBack(ctx, list); err != nil {
		f.putAside(list, err)
	}
	f.mu.Lock()
	f.out = nil
	f.mu.Unlock()
	if wasFull && !f.full() {
		ring(f.s.hand.poke)
	}
}

// putAside keeps attempts for another try.
func (f *finisher) putAside(list []*attempt, err error) {
	if f.s.calls.Err() == nil {
		f.s.trouble.report("write down how attempts ended", err)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	f.aside = append(f.aside, list...)
}

// note says that an attempt has progress to write.
func (f *finisher) note(a *attempt) {
	f.mu.Lock()
	f.dirty = append(f.dirty, a)
	first := len(f.dirty) == 1
	f.mu.Unlock()
	if first {
		ring(f.ring)
	}
}

func (f *finisher) takeDirty() []*attempt {
	f.mu.Lock()
	defer f.mu.Unlock()
	dirty := f.dirty
	f.dirty = nil
	return dirty
}

// writeProgress writes what attempts have said of their progress and is not written yet.
// Progress that cannot be written is dropped: the next will be newer.
func (f *finisher) writeProgress(ctx context.Context, list []*attempt) {
	news := map[store.ID][]store.Progress{}
	for _, a := range list {
		if p := a.progress.Swap(nil); p != nil {
			news[a.process] = append(news[a.process], *p)
		}
	}
	for process, progress := range news {
		err := f.s.within(ctx, func(ctx context.Context) error {
			return f.s.Store.WriteProgress(ctx, process, progress)
		})
		f.s.trouble.settle("write progress", err)
	}
}

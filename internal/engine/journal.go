package engine

import (
	"context"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

const (
	journalEvery = 150 * time.Millisecond // from a line to its write
	journalSoon  = 500                    // lines that are written at once
	journalBatch = 2000                   // lines in a call
	journalBytes = 4 << 20                // in a call
	maxJournal   = 20_000                 // lines that may wait
	maxJournalOf = maxJournal / 4         // of one attempt
	maxJournaled = 32 << 20               // bytes that may wait
	journalTries = 3                      // of a call that a store refuses which answers other calls
)

// A journal writes down what handlers log, a little later and many lines at once, so that no
// handler waits for it. What an attempt has logged is written before the attempt is finished:
// the log of a job that has ended is whole.
//
// What it cannot keep is dropped and counted: no more waits than maxJournal lines, maxJournalOf
// of one attempt, and of one attempt no more is taken than the store keeps of a job. Where
// lines are missing, a line says how many. A line is kept twice if the answer to its write was
// lost.
type journal struct {
	s      *shift
	inline bool          // there is no goroutine: who logs writes, now and then
	ring   chan struct{} // holds a token while there is something to do
	pen    chan struct{} // holds a token unless somebody writes: what waits is written in order

	mu     sync.Mutex // held for moments; guards what follows, and what attempts know of their lines
	lines  []journaled
	bytes  int
	lost   int // lines dropped since that was last said
	closed bool
}

// A journaled line waits to be written.
type journaled struct {
	a    *attempt
	line store.LogLine
}

// A logged is what a journal knows of an attempt's lines; guarded by its mu.
type logged struct {
	lines, bytes int // taken so far
	waiting      int // of lines
	dropped      int // since the last that was taken
}

func newJournal(s *shift) *journal {
	j := &journal{s: s, ring: make(chan struct{}, 1), pen: make(chan struct{}, 1)}
	j.pen <- struct{}{}
	return j
}

// put takes a line of an attempt. It does not block, unless inline.
func (j *journal) put(a *attempt, line store.LogLine) {
	line.Fence = a.job.Fence
	j.mu.Lock()
	n := len(j.lines)
	switch l := &a.log; {
	case j.closed, l.lines > store.MaxLogLines, l.bytes > store.MaxLogBytes:
		// Nobody would see it.
	case n >= maxJournal, j.bytes >= maxJournaled, l.waiting >= maxJournalOf:
		l.dropped++
		j.lost++
		a.logs.Store(true)
	default:
		j.add(a, line)
		a.logs.Store(true)
	}
	first, enough := n == 0 && len(j.lines) > 0, n < journalSoon && len(j.lines) >= journalSoon
	j.mu.Unlock()
	switch {
	case j.inline && enough:
		_ = j.write(j.s.calls, true) // what remains is written, or said, at the end
	case first || enough:
		ring(j.ring)
	}
}

// add adds a line, and in front of it what is missing there.
func (j *journal) add(a *attempt, line store.LogLine) {
	if a.log.dropped > 0 {
		missing := a.log.missing(line.Fence, line.At)
		a.log.dropped = 0
		j.add(a, missing)
	}
	j.lines = append(j.lines, journaled{a, line})
	j.bytes += line.Size()
	a.log.lines++
	a.log.bytes += line.Size()
	a.log.waiting++
}

// missing is the line that says how many were dropped.
func (l *logged) missing(f store.Fence, at time.Time) store.LogLine {
	return store.LogLine{
		Fence: f, At: at, Level: slog.LevelWarn.String(),
		Text: fmt.Sprintf("%d lines are left out here: the store did not take them in time", l.dropped),
	}
}

// close says that nothing more is to be taken: Run returns.
func (j *journal) close() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.closed = true
}

// run writes lines until ctx ends.
func (j *journal) run(ctx context.Context) {
	for ctx.Err() == nil {
		switch waiting := j.waiting(); {
		case waiting == 0:
			await(ctx, j.ring)
		case waiting < journalSoon && !j.pause(ctx):
		default:
			if err := j.write(j.s.calls, false); err != nil {
				sleep(ctx, jitter(time.Second))
			}
		}
	}
}

// pause waits for more lines, and reports whether it is time to write them.
func (j *journal) pause(ctx context.Context) bool {
	timer := time.NewTimer(journalEvery)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-j.ring:
		return j.waiting() >= journalSoon
	case <-ctx.Done():
		return false
	}
}

func (j *journal) waiting() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.lines)
}

// flush writes what attempts have logged that are about to be finished, for as long as an
// outage of the store lasts: their finish would have to wait for its end as well.
func (j *journal) flush(ctx context.Context, list []*attempt) {
	for _, a := range list {
		if a.logs.Load() {
			j.flushAll(ctx, list)
			return
		}
	}
}

func (j *journal) flushAll(ctx context.Context, list []*attempt) {
	now := time.Now()
	j.mu.Lock()
	for _, a := range list {
		if a.log.dropped > 0 { // nothing comes any more that would say so
			last := a.log.missing(a.job.Fence, now)
			a.log.dropped = 0
			j.add(a, last)
		}
	}
	j.mu.Unlock()
	pause := newPause(retryFirst, retryMost)
	for j.write(ctx, true) != nil && ctx.Err() == nil {
		pause.wait(ctx)
	}
}

// write writes what waits, if a finish waits for it all of it, and returns why it could not. Lines that the store refuses
// are dropped, and so are, if a finish waits, those that it cannot take while it answers other
// calls: they are a help, and must not hold up what they are about.
func (j *journal) write(ctx context.Context, final bool) error {
	select {
	case <-j.pen:
	case <-ctx.Done():
		return ctx.Err()
	}
	defer func() { j.pen <- struct{}{} }()
	for tries := 0; ; {
		batch := j.batch()
		if len(batch) == 0 {
			j.sayLost()
			return nil
		}
		err := j.writeSome(ctx, batch)
		switch {
		case ctx.Err() != nil:
			return ctx.Err()
		case store.Temporary(err) && !(final && j.answers(ctx)):
			return err
		case store.Temporary(err) && tries < journalTries:
			tries++
			sleep(ctx, retryFirst)
			continue
		}
		tries = 0
		j.done(batch, err)
		if rest := j.waiting(); !final && 0 < rest && rest < journalSoon {
			return nil // they came meanwhile, and wait for more
		}
	}
}

// answers reports whether the store answers other calls.
func (j *journal) answers(ctx context.Context) bool {
	return j.s.within(ctx, func(ctx context.Context) error {
		_, err := j.s.Store.Now(ctx)
		return err
	}) == nil
}

// batch returns the next lines, all of one process.
func (j *journal) batch() []journaled {
	j.mu.Lock()
	defer j.mu.Unlock()
	n, bytes := 0, 0
	for _, l := range j.lines {
		bytes += l.line.Size()
		if l.a.process != j.lines[0].a.process || n == journalBatch || n > 0 && bytes > journalBytes {
			break
		}
		n++
	}
	return j.lines[:n:n]
}

func (j *journal) writeSome(ctx context.Context, batch []journaled) error {
	lines := make([]store.LogLine, len(batch))
	for i, l := range batch {
		lines[i] = l.line
	}
	err := j.s.within(ctx, func(ctx context.Context) error {
		return j.s.Store.WriteLogs(ctx, batch[0].a.process, lines)
	})
	j.s.trouble.settle("write what jobs log", err)
	return err
}

// done takes written lines away, or those that were refused.
func (j *journal) done(batch []journaled, refused error) {
	told := map[store.ID]bool{}
	j.mu.Lock()
	for _, l := range batch {
		j.bytes -= l.line.Size()
		l.a.log.waiting--
		if refused != nil {
			l.a.log.dropped++
			j.lost++
		}
		l.a.logs.Store(l.a.log.waiting > 0 || l.a.log.dropped > 0)
		told[l.line.ID] = true
	}
	clear(j.lines[:len(batch)])
	j.lines = j.lines[len(batch):]
	if len(j.lines) == 0 {
		j.lines = nil
	}
	j.mu.Unlock()
	for id := range told {
		j.s.Logged(id)
	}
}

// end writes what handlers have logged that are left behind, while their leases are still held.
func (j *journal) end(ctx context.Context) {
	if j.waiting() > 0 && j.write(ctx, true) != nil {
		j.s.Log.Warn("offload: the store was away until the end; lines that jobs logged could not be written", "lines", j.waiting())
	}
}

// sayLost says how many lines were dropped.
func (j *journal) sayLost() {
	j.mu.Lock()
	lost := j.lost
	j.lost = 0
	j.mu.Unlock()
	if lost > 0 {
		j.s.Log.Warn("offload: lines that jobs logged were left out, since they came faster than the store took them", "lines", lost)
	}
}

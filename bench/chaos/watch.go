package main

import (
	"context"
	"sync"
	"syscall"
	"time"
)

// strayGrace is how long a lease may be without a live process before it breaks I4 while work
// goes on.
const strayGrace = 20 * time.Second

// A watcher looks at the database each second while a trial goes on.
type watcher struct {
	stage   *Stage
	cancel  context.CancelFunc
	over    chan struct{}
	settled bool // Settle was called

	mu     sync.Mutex // held while it looks, and by Blind
	strays map[Lease]time.Time
	looks  int
	misses int // looks that the database did not answer
}

func (w *watcher) start(s *Stage) {
	ctx, cancel := context.WithCancel(s.ctx)
	w.stage, w.cancel, w.over, w.strays = s, cancel, make(chan struct{}), map[Lease]time.Time{}
	go func() {
		defer close(w.over)
		tick := time.NewTicker(time.Second)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				w.look(ctx)
			}
		}
	}()
}

// stop ends the looking. It may be called more than once.
func (w *watcher) stop() {
	if w.cancel != nil {
		w.cancel()
		<-w.over
	}
}

// look checks what must hold at any moment.
func (w *watcher) look(ctx context.Context) {
	w.mu.Lock()
	defer w.mu.Unlock()
	ctx, cancel := context.WithTimeout(ctx, 10*time.Second)
	defer cancel()
	w.looks++
	// Jobs that have ended long ago do not move any more.
	torn, strays, err := w.stage.Database.glance(ctx, w.stage.Since, time.Now().Add(-2*time.Minute))
	if err != nil {
		w.misses++
		return
	}
	for id, stored := range torn {
		w.stage.Broken("I2", "%s, while work goes on", misplaced(id, stored))
	}
	w.stray(strays)
}

// stray notes leases without a live process, and finds those that were so for too long.
func (w *watcher) stray(leases []Lease) {
	before := w.strays
	w.strays = map[Lease]time.Time{}
	for _, lease := range leases {
		first, known := before[lease]
		if !known {
			first = time.Now()
		}
		w.strays[lease] = first
		if since := time.Since(first); since > strayGrace {
			w.stage.Broken("I4", "%v has had no live process for %v", lease, strayGrace)
		}
	}
}

// Blind runs f while nobody looks at the database: because it is away on purpose, or because
// a reader would change what is tried.
func (s *Stage) Blind(f func()) {
	s.watcher.mu.Lock()
	defer s.watcher.mu.Unlock()
	f()
}

// Settle ends the enqueuers, waits until no job is left to run, ends the other processes, and
// checks all invariants. A job that is left after a time breaks "rest".
func (s *Stage) Settle(within time.Duration) {
	s.Helper()
	s.watcher.settled = true
	for _, p := range s.Processes("enqueuer") {
		if _, ok := p.Stop(30 * time.Second); !ok {
			s.Broken("process", "%s did not end", p.Name)
		}
	}
	began := time.Now()
	if !s.rest(within) {
		counts, err := s.Database.counts(s.ctx, s.Since)
		s.Broken("rest", "after %v there are still jobs to run: %v %v", within, counts, err)
	}
	s.Figure("time to come to rest", time.Since(began).Seconds(), "s")
	s.watcher.stop()
	s.Figure("checks while it ran", float64(s.watcher.looks-s.watcher.misses), "")
	s.Figure("checks that the database did not answer", float64(s.watcher.misses), "")
	s.endWorkers()
	s.check()
}

// rest waits until every job is done.
func (s *Stage) rest(within time.Duration) bool {
	return s.Comes(within, func() bool {
		s.Wait(100 * time.Millisecond)
		counts, err := s.Database.counts(s.ctx, s.Since)
		return err == nil && counts[Due]+counts[Leased]+counts[Blocked] == 0
	})
}

// endWorkers ends what is left of the processes, politely, all at once.
func (s *Stage) endWorkers() {
	s.mu.Lock()
	posts, processes := s.posts, s.processes
	s.mu.Unlock()
	for _, post := range posts {
		post.leave()
		<-post.left
	}
	for _, p := range processes {
		if p.Alive() {
			p.Signal(syscall.SIGCONT)
			p.Signal(syscall.SIGTERM)
		}
	}
	for _, p := range processes {
		if !p.Await(40 * time.Second) {
			p.Kill()
			s.Broken("process", "%s did not end within 40 s of SIGTERM, at rest", p.Name)
		}
	}
}

// check checks all invariants, at rest.
func (s *Stage) check() {
	s.Helper()
	l := s.Ledger()
	v, err := s.Database.survey(s.ctx, s.Since, tasksOf(l))
	if err != nil {
		s.Fatalf("survey: %v", err)
	}
	for _, b := range check(l, v) {
		s.Broken(b.What, "%s", b.Text)
	}
	s.count(l, v)
}

// count reports figures that every trial has.
func (s *Stage) count(l *Ledger, v *Survey) {
	var acked, refused, unknown, starts, repeats, tx int
	for _, e := range l.Jobs {
		switch {
		case !e.Acked.IsZero():
			acked++
		case e.Refused != "":
			refused++
		default:
			unknown++
		}
		if !e.Acked.IsZero() && e.Tx {
			tx++
		}
		starts += len(e.Runs)
		repeats += max(len(e.Runs)-1, 0)

	}
	by := map[Outcome]int{}
	for _, stored := range v.Jobs {
		by[stored.Outcome]++
	}
	for name, n := range map[string]int{
		"jobs acknowledged": acked, "jobs refused": refused, "jobs with no answer": unknown, "transactional jobs": tx,
		"starts": starts, "repeated starts": repeats,
		"completed": by[Completed], "discarded": by[Discarded], "cancelled": by[Cancelled],
	} {
		s.Figure(name, float64(n), "")
	}
}

// tasksOf returns the tasks that a ledger knows.
func tasksOf(l *Ledger) (tasks []string) {
	seen := map[string]bool{}
	for _, e := range l.Jobs {
		if e.Task != "" && !seen[e.Task] {
			seen[e.Task] = true
			tasks = append(tasks, e.Task)
		}
	}
	return tasks
}

package main

import (
	"context"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A Stage is where a trial on one store takes place. It is a testing.TB, without what only
// a test can do: Setenv and Chdir.
//
// Its methods may be called from any goroutine, but for Fatalf and what calls it: that is for
// the goroutine of Run.
type Stage struct {
	testing.TB // never called: what is needed of it is below

	Trial    *Trial
	Kind     string // of the store: "sqlite" or "postgres"
	Database *Database
	For      time.Duration // how long to do harm
	Short    bool          // in go test
	Dir      string        // of its own, on disk; removed afterwards
	Rand     *rand.Rand    // for the goroutine of Run
	Since    offload.ID    // all jobs of this trial come after it

	ctx     context.Context
	seed    uint64
	began   time.Time
	ledger  *Ledger
	logs    string
	say     func(format string, args ...any)
	starter *starter
	keep    string // where evidence goes; "" is nowhere

	mu        sync.Mutex
	born      map[string]int
	processes []*Process
	posts     []*Post
	cleanups  []func()
	result    Result
	hand      *hand

	watcher watcher
}

// newStage makes a stage in a folder that is there.
func newStage(ctx context.Context, t *Trial, kind, dir string, seed uint64) *Stage {
	s := &Stage{
		Trial: t, Kind: kind, Dir: dir, Since: store.IDAt(time.Now()),
		ctx: ctx, seed: seed, began: time.Now(),
		ledger: newLedger(filepath.Join(dir, "ledger")), logs: filepath.Join(dir, "logs"),
		say: func(string, ...any) {}, starter: newStarter(), born: map[string]int{},
		result: Result{Trial: t.Name, Store: kind, Seed: seed, Figures: map[string]Figure{}},
	}
	s.Rand = s.Random("")
	return s
}

// derive makes a seed of the run's, for a name.
func (s *Stage) derive(name string) uint64 {
	h := fnv.New64a()
	fmt.Fprintf(h, "%d %s %s %s", s.seed, s.Trial.Name, s.Kind, name)
	return h.Sum64()
}

// Random returns a source of its own for a name.
func (s *Stage) Random(name string) *rand.Rand {
	return rand.New(rand.NewPCG(s.derive(name), 1))
}

// Between returns a duration from least to most, by s.Rand.
func (s *Stage) Between(least, most time.Duration) time.Duration {
	return between(s.Rand, least, most)
}

func between(r *rand.Rand, least, most time.Duration) time.Duration {
	if most <= least {
		return least
	}
	return least + time.Duration(r.Int64N(int64(most-least)+1))
}

// Left is how much of the trial's time is left.
func (s *Stage) Left() time.Duration { return max(s.For-time.Since(s.began), 0) }

// Sleep lets time pass, and reports whether there is any left of the trial's. Where it is not,
// it returns at once, or when it is over.
func (s *Stage) Sleep(d time.Duration) bool {
	over := d >= s.Left()
	s.Wait(min(d, s.Left()))
	return !over
}

// Wait lets time pass, whatever is left of the trial's.
func (s *Stage) Wait(d time.Duration) {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ctx.Done():
		s.Fatalf("interrupted")
	}
}

// Until waits until done reports true, and ends the trial if that takes longer than within.
func (s *Stage) Until(what string, within time.Duration, done func() bool) {
	s.Helper()
	if !s.Comes(within, done) {
		s.Fatalf("it did not come within %v that %s", within, what)
	}
}

// Comes waits until done reports true, and reports whether it did within a time.
func (s *Stage) Comes(within time.Duration, done func() bool) bool {
	end := time.Now().Add(within)
	for !done() {
		if time.Now().After(end) || s.ctx.Err() != nil {
			return false
		}
		time.Sleep(20 * time.Millisecond) // processes are polled
	}
	return true
}

// Ledger reads what the processes have written down so far.
func (s *Stage) Ledger() *Ledger {
	s.Helper()
	if err := s.ledger.Read(); err != nil {
		s.Fatalf("%v", err)
	}
	return s.ledger
}

// Processes returns those of a role that are alive, in the order of their start.
func (s *Stage) Processes(role string) (alive []*Process) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.processes {
		if p.Spec.Role == role && p.Alive() {
			alive = append(alive, p)
		}
	}
	return alive
}

// Say prints what is going on.
func (s *Stage) Say(format string, args ...any) { s.say(format, args...) }

// run runs the trial's function, settles what it has left, and takes everything away.
func (s *Stage) run() Result {
	done := make(chan struct{})
	go func() {
		defer close(done)
		defer s.clear()
		defer func() {
			if value := recover(); value != nil {
				s.Errorf("panic: %v\n%s", value, stack())
			}
		}()
		s.set()
		s.Trial.Run(s)
		if !s.watcher.settled {
			s.Settle(2 * time.Minute)
		}
	}()
	<-done
	s.mu.Lock()
	defer s.mu.Unlock()
	s.result.Took = time.Since(s.began).Seconds()
	s.result.For = s.For.Seconds()
	return s.result
}

func stack() []byte {
	text := make([]byte, 64<<10)
	return text[:runtime.Stack(text, false)]
}

// set prepares the stage.
func (s *Stage) set() {
	for _, dir := range []string{s.ledger.dir, s.logs} {
		if err := os.MkdirAll(dir, 0o755); err != nil {
			s.Fatalf("%v", err)
		}
	}
	if s.Database == nil {
		if s.Trial.Open != nil {
			s.Database = s.Trial.Open(s)
		} else {
			s.Database = s.OpenUsual()
		}
	}
	if err := s.Database.prepare(s.ctx, s.Trial); err != nil {
		s.Fatalf("%v", err)
	}
	s.began = time.Now()
	s.watcher.start(s)
}

// clear ends all processes and does what Cleanup was given, last first.
func (s *Stage) clear() {
	s.watcher.stop()
	s.endAll()
	s.mu.Lock()
	hand := s.hand
	s.mu.Unlock()
	if hand != nil {
		hand.close(s)
	}
	if s.Failed() {
		s.keepEvidence()
	}
	for {
		s.mu.Lock()
		n := len(s.cleanups)
		if n == 0 {
			s.mu.Unlock()
			break
		}
		f := s.cleanups[n-1]
		s.cleanups = s.cleanups[:n-1]
		s.mu.Unlock()
		f()
	}
	s.starter.close()
}

// endAll kills what is left of the processes.
func (s *Stage) endAll() {
	s.mu.Lock()
	posts := s.posts
	s.mu.Unlock()
	for _, post := range posts {
		post.leave()
		<-post.left
	}
	s.mu.Lock()
	processes := s.processes
	s.mu.Unlock()
	for _, p := range processes {
		p.Kill()
	}
}

// What follows is of testing.TB.

// Name is the trial and the store.
func (s *Stage) Name() string { return s.Trial.Name + "/" + s.Kind }

// Helper does nothing.
func (s *Stage) Helper() {}

// Context ends when the run is interrupted.
func (s *Stage) Context() context.Context { return s.ctx }

// Cleanup has f called when the trial is over and all processes have ended.
func (s *Stage) Cleanup(f func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.cleanups = append(s.cleanups, f)
}

// TempDir makes a folder that is removed with the stage.
func (s *Stage) TempDir() string {
	dir, err := os.MkdirTemp(s.Dir, "dir-")
	if err != nil {
		s.Fatalf("%v", err)
	}
	return dir
}

// Log prints.
func (s *Stage) Log(args ...any) { s.Say("%s", fmt.Sprintln(args...)) }

// Logf prints.
func (s *Stage) Logf(format string, args ...any) { s.Say(format, args...) }

// Error says that the trial itself did not work.
func (s *Stage) Error(args ...any) { s.Broken("trial", "%s", fmt.Sprint(args...)) }

// Errorf is Error with a format.
func (s *Stage) Errorf(format string, args ...any) { s.Broken("trial", format, args...) }

// Fatal is Error, and ends the trial.
func (s *Stage) Fatal(args ...any) {
	s.Error(args...)
	runtime.Goexit()
}

// Fatalf is Fatal with a format.
func (s *Stage) Fatalf(format string, args ...any) {
	s.Errorf(format, args...)
	runtime.Goexit()
}

// Fail says that the trial failed.
func (s *Stage) Fail() { s.Error("failed") }

// FailNow ends a trial that failed.
func (s *Stage) FailNow() { s.Fatal("failed") }

// Failed reports whether something broke.
func (s *Stage) Failed() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.result.Broken) > 0
}

// Skip ends a trial that cannot be run here.
func (s *Stage) Skip(args ...any) {
	s.mu.Lock()
	s.result.Skipped = fmt.Sprint(args...)
	s.mu.Unlock()
	runtime.Goexit()
}

// Skipf is Skip with a format.
func (s *Stage) Skipf(format string, args ...any) { s.Skip(fmt.Sprintf(format, args...)) }

// SkipNow is Skip without a reason.
func (s *Stage) SkipNow() { s.Skip("skipped") }

// Skipped reports whether Skip was called.
func (s *Stage) Skipped() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.result.Skipped != ""
}

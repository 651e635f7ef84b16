package main

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/offloadhq/offload"
	"github.com/offloadhq/offload/store"
)

// A probe is a process that makes calls of a store, each kind again and again and without a
// deadline of its own, and writes down those that took long. It listens, too.

// Notes of a probe.
const (
	tookNote  = "took "  // and the call, and how many milliseconds
	heardNote = "heard " // and the queue that it was woken for
)

// bellQueue is a queue without jobs. It is rung for, and its probe hears it or not.
const bellQueue = "bell"

// longCall is from when on a call is written down.
const longCall = 500 * time.Millisecond

// probe is the role of a probe.
func probe(ctx context.Context, c *Child) error {
	s, err := openStore(ctx, c)
	if err != nil {
		return err
	}
	me := store.NewID()
	for err := s.Join(ctx, store.Process{ID: me}); err != nil; err = s.Join(ctx, store.Process{ID: me}) {
		if err := Doze(ctx, 200*time.Millisecond); err != nil {
			return s.Close()
		}
	}
	own := c.Ledger.call(Kind{Task: sleepTask.Name, Queue: bellQueue}, Work{})
	job := store.NewJob{ID: own.ID(), Task: sleepTask.Name, Queue: bellQueue, Delay: time.Hour}
	unknown := store.NewID()
	var all sync.WaitGroup
	for name, call := range map[string]func(context.Context) error{
		"insert": func(ctx context.Context) error { _, err := s.Insert(ctx, []store.NewJob{job}); return err },
		"claim": func(ctx context.Context) error {
			_, err := s.Claim(ctx, store.ClaimRequest{Process: me, Queue: bellQueue, Limit: 10})
			return err
		},
		"finish": func(ctx context.Context) error {
			_, err := s.Finish(ctx, me, []store.Ended{{Fence: store.Fence{ID: unknown, Attempt: 1}, Outcome: store.OutcomeCompleted}})
			return err
		},
		"release": func(ctx context.Context) error { return s.Release(ctx, me, []store.Fence{{ID: unknown, Attempt: 1}}) },
		"beat":    func(ctx context.Context) error { _, err := s.Beat(ctx, store.Process{ID: me}); return err },
		"look":    func(ctx context.Context) error { _, err := s.Look(ctx, me); return err },
		"find": func(ctx context.Context) error {
			_, err := s.Find(ctx, store.Filter{IDs: []store.ID{job.ID}})
			return err
		},
		"act": func(ctx context.Context) error {
			_, err := s.Act(ctx, store.Act{Verb: store.RunNow, IDs: []store.ID{unknown}})
			return err
		},
		"duty": func(ctx context.Context) error { _, err := s.TakeDuty(ctx, bellQueue, time.Hour); return err },
	} {
		all.Go(func() { keepCalling(ctx, c, name, call) })
	}
	all.Go(func() {
		_ = s.Listen(ctx, me, func(w store.Wake) { c.Ledger.Note(offload.ID{}, 0, heardNote+w.Queue) }) // nil at the end of ctx
	})
	all.Wait()
	ctx = context.WithoutCancel(ctx)
	for range 100 { // the network is well again
		if _, err = s.Act(ctx, store.Act{Verb: store.Delete, IDs: []store.ID{job.ID}}); err == nil {
			break
		}
	}
	if err == nil {
		err = s.Leave(ctx, me)
	}
	if err != nil {
		_ = s.Close()
		return err
	}
	return s.Close()
}

// openStore opens a store, patiently.
func openStore(ctx context.Context, c *Child) (store.Store, error) {
	for {
		s, err := store.Open(ctx, c.Address)
		if err == nil || !store.Temporary(err) || ctx.Err() != nil {
			return s, err
		}
		if err := Doze(ctx, 200*time.Millisecond); err != nil {
			return nil, err
		}
	}
}

// keepCalling makes a call again and again, and writes down how long it took if that was long.
func keepCalling(ctx context.Context, c *Child, name string, call func(context.Context) error) {
	for ctx.Err() == nil {
		began := time.Now()
		err := call(context.WithoutCancel(ctx))
		if took := time.Since(began); took >= longCall {
			c.Ledger.Note(offload.ID{}, 0, fmt.Sprintf("%s%s %d", tookNote, name, took.Milliseconds()))
		}
		if err != nil && !store.Temporary(err) {
			c.Log.Error("probe", "call", name, "error", err)
		}
		_ = Doze(ctx, 100*time.Millisecond) // the loop sees it
	}
}

// reportCalls reports the longest call of all probes.
func reportCalls(s *Stage) {
	s.Helper()
	var longest float64
	which, calls := "", 0
	for _, n := range s.Ledger().NotesOf(tookNote) {
		var name string
		var ms float64
		if _, err := fmt.Sscan(strings.TrimPrefix(n.Words, tookNote), &name, &ms); err != nil {
			s.Fatalf("note %q: %v", n.Words, err)
		}
		if calls++; ms/1000 > longest {
			longest, which = ms/1000, name
		}
	}
	if which != "" {
		s.Say("the longest call was %s", which)
	}
	s.Figure("store calls that took over half a second", float64(calls), "")
	s.AtMost("longest store call", longest, "s", 10.5)
}

// heardAfter returns when a probe first heard the bell after a time.
func heardAfter(s *Stage, since time.Time) (at time.Time, found bool) {
	s.Helper()
	for _, n := range s.Ledger().NotesOf(heardNote + bellQueue) {
		if n.Time.After(since) && (!found || n.Time.Before(at)) {
			at, found = n.Time, true
		}
	}
	return at, found
}

// heardBy is heardAfter for one probe.
func heardBy(s *Stage, p *Process, since time.Time) (at time.Time, found bool) {
	s.Helper()
	for _, n := range s.Ledger().NotesOf(heardNote + bellQueue) {
		if n.Process == p.Name && n.Time.After(since) {
			return n.Time, true // notes are in order
		}
	}
	return at, false
}

// A bell rings a few times a second at an address, for probes that listen.
type bell struct {
	cancel context.CancelFunc
	over   chan struct{}
}

func ring(s *Stage, address string) *bell {
	ctx, cancel := context.WithCancel(s.ctx)
	b := &bell{cancel, make(chan struct{})}
	go func() {
		defer close(b.over)
		for Doze(ctx, 200*time.Millisecond) == nil {
			if conn, err := pgx.Connect(ctx, address); err == nil {
				_, _ = conn.Exec(ctx, "select pg_notify('offload_wake', $1)", "5:"+bellQueue) // the next ring may be heard
				_ = conn.Close(ctx)
			}
		}
	}()
	s.Cleanup(b.stop)
	return b
}

func (b *bell) stop() {
	b.cancel()
	<-b.over
}

// hears waits until a probe hears the bell after a time, and reports how long that took.
func hears(s *Stage, what string, since time.Time) {
	s.Helper()
	s.Until("a probe hears again: "+what, time.Minute, func() bool { _, found := heardAfter(s, since); return found })
	at, _ := heardAfter(s, since)
	s.AtMost("LISTEN again, "+what, at.Sub(since).Seconds(), "s", 20)
}

// works waits until a job of a queue runs that is enqueued now, from here, and reports how long
// that took since a time.
func works(s *Stage, what, queue string, since time.Time) {
	s.Helper()
	s.AtMost("processing again, "+what, started(s, what, queue).Sub(since).Seconds(), "s", 15)
}

// started waits until a job of a queue runs that is enqueued now, from here, and returns when.
func started(s *Stage, what, queue string) time.Time {
	s.Helper()
	id := s.Enqueue(Kind{Task: sleepTask.Name, Queue: queue}, Work{})
	s.Until("a job runs again: "+what, 2*time.Minute, func() bool { e := s.Ledger().Job(id); return len(e.Runs) > 0 })
	e := s.Ledger().Job(id)
	return firstStart(&e)
}

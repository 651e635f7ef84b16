package memory

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/offloadhq/offload/store"
)

func init() {
	store.Register("memory", func(context.Context, string) (store.Store, error) { return New(), nil })
}

// A Store keeps jobs in memory.
type Store struct {
	mu      sync.Mutex // held for the whole of each method, never while calling out but to tick
	clock   func() time.Time
	ahead   time.Duration // of clock, by Advance
	closed  bool
	version int
	ears    map[*ear]bool // those who listen
	move    *store.Move   // nil: it is part of none
	data
}

// data is what Migrate removes and makes anew.
type data struct {
	jobs         map[store.ID]*job // all of them, wherever they are
	due          map[lane][]*job   // by run_at, then id
	leases       map[store.ID]*job
	blocked      map[store.ID]*job
	expiring     map[store.ID]*job // of due and blocked, those that may expire
	limits       map[string]*limit
	keys         map[string]*key // of limits, by gate.ID
	touched      map[*key]bool   // that may have got room in the call under way: see settle
	turns        map[turnKey]time.Time
	uniques      map[uniqueKey]holder
	reservations map[uniqueKey]*Tx
	schedules    map[string]*store.Schedule
	inbox        []store.InboxRow // oldest first
	inboxed      int64            // number of the last row
	processes    map[store.ID]*process
	tasks        map[string]store.Task
	pausedTasks  map[string]bool
	pausedQueues map[string]bool
	workers      map[string]int
	records      []store.Record // oldest first
	figures      map[figureKey]*store.Figure
	duties       map[string]time.Time // when each is due next
	documents    map[documentKey]store.Document
	documented   int64 // the last version of a document
	errors       map[string]*errorGroup
	flows
	counted time.Time // enqueues before it are in figures
}

// An Option shapes a Store.
type Option func(*Store)

// At makes the store's clock stand still at t until Advance moves it.
// The default is the real clock.
func At(t time.Time) Option {
	return func(s *Store) { s.clock = func() time.Time { return t } }
}

// New returns an empty store, ready for work.
func New(options ...Option) *Store {
	s := &Store{clock: time.Now, version: 1, ears: map[*ear]bool{}, data: newData()}
	for _, o := range options {
		o(s)
	}
	return s
}

func newData() data {
	return data{
		jobs:         map[store.ID]*job{},
		due:          map[lane][]*job{},
		leases:       map[store.ID]*job{},
		blocked:      map[store.ID]*job{},
		expiring:     map[store.ID]*job{},
		limits:       map[string]*limit{},
		keys:         map[string]*key{},
		touched:      map[*key]bool{},
		turns:        map[turnKey]time.Time{},
		uniques:      map[uniqueKey]holder{},
		reservations: map[uniqueKey]*Tx{},
		schedules:    map[string]*store.Schedule{},
		processes:    map[store.ID]*process{},
		tasks:        map[string]store.Task{},
		pausedTasks:  map[string]bool{},
		pausedQueues: map[string]bool{},
		workers:      map[string]int{},
		figures:      map[figureKey]*store.Figure{},
		duties:       map[string]time.Time{},
		documents:    map[documentKey]store.Document{},
		errors:       map[string]*errorGroup{},
		flows:        newFlows(),
	}
}

// Advance moves the store's clock forward by d and wakes who sleeps, since jobs may have
// become due.
func (s *Store) Advance(d time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ahead += d
	s.wake(anything)
}

// Now returns the store's time.
func (s *Store) Now(ctx context.Context) (now time.Time, err error) {
	err = s.do(ctx, func(at time.Time) error {
		now = at
		return nil
	})
	return now, err
}

// Close ends those who listen. Every call after it is refused.
func (s *Store) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.closed = true
	for e := range s.ears {
		e.hear()
	}
	return nil
}

var errClosed = errors.New("store/memory: the store is closed")

// do calls f alone, with the time at which all that it does happens.
func (s *Store) do(ctx context.Context, f func(now time.Time) error) error {
	if err := ctx.Err(); err != nil {
		return store.Unavailable("store/memory", err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.closed {
		return errClosed
	}
	now := s.now()
	err := f(now)
	s.heed(now)
	s.settle(now, all)
	return err
}

func (s *Store) now() time.Time { return s.clock().Add(s.ahead).UTC().Round(0) }

// errLost is the answer to a process that is not known, or not any more.
func errLost(doing string, process store.ID) error {
	return fmt.Errorf("%s: process %s was declared lost or is unknown: %w", doing, process, store.ErrLeaseLost)
}

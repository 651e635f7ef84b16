package engine

import (
	"context"
	"log/slog"
	"sync/atomic"

	"github.com/offloadhq/offload/store"
)

// An Engine works jobs. Make it with New.
type Engine struct {
	Config
	mail   mailbox
	scribe *scribe
	shift  atomic.Pointer[shift] // the Run under way, nil if none
}

// New returns an engine. It starts nothing.
func New(c Config) *Engine {
	if c.Log == nil {
		c.Log = slog.New(slog.DiscardHandler)
	}
	if c.Event == nil {
		c.Event = func(Event) {}
	}
	if c.Logged == nil {
		c.Logged = func(store.ID) {}
	}
	s := &scribe{}
	c.Log = s.logger(c.Log)
	return &Engine{Config: c, mail: newMailbox(), scribe: s}
}

// Wake says that this program has inserted jobs: those of w are claimed at once. It never
// blocks, and does nothing while Run is not under way.
func (e *Engine) Wake(w store.Wake) {
	if e.shift.Load() != nil {
		e.mail.post(w, 0)
	}
}

// Run works jobs until ctx ends or the process is told to stop, then drains and returns nil.
// Each call is a process of its own to the store. It must not be called while it runs. An
// error means that it could not start: the store refused to let it join.
func (e *Engine) Run(ctx context.Context) error {
	defer e.scribe.flush()
	s := newShift(ctx, e)
	defer s.cancel()
	if err := s.start(ctx); err != nil {
		return err
	}
	e.mail.clear()
	e.shift.Store(s)
	defer e.shift.Store(nil)
	s.work(ctx)
	return nil
}

// slotsOf returns how many attempts of a queue may run at once. The system's queue has a slot
// of its own, whatever queues are named.
func (c *Config) slotsOf(queue string) int {
	if queue == store.SystemQueue {
		return 1
	}
	if len(c.Queues) == 0 {
		return max(c.Workers(queue), 0)
	}
	for _, q := range c.Queues {
		if q == queue {
			return max(c.Workers(queue), 0)
		}
	}
	return 0
}

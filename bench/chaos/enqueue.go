package main

import (
	"cmp"
	"context"
	"errors"
	"math/rand/v2"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

// An Enqueuer is the options of a process that enqueues jobs until it is stopped.
type Enqueuer struct {
	Rate    int     // jobs a second; 0 is as many as it can
	Total   int     // ends by itself after so many; 0 does not
	Mix     []Kind  // of what, by weight; none is jobs of "sleep" that end at once
	Tx      float64 // share of jobs that complete in a transaction, 0 to 1
	Callers int     // how many enqueue at once; 0 is 4
	Many    int     // jobs a call, all or none; 0 is one
	Resend  bool    // the same calls again where no answer came, until one comes
}

// A Kind is a kind of jobs.
type Kind struct {
	Task        string
	Weight      int // 0 is 1
	Least, Most time.Duration
	Do          string
	Queue       string // "" is the default one
}

// Spec is that of an enqueuer.
func (e Enqueuer) Spec() Spec { return Spec{Role: "enqueuer", Options: e} }

// enqueue is the role of an enqueuer.
func enqueue(ctx context.Context, c *Child) error {
	var e Enqueuer
	if err := c.Options(&e); err != nil {
		return err
	}
	if len(e.Mix) == 0 {
		e.Mix = []Kind{{Task: sleepTask.Name}}
	}
	e.Many = max(e.Many, 1)
	app, err := openPatiently(ctx, c, offload.LogTo(c.Log))
	if err != nil {
		return err
	}
	due := make(chan int)
	var callers sync.WaitGroup
	for range cmp.Or(e.Callers, 4) {
		random := rand.New(rand.NewPCG(c.Rand.Uint64(), 2))
		callers.Go(func() {
			for n := range due {
				e.call(ctx, c, app, random, n)
			}
		})
	}
	e.tick(ctx, due)
	close(due)
	callers.Wait()
	return app.Close()
}

// tick says how many jobs to enqueue, as time passes.
func (e *Enqueuer) tick(ctx context.Context, due chan<- int) {
	began := time.Now()
	for sent := 0; e.Total == 0 || sent < e.Total; sent += e.Many {
		if e.Rate > 0 {
			at := began.Add(time.Duration(sent) * time.Second / time.Duration(e.Rate))
			if Doze(ctx, time.Until(at)) != nil {
				return
			}
		}
		n := e.Many
		if e.Total > 0 {
			n = min(n, e.Total-sent)
		}
		select {
		case due <- n:
		case <-ctx.Done():
			return
		}
	}
}

// call enqueues some jobs in one call, and writes down what became of it.
func (e *Enqueuer) call(ctx context.Context, c *Child, app *offload.App, random *rand.Rand, n int) {
	calls := make([]*offload.Call, n)
	for i := range calls {
		kind := pick(random, e.Mix)
		in := Work{Sleep: between(random, kind.Least, kind.Most), Tx: random.Float64() < e.Tx, Do: kind.Do}
		calls[i] = c.Ledger.call(kind, in)
	}
	// What has begun is finished: a stop must not leave more unknown than it must.
	ctx = context.WithoutCancel(ctx)
	for {
		_, err := app.Enqueue(ctx, calls...)
		c.Ledger.answered(calls, err)
		if err == nil || !e.Resend || !errors.Is(err, offload.ErrUnavailable) {
			return
		}
	}
}

// call makes a call, and writes down that it will be tried.
func (w *Writer) call(kind Kind, in Work) *offload.Call {
	task := tasks()[kind.Task]
	var opts []offload.EnqueueOption
	if kind.Queue != "" {
		opts = append(opts, offload.Queue(kind.Queue))
	}
	call := task.declare().Call(in, opts...)
	words := "plain"
	if in.Tx {
		words = "tx"
	}
	w.write(verbTried, call.ID(), 0, kind.Task+" "+words+" "+in.Do)
	return call
}

// answered writes down what Enqueue has returned.
func (w *Writer) answered(calls []*offload.Call, err error) {
	for _, call := range calls {
		if err != nil {
			w.write(verbRefused, call.ID(), 0, err.Error())
		} else {
			w.write(verbAcked, call.ID(), 0, "")
		}
	}
}

// pick picks a kind by weight.
func pick(random *rand.Rand, mix []Kind) Kind {
	sum := 0
	for _, k := range mix {
		sum += max(k.Weight, 1)
	}
	n := random.IntN(sum)
	for _, k := range mix {
		if n -= max(k.Weight, 1); n < 0 {
			return k
		}
	}
	return mix[0]
}

// hand is the controller's own app, for trials that enqueue single jobs.
type hand struct {
	app    *offload.App
	ledger *Writer
}

// Enqueue enqueues one job from the controller, and returns its id.
func (s *Stage) Enqueue(kind Kind, in Work) offload.ID {
	s.Helper()
	h := s.ownHand()
	call := h.ledger.call(kind, in)
	_, err := h.app.Enqueue(s.ctx, call)
	h.ledger.answered([]*offload.Call{call}, err)
	if err != nil {
		s.Fatalf("enqueue: %v", err)
	}
	return call.ID()
}

// App returns the controller's own app, to look at jobs by the public API. Before Settle the
// trial may close nothing.
func (s *Stage) App() *offload.App {
	s.Helper()
	return s.ownHand().app
}

func (s *Stage) ownHand() *hand {
	s.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.hand != nil {
		return s.hand
	}
	ledger, err := newWriter(s.ledger.dir, "controller")
	if err == nil {
		s.hand = &hand{ledger: ledger}
		s.hand.app, err = offload.Open(s.ctx, s.Database.Address, quiet)
	}
	if err != nil {
		s.hand = nil
		defer s.mu.Lock() // for the deferred unlock
		s.mu.Unlock()
		s.Fatalf("open the controller's app: %v", err)
	}
	return s.hand
}

func (h *hand) close(s *Stage) {
	if err := errors.Join(h.app.Close(), h.ledger.file.Close()); err != nil {
		s.Errorf("close the controller's app: %v", err)
	}
}

package main

import (
	"context"
	"errors"
	"maps"
	"math/rand/v2"
	"slices"
	"sync"
	"time"

	"github.com/offloadhq/offload"
)

func init() {
	register(Trial{
		Name:  "zombie",
		About: "workers are paused in the middle of handlers until others have taken their jobs, and then go on",
		Short: time.Second, Long: 15 * time.Minute,
		Tasks: []Task{{Name: "linger", Options: []offload.TaskOption{offload.Backoff(soon)}, Run: linger}},
		Run:   zombie,
	})
}

// Notes of handlers that outlive their lease.
const (
	noteCancelled = "cancelled: "
	noteAccepted  = "late result accepted"
)

// How handlers linger when their lease was lost.
var lingering = []string{
	"obeys",     // returns the cause
	"is late",   // returns nil, as if all was well
	"completes", // completes the job in a transaction with its effect
	"completes first",
	holdsTx, // has completed the job in a transaction, and commits it
}

// holdsTx is a handler that has completed its job in a transaction when its process is paused.
// The job is then nobody else's until the transaction has ended.
const holdsTx = "holds a tx"

// linger is a handler that goes on, in a worker that lingers, until its context ends.
// Elsewhere, and whenever it runs again, it is a plain job.
func linger(ctx context.Context, h *Hand, in Work) error {
	job := offload.JobOf(ctx)
	if h.Do != "linger" || job.Attempt > 1 {
		return sleepTask.Run(ctx, h, in)
	}
	endure := func() {
		<-ctx.Done()
		h.Ledger.Note(job.ID, job.Attempt, noteCancelled+causeOf(ctx))
	}
	late := context.WithoutCancel(ctx)
	var err error
	switch in.Do {
	case "completes":
		endure()
		err = h.Complete(late)
	case "completes first":
		endure()
		err = h.CompleteFirst(late)
	case holdsTx:
		err = h.CompleteThen(late, endure)
	case "is late":
		endure()
		return nil
	default:
		endure()
		return context.Cause(ctx)
	}
	if err == nil {
		h.Ledger.Note(job.ID, job.Attempt, noteAccepted)
	}
	return err
}

// causeOf names why a context has ended.
func causeOf(ctx context.Context) string {
	switch err := context.Cause(ctx); {
	case errors.Is(err, offload.ErrLeaseLost):
		return "lease lost"
	default:
		return err.Error()
	}
}

func zombie(s *Stage) {
	var zombies []*Process
	for range 4 {
		zombies = append(zombies, s.Start(Worker{Slots: 10, Pool: 20, Do: "linger"}.Spec()))
	}
	for range 2 {
		s.Start(Worker{Slots: 50}.Spec())
	}
	z := &zombieRounds{Stage: s}
	for round := 1; round == 1 || s.Left() > 0; round++ {
		z.round(zombies)
	}
	s.Settle(time.Minute)
	z.report()
}

// zombieRounds are the rounds of the trial.
type zombieRounds struct {
	*Stage
	mu       sync.Mutex
	rounds   int // of one process each
	pauses   map[string][]pause
	recovery []time.Duration
}

// A pause is the time that a process stood still, and the jobs whose handlers it ran.
type pause struct {
	from, to time.Time
	runs     map[offload.ID]int // attempts
}

// round pauses each zombie in the middle of its handlers, at a time of its own.
func (z *zombieRounds) round(zombies []*Process) {
	z.feed(zombies)
	var all sync.WaitGroup
	for i, p := range zombies {
		random := rand.New(rand.NewPCG(z.Rand.Uint64(), uint64(i)))
		all.Go(func() { z.pause(p, random) })
	}
	all.Wait()
}

// feed enqueues jobs until each zombie runs some whose loss can be seen: a job in a transaction that is open is given to nobody.
func (z *zombieRounds) feed(zombies []*Process) {
	for range 100 {
		hungry := false
		for _, p := range zombies {
			hungry = hungry || !slices.ContainsFunc(slices.Collect(maps.Keys(z.running(p))), func(id offload.ID) bool { return z.ledger.Job(id).Do != holdsTx })
		}
		if !hungry {
			return
		}
		for range 20 {
			do := lingering[z.Rand.IntN(len(lingering))]
			if do == holdsTx && z.Kind == "sqlite" {
				do = "completes" // an open transaction holds the whole file, and nobody is judged meanwhile
			}
			z.Enqueue(Kind{Task: "linger"}, Work{Do: do, Tx: do != "obeys" && do != "is late"})
		}
		z.Wait(200 * time.Millisecond)
	}
	z.Fatalf("the zombies do not take jobs")
}

// running returns the attempts that a process runs.
func (z *zombieRounds) running(p *Process) map[offload.ID]int {
	l := z.Ledger()
	l.mu.Lock()
	defer l.mu.Unlock()
	running := map[offload.ID]int{}
	for id, e := range l.Jobs {
		for _, r := range e.Runs {
			if r.Process == p.Name && r.Attempt == 1 && r.End.IsZero() {
				running[id] = r.Attempt
			}
		}
	}
	return running
}

// pause pauses a process until its jobs have run elsewhere, and a moment longer.
func (z *zombieRounds) pause(p *Process, random *rand.Rand) {
	z.pauseFor(between(random, 0, 3*time.Second))
	was := pause{from: time.Now()}
	for p.Pause(); z.Database.held(z.ctx); p.Pause() {
		p.Resume() // in the middle of a write it holds SQLite's file, and all others
		z.pauseFor(20 * time.Millisecond)
		was.from = time.Now()
	}
	was.runs = z.running(p)
	given := z.Comes(90*time.Second, func() bool {
		time.Sleep(100 * time.Millisecond)
		return z.allElsewhere(was)
	})
	if !given {
		z.Broken("zombie", "90 s after %s was paused its jobs had not been given away", p.Name)
	}
	z.pauseFor(between(random, 0, 2*time.Second))
	was.to = time.Now()
	p.Resume()
	z.mu.Lock()
	defer z.mu.Unlock()
	z.rounds++
	if z.pauses == nil {
		z.pauses = map[string][]pause{}
	}
	z.pauses[p.Name] = append(z.pauses[p.Name], was)
}

// pauseFor lets time pass in any goroutine.
func (s *Stage) pauseFor(d time.Duration) {
	_ = Doze(s.ctx, d) // the trial's own goroutine finds out that it is interrupted
}

// allElsewhere reports whether the jobs of a paused process have been started again. Those in
// a transaction that is open wait for it.
func (z *zombieRounds) allElsewhere(was pause) bool {
	if err := z.ledger.Read(); err != nil {
		z.Errorf("%v", err)
		return true
	}
	for id, attempt := range was.runs {
		e := z.ledger.Job(id)
		if _, again := restart(e, attempt); !again && e.Do != holdsTx {
			return false
		}
	}
	return true
}

// report reports how soon handlers were told, and that nothing of theirs was accepted.
func (z *zombieRounds) report() {
	l := z.Ledger()
	var told []time.Duration
	for _, n := range l.NotesOf(noteCancelled) {
		if n.Words != noteCancelled+"lease lost" {
			z.Broken("zombie", "the context of attempt %d of job %s in %s ended with %q; want lease lost", n.Attempt, n.Job, n.Process, n.Words)
		}
		for _, was := range z.pauses[n.Process] {
			if was.runs[n.Job] == n.Attempt {
				told = append(told, max(n.Time.Sub(was.to), 0))
			}
		}
	}
	paused := 0
	for name, pauses := range z.pauses {
		for _, was := range pauses {
			paused += len(was.runs)
			for id, attempt := range was.runs {
				if again, found := restart(l.Job(id), attempt); found {
					z.recovery = append(z.recovery, again.Sub(was.from))
				} else if l.Job(id).Do != holdsTx {
					z.Broken("zombie", "job %s, paused in %s, ran nowhere else", id, name)
				}
			}
		}
	}
	for _, n := range l.NotesOf(noteAccepted) {
		e := l.Job(n.Job)
		if _, again := restart(e, n.Attempt); again {
			z.Broken("zombie", "%s accepted a late result of job %s: %s", n.Process, n.Job, e.runs())
		}
	}
	if len(told) < paused {
		z.Broken("zombie", "of %d handlers that were paused %d were told that their lease is lost", paused, len(told))
	}
	z.Figure("rounds", float64(z.rounds), "")
	z.Figure("handlers paused", float64(paused), "")
	z.Figure("from pause to start elsewhere p50", Quantile(z.recovery, 0.5), "s")
	z.Figure("from pause to start elsewhere max", Quantile(z.recovery, 1), "s")
	z.AtMost("from going on to the end of the handler's context, max", Quantile(told, 1), "s", 1)
}

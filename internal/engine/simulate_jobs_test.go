package engine

import (
	"context"
	"encoding/binary"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has the jobs of a simulation, and those who insert them.

var queues = []string{"q0", "q1", "q2"}

// insertJobs has jobs inserted by the programs of all processes: a job that comes alone while
// the engine there is at rest is started by it. Only the first wakes its engine for others.
func (w *world) insertJobs() {
	random, terms := w.stream(3), w.stream(8)
	var at time.Duration
	type insert struct {
		at   time.Duration
		jobs []store.NewJob
	}
	plans := make([][]insert, processes)
	for n := 0; n < w.weather.jobs; {
		pause, most := 4*time.Second, 3
		if w.weather.alone {
			pause, most = 12*time.Second, 1
		}
		at += time.Duration(random.Int64N(int64(pause)))
		in := insert{at: at}
		for range 1 + random.IntN(most) {
			in.jobs = append(in.jobs, w.newJob(n, random))
			if w.weather.terms {
				w.addTerms(&in.jobs[len(in.jobs)-1], terms)
			}
			n++
		}
		by := random.IntN(len(plans))
		plans[by] = append(plans[by], in)
	}
	w.lasts = at
	w.makeTerms()
	for n, plan := range plans {
		var wake func(store.Wake)
		if n == 0 {
			wake = w.wakeFirst
		}
		enqueuer := NewEnqueuer(w.newWire(fmt.Sprint("web", n)), wake)
		enqueuer.StartIn(func() *Engine { return w.engineOf(n) })
		w.inserters.Go(func() {
			for _, in := range plan {
				pass(time.Until(w.began.Add(in.at)))
				w.insert(enqueuer, in.jobs)
			}
		})
	}
}

func (w *world) insert(e *Enqueuer, jobs []store.NewJob) {
	inserted, err := e.Insert(context.Background(), jobs)
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case err == nil:
		for _, in := range inserted {
			w.acked[in.ID] = true
		}
	case !store.Temporary(err):
		w.broken(jobs[0].ID, "insert: %v", err)
	}
}

// wakeFirst wakes the first process, as if it had inserted something.
func (w *world) wakeFirst(wake store.Wake) {
	if e := w.engineOf(0); e != nil {
		e.Wake(wake)
	}
}

// engineOf returns the engine of the nth process, or nil while it does not live.
func (w *world) engineOf(n int) *Engine {
	w.mu.Lock()
	defer w.mu.Unlock()
	e := w.engines[n]
	if e.wire == nil || e.wire.killed || e.wire.ended {
		return nil
	}
	return e.Engine
}

func (w *world) newJob(n int, random *rand.Rand) store.NewJob {
	names := []string{plain, plain, plain, within, within, offline, stubborn, rare}
	job := store.NewJob{
		Task: names[random.IntN(len(names))], Queue: queues[random.IntN(len(queues))], Priority: random.IntN(10),
		ID: idOf(n), MaxAttempts: 1000,
	}
	if w.weather.poison && n == 3 {
		job.Task = poison
	}
	switch random.IntN(8) {
	case 0:
		job.Delay = time.Duration(random.Int64N(int64(30 * time.Second)))
	case 1:
		job.Input = make([]byte, 2*store.InlineInput)
	case 2:
		job.Timeout = time.Duration(random.Int64N(int64(5 * time.Second)))
	case 3:
		job.MaxAttempts = 1 + random.IntN(2)
	}
	return job
}

// idOf is the id of the nth job. Ids must not differ from run to run.
func idOf(n int) store.ID {
	id := store.IDAt(time.Now())
	binary.BigEndian.PutUint32(id[12:], uint32(n)+1)
	return id
}

func numberOf(id store.ID) int { return int(binary.BigEndian.Uint32(id[12:])) - 1 }

package engine

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"time"

	"github.com/offloadhq/offload/store"
	"github.com/offloadhq/offload/store/memory"
)

const (
	processes = 3
	grace     = 3 * time.Second
	longest   = 40 * time.Second // of handlers
	endsAll   = 10 * time.Minute // in which all jobs end once nothing is in their way
)

// A world is one simulation.
type world struct {
	t       *testing.T
	seed    uint64
	store   storage
	guard   *guard // that is removed; nil in most simulations
	began   time.Time
	weather weather
	bell    chan struct{} // holds a token when a call has arrived
	over    chan struct{} // closed when nobody is left
	all     sync.WaitGroup

	inserters sync.WaitGroup

	mu       sync.Mutex // held for moments, and for each call to the store
	random   *rand.Rand // of the order of calls
	arrived  []*trip    // since the last step
	pending  []*trip
	wires    []*wire
	lasts    time.Duration // how long jobs are inserted
	calm     bool          // nothing is in the way any more
	outage   time.Time
	grants   uint64
	starts   uint64 // jobs that were stored as leases
	sum      uint64 // of all that has happened
	entries  []entry
	breaches []breach
	engines  [processes]engine // as they live now

	outageBegan time.Time
	outageHangs bool

	jobs      map[store.ID]*history
	deleted   map[store.ID]bool
	acked     map[store.ID]bool
	mayCancel map[store.ID]bool // their handlers have asked for it
	members   map[store.ID]*known
	names     map[store.ID]string
	running   map[store.ID][]*run
	told      map[store.Fence]telling
	plan      plan
}

// Storage is what all wires lead to.
type storage interface {
	store.Store
	Begin() *memory.Tx
	Advance(time.Duration)
	WriteInbox(task, input, options string)
}

// An engine is that of one life of a process.
type engine struct {
	*Engine
	wire *wire
}

// Weather is what a simulation has of each kind of trouble. Few have all: where one kind is
// rare, another is seen better.
type weather struct {
	fail, lose, slow, cut, outage float64 // chances of each call
	kills, freezes, stops         float64 // chances of each life
	life                          time.Duration
	wakes, jumps, acts, pauses    bool
	jobs                          int
	poison                        bool
	alone                         bool // jobs come one at a time, and slowly: processes find rest
	terms                         bool // there are limits, schedules and the like
}

func newWeather(random *rand.Rand) weather {
	some := func(most float64) float64 {
		if random.IntN(2) == 0 {
			return 0
		}
		return most * random.Float64()
	}
	yes := func() bool { return random.IntN(2) == 0 }
	return weather{
		fail: some(0.1), lose: some(0.15), slow: some(0.05), cut: some(0.02), outage: some(0.003),
		kills: some(1), freezes: some(1), stops: some(1),
		life:  time.Duration(10+random.IntN(60)) * time.Second,
		wakes: yes(), jumps: yes(), acts: yes(), pauses: yes(),
		jobs: 10 + random.IntN(40), poison: random.IntN(5) == 0, alone: yes(), terms: random.IntN(5) < 2,
	}
}

func newWorld(t *testing.T, seed uint64, without *guard) *world {
	pass(time.Duration(mix(seed) % uint64(time.Second))) // see byTheTime
	w := &world{
		t: t, seed: seed, store: memory.New(), guard: without, began: time.Now(),
		bell: make(chan struct{}, 1), over: make(chan struct{}),
		jobs: map[store.ID]*history{}, deleted: map[store.ID]bool{}, acked: map[store.ID]bool{}, mayCancel: map[store.ID]bool{},
		members: map[store.ID]*known{}, names: map[store.ID]string{}, running: map[store.ID][]*run{}, told: map[store.Fence]telling{},
	}
	if without != nil && without.store != nil {
		w.store = without.store(w.store)
	}
	w.weather, w.random = newWeather(w.stream(1)), w.stream(2)
	return w
}

// stream returns the chances of one actor. Each has its own, so that it does not matter who
// asks first.
func (w *world) stream(actor uint64) *rand.Rand {
	return rand.New(rand.NewPCG(mix(w.seed), mix(actor)))
}

// upTo is of the order of calls.
func (w *world) upTo(d time.Duration) time.Duration { return time.Duration(w.random.Int64N(int64(d))) }

func (w *world) isCalm() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.calm
}

// live lives the simulation to its end.
func (w *world) live() {
	var order sync.WaitGroup
	order.Go(w.order)
	ctx, cancel := context.WithCancel(context.Background())
	w.insertJobs()
	for n := range processes {
		w.all.Go(func() { w.process(ctx, n) })
	}
	var people sync.WaitGroup
	people.Go(w.act)
	people.Go(w.pause)
	people.Go(w.jump)
	people.Go(w.write)
	people.Wait()
	w.clear()
	w.inserters.Wait()
	web := w.newWire("people")
	for ends := time.Now().Add(endsAll); !w.quiet() && time.Now().Before(ends); {
		w.skip(web)
		pass(time.Second)
	}
	pass(time.Second) // for what is still to be told
	cancel()
	w.all.Wait()
	pass(longest) // for handlers that were left behind
	close(w.over)
	order.Wait()
	w.mu.Lock()
	defer w.mu.Unlock()
	w.check()
}

// clear takes everything out of the way.
func (w *world) clear() {
	w.mu.Lock()
	w.calm = true
	w.outage = time.Time{}
	for _, l := range w.wires {
		l.cut = time.Time{}
	}
	for _, c := range w.pending {
		if c.at.After(time.Now()) {
			c.at = time.Now()
		}
		if c.meets == hangs {
			c.meets = failsBefore
		}
	}
	wires := w.wires
	w.mu.Unlock()
	for _, l := range wires {
		l.thaw()
	}
	web := w.newWire("people")
	ctx := context.Background()
	for _, queue := range queues {
		w.must(web.Control(ctx, store.Control{ResumeQueue: queue}))
	}
	w.must(web.Control(ctx, store.Control{ResumeTask: plain}))
	all, err := w.store.Processes(ctx)
	w.must(err)
	for _, p := range all {
		if p.Quiet {
			_ = web.Control(ctx, store.Control{StopProcess: p.ID}) // it may be gone
		}
	}
}

func (w *world) must(err error) {
	if err == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	w.broken(store.ID{}, "%v", err)
}

// quiet reports whether all jobs have ended, and none is to come.
func (w *world) quiet() bool {
	if w.waits() {
		return false
	}
	counts, err := w.store.Counts(context.Background())
	w.must(err)
	for state, n := range counts {
		if n > 0 && !state.Ended() {
			return false
		}
	}
	return true
}

// process lives the lives of one process, one after another.
func (w *world) process(ctx context.Context, n int) {
	random := w.stream(uint64(10 + n))
	sleep(ctx, time.Duration(random.Int64N(int64(time.Second))))
	for life := 1; ctx.Err() == nil; life++ {
		l := w.newWire(fmt.Sprintf("%d.%d", n, life))
		w.life(ctx, n, l, random)
		sleep(ctx, time.Duration(random.Int64N(int64(3*time.Second))))
	}
}

// life is one life of a process: it runs until it is stopped or killed.
func (w *world) life(ctx context.Context, n int, l *wire, random *rand.Rand) {
	lifetime, end := context.WithCancel(ctx)
	names := []string{plain, offline, within, stubborn, poison, many}
	if n < 2 {
		names = append(names, rare)
	}
	e := New(Config{
		Store: l, Process: store.Process{Name: l.name}, Tasks: l.tasks(names...),
		Workers: func(string) int { return 3 }, Total: 5, Grace: grace,
		Log: slog.New(slog.DiscardHandler), Event: l.hear,
		Tick: w.tick, Inbox: w.fates, Declare: w.declares(l),
	})
	w.mu.Lock()
	w.engines[n] = engine{e, l}
	w.mu.Unlock()
	lasts := time.Duration(random.Int64N(int64(w.weather.life)))
	kills, stops := random.Float64() < w.weather.kills, random.Float64() < w.weather.stops
	if random.Float64() < w.weather.freezes {
		timer := time.AfterFunc(time.Duration(random.Int64N(int64(w.weather.life))), func() {
			l.freeze(time.Duration(random.Int64N(int64(25 * time.Second))))
		})
		defer timer.Stop()
	}
	ended := make(chan struct{})
	w.all.Go(func() {
		defer close(ended)
		w.run(lifetime, ctx, e, l)
	})
	timer := time.NewTimer(lasts)
	defer timer.Stop()
	for alive := true; alive; {
		select {
		case <-timer.C:
			switch {
			case w.isCalm():
			case kills:
				l.kill()
			case stops:
				end()
			}
		case <-ended:
			alive = false
		case <-l.dead: // its goroutines are left to themselves
			alive = false
		}
	}
	end()
}

// run runs an engine, and judges whether it stops in time.
func (w *world) run(lifetime, world context.Context, e *Engine, l *wire) {
	stop := context.AfterFunc(lifetime, func() {
		w.mu.Lock()
		defer w.mu.Unlock()
		if l.endBy.IsZero() {
			l.endBy = time.Now().Add(grace + lastWait)
		}
	})
	defer stop()
	err := e.Run(lifetime)
	w.mu.Lock()
	defer w.mu.Unlock()
	now := time.Now()
	l.ended, l.stoppedCalmly = true, world.Err() != nil && !l.killed
	w.noteOf(l, "has stopped")
	if l.killed {
		return
	}
	if err != nil {
		w.broken(store.ID{}, "%s: Run: %v", l.name, err)
	}
	if late := now.Sub(l.endBy); !l.endBy.IsZero() && late > 10*time.Millisecond && l.thawed.Before(l.endBy.Add(-grace-lastWait)) && !l.frozen {
		w.broken(store.ID{}, "%s stopped %v late", l.name, late)
	}
}

// hear takes note of what a process tells.
func (l *wire) hear(e Event) {
	w := l.w
	w.mu.Lock()
	defer w.mu.Unlock()
	switch {
	case l.killed:
		return
	case e.State == store.Running:
		l.starts(e)
		return
	case !e.State.Ended():
		return
	}
	t := w.told[e.Job]
	t.times++
	w.told[e.Job] = t
	if t.times > 1 {
		w.broken(e.Job.ID, "the end of attempt %d was told %d times", e.Job.Attempt, t.times)
	}
	if h := w.jobs[e.Job.ID]; h != nil && e.State == store.Completed && h.last.attempt == e.Job.Attempt && h.done != e.Job.Attempt {
		w.broken(e.Job.ID, "attempt %d was told as completed, and was not", e.Job.Attempt)
	}
}

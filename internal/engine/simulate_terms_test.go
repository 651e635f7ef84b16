package engine

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

// This file has what simulations know of limits, unique keys, turns, expiries, schedules and the
// inbox. Some simulations have them.

// The limits of the simulation.
var limits = []store.Limit{
	{Name: "one", Max: 1},
	{Name: "three", Max: 3},
	{Name: "strict", Max: 1, Strict: true},
	{Name: "rate", Max: 2, Per: 8 * time.Second, Burst: 1},
}

// The schedules of the simulation: one that somebody has made, and one of code.
var schedules = []string{"made", "code"}

// Jobs that are not inserted by a program have numbers from here on.
const (
	firstTicked = 10_000
	firstRow    = 20_000
)

// A plan is what jobs with terms do in a simulation.
type plan struct {
	every  time.Duration // between two ticks of a schedule
	until  time.Time     // no tick after it
	ticked int           // jobs that ticks have made so far
	rows   int           // jobs that rows have made so far
	wrote  int           // rows
	taken  map[tick]store.ID
	came   map[string]store.ID // job of a row, by its input
	starts map[string][]time.Time
}

// A tick is one of a schedule.
type tick struct {
	schedule string
	at       time.Time
}

// addTerms gives a new job terms, or has it run together with others.
func (w *world) addTerms(job *store.NewJob, random *rand.Rand) {
	t, together := termsOf(random), random.IntN(4) == 0
	if job.Task == poison {
		return // it must not wait until all is calm
	}
	if job.Terms = t; job.Task == plain && together {
		job.Task = many
	}
}

func termsOf(random *rand.Rand) *store.Terms {
	key := fmt.Sprint("k", random.IntN(2))
	switch random.IntN(10) {
	case 0, 1, 2:
		return &store.Terms{Limits: []store.Use{{Limit: limits[random.IntN(len(limits))].Name, Key: key}}}
	case 3:
		return &store.Terms{Turn: &store.Turn{Key: key}, Limits: []store.Use{{Limit: limits[random.IntN(2)].Name, Key: key}}}
	case 4, 5:
		return &store.Terms{Turn: &store.Turn{Key: key}}
	case 6:
		return &store.Terms{Unique: &store.Unique{Key: key, Until: store.UntilEnded, OnConflict: store.ConflictKeep}}
	case 7:
		return &store.Terms{Expire: time.Duration(1 + random.Int64N(int64(20*time.Second)))}
	}
	return nil
}

// makeTerms makes limits and a schedule known, before the first process begins.
func (w *world) makeTerms() {
	w.plan = plan{taken: map[tick]store.ID{}, came: map[string]store.ID{}, starts: map[string][]time.Time{}}
	if !w.weather.terms {
		return
	}
	ctx := context.Background()
	w.must(w.store.PutLimits(ctx, limits))
	w.plan.every = max(w.lasts/6, time.Second)
	w.plan.until = w.began.Add(w.lasts)
	w.must(w.store.PutSchedules(ctx, []store.Schedule{w.schedule("made")}))
}

// declares is Config.Declare.
func (w *world) declares(l *wire) func(context.Context) error {
	if !w.weather.terms {
		return nil
	}
	return func(ctx context.Context) error { return l.PutSchedules(ctx, []store.Schedule{w.schedule("code")}) }
}

func (w *world) schedule(name string) store.Schedule {
	return store.Schedule{Name: name, Spec: []byte(`"` + name + `"`), InCode: name == "code", Next: w.began.Add(w.plan.every)}
}

// jobOf is a job that no program inserts.
func (w *world) jobOf(number int, t *store.Terms) store.NewJob {
	return store.NewJob{ID: idOf(number), Task: plain, Queue: queues[number%len(queues)], Priority: number % 10, MaxAttempts: 1000, Terms: t}
}

// tick is Config.Tick. It is called while a call is made, and so with the world's lock held.
func (w *world) tick(_ time.Time, s store.Schedule) (store.Ticked, error) {
	job := w.jobOf(firstTicked+w.plan.ticked, &store.Terms{Schedule: s.Name, Tick: s.Next})
	w.plan.ticked++
	next := s.Next.Add(w.plan.every)
	if next.After(w.plan.until) {
		next = time.Time{}
	}
	return store.Ticked{Next: next, Last: s.Next, Jobs: []store.NewJob{job}}, nil
}

// fates is Config.Inbox.
func (w *world) fates(_ context.Context, rows []store.InboxRow) (fates []store.InboxFate, _ error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, row := range rows {
		job := w.jobOf(firstRow+w.plan.rows, nil)
		job.Input = row.Input
		w.plan.rows++
		fates = append(fates, store.InboxFate{Number: row.Number, Job: &job})
	}
	return fates, nil
}

// write has another program write rows into the inbox.
func (w *world) write() {
	random := w.stream(7)
	w.while(random, 6*time.Second, func(context.Context) {
		if w.weather.terms {
			w.mu.Lock()
			defer w.mu.Unlock()
			w.store.WriteInbox(plain, fmt.Sprint(w.plan.wrote), "")
			w.plan.wrote++
		}
	})
}

// stored takes note of jobs that a call may have stored, and returns those that it has.
func (w *world) stored(jobs []store.NewJob) (stored []store.NewJob) {
	for _, n := range jobs {
		found, err := w.store.Find(context.Background(), store.Filter{IDs: []store.ID{n.ID}})
		if err != nil {
			w.broken(n.ID, "Find: %v", err)
		}
		if len(found) == 1 && w.jobs[n.ID] == nil {
			w.enters(n)
			stored = append(stored, n)
		}
	}
	return stored
}

// enters takes note of a job that is stored.
func (w *world) enters(n store.NewJob) {
	h := &history{task: n.Task, queue: n.Queue, terms: n.Terms}
	w.jobs[n.ID] = h
	w.checkUnique(n.ID, h)
	if n.Terms != nil && n.Terms.Expire > 0 {
		p, err := w.store.Place(context.Background(), n.ID)
		if err != nil {
			w.broken(n.ID, "Place: %v", err)
		}
		now, err := w.store.Now(context.Background())
		if want := now.Add(n.Delay + n.Terms.Expire); err != nil || !p.ExpiresAt.Equal(want) {
			w.broken(n.ID, "it expires at %v, and should at %v", p.ExpiresAt, want)
		}
		h.expires = p.ExpiresAt
	}
}

func (w *world) ticked(jobs []store.NewJob) {
	for _, n := range w.stored(jobs) {
		t := tick{n.Terms.Schedule, n.Terms.Tick}
		if other, taken := w.plan.taken[t]; taken {
			w.broken(n.ID, "the tick of %s at %v was job %s already", t.schedule, t.at.Sub(w.began), shortOf(other))
		}
		w.plan.taken[t] = n.ID
	}
}

func (w *world) moved(fates []store.InboxFate) {
	var jobs []store.NewJob
	for _, f := range fates {
		jobs = append(jobs, *f.Job)
	}
	for _, n := range w.stored(jobs) {
		if other, came := w.plan.came[string(n.Input)]; came {
			w.broken(n.ID, "the row %s was job %s already", n.Input, shortOf(other))
		}
		w.plan.came[string(n.Input)] = n.ID
	}
}

// checkUnique judges whether a job may be beside the others of its key.
func (w *world) checkUnique(id store.ID, h *history) {
	if h.terms == nil || h.terms.Unique == nil {
		return
	}
	for other, o := range w.jobs {
		if other != id && !o.ended && o.terms != nil && o.terms.Unique != nil && o.task == h.task && o.terms.Unique.Key == h.terms.Unique.Key {
			w.broken(id, "it has the unique key %q, and so has job %s", h.terms.Unique.Key, shortOf(other))
		}
	}
}

// existing judges an answer that names another job instead.
func (w *world) existing(n store.NewJob, by store.ID) {
	h := w.jobs[by]
	if n.Terms == nil || n.Terms.Unique == nil || h == nil || h.terms == nil || h.terms.Unique == nil || h.terms.Unique.Key != n.Terms.Unique.Key {
		w.broken(n.ID, "job %s was stored in its place", shortOf(by))
	} else if h.ended {
		w.broken(n.ID, "job %s has ended and was stored in its place", shortOf(by))
	}
}

// checkLimits judges whether a job may be leased beside the others of its keys.
func (w *world) checkLimits(c *store.Claimed) {
	if c.Terms == nil {
		return
	}
	for _, u := range c.Terms.Limits {
		l := limits[slices.IndexFunc(limits, func(l store.Limit) bool { return l.Name == u.Limit })]
		if l.Per > 0 {
			w.checkRate(c, l, u)
			continue
		}
		n := 0
		for _, h := range w.jobs {
			if !h.holder.IsZero() && h.terms != nil && slices.Contains(h.terms.Limits, u) {
				n++
			}
		}
		if n > l.Max {
			w.broken(c.ID, "%d jobs of the key %s of the limit %s are leased", n, u.Key, u.Limit)
		}
	}
}

// checkRate judges the starts of a key by the store's clock, unless that has jumped.
func (w *world) checkRate(c *store.Claimed, l store.Limit, u store.Use) {
	if w.weather.jumps {
		return
	}
	starts := append(w.plan.starts[u.Key], c.ClaimedAt)
	w.plan.starts[u.Key] = starts
	for i, first := range starts {
		d := c.ClaimedAt.Sub(first)
		if most := l.Burst + int(int64(d)*int64(l.Max)/int64(l.Per)); len(starts)-i > most {
			w.broken(c.ID, "%d jobs of the key %s were started within %v", len(starts)-i, u.Key, d)
			return
		}
	}
}

// checkInTime judges whether a handler may still begin.
func (w *world) checkInTime(job *store.Claimed, h *history) {
	if h.expires.IsZero() || !h.first {
		return
	}
	if now := job.ClaimedAt.Add(time.Since(h.claimed)); now.After(h.expires) {
		w.broken(job.ID, "it began %v after it has expired", now.Sub(h.expires))
	}
}

// expired finds out which jobs have expired.
func (w *world) expired() {
	for _, id := range w.ids() {
		h := w.jobs[id]
		if h.ended || h.terms == nil || h.terms.Expire == 0 {
			continue
		}
		found, err := w.store.Find(context.Background(), store.Filter{IDs: []store.ID{id}})
		if err != nil || len(found) != 1 {
			w.broken(id, "it is lost: %v, %v", found, err)
		} else if found[0].State == store.Expired {
			h.ended = true
		}
	}
}

// checkTerms looks at what is left when all is quiet.
func (w *world) checkTerms() {
	if !w.weather.terms {
		return
	}
	for _, name := range schedules {
		for at := w.began.Add(w.plan.every); !at.After(w.plan.until); at = at.Add(w.plan.every) {
			if _, taken := w.plan.taken[tick{name, at.UTC().Round(0)}]; !taken {
				w.broken(store.ID{}, "the tick of %s at %v was not taken", name, at.Sub(w.began))
			}
		}
	}
	if len(w.plan.came) != w.plan.wrote {
		w.broken(store.ID{}, "%d rows were written into the inbox, and %d jobs came of them", w.plan.wrote, len(w.plan.came))
	}
	for id, h := range w.jobs {
		if !h.begun || h.terms == nil || h.terms.Expire == 0 {
			continue
		}
		if found, err := w.store.Find(context.Background(), store.Filter{IDs: []store.ID{id}}); err == nil && found[0].State == store.Expired {
			w.broken(id, "it has expired, though it was begun")
		}
	}
}

// waits reports whether there is something to come that is no job yet.
func (w *world) waits() bool {
	if !w.weather.terms {
		return false
	}
	all, err := w.store.Schedules(context.Background(), schedules...)
	w.must(err)
	rows, err := w.store.InboxRows(context.Background(), false, 1)
	w.must(err)
	return len(rows) > 0 || len(all) < len(schedules) || slices.ContainsFunc(all, func(s store.Schedule) bool { return !s.Next.IsZero() })
}

// processNow is under which identity a process runs.
func (l *wire) processNow() store.ID {
	l.w.mu.Lock()
	defer l.w.mu.Unlock()
	return l.process
}

// handleMany is the handler of the task many. What it does is up to the first job.
func (l *wire) handleMany(ctx context.Context, jobs []*store.Claimed) []Verdict {
	w := l.w
	var runs []*run
	for _, job := range jobs {
		runs = append(runs, w.begin(ctx, l, job))
	}
	for _, r := range runs {
		r.beside = runs
	}
	first := runs[0]
	random := w.stream(uint64(numberOf(first.job.ID))<<16 | uint64(first.job.Attempt))
	returns := func(v Verdict) []Verdict {
		for _, r := range runs {
			w.returns(r, v)
		}
		return slices.Repeat([]Verdict{v}, len(runs))
	}
	judged := false
	defer func() {
		if value := recover(); value != nil {
			returns(Verdict{Err: errFailed})
			panic(value)
		}
		if !judged { // the goroutine ends, and the first has said so
			for _, r := range runs[1:] {
				w.returns(r, Verdict{Err: errExit})
			}
		}
	}()
	v := Verdict{}
	if !w.rest(first, random) {
		v = Verdict{Err: context.Cause(ctx)}
	} else if !w.isCalm() {
		v = l.misbehave(first, random)
	}
	judged = true
	return returns(v)
}

// skip lets the keys of the strict limit go on that a job has stopped.
func (w *world) skip(l *wire) {
	states, err := w.store.Limits(context.Background(), "strict")
	w.must(err)
	for _, s := range states {
		for _, k := range s.Keys {
			if !k.Stopped.IsZero() {
				w.must(l.Control(context.Background(), store.Control{SkipLimit: store.Use{Limit: "strict", Key: k.Key}}))
			}
		}
	}
}

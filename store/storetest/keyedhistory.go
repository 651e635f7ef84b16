package storetest

import (
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var keyedLaws = []law{
	{"History/Terms", "in any history limits are kept, nobody waits for room that there is, keys of one keep their order, and a unique key has one job", historyTerms},
	{"History/TermsCrowd", "so it is in any history that many processes make at once", historyTermsCrowd},
}

func historyTerms(s *scene) {
	s.needs("Advance", s.Advance != nil)
	s.eachSeed(func(s *scene, r *rand.Rand) {
		h := &terming{scene: s, r: r, order: map[string][]store.ID{}, begun: map[store.ID]bool{}, owners: map[string]store.ID{}}
		s.t.Cleanup(func() {
			if s.t.Failed() {
				s.t.Logf("what was done:\n\t%s", strings.Join(h.steps, "\n\t"))
			}
		})
		for _, l := range termedLimits {
			s.limits(l)
		}
		h.joins()
		h.joins()
		for i := 0; i < 100 && !s.t.Failed(); i++ {
			h.step()
			s.settle()
			h.check()
		}
		if !s.t.Failed() {
			h.drains()
		}
	})
}

// termedLimits are those of the histories.
var termedLimits = []store.Limit{
	{Name: "one", Max: 1},
	{Name: "two", Max: 2},
	{Name: "strict", Max: 1, Strict: true},
	{Name: "rate", Max: 60, Per: time.Hour, Burst: 2},
	{Name: "drop", Max: 1, WhenFull: store.FullDrop},
	{Name: "newest", Max: 1, WhenFull: store.FullNewest},
	{Name: "cancel", Max: 1, WhenFull: store.FullCancel},
}

// termed are kinds of jobs under them.
var termed = []func(key string) []func(*store.NewJob){
	func(string) []func(*store.NewJob) { return nil },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("one", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("one", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("two", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("strict", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("rate", ""), under("two", k)} },
	func(k string) []func(*store.NewJob) {
		return []func(*store.NewJob){under("two", k), under("two", "all")}
	},
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("drop", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("newest", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){under("cancel", k)} },
	func(k string) []func(*store.NewJob) { return []func(*store.NewJob){turn(k, 1)} },
	func(k string) []func(*store.NewJob) {
		return []func(*store.NewJob){turn(k, 2), under("two", k), expire(90 * time.Minute)}
	},
	func(k string) []func(*store.NewJob) {
		return []func(*store.NewJob){unique(k, store.UntilEnded, store.ConflictKeep), under("two", k)}
	},
	func(k string) []func(*store.NewJob) {
		return []func(*store.NewJob){unique("start-"+k, store.UntilStarted, store.ConflictReplace), under("two", k)}
	},
}

// A terming is a series of random calls with jobs of all terms, checked after each.
type terming struct {
	*scene
	r         *rand.Rand
	steps     []string
	processes []store.ID
	ids       []store.ID
	held      []hold                // by processes that live
	zombies   []hold                // by those that were lost
	order     map[string][]store.ID // under limit one, by key, in the order of their insert
	begun     map[store.ID]bool
	owners    map[string]store.ID // last to have taken a unique key
}

func (h *terming) log(format string, args ...any) {
	h.steps = append(h.steps, fmt.Sprintf(format, args...))
}

func (h *terming) joins() { h.processes = append(h.processes, h.join()) }

func (h *terming) step() {
	h.t.Helper()
	switch n := h.r.IntN(100); {
	case n < 22:
		h.adds()
	case n < 46:
		h.claims()
	case n < 50:
		h.claimsParked()
	case n < 70:
		h.ends()
	case n < 78:
		h.putsBack()
	case n < 88:
		h.acts()
	case n < 92:
		h.loses()
	case n < 95:
		h.controls()
	case n < 98:
		h.log("an hour")
		h.advance(time.Hour)
		_, err := h.Store.Expire(h.ctx(), 100)
		h.must(err)
	default:
		h.prune(100)
	}
}

// adds inserts jobs, some of them within a transaction, some for later.
func (h *terming) adds() {
	within := h.Begin != nil && h.r.IntN(4) == 0
	var all []store.NewJob
	for range 1 + h.r.IntN(4) {
		key := pick(h.r, []string{"a", "b"})
		n := aJob(pick(h.r, termed)(key)...)
		one := n.Terms != nil && len(n.Terms.Limits) > 0 && n.Terms.Limits[0].Limit == "one"
		switch {
		case one && within:
			n.Terms = nil // it would be decided later than those that are inserted after it
		case one:
			h.order[key] = append(h.order[key], n.ID)
		case h.r.IntN(8) == 0:
			n.Delay = time.Hour
		}
		all = append(all, n)
		h.log("insert %s %s delay %v, within a transaction %v", n.ID, shownTerms(n.Terms), n.Delay, within)
	}
	if !within {
		h.added(all, h.inserts(all...))
		return
	}
	tx, w := h.begin()
	inserted, err := w.Insert(h.ctx(), all)
	h.must(err)
	if h.r.IntN(3) == 0 {
		h.log("rollback")
		h.must(tx.Rollback())
		return
	}
	h.must(tx.Commit())
	h.added(all, inserted)
}

// keyName names one key of a limit.
func keyName(limit, key string) string { return limit + " " + key }

func shownTerms(t *store.Terms) string {
	if t == nil {
		return "plain"
	}
	return fmt.Sprintf("%+v unique %+v turn %+v", t.Limits, t.Unique, t.Turn)
}

// added checks what unique keys made of new jobs.
func (h *terming) added(all []store.NewJob, inserted []store.Inserted) {
	h.t.Helper()
	for i, n := range all {
		in := inserted[i]
		if !in.Existing {
			h.ids = append(h.ids, n.ID)
		}
		if n.Terms == nil || n.Terms.Unique == nil || n.Terms.Unique.OnConflict != store.ConflictKeep {
			continue
		}
		key := n.Terms.Unique.Key
		if in.Existing && in.ID != h.owners[key] {
			h.t.Errorf("the key %q is said to be held by %s, not by %s", key, in.ID, h.owners[key])
		}
		h.owners[key] = in.ID
	}
}

func (h *terming) claims() {
	p := pick(h.r, h.processes)
	got := h.takes(p, "mail", 1+h.r.IntN(5))
	h.log("claim by %s gave %v", p, fences(got...))
	h.hold(p, got)
}

func (h *terming) claimsParked() {
	p := pick(h.r, h.processes)
	got := append(h.claimParked(p, "mail", 3, "send"), h.claimSuspect(p, "mail", 1)...)
	h.log("claim parked by %s gave %v", p, fences(got...))
	h.hold(p, got)
}

// hold keeps what was claimed, and checks that those of a key of one came in their order.
func (h *terming) hold(p store.ID, claimed []store.Claimed) {
	h.t.Helper()
	for _, c := range claimed {
		h.held = append(h.held, hold{p, c})
		h.begun[c.ID] = true
		if c.Terms == nil || len(c.Terms.Limits) == 0 || c.Terms.Limits[0].Limit != "one" || c.Attempt > 1 {
			continue
		}
		order := h.order[c.Terms.Limits[0].Key]
		for _, id := range order[:max(0, slices.Index(order, c.ID))] {
			if found := h.find(id); !h.begun[id] && len(found) > 0 && !found[0].State.Ended() {
				h.t.Errorf("job %s was started before %s, which was inserted before it", c.ID, id)
			}
		}
	}
}

// drop takes an attempt out of hand.
func (h *terming) drop() (hold, bool) {
	if len(h.held) == 0 {
		return hold{}, false
	}
	i := h.r.IntN(len(h.held))
	held := h.held[i]
	h.held = slices.Delete(h.held, i, i+1)
	return held, true
}

func (h *terming) ends() {
	if len(h.zombies) > 0 && h.r.IntN(4) == 0 {
		z := pick(h.r, h.zombies)
		h.log("a zombie finishes %v", z.claimed.Fence)
		h.finishLost(z.process, completed(z.claimed))
		return
	}
	held, ok := h.drop()
	if !ok {
		return
	}
	e := ended(held.claimed, pick(h.r, []store.Outcome{
		store.OutcomeCompleted, store.OutcomeCompleted, store.OutcomeRetry, store.OutcomeSnooze,
		store.OutcomeDiscarded, store.OutcomeCancelled, store.OutcomeExpired,
	}))
	if h.r.IntN(3) == 0 {
		e.RunIn = time.Hour
	}
	h.log("finish %v as %s in %v", e.Fence, e.Outcome, e.RunIn)
	h.finish(held.process, e)
}

func (h *terming) putsBack() {
	held, ok := h.drop()
	if !ok {
		return
	}
	var err error
	switch h.r.IntN(3) {
	case 0:
		h.log("park %v", held.claimed.Fence)
		err = h.Store.Park(h.ctx(), held.process, false, fences(held.claimed))
	case 1:
		h.log("park %v as a suspect", held.claimed.Fence)
		err = h.Store.Park(h.ctx(), held.process, true, fences(held.claimed))
	default:
		h.log("release %v", held.claimed.Fence)
		err = h.Store.Release(h.ctx(), held.process, fences(held.claimed))
	}
	h.must(err)
}

func (h *terming) acts() {
	verb := pick(h.r, []store.Verb{store.Cancel, store.Cancel, store.Delete, store.Retry, store.Retry, store.RunNow})
	act := store.Act{Verb: verb, IDs: some(h.r, h.ids, 3)}
	h.log("%s %v", verb, act.IDs)
	acted, err := h.Store.Act(h.ctx(), act)
	h.must(err)
	for _, a := range acted {
		if verb == store.Retry && a.Effect == store.Done && a.State.Ended() {
			h.retaken(a.ID)
		}
		for key := range h.order { // a retried one comes anew
			if verb == store.Retry {
				h.order[key] = slices.DeleteFunc(h.order[key], func(id store.ID) bool { return id == a.ID })
			}
		}
	}
}

// retaken notes that a job has its unique key again.
func (h *terming) retaken(id store.ID) {
	if t := h.job(id).Terms; t != nil && t.Unique != nil && t.Unique.OnConflict == store.ConflictKeep {
		h.owners[t.Unique.Key] = id
	}
}

// loses declares a process lost, which goes on as a zombie.
func (h *terming) loses() {
	i := h.r.IntN(len(h.processes))
	p := h.processes[i]
	h.log("%s is lost", p)
	h.declareLost(p)
	h.processes = slices.Delete(h.processes, i, i+1)
	h.held = slices.DeleteFunc(h.held, func(held hold) bool {
		if held.process == p {
			h.zombies = append(h.zombies, held)
		}
		return held.process == p
	})
	h.joins()
}

func (h *terming) controls() {
	key := pick(h.r, []string{"a", "b"})
	c := pick(h.r, []store.Control{
		{PauseLimit: store.Use{Limit: "two", Key: key}, PauseFor: 30 * time.Minute},
		{PauseLimit: store.Use{Limit: "one", Key: key}, PauseFor: 30 * time.Minute},
		{PauseLimit: store.Use{Limit: "one", Key: key}},
		{SkipLimit: store.Use{Limit: "strict", Key: key}},
		{SetLimit: "two", Max: 3},
	})
	h.log("control %+v", c)
	h.control(c)
}

// check looks at all limits, and at all that runs.
func (h *terming) check() {
	h.t.Helper()
	most, stopped := map[string]int{}, map[string]store.ID{}
	states, err := h.Store.Limits(h.ctx())
	h.must(err)
	for _, l := range states {
		most[l.Name] = l.Max
		if l.Per > 0 {
			most[l.Name] = l.Burst
		}
		for _, k := range l.Keys {
			stopped[keyName(l.Name, k.Key)] = k.Stopped
			if k.Held > most[l.Name] {
				h.t.Errorf("key %q of %s is held by %d, at most %d", k.Key, l.Name, k.Held, most[l.Name])
			}
			free := k.Held < most[l.Name] && k.Next.IsZero() && k.Paused.IsZero() && k.Stopped.IsZero()
			if k.Waiting > 0 && free {
				h.t.Errorf("%d wait for key %q of %s that has room: %+v", k.Waiting, k.Key, l.Name, k)
			}
		}
	}
	running := map[string]int{}
	live := h.live()
	for _, j := range live {
		if j.Terms == nil || j.State != store.Running {
			continue
		}
		for _, u := range j.Terms.Limits {
			id := keyName(u.Limit, u.Key)
			if running[id]++; u.Limit != "rate" && running[id] > most[u.Limit] {
				h.t.Errorf("%d jobs of key %q of %s run, at most %d", running[id], u.Key, u.Limit, most[u.Limit])
			}
			if by := stopped[id]; !by.IsZero() && by != j.ID {
				h.t.Errorf("job %s runs though %s has stopped its key", j.ID, by)
			}
		}
	}
	h.oneEach(live)
}

// unended are the states of jobs that have not ended.
var unended = store.States[:5]

// live are the jobs that have not ended.
func (s *scene) live() []store.Job {
	s.t.Helper()
	return s.findAll(store.Filter{States: unended, Max: 10_000})
}

// oneEach wants one of the jobs that have not ended for each key that is unique until the end.
func (s *scene) oneEach(live []store.Job) {
	s.t.Helper()
	jobs := map[string]int{}
	for _, j := range live {
		if j.Terms == nil || j.Terms.Unique == nil || j.Terms.Unique.Until != store.UntilEnded {
			continue
		}
		if jobs[j.Terms.Unique.Key]++; jobs[j.Terms.Unique.Key] > 1 {
			s.t.Errorf("%d jobs have the unique key %q", jobs[j.Terms.Unique.Key], j.Terms.Unique.Key)
		}
	}
}

// drains lets all that is left end, and wants nothing to be held then.
func (h *terming) drains() {
	h.declareLost(h.processes...)
	p := h.join()
	for idle := 0; idle < 4; idle++ {
		for _, k := range []string{"a", "b"} {
			h.control(store.Control{SkipLimit: store.Use{Limit: "strict", Key: k}})
		}
		h.advance(time.Hour)
		h.settle()
		got := slices.Concat(h.takesAll(p, "mail"), h.claimParked(p, "mail", 100, "send"), h.claimSuspect(p, "mail", 1))
		for _, c := range got {
			h.finish(p, completed(c))
			idle = -1
		}
	}
	for _, id := range h.ids {
		if found := h.find(id); len(found) > 0 && !found[0].State.Ended() {
			h.t.Errorf("job %s with %s is left %s, and waits for %q %+v", id, shownTerms(found[0].Terms), found[0].State, found[0].Waits, found[0].Limit)
		}
	}
	states, err := h.Store.Limits(h.ctx())
	h.must(err)
	for _, l := range states {
		for _, k := range l.Keys {
			if k.Held > 0 || k.Waiting > 0 {
				h.t.Errorf("when all have ended, key %q of %s is %+v", k.Key, l.Name, k)
			}
		}
	}
}

package storetest

import (
	"math/rand/v2"
	"slices"
	"time"

	"github.com/offloadhq/offload/store"
)

var rateLaws = []law{
	{"Rate/Burst", "so many jobs of a key start at once after a pause, and one after the other from then on", rateBurst},
	{"Rate/Starts", "what counts is the start: jobs that were let through long ago, and those behind them, start no faster", rateStarts},
	{"Rate/Ends", "the end of a job lets nobody through, since a running one holds nothing", rateEnds},
	{"Rate/Default", "without a burst so many may start at once as in the whole period", rateDefault},
	{"Rate/Cost", "a job may count for several starts, and those behind it don't overtake it", rateCost},
	{"Rate/Keys", "keys have rates of their own, shared by tasks and queues", rateKeys},
	{"Rate/Cancelled", "a job that is cancelled before its start leaves its place to the next", rateCancelled},
	{"Rate/PutBack", "a job that was put back counts a start again when it is claimed again, or waits for it", ratePutBack},
	{"Rate/Retry", "so does one that is retried", rateRetry},
	{"Rate/NoSlot", "a job that waits for a rate holds no slot of another limit, and the other way round", rateNoSlot},
	{"Rate/Drop", "a rate can drop what is too much", rateDrop},
	{"Rate/ByHand", "a person's change holds for rates too", rateByHand},
	{"Rate/Pause", "no job of a paused key starts, and after the pause they come at their rate", ratePause},
	{"Rate/State", "a key shows when the next may start", rateState},
	{"Rate/Look", "View.Admit says when a rate lets the next through", rateLook},
	{"Rate/History", "in any history no more jobs of a key start in any time than its rate lets", rateHistory},
}

// apiRate is a start a minute, three at once after a pause.
var apiRate = store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 3}

// minutes lets some starts of apiRate come.
func (s *scene) minutes(n int) {
	s.t.Helper()
	s.advance(time.Duration(n)*time.Minute + time.Second)
	s.settle()
}

// wantStarts wants so many jobs of the queue of plain jobs to start now, the first of those
// given, and returns the others.
func (s *scene) wantStarts(p store.ID, n int, waiting []store.ID) []store.ID {
	s.t.Helper()
	s.wantTakes(p, waiting[:n]...)
	return waiting[n:]
}

func rateBurst(s *scene) {
	s.limits(apiRate)
	p := s.join()
	all := jobs(9, under("api", "acme"))
	for i, in := range s.inserts(all...) {
		if blocked := in.State == store.Blocked; blocked != (i >= 3) {
			s.t.Errorf("answer %d is %+v", i, in)
		}
	}
	waiting := s.wantStarts(p, 3, idsOf(all))
	waiting = s.wantStarts(p, 0, waiting)
	for range 2 {
		s.minutes(1)
		waiting = s.wantStarts(p, 1, waiting)
	}
	s.minutes(2)
	waiting = s.wantStarts(p, 2, waiting)
	s.minutes(60)
	s.wantStarts(p, 2, waiting)
}

func rateStarts(s *scene) {
	s.limits(apiRate)
	p := s.join()
	all := jobs(12, under("api", ""))
	s.inserts(all...)
	s.minutes(600)
	waiting := s.wantStarts(p, 3, idsOf(all))
	s.minutes(1)
	waiting = s.wantStarts(p, 1, waiting)
	s.minutes(2)
	s.minutes(600) // the two that were let through don't start
	waiting = s.wantStarts(p, 3, waiting)
	s.minutes(2)
	s.wantStarts(p, 2, waiting)
}

func rateEnds(s *scene) {
	s.limits(apiRate)
	p := s.join()
	all := jobs(4, under("api", ""))
	s.inserts(all...)
	claimed := s.takesAll(p, "mail")
	s.wantKey("api", "", 0, 1)
	for _, c := range claimed {
		s.finish(p, completed(c))
	}
	s.settle()
	s.wantTakes(p)
	s.wantWaits(all[3].ID, "api")
}

func rateDefault(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 5, Per: time.Hour})
	p := s.join()
	all := jobs(7, under("api", ""))
	s.inserts(all...)
	waiting := s.wantStarts(p, 5, idsOf(all))
	s.minutes(12)
	s.wantStarts(p, 1, waiting)
}

func rateCost(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 4})
	p := s.join()
	cost := func(n int) func(*store.NewJob) { return uses(store.Use{Limit: "api", Cost: n}) }
	first := s.let(cost(3))
	second := s.waits(cost(2))
	third := s.waits(cost(1)) // for which there would be room
	s.takesThis(p, first)
	s.settle()
	s.wantTakes(p)
	s.minutes(1)
	s.takesThis(p, second)
	s.minutes(1)
	s.takesThis(p, third)
	fourth := s.waits(cost(4))
	s.minutes(3)
	s.wantTakes(p)
	s.minutes(1)
	s.takesThis(p, fourth)
}

func rateKeys(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 1})
	s.let(under("api", "acme"))
	s.let(under("api", "other"))
	image := s.waits(under("api", "acme"), queue("image"), task("draw"))
	p := s.join()
	s.takesAll(p, "mail")
	if got := s.takesAll(p, "image"); len(got) > 0 {
		s.t.Errorf("claimed %v from another queue, whose rate is used up", ids(got))
	}
	s.minutes(1)
	if got := s.takesAll(p, "image"); !slices.Equal(ids(got), []store.ID{image}) {
		s.t.Errorf("claimed %v from another queue, want %v", ids(got), image)
	}
}

func rateCancelled(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 1})
	first := s.let(under("api", ""))
	second, third := s.waits(under("api", "")), s.waits(under("api", ""))
	s.cancel(first)
	s.settle()
	s.act(store.Delete, second)
	s.settle()
	s.takesThis(s.join(), third)
}

func ratePutBack(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 1})
	for _, back := range []func(p store.ID, c store.Claimed){
		func(p store.ID, c store.Claimed) { s.must(s.Store.Release(s.ctx(), p, fences(c))) },
		func(p store.ID, _ store.Claimed) { s.must(s.Store.Leave(s.ctx(), p)) },
		func(p store.ID, _ store.Claimed) { s.declareLost(p) },
	} {
		p := s.join()
		id := s.let(under("api", ""))
		back(p, s.takesThis(p, id))
		p = s.join()
		s.wantTakes(p)
		s.wantWaits(id, "api")
		s.minutes(1)
		back(p, s.takesThis(p, id))
		s.minutes(10) // when there is room it is claimed at once
		p = s.join()
		for _, suspect := range s.takesAll(p, "mail") {
			s.finish(p, completed(suspect))
		}
		for _, suspect := range s.claimSuspect(p, "mail", 1) {
			s.finish(p, completed(suspect))
		}
		s.want(id, store.Completed)
		s.minutes(1)
	}
}

func rateRetry(s *scene) {
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 2})
	p := s.join()
	for _, end := range []func(store.Claimed, time.Duration) store.Ended{retried, snoozed} {
		id := s.let(under("api", ""))
		s.finish(p, end(s.takesThis(p, id), 0))
		s.finish(p, end(s.takesThis(p, id), 0)) // the second of the burst
		s.wantTakes(p)
		s.wantWaits(id, "api")
		s.minutes(1)
		s.finish(p, completed(s.takesThis(p, id)))
		s.minutes(10)
	}
}

func rateNoSlot(s *scene) {
	s.one("crm")
	s.limits(store.Limit{Name: "api", Max: 60, Per: time.Hour, Burst: 1})
	p := s.join()
	s.takesThis(p, s.let(under("api", "")))
	both := s.waits(under("crm", ""), under("api", ""))
	s.wantWaits(both, "api")
	c := s.takesThis(p, s.let(under("crm", ""))) // whose slot it does not hold
	s.minutes(1)
	s.wantWaits(both, "crm")
	api := s.let(under("api", "")) // whose start it does not hold
	s.finish(p, completed(c))
	s.wantWaits(both, "api")
	s.takesThis(p, api)
	s.minutes(1)
	s.takesThis(p, both)
	s.wantKey("crm", "", 1, 0)
}

func rateDrop(s *scene) {
	limit := apiRate
	limit.WhenFull = store.FullDrop
	s.limits(limit)
	p := s.join()
	for range 3 {
		s.let(under("api", ""))
	}
	s.enqueueAs(store.Cancelled, under("api", ""))
	s.takesAll(p, "mail")
	s.enqueueAs(store.Cancelled, under("api", ""))
	s.minutes(1)
	s.let(under("api", ""))
	s.enqueueAs(store.Cancelled, under("api", ""))
}

func rateByHand(s *scene) {
	s.limits(apiRate)
	p := s.join()
	all := jobs(6, under("api", ""))
	s.inserts(all...)
	waiting := s.wantStarts(p, 3, idsOf(all))
	s.control(store.Control{SetLimit: "api", Max: 6})
	s.settle()
	s.minutes(60)
	if l := s.limit("api"); l.Max != 6 || l.Per != time.Hour || l.Burst != 3 || l.Declared != apiRate {
		s.t.Errorf("limit is %+v, want its rate changed", l)
	}
	waiting = s.wantStarts(p, 3, waiting)
	late := s.waits(under("api", ""))
	s.minutes(9)
	s.wantTakes(p)
	s.minutes(2)
	s.wantStarts(p, 1, append(waiting, late))
}

func ratePause(s *scene) {
	s.limits(apiRate)
	p := s.join()
	all := jobs(7, under("api", ""))
	s.inserts(all...)
	waiting := s.wantStarts(p, 3, idsOf(all))
	s.control(store.Control{PauseLimit: store.Use{Limit: "api"}, PauseFor: 2 * time.Hour})
	s.minutes(60)
	s.wantTakes(p)
	s.minutes(60)
	waiting = s.wantStarts(p, 3, waiting)
	s.minutes(1)
	s.wantStarts(p, 1, waiting)
}

func rateState(s *scene) {
	s.limits(apiRate)
	p := s.join()
	s.inserts(jobs(5, under("api", "acme"))...)
	if k := s.key("api", "acme"); k.Held != 3 || k.Waiting != 2 {
		s.t.Errorf("key is %+v, want 3 that were let through and 2 that wait", k)
	}
	s.takesAll(p, "mail")
	k := s.key("api", "acme")
	if k.Held != 0 || k.Waiting != 2 {
		s.t.Errorf("key is %+v, want 2 that wait", k)
	}
	s.between("Next", k.Next, s.now().Add(50*time.Second), s.now().Add(time.Minute))
	s.minutes(60)
	s.takesAll(p, "mail")
	s.minutes(60)
	if k := s.key("api", "acme"); !k.Next.IsZero() {
		s.t.Errorf("the next start is at %v, though there is room", k.Next)
	}
}

func rateLook(s *scene) {
	s.limits(apiRate)
	if v := s.observed(); !v.Admit.IsZero() {
		s.t.Errorf("Admit is due at %v, though nothing waits", v.Admit)
	}
	s.inserts(jobs(5, under("api", "acme"))...)
	s.takesAll(s.join(), "mail")
	v := s.observed()
	s.between("View.Admit", v.Admit, v.Now.Add(50*time.Second), v.Now.Add(time.Minute))
	moved, more, err := s.Store.Admit(s.ctx(), 10)
	if err != nil || moved != 0 || more {
		s.t.Errorf("Admit = %d, %v, %v before its time", moved, more, err)
	}
	s.advance(2*time.Minute + time.Second)
	if v := s.observed(); v.Admit.IsZero() || v.Admit.After(v.Now) {
		s.t.Errorf("Admit is due at %v, at %v two jobs have room", v.Admit, v.Now)
	}
	moved, _, err = s.Store.Admit(s.ctx(), 10)
	if err != nil || moved != 2 {
		s.t.Errorf("Admit = %d, %v; want 2 let through", moved, err)
	}
}

// rateHistory lets jobs under a rate be inserted, claimed and put back as it comes, while time
// goes by.
func rateHistory(s *scene) {
	s.needs("Advance", s.Advance != nil)
	s.eachSeed(func(s *scene, r *rand.Rand) {
		h := &rated{scene: s, r: r, began: time.Now(), p: s.join()}
		h.limit = store.Limit{
			Name: "api", Max: 1 + r.IntN(10), Per: time.Duration(1+r.IntN(10)) * time.Minute, Burst: r.IntN(6),
		}
		s.limits(h.limit)
		if h.burst = h.limit.Burst; h.burst == 0 {
			h.burst = h.limit.Max
		}
		for range 40 {
			h.step()
			s.settle()
		}
		for i := 0; i < 300 && h.done < len(h.ids); i++ {
			h.passes(h.limit.Per)
			s.settle()
			h.claims()
			h.ends(false)
		}
		h.judge()
	})
}

// A rated is a history of one process and one rate.
type rated struct {
	*scene
	r      *rand.Rand
	limit  store.Limit
	burst  int
	p      store.ID
	ids    []store.ID
	done   int // of them
	held   []store.Claimed
	began  time.Time
	passed time.Duration // by Advance
	starts []span
}

// A span is between what times something happened.
type span struct{ from, to time.Duration }

func (h *rated) elapsed() time.Duration { return time.Since(h.began) + h.passed }

func (h *rated) passes(d time.Duration) {
	h.advance(d)
	h.passed += d
}

func (h *rated) step() {
	switch h.r.IntN(6) {
	case 0, 1:
		all := jobs(1+h.r.IntN(3), uses(store.Use{Limit: "api", Cost: h.r.IntN(3)}))
		h.inserts(all...)
		h.ids = append(h.ids, idsOf(all)...)
	case 2:
		h.passes(time.Duration(h.r.Int64N(int64(h.limit.Per))))
	case 3:
		h.ends(true)
	default:
		h.claims()
	}
}

func (h *rated) claims() {
	from := h.elapsed()
	got := append(h.takes(h.p, "mail", 10), h.claimParked(h.p, "mail", 10, "send")...)
	to := h.elapsed()
	for _, c := range got {
		for range min(c.Terms.Limits[0].Weight(), h.burst) {
			h.starts = append(h.starts, span{from, to})
		}
	}
	h.held = append(h.held, got...)
}

// ends ends what is held, or puts it back.
func (h *rated) ends(back bool) {
	for _, c := range h.held {
		how := 3
		if back {
			how = h.r.IntN(5)
		}
		switch how {
		case 0:
			h.must(h.Store.Release(h.ctx(), h.p, fences(c)))
		case 1:
			h.finish(h.p, retried(c, 0))
		case 2:
			h.must(h.Store.Park(h.ctx(), h.p, false, fences(c)))
		default:
			h.finish(h.p, completed(c))
			h.done++
		}
	}
	h.held = nil
}

func (h *rated) judge() {
	for i, first := range h.starts {
		for k, last := range h.starts[i:] {
			d := last.to - first.from + time.Millisecond
			if most := h.burst + int(int64(d)*int64(h.limit.Max)/int64(h.limit.Per)); k+1 > most {
				h.t.Fatalf("%+v: %d starts within %v, at most %d", h.limit, k+1, d, most)
			}
		}
	}
	for _, id := range h.ids {
		h.want(id, store.Completed)
	}
	h.wantKey("api", "", 0, 0)
}

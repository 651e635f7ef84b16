package storetest

import (
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/offloadhq/offload/store"
)

var scheduleLaws = []law{
	{"Schedule/Put", "schedules are listed by name, as they were given", schedulePut},
	{"Schedule/Again", "what a schedule has done stays when it is put again, and so does its next tick if it is the same", scheduleAgain},
	{"Schedule/Code", "a schedule made at run time wins over one of code, until it is dropped", scheduleCode},
	{"Schedule/Drop", "one that no program declares any more can be dropped, one that a program declares can not", scheduleDrop},
	{"Schedule/Pause", "a paused schedule does not tick, until its resume; one that is not there is an error", schedulePause},
	{"Tick/Due", "a schedule whose time has come is asked, and its jobs are stored with its next tick", tickDue},
	{"Tick/NotDue", "a schedule whose time has not come, or never comes, is not asked", tickNotDue},
	{"Tick/Undeclared", "a schedule of code ticks while programs declare it", tickUndeclared},
	{"Tick/PassedOver", "ticks that are passed over leave no trace but the next one", tickPassedOver},
	{"Tick/Several", "a tick may store several jobs; the last is the one that is shown", tickSeveral},
	{"Tick/Cancel", "jobs that a tick cancels have ended, or are signalled, when its own are stored", tickCancel},
	{"Tick/Error", "an error leaves its schedule as it is, and keeps no other from ticking", tickError},
	{"Tick/Max", "at most so many schedules tick in a call", tickMax},
	{"Tick/Unique", "a tick whose unique key is taken is taken, and shows the old job", tickUnique},
	{"Tick/Limit", "the jobs of a tick go through their limits", tickLimit},
	{"Tick/AtOnce", "processes that tick at the same time make one job of a tick", tickAtOnce},
	{"Take/Now", "a schedule can be taken at any time, also when it is paused", takeNow},
	{"Take/Unknown", "one that is not there can't", takeUnknown},
}

func (s *scene) put(all ...store.Schedule) {
	s.t.Helper()
	s.must(s.Store.PutSchedules(s.ctx(), all))
}

// schedule is a schedule that is there.
func (s *scene) schedule(name string) store.Schedule {
	s.t.Helper()
	found, err := s.Store.Schedules(s.ctx(), name)
	s.must(err)
	if len(found) != 1 || found[0].Name != name {
		s.t.Fatalf("Schedules of %q = %+v, want it alone", name, found)
	}
	return found[0]
}

// nightly is a schedule made at run time that ticks so much from now.
func (s *scene) nightly(in time.Duration) store.Schedule {
	s.t.Helper()
	return store.Schedule{Name: "nightly", Spec: []byte(`{"cron":"@daily"}`), Next: s.now().Add(in).Truncate(time.Millisecond)}
}

// daily takes a tick for one job, and is due again a day later.
func daily(_ time.Time, c store.Schedule) (store.Ticked, error) {
	n := aJob(func(n *store.NewJob) { terms(n).Schedule, terms(n).Tick = c.Name, c.Next })
	return store.Ticked{Next: c.Next.AddDate(0, 0, 1), Last: c.Next, Jobs: []store.NewJob{n}}, nil
}

// tick has schedules tick that are due, and wants so many to.
func (s *scene) tick(want int, tick func(time.Time, store.Schedule) (store.Ticked, error)) {
	s.t.Helper()
	took, err := s.Store.Tick(s.ctx(), 100, tick)
	s.must(err)
	if took != want {
		s.t.Errorf("%d schedules ticked, want %d", took, want)
	}
}

// noTick is for schedules that are not to be asked.
func (s *scene) noTick(_ time.Time, c store.Schedule) (store.Ticked, error) {
	s.t.Errorf("schedule %q was asked", c.Name)
	return store.Ticked{}, errors.New("asked for nothing")
}

// sent are the jobs of the queue of plain jobs, oldest first.
func (s *scene) sent() []store.Job {
	s.t.Helper()
	found := s.findAll(store.Filter{Queues: []string{"mail"}, Max: 1000})
	slices.Reverse(found)
	return found
}

func schedulePut(s *scene) {
	before := s.now()
	code := store.Schedule{Name: "code", Spec: []byte(`{"every":"1h"}`), InCode: true, Next: before.Add(time.Hour).Truncate(time.Millisecond)}
	s.put(s.nightly(time.Hour), code, store.Schedule{Name: "once", Spec: []byte("{}")})

	all, err := s.Store.Schedules(s.ctx())
	s.must(err)
	if len(all) != 3 || all[0].Name != "code" || all[1].Name != "nightly" || all[2].Name != "once" {
		s.t.Fatalf("schedules are %+v, want code, nightly and once", all)
	}
	c := all[0]
	if string(c.Spec) != string(code.Spec) || !c.InCode || c.Paused || !c.Last.IsZero() || !c.LastJob.IsZero() || c.LastState != "" {
		s.t.Errorf("schedule is %+v, want it as it was given", c)
	}
	s.same("Next", c.Next, code.Next)
	s.between("Declared", c.Declared, before, s.now())
	if c := all[1]; c.InCode || !c.Declared.IsZero() {
		s.t.Errorf("schedule is %+v, want one made at run time", c)
	}
	if c := s.schedule("once"); !c.Next.IsZero() {
		s.t.Errorf("Next is %v, want never", c.Next)
	}
	some, err := s.Store.Schedules(s.ctx(), "once", "unknown", "nightly")
	s.must(err)
	if len(some) != 2 || some[0].Name != "nightly" || some[1].Name != "once" {
		s.t.Errorf("schedules named are %+v, want nightly and once", some)
	}
}

func scheduleAgain(s *scene) {
	c := s.nightly(-time.Minute)
	s.put(c)
	s.tick(1, daily)
	s.control(store.Control{PauseSchedule: "nightly"})
	before := s.schedule("nightly")

	c.Next = c.Next.Add(time.Hour)
	s.put(c)

	after := s.schedule("nightly")
	s.same("Next", after.Next, before.Next)
	s.same("Last", after.Last, before.Last)
	if after.LastJob != before.LastJob || after.LastState != store.Available || !after.Paused {
		s.t.Errorf("schedule is %+v, was %+v", after, before)
	}
	c.Spec = []byte(`{"cron":"@weekly"}`)
	s.put(c)
	after = s.schedule("nightly")
	s.same("Next", after.Next, c.Next)
	s.same("Last", after.Last, before.Last)
	if string(after.Spec) != string(c.Spec) || !after.Paused || after.LastJob != before.LastJob {
		s.t.Errorf("schedule is %+v, want it changed and still paused", after)
	}
}

func scheduleCode(s *scene) {
	code := s.nightly(2 * time.Hour)
	code.InCode, code.Spec = true, []byte(`{"code":1}`)
	s.put(code)
	s.put(s.nightly(time.Hour))
	if c := s.schedule("nightly"); c.InCode || !c.Declared.IsZero() || string(c.Spec) == string(code.Spec) {
		s.t.Errorf("schedule is %+v, want the one made at run time", c)
	}
	s.put(code)
	if c := s.schedule("nightly"); c.InCode || string(c.Spec) == string(code.Spec) {
		s.t.Errorf("schedule is %+v, want the one made at run time to stay", c)
	}
	s.must(s.Store.DropSchedule(s.ctx(), "nightly"))
	s.put(code)
	if c := s.schedule("nightly"); !c.InCode || string(c.Spec) != string(code.Spec) {
		s.t.Errorf("schedule is %+v, want that of code", c)
	}
}

func scheduleDrop(s *scene) {
	code := store.Schedule{Name: "code", Spec: []byte("{}"), InCode: true, Next: s.now().Add(100 * time.Hour)}
	s.put(code, s.nightly(-time.Minute))
	s.tick(1, daily)
	for _, name := range []string{"unknown", "code"} {
		s.wantErr(s.Store.DropSchedule(s.ctx(), name), store.ErrNotFound)
	}
	s.must(s.Store.DropSchedule(s.ctx(), "nightly"))
	s.wantErr(s.Store.DropSchedule(s.ctx(), "nightly"), store.ErrNotFound)
	s.wantAll(1) // its job stays
	s.schedule("code")
	s.advance(store.DeclaredFor + time.Second)
	s.must(s.Store.DropSchedule(s.ctx(), "code"))
	if all, err := s.Store.Schedules(s.ctx()); err != nil || len(all) > 0 {
		s.t.Errorf("Schedules = %+v, %v; want none", all, err)
	}
}

func schedulePause(s *scene) {
	s.put(s.nightly(-time.Minute))
	s.control(store.Control{PauseSchedule: "nightly", Who: "ada"})
	if v := s.observed(); !v.Tick.IsZero() || !s.schedule("nightly").Paused {
		s.t.Errorf("Look wants a tick at %v of a paused schedule", v.Tick)
	}
	s.tick(0, s.noTick)
	s.control(store.Control{ResumeSchedule: "nightly", Who: "ada"})
	s.tick(1, daily)
	for _, c := range []store.Control{{PauseSchedule: "unknown", Who: "ada"}, {ResumeSchedule: "unknown", Who: "ada"}} {
		s.wantErr(s.Store.Control(s.ctx(), c), store.ErrNotFound)
	}
	r := s.records(s.now().Add(-time.Hour))
	if len(r) != 2 || !strings.Contains(r[0].What, "nightly") {
		s.t.Errorf("recorded are %+v, want pause and resume of nightly", r)
	}
}

func tickDue(s *scene) {
	c := s.nightly(time.Hour)
	s.put(c)
	s.same("View.Tick", s.observed().Tick, c.Next)
	s.advance(time.Hour + time.Second)
	c = s.schedule("nightly")
	before := s.now()
	var asked time.Time
	s.tick(1, func(now time.Time, given store.Schedule) (store.Ticked, error) {
		asked = now
		s.same("Next", given.Next, c.Next)
		if string(given.Spec) != string(c.Spec) || given.Name != "nightly" {
			s.t.Errorf("asked of %+v, want %+v", given, c)
		}
		return daily(now, given)
	})
	s.between("the time that it was asked at", asked, before, s.now())

	found := s.sent()
	if len(found) != 1 || found[0].State != store.Available || found[0].Terms.Schedule != "nightly" {
		s.t.Fatalf("jobs are %+v, want one of nightly", found)
	}
	s.between("CreatedAt", found[0].CreatedAt, before, s.now())
	s.same("Tick", found[0].Terms.Tick, c.Next)
	after := s.schedule("nightly")
	s.same("Next", after.Next, c.Next.AddDate(0, 0, 1))
	s.same("Last", after.Last, c.Next)
	if after.LastJob != found[0].ID || after.LastState != store.Available {
		s.t.Errorf("schedule is %+v, want its last job to be %s", after, found[0].ID)
	}
	s.tick(0, s.noTick)
	p := s.join()
	s.finish(p, completed(s.claimThis(p, found[0].ID)))
	if c := s.schedule("nightly"); c.LastState != store.Completed {
		s.t.Errorf("the last job is shown as %s", c.LastState)
	}
	s.act(store.Delete, found[0].ID)
	if c := s.schedule("nightly"); c.LastState != "" || c.LastJob != found[0].ID {
		s.t.Errorf("a job that is gone is shown as %s", c.LastState)
	}
}

func tickNotDue(s *scene) {
	s.put(s.nightly(time.Hour), store.Schedule{Name: "never", Spec: []byte("{}")})
	s.tick(0, s.noTick)
	s.advance(time.Hour + time.Second)
	s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := daily(now, c)
		t.Next = time.Time{} // its last one
		return t, err
	})
	s.advance(1000 * time.Hour)
	s.tick(0, s.noTick)
	if v := s.observed(); !v.Tick.IsZero() || !s.schedule("nightly").Next.IsZero() {
		s.t.Errorf("Look wants a tick at %v, though none is to come", v.Tick)
	}
}

func tickUndeclared(s *scene) {
	c := s.nightly(time.Minute)
	c.InCode = true
	s.put(c)
	s.advance(store.DeclaredFor + time.Second)
	s.tick(0, s.noTick)
	if v := s.observed(); !v.Tick.IsZero() {
		s.t.Errorf("Look wants a tick at %v of a schedule that no program declares", v.Tick)
	}
	s.put(c)
	s.tick(1, daily)
}

func tickPassedOver(s *scene) {
	s.put(s.nightly(-time.Minute))
	s.tick(1, daily)
	s.advance(24 * time.Hour)
	before := s.schedule("nightly")
	s.tick(1, func(_ time.Time, c store.Schedule) (store.Ticked, error) {
		if c.LastJob != before.LastJob || c.LastState != store.Available {
			s.t.Errorf("asked of %+v, want its last job to be known", c)
		}
		return store.Ticked{Next: c.Next.AddDate(0, 0, 1)}, nil
	})
	after := s.schedule("nightly")
	s.same("Next", after.Next, before.Next.AddDate(0, 0, 1))
	s.same("Last", after.Last, before.Last)
	if after.LastJob != before.LastJob {
		s.t.Errorf("last job is %v, want %v", after.LastJob, before.LastJob)
	}
	s.wantAll(1)
}

func tickSeveral(s *scene) {
	s.put(s.nightly(-time.Minute))
	all := jobs(5)
	s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := daily(now, c)
		t.Jobs = all
		return t, err
	})
	s.wantAll(5)
	if c := s.schedule("nightly"); c.LastJob != all[4].ID {
		s.t.Errorf("last job is %v, want %v", c.LastJob, all[4].ID)
	}
}

func tickCancel(s *scene) {
	p, c := s.running("mail")
	u := unique("k", store.UntilEnded, store.ConflictFail)
	waiting := s.enqueue(u, queue("other"))
	s.put(s.nightly(-time.Minute))
	n := aJob(u, queue("other"))
	s.tick(1, func(now time.Time, given store.Schedule) (store.Ticked, error) {
		t, err := daily(now, given)
		t.Cancel, t.Jobs = []store.ID{c.ID, waiting, store.NewID()}, []store.NewJob{n}
		return t, err
	})
	s.want(waiting, store.Cancelled)
	s.want(n.ID, store.Available)
	if v := s.look(p); !slices.Equal(v.Cancel, []store.ID{c.ID}) {
		s.t.Errorf("the process sees cancelled %v, want %v", v.Cancel, c.ID)
	}
}

func tickError(s *scene) {
	for _, name := range []string{"a", "b", "c"} {
		c := s.nightly(-time.Minute)
		c.Name = name
		s.put(c)
	}
	before := s.schedule("b")
	errNoZone := errors.New("no such zone")
	took, err := s.Store.Tick(s.ctx(), 100, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		if c.Name == "b" {
			return store.Ticked{}, errNoZone
		}
		return daily(now, c)
	})
	if took != 2 || !errors.Is(err, errNoZone) || !strings.Contains(fmt.Sprint(err), "b") {
		s.t.Errorf("Tick = %d, %v; want 2, and the error of b", took, err)
	}
	after := s.schedule("b")
	s.same("Next", after.Next, before.Next)
	if !after.Last.IsZero() || !after.LastJob.IsZero() {
		s.t.Errorf("schedule is %+v, want it as it was", after)
	}
	s.wantAll(2)
	s.tick(1, daily)
}

func tickMax(s *scene) {
	for i := range 10 {
		c := s.nightly(-time.Minute)
		c.Name = fmt.Sprint("s", i)
		s.put(c)
	}
	for _, want := range []int{4, 4, 2, 0} {
		took, err := s.Store.Tick(s.ctx(), 4, daily)
		s.must(err)
		if took != want {
			s.t.Errorf("%d schedules ticked, want %d", took, want)
		}
	}
	s.wantAll(10)
}

func tickUnique(s *scene) {
	for _, on := range []store.Conflict{store.ConflictKeep, store.ConflictFail} {
		old := s.enqueue(unique(string(on), store.UntilEnded, on))
		c := s.nightly(-time.Minute)
		c.Name = string(on)
		s.put(c)
		s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
			t, err := daily(now, c)
			t.Jobs = jobs(1, unique(string(on), store.UntilEnded, on))
			return t, err
		})
		if after := s.schedule(c.Name); after.LastJob != old || after.Last.IsZero() {
			s.t.Errorf("%s: schedule is %+v, want the tick to be taken, and job %s", on, after, old)
		}
	}
	s.wantAll(2)
}

func tickLimit(s *scene) {
	s.one("crm")
	first := s.let(under("crm", ""))
	s.put(s.nightly(-time.Minute))
	n := aJob(under("crm", ""))
	s.tick(1, func(now time.Time, c store.Schedule) (store.Ticked, error) {
		t, err := daily(now, c)
		t.Jobs = []store.NewJob{n}
		return t, err
	})
	p := s.join()
	c := s.takesThis(p, first)
	s.wantWaits(n.ID, "crm")
	s.finish(p, completed(c))
	s.takesThis(p, n.ID)
}

func tickAtOnce(s *scene) {
	stores := []*scene{s}
	if s.Another != nil {
		stores = append(stores, s.another())
	}
	const schedules, rounds, tickers = 30, 4, 10
	for i := range schedules {
		c := s.nightly(-time.Minute)
		c.Name = fmt.Sprint("s", i)
		s.put(c)
	}
	for range rounds {
		var took atomic.Int64
		together(tickers, func(i int) {
			s := stores[i%len(stores)]
			n, err := s.Store.Tick(s.ctx(), 100, func(now time.Time, c store.Schedule) (store.Ticked, error) {
				for range 1000 {
					runtime.Gosched() // let the others come in between
				}
				return daily(now, c)
			})
			if err != nil {
				s.t.Errorf("Tick: %v", err)
			}
			took.Add(int64(n))
		})
		n, err := s.Store.Tick(s.ctx(), 100, daily) // which all others may have passed over
		s.must(err)
		if took.Load()+int64(n) != schedules {
			s.t.Errorf("%d ticks were taken, want %d", took.Load()+int64(n), schedules)
		}
		s.advance(24 * time.Hour)
	}
	made := map[string]int{}
	for _, j := range s.sent() {
		made[j.Terms.Schedule]++
	}
	for name, n := range made {
		if n != rounds {
			s.t.Errorf("%d ticks of %s are %d jobs", rounds, name, n)
		}
	}
	s.wantAll(schedules * rounds)
}

func takeNow(s *scene) {
	s.put(s.nightly(time.Hour))
	s.control(store.Control{PauseSchedule: "nightly"})
	before := s.schedule("nightly")
	n := aJob()
	inserted, err := s.Store.Take(s.ctx(), "nightly", func(now time.Time, c store.Schedule) (store.Ticked, error) {
		return store.Ticked{Next: c.Next, Last: now, Jobs: []store.NewJob{n}}, nil
	})
	s.must(err)
	if !slices.Equal(inserted, []store.Inserted{{ID: n.ID}}) {
		s.t.Errorf("Take = %+v, want a new job", inserted)
	}
	after := s.schedule("nightly")
	s.same("Next", after.Next, before.Next)
	if after.LastJob != n.ID || !after.Paused || after.Last.IsZero() {
		s.t.Errorf("schedule is %+v, want the job that was taken, and a pause", after)
	}
	s.claimThis(s.join(), n.ID)
}

func takeUnknown(s *scene) {
	_, err := s.Store.Take(s.ctx(), "unknown", s.noTick)
	s.wantErr(err, store.ErrNotFound)
	s.put(s.nightly(time.Hour))
	errNo := errors.New("no")
	_, err = s.Store.Take(s.ctx(), "nightly", func(time.Time, store.Schedule) (store.Ticked, error) { return store.Ticked{}, errNo })
	s.wantErr(err, errNo)
	s.wantAll(0)
}

package storetest

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/offloadhq/offload/store"
)

var limitStateLaws = []law{
	{"Limit/Known", "limits that were made known are listed by name, as they were given last", limitKnown},
	{"Limit/Own", "limits that offload makes for itself are listed only when they are named", limitOwn},
	{"Limit/Forgotten", "a limit that no program has made known for long, and nobody changed, is listed only when named or while a job is under it, and holds all the same", limitForgotten},
	{"Limit/ByHand", "a person's change of a limit holds, whatever programs say, until it is reset", limitByHand},
	{"Limit/Lowered", "under a limit that was made smaller none is let through until enough have ended", limitLowered},
	{"Limit/Changed", "when a program makes known that a limit has more room, jobs are let through", limitChanged},
	{"Limit/Nameless", "a change of a limit that is not there is an error, and is not recorded", limitNameless},
	{"Limit/States", "a key shows what holds it and how many wait", limitStates},
	{"Limit/Keys", "a key of a limit or of a turn may be any text", limitKeys},
	{"Limit/Counts", "jobs that wait for a limit are counted as blocked", limitCounts},
	{"Limit/ManyKeys", "of very many keys those are listed for which most jobs wait", limitManyKeys},
}

func limitKnown(s *scene) {
	before := s.now()
	crm := store.Limit{Name: "crm", Max: 2}
	api := store.Limit{Name: "api", Max: 100, Per: time.Minute, Burst: 10, WhenFull: store.FullDrop}
	s.limits(crm, store.Limit{Name: "api", Max: 1})
	s.limits(api, store.Limit{Name: "seat", Max: 1, Strict: true})

	states, err := s.Store.Limits(s.ctx())
	s.must(err)
	if len(states) != 3 || states[0].Name != "api" || states[1].Name != "crm" || states[2].Name != "seat" {
		s.t.Fatalf("limits are %+v, want api, crm and seat", states)
	}
	for i, want := range []store.Limit{api, crm} {
		l := states[i]
		if l.Limit != want || l.Declared != want || l.ByHand || len(l.Keys) > 0 {
			s.t.Errorf("limit is %+v, want %+v as it was declared", l, want)
		}
		s.between("Seen", l.Seen, before, s.now())
	}
	states, err = s.Store.Limits(s.ctx(), "seat", "unknown")
	s.must(err)
	if len(states) != 1 || !states[0].Strict {
		s.t.Errorf("limits named are %+v, want seat alone", states)
	}
}

func limitForgotten(s *scene) {
	s.limits(store.Limit{Name: "busy", Max: 1}, store.Limit{Name: "dead", Max: 1}, store.Limit{Name: "hand", Max: 1}, store.Limit{Name: "used", Max: 1})
	s.control(store.Control{SetLimit: "hand", Max: 2})
	held := s.let(under("busy", "acme"))
	later := s.enqueue(under("dead", ""), delay(2*store.RetainTasks))
	listed := func(want ...string) {
		s.t.Helper()
		states, err := s.Store.Limits(s.ctx())
		s.must(err)
		var names []string
		for _, l := range states {
			names = append(names, l.Name)
		}
		if !slices.Equal(names, want) {
			s.t.Errorf("%v are listed, want %v", names, want)
		}
	}
	s.advance(store.RetainTasks - time.Hour)
	s.limits(store.Limit{Name: "used", Max: 1})
	s.prune(100)
	listed("busy", "dead", "hand", "used")
	s.advance(2 * time.Hour)
	s.prune(100)
	listed("busy", "hand", "used")
	p := s.join()
	s.finish(p, completed(s.takesThis(p, held)))
	s.control(store.Control{ResetLimit: "hand"})
	s.prune(100)
	listed("used")
	if states, err := s.Store.Limits(s.ctx(), "dead"); err != nil || len(states) != 1 || states[0].Max != 1 {
		s.t.Errorf("Limits of the one named = %+v, %v", states, err)
	}

	// What was enqueued long ago, or is by a schedule, goes by it still.
	s.advance(store.RetainTasks)
	s.takesThis(p, later)
	s.waits(under("dead", ""))
	listed("dead")
	s.limits(store.Limit{Name: "hand", Max: 1})
	listed("dead", "hand")
}

func limitOwn(s *scene) {
	s.one(store.OwnLimit + "behind")
	if states, err := s.Store.Limits(s.ctx()); err != nil || len(states) > 0 {
		s.t.Errorf("Limits = %+v, %v; want none", states, err)
	}
	s.let(under(store.OwnLimit+"behind", ""))
	s.waits(under(store.OwnLimit+"behind", ""))
	s.wantKey(store.OwnLimit+"behind", "", 1, 1)
}

func limitByHand(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 1})
	first := s.let(under("crm", "acme"))
	second, third := s.waits(under("crm", "acme")), s.waits(under("crm", "acme"))
	s.control(store.Control{SetLimit: "crm", Max: 2, Who: "ada"})
	s.settle()
	s.want(second, store.Available)
	s.want(third, store.Blocked)

	s.limits(store.Limit{Name: "crm", Max: 5})
	s.settle()
	if l := s.limit("crm"); l.Max != 2 || !l.ByHand || l.Declared.Max != 5 {
		s.t.Errorf("limit is %+v, want 2 by hand, 5 declared", l)
	}
	s.want(third, store.Blocked)
	s.control(store.Control{ResetLimit: "crm", Who: "ada"})
	s.settle()
	if l := s.limit("crm"); l.Max != 5 || l.ByHand {
		s.t.Errorf("limit is %+v after the reset, want 5", l)
	}
	s.wantTakes(s.join(), first, second, third)
	if n := len(s.records(s.now().Add(-time.Hour))); n != 2 {
		s.t.Errorf("%d acts are recorded, want 2", n)
	}
}

func limitLowered(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 3})
	p := s.join()
	a, b, c := s.let(under("crm", "")), s.let(under("crm", "")), s.let(under("crm", ""))
	running := s.wantTakes(p, a, b, c)
	next := s.waits(under("crm", ""))
	s.control(store.Control{SetLimit: "crm", Max: 1})
	for _, c := range running {
		s.settle()
		s.want(next, store.Blocked)
		s.finish(p, completed(c))
	}
	s.want(next, store.Available)
}

func limitChanged(s *scene) {
	s.one("crm")
	s.let(under("crm", "acme"))
	next := s.waits(under("crm", "acme"))
	s.one("crm")
	s.settle()
	s.want(next, store.Blocked)
	s.limits(store.Limit{Name: "crm", Max: 2})
	s.settle()
	s.want(next, store.Available)
}

func limitNameless(s *scene) {
	for _, c := range []store.Control{
		{SetLimit: "crm", Max: 3},
		{ResetLimit: "crm"},
		{PauseLimit: store.Use{Limit: "crm", Key: "acme"}, PauseFor: time.Minute},
		{SkipLimit: store.Use{Limit: "crm"}},
	} {
		c.Who = "ada"
		s.wantErr(s.Store.Control(s.ctx(), c), store.ErrNotFound)
	}
	if r := s.records(s.now().Add(-time.Hour)); len(r) > 0 {
		s.t.Errorf("recorded are %+v, want nothing", r)
	}
}

func limitStates(s *scene) {
	s.limits(store.Limit{Name: "crm", Max: 12}, store.Limit{Name: "disk", Max: 1})
	all := jobs(15, under("crm", "acme"))
	s.inserts(all...)
	s.inserts(jobs(2, under("crm", "other"))...)
	s.inserts(jobs(3, under("disk", "a"))...)
	s.takesAll(s.join(), "mail")

	l := s.limit("crm")
	if len(l.Keys) != 2 || l.Keys[0].Key != "acme" || l.Keys[1].Key != "other" {
		s.t.Fatalf("keys are %+v, want acme, for which more wait, and other", l.Keys)
	}
	k := l.Keys[0]
	if k.Held != 12 || k.Waiting != 3 || !k.Next.IsZero() || !k.Paused.IsZero() || !k.Stopped.IsZero() {
		s.t.Errorf("key is %+v, want 12 that hold it and 3 that wait", k)
	}
	if !slices.Equal(k.Holders, idsOf(all[:10])) {
		s.t.Errorf("holders are %v, want the ten oldest: %v", k.Holders, idsOf(all[:10]))
	}
}

func limitKeys(s *scene) {
	s.one("crm")
	long := strings.Repeat("k", store.MaxKey)
	texts := []string{"K", "k", "k ", "k\x1f1", "k'\"\\%_", "ключ", "\U0001F511", long, long[1:]}
	p := s.join()
	for _, text := range texts {
		through := s.let(under("crm", text), turn(text, 0))
		s.waits(under("crm", text), turn(text, 0))
		if c := s.takesThis(p, through); c.Terms.Limits[0].Key != text || c.Terms.Turn.Key != text {
			s.t.Errorf("claimed with terms %+v, want keys %q", c.Terms, text)
		}
	}
	for _, text := range texts {
		s.wantKey("crm", text, 1, 1)
	}
}

func limitCounts(s *scene) {
	s.one("crm")
	s.inserts(jobs(5, under("crm", ""))...)
	counts, err := s.Store.Counts(s.ctx())
	s.must(err)
	if counts[store.Blocked] != 4 || counts[store.Available] != 1 {
		s.t.Errorf("counts are %v, want one available and four blocked", counts)
	}
	if q := s.queues(0); len(q) != 1 || q[0].Counts[store.Blocked] != 4 {
		s.t.Errorf("queues are %+v, want four blocked", q)
	}
}

func limitManyKeys(s *scene) {
	s.one("crm")
	var all []store.NewJob
	for i := range store.MaxKeyStates + 30 {
		all = append(all, jobs(1, under("crm", fmt.Sprintf("key-%03d", i)))...)
	}
	for i := range 3 {
		all = append(all, jobs(3-i, under("crm", fmt.Sprintf("key-%03d", 120-i)))...)
	}
	s.inserts(all...)
	l := s.limit("crm")
	if len(l.Keys) != store.MaxKeyStates {
		s.t.Fatalf("%d keys are listed, want %d", len(l.Keys), store.MaxKeyStates)
	}
	for i := range 3 {
		if k := l.Keys[i]; k.Key != fmt.Sprintf("key-%03d", 120-i) || k.Waiting != 3-i {
			s.t.Errorf("key %d of the list is %+v, want those for which most wait first", i, k)
		}
	}
}
